"""A run as one file: its folder and the content of its artifacts, each once. The same run, the same bytes."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from labctl.errors import LabError, UsageError
from labctl.model.jobcontext import ArtifactError
from labctl.model.results import DONE, Artifact
from labctl.store.deployments import FILE, FOLDER
from labctl.store.digests import digest_path
from labctl.store.folder import RunFolder
from labctl.store.objects import Objects
from labctl.store.queries import JobRow, RunRow

MANIFEST = "labctl-run.json"
FORMAT = 1
FILES = (
    "plan.json", "record.json", "report.json", "report.html", "journal.jsonl", "metrics.jsonl", "collect.log",
    "console.log",
)  # fmt: skip
LOGS = "logs"


class Manifest(msgspec.Struct, kw_only=True):
    """The first member of an archive. ``bytes``: of all members that follow; ``openings``: [seal, key,
    run, job, time] of the sealed data that the run's jobs open, by whatever run of the sender's.
    """

    format: int
    run: str
    uuid: str
    members: int
    bytes: int
    openings: tuple[tuple[str, str, str, str, float], ...] = ()


class Packed(NamedTuple):
    """``absent``: names of artifacts that are not in the file."""

    path: Path
    size: int
    objects: int
    absent: tuple[str, ...]


class _Member(NamedTuple):
    name: str
    path: Path
    size: int
    folder: bool
    executable: bool


def pack(
    run: RunRow,
    jobs: list[JobRow],
    folder: RunFolder,
    objects: Objects,
    openings: tuple[tuple[str, str, str, str, float], ...],
    target: Path,
    *,
    artifacts: bool,
) -> Packed:
    """Write a run to ``target``, which is not there yet. Raises UsageError; LabError for damaged content."""
    if os.path.lexists(target):
        raise UsageError(f"{target} is there already; nothing was written", hints=["-o ANOTHER_FILE"])
    wanted = {a.sha256: a for job in jobs if job.state in DONE for a in job.artifacts} if artifacts else {}
    present = {sha256: a for sha256, a in wanted.items() if objects.has(a)}
    absent = tuple(
        f"{job.id}/{a.name}"
        for job in jobs
        if job.state in DONE
        for a in job.artifacts
        if a.sha256 not in present
    )
    members = [*_files(folder), *_contents(objects, present)]
    manifest = Manifest(
        format=FORMAT, run=run.name, uuid=run.uuid, members=len(members),
        bytes=sum(member.size for member in members), openings=openings,
    )  # fmt: skip
    temporary = target.with_name(f".export-{os.urandom(6).hex()}")
    try:
        with open(temporary, "xb") as file:
            _write(file, manifest, members)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, target)
        except FileExistsError:
            raise
        except OSError:  # no links on that file system
            os.rename(temporary, target)
    except FileExistsError:
        raise UsageError(f"{target} is there already; nothing was written") from None
    except OSError as error:
        raise UsageError(f"{target} could not be written", details=[str(error)]) from None
    finally:
        temporary.unlink(missing_ok=True)
    return Packed(target, target.stat().st_size, len(present), absent)


def _files(folder: RunFolder) -> Iterator[_Member]:
    """The files of the folder that say what happened. Checkpoints and the lock are of use only here."""
    for name in FILES:
        yield from _plain(f"run/{name}", folder.root / name)
    for number in _numbers(folder.root / FOLDER):  # what was put in place, not what was there before
        yield from _plain(f"run/{FOLDER}/{number}/{FILE}", folder.root / FOLDER / number / FILE)
    logs = folder.root / LOGS
    if logs.is_dir() and not logs.is_symlink():
        for name in sorted(os.listdir(logs), key=os.fsencode):
            yield from _plain(f"run/{LOGS}/{name}", logs / name)


def _numbers(folder: Path) -> list[str]:
    if not folder.is_dir() or folder.is_symlink():
        return []
    return sorted((n for n in os.listdir(folder) if n.isascii() and n.isdigit()), key=int)


def _plain(name: str, path: Path) -> Iterator[_Member]:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if stat.S_ISREG(status.st_mode):
        yield _Member(name, path, status.st_size, False, False)


def _contents(objects: Objects, present: dict[str, Artifact]) -> Iterator[_Member]:
    for sha256 in sorted(present):
        path = objects.path(sha256)
        try:
            found = digest_path(path)[0]
        except (ArtifactError, OSError) as error:
            found = str(error)
        if found != sha256:
            raise LabError(
                f"object {sha256[:8]}, artifact {present[sha256].name}, is damaged; nothing was written",
                hints=["labctl runs verify RUN names all", "labctl runs export RUN --no-artifacts"],
            )
        yield from _tree(f"objects/{sha256}", path)


def _tree(name: str, path: Path) -> Iterator[_Member]:
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        yield _Member(name, path, status.st_size, False, bool(status.st_mode & 0o100))
        return
    yield _Member(name, path, 0, True, True)
    for entry in sorted(os.listdir(path), key=os.fsencode):
        yield from _tree(f"{name}/{entry}", path / entry)


def _write(file: IO[bytes], manifest: Manifest, members: list[_Member]) -> None:
    with (
        gzip.GzipFile("", "wb", 6, file, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        content = msgspec.json.encode(manifest)
        tar.addfile(_info(MANIFEST, len(content), False, False), io.BytesIO(content))
        for member in members:
            info = _info(member.name, member.size, member.folder, member.executable)
            if member.folder:
                tar.addfile(info)
                continue
            fd = os.open(member.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with open(fd, "rb") as source:
                tar.addfile(info, source)


def _info(name: str, size: int, folder: bool, executable: bool) -> tarfile.TarInfo:
    """A member without times, owners and names of people."""
    info = tarfile.TarInfo(name)
    info.size = size
    info.type = tarfile.DIRTYPE if folder else tarfile.REGTYPE
    info.mode = 0o755 if executable else 0o644
    return info
