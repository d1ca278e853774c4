"""The project cgt: does a model's game temperature warn of its collapse? Light."""

from __future__ import annotations

from collections.abc import Iterable

from labctl.api import Context, Environment, Job, Prediction, Results, Section, hookimpl
from labctl_cgt.parameters import PRESETS, Options
from labctl_cgt.planning import environments, plan


class Cgt:
    """Trains families of small models, measures operators on them, judges the registered claims."""

    title = "does a model's game temperature warn of its collapse?"
    parameters = Options
    presets = PRESETS
    extends = {
        "operators": "a measurement on a model while it trains",
        "subjects": "a family of models to be measured",
    }
    templates = {"operators": "labctl_cgt:templates/operators.md"}

    @hookimpl
    def provision(self, ctx: Context) -> Iterable[Environment]:
        return environments()

    @hookimpl
    def run(self, ctx: Context, environments: tuple[Environment, ...]) -> Iterable[Job | Prediction]:
        return plan(ctx)

    @hookimpl
    def collect(self, ctx: Context, results: Results) -> Iterable[Section]:
        from labctl_cgt.reporting.sections import sections

        # Planned again for the claims: pure, and known here even when the job that judges them failed.
        claims = tuple(item for item in plan(ctx) if isinstance(item, Prediction))
        return tuple(sections(ctx.parameters, results, claims))


plugin = Cgt()
