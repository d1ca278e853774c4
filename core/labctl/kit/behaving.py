"""The process in which hooks are called: ``python -m labctl.kit.behaving plan|all PROJECT OUT OTHER``.

``plan`` writes the plan to OUT, to be compared with that of another process. ``all`` checks B01 to
B06; it writes JSON lines to OUT, so that it is known how far it came. OTHER is what ``plan`` wrote.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from labctl.config import Configuration
from labctl.errors import LabError, PluginError
from labctl.kit.children import lines_of
from labctl.kit.differences import first_difference
from labctl.model.context import Context
from labctl.model.plan import Job, Prediction, Service
from labctl.model.results import Copy, JobFailure, JobResult, Publish, Report, Results
from labctl.parameters.layers import resolve
from labctl.parameters.types import Given
from labctl.planning.closure import Closures
from labctl.planning.plan import Plan, check_functions, plan_point
from labctl.plugins.catalogue import Catalogue
from labctl.plugins.facade import rebuilt
from labctl.plugins.listing import open_catalogue
from labctl.plugins.loaded import Loaded, load_project
from labctl.store.home import find_home
from labctl.walk.deploy.targets import refused

SMALL = ("smoke", "quick")
SEED = 1
SHOWN = 3  # jobs that break the same rule


class Asked:
    """A project with the context that its hooks are called in."""

    def __init__(self, name: str) -> None:
        self.folder = os.getcwd()
        self.catalogue: Catalogue = open_catalogue(self.folder)
        self.loaded: Loaded = load_project(self.catalogue, name, find_home(self.folder))
        presets = self.loaded.types.presets
        self.preset = next((preset for preset in SMALL if preset in presets), None)
        self.presets = [preset for preset in presets if preset != self.preset]
        point = resolve(self.loaded.types, Given(preset=self.preset), Configuration([])).points[0]
        self.context: Callable[[], Context] = lambda: self.loaded.context(point, SEED, self.folder)

    def plan(self) -> tuple[list[Any], list[Any]]:
        """Environments and items as the hooks return them. Raises PluginError."""
        project, ctx = self.loaded.project, self.context()
        environments = project.items("provision", ctx=ctx) if "provision" in project.hooks else []
        checked = project.provision(self.context())
        return environments, project.items("run", ctx=ctx, environments=checked)


def as_json(plan: tuple[list[Any], list[Any]]) -> dict[str, Any]:
    """A plan as it can be compared: what is no JSON is its type."""
    environments, items = plan
    kinds: dict[str, list[Any]] = {"environments": environments, "jobs": [], "predictions": []}
    for item in items:
        kinds["predictions" if isinstance(item, Prediction) else "jobs"].append(item)
    return {
        kind: [msgspec.to_builtins(item, enc_hook=lambda v: f"<{type(v).__name__}>") for item in listed]
        for kind, listed in kinds.items()
    }


def findings(
    asked: Asked, other: dict[str, Any] | None, say: Callable[..., None]
) -> Iterator[dict[str, Any]]:
    """Breaches of B01 to B06. Raises LabError where B07 will say the same."""
    say(begin="B01")
    first, again = asked.plan(), asked.plan()
    difference = first_difference(as_json(first), as_json(again))
    elsewhere = difference or (first_difference(as_json(first), other) if other else "")
    if elsewhere:
        hook = "provision" if elsewhere.startswith("environments") else "run"
        how = "" if difference else " in another process"
        text = f"hook {hook} gave two different plans for the same parameters{how}"
        yield {"rule": "B01", "text": text, "details": [f"first difference: {elsewhere}"]}
    say(begin="B02")
    broken = list(_not_json(first[1]))
    yield from broken
    if broken:
        say(skip=["B03", "B04", "B05", "B06", "B07", "B08"], because="see B02")
        return
    project, ctx = asked.loaded.project, asked.context()
    environments = {e.name: e for e in project.provision(ctx)}
    items = project.run(ctx, tuple(environments.values()))
    say(begin="B04")
    try:
        plan = plan_point(project, items, environments, point="", seed=SEED)
    except PluginError as error:
        yield {"rule": "B04", "text": reason(error, "run")}
        say(skip=["B03", "B05", "B06", "B07", "B08"], because="see B04")
        return
    say(begin="B03")
    closures = Closures([row.entry for row in asked.catalogue.rows], asked.catalogue.distributions)
    try:
        check_functions(project, plan, closures)
    except PluginError as error:
        yield {"rule": "B03", "text": reason(error, "run")}
        say(skip=["B07", "B08"], because="see B03")
    yield from _after(asked, plan, say)
    given = [key for key, field in asked.loaded.fields.items() if field.default is None]
    say(preset=asked.preset, presets=asked.presets, given=given, jobs=smallest_first(plan))


def _not_json(items: list[Any]) -> Iterator[dict[str, Any]]:
    found = [(item, said) for item in items if (said := _lost_in_json(item))]
    for item, said in found[:SHOWN]:
        what = "prediction" if isinstance(item, Prediction) else "job"
        yield {"rule": "B02", "text": f"{what} {item.id!s:.60} is not JSON", "details": [said]}
    if len(found) > SHOWN:
        yield {"rule": "B02", "text": f"nor are {len(found) - SHOWN} others"}


def _lost_in_json(item: Any) -> str:
    """What of an item would be lost on the way to a worker; empty if it comes back as it was."""
    if not isinstance(item, (Job, Service, Prediction)):
        return ""  # of a wrong type, which B07 says
    try:
        sent = msgspec.json.encode(rebuilt(item), enc_hook=_file)
        back = msgspec.json.decode(sent, type=type(item), dec_hook=lambda kind, value: kind(**value))
        same = msgspec.json.encode(back, enc_hook=_file) == sent
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError, OverflowError) as error:
        return f"{error}"[:200]
    return "" if same else "it comes back as something else"


def _file(value: Any) -> Any:
    return {"path": value.path, "sha256": value.sha256, "size": value.size}


def _after(asked: Asked, plan: Plan, say: Callable[..., None]) -> Iterator[dict[str, Any]]:
    """The hooks that look at results: every job failed, then every job succeeded with nothing to show."""
    project = asked.loaded.project
    failed = {job.local_id: _failed(job.local_id, job.tags, bool(job.needs)) for job in plan.jobs}
    say(begin="B05")
    try:
        project.collect(asked.context(), Results(failed))
    except PluginError as error:
        if missing := missing_package(error, asked):
            say(skip=["B05"], because=missing)
        else:
            yield {"rule": "B05", **said_of(error, "collect")}
    say(begin="B06")
    done = {i: msgspec.structs.replace(r, state="succeeded", error=None) for i, r in failed.items()}
    seen: set[str] = set()
    for results, raising in ((failed, True), (done, False)):
        try:
            actions = project.deploy(asked.context(), Report("check-1", results))
        except PluginError as error:
            if raising and not missing_package(error, asked):
                fix = "check result.ok before the result is used; return nothing"
                yield {"rule": "B06", **said_of(error, "deploy"), "level": "warning", "fix": fix}
            continue
        for problem in _outside(actions, plan):
            if problem not in seen:
                seen.add(problem)
                yield {"rule": "B06", "text": problem}


def _failed(name: str, tags: tuple[str, ...], needs: bool) -> JobResult:
    why = "a job that it needs failed" if needs else "made up by labctl plugins check"
    error = JobFailure("", why) if needs else JobFailure("RuntimeError", why)
    return JobResult(id=name, state="skipped" if needs else "failed", error=error, tags=tags)


def _outside(actions: tuple[Copy | Publish, ...], plan: Plan) -> Iterator[str]:
    jobs = {job.local_id for job in plan.jobs}
    for action in actions:
        if isinstance(action, Publish):
            if action.service not in {service.local_id for service in plan.services}:
                yield f"it publishes {action.service!r:.60}; the plan has no such service"
            continue
        if problem := refused(action.to):
            yield f"it copies to {action.to!r:.80}: {problem}"
        elif action.job not in jobs:
            yield f"it copies from job {action.job!r:.60}; the plan has no such job"


def reason(error: LabError, hook: str) -> str:
    """The words of the plugin's own error, without those that the host puts around it."""
    detail = error.details[0] if error.details else error.message
    return detail.partition(f", hook {hook}: ")[2] or detail


