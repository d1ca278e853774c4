"""``labctl runs show`` and ``logs``: one run, and what its jobs wrote."""

from __future__ import annotations

import shutil
import sys
from datetime import datetime
from typing import Any

import click
import msgspec

from labctl.cli.arguments import RUN
from labctl.cli.deployed import story
from labctl.cli.errors import warn
from labctl.cli.runs import reader, run_folder, run_json
from labctl.cli.tables import money, span, table
from labctl.errors import UsageError
from labctl.model.results import DONE
from labctl.store.deployments import ELSEWHERE, FOLDER, Deployment, deployments_of
from labctl.store.folder import RunFolder, read_record
from labctl.store.queries import JobRow, RunRow, attempts_of, find_run, jobs_of
from labctl.terminal import Style, plain, write


@click.command("show")
@click.argument("run", type=RUN)
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
        record: Any = {"run": run_json(row), "jobs": [job._asdict() for job in jobs]}
        record["attempts"] = attempts_of(db, row.id)
        if folder.record.exists():
            record = read_record(folder)
        record["deployments"] = _deployments(folder, FOLDER)
        write(msgspec.json.encode(record).decode())
    elif parameters:
        _show_parameters(folder)
    elif artifacts:
        rows = [[j.id, a.name, f"{a.size:,}", a.sha256[:8]] for j in jobs for a in j.artifacts]
        table(["JOB", "ARTIFACT", "BYTES", "SHA256"], rows, right=[2])
    else:
        _show(row, jobs, attempts_of(db, row.id), folder)


@click.command("logs")
@click.argument("run", type=RUN)
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
    write(f"Versions  {plain(run.distribution)} {plain(run.version)}")
    if run.imported:
        write(f"Imported  {_imported(run, folder)}")
    for where in (ELSEWHERE, FOLDER):
        for title, words in story(_deployments(folder, where), elsewhere=where == ELSEWHERE):
            write(f"{title:8}  {words}")
    if folder.report.exists():
        import os

        write(f"Report    {os.path.relpath(folder.report)}")


def _deployments(folder: RunFolder, where: str) -> list[Deployment]:
    """What was put in place; a damaged journal costs nothing but itself."""
    try:
        return deployments_of(folder.root, where)
    except UsageError as error:
        warn(error.message)
        return []


def _registered(folder: RunFolder) -> str:
    """When the claims were first seen, and how many of them after their results were made."""
    if not folder.record.exists():
        return ""
    record = read_record(folder)
    seen = max((r["first_seen"] for r in record["registrations"].values()), default=0.0)
    late = sum(verdict["post_hoc"] for verdict in record["verdicts"])
    said = f", registered {datetime.fromtimestamp(seen).strftime('%d %b %Y, %H:%M:%S')}"
    return said + (f"; {late} post hoc" if late else "")


def _imported(run: RunRow, folder: RunFolder) -> str:
    """Whence a run was brought; what it says of times is its sender's word."""
    try:
        mark = msgspec.json.decode((folder.root / "imported.json").read_bytes())
        when = datetime.fromtimestamp(mark["time"]).strftime("%d %b %Y, %H:%M")
        said = f"{when}, from {plain(mark['source'])}, there {plain(mark['name'])}"
    except (OSError, ValueError, LookupError, TypeError, msgspec.MsgspecError):
        said = "from elsewhere"
    trust = "; trusted: its results feed the cache" if run.imported == 2 else ""
    return f"{said}{trust}; times and registrations are the sender's word"


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
            write(f"at {plain(point['label'])}")
        rows = [
            [plain(name), plain(msgspec.json.encode(value).decode()), plain(point["origins"].get(name, ""))]
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
