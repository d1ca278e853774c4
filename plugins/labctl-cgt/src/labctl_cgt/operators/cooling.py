"""Operator 2: how fast the hinges cool.

*legacy*, as the source has it: channels are averaged first, T = |a - 1/2| + |b - 1/2| with a, b the mean
hinges, in [0, 1]; rate = T now less T one epoch ago. Opposite channels cancel in a and b.

*sound*: a hinge is the switch {1/2 + |alpha - 1/2| | 1/2 - |beta - 1/2|}, whose temperature is half of
|alpha - 1/2| + |beta - 1/2|; the mean is taken over channels after the absolute values, and the
rate is the Theil-Sen slope over the last 5 epochs, per epoch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from labctl_cgt.measuring.shard import Reading, Shard
from labctl_cgt.measuring.trends import theil_sen

WINDOW_EPOCHS = 5
FROZEN = 0.1
"""Temperature at which the source calls a model collapsed."""


def cooling(shard: Shard, *, threshold: float, hinge_lr: float) -> dict[str, Reading]:
    """Hinge temperatures and their rates per epoch in both modes, ``[checks, models]``."""
    before, after, alive = [], [], []
    for view in shard.views():
        hinges = view.family.hinges(view.theta)
        if hinges is None:
            raise ValueError(f"{view.family.name} has no hinges")
        before.append(legacy_temperature(*hinges))
        after.append(hinge_temperature(*hinges))
        alive.append(view.alive)
    mask = torch.stack(alive)
    legacy, sound = (torch.where(mask, torch.stack(t), torch.nan) for t in (before, after))
    rate = torch.full_like(legacy, torch.nan)
    step = shard.checks_per_epoch
    rate[step:] = legacy[step:] - legacy[:-step]
    slope = theil_sen(sound, WINDOW_EPOCHS * step) * step
    norm = shard.steps_per_epoch * hinge_lr
    diagnostics = {
        "rate_norm": _middle(slope[-1] / (sound[0] * norm)),
        "epochs_to_freeze": _freeze(sound, slope),
    }
    return {
        "legacy": Reading(rate),
        "sound": Reading(slope, diagnostics=diagnostics),
        "legacy_temperature": Reading(legacy),
        "sound_temperature": Reading(sound),
    }


def legacy_temperature(alpha: Tensor, beta: Tensor) -> Tensor:
    """|mean alpha - 1/2| + |mean beta - 1/2| of hinges ``[M, channels]``."""
    return (alpha.mean(1) - 0.5).abs() + (beta.mean(1) - 0.5).abs()


def hinge_temperature(alpha: Tensor, beta: Tensor) -> Tensor:
    """mean over channels of |alpha - 1/2| + |beta - 1/2|: twice the temperature of the mean switch."""
    return ((alpha - 0.5).abs() + (beta - 0.5).abs()).mean(1)


def _freeze(temperature: Tensor, rate: Tensor) -> float | None:
    """Median over the cooling models of the epochs until the source's freezing point; None if none cools."""
    cools = rate[-1] < 0
    left = ((temperature[-1] - FROZEN) / -rate[-1])[cools]
    return _middle(left.clamp_min(0.0))


def cooling_summary(
    values: dict[str, Tensor], predictions: dict[str, list[str]], *, threshold: float, hinge_lr: float
) -> dict[str, Any]:
    """The source's keys; ``sound`` beside them. Means over models; events are counted over all checks."""

    def statistics(temperature: Tensor, rate: Tensor) -> dict[str, float | int | None]:
        return {
            "initial_temperature": _mean(temperature[0]),
            "final_temperature": _mean(temperature[-1]),
            "mean_cooling_rate": _mean(rate),
            "rapid_cooling_events": int((rate < threshold).sum()),
        }

    return {
        "statistics": statistics(values["legacy_temperature"], values["legacy"]),
        "predictions_tested": predictions.get("legacy", []),
        "sound": {
            "statistics": statistics(values["sound_temperature"], values["sound"]),
            "predictions_tested": predictions.get("sound", []),
        },
    }


def _mean(value: Tensor) -> float | None:
    seen = value[value.isfinite()]
    return float(seen.mean()) if len(seen) else None


def _middle(value: Tensor) -> float | None:
    seen = value[value.isfinite()]
    return float(seen.median()) if len(seen) else None