def said_of(error: LabError, hook: str) -> dict[str, Any]:
    """A hook that could not cope with failed jobs: it raised, or returned what it may not."""
    verb = "raised" if error.__cause__ is not None else "returned what it may not"
    place = next((re.match(r"\S+\.py:\d+", line) for line in error.details[1:2]), None)
    return {
        "text": f"hook {hook} {verb} when every job had failed",
        "where": place[0] if place else "",
        "details": [reason(error, hook)],
    }


def missing_package(error: BaseException, asked: Asked) -> str:
    """Why a hook cannot be called here: a package of others that is not installed; else an empty text."""
    cause = error.__cause__
    own = asked.loaded.row.entry.value.partition(":")[0].partition(".")[0]
    if not isinstance(cause, ModuleNotFoundError) or not cause.name or cause.name.startswith(own):
        return ""
    return f"{cause.name} is not installed"


def smallest_first(plan: Plan) -> list[list[str]]:
    """Ids and environments of jobs that need no other, the one that is expected to end first in front."""
    free = [job for job in plan.jobs if not job.needs]
    free.sort(key=lambda job: (job.estimate if job.estimate is not None else job.timeout, job.timeout))
    return [[job.local_id, job.environment.name] for job in free]


def main(mode: str, project: str, out: Path, other: Path | None) -> None:
    with open(out, "a", encoding="utf-8") as file:

        def say(**line: Any) -> None:
            file.write(json.dumps(line) + "\n")
            file.flush()

        try:
            asked = Asked(project)
            if mode == "plan":
                say(plan=as_json(asked.plan()))
                return
            found = next((line.get("plan") for line in lines_of(other)), None) if other else None
            for finding in findings(asked, found, say):
                say(finding=finding)
        except LabError as error:
            say(stopped=error.message)
        say(done=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]) if len(sys.argv) > 4 else None)
