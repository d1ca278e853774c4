"""What a run would put in place: the plugin says it, the host compares it with what is there."""

from __future__ import annotations

import difflib
import os
import stat
from pathlib import Path

import msgspec

from labctl.errors import PluginError, UsageError
from labctl.model.jobcontext import ArtifactError, bad_name
from labctl.model.results import Copy, Publish, Report
from labctl.planning.plan import at_point, local_name
from labctl.plugins.listing import open_catalogue
from labctl.plugins.loaded import load_project, point_from_record
from labctl.report.view import ReportView
from labctl.store.database import open_for_reading
from labctl.store.digests import digest_path
from labctl.store.folder import RunFolder, read_record
from labctl.store.home import find_project
from labctl.store.objects import Objects
from labctl.store.queries import RunRow, jobs_of

KEPT = (".labctl", ".git")
TEXT = 1 << 20  # bytes of a file whose lines are compared at most


class PlannedAction(msgspec.Struct, frozen=True):
    """One action against what is in place: new, change, same or publish."""

    change: str
    to: str
    source: str
    diff: tuple[str, ...] = ()


def planned_actions(run: RunRow, home: str) -> list[PlannedAction]:
    """What the plugin's hook ``deploy`` asks for, compared. Raises UsageError, PluginError."""
    folder = RunFolder(Path(home) / "runs" / run.name)
    if not folder.record.exists():
        raise UsageError(f"run {run.name} has no record: it is {run.state}")
    record = read_record(folder)
    view = msgspec.convert(record["report"], ReportView)
    project = find_project()
    loaded = load_project(open_catalogue(project), run.plugin, home)
    db = open_for_reading(home)
    assert db is not None
    objects = Objects(Path(home) / "objects")
    results = [
        job.result({a.name: str(objects.path(a.sha256)) for a in job.artifacts})
        for job in jobs_of(db, run.id)
    ]
    found: list[PlannedAction] = []
    for recorded in record["points"]:
        label = recorded["label"]
        point = point_from_record(loaded, label, recorded["parameters"])
        ctx = loaded.context(point, run.seed, project)
        own = [r for r in results if r.id == at_point(local_name(r.id), label)]
        named = {local_name(r.id): msgspec.structs.replace(r, id=local_name(r.id)) for r in own}
        report = Report(run.name, named, view.sections, view.verdicts)
        actions = loaded.project.deploy(ctx, report)
        found += [_compared(a, report, Path(project), loaded.project.wrong) for a in actions]
    return found


def _compared(action: Copy | Publish, report: Report, project: Path, wrong: object) -> PlannedAction:
    assert callable(wrong)
    if isinstance(action, Publish):
        return PlannedAction("publish", action.service, action.service)
    problem = bad_name(action.to)
    result = report.results.get(action.job)
    if problem:
        raise wrong("deploy", f"{action.to!r:.80}: {problem.replace('job', 'project')}")
    if action.to.split("/")[0] in KEPT:
        raise wrong("deploy", f"{action.to}: nothing is put into {action.to.split('/')[0]}")
    if result is None or action.artifact not in result.paths:
        raise wrong("deploy", f"job {action.job} has no artifact {action.artifact}")
    source, target = Path(result.path(action.artifact)), project / action.to
    _inside(project, target)
    name = f"{action.job}/{action.artifact}"
    if not target.exists():
        return PlannedAction("new", action.to, name, tuple(_lines(None, source, action.to)))
    try:
        same = digest_path(source)[0] == digest_path(target)[0]
    except ArtifactError as error:
        raise PluginError(f"{action.to} cannot be compared", details=[str(error)]) from None
    if same:
        return PlannedAction("same", action.to, name)
    return PlannedAction("change", action.to, name, tuple(_lines(target, source, action.to)))


def _inside(project: Path, target: Path) -> None:
    """No part of the way may be a link that leads elsewhere. Raises UsageError."""
    path = project
    *folders, last = target.relative_to(project).parts
    for part in folders:
        path = path / part
        if os.path.lexists(path) and not stat.S_ISDIR(os.lstat(path).st_mode):
            raise UsageError(f"{part} on the way to {target.name} is a link or a file; nothing was changed")
    if os.path.islink(path / last):
        raise UsageError(f"{target.relative_to(project)} is a link; nothing was changed")


def _lines(old: Path | None, new: Path, name: str) -> list[str]:
    if new.is_dir():
        return []
    try:
        before = old.read_text(encoding="utf-8").splitlines() if old and old.stat().st_size < TEXT else []
        after = new.read_text(encoding="utf-8").splitlines() if new.stat().st_size < TEXT else []
    except (OSError, UnicodeDecodeError):
        return [f"{name}: not text"]
    return list(difflib.unified_diff(before, after, name, name, lineterm=""))
