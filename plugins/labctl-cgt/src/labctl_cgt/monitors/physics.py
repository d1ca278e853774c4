"""The source's physics metric, as it stands there."""

from __future__ import annotations

import torch
from torch import Tensor

from labctl_cgt.measuring.shard import View

EPSILON = 1e-8


def q_neural(view: View) -> Tensor | None:
    """q = (psi C) / ((gap + eps) kappa + eps), ``[M]``; None for a family without classes or hinges.

    gap = |accuracy of class 0 - of class 1|, psi = 1 - gap, C = mean per-tensor norm of the last clipped
    gradient (1 before the first step), kappa = |mean alpha - 1/2| + |mean beta - 1/2| + 1/2. q < 1 is
    called unstable. As gap -> 0 it has no bound.
    """
    logits, hinges = (
        view.family.logits(view.theta, view.settings, view.probe.x),
        view.family.hinges(view.theta),
    )
    if logits is None or hinges is None:
        return None
    hit = (logits.argmax(-1) == view.probe.y).float()
    gap = (hit[:, view.probe.y == 0].mean(1) - hit[:, view.probe.y == 1].mean(1)).abs()
    coherence = view.history["gradient_mean"].nan_to_num(nan=1.0)
    return torch.where(view.alive, q_value(gap, coherence, *hinges), torch.nan)


def q_value(gap: Tensor, coherence: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """q of a gap ``[M]``, a gradient ``[M]`` and hinges ``[M, channels]``."""
    kappa = (alpha.mean(1) - 0.5).abs() + (beta.mean(1) - 0.5).abs() + 0.5
    return (1.0 - gap) * coherence / ((gap + EPSILON) * kappa + EPSILON)
