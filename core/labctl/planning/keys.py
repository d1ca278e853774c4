"""Keys: same key, same result, not run again. All parts are kept, so that a difference can be named."""

from __future__ import annotations

from typing import Any

import msgspec

from labctl.api import CONTRACT
from labctl.model.canonical import digest
from labctl.model.results import JobResult
from labctl.planning.closure import Closures
from labctl.planning.plan import PlannedJob, PlannedPrediction, local_name

SCHEMA = 1


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a key that are known when the plan is frozen; the inputs come later.

    Not part of it: timeout, retries, cpu, memory. ``job``: its id, which the function may read.
    ``code``: digests by module or data file; ``packages``: versions of the distributions that the
    code reaches outside the plugins.
    """

    job: str
    function: str
    params: dict[str, Any]
    files: dict[str, str]
    seed: int
    environment: str
    code: dict[str, str]
    packages: dict[str, str]
    seal: str | None = None
    contract: int = CONTRACT
    schema: int = SCHEMA


def material(job: PlannedJob, closures: Closures, fingerprint: str) -> Material:
    """The frozen parts of a job's key; ``fingerprint`` is the executor's, of its environment."""
    code = closures.of(job.modules)
    return Material(
        job=job.local_id,
        function=job.function,
        params=job.params,
        files={name: file.sha256 for name, file in job.files.items()},
        seed=job.seed,
        environment=fingerprint,
        code=code.files,
        packages=code.packages,
        seal=job.seal,
    )


def key_of(frozen: Material, inputs: dict[str, tuple[JobResult, ...]]) -> str:
    """The key of a job whose needs have ended: its material and the digests of what they made."""
    made = {role: [result_digest(result) for result in results] for role, results in inputs.items()}
    return digest({"material": frozen, "inputs": made})


def as_input(result: JobResult) -> JobResult:
    """A result without what may differ from run to run: its point, its seconds, whether it was cached."""
    state = "succeeded" if result.ok else result.state
    return msgspec.structs.replace(result, id=local_name(result.id), state=state, seconds=0.0)


def result_digest(result: JobResult) -> list[Any]:
    """A result as it counts in a follower's key: its id, value and artifacts, or that there is none."""
    name = local_name(result.id)
    if not result.ok:  # a tolerant job may say why, so the reason is part of what it reads
        return [name, None, result.state, str(result.error or "")]
    return [name, digest(result.value), [[a.name, a.sha256] for a in result.artifacts]]


def registration(claim: PlannedPrediction, project: str) -> str:
    """The digest under which a claim is registered. An edited claim is another registration."""
    return digest({"project": project, "point": claim.point, "prediction": claim.prediction})
