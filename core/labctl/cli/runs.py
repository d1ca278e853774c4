"""``labctl runs``: what was run here."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from labctl.cli.tables import clock, money, span, table
from labctl.errors import UsageError
from labctl.model.results import DONE
from labctl.store.database import open_for_reading
from labctl.store.folder import RunFolder, read_record
from labctl.store.home import find_home, find_project
from labctl.store.queries import JobRow, RunRow, attempts_of, count_runs, find_run, jobs_of, list_runs
from labctl.terminal import Style, plain, write


def home() -> str:
    return find_home(find_project())


def reader() -> sqlite3.Connection | None:
    """The database for reading; runs whose host has died are marked first, where that can be written."""
    import os

    from labctl.store.runs import Store

    folder = home()
    db = open_for_reading(folder)
    running = db and db.execute("SELECT 1 FROM run WHERE state = 'running' LIMIT 1").fetchone()
    if running and os.access(folder, os.W_OK):
        store = Store(folder)
        store.reconcile()
        store.close()
    return db


def run_folder(run: RunRow) -> RunFolder:
    return RunFolder(Path(home()) / "runs" / run.name)


@click.group()
def runs() -> None:
    """List runs, show one, read its logs."""


@runs.command("list")
@click.option("--plugin", metavar="NAME", help="only runs of this project")
@click.option("--limit", type=click.IntRange(1, 10**9), default=20, show_default=True)
@click.option("--all", "everything", is_flag=True, help="all of them")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def list_command(plugin: str | None, limit: int, everything: bool, as_json: bool) -> None:
    """List runs, the newest first."""
    db = reader()
    if db is None:
        if as_json:
            write('{"schema_version": 1, "runs": []}')
        else:
            write("there are no runs here yet; labctl plugins list shows what can be run", err=True)
        return
    total = count_runs(db, plugin)
    if not total and plugin and not as_json:
        write(f"there are no runs of {plugin} here", err=True)
        return
    rows = list_runs(db, plugin=plugin, limit=total if everything else limit)
    if as_json:
        record = {"schema_version": 1, "runs": [_run_json(run) for run in rows]}
        write(msgspec.json.encode(record).decode())
        return
    head = ["RUN", "STARTED", "STATE", "JOBS", "TOOK", "COST", "SUPPORTED"]
    table(head, [_run_cells(run) for run in rows], right=[3, 4, 5])
    if total > len(rows):
        write(f"{total - len(rows)} more: labctl runs list --all", err=True)


@runs.command("show")
@click.argument("run")
@click.option("--parameters", is_flag=True, help="the parameters and where they came from")
@click.option("--artifacts", is_flag=True, help="the files that jobs wrote")
@click.option("--json", "as_json", is_flag=True, help="the record as JSON")
def show_command(run: str, parameters: bool, artifacts: bool, as_json: bool) -> None:
    """Show one run: RUN is its name, or last."""
    db = reader()
    row = find_run(db, run)
    assert db is not None
    folder = run_folder(row)
    jobs = jobs_of(db, row.id)
    if as_json:
        record: Any = {"run": _run_json(row), "jobs": [job._asdict() for job in jobs]}
        if folder.record.exists():
            record = read_record(folder)
        write(msgspec.json.encode(record).decode())
    elif parameters:
        _show_parameters(folder)
    elif artifacts:
        rows = [[j.id, a.name, f"{a.size:,}", a.sha256[:8]] for j in jobs for a in j.artifacts]
        table(["JOB", "ARTIFACT", "BYTES", "SHA256"], rows, right=[2])
    else:
        _show(row, jobs, attempts_of(db, row.id), folder)


@runs.command("logs")
@click.argument("run")
@click.argument("job", required=False)
@click.option("--attempt", type=click.IntRange(1), help="of that attempt; else of the last")
def logs_command(run: str, job: str | None, attempt: int | None) -> None:
    """Print what a job wrote to its output; without JOB, list the logs there are."""
    db = reader()
    row = find_run(db, run)
    assert db is not None
    folder = run_folder(row)
    jobs = jobs_of(db, row.id)
    if job is None:
        rows = [
            [j.id, str(len(paths)), f"{paths[-1].stat().st_size:,}"]
            for j in jobs
            if (paths := folder.logs(j.id))
        ]
        table(["JOB", "ATTEMPTS", "BYTES"], rows, right=[1, 2])
        return
    found = next((j for j in jobs if j.id == job), None)
    if found is None:
        raise _no_job(row, jobs, job)
    paths = folder.logs(job)
    if attempt is not None:
        paths = [path for path in paths if path.name.endswith(f".{attempt}.log")]
    if paths:
        with open(paths[-1], encoding="utf-8", errors="backslashreplace") as file:
            while piece := file.read(1 << 16):
                write("".join(c if c in "\n\t" or c.isprintable() else plain(c) for c in piece), end="")
    elif found.origin:
        write(f"{job} was taken from {found.origin}; its log is there", err=True)
    else:
        write(f"{job} has no log: it is {found.state}", err=True)
    if found.error is not None and found.error.traceback:
        write(found.error.traceback.rstrip(), err=True)


def _run_cells(run: RunRow) -> list[str]:
    style = Style(sys.stdout)
    supported = sum(outcome == "supported" for _, outcome in run.verdicts)
    judged = f"{supported} of {len(run.verdicts)}" if run.verdicts else "-"
    took = span(run.ended - run.started) if run.ended and run.started else "-"
    state = run.state
    if style.on:
        wrap = {"failed": style.red, "partial": style.red, "interrupted": style.yellow}.get(run.state)
        state = wrap(state) if wrap else state
    jobs = f"{run.jobs_done}/{run.jobs_total}"
    return [run.name, clock(run.started or run.created), state, jobs, took, money(run.spent_usd), judged]


def _run_json(run: RunRow) -> dict[str, Any]:
    record = run._asdict()
    for name in ("created", "started", "ended"):
        if record[name] is not None:
            record[name] = datetime.fromtimestamp(record[name], UTC).isoformat()
    del record["id"]
    return record


def _show(run: RunRow, jobs: list[JobRow], attempts: list[dict[str, Any]], folder: RunFolder) -> None:
    started = datetime.fromtimestamp(run.started or run.created).strftime("%d %b %Y, %H:%M")
    took = f", {span(run.ended - run.started)}" if run.ended and run.started else ""
    name = Style(sys.stdout).bold(run.name)
    write(f"{name}  {run.state}, {started}{took}, {money(run.spent_usd)}\n")
    tries: dict[str, int] = {}
    for attempt in attempts:
        tries[attempt["job"]] = tries.get(attempt["job"], 0) + 1
    rows = [
        [j.id, j.state, span(j.seconds) if j.seconds else "-", str(tries.get(j.id, 0)), _note(j)]
        for j in jobs
    ]
    table(["JOB", "STATE", "TOOK", "TRIES", "NOTE"], rows, right=[2, 3])
    write("")
    if run.headline:
        write(f"Found     {plain(run.headline)}")
    if run.verdicts:
        tally: dict[str, int] = {}
        for _, outcome in run.verdicts:
            tally[outcome] = tally.get(outcome, 0) + 1
        write("Claims    " + ", ".join(f"{n} {outcome}" for outcome, n in tally.items()))
    if run.registration:
        write(f"Record    sha256 {run.registration[:8]} of the claims{_registered(folder)}")
    write(f"Versions  {run.distribution} {run.version}")
    if folder.report.exists():
        import os

        write(f"Report    {os.path.relpath(folder.report)}")


def _registered(folder: RunFolder) -> str:
    """When the claims were first seen, and how many of them after their results were made."""
    if not folder.record.exists():
        return ""
    record = read_record(folder)
    seen = max((r["first_seen"] for r in record["registrations"].values()), default=0.0)
    late = sum(verdict["post_hoc"] for verdict in record["verdicts"])
    said = f", registered {datetime.fromtimestamp(seen).strftime('%d %b %Y, %H:%M:%S')}"
    return said + (f"; {late} post hoc" if late else "")


def _note(job: JobRow) -> str:
    text = job.reason
    if job.state in DONE and job.origin:
        text = f"from {job.origin.partition('/')[0]}"
    room = max(30, shutil.get_terminal_size((100, 24)).columns - 60)
    text = plain(text)
    return text if len(text) <= room else text[: room - 2] + ".."


def _show_parameters(folder: RunFolder) -> None:
    if not folder.record.exists():
        raise UsageError("the run has no record yet: it has not ended")
    record = read_record(folder)
    for point in record["points"]:
        if point["label"]:
            write(f"at {point['label']}")
        rows = [
            [name, msgspec.json.encode(value).decode(), point["origins"].get(name, "")]
            for name, value in point["parameters"].items()
        ]
        table(["PARAMETER", "VALUE", "FROM"], rows)


def _no_job(run: RunRow, jobs: list[JobRow], name: str) -> UsageError:
    import difflib

    near = difflib.get_close_matches(name, [job.id for job in jobs], 1, 0.5)
    hints = [f"did you mean {near[0]}?"] if near else []
    return UsageError(
        f"run {run.name} has no job named {name}", hints=[*hints, f"labctl runs show {run.name}"]
    )
