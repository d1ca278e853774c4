"""All that a plugin author imports.

A plugin is an object with the hooks it has, marked by ``hookimpl``, and a type of parameters:

    class Options(Parameters):
        sides: Annotated[int, Param(ge=2, description="sides of the die")] = 6

    class Dice:
        parameters = Options

        @hookimpl
        def run(self, ctx, environments):
            yield Job("roll", "dice.tasks:roll", params={"sides": ctx.parameters.sides})

    plugin = Dice()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Meta as Param

from labctl.model.canonical import digest
from labctl.model.charts import (
    Bar,
    Bars,
    Chart,
    Forest,
    ForestRow,
    HeatMap,
    Lines,
    Points,
    Scatter,
    Series,
    Span,
    Timeline,
)
from labctl.model.context import Context, Extension
from labctl.model.jobcontext import ArtifactError, JobContext, Stopped
from labctl.model.machine import Environment, Secret
from labctl.model.plan import InputFile, Job, Prediction, Service
from labctl.model.results import (
    Action,
    Artifact,
    Baseline,
    Copy,
    Evidence,
    JobFailure,
    JobResult,
    Metric,
    Publish,
    Report,
    Results,
    Section,
    Step,
    Table,
    Verdict,
)

CONTRACT = 1
"""The version of the hooks and types here. It grows by addition; a break gets a new entry-point group."""

F = TypeVar("F", bound=Callable[..., Any])


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of a plugin's parameters: every field has a type, a default and a help text.

    From it come the command-line options, the YAML file, the environment variables, the JSON Schema
    and the record. ``Annotated[int, Param(ge=1, description="...")] = 20`` adds bounds and help.
    """


def hookimpl(function: F) -> F:
    """Mark a method as one of the hooks ``provision``, ``run``, ``collect``, ``deploy``."""
    options = dict.fromkeys(("wrapper", "hookwrapper", "optionalhook", "tryfirst", "trylast"), False)
    # What pluggy's own marker sets; importing pluggy here would cost every light module 3 interpreters.
    function.labctl_impl = {**options, "specname": None}  # type: ignore[attr-defined]
    return function


__all__ = [
    "CONTRACT",
    "Action",
    "Artifact",
    "ArtifactError",
    "Bar",
    "Bars",
    "Baseline",
    "Chart",
    "Context",
    "Copy",
    "Environment",
    "Evidence",
    "Extension",
    "Forest",
    "ForestRow",
    "HeatMap",
    "InputFile",
    "Job",
    "JobContext",
    "JobFailure",
    "JobResult",
    "Lines",
    "Metric",
    "Param",
    "Parameters",
    "Points",
    "Prediction",
    "Publish",
    "Report",
    "Results",
    "Scatter",
    "Secret",
    "Section",
    "Series",
    "Service",
    "Span",
    "Step",
    "Stopped",
    "Table",
    "Timeline",
    "Verdict",
    "digest",
    "hookimpl",
]
