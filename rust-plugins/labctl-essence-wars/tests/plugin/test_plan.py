"""What is planned for which options: pure, and without the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from labctl.api import Context, InputFile, Job, Prediction
from labctl_essence_wars.parameters import PRESETS, Options
from labctl_essence_wars.plugin import plugin


def planned(
    files: tuple[str, ...] = (), seed: int = 7, **values: Any
) -> tuple[dict[str, Job], list[Prediction]]:
    def file(path: str) -> InputFile | None:
        return InputFile(f"/project/{path}", path[:4] * 16, 10) if path in files else None

    ctx = Context(
        plugin="essence-wars", parameters=msgspec.convert(values, Options), seed=seed,
        project=Path("/project"), extensions=lambda kind, names: (), file=file,
    )  # fmt: skip
    items = list(plugin.run(ctx, tuple(plugin.provision(ctx))))
    jobs = {item.id: item for item in items if isinstance(item, Job)}
    return jobs, [item for item in items if isinstance(item, Prediction)]


def test_four_trainings_three_validations_and_what_puts_them_together() -> None:
    jobs, claims = planned()
    assert list(jobs) == [
        "train/generalist", "train/argentum", "train/symbiote", "train/obsidion",
        "validate/argentum-symbiote", "validate/argentum-obsidion", "validate/symbiote-obsidion", "balance",
    ]  # fmt: skip
    assert [claim.id for claim in claims] == [
        f"tuned-{n}" for n in ("generalist", "argentum", "symbiote", "obsidion")
    ]
    assert jobs["validate/argentum-symbiote"].needs == {
        "weights": tuple(i for i in jobs if i.startswith("train/"))
    }
    assert not jobs["validate/argentum-symbiote"].tolerant
    assert not any(job.lent for job in jobs.values())


def test_the_source_plays_40_000_games_of_validation() -> None:
    jobs, _ = planned(**PRESETS["source"])
    games = [job.counts.get("validation games", 0) for job in jobs.values()]
    assert sum(games) == 40_000
    assert games[4:7] == [12_000, 12_000, 16_000]
    config = jobs["train/generalist"].params["config"]
    assert (config["generations"], config["games"]) == (100, 100)
    quick = planned(**PRESETS["quick"])[0]["train/generalist"].params["config"]
    assert (quick["generations"], quick["games"]) == (50, 50)


def test_one_configuration_alone() -> None:
    jobs, claims = planned(single="argentum", mode="train-only")
    assert list(jobs) == ["train/argentum"]
    assert [claim.id for claim in claims] == ["tuned-argentum"]
    assert jobs["train/argentum"].params["config"]["faction"] == "argentum"


def test_a_single_configuration_leaves_the_others_as_they_lie_in_the_project() -> None:
    files = ("data/weights/generalist.toml", "data/weights/specialists/argentum.toml")
    jobs, _ = planned(files, single="argentum")
    assert list(jobs["validate/argentum-symbiote"].files) == ["generalist"]


def test_a_validation_alone_takes_what_others_have_trained() -> None:
    files = ("data/weights/generalist.toml",)
    jobs, claims = planned(files, mode="validate-only")
    assert claims == []
    assert all(jobs[f"train/{name}"].lent for name in ("generalist", "argentum", "symbiote", "obsidion"))
    assert jobs["validate/argentum-symbiote"].tolerant
    assert list(jobs["validate/argentum-symbiote"].files) == ["generalist"]


def test_one_job_validates_all_with_the_seed_of_three() -> None:
    apart, _ = planned()
    together, _ = planned(sequential=True)
    assert list(together)[4:] == ["validate/all", "balance"]
    assert together["validate/all"].params["seed"] == apart["validate/argentum-symbiote"].params["seed"]
    assert together["validate/all"].params["matchup"] == ""


def test_the_time_out_of_a_validation_is_one() -> None:
    jobs, _ = planned(validation_timeout=5)
    assert jobs["validate/argentum-symbiote"].timeout == 5
    assert jobs["train/generalist"].timeout is None


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"mode": "validate-only", "single": "argentum"}, "nothing is trained"),
        ({"games": 13}, "has to be even"),
        ({"games": 4}, ">= 6"),
        ({"sigma": 0.0}, "> 0"),
        ({"mode": "both"}, "Invalid enum value"),
    ],
)
def test_options_that_do_not_fit(values: dict[str, Any], says: str) -> None:
    with pytest.raises((msgspec.ValidationError, ValueError), match=says):
        planned(**values)
