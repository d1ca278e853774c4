"""From data to places: round ticks, equal decimals, linear and logarithmic scales."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from labctl.report.numbers import finites, fixed, scientific

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_WIDEST = 1e300
"""Beyond this the difference of two numbers may not be a number any more."""


class Scale(NamedTuple):
    """A stretch of data drawn between two places. ``ticks`` are (value, label)."""

    low: float
    high: float
    start: float
    end: float
    log: bool
    ticks: tuple[tuple[float, str], ...]

    def at(self, value: float) -> float:
        """The place of ``value``, held within the stretch."""
        low, high = self.low, self.high
        if self.log:
            value, low, high = math.log10(max(value, low)), math.log10(low), math.log10(high)
        share = (min(max(value, low), high) - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def holds(self, value: float | None) -> bool:
        """Whether ``value`` can be drawn: it is there, and above 0 on a logarithmic scale."""
        return value is not None and (value > 0 or not self.log)


def step_for(span: float, count: int) -> float:
    """The smallest round step (1, 2, 2.5, 5 x 10^n) that divides ``span`` in at most ``count``."""
    raw = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next((step * power for step in _STEPS if step * power >= raw * 0.999999), 10 * power)


def step_decimals(step: float) -> int:
    """How many decimals ticks of ``step`` need."""
    for decimals in range(10):
        if abs(step * 10**decimals - round(step * 10**decimals)) < 1e-6:
            return decimals
    return 10


def linear(
    values: Iterable[object],
    start: float,
    end: float,
    *,
    count: int = 5,
    zero: bool | None = None,
    tight: bool = False,
) -> Scale:
    """A linear scale around ``values``.

    ``zero``: begin at 0; None does so where the data reach near it. ``tight``: end at the data
    instead of at a tick.
    """
    numbers = [min(max(number, -_WIDEST), _WIDEST) for number in finites(values)] or [0.0, 1.0]
    low, high = min(numbers), max(numbers)
    if zero or (zero is None and ((0 < low < 0.6 * high) or (0.6 * low > high > low and high < 0))):
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-290):
        pad = abs(high) * 0.5 or 1.0
        low, high = (0.0, high * 2 or 1.0) if high > 0 and zero is not False else (low - pad, high + pad)
    step = step_for(high - low, count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if tight:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    else:
        low, high = first * step, last * step
    decimals = step_decimals(step)
    ticks = tuple((i * step, tick_label(i * step, step, decimals)) for i in range(first, last + 1))
    return Scale(low, high, start, end, False, ticks)


def tick_label(value: float, step: float, decimals: int) -> str:
    """A tick's label; very small and very large steps are written with a power of ten."""
    if value and (step >= 1e6 or step < 1e-5):
        return scientific(value, 3)
    return fixed(value, 0 if value == 0 and step < 1e-5 else decimals)


def logarithmic(values: Iterable[object], start: float, end: float, *, count: int = 5) -> Scale:
    """A logarithmic scale around the positive ``values``."""
    numbers = [number for number in finites(values) if number > 0] or [1.0, 10.0]
    low, high = max(min(numbers), 1e-300), min(max(max(numbers), 1e-299), _WIDEST)
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    if last <= first:
        last = first + 1
    if last - first <= 2:
        marks = [
            m * 10.0**p for p in range(first, last + 1) for m in ((1, 2, 5) if last - first == 1 else (1, 3))
        ]
        inner = [mark for mark in marks if 10.0**first <= mark <= 10.0**last * 1.0001]
        return Scale(10.0**first, 10.0**last, start, end, True, tuple((m, _power(m)) for m in inner))
    every = max(1, math.ceil((last - first) / count))
    powers = range(first, last + 1, every)
    return Scale(10.0**first, 10.0**last, start, end, True, tuple((10.0**p, _power(10.0**p)) for p in powers))


def _power(value: float) -> str:
    exponent = math.floor(math.log10(value) + 1e-9)
    if -4 <= exponent <= 4:
        return fixed(value, max(0, -exponent))
    return scientific(value, 1)


def push_apart(places: list[float], gap: float, low: float, high: float) -> list[float]:
    """``places`` moved as little as needed to lie ``gap`` apart within ``low`` and ``high``."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    out = list(places)
    floor = low
    for i in order:
        out[i] = max(out[i], floor)
        floor = out[i] + gap
    ceiling = high
    for i in reversed(order):
        out[i] = min(out[i], ceiling)
        ceiling = out[i] - gap
    return out
