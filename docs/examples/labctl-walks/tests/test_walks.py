"""One job at a time in this process, then the whole project by the real command line."""

from __future__ import annotations

import json
from pathlib import Path

from labctl.testing import Lab, run_job


def test_walkers_end_where_they_can(tmp_path: Path) -> None:
    result = run_job(
        "labctl_walks.tasks:walk", tmp_path, params={"steps": 9, "walkers": 20, "drift": 0.0}, seed=7
    )
    assert result.ok, result.error
    ends = json.loads(result.path("ends.json").read_text())
    assert len(ends) == 20
    assert all(abs(end) <= 9 and end % 2 == 1 for end in ends)


def test_a_walk_that_never_turns_has_exponent_one(tmp_path: Path) -> None:
    walks = [
        run_job(
            "labctl_walks.tasks:walk", tmp_path, id=f"walk/{n}", params={"steps": n, "walkers": 3, "drift": 1}
        )
        for n in (10, 100)
    ]
    fit = run_job(
        "labctl_walks.tasks:fit", tmp_path, id="fit", params={"resamples": 40}, inputs={"walks": walks}
    )
    assert fit.ok, fit.error
    assert abs(fit.value["exponent"] - 1) < 1e-9


def test_nobody_moves_in_no_steps(tmp_path: Path) -> None:
    params = {"steps": 0, "walkers": 3, "drift": 0.0}
    result = run_job("labctl_walks.tasks:walk", tmp_path, params=params)
    assert not result.ok
    assert "nobody moved" in result.error.message


def test_the_whole_project(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    done = lab("run", "walks", "--preset", "quick", "--drift", "0.5")
    assert done.code == 0, done.err
    assert lab.record("walks-1")["verdicts"][0]["outcome"] == "refuted"
