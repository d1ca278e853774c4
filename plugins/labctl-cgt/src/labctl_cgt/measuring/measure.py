"""The job that runs one operator over all trained models of a family."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from labctl.api import JobContext, JobResult, Stopped
from labctl_cgt.measuring.names import READINGS
from labctl_cgt.measuring.shard import Reading, Shard, open_shard
from labctl_cgt.subjects.load import load_family
from labctl_cgt.training.names import SNAPSHOTS

TINY = 1e-12  # readings that differ by less do not differ


def measure(
    job: JobContext,
    *,
    operator: str,
    function: str,
    arguments: dict[str, Any],
    family: str,
    subject: str,
    indicators: list[dict[str, Any]],
    checks: int,
    checks_per_epoch: int,
    steps_per_epoch: int,
    per_class: int,
    predictions: dict[str, list[str]],
) -> dict[str, Any]:
    """Read every shard that was trained. Artifact: the readings, ``[checks, models]`` by ``NAME@SHARD``.

    The result describes each indicator (status, note, summary) and brings what the operator itself adds
    under ``summary``. Raises RuntimeError if no shard was trained.
    """
    module, _, attribute = function.partition(":")
    reader = getattr(import_module(module), attribute)
    made = load_family(family)
    trained = [result for result in job.inputs("train") if result.ok]
    if not trained:
        raise RuntimeError(f"no training of {subject} succeeded, so there is nothing to measure")
    read: list[dict[str, Reading]] = []
    for index, result in enumerate(trained):

        def tick(check: int, index: int = index) -> None:
            if job.should_stop():
                raise Stopped  # nothing to save: a reading is cheap to take again
            job.progress(index * checks + check, len(trained) * checks, "checks")

        shard = open_shard(
            made, result.path(SNAPSHOTS), checks=checks, checks_per_epoch=checks_per_epoch,
            steps_per_epoch=steps_per_epoch, per_class=per_class, seed=job.seed % 2**40 + index, tick=tick,
        )  # fmt: skip
        read.append(_checked(reader(shard, **arguments), indicators, shard))
    _save(job, trained, read)
    rows = [_described(indicator, [r[indicator["name"]] for r in read]) for indicator in indicators]
    return {
        "operator": operator,
        "subject": subject,
        "models": sum(len(next(iter(r.values())).value[0]) for r in read),
        "checks": checks,
        "probe_inputs": 2 * per_class,
        "shards": [result.id for result in trained],
        "indicators": rows,
        **_summary(module, attribute, read, predictions, arguments),
    }


def _checked(found: dict[str, Reading], indicators: list[dict[str, Any]], shard: Shard) -> dict[str, Reading]:
    """What was promised, in the promised shape. Raises ValueError otherwise."""
    want = (shard.checks, shard.models)
    for indicator in indicators:
        name = indicator["name"]
        if name not in found:
            raise ValueError(f"it read {sorted(found)}, and {name!r} was promised")
        shape = tuple(found[name].value.shape)
        if shape != want:
            raise ValueError(f"{name!r} has shape {shape}, not (checks, models) = {want}")
    return {name: _on_cpu(reading) for name, reading in found.items()}


def _on_cpu(reading: Reading) -> Reading:
    parts = {end: getattr(reading, end) for end in ("value", "low", "high")}
    return replace(reading, **{end: part.cpu() for end, part in parts.items() if part is not None})


def _save(job: JobContext, trained: list[JobResult], read: list[dict[str, Reading]]) -> None:
    tensors: dict[str, Tensor] = {}
    for result, readings in zip(trained, read, strict=True):
        for name, reading in readings.items():
            for end in ("", "low", "high"):
                value = getattr(reading, end or "value")
                if value is not None:
                    key = f"{name}.{end}@{result.id}" if end else f"{name}@{result.id}"
                    tensors[key] = value.float().contiguous()
    save_file(tensors, job.artifact(READINGS))


def _described(indicator: dict[str, Any], readings: list[Reading]) -> dict[str, Any]:
    values = torch.cat([reading.value for reading in readings], dim=1).double()
    seen = values[values.isfinite()]
    status, note = readings[0].status, readings[0].note
    if status == "ok" and not len(seen):
        status, note = "failed", note or "no reading is a number"
    elif status == "ok" and float(seen.max() - seen.min()) < TINY:
        status, note = "degenerate", note or f"all {len(seen):,} readings are {float(seen[0]):g}"
    summary = None
    if len(seen):
        summary = {
            "mean": float(seen.mean()),
            "sd": float(seen.std(correction=0)),
            "min": float(seen.min()),
            "max": float(seen.max()),
        }
    diagnostics = {k: v for reading in reversed(readings) for k, v in reading.diagnostics.items()}
    return {**indicator, "status": status, "note": note, "n": len(seen), "over_all": summary,
            "diagnostics": diagnostics}  # fmt: skip


def _summary(
    module: str, attribute: str, read: list[dict[str, Reading]], predictions: dict[str, list[str]],
    arguments: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """What the operator's own ``NAME_summary`` makes of the readings of all shards, if it has one."""
    summarise = getattr(import_module(module), f"{attribute}_summary", None)
    if summarise is None:
        return {}
    joined = {name: torch.cat([r[name].value for r in read], dim=1) for name in read[0]}
    made: dict[str, Any] = summarise(joined, predictions, **arguments)
    return made
