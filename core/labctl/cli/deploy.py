"""``labctl deploy``: what a run puts in place, shown, asked, done and undone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from labctl.cli.arguments import RUN
from labctl.cli.deployed import say_done, say_left, say_planned, say_undo, say_undone
from labctl.cli.errors import report, warn
from labctl.cli.runs import home, reader
from labctl.cli.tables import count
from labctl.errors import LabError, UsageError
from labctl.plugins.loaded import Loaded
from labctl.store.deployments import Deployment
from labctl.store.home import find_project
from labctl.store.queries import RunRow, find_run
from labctl.terminal import is_terminal, plain, write
from labctl.walk.deploy.planned import Planned, planned_actions
from labctl.walk.deploy.session import Deploying, check_unedited, deploying, to_undo, unfinished
from labctl.walk.ending import Finished


@click.command()
@click.argument("run", type=RUN)
@click.option("--dry-run", is_flag=True, help="show what would be done, and do nothing")
@click.option("--diff", is_flag=True, help="with the lines that differ")
@click.option("--yes", is_flag=True, help="do not ask before files are put in place")
@click.option(
    "--force", is_flag=True, help="also what its check holds back; with --undo, also what was edited"
)
@click.option("--undo", is_flag=True, help="restore what was in place before")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def deploy(run: str, dry_run: bool, diff: bool, yes: bool, force: bool, undo: bool, as_json: bool) -> None:
    """Put the results of a run where its project wants them, inside this folder; --undo takes it back.

    What is there is compared, what the project checks is checked, and you are asked. All is done or nothing.
    """
    row = find_run(reader(), run)
    if undo:
        if diff:
            raise UsageError(
                "--diff says nothing of an --undo", hints=[f"labctl deploy {row.name} --undo --dry-run"]
            )
        _undo(row, dry_run=dry_run, force=force, as_json=as_json)
        return
    from labctl.executors.local import prefork

    prefork()  # before a line of the plugin runs: checks are jobs
    if dry_run:
        _show(row, diff=diff, force=force, as_json=as_json)
    else:
        put(row, diff=diff, yes=yes, force=force, as_json=as_json)


def _show(row: RunRow, *, diff: bool, force: bool, as_json: bool) -> None:
    if name := unfinished(Path(home())):
        warn(f"a deployment of {name} was interrupted; the next `labctl deploy` that writes takes it back")
    planned = planned_actions(row, home())
    try:
        planned.check_apart()
    except LabError as error:  # it would be refused; what each file would be can be shown all the same
        warn("; ".join(map(plain, [error.message, *error.details])))
    planned = _checked(planned, force=force)
    if as_json:
        write(_json(planned))
    else:
        say_planned(
            planned, diff=diff, title=f"What {row.name} would put in place. Nothing was changed.", dry=True
        )


def put(row: RunRow, *, diff: bool, yes: bool, force: bool, as_json: bool) -> Deployment | None:
    """Show, check, ask and put in place. None if there was nothing to do. Raises LabError."""
    with deploying(row, Path(home()), Path(find_project())) as session:
        _say_recovered(session)
        planned = planned_actions(row, home())
        _refuse_services_alone(planned)
        asks = not yes and not is_terminal(sys.stdin)
        if planned.writes and not asks:
            planned.check_apart()
            planned = _checked(planned, force=force)
        if not as_json:
            say_planned(planned, diff=diff, title=f"What {row.name} puts in place.")
        if asks and planned.writes:
            raise UsageError(
                "deploy asks before it writes", details=["nothing was changed"], hints=["add --yes"]
            )
        done = _written(session, planned, yes=yes)
    if as_json:
        write(_json(planned, done))
    elif done is not None:
        say_done(done)
    _say_unpublished(planned)
    return done


def _written(session: Deploying, planned: Planned, *, yes: bool) -> Deployment | None:
    number = len(planned.writes)
    if not number and not planned.held:
        return None
    if not number:
        name = session.row.name
        what = "the one file was" if len(planned.held) == 1 else f"all {len(planned.held)} files were"
        raise LabError(
            f"{what} held: no check passed",
            details=[
                *(f"{w.action.to}: {_why(w.action.check)}" for w in planned.held),
                "nothing was changed",
            ],
            hints=[f"labctl deploy {name} --force puts them in place all the same"],
        )
    if not yes:
        what = "this file" if number == 1 else f"these {number} files"
        if not click.confirm(f"Put {what} in place?", default=False, err=True):
            raise UsageError("nothing was changed")
    return session.put(planned)


def _checked(planned: Planned, *, force: bool) -> Planned:
    from labctl.walk.deploy.checks import with_checks

    return with_checks(planned, force=force, say=lambda text: write(f"Checking {plain(text)}", err=True))


def _refuse_services_alone(planned: Planned) -> None:
    services = planned.services
    if services and len(services) == len(planned.wanted):
        raise UsageError(
            f"{planned.row.plugin} wants {plain(services[0])} published; this labctl cannot publish",
            details=["nothing was changed"],
            hints=[f"labctl serve {planned.row.plugin} {plain(services[0])} --from {planned.row.name}"],
        )


def _say_unpublished(planned: Planned) -> None:
    for service in planned.services:
        warn(f"service {plain(service)} was not published: this labctl cannot publish")


def _say_recovered(session: Deploying) -> bool:
    """Whether something was taken back that an earlier command had left half done."""
    if session.recovered is None:
        return False
    name = session.recovered.run
    warn(f"a deployment of {name} was interrupted; what was in place before is back")
    say_left(session.recovered.left)
    return True


def _undo(row: RunRow, *, dry_run: bool, force: bool, as_json: bool) -> None:
    folder, project = Path(home()), Path(find_project())
    if dry_run:
        deployment = to_undo(row, folder)
        check_unedited(project, folder, deployment, force=force)
        if as_json:
            write(msgspec.json.encode({"schema_version": 1, "deployment": deployment}).decode())
        else:
            say_undo(row.name, deployment)
        return
    with deploying(row, folder, project) as session:
        if _say_recovered(session) and session.recovered and session.recovered.run == row.name:
            return  # that was it: what was deployed before stays
        deployment = session.undo(force=force)
    if as_json:
        write(msgspec.json.encode({"schema_version": 1, "deployment": deployment}).decode())
    else:
        say_undone(deployment)
    if deployment.left:
        raise LabError(
            f"{deployment.left[0]} was edited meanwhile, and is left as it is",
            details=[f"{count(len(deployment.left), 'file')} in all"],
        )


def after_run(finished: Finished, loaded: Loaded, *, yes: bool, no_deploy: bool, as_json: bool) -> None:
    """The last room of a run: deploy what it made. Whatever comes of it, the run has succeeded.

    Only for a project that declares it; nothing is asked of the plugin where nobody can be asked.
    """
    if not loaded.deploys or finished.state != "succeeded" or no_deploy:
        return
    step = f"labctl deploy {finished.run}"
    if not yes and not is_terminal(sys.stdin):
        if as_json:
            write(msgspec.json.encode({"event": "not deployed", "run": finished.run, "step": step}).decode())
        else:
            write(f"Nothing was put in place: nobody can be asked. To do it: {step}", err=True)
        return
    from labctl.cli.main import unforeseen
    from labctl.executors.local import prefork

    prefork(by_exec=True)  # by now there are threads, and a plugin's code
    write("", err=True)
    try:
        put(find_run(reader(), finished.run), diff=False, yes=yes, force=False, as_json=as_json)
    except Exception as error:
        report(error if isinstance(error, LabError) else unforeseen(error))
        write(f"The run has succeeded all the same. To deploy it: {step}", err=True)
    except (KeyboardInterrupt, click.Abort):
        write(f"\nNothing was put in place. To do it: {step}", err=True)


def _json(planned: Planned, done: Deployment | None = None) -> str:
    record: dict[str, Any] = {
        "schema_version": 1,
        "event": "deploy",
        "run": planned.row.name,
        "actions": planned.actions,
    }
    record["deployment"] = done.number if done else None
    return msgspec.json.encode(record).decode()


def _why(check: Any) -> str:
    return plain(check.words) or "its check did not pass"
