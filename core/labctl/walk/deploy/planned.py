"""What a run would put in place: the plugin says it, the host compares it with what is there."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from labctl.errors import LabError, UsageError
from labctl.model.jobcontext import ArtifactError
from labctl.model.plan import Job
from labctl.model.results import Artifact, Copy, JobResult, Publish, Report
from labctl.planning.plan import at_point, local_name
from labctl.plugins.listing import open_catalogue
from labctl.plugins.loaded import Loaded, load_project, point_from_record
from labctl.report.view import ReportView
from labctl.store.database import open_for_reading
from labctl.store.deployments import CheckResult
from labctl.store.digests import digest_path
from labctl.store.folder import RunFolder, read_record
from labctl.store.home import find_project
from labctl.store.objects import CorruptObject, Objects
from labctl.store.queries import RunRow, jobs_of
from labctl.walk.deploy.targets import Content, content_of, refused
from labctl.walk.fetching import Take, artifacts_of
from labctl.walk.refusals import UNTRUSTED, owned

TEXT = 1 << 20  # bytes of a file whose lines are compared at most


class PlannedAction(msgspec.Struct, frozen=True):
    """One action against what is in place: new, change, same, held or publish."""

    change: str
    to: str
    source: str
    note: str = ""
    diff: tuple[str, ...] = ()
    check: CheckResult | None = None


class Wanted(NamedTuple):
    """An action with all that it takes to do it. ``before``: what is in place, None if nothing is.

    ``point``: the label of the point of the grid that asks for it; ``content``: where it lies.
    """

    action: PlannedAction
    point: str = ""
    artifact: Artifact | None = None
    content: Path | None = None
    before: Content | None = None
    check: Job | None = None

    @property
    def writes(self) -> bool:
        return self.action.change in ("new", "change")


class Planned(NamedTuple):
    """All that a run asks for. ``results``: by their ids in the run."""

    row: RunRow
    project: Path
    home: Path
    loaded: Loaded
    points: dict[str, dict[str, object]]
    results: dict[str, JobResult]
    wanted: tuple[Wanted, ...]

    @property
    def actions(self) -> list[PlannedAction]:
        return [wanted.action for wanted in self.wanted]

    @property
    def writes(self) -> list[Wanted]:
        return [wanted for wanted in self.wanted if wanted.writes]

    @property
    def held(self) -> list[Wanted]:
        return [wanted for wanted in self.wanted if wanted.action.change == "held"]

    @property
    def services(self) -> list[str]:
        return [wanted.action.to for wanted in self.wanted if wanted.action.change == "publish"]

    def check_apart(self) -> None:
        """Raise an error if two of its files would lie at one path, or one inside the other."""
        places: dict[tuple[str, ...], str] = {}
        for wanted in self.wanted:
            if wanted.action.change == "publish":
                continue
            parts = _folded(wanted.action.to)
            if other := next(
                (o for p, o in places.items() if parts[: len(p)] == p or p[: len(parts)] == parts), ""
            ):
                raise self.loaded.project.wrong(
                    "deploy",
                    f"{other} and {wanted.action.to} are in each other's place",
                    "nothing was changed",
                )
            places[parts] = wanted.action.to


def planned_actions(row: RunRow, home: str) -> Planned:
    """What the plugin's hook ``deploy`` asks for, compared. Raises LabError."""
    if row.imported == UNTRUSTED:
        raise UsageError(
            f"{row.name} was imported: what it holds is its sender's, and is not put in place",
            details=["nothing was changed"],
            hints=[
                f"if you know who made it: labctl runs rm {row.name}, then labctl runs import FILE --trust"
            ],
        )
    if row.state == "running":
        raise owned(row)
    folder = RunFolder(Path(home) / "runs" / row.name)
    if not folder.record.exists():
        raise UsageError(f"run {row.name} has no record: it is {row.state}")
    record = read_record(folder)
    view = msgspec.convert(record["report"], ReportView)
    project = find_project()
    loaded = load_project(open_catalogue(project), row.plugin, home)
    db = open_for_reading(home)
    assert db is not None
    objects = Objects(Path(home) / "objects")
    results = {
        job.id: job.result({a.name: str(objects.path(a.sha256)) for a in job.artifacts})
        for job in jobs_of(db, row.id)
    }
    points = {p["label"]: p["parameters"] for p in record["points"]}
    found: list[Wanted] = []
    with artifacts_of(row, home) as take:
        for label, parameters in points.items():
            ctx = loaded.context(point_from_record(loaded, label, parameters), row.seed, project)
            own = [r for r in results.values() if r.id == at_point(local_name(r.id), label)]
            named = {local_name(r.id): msgspec.structs.replace(r, id=local_name(r.id)) for r in own}
            report = Report(row.name, named, view.sections, view.verdicts)
            compare = _Compare(row, report, Path(project), Path(home), loaded.project.wrong, take)
            found += [compare(a)._replace(point=label) for a in loaded.project.deploy(ctx, report)]
    return Planned(row, Path(project), Path(home), loaded, points, results, tuple(found))


