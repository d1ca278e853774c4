"""Which checks are scored, and which of them a warning should have met."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl_cgt.training.events import NEVER, Courses, Floats, Ints

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class RiskSet:
    """Scored checks of M models over C checks, both masks ``[C, M]``; ``soon`` is within ``scored``.

    Scored is a check of a model that is at risk, whose next ``horizon`` checks are known or hold the
    collapse, and that no shock awaits within them: of that nothing could know yet. A divergence ends the
    observation and is censored like the end of the training.
    """

    scored: Mask
    soon: Mask
    horizon: int
    courses: Courses

    @property
    def models(self) -> Ints:
        """Indices of the models with at least one scored check."""
        return np.flatnonzero(self.scored.any(axis=0))

    @property
    def events(self) -> int:
        """Models with at least one check before a collapse that is scored."""
        return int(self.soon.any(axis=0).sum())


def risk_set(courses: Courses, horizon: int, shock_check: Floats) -> RiskSet:
    """The scored checks. ``shock_check [M]``: when each model's shock begins, in checks; infinite
    for none."""
    check = np.arange(len(courses.severity))[:, None]
    ahead = np.where(courses.onset == NEVER, np.inf, courses.onset)[None, :] - check
    soon = (ahead > 0) & (ahead <= horizon)
    known = check + horizon < courses.known[None, :]
    awaited = (shock_check[None, :] > check) & (shock_check[None, :] <= check + horizon)
    scored = courses.at_risk() & (known | soon) & ~awaited
    return RiskSet(scored=scored, soon=soon & scored, horizon=horizon, courses=courses)
