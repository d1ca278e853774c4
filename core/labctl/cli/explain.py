"""``labctl explain RUN JOB``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from labctl.cli.arguments import RUN
from labctl.cli.tables import clock, table
from labctl.store.queries import find_run
from labctl.terminal import Style, plain, write

VERBS = {
    "skipped": "was skipped", "planned": "is still planned", "cancelled": "was cancelled",
    "over budget": "is over budget", "interrupted": "was interrupted",
}  # fmt: skip


@click.command()
@click.argument("run", type=RUN)
@click.argument("job")
@click.option("--against", metavar="RUN", help="hold it against that run; else the nearest earlier one")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def explain(run: str, job: str, against: str | None, as_json: bool) -> None:
    """Say why a job was run or not, and which parts of its key differ from an earlier run's."""
    from labctl.cli.runs import home, reader
    from labctl.walk import explain as walk

    db = reader()
    row = find_run(db, run)
    assert db is not None
    found = walk.explain(db, Path(home()), row, job, against)
    if as_json:
        record = {**found._asdict(), "differences": [d._asdict() for d in found.differences]}
        write(msgspec.json.encode({"schema_version": 1, **record}).decode())
        return
    _say(found, against is not None)


def _say(found: object, asked: bool) -> None:
    from labctl.walk.explain import PARTS, Explanation

    assert isinstance(found, Explanation)
    style = Style(sys.stdout)
    job, run = style.bold(found.job), style.bold(found.run)
    differing = list(dict.fromkeys(d.part for d in found.differences))
    if found.state in ("cached", "reused"):
        write(f"{job} was taken from {found.origin.partition('/')[0]} in {run}.")
    else:
        verb = VERBS.get(found.state, found.state)
        not_run = "not " if found.state in VERBS and found.state != "interrupted" else ""
        why = f": {plain(found.reason)}" if found.reason else ""
        write(f"{job} was {not_run}run in {run}: it {verb}{why}")
    if not found.other:
        write("No earlier run has this job.")
        return
    nearest = "" if asked else "The nearest earlier run is "
    lead = f"{nearest}{found.other}, {clock(found.other_created)}"
    if not differing:
        write(f"{lead}: all {len(PARTS)} parts of its key are the same.")
        return
    write(f"{lead}. It differs in {len(differing)} of {len(PARTS)} parts:\n")
    rows = [
        [d.part if d.part != before else "", plain(f"{d.name}: {d.there}".lstrip(": ")), plain(d.here)]
        for d, before in zip(found.differences, ["", *(d.part for d in found.differences)], strict=False)
    ]
    table(["PART", found.other, found.run], rows)
    write("\nthe same: " + ", ".join(found.same))
