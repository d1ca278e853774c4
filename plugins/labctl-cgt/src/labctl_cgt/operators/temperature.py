"""Operator 1: the Conway temperature of the game between WHY and WHAT.

*legacy*, as the source has it: Left and Right score K reconstructions of the same batch x by
s = -mean((what(why(x)) - x)^2), T = max(0, (max s_Left - min s_Right) / 2). Both sides call the same
deterministic function, so T is 0 for every model.

*sound*: two different sets of options. Left perturbs the input before WHY, Right perturbs the abstraction
before WHAT, each K times; s is the cosine of reconstruction and target, in [-1, 1]. Per input
T = (E[best of m Left] - E[worst of m Right]) / 2 by U-statistics, not clipped: below 0 the game is cold.
Noise is relative to the spread of what it perturbs, so the scale of inputs or weights cancels.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from labctl_cgt.measuring.shard import Reading, Shard, View
from labctl_cgt.monitors.physics import q_neural
from labctl_cgt.operators.orderstats import DRAWS, expected_best, expected_worst

PERTURBATION = 0.5
"""Sd of the perturbation over the sd of what is perturbed: that of the views in self-supervision."""

AT_ONCE = 5  # models: 5 x 20 draws x 200 inputs of 24 numbers fit the cache
NORMAL_95 = 1.96
TINY = 1e-8


def temperature(
    shard: Shard, *, num_samples: int, num_test_batches: int, threshold: float
) -> dict[str, Reading]:
    """Temperatures in both modes. ``legacy`` is ``[checks, models]`` means over the test batches."""
    legacy, sound, error, extra = [], [], [], []
    size = shard.probe.x.shape[1]
    draws_of = _common_draws(shard, num_samples)
    for view in shard.views():
        # The source draws K times at one state of the model; so does the last check here. Elsewhere two
        # calls per side tell whether the function is deterministic at all.
        draws = num_samples if view.check == shard.checks - 1 else 2
        legacy.append(legacy_temperature(view, draws, num_test_batches))
        parts = []
        for start in range(0, shard.models, AT_ONCE):
            part = view.rows(slice(start, start + AT_ONCE))
            left, right = (noise[: len(part.theta)] for noise in draws_of)
            parts.append(sound_temperature(part, left, right))
        per_input = torch.cat(parts)
        sound.append(_or_nan(per_input.mean(1), view.alive))
        error.append(per_input.std(1) / size**0.5)
        extra.append(q_neural(view))
    value, half = torch.stack(sound), NORMAL_95 * torch.stack(error)
    still = torch.stack(legacy)
    same = not bool(still.nan_to_num(nan=0.0).any())
    note = "Left and Right score the same deterministic output, so every reading is 0" if same else ""
    found = {
        "legacy": Reading(still, status="degenerate" if note else "ok", note=note),
        "sound": Reading(
            value, value - half, value + half,
            diagnostics={"draws": num_samples, "best_of": min(DRAWS, num_samples),
                         "perturbation": PERTURBATION, "batches": num_test_batches},
        ),
    }  # fmt: skip
    if all(q is not None for q in extra):
        found["q_neural"] = Reading(torch.stack([q for q in extra if q is not None]))
    return found


def _common_draws(shard: Shard, draws: int) -> tuple[Tensor, Tensor]:
    """Standard normal noise ``[AT_ONCE, K, N, D]`` of Left and ``[AT_ONCE, K, N, Z]`` of Right, the same at
    every check: what is common to two checks is no difference between them."""
    models, size, inputs = shard.probe.x.shape
    with torch.no_grad():
        theta = torch.zeros(models, shard.family.layout.size, device=shard.probe.x.device)
        abstract = shard.family.why(theta, shard.settings, shard.probe.x).shape[2]
    left, right = shard.generator(0), shard.generator(1)
    return (
        torch.randn(AT_ONCE, draws, size, inputs, generator=left).to(shard.probe.x.device),
        torch.randn(AT_ONCE, draws, size, abstract, generator=right).to(shard.probe.x.device),
    )


def legacy_temperature(view: View, draws: int, batches: int) -> Tensor:
    """The source's formula, mean over ``batches`` of the probe, ``[M]``."""
    target = view.target()

    def scores() -> Tensor:
        error = (view.what(view.why(view.probe.x)) - target).square().mean(-1)
        return -error.view(len(error), batches, -1).mean(-1)

    left = torch.stack([scores() for _ in range(draws)])
    right = torch.stack([scores() for _ in range(draws)])
    per_batch = ((left.amax(0) - right.amin(0)) / 2).clamp_min(0.0)
    return _or_nan(per_batch.mean(-1), view.alive)


def sound_temperature(view: View, left: Tensor, right: Tensor) -> Tensor:
    """The sound temperature per input, ``[M, N]``, from the noise of both players ``[M, K, N, ...]``."""
    x, z = view.probe.x, view.why(view.probe.x)
    target = normalize(view.target(), dim=-1)
    why_options = view.why((x[:, None] + PERTURBATION * x.std(1, keepdim=True)[:, None] * left).flatten(1, 2))
    what_options = (z[:, None] + PERTURBATION * z.std(1, keepdim=True)[:, None] * right).flatten(1, 2)
    m = min(DRAWS, left.shape[1])
    best = expected_best(_cosine(view.what(why_options), target), m)
    worst = expected_worst(_cosine(view.what(what_options), target), m)
    return (best - worst) / 2


def _cosine(made: Tensor, target: Tensor) -> Tensor:
    """Cosines ``[M, N, K]`` of ``made [M, K * N, D]`` and unit vectors ``target [M, N, D]``."""
    models, size, width = target.shape
    made = made.view(models, -1, size, width)
    along = torch.einsum("mknd,mnd->mnk", made, target)
    found: Tensor = along / made.norm(dim=-1).clamp_min(TINY).movedim(1, -1)
    return found


def temperature_summary(
    values: dict[str, Tensor], predictions: dict[str, list[str]], *, num_samples: int,
    num_test_batches: int, threshold: float,
) -> dict[str, Any]:  # fmt: skip
    """The source's keys, at the end of the training; ``sound`` beside them."""
    final = {name: value[-1][value[-1].isfinite()] for name, value in values.items()}
    q = float(final["q_neural"].median()) if "q_neural" in final and len(final["q_neural"]) else None
    legacy, sound = _statistics(final["legacy"]), _statistics(final["sound"])
    return {
        "statistics": legacy,
        "baseline_comparison": _agreement(legacy, q, threshold),
        "predictions_tested": predictions.get("legacy", []),
        "sound": {
            "statistics": sound,
            "baseline_comparison": _agreement(sound, q, threshold),
            "predictions_tested": predictions.get("sound", []),
        },
    }


def _statistics(final: Tensor) -> dict[str, float | None]:
    if not len(final):
        return dict.fromkeys(("mean_temperature", "std_temperature", "min_temperature", "max_temperature"))
    return {
        "mean_temperature": float(final.mean()),
        "std_temperature": float(final.std(correction=0)),
        "min_temperature": float(final.min()),
        "max_temperature": float(final.max()),
    }


def _agreement(statistics: dict[str, float | None], q: float | None, threshold: float) -> dict[str, Any]:
    mean = statistics["mean_temperature"]
    by_q = None if q is None else q >= 1.0
    by_t = None if mean is None else mean >= threshold
    return {
        "q_neural": q,
        "q_neural_stable": by_q,
        "cgt_stable": by_t,
        "agreement": None if by_q is None or by_t is None else by_q == by_t,
    }


def _or_nan(value: Tensor, alive: Tensor) -> Tensor:
    return torch.where(alive, value, torch.nan)
