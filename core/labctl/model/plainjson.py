"""Is what a job returned JSON, and small enough? One walk that names every offence by its path."""

from __future__ import annotations

import math
from typing import Any

import msgspec

LIMIT = 64 * 1024
DEPTH = 100
SHOWN = 8


class BadResult(Exception):
    """A job returned what cannot be kept. The message lists the places."""


def offences(value: Any, path: str) -> list[str]:
    """What in a value is no JSON, each with its path and the cure."""
    found: list[str] = []
    _walk(value, path, found, 0)
    return found


def checked(value: Any) -> Any:
    """``value`` if it is JSON of at most 64 KiB. Raises BadResult with every offence and the cure."""
    found = offences(value, "value")
    if found:
        more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        raise BadResult("what the job returned is not JSON: " + "; ".join(found[:SHOWN] + more))
    try:
        size = len(msgspec.json.encode(value))
    except (UnicodeEncodeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise BadResult(f"what the job returned is not JSON: {error}") from None
    if size > LIMIT:
        raise BadResult(
            f"what the job returned is {size:,} bytes of JSON, at most {LIMIT:,} are kept;"
            " write the rest to job.artifact(name)"
        )
    return value


def _walk(value: Any, path: str, found: list[str], depth: int) -> None:
    if depth > DEPTH:
        found.append(f"{path[:60]}...: nested deeper than {DEPTH}")
        return
    kind = type(value)
    if value is None or kind in (bool, str):
        return
    if kind is int:
        if not -(2**63) <= value < 2**64:
            found.append(f"{path}: an integer of more than 64 bits; return it as text")
    elif kind is float:
        if not math.isfinite(value):
            found.append(f"{path}: {value}; use None for a missing number")
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                found.append(f"{path}: key {key!r:.40} is {_name(key)}; use str(key)")
            else:
                _walk(item, f"{path}.{key}", found, depth + 1)
    elif kind in (list, tuple):
        for index, item in enumerate(value):
            _walk(item, f"{path}[{index}]", found, depth + 1)
    else:
        found.append(f"{path}: {_name(value)}; {_cure(value)}")


def _name(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _cure(value: Any) -> str:
    if hasattr(value, "tolist"):
        return "use float(x) or x.tolist()"
    if isinstance(value, (set, frozenset)):
        return "use sorted(x)"
    if isinstance(value, bytes):
        return "write it to job.artifact(name)"
    return "return text, numbers, lists and dicts"
