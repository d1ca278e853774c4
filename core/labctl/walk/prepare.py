"""The first rooms of a run: plugin, parameters, plan, keys, preflight, price. Nothing is started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from labctl.config import Configuration, load_configuration
from labctl.errors import BY_CODE, LabError, UsageError
from labctl.executors.registry import make_executor
from labctl.model.machine import Environment, Problem, Rate
from labctl.model.results import JobResult
from labctl.parameters.layers import Like, resolve
from labctl.parameters.types import Origin, Point, Resolved
from labctl.planning.borrow import Lender, Loan, nothing
from labctl.planning.closure import Closures
from labctl.planning.freeze import Frozen, freeze, narrowed, whole_plan
from labctl.planning.keys import key_of
from labctl.planning.plan import Plan, PlannedJob
from labctl.planning.select import select
from labctl.planning.sources import SourceTable
from labctl.plugins.catalogue import Catalogue
from labctl.plugins.load import covering_extra
from labctl.plugins.loaded import Loaded, load_project, point_from_record
from labctl.spi import Executor
from labctl.store.queries import find_run, usual_seconds
from labctl.store.runs import Store
from labctl.store.shelf import Shelf
from labctl.walk.planfile import SavedPlan, SavedPoint, plan_file, read_plan
from labctl.walk.refusals import request_of
from labctl.walk.request import Request


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

    def as_file(self) -> dict[str, Any]:
        """The content of the run's ``plan.json``."""
        points = tuple(
            SavedPoint(p.label, p.record, {key: (o.layer, o.place) for key, o in p.origins.items()})
            for p in self.resolved.points
        )
        return plan_file(self.request, self.seed, points, self.loans, self.families, self.frozen)

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


def prepare(
    request: Request,
    catalogue: Catalogue,
    folder: str,
    home: str,
    store: Store | None,
    saved: SavedPlan | None = None,
    loaded: Loaded | None = None,
) -> Prepared:
    """Walk to the door of the run. Raises LabError for whatever is wrong; nothing is started.

    ``saved``: the plan of a run that is to go on; its parameters are taken instead of what is given.
    ``loaded``: the project, where somebody has loaded it for its options already.
    """
    loaded = loaded or load_project(catalogue, request.plugin, home)
    executor = make_executor(catalogue, request.on)
    configuration = load_configuration(folder)
    if saved is not None:
        resolved = Resolved(tuple(_point(loaded, point) for point in saved.points), saved.seed)
    elif request.like is not None:
        request, known = _like(request, store)
        resolved = resolve(loaded.types, request.given, configuration, known)
    else:
        resolved = resolve(loaded.types, request.given, configuration)
    request = limited(request, configuration)
    seed = next((s for s in (request.seed, resolved.seed) if s is not None), 0)
    plan = whole_plan(loaded, resolved, seed=seed, folder=folder, overrides=request.overrides)
    if request.service is not None:
        from labctl.walk.serving import serving

        plan, selected, skipped = serving(plan, request.service, executor, request.plugin)
    else:
        selected, skipped = select(plan, request.only, request.skip)
    sources = SourceTable(store.db) if store else None
    closures = Closures([row.entry for row in catalogue.rows], catalogue.distributions, sources)
    whole = freeze(loaded, plan, closures=closures, executor=executor)
    if sources:
        sources.save()
    problems = list(executor.check(selected.environments()))
    if problems:
        raise preflight_error(request.plugin, loaded, problems)
    loans = saved.loans if saved else _loans(request, store, executor, whole, selected.jobs, skipped)
    frozen = narrowed(whole, selected)
    seconds = _usual(frozen, store)
    price = price_of(frozen, executor, seconds)
    return Prepared(
        request, catalogue, loaded, resolved, frozen, loans, executor, seed, seconds, price, folder, closures,
        _family_sizes(plan),
    )  # fmt: skip


def limited(request: Request, configuration: Configuration) -> Request:
    """What a run may cost: as the user says, else as ``[limits]`` of the configuration does."""
    for path, table in configuration.tables("limits"):
        for name, value in table.items():
            number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
            if name not in ("budget", "stop_at") or not number:
                raise UsageError(
                    f"{path}: [limits] {name} is not right",
                    details=["it knows budget and stop_at, in US dollars"],
                )
    known = configuration.table("limits")
    return request._replace(
        budget=known.get("budget") if request.budget is None else request.budget,
        stop_at=known.get("stop_at") if request.stop_at is None else request.stop_at,
    )


def _point(loaded: Loaded, saved: SavedPoint) -> Point:
    try:
        point = point_from_record(loaded, saved.label, saved.parameters)
    except (msgspec.ValidationError, AttributeError) as error:
        raise UsageError(
            "the run's parameters are not those of the project any more",
            details=[str(error), "nothing was started"],
            hints=[f"labctl run {loaded.row.name} --help says what they are today"],
        ) from None
    origins = {key: Origin(*origin) for key, origin in saved.origins.items()}
    return point._replace(origins={key: origins.get(key, Origin("record")) for key in point.record})


def _like(request: Request, store: Store | None) -> tuple[Request, Like]:
    """The request with what ``--like`` names in place of what is not given, and its parameters."""
    if store is None:
        raise UsageError("there are no earlier runs here to be like", hints=["leave out --like"])
    if request.given.preset is not None:
        raise UsageError("--preset and --like both say what the parameters are", hints=["leave one out"])
    row = find_run(store.db, request.like or "")
    if row.plugin != request.plugin:
        raise UsageError(f"{row.name} is a run of {row.plugin}, not of {request.plugin}")
    saved = read_plan(store.folder(row.name))
    known = request_of(row, saved)
    merged = request._replace(
        seed=saved.seed if request.seed is None else request.seed,
        only=request.only or known.only,
        skip=request.skip or known.skip,
        overrides={**known.overrides, **request.overrides},
    )
    origins = saved.points[0].origins
    defaults = frozenset(key for key, origin in origins.items() if origin[0] == "default")
    return merged, Like(row.name, tuple(point.parameters for point in saved.points), defaults)


def _loans(
    request: Request,
    store: Store | None,
    executor: Executor,
    whole: Frozen,
    selected: tuple[PlannedJob, ...],
    skipped: tuple[PlannedJob, ...],
) -> dict[str, Loan]:
    """What is taken from earlier runs: for ``--skip``, and with ``--from``."""
    if store is None:
        if request.source or not all(job.lent for job in skipped):
            raise UsageError(
                "there are no earlier runs here to take results from", hints=["leave out --skip and --from"]
            )
        return {job.id: nothing(job) for job in skipped}
    lender = Lender(store, Shelf(store, executor), request.plugin, request.source, whole.materials)
    loans = lender.for_skipped(whole.plan, skipped)
    if request.source and not any(job.lent for job in skipped):
        named = request.only
        loans |= lender.finished(
            [j for j in selected if not j.service and not any(j.is_called(name) for name in named)]
        )
    return loans


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
