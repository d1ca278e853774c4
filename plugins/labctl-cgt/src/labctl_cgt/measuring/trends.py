"""How fast a series of readings moves."""

from __future__ import annotations

import torch
from torch import Tensor


def theil_sen(series: Tensor, window: int) -> Tensor:
    """Median slope per check over the last ``window`` checks and this one, ``[C, M]``; NaN before 3.

    The median of all pairwise slopes (Theil 1950, Sen 1968).
    """
    out = torch.full_like(series, torch.nan)
    for check in range(2, len(series)):
        part = series[max(0, check - window) : check + 1]
        i, j = torch.triu_indices(len(part), len(part), offset=1)
        slopes = (part[j] - part[i]) / (j - i)[:, None]
        out[check] = slopes.quantile(0.5, dim=0)
    return out
