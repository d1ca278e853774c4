"""``plan.json``: the frozen plan of a run with all that it takes to drive it again."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import msgspec

from labctl.errors import UsageError
from labctl.model.plan import Prediction
from labctl.planning.borrow import Loan
from labctl.planning.freeze import Frozen, plan_record
from labctl.planning.keys import Material
from labctl.planning.plan import Plan, PlannedJob, PlannedPrediction
from labctl.store.folder import RunFolder
from labctl.walk.request import Request

VERSION = 2


class SavedPoint(msgspec.Struct, frozen=True):
    """A point of the grid: ``parameters`` by key, and where each came from."""

    label: str
    parameters: dict[str, Any]
    origins: dict[str, tuple[str, str]] = {}


class _SavedRequest(msgspec.Struct, frozen=True):
    """The parts of a request that resuming needs; the parameters are in the points."""

    on: str
    jobs: int
    only: tuple[str, ...]
    skip: tuple[str, ...]
    source: str | None
    use_cache: bool
    overrides: dict[str, tuple[str, ...]]
    tags: tuple[str, ...]
    note: str
    command: str
    grace: float
    executor_options: Any = None
    budget: float | None = None


class _SavedLoan(msgspec.Struct, frozen=True):
    result: Any
    run: str
    made: float
    differs: str
    maker: str


class _SavedClaim(msgspec.Struct, frozen=True):
    prediction: Prediction
    point: str
    jobs: tuple[str, ...]
    sha256: str


class _File(msgspec.Struct, frozen=True):
    schema_version: int
    plugin: str
    seed: int
    points: tuple[SavedPoint, ...]
    loans: dict[str, _SavedLoan]
    families: dict[str, int]
    jobs: tuple[PlannedJob, ...]
    services: tuple[PlannedJob, ...]
    predictions: tuple[_SavedClaim, ...]
    keys: dict[str, Material]
    request: _SavedRequest | None = None  # an import leaves out what would be done with it


class SavedPlan(NamedTuple):
    """A run's plan as it was frozen, read again. ``request``: None in a plan that is not to be driven."""

    plugin: str
    seed: int
    request: Request | None
    points: tuple[SavedPoint, ...]
    loans: dict[str, Loan]
    families: dict[str, int]
    frozen: Frozen
    options: Any


def plan_file(
    request: Request,
    seed: int,
    points: tuple[SavedPoint, ...],
    loans: dict[str, Loan],
    families: dict[str, int],
    frozen: Frozen,
) -> dict[str, Any]:
    """The content of ``plan.json``. No value of a secret is in it: plans hold their names only."""
    saved = {name: getattr(request, name) for name in _SavedRequest.__struct_fields__}
    return {
        **plan_record(frozen),
        "schema_version": VERSION,
        "plugin": request.plugin,
        "seed": seed,
        "request": msgspec.to_builtins(saved),
        "points": [msgspec.to_builtins(point) for point in points],
        "loans": {job: msgspec.to_builtins(loan._asdict()) for job, loan in loans.items()},
        "families": families,
    }


def read_plan(folder: RunFolder) -> SavedPlan:
    """The plan of a run. Raises UsageError that names the file if it cannot be driven again."""
    name = os.path.relpath(folder.plan)
    try:
        found = msgspec.json.decode(folder.plan.read_bytes(), type=_File)
    except FileNotFoundError:
        why = "somebody has removed it" if folder.root.is_dir() else "its folder is gone"
        raise UsageError(f"{name} is not there: {why}") from None
    except (msgspec.MsgspecError, OSError) as error:
        if _version(folder) < VERSION:
            raise UsageError(
                f"{name} was written by an older labctl, which kept too little to go on",
                hints=["run it anew: what is finished comes from the cache"],
            ) from None
        raise UsageError(f"{name} cannot be read", details=[str(error)]) from None
    if found.schema_version > VERSION:
        raise UsageError(f"{name} was written by a newer labctl", hints=["pip install -U labctl"])
    if lacking := [job.id for job in found.jobs if job.id not in found.keys]:
        raise contradiction(name, f"it has no key of {lacking[0]}")
    claims = tuple(
        PlannedPrediction(prediction=c.prediction, point=c.point, jobs=c.jobs) for c in found.predictions
    )
    plan = Plan(jobs=found.jobs, services=found.services, predictions=claims)
    registrations = {claim.id: c.sha256 for claim, c in zip(claims, found.predictions, strict=True)}
    said = found.request
    request = Request.again(found.plugin, found.seed, msgspec.structs.asdict(said)) if said else None
    loans = {job: _loan(saved) for job, saved in found.loans.items()}
    return SavedPlan(
        found.plugin, found.seed, request, found.points, loans, found.families,
        Frozen(plan, found.keys, registrations), said.executor_options if said else None,
    )  # fmt: skip


def contradiction(name: str, why: str) -> UsageError:
    """The error for a plan that can be read and cannot be what was written."""
    return UsageError(f"{name} cannot be read: somebody has changed it", details=[why, "nothing was started"])


class _Version(msgspec.Struct):
    schema_version: int = VERSION


def _version(folder: RunFolder) -> int:
    try:
        return msgspec.json.decode(folder.plan.read_bytes(), type=_Version).schema_version
    except (msgspec.MsgspecError, OSError):
        return VERSION


def _loan(saved: _SavedLoan) -> Loan:
    from labctl.model.results import JobResult

    result = msgspec.convert(saved.result, JobResult)
    return Loan(result, saved.run, saved.made, saved.differs, saved.maker)