class _Compare(NamedTuple):
    run: RunRow
    report: Report
    project: Path
    home: Path
    wrong: Callable[..., LabError]
    take: Take

    def __call__(self, action: Copy | Publish) -> Wanted:
        """Compare an action with what is in place. Raises LabError."""
        if isinstance(action, Publish):
            return Wanted(PlannedAction("publish", action.service, action.service))
        to, result = action.to, self.report.results.get(action.job)
        if problem := refused(to) or self._in_home(to):
            raise self.wrong("deploy", f"{to!r:.80}: {problem}")
        artifact = next((a for a in result.artifacts if a.name == action.artifact), None) if result else None
        if artifact is None:
            raise self.wrong("deploy", f"job {action.job} has no artifact {action.artifact}")
        before = content_of(self.project, to)
        source = f"{action.job}/{action.artifact}"
        content = self._content(artifact, source)
        if before and (before.sha256, before.folder) == (artifact.sha256, artifact.folder):
            shown = PlannedAction("same", to, source)
        else:
            old = self.project / to if before else None
            note = _note(old, content)
            diff = tuple(_lines(old, content, to))
            shown = PlannedAction("change" if before else "new", to, source, note, diff)
        return Wanted(shown, "", artifact, content, before, action.check)

    def _content(self, artifact: Artifact, source: str) -> Path:
        """Where an artifact lies, whole. Raises LabError that names it."""
        try:
            path = self.take(artifact)
            if digest_path(path)[0] == artifact.sha256:
                return path
            why = f"object {artifact.sha256[:8]} is damaged"
        except (OSError, ArtifactError, CorruptObject) as error:
            why = str(error)
        raise LabError(
            f"{source} of {self.run.name} is not what its job wrote",
            details=[why, "nothing was changed"],
            hints=[f"labctl runs verify {self.run.name}"],
        )

    def _in_home(self, to: str) -> str:
        home, target = self.home.resolve(), self.project.resolve() / to
        return "nothing is put into labctl's own folder" if target.is_relative_to(home) else ""


def _folded(to: str) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFC", to).casefold().split("/"))


def _note(old: Path | None, new: Path) -> str:
    """How much of a text differs: ``28 lines, 19 differ``."""
    if new.is_dir():
        number = sum(path.is_file() for path in new.rglob("*"))
        return f"a folder of {number} file" + ("" if number == 1 else "s")
    after = _text(new)
    if after is None:
        return f"{new.stat().st_size:,} bytes"
    lines = f"{len(after)} line" + ("" if len(after) == 1 else "s")
    before = _text(old) if old else None
    if before is None:
        return lines
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    differ = sum(max(i2 - i1, j2 - j1) for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal")
    return f"{lines}, {differ} differ" + ("s" if differ == 1 else "")


def _lines(old: Path | None, new: Path, name: str) -> Iterable[str]:
    if new.is_dir():
        return []
    before, after = _text(old) if old else [], _text(new)
    if before is None or after is None:
        return [f"{name}: not text, or too long"]
    return difflib.unified_diff(before, after, name, name, lineterm="")


def _text(path: Path) -> list[str] | None:
    """The lines of a text; None for what is none, and for what is too long to compare."""
    try:
        if not path.is_file() or path.stat().st_size >= TEXT:
            return None
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
