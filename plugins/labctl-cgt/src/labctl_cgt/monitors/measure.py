"""The cheap baselines: what anybody could log while training, against which an operator has to stand."""

from __future__ import annotations

import torch
from torch import Tensor

from labctl_cgt.measuring.shard import Reading, Shard, View
from labctl_cgt.measuring.trends import theil_sen
from labctl_cgt.monitors.physics import q_neural
from labctl_cgt.training.spectra import effective_rank, spectrum

EMA = 0.3  # weight of the newest loss
SLOPE_EPOCHS = 2


def monitors(shard: Shard) -> dict[str, Reading]:
    """All baselines that the family can have, ``[checks, models]`` by name."""
    rows: dict[str, list[Tensor]] = {}
    for view in shard.views():
        found = {**from_history(view), **from_embeddings(view), **from_classes(view)}
        q = q_neural(view)
        if q is not None:
            found["q_neural"] = q
        for name, value in found.items():
            rows.setdefault(name, []).append(torch.where(view.alive, value.float(), torch.nan))
    series = {name: torch.stack(values) for name, values in rows.items()}
    series["loss_ema"] = ema(series["loss"], EMA)
    window = SLOPE_EPOCHS * shard.checks_per_epoch
    series["loss_slope"] = theil_sen(series["loss"], window) * shard.checks_per_epoch
    if "class_gap" not in series:
        peak = series["effective_rank"].nan_to_num(nan=0.0).cummax(0).values
        series["persistence"] = series["effective_rank"] / peak
    return {name: Reading(value) for name, value in series.items()}


def from_history(view: View) -> dict[str, Tensor]:
    """What the training itself saw since the last check, and the objective on the probe."""
    return {
        "loss": view.history["loss"],
        "gradient_norm": view.history["gradient_norm"],
        "probe_loss": view.family.probe_loss(view.theta, view.settings, view.probe),
    }


def from_embeddings(view: View) -> dict[str, Tensor]:
    """Effective rank (centred), RankMe (singular values, uncentred), spread (sd times root of dimension)."""
    z = view.family.embeddings(view.theta, view.settings, view.probe.x)
    unit = z / z.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    return {
        "effective_rank": effective_rank(spectrum(z, centred=True)),
        "rankme": effective_rank(spectrum(z, centred=False).sqrt()),
        "embedding_spread": unit.std(1).mean(1) * z.shape[2] ** 0.5,
    }


def from_classes(view: View) -> dict[str, Tensor]:
    """Accuracy gap, smaller recall, smaller mean probability of the true class, spread of the logits."""
    logits = view.family.logits(view.theta, view.settings, view.probe.x)
    if logits is None:
        return {}
    y = view.probe.y
    hit = (logits.argmax(-1) == y).float()
    sure = torch.softmax(logits, dim=-1)
    recall = [hit[:, y == c].mean(1) for c in (0, 1)]
    belief = [sure[:, y == c, c].mean(1) for c in (0, 1)]
    return {
        "persistence": torch.minimum(*recall),
        "class_gap": (recall[0] - recall[1]).abs(),
        "soft_class_minimum": torch.minimum(*belief),
        "logit_spread": (logits[..., 1] - logits[..., 0]).std(1),
    }


def ema(series: Tensor, weight: float) -> Tensor:
    """Exponential moving average over checks of ``[C, M]``; missing values leave it as it is."""
    out = series.clone()
    for check in range(1, len(series)):
        old, new = out[check - 1], series[check]
        mixed = torch.where(old.isnan(), new, (1 - weight) * old + weight * new)
        out[check] = torch.where(new.isnan(), old, mixed)
    return out
