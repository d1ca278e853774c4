"""``labctl runs compare`` and ``metrics``: runs as numbers."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import click
import msgspec

from labctl.cli.arguments import RUN
from labctl.cli.runs import reader, run_folder
from labctl.cli.tables import count, table
from labctl.errors import UsageError
from labctl.store.queries import find_run, jobs_of
from labctl.terminal import plain, write

if TYPE_CHECKING:
    from labctl.archive.compare import Contrast, Pair, Row, Side

WIDEST = 32  # characters of a cell


@click.command("compare")
@click.argument("runs", type=RUN, nargs=-1, required=True, metavar="A B [C]...")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def compare_command(runs: tuple[str, ...], as_json: bool) -> None:
    """Show what differs between runs: what went in, what came out, and the jobs' numbers.

    Runs that share their seeds are compared in pairs, job by job (paired t); others as independent
    samples (Welch's t). Intervals are 95 %, and not adjusted for how many there are.
    """
    from labctl.archive.compare import contrast, differences, read_side

    if len(runs) < 2:
        raise UsageError("it takes two runs to compare", hints=["labctl runs compare RUN last"])
    db = reader()
    rows = [find_run(db, run) for run in runs]
    assert db is not None
    sides = [read_side(row, jobs_of(db, row.id), run_folder(row)) for row in rows]
    found = differences(sides)
    against = [contrast(sides[0], side) for side in sides[1:]]
    if as_json:
        record = {
            "schema_version": 1,
            "runs": [row.name for row in rows],
            "differences": [row._asdict() for row in found],
            "contrasts": [_contrast_json(one) for one in against],
        }
        write(msgspec.json.encode(record).decode())
        return
    _show_differences(sides, found)
    for side in {side.run.name: side for side in sides}.values():
        if not side.recorded:
            write(f"{side.run.name} has no record: it is {side.run.state}; what came out is not compared")
    for one in against:
        _show_contrast(rows[0].name, one)


@click.command("metrics")
@click.argument("run", type=RUN)
@click.option("--job", "patterns", multiple=True, metavar="GLOB", help="only of these jobs")
@click.option("--values", is_flag=True, help="and the numbers in what the jobs returned")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="into a file that is not there yet")
def metrics_command(run: str, patterns: tuple[str, ...], values: bool, form: str, output: str | None) -> None:
    """Export the numbers that a run's jobs recorded, a row each, as CSV or JSON."""
    from labctl.archive import numbers

    db = reader()
    row = find_run(db, run)
    assert db is not None
    left_out: list[str] = []
    found = list(numbers.metrics(run_folder(row), left_out))
    if left_out:
        jobs = ", ".join(plain(job) for job in list(dict.fromkeys(left_out))[:3])
        write(f"warning: {count(len(left_out), 'point')} cannot be read and left out: {jobs}", err=True)
    if values:
        found += numbers.values(jobs_of(db, row.id))
    if patterns:
        found = [n for n in found if any(fnmatchcase(n.job, p) for p in patterns)]
    if form == "csv":
        text = numbers.to_csv(found)
    else:
        record = {"schema_version": 1, "run": row.name, "numbers": [n._asdict() for n in found]}
        text = msgspec.json.encode(record).decode() + "\n"
    if output is None:
        write(text, end="")
        return
    try:
        with open(output, "x", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UsageError(f"{output} could not be written", details=[str(error)]) from None
    write(output)
    write(count(len(found), "number"), err=True)


def _show_differences(sides: list[Side], found: list[Row]) -> None:
    names = [side.run.name for side in sides]
    if not found:
        write(f"{' and '.join(names)}: nothing that was recorded differs")
        return
    cells = [[row.part, _cell(row.name), *(_cell(value) for value in row.values)] for row in found]
    table(["PART", "WHAT", *names], cells)


def _show_contrast(first: str, one: Contrast) -> None:
    write("")
    if not one.common:
        write(f"{first} and {one.run} have no finished job in common: their jobs are not compared")
        return
    if one.paired:
        write(f"{first} and {one.run} share the seeds of all that both finished, {count(one.common, 'job')}:")
        write("compared in pairs, job by job; the 95 % intervals are by a paired t")
    else:
        write(f"{first} and {one.run} share the seeds of {one.shared} of {count(one.common, 'job')}:")
        write("compared unpaired, as independent samples; the 95 % intervals are Welch's")
    if one.rows:
        write("")
        head = ["JOBS", "NUMBER", first, one.run, "DIFFERENCE", "N"]
        table(head, [_pair_cells(pair) for pair in one.rows], right=[2, 3, 5])
    write(f"{count(one.same, 'number')} {'is' if one.same == 1 else 'are'} the same", err=True)


def _pair_cells(pair: Pair) -> list[str]:
    d = pair.difference
    said = f"{d.mean:+.4g}" + (f" [{d.low:.4g}, {d.high:.4g}]" if d.low is not None else "")
    numbers = [f"{pair.first:.4g}", f"{pair.second:.4g}", said, str(d.n)]
    return [_cell(pair.jobs), _cell(pair.name), *numbers]


def _contrast_json(one: Contrast) -> dict[str, Any]:
    rows = [{**pair._asdict(), "difference": pair.difference._asdict()} for pair in one.rows]
    return {**one._asdict(), "method": one.method, "rows": rows}


def _cell(text: str | None) -> str:
    text = "-" if text is None else plain(text)
    return text if len(text) <= WIDEST else text[: WIDEST - 2] + ".."
