"""The project by the real command line: trained, validated, killed, resumed, replayed."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from labctl.testing import Lab
from labctl_essence_wars import _core

SMALL = ("--generations", "2", "--games", "6", "--population", "4", "--mcts-sims", "1", "--rollout", "leaf",
         "--validation-games", "2", "--validation-sims", "1")  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A lab with one small run in it, shared by the tests that look at it."""
    made = Lab(tmp_path_factory.mktemp("essence") / "lab")
    found = made("run", "essence-wars", *SMALL)
    assert found.code == 0, found.err
    return made


def newest(lab: Lab) -> str:
    return str(lab("runs", "list", "--json").json["runs"][0]["name"])


def digests(lab: Lab, run: str) -> dict[str, list[Any]]:
    return {job["id"]: job["artifacts"] for job in lab.record(run)["jobs"]}


def test_a_run_trains_validates_and_judges(done: Lab) -> None:
    record = done.record("essence-wars-1")
    assert {job["state"] for job in record["jobs"]} == {"succeeded"}
    values = {job["id"]: job["value"] for job in record["jobs"]}
    assert values["balance"]["games"] == 160
    assert len(values["balance"]["matchups"]) == 40
    assert set(values["balance"]["weights_from"].values()) == {
        "train/argentum", "train/symbiote", "train/obsidion",
    }  # fmt: skip
    assert sorted(v["prediction"]["id"] for v in record["verdicts"]) == [
        "tuned-argentum", "tuned-generalist", "tuned-obsidion", "tuned-symbiote",
    ]  # fmt: skip
    balance, tuning = record["report"]["sections"]
    assert balance["headline"].startswith("Balance is ")
    assert {chart["chart"] for chart in (*balance["charts"], *tuning["charts"])} >= {
        "heatmap",
        "lines",
        "forest",
    }
    metrics = (done.home / "runs" / "essence-wars-1" / "metrics.jsonl").read_text()
    assert "share of points against mcts" in metrics


def test_a_second_run_comes_from_the_cache(done: Lab) -> None:
    again = done("run", "essence-wars", *SMALL, "--json")
    assert again.code == 0, again.err
    states = {e["job"]: e["state"] for e in again.events if e.get("event") == "job"}
    assert set(states.values()) == {"cached"}


def test_one_job_for_all_makes_the_very_same_balance(done: Lab) -> None:
    together = done("run", "essence-wars", *SMALL, "--sequential", "--tag", "sequential")
    assert together.code == 0, together.err
    assert digests(done, newest(done))["balance"] == digests(done, "essence-wars-1")["balance"]
    assert "validate/all" in digests(done, newest(done))


def test_the_plan_counts_games_and_says_how_long(done: Lab) -> None:
    plan = done("run", "essence-wars", "--preset", "source", "--plan")
    assert plan.code == 0, plan.err
    assert "40,000 validation games" in plan.out
    odd = done("run", "essence-wars", "--games", "13")
    assert odd.code == 2
    assert "has to be even: each deal is played from both seats" in odd.err
    assert "Time       about" in plan.out


def test_a_validation_alone_uses_the_newest_training_and_deploys_nothing(done: Lab) -> None:
    found = done("run", "essence-wars", *SMALL, "--mode", "validate-only")
    assert found.code == 0, found.err
    assert "taken from essence-wars-" in found.err
    record = done.record(newest(done))
    values = {job["id"]: job["value"] for job in record["jobs"]}
    assert values["balance"]["weights_from"]["argentum"] == "train/argentum"
    assert not any(job.startswith("train/") for job in values)
    shown = done("deploy", "last", "--dry-run")
    assert "essence-wars has nothing to deploy" in shown.out


def test_a_validation_alone_in_an_empty_home(lab: Lab) -> None:
    found = lab("run", "essence-wars", *SMALL, "--mode", "validate-only")
    assert found.code == 0, found.err
    values = {job["id"]: job["value"] for job in lab.record(newest(lab))["jobs"]}
    assert set(values["balance"]["weights_from"].values()) == {"built-in"}
    folder = lab.folder / "data" / "weights" / "specialists"
    folder.mkdir(parents=True)
    weights = [w["value"] for w in json.loads(_core.describe())["weights"]]
    (folder / "obsidion.toml").write_text(_core.write_weights("mine", weights, []))
    again = lab("run", "essence-wars", *SMALL, "--mode", "validate-only")
    assert again.code == 0, again.err
    origins = {job["id"]: job["value"] for job in lab.record(newest(lab))["jobs"]}["balance"]["weights_from"]
    assert origins == {
        "argentum": "built-in",
        "symbiote": "built-in",
        "obsidion": "obsidion.toml of the project",
    }


