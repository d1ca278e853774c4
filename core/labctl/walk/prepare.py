"""The first rooms of a run: plugin, parameters, plan, keys, preflight, price. Nothing is started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from labctl.config import load_configuration
from labctl.errors import BY_CODE, LabError, UsageError
from labctl.executors.registry import make_executor
from labctl.model.machine import Environment, Problem, Rate
from labctl.model.results import JobResult
from labctl.parameters.layers import resolve
from labctl.parameters.types import Given, Resolved
from labctl.planning.borrow import Lender, Loan
from labctl.planning.closure import Closures
from labctl.planning.freeze import Frozen, freeze, narrowed, whole_plan
from labctl.planning.keys import key_of
from labctl.planning.plan import Plan
from labctl.planning.select import select
from labctl.planning.sources import SourceTable
from labctl.plugins.catalogue import Catalogue
from labctl.plugins.load import covering_extra
from labctl.plugins.loaded import Loaded, load_project
from labctl.spi import Executor
from labctl.store.queries import usual_seconds
from labctl.store.runs import Store
from labctl.store.shelf import Shelf


class Request(NamedTuple):
    """What a user asks of ``labctl run``."""

    plugin: str
    given: Given
    on: str = "local"
    jobs: int = 0
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    source: str | None = None
    use_cache: bool = True
    seed: int | None = None
    overrides: Mapping[str, tuple[str, ...]] = {}
    tags: tuple[str, ...] = ()
    note: str = ""
    command: str = ""
    grace: float = 10.0
    executor_options: Any = None


class Price(NamedTuple):
    """US dollars of a run: what it will likely come to, and the most it can.

    ``lines``: environment, number of jobs, timeout in seconds, tries, dollars per hour, worst case.
    """

    expected: float
    worst: float
    lines: tuple[tuple[str, int, float, int, float, float], ...]
    rates: tuple[Rate, ...]


class Prepared(NamedTuple):
    """A run that could start now."""

    request: Request
    catalogue: Catalogue
    loaded: Loaded
    resolved: Resolved
    frozen: Frozen
    loans: dict[str, Loan]
    executor: Executor
    seed: int
    seconds: dict[str, float]
    price: Price
    folder: str
    closures: Closures
    families: dict[str, int]

    def cached(self, shelf: Shelf) -> dict[str, str]:
        """Jobs that the cache answers, as far as that is known now: id -> the run that made it."""
        results: dict[str, JobResult] = {i: loan.result for i, loan in self.loans.items()}
        found: dict[str, str] = {}
        for job in self.frozen.plan.jobs:
            needs = {role: [results.get(i) for i in ids] for role, ids in job.needs.items()}
            answered = job.cache and self.request.use_cache and job.id not in self.loans
            if not answered or any(r is None for rs in needs.values() for r in rs):
                continue
            inputs = {role: tuple(r for r in rs if r) for role, rs in needs.items()}
            hit = shelf.cached(key_of(self.frozen.materials[job.id], inputs))
            if hit is not None:
                found[job.id] = hit.run
                results[job.id] = JobResult(
                    id=job.id, state="cached", value=hit.value, artifacts=hit.artifacts
                )
        return found


def prepare(request: Request, catalogue: Catalogue, folder: str, home: str, store: Store | None) -> Prepared:
    """Walk to the door of the run. Raises LabError for whatever is wrong; nothing is started."""
    loaded = load_project(catalogue, request.plugin, home)
    executor = make_executor(catalogue, request.on)
    resolved = resolve(loaded.types, request.given, load_configuration(folder))
    seed = next((s for s in (request.seed, resolved.seed) if s is not None), 0)
    plan = whole_plan(loaded, resolved, seed=seed, folder=folder, overrides=request.overrides)
    selected, skipped = select(plan, request.only, request.skip)
    sources = SourceTable(store.db) if store else None
    closures = Closures([row.entry for row in catalogue.rows], catalogue.distributions, sources)
    whole = freeze(loaded, plan, closures=closures, executor=executor)
    if sources:
        sources.save()
    problems = list(executor.check(selected.environments()))
    if problems:
        raise preflight_error(request.plugin, loaded, problems)
    loans: dict[str, Loan] = {}
    if store is None and (skipped or request.source):
        raise UsageError(
            "there are no earlier runs here to take results from", hints=["leave out --skip and --from"]
        )
    if store is not None:
        shelf = Shelf(store, executor)
        lender = Lender(store, shelf, request.plugin, request.source, whole.materials)
        loans = lender.for_skipped(whole.plan, skipped)
        if request.source:
            named = [j for j in selected.jobs if not any(j.is_called(n) for n in request.only)]
            loans |= lender.finished(named)
    frozen = narrowed(whole, selected)
    seconds = _usual(frozen, store)
    price = price_of(frozen, executor, seconds)
    return Prepared(
        request, catalogue, loaded, resolved, frozen, loans, executor, seed, seconds, price, folder, closures,
        _family_sizes(plan),
    )  # fmt: skip


def _family_sizes(plan: Plan) -> dict[str, int]:
    """How many claims are registered together: a selection of jobs does not make a family smaller."""
    found: dict[str, int] = {}
    for claim in plan.predictions:
        if claim.prediction.family:
            found[claim.prediction.family] = found.get(claim.prediction.family, 0) + 1
    return found


def _usual(frozen: Frozen, store: Store | None) -> dict[str, float]:
    """How long each job took the last time, else what its plugin expects, where either is known."""
    found: dict[str, float] = {}
    for job in frozen.plan.jobs:
        last = usual_seconds(store.db, job.id, job.function, job.params) if store else None
        seconds = last if last is not None else job.estimate
        if seconds is not None:
            found[job.id] = seconds
    return found


def price_of(frozen: Frozen, executor: Executor, seconds: Mapping[str, float]) -> Price:
    """Expected (rate x usual seconds) and worst case (rate x timeout x tries), by environment."""
    rates: dict[Environment, Rate] = {}
    groups: dict[tuple[Environment, float], int] = {}
    expected = 0.0
    for job in frozen.plan.jobs:
        rate = rates.setdefault(job.environment, executor.rate(job.environment))
        expected += rate.total * seconds.get(job.id, 0.0) / 3600
        group = (job.environment, job.timeout)
        groups[group] = groups.get(group, 0) + 1
    lines: list[tuple[str, int, float, int, float, float]] = []
    for (environment, timeout), count in groups.items():
        tries, rate = environment.retries + 1, rates[environment]
        worst = count * timeout * tries * rate.total / 3600
        lines.append((environment.name, count, timeout, tries, rate.total, worst))
    return Price(expected, sum(line[5] for line in lines), tuple(lines), tuple(rates.values()))


def preflight_error(plugin: str, loaded: Loaded, problems: list[Problem]) -> LabError:
    """One error for all that would fail; a package that an extra brings is named by the extra."""
    code = max(problem.exit_code for problem in problems)
    lacks = [p.what for p in problems if p.what.endswith(" is not installed")]
    missing = sorted({what.removesuffix(" is not installed") for what in lacks})
    details = [*sorted({p.what for p in problems}), "nothing was started"]
    hints: list[str] = []
    for problem in problems:
        hint = problem.hint
        if problem.exit_code == 3:
            package = problem.what.partition(" ")[0]
            extra = covering_extra(loaded.row, package)
            hint = f'pip install "{loaded.row.distribution}{extra}"' if extra else hint
        if hint and hint not in hints:
            hints.append(hint)
    if len(lacks) == len(problems):
        message = f"{plugin} needs packages that are not installed: {', '.join(missing)}"
        return BY_CODE[3](message, details=["nothing was started"], hints=hints)
    return BY_CODE.get(code, LabError)(f"{plugin} cannot run here", details=details, hints=hints)
