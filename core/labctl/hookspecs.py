"""The four hooks. Only ``run`` is required; all are called for the one addressed plugin."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from labctl.model.context import Context
from labctl.model.machine import Environment
from labctl.model.plan import Job, Prediction, Service
from labctl.model.results import Action, Report, Results, Section

PROJECT = "labctl"
hookspec = pluggy.HookspecMarker(PROJECT)


@hookspec(firstresult=True)
def provision(ctx: Context) -> Environment | Iterable[Environment]:  # type: ignore[empty-body]
    """Say what machines the jobs need. Pure; without it there is one environment, ``default``."""


@hookspec(firstresult=True)
def run(ctx: Context, environments: tuple[Environment, ...]) -> Iterable[Job | Service | Prediction]:  # type: ignore[empty-body]
    """Plan the jobs and the claims. Pure: the same parameters give the same plan."""


@hookspec(firstresult=True)
def collect(ctx: Context, results: Results) -> Section | Iterable[Section]:  # type: ignore[empty-body]
    """Say what the results mean, also when some jobs failed. Runs in a process of its own."""


@hookspec(firstresult=True)
def deploy(ctx: Context, report: Report) -> Iterable[Action]:  # type: ignore[empty-body]
    """Say what to put where. The host shows it, asks, does it and can undo it."""
