"""The measurement. Workers import it."""

from __future__ import annotations

import torch
from torch import Tensor

from labctl_cgt.measuring.shard import Reading, Shard


def spread_trend(shard: Shard, *, window: int) -> dict[str, Reading]:
    """Slope per epoch of the embedding spread over the last ``window`` epochs, ``[checks, models]``.

    The spread is the standard deviation of unit embeddings over inputs, averaged over dimensions,
    times the root of their number: 1 where they fill the sphere, 0 where they are all alike.
    """
    spreads = []
    for view in shard.views():
        z = view.family.embeddings(view.theta, view.settings, view.probe.x)
        unit = z / z.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        spread = unit.std(1).mean(1) * z.shape[2] ** 0.5
        spreads.append(torch.where(view.alive, spread, torch.nan))
    per_check = slopes(torch.stack(spreads), window * shard.checks_per_epoch)
    return {"slope": Reading(per_check * shard.checks_per_epoch)}


def slopes(series: Tensor, width: int) -> Tensor:
    """Least-squares slope per check over the last ``width`` checks and this one; NaN before."""
    x = torch.arange(width + 1, dtype=series.dtype) - width / 2
    found = torch.full_like(series, torch.nan)
    for check in range(width, len(series)):
        found[check] = x @ series[check - width : check + 1] / (x @ x)
    return found