def test_a_run_that_is_killed_goes_on_and_comes_to_the_same_end(done: Lab, lab: Lab) -> None:
    slow = (*SMALL, "--generations", "12", "--games", "120", "--mcts-sims", "40")
    whole = lab("run", "essence-wars", *slow, "--mode", "train-only", "--single", "generalist")
    assert whole.code == 0, whole.err
    host = lab.start(
        "run", "essence-wars", *slow, "--mode", "train-only", "--single", "generalist", "--no-cache"
    )
    saved = lab.home / "runs" / "essence-wars-2" / "checkpoints" / "train~generalist" / "search.json"
    end = time.monotonic() + 60
    while not saved.exists():
        assert time.monotonic() < end
        assert host.poll() is None, host.communicate()
        time.sleep(0.01)
    host.send_signal(signal.SIGKILL)
    host.communicate()
    resumed = lab("resume", "last")
    assert resumed.code == 0, resumed.err
    log = (lab.home / "runs" / "essence-wars-2" / "logs" / "train~generalist.2.log").read_text()
    assert "Gen 1:" not in log, "what was in the checkpoint was not played again"
    assert digests(lab, "essence-wars-2") == digests(lab, "essence-wars-1")


def test_a_list_of_configurations(lab: Lab) -> None:
    (lab.folder / "search.yaml").write_text("- tag: few\n  args: -g 1\n- tag: more\n  args: -g 2\n")
    found = lab("run", "essence-wars", *SMALL, "--configs", "search.yaml")
    assert found.code == 0, found.err
    values = {job["id"]: job["value"] for job in lab.record(newest(lab))["jobs"]}
    assert {i: v["generations"] for i, v in values.items()} == {"train/few": 1, "train/more": 2}
    (lab.folder / "search.yaml").write_text("- tag: few\n  args: --explode\n")
    wrong = lab("run", "essence-wars", "--configs", "search.yaml")
    assert wrong.code in (2, 3)
    assert "search.yaml, configuration 1: args: unrecognized arguments: --explode" in wrong.err
    assert "nothing was started" in wrong.err


def test_a_validation_that_takes_too_long(lab: Lab) -> None:
    found = lab("run", "essence-wars", "--mode", "validate-only", "--validation-games", "5000",
                "--validation-timeout", "1", "--validation-sims", "500", "--sequential",
                "--retries", "0")  # fmt: skip
    assert found.code == 1
    jobs = {job["id"]: job for job in lab.record(newest(lab))["jobs"]}
    assert jobs["validate/all"]["state"] == "timed out"
    assert jobs["balance"]["state"] == "skipped"


def test_a_deal_is_played_again(done: Lab) -> None:
    page = done.folder / "game.html"
    found = done("essence-wars", "replay", "essence-wars-1", "--deal", "5", "--review", "10", "-o", str(page))
    assert found.code == 0, found.err
    text = page.read_text()
    assert "Content-Security-Policy" in text
    one = done("essence-wars", "replay", "essence-wars-1", "--deal", "5", "--review", "0", "--json").json
    results = done(
        "collect", "essence-wars-1", "--artifact", "balance/validation", "-o", str(done.folder / "out")
    )
    assert results.code == 0
    whole = json.loads((done.folder / "out/balance/validation/results.json").read_text())
    matchup = whole["matchups"][2]
    assert [deck["id"] for deck in one["decks"]] == [matchup["deck1_id"], matchup["deck2_id"]]
    assert f"{matchup['deck1_id']} against {matchup['deck2_id']}, deal 5 of essence-wars-1" in text
    for wrong, says in (
        (("nope-1",), "there is no run named nope-1"),
        (("essence-wars-1", "--deal", "80"), "there are deals 0 to 79, and not 80"),
        (("essence-wars-1", "--matchup", "a:b"), "'a:b' are no two decks that have met"),
    ):
        refused = done("essence-wars", "replay", *wrong)
        assert refused.code != 0
        assert says in refused.err
        assert "Traceback" not in refused.err


def test_a_replayed_deal_ends_as_the_validation_says(done: Lab) -> None:
    """With one deal for each matchup its results are those of the very games that are shown."""
    alone = done("run", "essence-wars", *SMALL, "--validation-games", "1", "--mode", "validate-only")
    assert alone.code == 0, alone.err
    out = done.folder / "single"
    done("collect", "last", "--artifact", "balance/validation", "-o", str(out))
    whole = json.loads((out / "balance/validation/results.json").read_text())
    for number in (0, 13, 39):
        matchup = whole["matchups"][number]
        games = done("essence-wars", "replay", "last", "--deal", str(number), "--review", "0", "--json").json[
            "games"
        ]
        won = [int(game["winner"] == game["seat_of_first"]) for game in games]
        assert won == [matchup["f1_as_p1_wins"], matchup["f1_as_p2_wins"]]


def test_cards_and_checks(lab: Lab, tmp_path: Path) -> None:
    shown = lab("essence-wars", "cards", "4001")
    assert shown.code == 0
    assert "4001" in shown.out
    data = Path(__file__).parents[2] / "data"
    assert "11 decks" in lab("essence-wars", "check", str(data)).out
    wrong = tmp_path / "w.toml"
    wrong.write_text('name = "x"\nversion = 1\n[default.greedy]\nown_lief = 2\n')
    refused = lab("essence-wars", "check", str(wrong))
    assert refused.code != 0
    assert "w.toml:4: own_lief: there is no such weight" in refused.err
