"""Verdicts: made by the host, from the evidence and the rule that was registered."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import msgspec

from labctl.model.plan import Prediction
from labctl.model.results import Evidence, Outcome, Verdict

ALPHA = 0.05


def judge(
    predictions: Iterable[Prediction],
    evidence: Mapping[str, Evidence],
    *,
    post_hoc: Mapping[str, bool],
    missing: Mapping[str, str],
    families: Mapping[str, int] | None = None,
) -> tuple[Verdict, ...]:
    """One verdict for each prediction, in order.

    ``post_hoc``: ids whose results are older than their registration. ``missing``: why there is no
    evidence for an id. Within a family the p-values are adjusted (Holm 1979) and a claim whose
    adjusted p is above 0.05, or that brought none, is at most inconclusive. ``families``: how many
    claims each family has in the whole plan; those that were not run count as p = 1.
    """
    listed = list(predictions)
    adjusted = _families(listed, evidence, families or {})
    found: list[Verdict] = []
    for prediction in listed:
        brought = evidence.get(prediction.id)
        p = adjusted.get(prediction.id)
        outcome, reason = verdict_of(prediction, brought, p)
        if brought is None:
            reason = missing.get(prediction.id, reason)
        found.append(
            Verdict(
                prediction=prediction,
                outcome=outcome,
                evidence=brought,
                reason=reason,
                post_hoc=post_hoc.get(prediction.id, False),
                baseline_better=_baseline_better(prediction, brought),
                p_adjusted=p,
            )
        )
    return tuple(found)


def verdict_of(
    prediction: Prediction, evidence: Evidence | None, p_adjusted: float | None = None
) -> tuple[Outcome, str]:
    """The outcome by the registered rule, and a reason where there is one to give."""
    if evidence is None:
        return "not judged", "no evidence was brought for it"
    if evidence.status != "ok":
        return evidence.status, evidence.note
    low, high, estimate = evidence.low, evidence.high, evidence.estimate
    if estimate is None or low is None or high is None:
        return "not judged", evidence.note or "the evidence has no interval"
    if not all(map(math.isfinite, (low, high, estimate))) or not low <= estimate <= high:
        return "not judged", f"the evidence is no interval: {estimate} [{low}, {high}]"
    if evidence.n < prediction.min_n:
        return "inconclusive", f"n is {evidence.n}; {prediction.min_n} were registered as the least"
    need = needed(prediction)
    holds = [_holds(prediction.op, value, need) for value in (low, high)]
    if all(holds):
        if prediction.family and p_adjusted is None:
            return "inconclusive", f"its family {prediction.family} is adjusted, and it brought no p-value"
        if p_adjusted is not None and p_adjusted > ALPHA:
            return "inconclusive", f"p = {p_adjusted:.3g} after adjustment in its family"
        return "supported", ""
    return ("inconclusive", "") if any(holds) else ("refuted", "")


def needed(prediction: Prediction) -> float:
    """The threshold with the margin given to the claim."""
    sign = -1.0 if prediction.op in (">", ">=") else 1.0
    return prediction.threshold + sign * prediction.margin


def _holds(op: str, value: float, need: float) -> bool:
    if op == ">":
        return value > need
    if op == ">=":
        return value >= need
    return value < need if op == "<" else value <= need


def _families(
    predictions: list[Prediction], evidence: Mapping[str, Evidence], sizes: Mapping[str, int]
) -> dict[str, float]:
    listed: dict[str, int] = {}
    for prediction in predictions:
        if prediction.family:
            listed[prediction.family] = listed.get(prediction.family, 0) + 1
    members: dict[str, list[tuple[float, str]]] = {}
    for prediction in predictions:
        brought = evidence.get(prediction.id)
        if prediction.family and brought is not None and brought.status == "ok" and brought.p is not None:
            members.setdefault(prediction.family, []).append((brought.p, prediction.id))
    adjusted: dict[str, float] = {}
    for family, pairs in members.items():
        size = max(sizes.get(family, 0), listed[family])
        largest = 0.0
        for rank, (p, name) in enumerate(sorted(pairs)):
            largest = max(largest, min(1.0, p * (size - rank)))
            adjusted[name] = largest
    return adjusted


def _baseline_better(prediction: Prediction, evidence: Evidence | None) -> bool:
    if evidence is None or evidence.baseline is None or evidence.estimate is None:
        return False
    difference = evidence.baseline.estimate - evidence.estimate
    return difference > 0 if prediction.op in (">", ">=") else difference < 0


def counts(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """How many verdicts there are of each outcome, in the order of the outcomes' weight."""
    listed = list(verdicts)
    order = ("supported", "refuted", "inconclusive", "untestable", "degenerate", "not judged")
    tally = {outcome: sum(v.outcome == outcome for v in listed) for outcome in order}
    return {outcome: number for outcome, number in tally.items() if number}


def encoded(verdicts: Iterable[Verdict]) -> list[dict[str, object]]:
    return [msgspec.to_builtins(verdict) for verdict in verdicts]
