"""The jobs without a host: what they keep, that they go on, that they stop."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from labctl.testing.jobs import run_job
from labctl_essence_wars import _core

CONFIG = {
    "mode": "generalist", "generations": 3, "games": 6, "population": 5, "mcts_sims": 2, "rollout": "leaf",
    "sigma": 0.15, "min_sigma": 0.001,
}  # fmt: skip
TASKS = "labctl_essence_wars.tasks"


def run(world: Path, task: str, job: str, params: dict[str, Any], **more: Any) -> Any:
    """A job in the world of a test: jobs of one world can read each other's artifacts."""
    return run_job(f"{TASKS}:{task}", world, id=job, params=params, **more)


def tuned(world: Path, job: str = "train/tiny", **more: Any) -> Any:
    return run(world, "train", job, {"tag": "tiny", "config": {**CONFIG, **more}}, seed=3)


def test_a_training_keeps_its_experiment(tmp_path: Path) -> None:
    result = tuned(tmp_path)
    assert result.ok, result.error
    value = result.value
    assert value["generations"] == 3
    assert value["held_out"]["low"] <= value["held_out"]["share"] <= value["held_out"]["high"]
    folder = result.path("experiment")
    assert sorted(p.name for p in folder.iterdir()) == [
        "stats.csv", "summary.txt", "train.log", "version.toml", "weights.toml",
    ]  # fmt: skip
    rows = (folder / "stats.csv").read_text().splitlines()
    assert rows[0].startswith("generation,best_fitness,best_win_rate,sigma")
    assert len(rows) == 4
    summary = (folder / "summary.txt").read_text()
    for line in ("Best win rate: ", "Best fitness: ", "Generations: 3"):
        assert line in summary
    assert (folder / "train.log").read_text().count("Gen ") == 3
    text = result.path("weights.toml").read_text()
    assert len(_core.read_weights("w.toml", text)) == 28


def test_the_same_training_makes_the_same_files(tmp_path: Path) -> None:
    one, two = tuned(tmp_path, "one"), tuned(tmp_path, "two")
    assert [(a.name, a.sha256) for a in one.artifacts] == [(a.name, a.sha256) for a in two.artifacts]


def test_a_training_that_is_stopped_goes_on_bit_by_bit(tmp_path: Path) -> None:
    """Stopped at every moment when it asks, and begun again: it comes to the very same end."""
    stops = 0
    for patience in (1, 3, 7, 12, 20, 30, 45, 100, 1000, 10_000):
        asked = 0

        def stopping(patience: int = patience) -> bool:
            nonlocal asked
            asked += 1
            return asked > patience

        params = {"tag": "tiny", "config": {**CONFIG, "games": 60, "mcts_sims": 60}}
        found = run(tmp_path / "parts", "train", "train/tiny", params, seed=3, stopping=stopping)
        if found.ok:
            break
        assert found.state == "interrupted", found
        stops += 1
    straight = run(tmp_path / "straight", "train", "train/tiny", params, seed=3)
    assert found.ok
    assert stops > 1, "it was stopped on its way"
    assert [a.sha256 for a in found.artifacts] == [a.sha256 for a in straight.artifacts]


def test_a_specialist_and_an_unknown_deck(tmp_path: Path) -> None:
    good = tuned(tmp_path, "a", mode="specialist", deck="argentum-wall", opponent="symbiote-rush")
    assert good.ok, good.error
    bad = tuned(tmp_path, "b", mode="specialist", deck="argentum-waal", opponent="symbiote-rush")
    assert not bad.ok
    assert 'deck: there is no deck "argentum-waal"; there are argentum-lances' in str(bad.error)


VALIDATION = {"games": 2, "mcts_sims": 2, "rollout": "leaf", "seed": 5}


def part(world: Path, matchup: str, **more: Any) -> Any:
    return run(world, "validate", f"validate/{matchup or 'all'}", {**VALIDATION, "matchup": matchup}, **more)


def merge(world: Path, *parts: Any) -> Any:
    return run(world, "merge", "balance", {}, inputs={"parts": parts})


def test_three_parts_are_the_whole(tmp_path: Path) -> None:
    pairs = ("argentum-symbiote", "argentum-obsidion", "symbiote-obsidion")
    parts = [part(tmp_path, pair) for pair in pairs]
    whole = part(tmp_path, "")
    assert whole.value["games"] == 160
    assert whole.value["weights_from"] == dict.fromkeys(("argentum", "symbiote", "obsidion"), "built-in")
    merged = merge(tmp_path, *parts)
    alone = merge(tmp_path, whole)
    assert merged.ok, merged.error
    assert merged.value == alone.value
    results = json.loads((merged.path("validation") / "results.json").read_text())
    assert len(results["matchups"]) == 40
    assert {m["total_games"] for m in results["matchups"]} == {4}
    keys = {
        "p1_win_rate",
        "p1_status",
        "faction_win_rates",
        "max_faction_delta",
        "overall_status",
        "warnings",
    }
    assert keys <= set(results["summary"])
    assert "Overall: " in (merged.path("validation") / "summary.txt").read_text()


