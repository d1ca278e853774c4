"""Taking what a job wrote, without following where it points."""

from __future__ import annotations

import os
import stat
import unicodedata
from pathlib import Path

from labctl.model.jobcontext import ArtifactError
from labctl.model.sha import sha256

TREE = b"labctl-tree-1\0"


def digest_file(path: Path) -> tuple[str, int]:
    """sha256 and size of a regular file. Raises ArtifactError for a link or anything else."""
    import hashlib

    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(fd, "rb") as file:
        before = os.fstat(fd)
        if not stat.S_ISREG(before.st_mode):
            raise ArtifactError(f"{path.name} is not a plain file")
        found = hashlib.file_digest(file, "sha256").hexdigest()
        if os.fstat(fd).st_size != before.st_size:
            raise ArtifactError(f"{path.name} was still being written")
    return found, before.st_size


def digest_tree(root: Path) -> tuple[str, int]:
    """sha256 over the sorted rows (kind, size, digest, path) of a folder, and its size in bytes.

    Kind is f, x (executable) or d (an empty folder); other modes and times are not part of it.
    Raises ArtifactError for links, devices, and names that another system could not hold.
    """
    rows: list[tuple[bytes, bytes, int, str]] = []
    _scan(root, "", rows)
    total = sha256(TREE)
    for name, kind, size, found in sorted(rows):
        total.update(b"%s %d %s %s\0" % (kind, size, found.encode(), name))
    found = str(total.hexdigest())
    return found, sum(row[2] for row in rows)


def digest_path(path: Path) -> tuple[str, int, bool]:
    """sha256, size, and whether it is a folder."""
    mode = os.lstat(path).st_mode
    if stat.S_ISDIR(mode):
        return *digest_tree(path), True
    if stat.S_ISLNK(mode):
        raise ArtifactError(f"{path.name} is a link; only files and folders are kept")
    return *digest_file(path), False


def inside(root: Path, name: str) -> Path:
    """``root/name``, if no part of it is a link. Raises ArtifactError."""
    path = root
    for part in name.split("/"):
        path = path / part
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            raise ArtifactError(f"artifact {name!r} was declared and not written") from None
        if stat.S_ISLNK(mode):
            raise ArtifactError(f"artifact {name!r}: {part} is a link; only files and folders are kept")
        if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            raise ArtifactError(f"artifact {name!r}: {part} is neither a file nor a folder")
    return path


def _scan(folder: Path, prefix: str, rows: list[tuple[bytes, bytes, int, str]]) -> None:
    seen: dict[str, str] = {}
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    if not found and prefix:
        rows.append((os.fsencode(prefix[:-1]), b"d", 0, "-"))
    for entry in found:
        name = prefix + entry.name
        _check_name(entry.name, name, seen)
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            _scan(Path(entry.path), name + "/", rows)
        elif stat.S_ISREG(mode):
            digest, size = digest_file(Path(entry.path))
            rows.append((os.fsencode(name), b"x" if mode & 0o100 else b"f", size, digest))
        else:
            raise ArtifactError(f"{name} is a link or a device; only files and folders are kept")


def _check_name(name: str, path: str, seen: dict[str, str]) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ArtifactError(f"{path!r}: a file name must be UTF-8") from None
    if any(ord(c) < 32 or ord(c) == 127 for c in name):
        raise ArtifactError(f"{path!r}: a file name has no control characters")
    folded = unicodedata.normalize("NFC", name).casefold()
    if folded in seen:
        raise ArtifactError(f"{path!r} and {seen[folded]!r} are one name on other systems")
    seen[folded] = path
