"""A run's folder: everything about the run, so that it can be mailed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from labctl.errors import UsageError
from labctl.model.sha import sha256

LONGEST = 180  # bytes of a file name made of an id; file systems take 255


def flat(job: str) -> str:
    """A job's id as one file name: ``a/b`` and ``a__b`` stay apart, and ``a`` holds nothing of ``a/b``."""
    name = job.replace("/", "~")  # no id has a ~
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 17]}~{sha256(name.encode()).hexdigest()[:16]}"


class RunFolder:
    """Paths below ``.labctl/runs/<name>``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def make(self) -> None:
        for name in ("logs", "checkpoints", "artifacts"):
            (self.root / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def lock(self) -> Path:
        return self.root / "owner.lock"

    @property
    def plan(self) -> Path:
        return self.root / "plan.json"

    @property
    def record(self) -> Path:
        return self.root / "record.json"

    @property
    def journal(self) -> Path:
        """What has ended so far, a line each: with the plan it says what the database says of the run."""
        return self.root / "journal.jsonl"

    @property
    def console(self) -> Path:
        """What a host that goes on without a terminal has to say."""
        return self.root / "console.log"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def report_data(self) -> Path:
        return self.root / "report.json"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.jsonl"

    @property
    def notices(self) -> Path:
        """What the host's collecting process wrote, and full tracebacks."""
        return self.root / "collect.log"

    def log(self, job: str, attempt: int) -> Path:
        return self.root / "logs" / f"{flat(job)}.{attempt}.log"

    def logs(self, job: str) -> list[Path]:
        """The job's logs, by attempt."""
        base = self.root / "logs" / flat(job)
        found: list[tuple[int, Path]] = []
        if base.parent.is_dir():
            for path in base.parent.iterdir():
                stem, _, number = path.name.removesuffix(".log").rpartition(".")
                if stem == base.name and number.isdigit():
                    found.append((int(number), path))
        return [path for _, path in sorted(found)]

    def checkpoint(self, job: str) -> Path:
        return self.root / "checkpoints" / flat(job)

    def artifacts(self, job: str) -> Path:
        return self.root / "artifacts" / flat(job)


class _Shape(msgspec.Struct):
    """What every reader of a record relies on."""

    run: dict[str, Any]
    jobs: list[dict[str, Any]]
    points: list[dict[str, Any]]
    registrations: dict[str, dict[str, Any]]
    verdicts: list[dict[str, Any]]
    report: dict[str, Any]


def read_record(folder: RunFolder) -> Any:
    """A run's record. Raises UsageError that names the file if it is damaged."""
    try:
        record = msgspec.json.decode(folder.record.read_bytes())
        missing = set(_Shape.__struct_fields__) - set(record)
    except (msgspec.DecodeError, TypeError) as error:
        raise UsageError(f"{os.path.relpath(folder.record)} cannot be read", details=[str(error)]) from None
    if missing:
        raise UsageError(
            f"{os.path.relpath(folder.record)} is no record: it lacks {', '.join(sorted(missing))}"
        )
    try:
        msgspec.convert(record, _Shape)
    except msgspec.ValidationError as error:
        raise UsageError(f"{os.path.relpath(folder.record)} is no record", details=[str(error)]) from None
    return record


def write_json(path: Path, value: Any) -> None:
    """Replace a file by ``value`` as JSON: the old content or the new one, never half of it."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file's content at once and durably. Raises OSError and leaves the old one."""
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")  # process ids lie across containers
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def append_whole(path: Path, lines: bytes) -> None:
    """Add whole lines to a file. Half a line that a killed writer or a full disk has left spoils none."""
    with open(path, "ab+") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                lines = b"\n" + lines
        file.write(lines)
