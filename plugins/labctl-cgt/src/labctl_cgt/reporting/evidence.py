"""Evidence for every registered claim, also for those that nobody could judge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labctl.api import Baseline, Evidence, Prediction, Results


def all_evidence(
    predictions: Iterable[Prediction], judged: Iterable[dict[str, Any]], results: Results
) -> list[tuple[Evidence, str]]:
    """Evidence with the operator it belongs to, one for each prediction, in the order of the plan.

    ``predictions`` are those of the whole plan; the ones whose jobs were left out of this run are not ours
    to mention.
    """
    found = {item["prediction"]: item for value in judged for item in value["evidence"]}
    out = []
    for prediction in predictions:
        if not all(job in results for job in prediction.jobs):
            continue
        owner = prediction.jobs[0].partition("/")[0]
        if prediction.id in found:
            out.append((_evidence(found[prediction.id]), owner))
        else:
            failed = [job for job in prediction.jobs if not results[job].ok]
            note = (
                f"{failed[0]}: {results[failed[0]].error or results[failed[0]].state}"
                if failed
                else "no data"
            )
            out.append((Evidence(prediction=prediction.id, status="not judged", note=note), owner))
    return out


def _evidence(item: dict[str, Any]) -> Evidence:
    baseline = item.get("baseline")
    return Evidence(
        prediction=item["prediction"],
        estimate=item.get("estimate"),
        low=item.get("low"),
        high=item.get("high"),
        n=item.get("n", 0),
        events=item.get("events"),
        baseline=Baseline(**baseline) if baseline else None,
        status=item["status"],
        note=item.get("note", ""),
    )
