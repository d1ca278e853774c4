"""The numbers of a run: what its jobs recorded as metrics, and what they returned."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from labctl.archive.facts import Wrong, finite
from labctl.archive.telling import BROKEN, read_plain
from labctl.model.results import DONE
from labctl.store.folder import RunFolder
from labctl.store.queries import JobRow

DEEPEST, WIDEST = 8, 32  # of what a job returned: levels, entries of a list
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Number(NamedTuple):
    """``kind``: *metric*, a point that a job recorded; *value*, a number in what it returned.

    ``step`` of a series; ``time`` in UTC; ``better``: up, down or nothing.
    """

    job: str
    kind: str
    attempt: int | None
    name: str
    step: int | None
    value: float | None
    unit: str
    better: str
    time: str


class _Line(msgspec.Struct):
    job: str
    attempt: int
    points: list[msgspec.Raw]


_POINT = msgspec.json.Decoder(tuple[str, float | None, int | None, float, str, str])


def metrics(folder: RunFolder, left_out: list[str] | None = None) -> Iterator[Number]:
    """The points in ``metrics.jsonl``, in their order. What is no such line, or torn, is passed over.

    ``left_out`` is told of every point that is not as a job's metric is, by its job.
    """
    try:
        lines = read_plain(folder.metrics).split(b"\n")
    except (OSError, Wrong):
        return
    for line in lines:
        try:
            found = msgspec.json.decode(line, type=_Line)
        except BROKEN:
            continue
        for point in found.points:
            try:
                name, value, step, when, unit, better = _POINT.decode(point)
                at = datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds")
            except (*BROKEN, OverflowError, OSError):
                if left_out is not None:
                    left_out.append(found.job)
                continue
            yield Number(found.job, "metric", found.attempt, name, step, value, unit, better, at)


def values(jobs: Iterable[JobRow]) -> Iterator[Number]:
    """The numbers in what finished jobs returned, each under its path."""
    for job in jobs:
        if job.state in DONE:
            for path, value in numbers_in(job.value):
                yield Number(job.id, "value", None, path, None, value, "", "", "")


def numbers_in(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, float]]:
    """Numbers with their paths: ``mean``, ``fit.slope``, ``means[0]``. Long lists are passed over."""
    if finite(value):
        yield path or "value", float(value)
    elif isinstance(value, dict) and depth < DEEPEST:
        for key, item in value.items():
            yield from numbers_in(item, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list) and len(value) <= WIDEST and depth < DEEPEST:
        for index, item in enumerate(value):
            yield from numbers_in(item, f"{path or 'value'}[{index}]", depth + 1)


def to_csv(rows: Iterable[Number]) -> str:
    """Rows as CSV. Text that a spreadsheet would take for a formula begins with a quotation mark."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # else a lone CR in a cell is not quoted
    writer.writerow(Number._fields)
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return out.getvalue()


def _cell(cell: Any) -> Any:
    return "'" + cell if isinstance(cell, str) and cell.startswith(FORMULA) else cell
