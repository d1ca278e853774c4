"""From a claim and the readings to evidence: the estimate, its interval, the best cheap baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl_cgt.judging import clusters
from labctl_cgt.judging.clusters import Estimate, Scores
from labctl_cgt.judging.logistic import FOLDS
from labctl_cgt.judging.material import Row
from labctl_cgt.judging.riskset import RiskSet
from labctl_cgt.training.events import NEVER, Floats, Ints

EARLY_EPOCHS = 2
LEAST_READINGS = 3  # a trend of two points is a coin


class Bench:
    """All that the claims of one family are judged with."""

    def __init__(
        self, risk: RiskSet, draws: Floats, fold: Ints, *, checks_per_epoch: int, baselines: Sequence[Row]
    ) -> None:
        self.risk = risk
        self.draws = draws
        self.fold = fold
        self.checks_per_epoch = checks_per_epoch
        self.baselines = [row for row in baselines if row.status == "ok" and row.readings is not None]

    def rows(self, row: Row) -> Scores:
        assert row.readings is not None
        return clusters.scores(row.readings, self.risk, high_warns=row.high_warns)

    def judge(self, claim: dict[str, Any], row: Row) -> dict[str, Any]:
        """Evidence for one claim, as plain data."""
        evidence: dict[str, Any] = {"prediction": claim["id"], "job": claim["job"]}
        barred = barred_by(claim, row)
        if barred:
            return evidence | barred
        made = self._metric(claim, row)
        estimate, n, events = made["estimate"], made["n"], made["events"]
        if not estimate.known:
            why = made["note"] or f"only {events} collapses among {n} models: no interval can be given"
            return evidence | {"status": "not judged", "note": _sentence(why), "n": n, "events": events}
        return evidence | {
            "status": "ok", "estimate": estimate.value, "low": estimate.low, "high": estimate.high,
            "n": n, "events": events, "baseline": made["baseline"], "note": _sentence(made["note"]),
        }  # fmt: skip

    def _metric(self, claim: dict[str, Any], row: Row) -> dict[str, Any]:
        metric = claim["metric"]
        if metric in ("falls", "rises"):
            return self._trend(row, up=metric == "rises")
        if metric == "early_peak":
            return self._early_peak(row)
        rows = self.rows(row)
        alarm = self._alarm(claim, row, rows)
        if metric == "auc":
            estimate = clusters.auc(rows, self.draws)
        elif metric == "recall":
            estimate = clusters.recall_at(rows, self.draws)
        elif metric == "balanced_accuracy":
            estimate = clusters.balanced_accuracy(rows, alarm, self.draws)
        elif metric == "precision":
            estimate = clusters.precision(rows, alarm, self.draws)
        else:
            raise ValueError(f"there is no metric {metric!r}")
        counted = alarm if metric == "precision" else np.ones_like(alarm)  # only alarms tell of precision
        n = len(np.unique(rows.model[counted]))
        events = len(np.unique(rows.model[counted & rows.soon]))
        best = self._best(lambda other: self._cheap(metric, other))
        note = f"base rate {100 * rows.soon.mean():.0f} %"
        if claim["alarm"] is not None:
            note = f"alarms in {100 * alarm.mean():.0f} % of checks; {note}"
        if metric == "precision" and not alarm.any():
            note = "no check met the rule, so there is nothing to judge"
        return {"estimate": estimate, "n": n, "events": events, "baseline": best, "note": note}

    def _alarm(self, claim: dict[str, Any], row: Row, rows: Scores) -> NDArray[np.bool_]:
        if claim["alarm"] is None:
            return np.zeros(len(rows.risk), dtype=bool)
        limit = float(claim["alarm"] if row.high_warns else -claim["alarm"])
        return np.asarray(rows.risk > limit)

    def _cheap(self, metric: str, other: Row) -> Estimate:
        """The metric of a baseline. Its threshold, never registered, is chosen without its own model."""
        rows = self.rows(other)
        if metric == "auc":
            return clusters.auc(rows, self.draws)
        if metric == "recall":
            return clusters.recall_at(rows, self.draws)
        if not rows.both:
            return clusters.auc(rows, self.draws)
        if metric == "precision":
            return clusters.precision(rows, rows.risk > clusters.threshold_at(rows), self.draws)
        return clusters.balanced_accuracy(rows, unseen_alarm(rows, self.fold), self.draws)

    def _best(self, measure: Any) -> dict[str, Any] | None:
        found = [(row.label, measure(row)) for row in self.baselines]
        known = [(label, e) for label, e in found if e.known]
        if not known:
            return None
        label, best = max(known, key=lambda pair: pair[1].value)
        return {"name": label, "estimate": best.value, "low": best.low, "high": best.high}

    def _trend(self, row: Row, *, up: bool) -> dict[str, Any]:
        """The control is not another signal, which may do what it likes, but the models that stay healthy."""
        assert row.readings is not None
        models, yes = self._moving(row.readings, up=up)
        return {
            "estimate": clusters.share(yes, models, self.draws), "n": len(models), "events": len(models),
            "baseline": self._healthy_moving(row.readings, up=up), "note": "",
        }  # fmt: skip

    def _moving(self, readings: Floats, *, up: bool) -> tuple[Ints, NDArray[np.bool_]]:
        """Collapsing models with enough readings up to the collapse, and whether these move that way."""
        onset = self.risk.courses.onset
        models, moves = [], []
        for model in np.flatnonzero(onset != NEVER):
            slope = self._slope(readings[:, model], int(onset[model]))
            if slope is not None:
                models.append(model)
                moves.append(slope > 0 if up else slope < 0)
        return np.asarray(models, dtype=np.int64), np.asarray(moves, dtype=bool)

    def _healthy_moving(self, readings: Floats, *, up: bool) -> dict[str, Any] | None:
        """The same share among models that never collapse, at the checks at which others do."""
        courses = self.risk.courses
        healthy = self._healthy(readings)
        shares = []
        for model in healthy:
            slopes = [self._slope(readings[:, model], int(at)) for at in courses.onset[courses.collapsed]]
            shares.append(np.mean([s > 0 if up else s < 0 for s in slopes if s is not None]))
        return _control(clusters.share(np.asarray(shares), healthy, self.draws))

    def _healthy(self, readings: Floats) -> Ints:
        courses = self.risk.courses
        whole = courses.end == len(readings)
        return np.intersect1d(np.flatnonzero(~courses.collapsed & whole), self.risk.models)

    def _slope(self, series: Floats, onset: int) -> float | None:
        """Theil-Sen slope over the horizon that ends with the onset."""
        part = series[max(0, onset - self.risk.horizon) : onset + 1]
        at = np.flatnonzero(np.isfinite(part))
        if len(at) < LEAST_READINGS:
            return None
        i, j = np.triu_indices(len(at), 1)
        return float(np.median((part[at[j]] - part[at[i]]) / (at[j] - at[i])))

    def _early_peak(self, row: Row) -> dict[str, Any]:
        assert row.readings is not None
        courses = self.risk.courses
        last = EARLY_EPOCHS * self.checks_per_epoch
        late = np.flatnonzero((courses.onset != NEVER) & (courses.onset > last))
        yes = np.asarray(
            [self._peaks_early(row.readings[: courses.onset[m] + 1, m]) for m in late], dtype=bool
        )
        estimate = clusters.share(yes, late, self.draws)
        healthy = self._healthy(row.readings)
        same = np.asarray([self._peaks_early(row.readings[:, m]) for m in healthy], dtype=bool)
        control = _control(clusters.share(same, healthy, self.draws))
        return {"estimate": estimate, "n": len(late), "events": len(late), "baseline": control, "note": ""}

    def _peaks_early(self, series: Floats) -> bool:
        if not np.isfinite(series).any():
            return False
        peak = int(np.nanargmax(series))
        early = self.checks_per_epoch <= peak <= EARLY_EPOCHS * self.checks_per_epoch
        return early and bool(series[peak] > series[0]) and bool(series[peak] > series[-1])


def barred_by(claim: dict[str, Any], row: Row) -> dict[str, str]:
    """What keeps a claim from being judged whatever the models do; empty if nothing does."""
    if row.status == "degenerate":
        return {"status": "degenerate", "note": _sentence(row.note)}
    if claim["untestable"]:
        return {"status": "untestable", "note": claim["untestable"]}
    if row.readings is None or row.status != "ok":
        return {"status": "not judged", "note": _sentence(row.note or row.status)}
    return {}


def unseen_alarm(rows: Scores, fold: Ints) -> NDArray[np.bool_]:
    """Alarms at the threshold that balances best on the other folds of models."""
    alarm = np.zeros(len(rows.risk), dtype=bool)
    for held in range(FOLDS):
        test = fold[rows.model] == held
        soon, risk = rows.soon[~test], rows.risk[~test]
        if soon.any() and not soon.all():
            alarm[test] = rows.risk[test] > _youden(risk, soon)
    return alarm


def _youden(risk: Floats, soon: NDArray[np.bool_]) -> float:
    """The threshold with the largest sum of sensitivity and specificity."""
    order = np.argsort(-risk, kind="stable")
    hit, false = np.cumsum(soon[order]) / soon.sum(), np.cumsum(~soon[order]) / (~soon).sum()
    at = int(np.argmax(hit - false))
    below = risk[order][at + 1] if at + 1 < len(order) else risk[order][at] - 1.0
    return float((risk[order][at] + below) / 2)


def _control(estimate: Estimate) -> dict[str, Any] | None:
    if not estimate.known:
        return None
    return {"name": "healthy models", "estimate": estimate.value, "low": estimate.low, "high": estimate.high}


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if not text or text.endswith(".") else ".")
