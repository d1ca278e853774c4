"""How a deployment looks on the terminal: before it is done, after, and in the story of its run."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime

from labctl.cli.errors import warn
from labctl.cli.tables import count
from labctl.store.deployments import CheckResult, Deployment
from labctl.terminal import Style, plain, write

TYPE_CHECKING = False
if TYPE_CHECKING:  # `runs show` tells the story, too, and plans nothing
    from labctl.walk.deploy.planned import Planned, PlannedAction


def say_planned(planned: Planned, *, diff: bool, title: str, dry: bool = False) -> None:
    """The actions, what differs, and what their checks say."""
    actions, name = planned.actions, planned.row.name
    if not actions:
        write(f"{planned.row.plugin} has nothing to deploy.")
        return
    write(f"{title}\n")
    width = max(len(plain(action.to)) for action in actions)
    for action in actions:
        write(_row(action, width))
    if diff:
        for action in actions:
            for line in action.diff:
                write(plain(line))
    _say_checks(actions, width)
    if dry and planned.writes:
        write(f"\nTo do it:   labctl deploy {name}\nTo undo it: labctl deploy {name} --undo")
    elif not planned.writes and not planned.held:
        write("\nThere is nothing to do.")


def _row(action: PlannedAction, width: int) -> str:
    style = Style(sys.stdout)
    word = f"{action.change:7}"
    paint = style.dim if action.change == "same" else style.yellow if action.change == "held" else style.bold
    note = action.note
    if action.change == "held" and action.check is not None:
        note = f"{action.check.job}: {action.check.words or 'it does not pass'}"
    return f"  {paint(word)}  {plain(action.to):{width}}  {plain(note)}".rstrip()


def _say_checks(actions: list[PlannedAction], width: int) -> None:
    checked = [(action, action.check) for action in actions if action.check and action.change != "held"]
    if not checked:
        return
    write("\nChecked against what is in place")
    for action, check in checked:
        write(f"  {plain(action.to):{width}}  {plain(_said(check))}".rstrip())


def _said(check: CheckResult) -> str:
    words = check.words
    verdict = check.verdict or ("passes" if check.passes else "does not pass")
    said = words if check.verdict and words.startswith(check.verdict) else f"{words}  {verdict}".lstrip()
    return said if check.passes else f"{said}  forced"


def say_done(deployment: Deployment) -> None:
    number = len(deployment.written)
    are = "is" if number == 1 else "are"
    write(f"\n{count(number, 'file')} {are} in place.")
    write(f"To undo it: labctl deploy {deployment.run} --undo")


def say_undo(name: str, deployment: Deployment) -> None:
    write(f"What undoing {name} would restore. Nothing was changed.\n")
    for action in deployment.written:
        write(f"  {'restore' if action.before else 'remove':7}  {plain(action.to)}")


def say_undone(deployment: Deployment) -> None:
    left = set(deployment.left)
    number = sum(action.to not in left for action in deployment.written)
    was = "is" if number == 1 else "are"
    write(f"{count(number, 'file')} of {deployment.run} {was} as before.")


def say_left(names: Iterable[str]) -> None:
    for name in names:
        warn(f"{plain(name)} was left as it is: somebody has edited it")


def story(deployments: Iterable[Deployment], *, elsewhere: bool = False) -> Iterable[tuple[str, str]]:
    """What became of a run's files, in lines of a title and words."""
    where = ", where it was made" if elsewhere else ""
    for deployment in deployments:
        if deployment.state not in ("done", "undone", "undoing"):
            continue
        held = sum(action.change == "held" for action in deployment.actions)
        said = f"{_when(deployment.time)}{where}: {count(len(deployment.written), 'file')}"
        said += f", {held} held" if held else ""
        yield "Deployed", said + (", forced" if deployment.forced else "")
        if deployment.undone is not None:
            forced = ", forced" if deployment.undone.forced else ""
            left = f", {count(len(deployment.left), 'file')} left as edited" if deployment.left else ""
            yield "Undone", f"{_when(deployment.undone.time)}{forced}{left}"


def _when(time: float) -> str:
    return datetime.fromtimestamp(time).strftime("%d %b %Y, %H:%M")
