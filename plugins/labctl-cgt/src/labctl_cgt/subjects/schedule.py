"""What happens to a model while it trains: hidden from operators, known to the judge.

Each model has one mechanism. A mechanism moves *knobs* (learning-rate factor, class prior, ...) from
their base to a peak along a ramp that starts at a random step. Severity, start, length and, where there
is one, direction are drawn at random, so that neither a setting nor a time gives the outcome away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

Draw = Callable[[int, Generator], Tensor]


@dataclass(frozen=True)
class Ramp:
    """A mechanism: the peaks of the knobs it moves, and its length in epochs ``(low, high)``."""

    name: str
    share: float
    peaks: Mapping[str, Draw]
    epochs: tuple[float, float] = (0.5, 4.0)
    at_start: bool = False


@dataclass(frozen=True)
class Schedule:
    """Per model: mechanism ``[M]``, start (infinite for none) and length in steps ``[M]``, knobs from base
    to peak ``[M]``."""

    names: tuple[str, ...]
    mechanism: Tensor
    start: Tensor
    length: Tensor
    base: dict[str, float]
    peak: dict[str, Tensor]

    def at(self, step: int) -> dict[str, Tensor]:
        """The knobs ``[M]`` at a step."""
        done = ((step - self.start) / self.length).clamp(0.0, 1.0)
        return {name: base + (self.peak[name] - base) * done for name, base in self.base.items()}


def log_uniform(low: float, high: float) -> Draw:
    """Draws between ``low`` and ``high``, uniform in the logarithm."""

    def draw(count: int, generator: Generator) -> Tensor:
        u = torch.rand(count, generator=generator)
        return torch.exp(u * torch.tensor(high / low).log()) * low

    return draw


def uniform(low: float, high: float) -> Draw:
    """Draws between ``low`` and ``high``."""
    return lambda count, generator: low + (high - low) * torch.rand(count, generator=generator)


def signed(draw: Draw) -> Draw:
    """The magnitudes of ``draw`` with a random sign: the direction of a shock must carry no information."""

    def both(count: int, generator: Generator) -> Tensor:
        size = draw(count, generator)
        sign = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
        return sign * size

    return both


def plan(
    models: int,
    mechanisms: Sequence[Ramp],
    base: Mapping[str, float],
    generator: Generator,
    *,
    steps: int,
    steps_per_epoch: int,
) -> Schedule:
    """Give each of ``models`` a mechanism by its share (the rest gets "none"), start and severity.

    Shocks start between 15 and 70 % of the training of ``steps``: later ones would be censored.
    """
    order = torch.randperm(models, generator=generator)
    mechanism = torch.zeros(models, dtype=torch.int64)
    start = torch.full((models,), torch.inf)
    length = torch.ones(models)
    peak = {name: torch.full((models,), value) for name, value in base.items()}
    edge = 0.0
    for index, ramp in enumerate(mechanisms, start=1):
        rows = order[round(edge * models) : round((edge + ramp.share) * models)]
        edge += ramp.share
        when = (0.15 + 0.55 * torch.rand(len(rows), generator=generator)) * steps
        long = uniform(*ramp.epochs)(len(rows), generator) * steps_per_epoch
        mechanism[rows] = index
        start[rows] = torch.zeros_like(when) if ramp.at_start else when.floor()
        length[rows] = torch.ones_like(long) if ramp.at_start else long.clamp_min(1.0)
        for knob, draw in ramp.peaks.items():
            peak[knob][rows] = draw(len(rows), generator)
    return Schedule(
        names=("none", *(ramp.name for ramp in mechanisms)),
        mechanism=mechanism,
        start=start,
        length=length,
        base=dict(base),
        peak=peak,
    )
