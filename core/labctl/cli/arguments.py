"""Arguments that several commands take: the name of a run, which the shell can complete."""

from __future__ import annotations

import math
from typing import Any

import click
from click.shell_completion import CompletionItem

TYPE_CHECKING = False
if TYPE_CHECKING:
    _Type = click.ParamType[str]  # older clicks have no type arguments here
else:
    _Type = click.ParamType

LONGEST = 1e6  # seconds
OFFERED = 200  # runs that a shell is told of


class RunName(_Type):
    """A run's name, ``last``, or the beginning of its long id; whether there is one is asked later."""

    name = "run"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from labctl.store.database import open_for_reading
        from labctl.store.home import find_home, find_project

        db = open_for_reading(find_home(find_project()))
        rows = db.execute("SELECT name, state FROM run ORDER BY id DESC LIMIT ?", (OFFERED,)) if db else []
        found = [("last", "the newest"), *rows]
        return [CompletionItem(name, help=words) for name, words in found if name.startswith(incomplete)]


class Dollars(click.FloatRange):
    """US dollars: a number of at least 0, and no nan, which no amount would ever pass."""

    name = "usd"

    def __init__(self) -> None:
        super().__init__(0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = float(super().convert(value, param, ctx))
        if not math.isfinite(found):
            self.fail(f"{value!r} is no amount of money.", param, ctx)
        return found


class Seconds(click.FloatRange):
    """A time of at least a second that ends: no nan, no inf."""

    name = "seconds"

    def __init__(self) -> None:
        super().__init__(1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = float(super().convert(value, param, ctx))
        if not found <= LONGEST:
            self.fail(f"{value!r} is no time: at most {LONGEST:g} seconds.", param, ctx)
        return found


RUN = RunName()
SECONDS = Seconds()
USD = Dollars()
