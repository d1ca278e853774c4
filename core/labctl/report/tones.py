"""Roles that data may name, and what stands for them. Anything else is drawn plain."""

from __future__ import annotations

from typing import get_args

from labctl.model.charts import Tone

_TONES = frozenset(get_args(Tone))
LOUD = frozenset({"own", "warm", "cool", "good", "bad"})
"""Tones that are drawn full and whose labels are bold; the others step back."""


def tone_of(tone: object) -> str:
    """``tone`` if it is one, else ``plain``: it becomes part of a class name."""
    return tone if isinstance(tone, str) and tone in _TONES else "plain"
