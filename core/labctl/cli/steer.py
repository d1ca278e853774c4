"""``labctl resume``, ``retry``, ``runs watch``, ``cancel`` and ``set``: a run after it was started."""

from __future__ import annotations

from typing import Any

import click

from labctl.cli.arguments import RUN, USD
from labctl.cli.tables import count
from labctl.errors import UsageError
from labctl.store.queries import RunRow, find_run
from labctl.store.runs import Store
from labctl.terminal import write

COMMON = [
    click.Option(["--jobs"], type=click.IntRange(1), metavar="N", help="jobs at a time"),
    click.Option(["--grace"], metavar="TIME", help="time to save in after Ctrl-C"),
    click.Option(["--stop-at"], type=USD, metavar="USD", help="stop before it costs more"),
    click.Option(["--budget"], type=USD, metavar="USD", help="refuse if it may come to more"),
    click.Option(["--yes"], is_flag=True, help="do not ask before what costs money, or puts files in place"),
    click.Option(["--no-deploy"], is_flag=True, help="leave the project's files alone, if it deploys"),
    click.Option(["--detach"], is_flag=True, help="go on without this terminal"),
    click.Option(["--json"], is_flag=True, help="events as JSON lines on standard output"),
]


def _with_common(command: click.Command) -> click.Command:
    command.params += COMMON
    return command


def _resume(run: str, **options: Any) -> int:
    """Go on with a run that was interrupted, cancelled or stopped for its cost: what is done stays done.

    If code has changed that jobs still to be run reach, it says which, and starts nothing.
    """
    return _go_on(run, {}, options)


def _retry(run: str, names: tuple[str, ...], failed: bool, **options: Any) -> int:
    """Run the failed jobs of a run again, or those of NAMES, and what was skipped because of them."""
    if failed and names:
        raise UsageError("--failed means all that failed; name jobs or say --failed")
    return _go_on(run, {"retry": True, "jobs": names}, options)


_RUN = click.Argument(["run"], type=RUN)

resume = _with_common(click.Command("resume", params=[_RUN], callback=_resume, help=_resume.__doc__))
retry = _with_common(
    click.Command(
        "retry",
        params=[
            _RUN,
            click.Argument(["names"], nargs=-1, metavar="[JOB]..."),
            click.Option(["--failed"], is_flag=True, help="all that failed; so it is if none is named"),
        ],
        callback=_retry,
        help=_retry.__doc__,
    )
)


def _go_on(name: str, wanted: dict[str, Any], options: dict[str, Any]) -> int:
    from labctl.cli.detach import announce, detach, detached
    from labctl.executors.local import prefork
    from labctl.planning.overrides import seconds

    if options["detach"] and not detached():
        return detach(as_json=options["json"])
    prefork()  # before a line of the plugin runs, and before the database is open
    from labctl.cli.price import check_price
    from labctl.cli.progress import make_watcher
    from labctl.cli.running import deploy_after, say_finished
    from labctl.plugins.listing import open_catalogue
    from labctl.store.home import find_home, find_project
    from labctl.walk.resume import Wanted, take_up
    from labctl.walk.run import drive

    try:
        grace = seconds(options["grace"]) if options["grace"] else None
    except ValueError as error:
        raise UsageError(f"--grace: {error}") from None
    folder = find_project()
    home = find_home(folder)
    row, store = _ended_run(name, home)
    try:
        how = Wanted(
            **wanted,
            slots=options["jobs"] or 0,
            grace=grace,
            stop_at=options["stop_at"],
            budget=options["budget"],
        )
        prepared, resumption = take_up(row, how, open_catalogue(folder), folder, home, store)
        if not wanted.get("cancel"):
            verb = "retry" if wanted.get("retry") else "resume"
            spent = store.spent(row.id)
            check_price(prepared, yes=options["yes"], spent=spent, command=f"labctl {verb} {row.name}")
        watcher = make_watcher(options["json"])
        finished = drive(prepared, store, watcher, resumption, announce)
    finally:
        store.close()
    code = say_finished(finished, as_json=options["json"])
    deploy_after(finished, prepared.loaded, options)
    return code


def _ended_run(name: str, home: str) -> tuple[RunRow, Store]:
    """A run that nobody drives, and the open store. Raises LabError."""
    from labctl.store.database import open_for_reading
    from labctl.walk.refusals import owned

    db = open_for_reading(home)
    find_run(db, name)  # before a home is made where there is none
    store = Store(home)
    try:
        store.reconcile()
        row = find_run(store.db, name)
        if row.state == "running":
            raise owned(row)
    except BaseException:
        store.close()
        raise
    return row, store


@click.command()
@click.argument("run", type=RUN, default="last")
@click.option("--json", "as_json", is_flag=True, help="events as JSON lines")
def watch(run: str, as_json: bool) -> int:
    """Follow a run that goes on elsewhere, to its end; the exit code is the run's. Ctrl-C leaves it alone."""
    from labctl.cli.following import follow
    from labctl.cli.runs import home

    return follow(home(), run, as_json=as_json)


@click.command()
@click.argument("run", type=RUN)
def cancel(run: str) -> int:
    """Call a run off: what runs may save, the rest does not start. What is finished stays."""
    from labctl.cli.runs import home

    folder = home()
    store = Store(folder)
    try:
        store.reconcile()
        row = find_run(store.db, run)
        if row.state == "running":
            store.want(row.id, "cancel")
    finally:
        store.close()
    if row.state == "running":
        from labctl.cli.following import follow

        follow(folder, row.name, as_json=False)
        return 0
    if row.state not in ("interrupted", "over budget"):
        raise UsageError(f"{row.name} is over: it {row.state}", hints=[f"labctl runs show {row.name}"])
    options = dict.fromkeys(("detach", "grace", "jobs", "stop_at", "budget", "json", "yes", "no_deploy"))
    _go_on(row.name, {"cancel": True}, options)
    return 0


@click.command("set")
@click.argument("run", type=RUN)
@click.option("--stop-at", type=USD, metavar="USD", help="what it may come to")
@click.option("--no-stop-at", is_flag=True, help="take the bound away")
@click.option("--note", help="a sentence to keep with the run")
@click.option("--tag", "tags", multiple=True, help="a further word to find the run by")
def set_command(
    run: str, stop_at: float | None, no_stop_at: bool, note: str | None, tags: tuple[str, ...]
) -> None:
    """Change what a run may cost, also while it runs, its note or its tags."""
    from labctl.cli.runs import home
    from labctl.store.known import text

    if stop_at is None and not no_stop_at and note is None and not tags:
        raise UsageError("nothing is to be set", hints=["labctl runs set RUN --stop-at USD"])
    if stop_at is not None and no_stop_at:
        raise UsageError("--stop-at and --no-stop-at are opposites")
    store = Store(home())
    try:
        row = find_run(store.db, run)
        if stop_at is not None or no_stop_at:
            store.set_stop_at(row.id, stop_at)
        if note is not None or tags:
            kept = list(dict.fromkeys([*row.tags, *tags]))
            store.describe(row.id, row.note if note is None else note, text(kept))
    finally:
        store.close()
    said = [f"stops at ${stop_at:.2f}"] if stop_at is not None else ["no bound"] if no_stop_at else []
    said += ["a note"] if note is not None else []
    said += [count(len(tags), "further tag")] if tags else []
    write(f"{row.name}  {', '.join(said)}", err=True)
