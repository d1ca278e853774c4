"""The job that trains one shard of a family and keeps a snapshot at every check."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Generator, Tensor

from labctl.api import JobContext, Stopped
from labctl_cgt.subjects.family import Family
from labctl_cgt.subjects.load import load_family
from labctl_cgt.training import snapshots
from labctl_cgt.training.events import NEVER, Courses, courses
from labctl_cgt.training.names import OUTCOMES, SNAPSHOTS
from labctl_cgt.training.snapshots import State
from labctl_cgt.training.steps import Trainer

PER_CLASS = 100  # inputs of each class on which the outcome is read: a recall in steps of 0.01


def train(
    job: JobContext,
    *,
    family: str,
    event: str,
    models: int,
    checks: int,
    steps_per_check: int,
    checks_per_epoch: int,
    batch_size: int,
    hinge_lr: float,
) -> dict[str, Any]:
    """Train ``models`` models over ``checks`` checks, the first of the untrained ones.

    Artifacts: ``snapshots/`` (``settings.safetensors``, and a file per check) for whoever measures, and
    ``outcomes.safetensors`` (what happened to whom, and why) for whoever judges.
    """
    made = load_family(family)
    steps_per_epoch = steps_per_check * checks_per_epoch
    trainer, theta = prepare(
        made, job.seed, models, steps=steps_per_check * (checks - 1), steps_per_epoch=steps_per_epoch,
        batch_size=batch_size, hinge_lr=hinge_lr,
    )  # fmt: skip
    folder = job.checkpoint.path / SNAPSHOTS
    folder.mkdir(exist_ok=True)
    state = _resumed(trainer, theta, folder, job.seed)
    for check in range(state.step // steps_per_check + 1, checks):
        if job.should_stop():
            job.checkpoint.commit()
            raise Stopped
        state = trainer.advance(state, steps_per_check)
        snapshots.save(state, folder, check)
        if check % checks_per_epoch == 0:
            job.checkpoint.commit()
            _report(job, state, check // checks_per_epoch)
        job.progress(check, checks - 1, "checks")
    return _finish(job, trainer, folder, checks, event)


def prepare(
    family: Family, seed: int, models: int, *, steps: int, steps_per_epoch: int, batch_size: int,
    hinge_lr: float,
) -> tuple[Trainer, Tensor]:  # fmt: skip
    """A shard's trainer and untrained parameters, the same for the same seed."""
    settings = family.settings(models, _stream(seed, 0))
    schedule = family.schedule(models, _stream(seed, 1), steps=steps, steps_per_epoch=steps_per_epoch)
    trainer = Trainer(family, settings, schedule, batch_size=batch_size, hinge_lr=hinge_lr)
    return trainer, family.initial(settings, _stream(seed, 2))


def _stream(seed: int, index: int) -> Generator:
    return Generator().manual_seed((seed * 8 + index) % 2**63)


def _resumed(trainer: Trainer, theta: Tensor, folder: Path, seed: int) -> State:
    check = snapshots.last(folder)
    if check is not None:
        return snapshots.load(folder, check)
    state = trainer.start(theta, (seed * 8 + 3) % 2**63)
    snapshots.save_settings({k: v.cpu() for k, v in trainer.settings.items()}, (seed * 8 + 5) % 2**63, folder)
    snapshots.save(state, folder, 0)
    return state


def _report(job: JobContext, state: State, epoch: int) -> None:
    alive = state.alive
    if bool(alive.any()):
        job.metric("loss", float(state.history["loss"][alive].median()), step=epoch, better="down")
    job.metric("diverged", float((~alive).sum()), step=epoch, unit="models")


def _finish(job: JobContext, trainer: Trainer, folder: Path, checks: int, event: str) -> dict[str, Any]:
    outcome = _outcomes(job.seed, trainer, folder, checks)
    schedule = trainer.schedule
    outcome |= {
        "mechanism": schedule.mechanism,
        "shock_start": schedule.start,
        "shock_length": schedule.length,
    }
    save_file({k: v.contiguous() for k, v in outcome.items()}, job.artifact(OUTCOMES))
    size = _keep(folder, job.artifact(SNAPSHOTS))
    found = courses(
        "prediction" if event == "prediction" else "representation",
        {k: v.numpy() for k, v in outcome.items()},
        outcome["alive"].numpy(),
    )
    return {
        "subject": trainer.family.name,
        "models": len(schedule.mechanism),
        "checks": checks,
        "snapshot_bytes": size,
        "mechanisms": list(schedule.names),
        **_counts(found, schedule.mechanism.numpy(), schedule.names),
    }


def _outcomes(seed: int, trainer: Trainer, folder: Path, checks: int) -> dict[str, Tensor]:
    family, settings = trainer.family, {k: v.cpu() for k, v in trainer.settings.items()}
    probe = family.probe(settings, PER_CLASS, _stream(seed, 4))
    rows: dict[str, list[Tensor]] = {}
    with torch.no_grad():
        for check in range(checks):
            state = snapshots.load(folder, check)
            found = family.outcome(state.theta, settings, probe) | {"alive": state.alive}
            for name, value in found.items():
                rows.setdefault(name, []).append(value)
    return {name: torch.stack(values) for name, values in rows.items()}


def _counts(found: Courses, mechanism: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "collapsed": int(found.collapsed.sum()),
        "never_at_risk": int((found.entry == NEVER).sum()),
        "diverged": int((found.end < len(found.severity)).sum()),
        "by_mechanism": {
            name: [int((mechanism == i).sum()), int(found.collapsed[mechanism == i].sum())]
            for i, name in enumerate(names)
            if np.any(mechanism == i)
        },
    }


def _keep(folder: Path, target: Path) -> int:
    """The snapshots as the artifact; they stay in the checkpoint too, should this attempt die now."""
    target.mkdir(parents=True, exist_ok=True)
    size = 0
    for path in sorted(folder.glob("*.safetensors")):
        try:
            os.link(path, target / path.name)
        except OSError:
            shutil.copy2(path, target / path.name)
        size += path.stat().st_size
    return size