def test_a_part_that_is_missing_is_named(tmp_path: Path) -> None:
    one = part(tmp_path, "argentum-symbiote")
    merged = merge(tmp_path, one)
    assert not merged.ok
    assert "is missing" in str(merged.error)
    twice = merge(tmp_path, one, one)
    assert "is there twice" in str(twice.error)


def test_what_was_trained_goes_before_what_lies_in_the_project(tmp_path: Path) -> None:
    training = tuned(tmp_path)
    trained = _renamed(training, "train/argentum")
    path = tmp_path / "generalist.toml"
    path.write_text(training.path("weights.toml").read_text())
    found = part(tmp_path, "argentum-symbiote", inputs={"weights": [trained]}, files={"generalist": path})
    assert found.ok, found.error
    assert found.value["weights_from"] == {
        "argentum": "train/argentum",
        "symbiote": "generalist.toml of the project",
        "obsidion": "generalist.toml of the project",
    }


def _renamed(result: Any, name: str) -> Any:
    import msgspec

    return msgspec.structs.replace(result, id=name)


def test_weights_of_the_project_that_are_wrong_are_named(tmp_path: Path) -> None:
    path = tmp_path / "generalist.toml"
    path.write_text('name = "x"\nversion = 1\n[default.greedy]\nown_lief = 2\n')
    found = part(tmp_path, "", files={"generalist": path})
    assert not found.ok
    assert "generalist.toml:4: own_lief: there is no such weight" in str(found.error)


def test_the_test_before_weights_are_deployed(tmp_path: Path) -> None:
    training = tuned(tmp_path)
    plain = run(tmp_path, "check", "check/tiny", {"faction": None}, inputs={"new": [training]})
    assert plain.ok, plain.error
    assert plain.value["verdict"] in ("better", "not worse", "worse", "cannot tell")
    assert plain.value["passes"] == (plain.value["verdict"] in ("better", "not worse"))
    assert "the built-in ones" in plain.value["text"]
    current = {"current": training.path("weights.toml")}
    same = run(
        tmp_path,
        "check",
        "check/argentum",
        {"faction": "argentum"},
        inputs={"new": [training]},
        files=current,
    )
    assert same.value["share"] == 0.5, "the very same weights get the very same points"
    assert same.value["passes"]


def long_call(call: str, weights: list[float], poll: Any) -> None:
    if call == "step":
        _core.Tuner(json.dumps({**CONFIG, "games": 6000, "mcts_sims": 500, "seed": 1})).step(poll)
    elif call == "validate":
        config = {**VALIDATION, "games": 10_000, "mcts_sims": 1000, "rollout": "full", "matchup": ""}
        _core.validate(json.dumps(config), poll=poll)
    else:
        decks = ("argentum-wall", "symbiote-rush")
        _core.record(decks, 1, (weights, weights), simulations=20_000, poll=poll)


@pytest.mark.parametrize("call", ["step", "validate", "record"])
def test_a_long_call_ends_soon_after_poll_says_so(call: str, plain_weights: list[float]) -> None:
    """Other threads run meanwhile, and the call is over within some hundredths of a second."""
    said: list[float] = []
    began = time.monotonic()

    def poll(played: int) -> bool:
        if not said and time.monotonic() - began > 0.15:
            said.append(time.monotonic())
        return bool(said)

    ticks: list[float] = []
    stop = threading.Event()

    def tick() -> None:
        while not stop.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.005)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        with pytest.raises(_core.Cancelled):
            long_call(call, plain_weights, poll)
    finally:
        ended = time.monotonic()
        stop.set()
        thread.join()
    assert len(ticks) > 5, "the interpreter was free"
    print(f"{call} ended {1000 * (ended - said[0]):.1f} ms after it was told to")


def test_an_error_of_poll_comes_out(plain_weights: list[float]) -> None:
    def poll(played: int) -> bool:
        raise RuntimeError("no more")

    config = {**VALIDATION, "games": 10_000, "mcts_sims": 200, "matchup": ""}
    with pytest.raises(RuntimeError, match="no more"):
        _core.validate(json.dumps(config), poll=poll)
