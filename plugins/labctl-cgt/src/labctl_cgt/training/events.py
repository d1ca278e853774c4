"""When did a model collapse? The two definitions, fixed before any indicator was looked at.

*Prediction collapse*: the smaller class recall is below 0.1 for 2 checks in a row, after it had once
been 0.5 or more (a model that never learned cannot collapse). It happens at the first of the two.

*Representation collapse*: the effective rank of the centred embeddings is below 10 % of its own peak
so far.

Divergence (a parameter that is not finite) is a competing event: it ends the observation of a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["prediction", "representation"]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEARNED = 0.5
LOST = 0.1
CHECKS_IN_A_ROW = 2
SHARE_OF_PEAK = 0.1
GAP = 0.4
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Courses:
    """What became of M models over C checks.

    ``onset``: check of the collapse, NEVER if there was none; ``entry``: first check at risk, NEVER for
    models that never were; ``end``: checks observed (all, or up to the divergence); ``known``: checks of
    which it is known whether the collapse began there (2 in a row take one more); ``severity [C, M]``:
    the number the event is defined on, low is bad.
    """

    onset: Ints
    entry: Ints
    end: Ints
    known: Ints
    severity: Floats

    @property
    def collapsed(self) -> NDArray[np.bool_]:
        return np.asarray(self.onset != NEVER)

    def at_risk(self) -> NDArray[np.bool_]:
        """``[C, M]``: observed, once healthy, not yet collapsed."""
        check = np.arange(len(self.severity))[:, None]
        return np.asarray((check >= self.entry) & (check < self.onset) & (check < self.end))


def courses(kind: Kind, outcome: Mapping[str, NDArray[Any]], alive: NDArray[np.bool_]) -> Courses:
    """Courses by the main definition of a kind. ``outcome``: ``[C, M]`` by name; ``alive [C, M]``."""
    if kind == "prediction":
        low = np.minimum(outcome["recall_0"], outcome["recall_1"]).astype(np.float64)
        return _course(low, healthy=low >= LEARNED, lost=low < LOST, alive=alive, in_a_row=CHECKS_IN_A_ROW)
    rank = np.asarray(outcome["effective_rank"], dtype=np.float64)
    peak = np.maximum.accumulate(np.nan_to_num(rank, nan=0.0), axis=0)
    share = np.divide(rank, peak, out=np.full_like(rank, np.nan), where=peak > 0)
    return _course(share, healthy=share > SHARE_OF_PEAK, lost=share < SHARE_OF_PEAK, alive=alive, in_a_row=1)


def gap_courses(outcome: Mapping[str, NDArray[Any]], alive: NDArray[np.bool_]) -> Courses:
    """Courses by the source's own event: class accuracies at least 0.4 apart, in one check."""
    gap = np.abs(outcome["recall_0"] - outcome["recall_1"]).astype(np.float64)
    low = np.minimum(outcome["recall_0"], outcome["recall_1"])
    healthy = (low >= LEARNED) & (gap < GAP)
    return _course(1.0 - gap, healthy=healthy, lost=gap >= GAP, alive=alive, in_a_row=1)


def _course(
    severity: Floats,
    *,
    healthy: NDArray[np.bool_],
    lost: NDArray[np.bool_],
    alive: NDArray[np.bool_],
    in_a_row: int,
) -> Courses:
    checks = len(severity)
    end = _first(~alive, default=checks)
    entry = _first(healthy, default=NEVER)
    observed = np.arange(checks)[:, None]
    bad = lost & (observed > entry) & (observed < end)
    run = bad.copy()
    for shift in range(1, in_a_row):
        run[:-shift] &= bad[shift:]
        run[-shift:] = False
    onset = _first(run, default=NEVER)
    return Courses(onset=onset, entry=entry, end=end, known=end - (in_a_row - 1), severity=severity)


def _first(mask: NDArray[np.bool_], *, default: int) -> Ints:
    found = np.argmax(mask, axis=0)
    return np.where(mask.any(axis=0), found, default).astype(np.int64)
