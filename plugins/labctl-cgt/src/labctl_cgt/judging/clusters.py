"""Estimates on checks with intervals over models: checks of one model are not independent.

Every interval is the 2.5 to 97.5 % range over resamples of whole models. A statistic is written as sums
over models (or pairs of models), so that a resample is a vector of weights and never a copy of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl_cgt.judging.riskset import RiskSet
from labctl_cgt.training.events import Floats, Ints

RESAMPLES = 1000
FALSE_ALARMS = 0.05


@dataclass(frozen=True)
class Estimate:
    """A value, its 95 % interval, and the resampled values it comes from (NaN where undefined)."""

    value: float
    low: float
    high: float
    resampled: Floats

    @property
    def known(self) -> bool:
        return bool(np.isfinite(self.value) and np.isfinite(self.low) and np.isfinite(self.high))


@dataclass(frozen=True)
class Scores:
    """The scored checks of an indicator as rows: risk (high warns), model ``0..M-1``, soon or not."""

    risk: Floats
    model: Ints
    soon: NDArray[np.bool_]
    models: int

    @property
    def both(self) -> bool:
        """Are there checks of both kinds?"""
        return bool(self.soon.any() and not self.soon.all())


def scores(readings: Floats, risk: RiskSet, *, high_warns: bool) -> Scores:
    """The rows of ``readings [C, M]`` that are scored and are numbers."""
    use = risk.scored & np.isfinite(readings)
    check, model = np.nonzero(use)
    value = readings[check, model]
    return Scores(
        risk=value if high_warns else -value,
        model=model,
        soon=risk.soon[check, model],
        models=readings.shape[1],
    )


def weights(models: Ints, total: int, rng: np.random.Generator, resamples: int = RESAMPLES) -> Floats:
    """How often each of ``total`` models is drawn, ``[resamples, total]``, from those in ``models``."""
    drawn = rng.multinomial(len(models), np.full(len(models), 1.0 / len(models)), size=resamples)
    out = np.zeros((resamples, total))
    out[:, models] = drawn
    return out


def auc(rows: Scores, draws: Floats) -> Estimate:
    """Chance that a check before a collapse looks riskier than another; ties count half."""
    if not rows.both:
        return _unknown(len(draws))
    wins, before, other = _pair_wins(rows)

    def of(w: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            pairs = (w @ before) * (w @ other)
            return np.asarray(np.where(pairs > 0, ((w @ wins) * w).sum(axis=-1) / pairs, np.nan))

    return _estimate(float(of(np.ones((1, rows.models)))[0]), of(draws))


def _pair_wins(rows: Scores) -> tuple[Floats, Floats, Floats]:
    """Wins ``[M, M]`` of model i's checks before a collapse over model j's others, and both counts."""
    order = np.argsort(rows.model, kind="stable")
    risk, model, soon = rows.risk[order], rows.model[order], rows.soon[order]
    pos, neg = risk[soon], risk[~soon]
    pos_model, neg_model = model[soon], model[~soon]
    first = np.flatnonzero(np.r_[True, neg_model[1:] != neg_model[:-1]])
    above = (pos[:, None] > neg[None, :]) + 0.5 * (pos[:, None] == neg[None, :])
    by_other = np.add.reduceat(above, first, axis=1)
    wins = np.zeros((rows.models, rows.models))
    columns = np.zeros((rows.models, len(first)))
    np.add.at(columns, pos_model, by_other)
    wins[:, neg_model[first]] = columns
    before = np.bincount(pos_model, minlength=rows.models).astype(float)
    other = np.bincount(neg_model, minlength=rows.models).astype(float)
    return wins, before, other


def recall_at(rows: Scores, draws: Floats, false_alarms: float = FALSE_ALARMS) -> Estimate:
    """Share of the checks before a collapse above the threshold that at most ``false_alarms`` of the
    others exceed. The threshold is found anew in every resample."""
    if not rows.both:
        return _unknown(len(draws))
    neg = np.flatnonzero(~rows.soon)
    neg = neg[np.argsort(-rows.risk[neg], kind="stable")]
    pos = np.flatnonzero(rows.soon)

    def of(w: Floats) -> Floats:
        total = np.cumsum(w[:, rows.model[neg]], axis=1)
        over = total > false_alarms * total[:, -1:]
        limit = rows.risk[neg][np.argmax(over, axis=1)]
        mass = w[:, rows.model[pos]]
        hit = (mass * (rows.risk[pos][None, :] > limit[:, None])).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(total[:, -1] > 0, hit / mass.sum(axis=1), np.nan))

    return _estimate(float(of(np.ones((1, rows.models)))[0]), of(draws))


def threshold_at(rows: Scores, false_alarms: float = FALSE_ALARMS) -> float:
    """The risk that at most ``false_alarms`` of the checks that are not before a collapse exceed."""
    other = np.sort(rows.risk[~rows.soon])[::-1]
    return float(other[min(int(false_alarms * len(other)), len(other) - 1)])


def balanced_accuracy(rows: Scores, alarm: NDArray[np.bool_], draws: Floats) -> Estimate:
    """Mean of the shares of both kinds of checks that ``alarm`` gets right."""
    if not rows.both:
        return _unknown(len(draws))
    caught = _per_model(rows, rows.soon & alarm), _per_model(rows, rows.soon)
    quiet = _per_model(rows, ~rows.soon & ~alarm), _per_model(rows, ~rows.soon)

    def of(w: Floats) -> Floats:
        return (_ratio(w, *caught) + _ratio(w, *quiet)) / 2

    return _estimate(float(of(np.ones((1, rows.models)))[0]), of(draws))


def precision(rows: Scores, alarm: NDArray[np.bool_], draws: Floats) -> Estimate:
    """Share of the alarms that a collapse follows."""
    right, raised = _per_model(rows, rows.soon & alarm), _per_model(rows, alarm)
    if not raised.sum():
        return _unknown(len(draws))
    found = _estimate(float(right.sum() / raised.sum()), _ratio(draws, right, raised))
    if found.low < found.high:
        return found
    # All or none of them right: the models that alarmed are then the units, each yes or no.
    return Estimate(found.value, *wilson(found.value, int((raised > 0).sum())), found.resampled)


def share(yes: NDArray[Any], models: Ints, draws: Floats) -> Estimate:
    """Mean over ``models`` of ``yes`` (0 to 1, aligned with ``models``).

    For yes or no the interval is Wilson's: of 0 out of 20 resampling would make the interval 0 to 0.
    """
    if not len(models):
        return _unknown(len(draws))
    weight = draws[:, models]
    with np.errstate(invalid="ignore", divide="ignore"):
        resampled = (weight * yes).sum(axis=1) / weight.sum(axis=1)
    if yes.dtype == bool:
        return Estimate(float(yes.mean()), *wilson(float(yes.mean()), len(models)), resampled)
    return _estimate(float(yes.mean()), resampled)


def wilson(p: float, n: int) -> tuple[float, float]:
    """95 % interval of a share ``p`` of ``n`` (Wilson 1927)."""
    z = 1.959964
    centre, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, (centre - half) / (1 + z * z / n)), min(1.0, (centre + half) / (1 + z * z / n))


def difference(a: Estimate, b: Estimate) -> Estimate:
    """a - b over the same resamples: their common noise cancels."""
    return _estimate(a.value - b.value, a.resampled - b.resampled)


def _per_model(rows: Scores, which: NDArray[np.bool_]) -> Floats:
    return np.bincount(rows.model[which], minlength=rows.models).astype(float)


def _ratio(w: Floats, part: Floats, whole: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((w @ part) / (w @ whole))


def _estimate(value: float, resampled: Floats) -> Estimate:
    seen = resampled[np.isfinite(resampled)]
    if not len(seen):
        return Estimate(value, float("nan"), float("nan"), resampled)
    low, high = np.quantile(seen, (0.025, 0.975))
    return Estimate(value, float(low), float(high), resampled)


def _unknown(resamples: int) -> Estimate:
    return Estimate(float("nan"), float("nan"), float("nan"), np.full(resamples, np.nan))
