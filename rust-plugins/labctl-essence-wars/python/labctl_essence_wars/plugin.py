"""The project essence-wars: tune bots, validate the balance of decks, deploy weights. Light."""

from __future__ import annotations

from collections.abc import Iterable

from labctl.api import Action, Context, Copy, Environment, Job, Prediction, Report, Results, Section, hookimpl
from labctl_essence_wars.parameters import PRESETS, Options
from labctl_essence_wars.planning import WEIGHTS, check, environments, plan


class EssenceWars:
    """Tunes the weights of card-game bots, and says whether the decks are balanced."""

    title = "are the decks balanced, and do tuned bots play better?"
    parameters = Options
    presets = PRESETS
    deploys = True

    @hookimpl
    def provision(self, ctx: Context) -> Iterable[Environment]:
        return environments(ctx.parameters)

    @hookimpl
    def run(self, ctx: Context, environments: tuple[Environment, ...]) -> Iterable[Job | Prediction]:
        return plan(ctx)

    @hookimpl
    def collect(self, ctx: Context, results: Results) -> Iterable[Section]:
        from labctl_essence_wars.reporting.sections import sections

        return tuple(sections(ctx.parameters, results))

    @hookimpl
    def deploy(self, ctx: Context, report: Report) -> Iterable[Action]:
        """Weights that this run trained, each after a test against what is in place, and the validation."""
        if not ctx.parameters.trains:
            return
        for name, path in WEIGHTS.items():
            result = report.results.get(f"train/{name}")
            if result is not None and result.ok:
                yield Copy(f"train/{name}", "weights.toml", path, check=check(name, ctx.file(path)))
        balance = report.results.get("balance")
        if balance is not None and balance.ok:
            yield Copy("balance", "validation", f"experiments/validation/{report.run}")


plugin = EssenceWars()
