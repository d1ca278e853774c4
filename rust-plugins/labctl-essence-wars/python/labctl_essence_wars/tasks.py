"""What the jobs do: call the engine, keep what it found. The engine lets other threads run meanwhile."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labctl.api import JobContext, JobResult, Stopped
from labctl_essence_wars import _core
from labctl_essence_wars.parameters import FACTIONS

KINDS = ("random", "greedy", "mcts")


def train(job: JobContext, *, tag: str, config: dict[str, Any]) -> dict[str, Any]:
    """Search weights, generation by generation. Every generation is in the checkpoint.

    Returns what was found on held-out deals: shares of points in [0, 1] with 95 % intervals.
    """
    wanted = json.dumps({**config, "seed": job.seed})
    saved = job.checkpoint.path / "search.json"
    tuner = _core.Tuner(wanted, checkpoint=_text(saved), threads=job.threads)
    total = _core.tuning_games(wanted)
    before = tuner.games

    def poll(played: int) -> bool:
        job.progress(before + played, total, "games")
        return job.should_stop()

    try:
        while tuner.ended() is None:
            began = time.monotonic()
            made = json.loads(tuner.step(poll))
            _write(saved, tuner.checkpoint())
            job.checkpoint.commit()
            _tell(job, made, time.monotonic() - began)
        outcome = json.loads(tuner.finish(poll))
    except _core.Cancelled:
        raise Stopped from None  # what was finished is in the checkpoint
    _keep(job, tag, config, outcome)
    history = outcome.pop("history")
    outcome.pop("weights")
    return {**outcome, "tag": tag, "generations": len(history), "mode": config["mode"]}


def _tell(job: JobContext, made: dict[str, Any], seconds: float) -> None:
    step = made["generation"]
    job.metric("fitness, mean", made["mean_fitness"], step=step, unit="%", better="up")
    job.metric("fitness, best", made["best_fitness"], step=step, unit="%", better="up")
    job.metric("sigma", made["sigma"], step=step)
    for kind, share in zip(KINDS, made["by_opponent"], strict=True):
        job.metric(f"share of points against {kind}", share, step=step, better="up")
    print(
        f"Gen {step}: best_fit={made['best_fitness']:.3f}, best_wr={made['best_win_rate']:.4f},"
        f" sigma={made['sigma']:.6f}, time={seconds:.1f}s",
        flush=True,
    )


def _keep(job: JobContext, tag: str, config: dict[str, Any], outcome: dict[str, Any]) -> None:
    """The experiment's folder, and the weights on their own. No time of day and no duration is in them:
    the same search makes the same files everywhere."""
    held = outcome["held_out"]
    notes = [
        f"tuned by CMA-ES over {outcome['games']} games; the {outcome['chosen']} was taken",
        f"on fresh deals {held['share']:.4f} [{held['low']:.4f}, {held['high']:.4f}] of the points,"
        f" {held['deals']} deals",
    ]
    weights = _core.write_weights(tag, outcome["weights"], notes)
    folder = job.artifact("experiment")
    folder.mkdir()
    columns = (
        "generation",
        "best_fitness",
        "best_win_rate",
        "sigma",
        "mean_fitness",
        "mean_win_rate",
        "games",
    )
    rows = [",".join(columns), *(",".join(str(g[c]) for c in columns) for g in outcome["history"])]
    lines = [
        f"# {tag}: {json.dumps(config, sort_keys=True)}",
        *(
            f"Gen {g['generation']}: best_fit={g['best_fitness']:.3f}, best_wr={g['best_win_rate']:.4f},"
            f" sigma={g['sigma']:.6f}"
            for g in outcome["history"]
        ),
    ]
    (folder / "train.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "stats.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "summary.txt").write_text(_core.tuning_text(json.dumps(outcome), tag), encoding="utf-8")
    (folder / "version.toml").write_text(f'version = "{_version()}"\n', encoding="utf-8")
    (folder / "weights.toml").write_text(weights, encoding="utf-8")
    job.artifact("weights.toml").write_text(weights, encoding="utf-8")
    job.artifact("history.json").write_text(json.dumps(outcome["history"]), encoding="utf-8")


def validate(
    job: JobContext, *, matchup: str, games: int, mcts_sims: int, rollout: str, seed: int
) -> dict[str, Any]:
    """Every deck against every deck of the other factions, with the newest weights there are.

    Returns where each faction's weights came from, and how many games were played.
    """
    weights: dict[str, list[float]] = {}
    origins: dict[str, str] = {}
    for faction in FACTIONS:
        found = _weights_of(job, faction)
        origins[faction] = found[0]
        if found[1] is not None:
            weights[faction] = found[1]
    config = {
        "games": games, "mcts_sims": mcts_sims, "rollout": rollout, "seed": seed, "matchup": matchup,
        "weights": weights,
    }  # fmt: skip
    wanted = json.dumps(config)
    total = _core.validation_games(wanted)
    try:
        part = _core.validate(wanted, poll=_poll(job, total), threads=job.threads)
    except _core.Cancelled:
        raise Stopped from None
    job.artifact("part.json").write_text(part, encoding="utf-8")
    return {"games": total, "weights_from": origins}


def _weights_of(job: JobContext, faction: str) -> tuple[str, list[float] | None]:
    """Where a faction's weights come from, and what they are; None for the built-in ones.

    A specialist goes before the generalist, what was trained before what lies in the project.
    """
    trained: dict[str, JobResult] = {}
    if "weights" in job.roles:
        trained = {r.id.rpartition("/")[2]: r for r in job.inputs("weights") if r.ok}
    for name in (faction, "generalist"):
        if name in trained:
            path = trained[name].path("weights.toml")
            return f"train/{name}", _core.read_weights(path.name, path.read_text(encoding="utf-8"))
    for name in (faction, "generalist"):
        if name in job.files:
            text = job.file(name).read_text(encoding="utf-8")
            return f"{name}.toml of the project", _core.read_weights(f"{name}.toml", text)
    return "built-in", None


def merge(job: JobContext) -> dict[str, Any]:
    """The parts together, judged. Returns the summary and, of each matchup, its interval and verdict."""
    parts = job.inputs("parts")
    texts = [part.path("part.json").read_text(encoding="utf-8") for part in parts]
    found = json.loads(_core.merge_validations(texts))
    results, summary = found["results"], found["summary"]
    config = results["config"]
    origins = parts[0].value["weights_from"]
    folder = job.artifact("validation")
    folder.mkdir()
    whole = {
        "version": _version(),
        "config": {
            "games_per_matchup": config["games"], "mcts_simulations": config["mcts_sims"],
            "rollout": config["rollout"], "seed": config["seed"], "weights": config["weights"],
            "weights_from": origins,
        },
        "matchups": results["matchups"],
        "summary": summary,
    }  # fmt: skip
    (folder / "results.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    (folder / "summary.txt").write_text(found["text"], encoding="utf-8")
    settings = {k: v for k, v in config.items() if k not in ("weights", "matchup")}
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    lines += ["", "[weights_from]", *(f'{faction} = "{origin}"' for faction, origin in origins.items())]
    (folder / "config.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    kept = (
        "faction1",
        "faction2",
        "deck1_id",
        "deck2_id",
        "share",
        "low",
        "high",
        "verdict",
        "deals",
        "avg_turns",
        "draws",
    )
    return {
        "summary": summary,
        "matchups": [{name: m[name] for name in kept} for m in results["matchups"]],
        "games": sum(m["total_games"] for m in results["matchups"]),
        "weights_from": origins,
    }


def check(job: JobContext, *, faction: str | None) -> dict[str, Any]:
    """New weights against those in place. ``passes`` is what the host goes by; ``text`` is for people."""
    path = job.input("new").path("weights.toml")
    new = _core.read_weights(path.name, path.read_text(encoding="utf-8"))
    if "current" in job.files:
        against = "those in place"
        current = _core.read_weights("current.toml", job.file("current").read_text(encoding="utf-8"))
    else:
        against = "the built-in ones"
        current = [weight["value"] for weight in json.loads(_core.describe())["weights"]]
    config = {"new": new, "current": current, "faction": faction, "seed": job.seed}
    try:
        found = json.loads(_core.gate(json.dumps(config), poll=_poll(job, 32_000), threads=job.threads))
    except _core.Cancelled:
        raise Stopped from None
    words = {"not worse": "no worse than 1 point"}.get(found["verdict"], found["verdict"])
    text = (
        f"{words}: {found['share']:.3f} [{found['low']:.3f}, {found['high']:.3f}] of the points against"
        f" {against}, {found['deals']} deals"
    )
    return {**found, "against": against, "text": text}


def _poll(job: JobContext, total: int) -> Callable[[int], bool]:
    def poll(played: int) -> bool:
        job.progress(min(played, total), total, "games")
        return job.should_stop()

    return poll


def _version() -> str:
    return str(json.loads(_core.describe())["version"])


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(".new")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path)
