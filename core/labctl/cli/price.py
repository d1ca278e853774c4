"""No surprise bills: what a run may cost is held against what the user allows, before it starts."""

from __future__ import annotations

import re
import sys

import click

from labctl.errors import BudgetError, UsageError
from labctl.model.machine import dollars
from labctl.scheduler.purse import TRIFLE
from labctl.terminal import is_terminal, write
from labctl.walk.prepare import Prepared

UNASKED = 1.0  # US dollars that a run may cost at most without anybody being asked


def check_price(prepared: Prepared, *, yes: bool, spent: float = 0.0, command: str = "") -> None:
    """Raise BudgetError for a run that may cost more than ``--budget``, UsageError for one that has to ask.

    A run that may cost more than a dollar and has no bound asks on a terminal, else wants ``--yes``.
    ``spent``: US dollars that a run which goes on has cost already; ``command``: what goes on with it.
    """
    price, request = prepared.price, prepared.request
    most = spent + price.worst
    if request.stop_at is not None:
        most = min(most, max(spent, request.stop_at))
    if request.budget is not None and most > request.budget:
        raise _too_dear(prepared, spent, command)
    if request.budget is not None or request.stop_at is not None or yes or price.worst <= UNASKED:
        return
    if not is_terminal(sys.stdin):
        raise UsageError(
            f"{request.plugin} may cost up to {dollars(price.worst)}, and nobody can be asked",
            details=[f"expected is {dollars(price.expected)}", "nothing was started, nothing was rented"],
            hints=["--yes, or a bound: --budget USD refuses, --stop-at USD stops before it is passed"],
        )
    cost = f"up to {dollars(price.worst)}; expected is {dollars(price.expected)}"
    write(f"{request.plugin} may cost {cost}.", err=True)
    if not click.confirm("Start it?", err=True):
        raise click.Abort


def _too_dear(prepared: Prepared, spent: float, command: str) -> BudgetError:
    price, request = prepared.price, prepared.request
    budget = request.budget or 0.0
    lines = [
        f"{name}: {number} x {timeout:g} s x {tries} tries x ${rate:g}/h is at most {dollars(worst)}"
        for name, number, timeout, tries, rate, worst in price.lines
    ]
    lines += [f"{dollars(spent)} are spent already"] if spent else []
    dates = sorted({rate.date for rate in price.rates if rate.date})
    dated = f" Prices of {dates[0]}." if dates else ""
    command = command or re.sub(r" --budget[= ]\S+", "", request.command)
    attempts = [timeout * rate / 3600 for _, _, timeout, _, rate, _ in price.lines]
    stop = [  # a bound that the cheapest attempt passes would start nothing
        f"the expected cost is {dollars(price.expected)}. To start, and stop before {dollars(budget)} is"
        f" passed:\n{command} --stop-at {budget:g}"
    ]
    return BudgetError(
        f"{request.plugin} may cost up to {dollars(price.worst)}, the budget is {dollars(budget)}",
        details=[*lines, f"Nothing was started, nothing was rented.{dated}"],
        hints=[
            *(stop if attempts and spent + min(attempts) <= budget + TRIFLE else []),
            "to lower the bound: --timeout TIME or --retries 0",
        ],
    )
