"""One encoder for everything that is digested: keys, registrations, seals.

Two encoders that print a float differently would give one job two keys.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from labctl.model.sha import sha256

_SAFE = frozenset({str, int, bool, type(None)})
_ENCODER = msgspec.json.Encoder(order="sorted")


def canonical(value: Any) -> bytes:
    """``value`` as JSON with sorted keys and no space.

    Structs are encoded by field. Raises ValueError for NaN and infinity, which msgspec would turn
    into ``null``, and TypeError for what JSON has not.
    """
    plain = msgspec.to_builtins(value, order="sorted", enc_hook=_refuse)
    _check(plain)
    return _ENCODER.encode(plain)


def digest(value: Any) -> str:
    """sha256 of ``canonical(value)``, 64 hexadecimal digits."""
    digested: str = sha256(canonical(value)).hexdigest()
    return digested


def derive_seed(seed: int, *names: str) -> int:
    """A seed of 63 bits from ``seed`` and names; a further name moves no other one's seed."""
    return int(digest(["labctl-seed-1", seed, *names])[:16], 16) >> 1


def _refuse(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _check(value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} has no JSON form")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"a key must be text, not {type(key).__name__}")
            if type(item) not in _SAFE:
                _check(item)
    elif isinstance(value, list):
        for item in value:
            if type(item) not in _SAFE:
                _check(item)
