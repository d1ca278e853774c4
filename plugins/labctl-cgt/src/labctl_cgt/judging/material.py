"""What the judge has on its table: outcomes of the trainings, readings of the operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from labctl.api import JobResult
from labctl_cgt.measuring.names import READINGS
from labctl_cgt.training.events import Floats, Ints
from labctl_cgt.training.names import OUTCOMES, SETTINGS, SNAPSHOTS


@dataclass(frozen=True)
class Trained:
    """The models of all shards that were trained: ``outcome [C, M]`` or ``[M]`` by name, ``hyper [M, F]``."""

    shards: tuple[str, ...]
    sizes: tuple[int, ...]
    outcome: dict[str, Any]
    hyper: Floats
    hyper_names: tuple[str, ...]
    mechanisms: tuple[str, ...]

    @property
    def models(self) -> int:
        return sum(self.sizes)

    @property
    def mechanism(self) -> Ints:
        found: Ints = self.outcome["mechanism"]
        return found


@dataclass(frozen=True)
class Row:
    """An indicator as it was measured: its readings ``[C, M]``, or None and why not."""

    operator: str
    job: str
    indicator: dict[str, Any]
    readings: Floats | None
    status: str
    note: str

    @property
    def name(self) -> str:
        return str(self.indicator["name"])

    @property
    def label(self) -> str:
        return str(self.indicator["label"])

    @property
    def baseline(self) -> bool:
        return bool(self.indicator["role"] == "baseline")

    @property
    def high_warns(self) -> bool:
        return bool(self.indicator["risk"] == "high")


def trained(results: Sequence[JobResult]) -> Trained | None:
    """The outcomes of the trainings that succeeded, one model after another; None if none did."""
    done = [result for result in results if result.ok]
    if not done:
        return None
    outcomes = [load_file(result.path(OUTCOMES)) for result in done]
    settings = [load_file(result.path(SNAPSHOTS) / SETTINGS) for result in done]
    names = tuple(sorted(name for name in settings[0] if name.startswith("hyper.")))
    return Trained(
        shards=tuple(result.id for result in done),
        sizes=tuple(len(outcome["mechanism"]) for outcome in outcomes),
        outcome={name: np.concatenate([o[name] for o in outcomes], axis=-1) for name in outcomes[0]},
        hyper=np.concatenate([np.stack([s[n] for n in names], axis=1) for s in settings]).astype(float),
        hyper_names=names,
        mechanisms=tuple(done[0].value["mechanisms"]),
    )


def rows(
    results: Sequence[JobResult], expected: dict[str, list[dict[str, Any]]], models: Trained
) -> list[Row]:
    """Every indicator that was to be measured, in the order of the plan."""
    found: list[Row] = []
    for result in results:
        operator = result.id.partition("/")[0]
        if not result.ok:
            why = str(result.error) if result.error else result.state
            found += [
                Row(operator, result.id, indicator, None, "failed", f"not measured: {why}")
                for indicator in expected.get(result.id, [])
            ]
            continue
        tensors = load_file(result.path(READINGS))
        for indicator in result.value["indicators"]:
            readings = _joined(tensors, indicator["name"], models, int(result.value["checks"]))
            found.append(
                Row(operator, result.id, indicator, readings, indicator["status"], indicator["note"])
            )
    return found


def _joined(tensors: dict[str, Any], name: str, models: Trained, checks: int) -> Floats:
    """``[C, M]`` in the order of the trainings; NaN for a shard that the operator did not see."""
    blocks = [
        tensors.get(f"{name}@{shard}", np.full((checks, size), np.nan))
        for shard, size in zip(models.shards, models.sizes, strict=True)
    ]
    return np.concatenate(blocks, axis=1).astype(np.float64)
