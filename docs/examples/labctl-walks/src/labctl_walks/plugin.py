"""The project walks: what it plans, and what its results mean. Light: it imports only labctl.api."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from labctl.api import (
    Context,
    Environment,
    Evidence,
    Job,
    Lines,
    Param,
    Parameters,
    Prediction,
    Results,
    Section,
    Series,
    hookimpl,
)


class Options(Parameters):
    """The options of ``labctl run walks``."""

    walkers: Annotated[int, Param(ge=2, description="walkers of each length")] = 400
    steps: Annotated[tuple[int, ...], Param(min_length=2, description="lengths of the walks")] = (16, 64, 256)
    drift: Annotated[float, Param(ge=0, le=1, description="mean displacement of a step")] = 0.0
    resamples: Annotated[int, Param(ge=40, description="bootstrap resamples of the walkers")] = 400


class Walks:
    title = "does the distance of a random walk grow as the square root of time?"
    parameters = Options
    presets = {"quick": {"walkers": 50, "resamples": 100}}

    @hookimpl
    def provision(self, ctx: Context) -> Environment:
        return Environment(name="walk", timeout=60)

    @hookimpl
    def run(self, ctx: Context, environments: tuple[Environment, ...]) -> Iterable[Job | Prediction]:
        p = ctx.parameters
        for steps in p.steps:
            params = {"steps": steps, "walkers": p.walkers, "drift": p.drift}
            yield Job(f"walk/{steps}", "labctl_walks.tasks:walk", params=params)
        yield Job(
            "fit",
            "labctl_walks.tasks:fit",
            params={"resamples": p.resamples},
            needs={"walks": tuple(f"walk/{steps}" for steps in p.steps)},
        )
        yield Prediction(
            "P1",
            "The distance grows more slowly than time to the power 0.6.",
            jobs=("fit",),
            estimand="exponent of the root mean square distance over the number of steps",
            op="<",
            threshold=0.6,
        )

    @hookimpl
    def collect(self, ctx: Context, results: Results) -> Section:
        walks = [r.value for name, r in results.items() if name.startswith("walk/") and r.ok]
        steps = tuple(float(w["steps"]) for w in walks)
        chart = Lines(
            title="Distance over time",
            subtitle="root mean square distance from the start, both axes logarithmic",
            series=(
                Series("walkers", steps, tuple(w["distance"] for w in walks)),
                Series("square root", steps, tuple(s**0.5 for s in steps), tone="base", dashed=True),
            ),
            x_label="steps",
            x_log=True,
            y_log=True,
        )
        charts = (chart,) if len(walks) > 1 else ()
        fit = results.get("fit")
        if fit is None or not fit.ok:
            return Section(title="Walks", headline="No exponent was fitted", charts=charts)
        v = fit.value
        return Section(
            title="Walks",
            headline=f"The distance grows as time to the power {v['exponent']:.2f}",
            charts=charts,
            evidence=(Evidence("P1", v["exponent"], v["low"], v["high"], n=v["walkers"]),),
        )


plugin = Walks()
