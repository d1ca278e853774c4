"""What is worth doing next, with the command that does it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from labctl.api import Prediction, Results, Step
from labctl_cgt.operators.reach import reach
from labctl_cgt.parameters import Options

HEADROOM = 3  # what hinges usually reach is the threshold, three times: not every step goes the same way
MOST_MODELS = 20_000  # beyond this the advice is not worth its price


def next_steps(
    options: Options, results: Results, judged: list[dict[str, Any]], predictions: Iterable[Prediction]
) -> tuple[Step, ...]:
    """At most three steps, the most urgent first."""
    by_id = {prediction.id: prediction for prediction in predictions}
    evidence = [item for found in judged for item in found["evidence"]]
    steps = [*_failed(results), *_undecided(options, evidence, by_id), *_untestable(options, evidence)]
    if len(steps) < 3 and options.num_samples < 100:
        steps.append(
            Step("Read every model with the source's thorough settings.", "labctl run cgt --preset thorough")
        )
    return tuple(steps[:3])


def _failed(results: Results) -> Iterator[Step]:
    failed = [r for r in results.values() if r.state in ("failed", "timed out")]
    if failed:
        yield Step(
            f"Read why {failed[0].id} failed, then run it again: what succeeded comes from the cache.",
            "labctl run cgt",
        )


def _undecided(
    options: Options, evidence: list[dict[str, Any]], by_id: dict[str, Prediction]
) -> Iterator[Step]:
    """More models for a claim whose interval holds its threshold: its width shrinks with their root."""
    for item in evidence:
        prediction = by_id.get(item["prediction"])
        if prediction is None or item["status"] != "ok":
            continue
        value, low, high, needed = item["estimate"], item["low"], item["high"], prediction.threshold
        if not low <= needed <= high or value == needed:
            continue
        factor = ((high - low) / 2 / abs(value - needed)) ** 2
        models = round(options.num_models * max(1.5, factor * 1.2), -1)
        if models <= MOST_MODELS:
            yield Step(
                f"Settle {prediction.id}: its interval needs about {models / options.num_models:.1f} times"
                " as many models.",
                f"labctl run cgt --num-models {models:.0f}",
            )
            return


def _untestable(options: Options, evidence: list[dict[str, Any]]) -> Iterator[Step]:
    """Faster hinges for P2.1, where it cannot happen or did not."""
    idle = [item for item in evidence if item["status"] in ("untestable", "not judged")]
    if any(item["prediction"].startswith("P2.1") for item in idle):
        usual = reach(1e-6, options.steps_per_epoch).usual / 1e-6
        lr = HEADROOM * abs(options.cooling_threshold) / usual
        if lr > options.hinge_lr:
            yield Step(
                f"Make P2.1 testable: raise the hinges' learning rate {lr / options.hinge_lr:.0f}-fold.",
                f"labctl run cgt --hinge-lr {lr:.1g}",
            )
