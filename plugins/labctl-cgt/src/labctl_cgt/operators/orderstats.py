"""Unbiased estimates of the expected best and worst of m draws."""

from __future__ import annotations

import math

import torch
from torch import Tensor

DRAWS = 10
"""Options each player is taken to have. The estimate does not depend on how many were drawn."""


def weights(drawn: int, m: int) -> Tensor:
    """Weights ``[drawn]`` of the ascending order statistics for the expected maximum of ``m`` draws.

    The mean of the maximum over all subsets of size m: the i-th smallest of K is the maximum of
    C(i - 1, m - 1) of the C(K, m) subsets. Unbiased for every K >= m (a U-statistic, Hoeffding 1948).
    Raises ValueError unless 1 <= m <= drawn.
    """
    if not 1 <= m <= drawn:
        raise ValueError(f"the best of {m} draws cannot be estimated from {drawn}")
    subsets = math.comb(drawn, m)
    return torch.tensor([math.comb(i, m - 1) / subsets for i in range(drawn)], dtype=torch.float64)


def expected_best(scores: Tensor, m: int) -> Tensor:
    """Expected maximum of ``m`` draws, over the last axis of ``scores [..., K]``."""
    ordered = scores.sort(dim=-1).values
    return ordered @ weights(scores.shape[-1], m).to(scores)


def expected_worst(scores: Tensor, m: int) -> Tensor:
    """Expected minimum of ``m`` draws, over the last axis of ``scores [..., K]``."""
    return -expected_best(-scores, m)
