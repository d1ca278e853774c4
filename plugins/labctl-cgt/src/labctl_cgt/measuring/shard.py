"""What an operator is given to measure, and what it gives back. Published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from labctl_cgt.device import device
from labctl_cgt.subjects.family import Family, Probe, Settings
from labctl_cgt.training import snapshots

Status = Literal["ok", "degenerate", "skipped", "failed"]


@dataclass(frozen=True)
class Reading:
    """One indicator over C checks of M models: ``value [C, M]``, NaN where there is none.

    ``low``, ``high``: 95 % interval of each value, if it is an estimate. ``status``: *degenerate* when
    it cannot vary; *failed* with a ``note`` when it could not be computed.
    """

    value: Tensor
    low: Tensor | None = None
    high: Tensor | None = None
    status: Status = "ok"
    note: str = ""
    diagnostics: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """A shard at one check. Rows of models that have diverged by then are zeros; ``alive`` says which."""

    family: Family
    settings: Settings
    probe: Probe
    check: int
    epoch: float
    theta: Tensor
    alive: Tensor
    history: dict[str, Tensor]

    def why(self, x: Tensor) -> Tensor:
        """``x [M, N, D]`` abstracted to ``[M, N, Z]``."""
        return self.family.why(self.theta, self.settings, x)

    def what(self, z: Tensor) -> Tensor:
        """``z [M, N, Z]`` made concrete, to be compared with ``target``."""
        return self.family.what(self.theta, self.settings, z)

    def target(self) -> Tensor:
        """What ``what(why(probe.x))`` ought to be."""
        return self.family.target(self.theta, self.settings, self.probe.x)

    def rows(self, part: slice) -> View:
        """The same check of some of the models: what is done on 10 models at once stays in the cache."""
        return View(
            family=self.family,
            settings={name: value[part] for name, value in self.settings.items()},
            probe=Probe(self.probe.x[part], self.probe.y),
            check=self.check,
            epoch=self.epoch,
            theta=self.theta[part],
            alive=self.alive[part],
            history={name: value[part] for name, value in self.history.items()},
        )


@dataclass(frozen=True)
class Shard:
    """All checks of the models of one training job.

    ``seed`` is that of the measuring job and shard. The probe is the same at every check, and so should
    an operator's draws be (``generator``): noise that is common to two checks is no difference.
    """

    family: Family
    settings: Settings
    probe: Probe
    folder: Path
    checks: int
    checks_per_epoch: int
    steps_per_epoch: int
    seed: int
    tick: Callable[[int], None]

    @property
    def models(self) -> int:
        return len(next(iter(self.settings.values())))

    def generator(self, index: int = 0) -> Generator:
        """A stream of random numbers, the same whenever it is asked for."""
        return Generator().manual_seed((self.seed + 7919 * (index + 1)) % 2**63)

    def views(self) -> Iterator[View]:
        """The checks in order, without gradients."""
        for check in range(self.checks):
            self.tick(check)
            state = snapshots.load(self.folder, check)
            theta, alive = (part.to(self.probe.x.device) for part in (state.theta, state.alive))
            with torch.no_grad():
                yield View(
                    family=self.family,
                    settings=self.settings,
                    probe=self.probe,
                    check=check,
                    epoch=check / self.checks_per_epoch,
                    theta=torch.where(alive[:, None], theta, 0.0),
                    alive=alive,
                    history={name: value.to(theta.device) for name, value in state.history.items()},
                )


def open_shard(
    family: Family,
    folder: Path,
    *,
    checks: int,
    checks_per_epoch: int,
    steps_per_epoch: int,
    per_class: int,
    seed: int,
    tick: Callable[[int], None] = lambda check: None,
) -> Shard:
    """A shard from its ``snapshots`` folder, with a balanced probe of ``per_class`` inputs of each class."""
    settings, probe_seed = snapshots.load_settings(folder)
    probe = family.probe(settings, per_class, Generator().manual_seed(probe_seed))
    where = device()
    return Shard(
        family=family,
        settings={name: value.to(where) for name, value in settings.items()},
        probe=Probe(probe.x.to(where), probe.y.to(where)),
        folder=folder,
        checks=checks,
        checks_per_epoch=checks_per_epoch,
        steps_per_epoch=steps_per_epoch,
        seed=seed,
        tick=tick,
    )
