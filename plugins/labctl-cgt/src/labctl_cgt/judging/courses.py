"""How readings run up to a collapse, beside those of healthy models at the same age."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labctl_cgt.judging.material import Row
from labctl_cgt.training.events import NEVER, Courses, Floats

BEFORE_EPOCHS = 4
QUARTILES = (0.25, 0.5, 0.75)


def course_bands(measured: Sequence[Row], found: Courses, checks_per_epoch: int) -> list[dict[str, Any]]:
    """Median and quartiles of each operator's readings, in epochs before the collapse.

    For every collapsing model and lag the healthy models are read at the same check: a reading that
    merely changes with age shows in both.
    """
    return [
        {"operator": row.operator, "indicator": row.name, "label": row.label, "mode": row.indicator["mode"],
         "unit": row.indicator["unit"], **_bands(row.readings, found, checks_per_epoch)}
        for row in measured
        if not row.baseline and row.readings is not None and row.status == "ok"
    ]  # fmt: skip


def _bands(readings: Floats, found: Courses, checks_per_epoch: int) -> dict[str, Any]:
    collapsing = np.flatnonzero(found.onset != NEVER)
    healthy = np.flatnonzero(~found.collapsed & (found.end == len(readings)))
    lags = list(range(-BEFORE_EPOCHS * checks_per_epoch, 1))
    own, other = [], []
    for lag in lags:
        at = found.onset[collapsing] + lag
        inside = (at >= 0) & (at < found.end[collapsing])
        own.append(_quartiles(readings[at[inside], collapsing[inside]]))
        other.append(_quartiles(readings[np.ix_(at[inside], healthy)].ravel()))
    return {
        "epochs": [lag / checks_per_epoch for lag in lags],
        "collapsing": own,
        "healthy": other,
        "n": [len(collapsing), len(healthy)],
    }


def _quartiles(values: Floats) -> list[float | None]:
    seen = values[np.isfinite(values)]
    if not len(seen):
        return [None, None, None]
    return [float(q) for q in np.quantile(seen, QUARTILES)]
