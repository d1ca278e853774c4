"""From a project and its parameters to a frozen plan: every point of the grid, keys and all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from labctl.model.canonical import digest
from labctl.model.machine import Environment
from labctl.parameters.types import Resolved
from labctl.planning.closure import Closures
from labctl.planning.keys import Material, material, registration
from labctl.planning.overrides import override
from labctl.planning.plan import Plan, check_functions, plan_point
from labctl.plugins.loaded import Loaded
from labctl.spi import Executor


class Frozen(NamedTuple):
    """A plan with the material of every key and the digest of every claim."""

    plan: Plan
    materials: dict[str, Material]
    registrations: dict[str, str]

    @property
    def registration(self) -> str:
        """One digest of all claims; empty if there are none."""
        return digest(sorted(self.registrations.values())) if self.registrations else ""


def whole_plan(
    loaded: Loaded,
    resolved: Resolved,
    *,
    seed: int,
    folder: str,
    overrides: Mapping[str, Iterable[str]],
) -> Plan:
    """What the hooks ``provision`` and ``run`` say at every point. Raises PluginError, UsageError."""
    plans: list[Plan] = []
    for point in resolved.points:
        ctx = loaded.context(point, seed, folder)
        own = {environment.name: environment for environment in loaded.project.provision(ctx)}
        environments: dict[str, Environment] = override(own.values(), overrides)
        items = loaded.project.run(ctx, tuple(environments.values()))
        plans.append(plan_point(loaded.project, items, environments, point=point.label, seed=seed, own=own))
    return Plan(
        jobs=tuple(job for plan in plans for job in plan.jobs),
        services=tuple(service for plan in plans for service in plan.services),
        predictions=tuple(claim for plan in plans for claim in plan.predictions),
    )


def freeze(
    loaded: Loaded,
    plan: Plan,
    *,
    closures: Closures,
    executor: Executor,
) -> Frozen:
    """Check that every function is there, and digest what decides each job's result."""
    check_functions(loaded.project, plan, closures)
    prints = {environment: executor.fingerprint(environment) for environment in plan.environments()}
    materials = {job.id: material(job, closures, prints[job.environment]) for job in plan.jobs}
    claims = {claim.id: registration(claim, loaded.row.name) for claim in plan.predictions}
    return Frozen(plan, materials, claims)


def narrowed(frozen: Frozen, plan: Plan) -> Frozen:
    """The same for a selection of the plan's jobs."""
    kept = {claim.id for claim in plan.predictions}
    claims = {i: d for i, d in frozen.registrations.items() if i in kept}
    return frozen._replace(plan=plan, registrations=claims)


def plan_record(frozen: Frozen) -> dict[str, object]:
    """The frozen plan as JSON, for the run's folder."""
    return {
        "schema_version": 1,
        "jobs": [msgspec.to_builtins(job) for job in frozen.plan.jobs],
        "services": [msgspec.to_builtins(service) for service in frozen.plan.services],
        "predictions": [
            {**msgspec.to_builtins(claim), "sha256": frozen.registrations[claim.id]}
            for claim in frozen.plan.predictions
        ],
        "keys": {i: msgspec.to_builtins(m) for i, m in frozen.materials.items()},
    }
