"""The job that judges one family: who collapsed, who warned, and what the claims turned out to be."""

from __future__ import annotations

from typing import Any

import numpy as np

from labctl.api import JobContext
from labctl_cgt.judging import clusters
from labctl_cgt.judging.claims import Bench, barred_by
from labctl_cgt.judging.clusters import Estimate
from labctl_cgt.judging.courses import course_bands
from labctl_cgt.judging.logistic import folds, unseen_risk
from labctl_cgt.judging.material import Row, Trained, rows, trained
from labctl_cgt.judging.riskset import RiskSet, risk_set
from labctl_cgt.training.events import NEVER, Courses, Floats, Ints, courses, gap_courses

HYPER = {
    "name": "hyper_parameters", "label": "hyper-parameters", "risk": "high", "mode": "",
    "role": "baseline", "unit": "", "needs": [],
}  # fmt: skip
SENSITIVITY_RESAMPLES = 400


def judge(
    job: JobContext,
    *,
    subject: str,
    event: str,
    horizon: int,
    checks_per_epoch: int,
    steps_per_check: int,
    claims: list[dict[str, Any]],
    expected: dict[str, list[dict[str, Any]]],
    skips: list[dict[str, Any]],
) -> dict[str, Any]:
    """Everything the report says about a family, as JSON: counts, rows, evidence, courses, sensitivity."""
    lost = [f"{r.id}: {r.error or r.state}" for role in job.roles for r in job.inputs(role) if not r.ok]
    models = trained(job.inputs("train"))
    base = {"subject": subject, "event": event, "horizon": horizon, "checks_per_epoch": checks_per_epoch,
            "lost": lost}  # fmt: skip
    if models is None:
        return {**base, "models": 0, "rows": [], "evidence": []}
    rng = np.random.default_rng(job.seed)
    found = courses("prediction" if event == "prediction" else "representation", models.outcome,
                    models.outcome["alive"])  # fmt: skip
    risk = risk_set(found, horizon, models.outcome["shock_start"] / steps_per_check)
    fold = folds(models.models, rng)
    measured = rows(job.inputs("readings") if "readings" in job.roles else (), expected, models)
    measured.append(hyper_row(models, risk, fold))
    result = {**base, **_counts(models, found, risk)}
    if not risk.events:
        return {**result, "rows": [_bare(row) for row in measured] + _skipped(skips),
                "evidence": _nothing_to_judge(claims, measured, found)}  # fmt: skip
    draws = clusters.weights(risk.models, models.models, rng)
    bench = Bench(risk, draws, fold, checks_per_epoch=checks_per_epoch,
                  baselines=[row for row in measured if row.baseline])  # fmt: skip
    job.progress(1, 4, "compared")
    scored = {id(row): _scored(row, bench) for row in measured}
    job.progress(2, 4, "claims")
    return {
        **result,
        "rows": [_described(row, scored[id(row)]) for row in measured] + _skipped(skips),
        "evidence": _judged(claims, measured, bench),
        "differences": _differences(measured, scored),
        "courses": course_bands(measured, found, checks_per_epoch),
        "sensitivity": _sensitivity(event, models, measured, risk, steps_per_check, rng),
    }


def hyper_row(models: Trained, risk: RiskSet, fold: Ints) -> Row:
    """What the settings alone foretell: a logistic fit on other models, the same at all checks of one."""
    check, model = np.nonzero(risk.scored)
    soon = risk.soon[check, model]
    features = _features(models)
    out = np.full(risk.scored.shape, np.nan)
    if soon.any() and len(check):
        out[check, model] = unseen_risk(features[model], model.astype(np.int64), soon, fold)
    status = "ok" if np.isfinite(out).any() else "failed"
    return Row("settings", "", dict(HYPER), out, status, "" if status == "ok" else "no collapse to fit")


def _features(models: Trained) -> Floats:
    """The settings, rates on a logarithmic scale."""
    columns = [
        np.log(column) if name.endswith(".lr") else column
        for name, column in zip(models.hyper_names, models.hyper.T, strict=True)
    ]
    return np.stack(columns, axis=1)


def _scored(row: Row, bench: Bench) -> dict[str, Estimate] | None:
    if row.readings is None or row.status != "ok":
        return None
    rows_ = bench.rows(row)
    return {"auc": clusters.auc(rows_, bench.draws), "recall": clusters.recall_at(rows_, bench.draws)}


def _described(row: Row, scored: dict[str, Estimate] | None) -> dict[str, Any]:
    return _bare(row) | {name: _triple(e) for name, e in (scored or {}).items()}


