"""The plan: trainings, validations of the pairs of factions, and what puts them together. Light."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from labctl.api import Context, Environment, InputFile, Job, Prediction
from labctl_essence_wars.parameters import FACTIONS, PAIRS, Options
from labctl_essence_wars.search import Configuration, read_configs, standard

WEIGHTS = {
    "generalist": "data/weights/generalist.toml",
    **{faction: f"data/weights/specialists/{faction}.toml" for faction in FACTIONS},
}
"""Where weights are in a user's project, by configuration."""
TASKS = "labctl_essence_wars.tasks"
MATCHUPS = {("argentum", "symbiote"): 12, ("argentum", "obsidion"): 12, ("symbiote", "obsidion"): 16}

# Seconds of one core, measured; they are for the expected time and in no key.
PER_SIMULATION = {"truncated": 8.5e-6, "full": 70e-6, "random": 12e-6, "leaf": 0.3e-6}
GREEDY_GAME = 65e-6
CHOICES = 40  # choices of one player in a game
RACE, MEASURE = 4, 8  # evaluations of the final comparison for each finalist, and of the measurement


def environments(options: Options) -> tuple[Environment, ...]:
    """``train``, ``validate`` and ``judge``. None needs a GPU or much memory."""
    return (
        Environment(name="train", cpu=options.train_cores, memory_mib=512, timeout=7200.0),
        Environment(name="validate", cpu=options.validation_cores, memory_mib=512, timeout=86_400.0),
        Environment(name="judge", memory_mib=512, timeout=1800.0),
    )


def plan(ctx: Context) -> Iterator[Job | Prediction]:
    """All jobs and claims. The same parameters and files give the same plan."""
    options: Options = ctx.parameters
    trained = configurations(options)
    for found in trained:
        yield training(found, options)
    if options.trains:
        yield from (claim(found.tag) for found in trained)
    if options.validates:
        yield from validations(ctx, options, tuple(f"train/{found.tag}" for found in trained))


def configurations(options: Options) -> tuple[Configuration, ...]:
    """What is trained, or taken from another run. Raises ValueError for a wrong file."""
    if options.configs is not None:
        return read_configs(options.configs.path, options)
    return tuple(standard(name, options) for name in options.trained)


def training(found: Configuration, options: Options) -> Job:
    """One search. In a validation alone it is taken from another run, if there is one."""
    config = found.config
    finalists = 1 + min(4, config["generations"])
    evaluations = config["generations"] * (config["population"] or 13) + finalists * RACE + 2 * MEASURE
    searching = CHOICES * config["mcts_sims"] * PER_SIMULATION[config["rollout"]]
    seconds = evaluations * config["games"] * (GREEDY_GAME + searching / 3)
    params: dict[str, Any] = {"tag": found.tag, "config": config}
    return Job(
        id=f"train/{found.tag}",
        function=f"{TASKS}:train",
        params=params,
        environment="train",
        tags=("train",),
        seed=found.seed,
        estimate=seconds / _threads(options.train_cores),
        counts={"training games": evaluations * config["games"]},
        lent=not options.trains,
    )


def validations(ctx: Context, options: Options, trainings: tuple[str, ...]) -> Iterator[Job]:
    """The pairs of factions, each in a job of its own or all in one, and the job that puts them together."""
    files: dict[str, InputFile] = {}
    # Weights of the project stand in for what is not trained: for all in a validation alone, else for others.
    for name, path in WEIGHTS.items():
        found = ctx.file(path)
        if found is not None and (not options.trains or f"train/{name}" not in trainings):
            files[name] = found
    per_game = 2 * CHOICES * options.validation_sims * PER_SIMULATION[options.rollout]
    pairs = ["-".join(pair) for pair in PAIRS]
    for name in ["all"] if options.sequential else pairs:
        counted = sum(MATCHUPS.values()) if options.sequential else MATCHUPS[PAIRS[pairs.index(name)]]
        games = counted * 2 * options.validation_games
        yield Job(
            id=f"validate/{name}",
            function=f"{TASKS}:validate",
            params={
                "matchup": "" if options.sequential else name,
                "games": options.validation_games,
                "mcts_sims": options.validation_sims,
                "rollout": options.rollout,
                # The run's seed, not the job's: one job for all plays the very games of three.
                "seed": ctx.seed,
            },
            needs={"weights": trainings},
            files=files,
            environment="validate",
            tags=("validate",),
            timeout=float(options.validation_timeout),
            tolerant=not options.trains,
            estimate=games * per_game / _threads(options.validation_cores),
            counts={"validation games": games},
        )
    parts = ("validate/all",) if options.sequential else tuple(f"validate/{pair}" for pair in pairs)
    yield Job(
        id="balance",
        function=f"{TASKS}:merge",
        needs={"parts": parts},
        environment="judge",
        tags=("validate",),
        estimate=1.0,
    )


def claim(tag: str) -> Prediction:
    """What a training is for: that its weights are better than the built-in ones."""
    return Prediction(
        id=f"tuned-{tag}",
        claim=f"The weights tuned for {tag} win more points than the built-in ones.",
        jobs=(f"train/{tag}",),
        estimand="difference of the shares of points on fresh deals, each played from both seats",
        op=">",
        threshold=0.0,
        family="tuned",
    )


def check(tag: str, current: InputFile | None) -> Job:
    """The test before weights are deployed: against those in place, or against the built-in ones."""
    faction = tag if tag in FACTIONS else None
    return Job(
        id=f"check/{tag}",
        function=f"{TASKS}:check",
        params={"faction": faction},
        needs={"new": (f"train/{tag}",)},
        files={} if current is None else {"current": current},
        environment="judge",
    )


def _threads(cores: int) -> int:
    return max(1, min(cores, os.cpu_count() or 1))
