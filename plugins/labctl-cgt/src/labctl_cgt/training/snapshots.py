"""One safetensors file per check: all that is needed to measure a shard, and to go on training it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from labctl_cgt.training.names import SETTINGS


@dataclass(frozen=True)
class State:
    """A shard between two steps.

    ``theta [M, P]``; ``moments``: the optimiser's own rows, each ``[M, P]``; ``alive [M]``: False once
    a model diverged, whose row then stays as it last was finite; ``rng``: where the stream of random
    numbers stands; ``history``: what was seen since the last check, ``[M]`` by name.
    """

    step: int
    theta: Tensor
    moments: tuple[Tensor, ...]
    alive: Tensor
    rng: Tensor
    history: dict[str, Tensor]


def save(state: State, folder: Path, check: int) -> Path:
    """Write a check's snapshot at once: a killed writer leaves no half file under the name."""
    tensors = {"theta": state.theta, "alive": state.alive, "rng": state.rng, "step": torch.tensor(state.step)}
    tensors |= {f"moment.{index}": moment for index, moment in enumerate(state.moments)}
    tensors |= {f"history.{name}": value for name, value in state.history.items()}
    path = folder / name(check)
    part = path.with_suffix(".part")
    save_file({key: value.contiguous() for key, value in tensors.items()}, part)
    os.replace(part, path)
    return path


def load(folder: Path, check: int) -> State:
    """A check's state. Raises FileNotFoundError."""
    tensors = load_file(folder / name(check))
    moments = sorted(key for key in tensors if key.startswith("moment."))
    return State(
        step=int(tensors["step"]),
        theta=tensors["theta"],
        moments=tuple(tensors[key] for key in moments),
        alive=tensors["alive"],
        rng=tensors["rng"],
        history={
            key.removeprefix("history."): value
            for key, value in tensors.items()
            if key.startswith("history.")
        },
    )


def save_settings(settings: dict[str, Tensor], probe_seed: int, folder: Path) -> None:
    """Write what is known of the models from the start, and from where their probe is drawn."""
    tensors = {key: value.contiguous() for key, value in settings.items()}
    save_file(tensors, folder / SETTINGS, metadata={"probe_seed": str(probe_seed)})


def load_settings(folder: Path) -> tuple[dict[str, Tensor], int]:
    """The settings, and the seed of the probe that all operators share."""
    with safe_open(folder / SETTINGS, framework="pt") as file:
        seed = int(file.metadata()["probe_seed"])
    return load_file(folder / SETTINGS), seed


def name(check: int) -> str:
    """The file of a check, counted from 0, the untrained models."""
    return f"{check:05d}.safetensors"


def last(folder: Path) -> int | None:
    """The last check in a folder that has all before it, or None."""
    check = 0
    while (folder / name(check)).exists():
        check += 1
    return check - 1 if check else None
