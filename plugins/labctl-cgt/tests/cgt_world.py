"""A plan without a host: extensions, contexts, and jobs run one after another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labctl.api import Context, Job, JobResult, Prediction, Results
from labctl.testing.jobs import run_job
from labctl_cgt.monitors.specs import monitors
from labctl_cgt.operators.specs import cooling, temperature
from labctl_cgt.parameters import Options
from labctl_cgt.plugin import plugin
from labctl_cgt.subjects.specs import chiral, simsiam

SEED = 11


class FakeExtension:
    """An extension as the host gives it, without entry points."""

    distribution, version, failed = "test", "1", ""

    def __init__(self, made: Any, parameters: Any = None) -> None:
        self.made = made
        self.name = made.name
        self.parameters = parameters

    def value(self, attribute: str, default: Any = None) -> Any:
        return getattr(self.made, attribute, default)

    def ask(self, method: str, *args: Any) -> tuple[Any, ...]:
        return tuple(getattr(self.made, method)(*args))


OWN = (FakeExtension(cooling), FakeExtension(monitors), FakeExtension(temperature))


def context(*more: FakeExtension, **values: Any) -> Context:
    subjects = {s.name: FakeExtension(s) for s in (chiral, simsiam)}

    def extensions(kind: str, names: Any) -> tuple[Any, ...]:
        if kind == "operators":
            return tuple(sorted((*OWN, *more), key=lambda e: e.name))
        return tuple(subjects[name] for name in names)

    return Context(
        plugin="cgt", parameters=Options(**values), seed=SEED, project=Path("/"), extensions=extensions
    )


def planned(ctx: Context) -> tuple[list[Job], list[Prediction]]:
    items = list(plugin.run(ctx, tuple(plugin.provision(ctx))))
    jobs = [item for item in items if isinstance(item, Job)]
    return jobs, [item for item in items if isinstance(item, Prediction)]


def execute(ctx: Context, folder: Path, jobs: list[Job] | None = None) -> Results:
    """Run the jobs of a plan one after another, as the host would."""
    done: dict[str, JobResult] = {}
    for job in jobs if jobs is not None else planned(ctx)[0]:
        inputs = {role: [done[i] for i in ids if i in done] for role, ids in job.needs.items()}
        seed = SEED + sum(map(ord, job.id))
        result = run_job(job.function, folder, id=job.id, params=job.params, inputs=inputs, seed=seed)
        assert result.ok, f"{job.id}: {result.error and result.error.traceback}"
        done[job.id] = with_tags(result, job.tags)
    return Results(done)


def with_tags(result: JobResult, tags: tuple[str, ...]) -> JobResult:
    import msgspec

    return msgspec.structs.replace(result, tags=tags)
