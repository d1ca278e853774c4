"""Importing: from an archive or a folder to a run of this home."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import msgspec

from labctl.archive.facts import RUN_NAME, JobFacts, Wrong
from labctl.archive.rows import (
    IMPORTED,
    TRUSTED,
    Opening,
    cache_rows,
    false_claims,
    insert_run,
    openings,
    put_cache,
    put_claims,
    put_openings,
)
from labctl.archive.telling import BROKEN, MARK, Mark, Told, read_told
from labctl.archive.unpack import Unpacked, check_room, take_artifacts, take_folder, unpack_archive
from labctl.errors import UsageError
from labctl.model.jobcontext import ArtifactError
from labctl.model.results import DONE, Artifact
from labctl.store.database import transaction
from labctl.store.deployments import ELSEWHERE, FOLDER, deployments_of
from labctl.store.digests import digest_path
from labctl.store.folder import RunFolder, write_json, write_whole
from labctl.store.objects import STORE, Objects
from labctl.store.runs import Store

FARTHEST = 1000  # how far a foreign number may run ahead of ours
PAGE = "run/report.html"  # drawn anew
WORD = "What it says of times and registrations is the sender's word."


class Brought(msgspec.Struct, kw_only=True):
    """What became of an import. ``was``: the sender's name. ``absent``: artifacts that did not come."""

    run: str
    was: str
    jobs: int
    artifacts: int
    absent: tuple[str, ...]
    left_out: tuple[str, ...]
    cached_results: int
    problems: tuple[str, ...]


def import_run(store: Store, source: Path, *, trust: bool) -> Brought:
    """Bring a run in. Raises UsageError, and then nothing has changed, for what is not to be believed."""
    staging = store.home / f".import-{os.urandom(6).hex()}"
    (staging / "run").mkdir(mode=0o700, parents=True)
    try:
        try:
            unpacked, told = _laid_out(source, staging)
            contents = _checked_contents(told, staging)
        except Wrong as error:
            raise _refused(source, str(error)) from None
        except (ArtifactError, OSError, RecursionError) as error:
            raise _refused(source, str(error)) from None
        _refuse_known(store, told)
        return _take_in(store, told, unpacked, contents, staging, source, trust=trust)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _laid_out(source: Path, staging: Path) -> tuple[Unpacked, Told]:
    if source.is_dir():
        unpacked = take_folder(source, staging)
    else:
        check_room(staging, 0)
        unpacked = unpack_archive(source, staging)
    told = read_told(RunFolder(staging / "run"), strict=True)
    if false := false_claims(told):
        raise Wrong(f"claim {false[0][:8]} is registered under a digest that is not its own")
    if source.is_dir():
        take_artifacts(source, staging, told.jobs)
    return unpacked, told


def _checked_contents(told: Told, staging: Path) -> dict[str, Path]:
    """The content that came for the run's artifacts, by digest. Raises Wrong for what is not what it says."""
    found: dict[str, Path] = {}
    for job in told.jobs:
        for artifact in job.artifacts:
            path = staging / "objects" / artifact.sha256
            if artifact.sha256 in found or not path.exists():
                continue
            said = (artifact.sha256, artifact.size, artifact.folder)
            if digest_path(path) != said:
                raise Wrong(f"artifact {job.id}/{artifact.name} is not what the record says it is")
            found[artifact.sha256] = path
    return found


def _refuse_known(store: Store, told: Told) -> None:
    row = store.db.execute("SELECT name FROM run WHERE uuid = ?", (told.run.uuid,)).fetchone()
    if row is not None:
        raise UsageError(
            f"this run is here already: it is {row[0]}; nothing was changed",
            hints=[f"labctl runs show {row[0]}"],
        )


def _take_in(
    store: Store,
    told: Told,
    unpacked: Unpacked,
    contents: dict[str, Path],
    staging: Path,
    source: Path,
    *,
    trust: bool,
) -> Brought:
    objects = Objects(store.home / "objects")
    if not trust:
        _make_unrunnable(RunFolder(staging / "run"))
    for sha256, path in contents.items():  # content first: nothing names what is not there
        objects.put(path, sha256)
    here = told._replace(jobs=tuple(_at_home(job, objects) for job in told.jobs))
    named = [(job.id, a) for job in here.jobs if job.state in DONE for a in job.artifacts]
    absent = tuple(f"{job}/{a.name}" for job, a in named if STORE not in a.stores)
    now = time.time()
    mark = Mark(time=now, source=source.name, name=told.run.name, trusted=trust)
    with transaction(store.db, durable=True):
        _refuse_known(store, told)
        name = _free_name(store, told)
        mark.first_seen = _claims_here(store, told, now)
        folder = _put_folder(store, staging, name, mark)
        try:
            insert_run(store.db, here, name, TRUSTED if trust else IMPORTED)
            put_claims(store.db, told, mark.first_seen)
            put_openings(store.db, openings(told, name))
            put_openings(store.db, [_foreign(row, name) for row in unpacked.openings])
            rows = cache_rows(here, name, lambda a: STORE in a.stores) if trust else iter(())
            cached = put_cache(store.db, rows)
        except BaseException:
            shutil.rmtree(folder.root, ignore_errors=True)
            raise
    problems = [*told.problems, *_show(here, objects, folder), *_redraw(folder, name, told.run.name)]
    return Brought(
        run=name, was=told.run.name, jobs=len(here.jobs), artifacts=len(named) - len(absent), absent=absent,
        left_out=tuple(n for n in unpacked.left_out if n != PAGE), cached_results=cached,
        problems=tuple(problems),
    )  # fmt: skip


