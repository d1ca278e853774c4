"""``labctl runs list``: also of ten thousand runs, so it builds text and nothing else."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import click

from labctl.cli.runs import reader, run_json
from labctl.cli.tables import clock, span
from labctl.store.listing import JOBS_DONE, SORTS, Wanted, count, select
from labctl.terminal import Style, write

HEAD = ("RUN", "STARTED", "STATE", "JOBS", "TOOK", "COST", "SUPPORTED")
RIGHT = (3, 4, 5)
STATES = ("running", "succeeded", "partial", "failed", "interrupted", "cancelled", "over budget")
OUTCOMES = ("supported", "refuted", "inconclusive", "untestable", "degenerate", "not judged")
COLUMNS = (
    f"name, coalesce(started, created), state, {JOBS_DONE} || '/' || jobs_total, ended - started,"
    " coalesce(spent_usd, 0.0), verdicts"
)
PIECE = 1000  # rows that are written at a time


@click.command("list")
@click.option("--plugin", metavar="NAME", help="only runs of this project")
@click.option("--search", metavar="TEXT", help="in name, note, tags, headline and command")
@click.option("--state", type=click.Choice(STATES), help="only runs in this state")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="only runs with this tag; with all of them")
@click.option("--sort", type=click.Choice(list(SORTS)), default="started", show_default=True)
@click.option("--reverse", is_flag=True, help="the other way round")
@click.option("--limit", type=click.IntRange(1, 10**9), default=20, show_default=True)
@click.option("--all", "everything", is_flag=True, help="all of them")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def list_command(limit: int, everything: bool, as_json: bool, **filters: Any) -> None:
    """List runs, the newest first."""
    db = reader()
    if db is None:
        if as_json:
            write('{"schema_version": 1, "runs": []}')
        else:
            write("there are no runs here yet; labctl plugins list shows what can be run", err=True)
        return
    wanted = Wanted(**filters)
    total = count(db, wanted)
    if everything:
        limit = max(total, 1)
    if as_json:
        _write_json(db, wanted, limit)
    elif not total and (filters["plugin"] or wanted != Wanted()):
        write(_none(wanted), err=True)
    else:
        _write_table(db, wanted, limit)
        if total > limit:
            write(f"{total - limit} more: labctl runs list --all", err=True)


def _write_table(db: sqlite3.Connection, wanted: Wanted, limit: int) -> None:
    # All at once: a reader that stays open while a terminal is slow would hold up the database's upkeep.
    cells = list(_cells(select(db, wanted, limit, COLUMNS)))
    columns = list(zip(HEAD, *cells, strict=True))
    widths = [len(max(column, key=len)) for column in columns]
    line = "  ".join(f"%{w}s" if i in RIGHT else f"%-{w}s" for i, w in enumerate(widths[:-1])) + "  %s"
    mark = _marks()
    write(line % HEAD)
    for start in range(0, len(cells), PIECE):
        write("\n".join(mark(row, line % row) for row in cells[start : start + PIECE]))


def _cells(cursor: sqlite3.Cursor) -> Iterator[tuple[str, ...]]:
    supported: dict[str | None, str] = {None: "-"}
    now = time.localtime()
    while rows := cursor.fetchmany(PIECE):
        for name, started, state, jobs, took, cost, verdicts in rows:
            if verdicts not in supported:
                supported[verdicts] = _supported(verdicts)
            said = "-" if took is None else f"{took:.1f} s" if took < 59.95 else span(took)
            yield name, clock(started, now), state, jobs, said, f"${cost:.2f}", supported[verdicts]


def _supported(verdicts: str) -> str:
    """Of a JSON list of pairs, counted as text: decoding it would cost more than all the rest."""
    counts = [verdicts.count(f'","{outcome}"]') for outcome in OUTCOMES]
    return f"{counts[0]} of {sum(counts)}" if any(counts) else "-"


def _marks() -> Callable[[tuple[str, ...], str], str]:
    """On a terminal, states that need action or a look stand out."""
    style = Style(sys.stdout)
    wraps = {
        "failed": style.red, "partial": style.red, "over budget": style.red, "interrupted": style.yellow,
        "cancelled": style.yellow, "running": style.bold,
    }  # fmt: skip
    if not style.on:
        return lambda row, line: line

    def mark(row: tuple[str, ...], line: str) -> str:
        wrap = wraps.get(row[2])
        at = line.index(row[2], len(row[0]))
        return line[:at] + wrap(row[2]) + line[at + len(row[2]) :] if wrap else line

    return mark


def _write_json(db: sqlite3.Connection, wanted: Wanted, limit: int) -> None:
    import msgspec

    from labctl.store.queries import list_runs

    runs = [run_json(run) for run in list_runs(db, wanted, limit=limit)]
    write(msgspec.json.encode({"schema_version": 1, "runs": runs}).decode())


def _none(wanted: Wanted) -> str:
    if wanted == Wanted(plugin=wanted.plugin):
        return f"there are no runs of {wanted.plugin} here"
    return "no run here is like that; all runs: labctl runs list --all"
