"""What the trainer and the operators ask of a family of models. Published: a subject implements it.

Random numbers come from CPU generators; what is made of them lies where ``theta`` lies.
M models are one batch: every tensor has a leading model axis and every product is a batched matmul.
A model's numbers depend on nothing of its neighbours, so a diverging one harms only itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Generator, Tensor

from labctl_cgt.subjects.layout import Layout
from labctl_cgt.subjects.schedule import Schedule

Settings = dict[str, Tensor]
"""What is known of each model when its training starts: ``hyper.*`` [M] and ``task.*`` [M, ...]."""


@dataclass(frozen=True)
class Probe:
    """Fixed inputs ``x [M, N, D]`` and their classes ``y [N]``, as many of each class.

    Raises ValueError if it is not balanced: an operator on an unbalanced probe can read the direction
    of a shock instead of the state of the model.
    """

    x: Tensor
    y: Tensor

    def __post_init__(self) -> None:
        counts = self.y.bincount(minlength=2)
        if counts.min() != counts.max():
            raise ValueError(f"the probe is not balanced: {counts.tolist()} inputs of each class")


class Family(Protocol):
    """A family of models. ``theta [M, P]`` are parameters as ``layout`` has them."""

    name: str
    layout: Layout
    optimiser: Literal["adam", "sgd"]

    def settings(self, models: int, generator: Generator) -> Settings:
        """Draw what differs between models and is known from the start."""

    def schedule(self, models: int, generator: Generator, *, steps: int, steps_per_epoch: int) -> Schedule:
        """Draw what will happen to each model: never stored where an operator reads."""

    def initial(self, settings: Settings, generator: Generator) -> Tensor:
        """Untrained parameters ``[M, P]``."""

    def step_sizes(self, settings: Settings, hinge_lr: float) -> tuple[Tensor, Tensor]:
        """Learning rates ``[M, P]``, and 1 where a shock of the learning rate and decay apply, else 0."""

    def loss(
        self, theta: Tensor, settings: Settings, knobs: dict[str, Tensor], size: int, generator: Generator
    ) -> Tensor:
        """Losses ``[M]`` on a fresh batch of ``size`` samples per model."""

    def probe(self, settings: Settings, per_class: int, generator: Generator) -> Probe:
        """Inputs that no training step uses."""

    def outcome(self, theta: Tensor, settings: Settings, probe: Probe) -> dict[str, Tensor]:
        """The numbers ``[M]`` that the event is defined on; see ``training.events``."""

    def why(self, theta: Tensor, settings: Settings, x: Tensor) -> Tensor:
        """Abstract: ``x [M, N, D]`` to ``z [M, N, Z]``."""

    def what(self, theta: Tensor, settings: Settings, z: Tensor) -> Tensor:
        """Concretise: ``z [M, N, Z]`` to ``y [M, N, D']``, to be compared with ``target``."""

    def target(self, theta: Tensor, settings: Settings, x: Tensor) -> Tensor:
        """What ``what(why(x))`` ought to be, ``[M, N, D']``."""

    def embeddings(self, theta: Tensor, settings: Settings, x: Tensor) -> Tensor:
        """The representation ``[M, N, E]`` whose spectrum is looked at."""

    def probe_loss(self, theta: Tensor, settings: Settings, probe: Probe) -> Tensor:
        """The training objective on the probe, ``[M]``, without any shock."""

    def logits(self, theta: Tensor, settings: Settings, x: Tensor) -> Tensor | None:
        """Class scores ``[M, N, 2]``, or None if the family has no classes."""

    def hinges(self, theta: Tensor) -> tuple[Tensor, Tensor] | None:
        """alpha and beta ``[M, channels]`` in [0, 1], or None if the family has no hinges."""
