"""``labctl serve`` and ``labctl services``: jobs that answer on a port until they are stopped."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from labctl.cli.arguments import RUN
from labctl.cli.lazy import LazyGroup
from labctl.cli.progress import make_watcher
from labctl.cli.tables import span, table
from labctl.errors import UsageError
from labctl.store.home import find_home, find_project
from labctl.store.queries import find_run
from labctl.store.runs import Store
from labctl.terminal import Style, is_terminal, write
from labctl.walk.serving import ServiceNote, note_path, services, url_of, write_note

PATIENCE = 60.0  # seconds that a service is waited for until it has stopped


class ServiceWatcher:
    """Says where the service is reached, else what the watcher of a run says."""

    def __init__(self, home: str, plugin: str, service: str, token: str, as_json: bool) -> None:
        self._inner = make_watcher(as_json)
        self._home = Path(home)
        self._note = ServiceNote("", plugin, service, "", token, 0.0, 0.0)
        self._as_json = as_json
        self._lasts = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def began(self, run: str, prepared: Any, cached: dict[str, str]) -> None:
        self._lasts = prepared.frozen.plan.jobs[0].timeout
        self._note = msgspec.structs.replace(self._note, run=run)
        self._inner.began(run, prepared, cached)

    def listening(self, job: str, data: dict[str, Any]) -> None:
        url = url_of(data)
        now = time.time()
        self._note = msgspec.structs.replace(self._note, url=url, since=now, until=now + self._lasts)
        write_note(self._home, self._note)
        if self._as_json:
            self._inner.listening(job, {**data, "url": url})
            return
        # The token is for eyes, not for logs: in a pipe only the bare address.
        write(f"Open:  {self._note.address if is_terminal(sys.stdout) else url}")
        write(f"Stop:  Ctrl-C, or labctl services stop {self._note.run}", err=True)
        write(f"       stops by itself after {span(self._lasts)}", err=True)

    def close(self) -> None:
        if self._note.run:
            note_path(self._home, self._note.run).unlink(missing_ok=True)


services_group = LazyGroup(
    "services",
    {
        "list": ("labctl.cli.serve", "list_command", "the services that run now"),
        "url": ("labctl.cli.serve", "url_command", "the whole address of one, with its token"),
        "stop": ("labctl.cli.serve", "stop_command", "ask one to save and stop"),
    },
    "Services that run now: list them, reach them, stop them.",
)


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="as JSON, without tokens")
def list_command(as_json: bool) -> None:
    """List the services that run now."""
    found = services(Path(find_home(find_project())))
    if as_json:
        bare = [{k: v for k, v in msgspec.structs.asdict(n).items() if k != "token"} for n in found]
        write(msgspec.json.encode({"schema_version": 1, "services": bare}).decode())
        return
    if not found:
        write("no service runs here", err=True)
        return
    now = time.time()
    rows = [[n.run, n.service, n.url, span(now - n.since), span(max(0.0, n.until - now))] for n in found]
    table(["RUN", "SERVICE", "ADDRESS", "UP", "LEFT"], rows, right=[3, 4])


@click.command("url")
@click.argument("run", type=RUN, default="last")
def url_command(run: str) -> None:
    """Print the whole address of a service, with its token."""
    write(_named(run).address)


@click.command("stop")
@click.argument("run", type=RUN, default="last")
def stop_command(run: str) -> None:
    """Ask a service to save and stop, and wait until it has."""
    note = _named(run)
    home = find_home(find_project())
    store = Store(home)
    try:
        store.want(find_run(store.db, note.run).id, "stop")
        end = time.monotonic() + PATIENCE
        while (row := find_run(store.db, note.run)).state == "running":
            if time.monotonic() > end:
                raise UsageError(
                    f"{note.run} has not stopped within {PATIENCE:g} s",
                    hints=[f"labctl runs watch {note.run}"],
                )
            store.reconcile()
            time.sleep(0.05)
    finally:
        store.close()
    write(f"{Style(sys.stderr).bold(note.run)}  {row.state}", err=True)


def _named(run: str) -> ServiceNote:
    found = {note.run: note for note in services(Path(find_home(find_project())))}
    name = max(found, key=lambda n: found[n].since, default="") if run == "last" else run
    if name not in found:
        running = ", ".join(found) or "none"
        raise UsageError(
            f"there is no service {run} that runs" if found else "no service runs here",
            details=[f"running: {running}"] if found else [],
            hints=["labctl serve PROJECT SERVICE starts one"],
        )
    return found[name]
