"""What was put in place of a run's results, and what was there before: ``deployments/<n>`` of its folder."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Literal

import msgspec

from labctl.errors import UsageError
from labctl.store.folder import write_json

FILE = "deployment.json"
FOLDER = "deployments"
ELSEWHERE = "deployed-elsewhere"
"""Where the deployments of an imported run lie: they were its sender's, and are not undone here."""
POINTER = "deploying.json"
LARGEST = 16 << 20  # bytes of a journal that is read
_TEMPORARY = re.compile(r"\.labctl-[0-9a-f]{16}")
_FORMER = re.compile(r"former/[0-9]{1,9}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class CheckResult(msgspec.Struct, frozen=True):
    """What a check said before a file was put in place; ``reason``: why it said nothing."""

    job: str
    passes: bool
    text: str = ""
    verdict: str = ""
    reason: str = ""
    seed: int = 0
    seconds: float = 0.0

    @property
    def words(self) -> str:
        return self.reason or self.text


class Placed(msgspec.Struct, frozen=True):
    """One action: new, change, same, held or publish. What was written has a ``temporary`` name.

    ``sha256``: of what is put there; ``before``: of what was there, empty if nothing was. ``former``:
    its copy below the deployment's folder, ``mode`` its permissions.
    """

    change: str
    to: str
    source: str = ""
    sha256: str = ""
    folder: bool = False
    before: str = ""
    before_folder: bool = False
    mode: int = 0
    former: str = ""
    temporary: str = ""
    check: CheckResult | None = None
    forced: bool = False


class Undone(msgspec.Struct, frozen=True):
    """When and how a deployment was undone."""

    time: float
    command: str
    forced: bool = False


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment. *writing* and *undoing* are unfinished; *reverted* came to nothing, ``note`` says why.

    ``made``: folders that were made for its files. ``left``: files that were not restored when it was
    undone or reverted, because somebody had edited them. ``project``: the way there from the home.
    """

    run: str
    number: int
    time: float
    command: str
    state: Literal["writing", "done", "reverted", "undoing", "undone"]
    actions: tuple[Placed, ...]
    made: tuple[str, ...] = ()
    forced: bool = False
    undone: Undone | None = None
    note: str = ""
    left: tuple[str, ...] = ()
    project: str = ".."
    schema_version: int = 1

    @property
    def written(self) -> tuple[Placed, ...]:
        return tuple(action for action in self.actions if action.temporary)


class Pointer(msgspec.Struct, frozen=True):
    """The deployment that is under way; there is one at a time."""

    run: str
    number: int


def deployments_of(root: Path, folder: str = FOLDER) -> list[Deployment]:
    """The deployments of a run, the oldest first. Raises UsageError that names a damaged journal."""
    try:
        numbers = sorted(int(name) for name in os.listdir(root / folder) if name.isdigit())
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [d for n in numbers if (d := read_deployment(root, n, folder)) is not None]


def next_number(root: Path) -> int:
    try:
        return max((int(n) for n in os.listdir(root / FOLDER) if n.isdigit()), default=0) + 1
    except FileNotFoundError:
        return 1


def way(home: Path, project: Path) -> str:
    """From a home to the project it serves: a home may serve several, and both may be moved."""
    return os.path.relpath(os.path.realpath(project), os.path.realpath(home))


def clear_unborn(root: Path) -> None:
    """Remove what was begun and never came to a journal: nothing was touched by then."""
    for name in os.listdir(root / FOLDER) if (root / FOLDER).is_dir() else []:
        if name.isdigit() and not os.path.lexists(root / FOLDER / name / FILE):
            shutil.rmtree(root / FOLDER / name, ignore_errors=True)


def read_deployment(root: Path, number: int, folder: str = FOLDER) -> Deployment | None:
    """One deployment; None if it never came to be."""
    path = root / folder / str(number) / FILE
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(fd, "rb") as file:
            found = msgspec.json.decode(file.read(LARGEST), type=Deployment)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, OSError, RecursionError) as error:
        raise UsageError(f"{os.path.relpath(path)} cannot be read", details=[str(error)]) from None
    for action in found.written:
        if not _is_sound(action):
            raise UsageError(
                f"{os.path.relpath(path)} cannot be read: somebody has changed it",
                details=[f"what it says of {action.to!r:.80} cannot be", "nothing was changed"],
            )
    return found


def save_deployment(root: Path, deployment: Deployment) -> None:
    """Write the journal, durably. Raises OSError."""
    folder = root / FOLDER / str(deployment.number)
    write_json(folder / FILE, deployment)
    sync_folder(folder)


def read_pointer(home: Path) -> Pointer | None:
    try:
        return msgspec.json.decode((home / POINTER).read_bytes(), type=Pointer)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise UsageError(f"{os.path.relpath(home / POINTER)} cannot be read", details=[str(error)]) from None


def save_pointer(home: Path, pointer: Pointer | None) -> None:
    """Say which deployment is under way; None: none is."""
    if pointer is None:
        (home / POINTER).unlink(missing_ok=True)
    else:
        write_json(home / POINTER, pointer)
    sync_folder(home)


def sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _is_sound(action: Placed) -> bool:
    former = not action.before or (_DIGEST.fullmatch(action.before) and _FORMER.fullmatch(action.former))
    return bool(_TEMPORARY.fullmatch(action.temporary) and _DIGEST.fullmatch(action.sha256) and former)