def _make_unrunnable(folder: RunFolder) -> None:
    """Take out of the plan what it takes to drive it: resuming it would call what the sender names."""
    if folder.plan.exists():
        plan = msgspec.json.decode(folder.plan.read_bytes())
        plan.pop("request", None)
        write_json(folder.plan, plan)


def _at_home(job: JobFacts, objects: Objects) -> JobFacts:
    """A job whose artifacts say truly whether they are in this store; of others the record is believed."""
    moved = []
    for artifact in job.artifacts:
        others = tuple(store for store in artifact.stores if store != STORE)
        stores = (STORE, *others) if _whole(objects, artifact) else others
        moved.append(msgspec.structs.replace(artifact, stores=stores))
    return msgspec.structs.replace(job, artifacts=tuple(moved))


def _whole(objects: Objects, artifact: Artifact) -> bool:
    try:
        objects.verify(artifact.sha256)
    except Exception:
        return False
    return objects.has(artifact)


def _free_name(store: Store, told: Told) -> str:
    """The run's own name if nobody has had it here, else the project's next one."""
    plugin = told.run.plugin
    named = RUN_NAME.fullmatch(told.run.name)
    assert named is not None
    rows = store.db.execute("SELECT name FROM run WHERE plugin = ?", (plugin,)).fetchall()
    last = max((int(n) for (name,) in rows if (n := name[len(plugin) + 1 :]).isdigit()), default=0)
    number = int(named[2])
    if number > last + FARTHEST or _is_taken(store, told.run.name):
        number = last + 1
        while _is_taken(store, f"{plugin}-{number}"):
            number += 1
    return f"{plugin}-{number}"


def _is_taken(store: Store, name: str) -> bool:
    row = store.db.execute("SELECT 1 FROM run WHERE name = ?", (name,)).fetchone()
    return row is not None or os.path.lexists(store.folder(name).root)


def _claims_here(store: Store, told: Told, now: float) -> dict[str, float]:
    """Since when this home knows the claims: what it had not seen before, it sees now, whoever says what."""
    digests = [claim.sha256 for claim in (told.plan.predictions if told.plan else ())]
    known = dict(store.db.execute("SELECT digest, first_seen FROM registration").fetchall())
    return {sha256: known.get(sha256, now) for sha256 in digests}


def _put_folder(store: Store, staging: Path, name: str, mark: Mark) -> RunFolder:
    run = RunFolder(staging / "run")
    run.make()
    write_json(run.root / MARK, mark)
    _set_aside(run.root)
    target = store.folder(name)
    os.rename(run.root, target.root)
    return target


def _set_aside(root: Path) -> None:
    """What the sender put in place is told here, and is nothing that could be undone here."""
    try:
        deployments_of(root)
    except UsageError:
        shutil.rmtree(root / FOLDER, ignore_errors=True)
    if (root / FOLDER).is_dir():
        os.rename(root / FOLDER, root / ELSEWHERE)


def _foreign(row: tuple[str, str, str, str, float], name: str) -> Opening:
    """An opening in the sender's home counts here, too; the same key is the same opening."""
    seal, key, run, job, when = row
    return Opening(seal, key, f"{run[:80]}, told by {name}", job[:600], when)


def _show(told: Told, objects: Objects, folder: RunFolder) -> list[str]:
    """Give the folder names for what lies in the store."""
    for job in told.jobs:
        for artifact in job.artifacts:
            if STORE in artifact.stores:
                try:
                    objects.link(artifact, folder.artifacts(job.id) / artifact.name)
                except OSError as error:
                    return [f"its folder does not show all artifacts: {error}"]
    return []


def _redraw(folder: RunFolder, name: str, was: str) -> list[str]:
    """The page is drawn here, from checked data; the sender's page is not taken."""
    from labctl.report.html_page import to_html
    from labctl.report.view import ReportView, to_json

    if not folder.report_data.exists():
        return []
    try:
        view = msgspec.json.decode(folder.report_data.read_bytes(), type=ReportView)
        note = f"Imported; the sender's name for it is {was}. {WORD}"
        view = msgspec.structs.replace(view, run=name, notes=(note, *view.notes), next=())
        page, data = to_html(view).encode("utf-8", "replace"), to_json(view)
    except (*BROKEN, ArithmeticError, LookupError, TypeError) as error:
        folder.report_data.unlink()
        return [f"its report cannot be shown: {error}"]
    write_whole(folder.report_data, data)
    write_whole(folder.report, page)
    return []


def _refused(source: Path, why: str) -> UsageError:
    return UsageError(f"{source} cannot be imported", details=[why, "nothing was changed"])
