"""``labctl collect`` and ``report``: what came out of a run."""

from __future__ import annotations

import os
import shlex
import shutil
from fnmatch import fnmatchcase
from pathlib import Path

import click
import msgspec

from labctl.cli.arguments import RUN
from labctl.cli.runs import home, reader, run_folder
from labctl.errors import InfrastructureError, UsageError
from labctl.model.results import Artifact
from labctl.store.folder import RunFolder, write_whole
from labctl.store.queries import RunRow, find_run, jobs_of
from labctl.terminal import write
from labctl.walk.fetching import artifacts_of


@click.command()
@click.argument("run", type=RUN)
@click.option("--artifact", "patterns", multiple=True, metavar="GLOB", help="only these, by name or JOB/NAME")
@click.option("-o", "--output", default=".", metavar="DIR", help="where to; made if it is not there")
@click.option("--json", "as_json", is_flag=True, help="what was copied, as JSON")
def collect(run: str, patterns: tuple[str, ...], output: str, as_json: bool) -> None:
    """Copy the files that a run's jobs wrote, to DIR/JOB/NAME. Nothing is overwritten."""
    db = reader()
    row = find_run(db, run)
    assert db is not None
    wanted = [
        (job.id, artifact)
        for job in jobs_of(db, row.id)
        for artifact in job.artifacts
        if not patterns
        or any(fnmatchcase(n, p) for p in patterns for n in (artifact.name, f"{job.id}/{artifact.name}"))
    ]
    if not wanted:
        what = f" that match {' '.join(patterns)}" if patterns else ""
        raise UsageError(
            f"run {row.name} has no artifacts{what}", hints=[f"labctl runs show {row.name} --artifacts"]
        )
    target = Path(output)
    clashes = [f"{j}/{a.name}" for j, a in wanted if os.path.lexists(target / j / a.name)]
    if clashes:
        raise UsageError(
            f"{len(clashes)} of the files are there already, {clashes[0]} first; nothing was copied",
            hints=[f"labctl collect {row.name} -o ANOTHER_FOLDER"],
        )
    _check_apart(row, wanted)
    copied: list[dict[str, object]] = []
    with artifacts_of(row, home()) as take:
        for job, artifact in wanted:
            path = target / job / artifact.name
            try:
                source = take(artifact)
                path.parent.mkdir(parents=True, exist_ok=True)
                if artifact.folder:
                    shutil.copytree(source, path)
                else:
                    _copy_file(source, path)
            except OSError as error:
                raise InfrastructureError(
                    f"{path} could not be written",
                    details=[str(error), f"{len(copied)} of {len(wanted)} files were copied"],
                    hints=["labctl collect RUN --artifact JOB/NAME copies one of them"],
                ) from None
            copied.append({"job": job, "artifact": artifact.name, "path": str(path), "bytes": artifact.size})
            if not as_json:
                write(str(path))
    if as_json:
        write(msgspec.json.encode({"schema_version": 1, "copied": copied}).decode())


def _check_apart(row: RunRow, wanted: list[tuple[str, Artifact]]) -> None:
    """Raise UsageError if two artifacts would lie at one path, or one inside the other."""
    places: dict[tuple[str, ...], tuple[str, str]] = {}
    for job, artifact in wanted:
        parts = (*job.split("/"), *artifact.name.split("/"))
        other = places.setdefault(parts, (job, artifact.name))
        if other != (job, artifact.name):
            raise _clash(row, other, (job, artifact.name))
    for parts, one in places.items():
        for length in range(1, len(parts)):
            if parts[:length] in places:
                raise _clash(row, places[parts[:length]], one)


def _clash(row: RunRow, *both: tuple[str, str]) -> UsageError:
    first, second = (f"{name} of job {job}" for job, name in both)
    return UsageError(
        f"{first} and {second} would lie at one path; nothing was copied",
        hints=[f"labctl collect {row.name} --artifact {shlex.quote(both[0][1])} -o ANOTHER_FOLDER"],
    )


def _copy_file(source: Path, path: Path) -> None:
    """Copy a file to where there is none. Raises FileExistsError."""
    with open(source, "rb") as file, open(path, "xb") as copy:
        shutil.copyfileobj(file, copy, 1 << 20)


@click.command()
@click.argument("run", type=RUN, default="last")
@click.option("-o", "--output", metavar="FILE", help="write it there, too")
@click.option("--markdown", is_flag=True, help="the report as Markdown, to standard output")
@click.option("--json", "as_json", is_flag=True, help="the report as JSON, to standard output")
def report(run: str, output: str | None, markdown: bool, as_json: bool) -> None:
    """Say where the report of a run lies, or print it as Markdown or JSON."""
    from labctl.report.html_page import to_html
    from labctl.report.view import ReportView

    if markdown and as_json:
        raise UsageError("--markdown and --json are two forms of the report; choose one")
    row = find_run(reader(), run)
    folder = run_folder(row)
    if markdown:
        _as_markdown(row, folder, output)
        return
    source = folder.report_data if as_json else folder.report
    if not source.exists() and folder.report_data.exists():
        try:
            view = msgspec.json.decode(folder.report_data.read_bytes(), type=ReportView)
        except msgspec.MsgspecError as error:
            name = os.path.relpath(folder.report_data)
            raise UsageError(f"{name} cannot be read", details=[str(error)]) from None
        try:
            write_whole(source, to_html(view).encode("utf-8", "replace"))
        except OSError as error:
            raise UsageError(
                f"{os.path.relpath(source)} could not be written",
                details=[str(error)],
                hints=[f"labctl report {row.name} --markdown"],
            ) from None
    if not source.exists():
        raise UsageError(f"run {row.name} has no report: it is {row.state}")
    if output is not None:
        try:
            shutil.copyfile(source, output)
        except OSError as error:
            raise UsageError(f"{output} could not be written", details=[str(error)]) from None
        write(output)
    elif as_json:
        try:
            write(source.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise UsageError(f"{os.path.relpath(source)} cannot be read", details=[str(error)]) from None
    else:
        write(os.path.relpath(source))


def _as_markdown(row: RunRow, folder: RunFolder, output: str | None) -> None:
    from labctl.report.markdown import to_markdown
    from labctl.report.view import ReportView

    try:
        view = msgspec.json.decode(folder.report_data.read_bytes(), type=ReportView)
    except FileNotFoundError:
        raise UsageError(f"run {row.name} has no report: it is {row.state}") from None
    except msgspec.MsgspecError as error:
        name = os.path.relpath(folder.report_data)
        raise UsageError(f"{name} cannot be read", details=[str(error)]) from None
    text = to_markdown(view)
    if output is None:
        write(text, end="")
        return
    try:
        write_whole(Path(output), text.encode())
    except OSError as error:
        raise UsageError(f"{output} could not be written", details=[str(error)]) from None
    write(output)
