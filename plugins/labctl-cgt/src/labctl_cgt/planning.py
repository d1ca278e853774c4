"""The plan: trainings, one job per operator and family, and a judge per family. Light."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from labctl.api import Context, Environment, Job, Prediction
from labctl_cgt.operator import Claim, Request, Skip, Subject, register
from labctl_cgt.parameters import SHARD_MODELS, Options

PACKAGES = ("numpy>=2", "safetensors>=0.5", "torch>=2.6")


def environments() -> tuple[Environment, ...]:
    """``train`` for trainings, ``measure`` for what reads their snapshots. Neither needs a GPU."""
    common = Environment(cpu=1, packages=PACKAGES, preload=("torch",), retries=1)
    return (
        msgspec.structs.replace(common, name="train", memory_mib=1024, timeout=3600.0),
        msgspec.structs.replace(common, name="measure", memory_mib=1536, timeout=1800.0),
    )


def plan(ctx: Context) -> Iterator[Job | Prediction]:
    """All jobs and claims. The same parameters and extensions give the same plan."""
    options: Options = ctx.parameters
    # Only what is asked for by name is a subject: an installed one may be far more expensive.
    names = tuple(dict.fromkeys(options.subject))
    subjects = [
        msgspec.structs.replace(found, name=extension.name)
        for extension in ctx.extensions("subjects", *names)
        for found in extension.ask("describe")
        if isinstance(found, Subject)
    ]
    shares = [
        max(1, options.num_models // len(subjects) + (index < options.num_models % len(subjects)))
        for index in range(len(subjects))
    ]
    trainings = [list(_trainings(s, share, options)) for s, share in zip(subjects, shares, strict=True)]
    measured: list[Job | Prediction] = []
    claimed: set[str] = set()
    for subject, share, own in zip(subjects, shares, trainings, strict=True):
        measured += _measurements(ctx, subject, tuple(job.id for job in own), share, claimed)
    # The longest first: a short job that waits for a worker costs less than a long one that ends last.
    yield from _longest_first([job for own in trainings for job in own])
    yield from _longest_first([item for item in measured if isinstance(item, Job)])
    yield from sorted((i for i in measured if isinstance(i, Prediction)), key=lambda claim: claim.id)


def _longest_first(jobs: list[Job]) -> list[Job]:
    """The longest first, but judges after all that they judge."""
    return sorted(jobs, key=lambda job: ("judge" in job.tags, -(job.estimate or 0.0)))


def _trainings(subject: Subject, models: int, options: Options) -> Iterator[Job]:
    shards = max(1, -(-models // SHARD_MODELS))
    for shard in range(shards):
        size = models // shards + (shard < models % shards)
        if not size:
            return
        yield Job(
            id=f"train/{subject.name}/{shard}",
            function="labctl_cgt.training.train:train",
            params={
                "family": subject.family,
                "event": subject.event,
                "models": size,
                "checks": options.checks,
                "steps_per_check": options.steps_per_check,
                "checks_per_epoch": options.checks_per_epoch,
                "batch_size": options.batch_size,
                "hinge_lr": options.hinge_lr,
            },
            environment="train",
            tags=("train", subject.name),
            code=(subject.family.partition(":")[0],),
            estimate=subject.seconds * size * options.num_epochs / 20,
        )


def _measurements(
    ctx: Context, subject: Subject, train: tuple[str, ...], models: int, claimed: set[str]
) -> Iterator[Job | Prediction]:
    options: Options = ctx.parameters
    jobs: list[Job] = []
    claims: list[tuple[Job, Claim]] = []
    skips: list[tuple[str, Skip]] = []
    for extension in ctx.extensions("operators"):
        request = Request(
            subject=subject, train=train, models=models, parameters=options, options=extension.parameters
        )
        own: list[Job] = []
        for item in extension.ask("plan", request):
            if isinstance(item, Job):
                own.append(item)
            elif isinstance(item, Skip):
                skips.append((extension.name, item))
            elif isinstance(item, Prediction):
                yield item
            elif isinstance(item, Claim) and own:
                name = _unclaimed(item.id, claimed, subject.name, extension.name)
                claims.append((own[0], msgspec.structs.replace(item, id=name)))
        jobs.extend(own)
    yield from jobs
    compared = [job for job in jobs if "indicators" in job.params]
    judge = _judge(subject, train, compared, claims, skips, options)
    yield judge
    baselines = tuple(job.id for job in jobs if "baseline" in job.tags)
    yield from (register(claim, job.id, judge.id, baselines) for job, claim in claims)


def _unclaimed(name: str, claimed: set[str], subject: str, extension: str) -> str:
    """An id that nobody has: two claims of one id would make the whole plan invalid."""
    tries = (name, f"{name}/{subject}", f"{name}/{extension}", f"{name}/{extension}/{subject}")
    found = next(one for one in tries if one not in claimed)
    claimed.add(found)
    return found


def _judge(
    subject: Subject, train: tuple[str, ...], jobs: Iterable[Job], claims: Iterable[tuple[Job, Claim]],
    skips: Iterable[tuple[str, Skip]], options: Options,
) -> Job:  # fmt: skip
    return Job(
        id=f"judge/{subject.name}",
        function="labctl_cgt.judging.judge:judge",
        params={
            "subject": subject.name,
            "event": subject.event,
            "horizon": options.horizon,
            "checks_per_epoch": options.checks_per_epoch,
            "steps_per_check": options.steps_per_check,
            "claims": [{"job": job.id, **msgspec.to_builtins(claim)} for job, claim in claims],
            "expected": {job.id: job.params.get("indicators", []) for job in jobs},
            "skips": [{"operator": name, **msgspec.to_builtins(skip)} for name, skip in skips],
        },
        environment="measure",
        needs={"train": train, "readings": tuple(job.id for job in jobs)},
        tolerant=True,
        tags=("judge", subject.name),
        estimate=3.0,
    )
