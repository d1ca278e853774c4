"""Where two values of JSON first differ."""

from __future__ import annotations

from typing import Any


def first_difference(one: Any, other: Any, path: str = "") -> str:
    """``jobs[2].params.seed  8113 != 5570``; empty if they are equal."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            inner = f"{path}.{key}" if path else str(key)
            if key not in one or key not in other:
                return f"{inner}  is only in one of them"
            if found := first_difference(one[key], other[key], inner):
                return found
        return ""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        for index, (a, b) in enumerate(zip(one, other, strict=False)):
            if found := first_difference(a, b, f"{path}[{index}]"):
                return found
        return "" if len(one) == len(other) else f"{path}  {len(one)} != {len(other)} items"
    # By their text: NaN is not equal to itself, and 1 is equal to True.
    return "" if repr(one) == repr(other) else f"{path}  {_short(one)} != {_short(other)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