def _bare(row: Row) -> dict[str, Any]:
    return {"operator": row.operator, "indicator": row.name, "label": row.label,
            "role": row.indicator["role"], "mode": row.indicator["mode"], "status": row.status,
            "note": row.note, "constant": _constant(row)}  # fmt: skip


def _constant(row: Row) -> float | None:
    """The one value of readings that do not vary."""
    over_all = row.indicator.get("over_all")
    return over_all["min"] if over_all and over_all["min"] == over_all["max"] else None


def _skipped(skips: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"operator": skip["operator"], "indicator": skip["indicator"]["name"],
         "label": skip["indicator"]["label"], "role": skip["indicator"]["role"],
         "mode": skip["indicator"]["mode"], "status": "skipped", "note": skip["reason"]}
        for skip in skips
    ]  # fmt: skip


def _triple(estimate: Estimate) -> list[float] | None:
    return [estimate.value, estimate.low, estimate.high] if estimate.known else None


def _counts(models: Trained, found: Courses, risk: RiskSet) -> dict[str, Any]:
    mechanism = models.mechanism
    return {
        "models": models.models,
        "collapsed": int(found.collapsed.sum()),
        "diverged": int((found.end < len(found.severity)).sum()),
        "never_at_risk": int((found.entry == NEVER).sum()),
        "warnable": risk.events,
        "scored_checks": int(risk.scored.sum()),
        "scored_models": len(risk.models),
        "soon_checks": int(risk.soon.sum()),
        "by_mechanism": {
            name: [int((mechanism == i).sum()), int(found.collapsed[mechanism == i].sum())]
            for i, name in enumerate(models.mechanisms)
            if (mechanism == i).any()
        },
    }


def _judged(claims: list[dict[str, Any]], measured: list[Row], bench: Bench) -> list[dict[str, Any]]:
    by_key = {(row.job, row.name): row for row in measured}
    # A claim whose operator was left out of this run (--only) has no row, and no evidence either.
    return [
        bench.judge(claim, by_key[claim["job"], claim["indicator"]])
        for claim in claims
        if (claim["job"], claim["indicator"]) in by_key
    ]


def _nothing_to_judge(
    claims: list[dict[str, Any]], measured: list[Row], found: Courses
) -> list[dict[str, Any]]:
    many = int(found.collapsed.sum())
    note = f"{many} models collapsed, and none of them at a check that could have warned."
    by_key = {(row.job, row.name): row for row in measured}
    return [
        {"prediction": claim["id"], "job": claim["job"]}
        | (barred_by(claim, row) or {"status": "not judged", "note": note})
        for claim in claims
        if (row := by_key.get((claim["job"], claim["indicator"])))
    ]


def _differences(measured: list[Row], scored: dict[int, dict[str, Estimate] | None]) -> list[dict[str, Any]]:
    """AUC and recall of every operator less those of the best cheap baseline, over the same resamples."""
    out = []
    for metric in ("auc", "recall"):
        cheap = [(row, s[metric]) for row in measured if row.baseline and (s := scored[id(row)])]
        cheap = [(row, e) for row, e in cheap if e.known]
        if not cheap:
            continue
        best, reference = max(cheap, key=lambda pair: pair[1].value)
        for row in measured:
            own = scored[id(row)]
            if not row.baseline and own and own[metric].known:
                delta = clusters.difference(own[metric], reference)
                out.append({"metric": metric, "operator": row.operator, "label": row.label,
                            "baseline": best.label, "difference": _triple(delta)})  # fmt: skip
    return out


def _sensitivity(
    event: str, models: Trained, measured: list[Row], risk: RiskSet, steps_per_check: int,
    rng: np.random.Generator,
) -> dict[str, Any] | None:  # fmt: skip
    """The same comparison under the source's own event, for families with classes."""
    if event != "prediction":
        return None
    other = gap_courses(models.outcome, models.outcome["alive"])
    gap = risk_set(other, risk.horizon, models.outcome["shock_start"] / steps_per_check)
    if not gap.events:
        return {"collapsed": int(other.collapsed.sum()), "rows": []}
    draws = clusters.weights(gap.models, models.models, rng, SENSITIVITY_RESAMPLES)
    found = []
    for row in measured:
        if row.readings is not None and row.status == "ok" and row.operator != "settings":
            made = clusters.auc(clusters.scores(row.readings, gap, high_warns=row.high_warns), draws)
            found.append({"label": row.label, "role": row.indicator["role"], "auc": _triple(made)})
    return {"collapsed": int(other.collapsed.sum()), "warnable": gap.events, "rows": found}
