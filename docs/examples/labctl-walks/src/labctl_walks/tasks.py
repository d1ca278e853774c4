"""The work of the project walks: what workers import. Heavy imports belong here."""

from __future__ import annotations

import json
import math
import random
from typing import Any

from labctl.api import JobContext


def walk(job: JobContext, *, steps: int, walkers: int, drift: float) -> dict[str, Any]:
    """Let ``walkers`` walk ``steps`` steps of +1 or -1, and keep where each of them ends."""
    source = random.Random(job.seed)
    right = (1 + drift) / 2
    ends = []
    for walker in range(walkers):
        ends.append(sum(1 if source.random() < right else -1 for _ in range(steps)))
        job.progress(walker + 1, walkers, "walker")
    if not any(ends):
        raise ValueError(f"nobody moved in {steps} steps, so the distance has no logarithm")
    job.artifact("ends.json").write_text(json.dumps(ends))
    return {"steps": steps, "distance": distance(ends)}


def fit(job: JobContext, *, resamples: int) -> dict[str, Any]:
    """The exponent of distance over steps, with a 95 % bootstrap interval over walkers."""
    walks = []
    for result in job.inputs("walks"):
        ends = json.loads(result.path("ends.json").read_text())
        walks.append((result.value["steps"], ends))
    source = random.Random(job.seed)
    draws = sorted(
        exponent([(steps, distance(source.choices(ends, k=len(ends)))) for steps, ends in walks])
        for _ in range(resamples)
    )
    return {
        "exponent": exponent([(steps, distance(ends)) for steps, ends in walks]),
        "low": draws[round(0.025 * (resamples - 1))],
        "high": draws[round(0.975 * (resamples - 1))],
        "walkers": min(len(ends) for _, ends in walks),
    }


def distance(ends: list[int]) -> float:
    """Root mean square distance from the start."""
    return math.sqrt(sum(end * end for end in ends) / len(ends))


def exponent(points: list[tuple[int, float]]) -> float:
    """Slope of log distance over log steps, by least squares."""
    x = [math.log(steps) for steps, _ in points]
    y = [math.log(far) for _, far in points]
    middle = sum(x) / len(x)
    return sum((a - middle) * b for a, b in zip(x, y, strict=True)) / sum((a - middle) ** 2 for a in x)
