"""Charts and numbers of trainings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from labctl.api import Forest, ForestRow, Lines, Series

Found = Mapping[str, Any]
KINDS = ("random", "greedy", "mcts")
TONES: tuple[Literal["own", "warm", "cool", "base"], ...] = ("own", "warm", "cool", "base")


def comparison(found: Mapping[str, Found]) -> Forest:
    """Shares of points of tuned weights on held-out deals beside the built-in ones."""
    rows = tuple(
        ForestRow(
            tag, 100 * v["held_out"]["share"], 100 * v["held_out"]["low"], 100 * v["held_out"]["high"],
            baseline=100 * v["baseline"]["share"], note=f"{v['held_out']['deals']} deals",
        )
        for tag, v in found.items()
    )  # fmt: skip
    return Forest(
        title="Tuned weights on deals that the search has not seen",
        subtitle="share of points against random, greedy and searching opponents; beside it the built-in"
        " weights on the same deals",
        rows=rows,
        unit="%",
    )


def convergence(histories: Mapping[str, list[Found]]) -> Lines:
    """Mean fitness by generation."""
    longest = max((len(history) for history in histories.values()), default=0)
    return Lines(
        title=f"Mean fitness over {longest} generations",
        subtitle="fitness in per cent: 10 parts points against random, 40 against greedy, 50 against search",
        series=_all_series(histories, "mean_fitness"),
        x_label="generation",
        y_label="mean fitness of the candidates, %",
    )  # fmt: skip


def step_sizes(histories: Mapping[str, list[Found]]) -> Lines:
    """The step size by generation."""
    return Lines(
        title="The step size of each search",
        subtitle="in units of the weights' ranges; it falls when a search converges",
        series=_all_series(histories, "sigma"),
        x_label="generation",
        y_label="sigma",
        y_log=True,
    )


def opponents(tag: str, history: list[Found]) -> Lines:
    """Mean share of points against each kind of opponent by generation."""
    x = tuple(float(g["generation"]) for g in history)
    return Lines(
        title=f"{tag}: points against each opponent",
        subtitle="mean of the candidates of a generation",
        series=tuple(
            Series(kind, x, tuple(100 * g["by_opponent"][place] for g in history), tone=TONES[place])
            for place, kind in enumerate(KINDS)
        ),
        x_label="generation",
        y_label="share of points, %",
        reference=50.0,
    )


def _all_series(histories: Mapping[str, list[Found]], name: str) -> tuple[Series, ...]:
    made = []
    for place, (tag, history) in enumerate(histories.items()):
        x = tuple(float(g["generation"]) for g in history)
        y = tuple(float(g[name]) for g in history)
        made.append(Series(tag, x, y, tone=TONES[place % len(TONES)], dashed=place >= len(TONES)))
    return tuple(made)


def p_value(gain: Found) -> float:
    """One-sided, against *no better*: from the interval's width, by the normal distribution."""
    error = (gain["high"] - gain["low"]) / (2 * 1.959964)
    if error <= 0:
        return 1.0 if gain["share"] <= 0 else 0.0
    return 0.5 * math.erfc(gain["share"] / error / math.sqrt(2))
