"""Jobs that are taken from elsewhere, files of the project as inputs, and what a plan says it will do."""

from __future__ import annotations

import pytest

from labctl.testing import Lab

BAKERY = """
from typing import Annotated, Literal

from labctl.api import Environment, Job, Param, Parameters, hookimpl


class Options(Parameters):
    mode: Annotated[Literal["all", "taste"], Param(description="what is done")] = "all"
    recipe: Annotated[str, Param(description="a file of the project")] = "recipe.txt"
    strict: Annotated[bool, Param(description="the taster is not tolerant")] = False


class Bakery:
    parameters = Options

    @hookimpl
    def run(self, ctx, environments):
        p = ctx.parameters
        recipe = ctx.file(p.recipe)
        files = {} if recipe is None else {"recipe": recipe}
        yield Job("bake", "bakery_tasks:bake", files=files, lent=p.mode == "taste", counts={"loaves": 1500})
        needs = {"bread": ("bake",)}
        yield Job("taste", "bakery_tasks:taste", needs=needs, tolerant=not p.strict, counts={"loaves": 500})


plugin = Bakery()
"""
TASKS = """
def bake(job):
    return {"recipe": job.file("recipe").read_text() if job.files else "none"}


def taste(job):
    bread = job.input("bread")
    return {"bread": bread.value["recipe"] if bread.ok else bread.state}
"""


@pytest.fixture
def bakery(lab: Lab) -> Lab:
    lab.plugin("bakery", BAKERY, bakery_tasks=TASKS)
    return lab


def tasted(lab: Lab, run: str) -> str:
    jobs = {job["id"]: job for job in lab.record(run)["jobs"]}
    assert jobs["taste"]["state"] in ("succeeded", "cached")
    return str(jobs["taste"]["value"]["bread"])


def test_without_an_earlier_result_who_needs_it_is_told_so(bakery: Lab) -> None:
    done = bakery("run", "bakery", "--mode", "taste")
    assert done.code == 0, done.err
    assert tasted(bakery, "bakery-1") == "skipped"
    assert [job["id"] for job in bakery.record("bakery-1")["jobs"]] == ["taste"]
    assert "taken from" not in done.err


def test_the_newest_run_that_has_it_lends_it_else_the_one_that_is_named(bakery: Lab) -> None:
    for recipe in ("rye", "wheat"):
        (bakery.folder / "recipe.txt").write_text(recipe)
        assert bakery("run", "bakery", "--no-cache").code == 0
    done = bakery("run", "bakery", "--mode", "taste", "--no-cache")
    assert tasted(bakery, "bakery-3") == "wheat"
    assert "taken from bakery-2: bake" in done.err
    named = bakery("run", "bakery", "--mode", "taste", "--from", "bakery-1")
    assert named.code == 0, named.err
    assert "taken from bakery-1: bake" in named.err


def test_only_what_is_lent_is_taken_from_the_run_that_is_named(bakery: Lab) -> None:
    bakery("run", "bakery")
    done = bakery("run", "bakery", "--mode", "taste", "--from", "bakery-1", "--no-cache")
    assert done.code == 0, done.err
    assert {job["id"]: job["state"] for job in bakery.record("bakery-2")["jobs"]} == {"taste": "succeeded"}


def test_a_lent_job_is_lent_to_the_tolerant_only(bakery: Lab) -> None:
    done = bakery("run", "bakery", "--mode", "taste", "--strict")
    assert done.code == 3
    assert "job taste needs bake, which is lent, and so has to be tolerant" in done.err


def test_a_file_of_the_project_is_an_input_and_in_the_key(bakery: Lab) -> None:
    (bakery.folder / "recipe.txt").write_text("rye")
    bakery("run", "bakery")
    assert tasted(bakery, "bakery-1") == "rye"
    assert bakery.record("bakery-1")["jobs"][0]["state"] == "succeeded"
    bakery("run", "bakery")
    assert bakery.record("bakery-2")["jobs"][0]["state"] == "cached"
    (bakery.folder / "recipe.txt").write_text("wheat")
    bakery("run", "bakery")
    assert bakery.record("bakery-3")["jobs"][0]["state"] == "succeeded"
    assert tasted(bakery, "bakery-3") == "wheat"


@pytest.mark.parametrize("path", ["../secret.txt", "/etc/passwd", ""])
def test_a_path_that_leaves_the_project_is_refused(bakery: Lab, path: str) -> None:
    (bakery.folder.parent / "secret.txt").write_text("x")
    done = bakery("run", "bakery", "--recipe", path)
    assert done.code == 2
    assert "is no file of the project" in done.err


def test_the_plan_counts_what_it_does(bakery: Lab) -> None:
    assert "Work       2,000 loaves" in bakery("run", "bakery", "--plan").out
    assert "Work       500 loaves" in bakery("run", "bakery", "--plan", "--mode", "taste").out
    bakery("run", "bakery")
    assert "Work " not in bakery("run", "bakery", "--plan").out, "all is cached"
