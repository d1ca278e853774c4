"""The cheap baselines, as one extension of the group of operators. Light."""

from __future__ import annotations

from labctl_cgt.operator import Indicator, Operator


def _row(name: str, label: str, risk: str, *needs: str) -> Indicator:
    return Indicator(
        name=name, label=label, risk="high" if risk == "high" else "low", role="baseline", needs=needs
    )


class Monitors(Operator):
    """What anybody could log. The end of each that warns was fixed before the first run.

    ``loss``, ``gradient norm``: a rising loss or gradient warns. Ranks and spread: a low one.
    ``persistence`` is the number that the event is defined on, as it stands. ``q_neural`` is the
    source's physics metric, below 1 called unstable.
    """

    name = "monitors"
    measure = "labctl_cgt.monitors.measure:monitors"
    indicators = (
        _row("persistence", "persistence", "low", "embeddings"),
        _row("class_gap", "class-accuracy gap", "high", "classes"),
        _row("soft_class_minimum", "soft class minimum", "low", "classes"),
        _row("logit_spread", "logit spread", "low", "classes"),
        _row("loss", "loss", "high", "history"),
        _row("loss_ema", "loss, EMA", "high", "history"),
        _row("loss_slope", "loss, slope", "high", "history"),
        _row("probe_loss", "loss on the probe", "high"),
        _row("gradient_norm", "gradient norm", "high", "history"),
        _row("effective_rank", "effective rank", "low", "embeddings"),
        _row("rankme", "RankMe", "low", "embeddings"),
        _row("embedding_spread", "embedding spread", "low", "embeddings"),
        _row("q_neural", "q_neural", "low", "classes", "hinges"),
    )
    seconds = 4e-4


monitors = Monitors()
