"""``--gpu --cpu --memory --timeout --retries``: the user's word over the plugin's environments."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from labctl.errors import UsageError
from labctl.model.machine import Environment

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|min|h)?")
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*(MiB|GiB|M|G)?", re.IGNORECASE)
_SECONDS = {None: 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """``90``, ``90s``, ``45m`` or ``1.5h`` in seconds. Raises ValueError."""
    found = _DURATION.fullmatch(text.strip())
    if not found or float(found[1]) <= 0:
        raise ValueError(f"{text!r} is no duration; write 90s, 45m or 2h")
    return float(found[1]) * _SECONDS[found[2]]


def mebibytes(text: str) -> int:
    """``2048``, ``512MiB`` or ``8GiB`` in MiB. Raises ValueError."""
    found = _MEMORY.fullmatch(text.strip())
    if not found or float(found[1]) <= 0:
        raise ValueError(f"{text!r} is no amount of memory; write 2048, 512MiB or 8GiB")
    factor = 1024 if (found[2] or "M").upper().startswith("G") else 1
    return round(float(found[1]) * factor)


def cores(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 10_000:
        raise ValueError(f"{text!r} is no number of cores")
    return value


def attempts(text: str) -> int:
    if not text.strip().isdigit() or int(text) > 100:
        raise ValueError(f"{text!r} is no number of retries (0 to 100)")
    return int(text)


def gpu(text: str) -> str | None:
    name = text.strip()
    if not name:
        raise ValueError("no GPU is named; 'none' takes it away")
    return None if name == "none" else name


FIELDS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "gpu": ("gpu", gpu),
    "cpu": ("cpu", cores),
    "memory": ("memory_mib", mebibytes),
    "timeout": ("timeout", seconds),
    "retries": ("retries", attempts),
}


def override(
    environments: Iterable[Environment], options: Mapping[str, Iterable[str]]
) -> dict[str, Environment]:
    """The environments by name, with ``{"gpu": ["L40S", "train=A100"]}`` applied.

    A bare value is for all environments, ``NAME=VALUE`` for one, which wins. Raises UsageError.
    """
    found = {environment.name: environment for environment in environments}
    mistakes: list[str] = []
    for option, texts in options.items():
        field, parse = FIELDS[option]
        parts = [part for text in texts for part in text.split(",")]
        for part in sorted(parts, key=lambda p: "=" in p):
            name, equals, value = part.partition("=")
            try:
                parsed = parse(value if equals else part)
            except ValueError as error:
                mistakes.append(f"--{option} {part}: {error}")
                continue
            if equals and name not in found:
                near = difflib.get_close_matches(name, found, 1, 0.5)
                also = (
                    f"did you mean --{option} {near[0]}={value}?"
                    if near
                    else f"there are: {', '.join(found)}"
                )
                mistakes.append(f"--{option} {part}: there is no environment {name}; {also}")
                continue
            for key in [name] if equals else list(found):
                found[key] = msgspec.structs.replace(found[key], **{field: parsed})
    if mistakes:
        raise UsageError(mistakes[0], details=[*mistakes[1:], "nothing was started"])
    return found
