"""Reading again what a run has left: is it all there, and is it still what it was? Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from labctl.archive.facts import PlanFacts, RecordFacts, Wrong, check_jobs, check_run
from labctl.archive.telling import BROKEN, read_plain
from labctl.model.jobcontext import ArtifactError
from labctl.model.results import DONE, Artifact
from labctl.report.view import ReportView
from labctl.store.digests import digest_path
from labctl.store.folder import RunFolder
from labctl.store.objects import STORE, Objects
from labctl.store.queries import JobRow, RunRow

Found = Literal["ok", "missing", "damaged", "elsewhere"]


class Checked(NamedTuple):
    """One thing of a run. ``why``: what is the matter, or in which store it lies."""

    what: str
    found: Found
    why: str = ""

    @property
    def ok(self) -> bool:
        return self.found == "ok"


class Checker:
    """Reads objects, each once for all the runs that name it."""

    def __init__(self, home: Path) -> None:
        self._objects = Objects(home / "objects")
        self._known: dict[str, tuple[Found, str]] = {}

    def run(self, row: RunRow, jobs: list[JobRow], folder: RunFolder) -> Iterator[Checked]:
        """The artifacts of a run in the order of its plan, then its files."""
        for job in jobs:
            if job.state in DONE:
                for artifact in job.artifacts:
                    yield Checked(f"{job.id}/{artifact.name}", *self._artifact(artifact))
        ended = row.state not in ("running", "interrupted")
        yield from _file(folder.plan, _plan, needed=True)
        yield from _file(folder.record, _record(row), needed=ended)
        yield from _file(folder.report_data, _report, needed=ended)

    def _artifact(self, artifact: Artifact) -> tuple[Found, str]:
        if artifact.sha256 not in self._known:
            self._known[artifact.sha256] = self._object(artifact.sha256)
        found, why = self._known[artifact.sha256]
        others = [store for store in artifact.stores if store != STORE]
        if found == "missing" and others and STORE not in artifact.stores:
            return "elsewhere", ", ".join(others)
        return found, why

    def _object(self, sha256: str) -> tuple[Found, str]:
        path = self._objects.path(sha256)
        try:
            now = digest_path(path)[0]
        except FileNotFoundError:
            return "missing", f"object {sha256[:8]} is not in the store"
        except (ArtifactError, OSError) as error:
            return "damaged", f"object {sha256[:8]}: {error}"
        return ("ok", "") if now == sha256 else ("damaged", f"object {sha256[:8]} now reads as {now[:8]}")


def _file(path: Path, check: Callable[[bytes], None], *, needed: bool) -> Iterator[Checked]:
    try:
        check(read_plain(path))
    except FileNotFoundError:
        if needed:
            yield Checked(path.name, "missing")
        return
    except (*BROKEN, Wrong, OSError) as error:
        yield Checked(path.name, "damaged", str(error))
        return
    yield Checked(path.name, "ok")


def _plan(content: bytes) -> None:
    msgspec.json.decode(content, type=PlanFacts)


def _report(content: bytes) -> None:
    msgspec.json.decode(content, type=ReportView)


def _record(row: RunRow) -> Callable[[bytes], None]:
    def check(content: bytes) -> None:
        record = msgspec.json.decode(content, type=RecordFacts)
        check_run(record.run)
        check_jobs(record.jobs)
        if record.run.uuid != row.uuid:
            raise Wrong(f"it is the record of another run, {record.run.name!r:.80}")

    return check
