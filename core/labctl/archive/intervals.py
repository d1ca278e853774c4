"""Differences of means with 95 % intervals by Student's t, with the standard library alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Difference(NamedTuple):
    """A mean difference. ``low``, ``high``: its 95 % interval, None where n is below two."""

    n: int
    mean: float
    low: float | None
    high: float | None


def paired(first: Sequence[float], second: Sequence[float]) -> Difference:
    """The mean of ``second - first``, pair by pair."""
    found = [b - a for a, b in zip(first, second, strict=True)]
    mean, n = _mean(found), len(found)
    if n < 2:
        return Difference(n, mean, None, None)
    return _around(n, mean, math.sqrt(_variance(found) / n), n - 1)


def unpaired(first: Sequence[float], second: Sequence[float]) -> Difference:
    """The difference of two means of independent samples (Welch 1947). ``n`` is the smaller sample's."""
    n, mean = min(len(first), len(second)), _mean(second) - _mean(first)
    if n < 2:
        return Difference(n, mean, None, None)
    a, b = _variance(first) / len(first), _variance(second) / len(second)
    if a + b == 0:
        return Difference(n, mean, mean, mean)
    freedom = (a + b) ** 2 / (a**2 / (len(first) - 1) + b**2 / (len(second) - 1))
    return _around(n, mean, math.sqrt(a + b), freedom)


def t_quantile(p: float, freedom: float) -> float:
    """The ``p`` quantile of Student's t, 0.5 <= p < 1, to nine digits."""
    low, high = 0.0, 1.0
    while _t_below(high, freedom) < p:
        low, high = high, high * 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if _t_below(middle, freedom) < p else (low, middle)
    return (low + high) / 2


def _around(n: int, mean: float, error: float, freedom: float) -> Difference:
    half = t_quantile(0.975, freedom) * error
    return Difference(n, mean, mean - half, mean + half)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _t_below(t: float, freedom: float) -> float:
    return 1 - 0.5 * _beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction where that converges fast."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    scale = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    # Evaluated from its tail: 400 terms are far more than any freedom below a million needs here.
    fraction = 1.0
    for m in range(400, 0, -1):
        k, odd = divmod(m, 2)
        if odd:
            term = -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1))
        else:
            term = k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k))
        fraction = 1 + term / fraction
    return scale / (a * fraction)
