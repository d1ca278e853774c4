"""Ranks of a batch of matrices that may hold models gone wrong."""

from __future__ import annotations

import torch
from torch import Tensor

TINY = 1e-12


def spectrum(z: Tensor, *, centred: bool) -> Tensor:
    """Squared singular values ``[M, E]`` (float64, descending) of ``z [M, N, E]`` divided by N.

    Non-finite models give NaN. A batched eigen-solver raises for the whole batch if one member cannot
    be solved, so those are masked first and the rest gets a ramped diagonal of relative size 1e-12.
    """
    z = z.double()
    fine = z.isfinite().flatten(1).all(1)
    z = torch.where(fine[:, None, None], z, 0.0)
    if centred:
        z = z - z.mean(1, keepdim=True)
    second = z.transpose(1, 2) @ z / z.shape[1]
    scale = second.diagonal(dim1=1, dim2=2).sum(1).clamp_min(TINY**2)
    ramp = torch.linspace(1.0, 2.0, z.shape[2], dtype=z.dtype, device=z.device)
    values = torch.linalg.eigvalsh(second + torch.diag(ramp) * (TINY * scale)[:, None, None])
    return torch.where(fine[:, None], values.clamp_min(0.0).flip(1), torch.nan)


def effective_rank(values: Tensor) -> Tensor:
    """exp of the entropy of ``values [M, E]`` taken as shares: from 1 to E (Roy and Vetterli 2007).

    Of the centred covariance's eigenvalues this is the *effective rank* here; of uncentred singular
    values it is RankMe (Garrido et al. 2023). NaN where there is nothing at all.
    """
    total = values.sum(1, keepdim=True)
    share = values / total
    rank = torch.exp(-(share * torch.log(share.clamp_min(1e-300))).sum(1))
    return torch.where(total[:, 0] > 0, rank, torch.nan)
