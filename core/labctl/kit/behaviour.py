"""The rules about what hooks do, and the two that go through the real command line."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from labctl.kit.children import Children, Ended, lines_of
from labctl.kit.rules import Finding, finding
from labctl.terminal import plain

SMOKE = 10  # times the limit: what the smallest job may take
CALLED = {"B05": "collect", "B06": "deploy"}
HERE = ("needs packages that are not installed", "cannot run here")  # a lack of this machine


class Skip(NamedTuple):
    """A rule that could not be checked, and why."""

    rule: str
    reason: str


class Behaviour:
    """Checks one project, or through it the ``extensions`` of a distribution."""

    def __init__(self, children: Children, project: str, extensions: list[str], folder: Path) -> None:
        self._children = children
        self._project = project
        self._extensions = extensions
        self._folder = folder
        self._facts: dict[str, Any] = {}

    def findings(self, *, run: bool) -> Iterator[Finding | Skip]:
        """Breaches of B01 to B08. ``run``: whether the smallest job may be run."""
        skipped: set[str] = set()
        found: set[str] = set()
        for item in self._hooks():
            (skipped if isinstance(item, Skip) else found).add(item.rule)
            yield item
        if "B07" not in skipped:
            for item in self._plans():
                (skipped if isinstance(item, Skip) else found).add(item.rule)
                yield item
        if not run:
            yield Skip("B08", "left out by --no-run")
        elif "B08" not in skipped:
            yield from [Skip("B08", "see B07")] if "B07" in found | skipped else self._smoke()

    def _hooks(self) -> Iterator[Finding | Skip]:
        """B01 to B06, in a process of its own."""
        stem = self._folder / f"hooks-{self._project}"
        first, second = stem.with_suffix(".plan"), stem.with_suffix(".lines")
        words = ("-m", "labctl.kit.behaving")
        self._children.python(*words, "plan", self._project, str(first), PYTHONHASHSEED="2")
        ended = self._children.python(
            *words, "all", self._project, str(second), str(first), PYTHONHASHSEED="1"
        )
        rule, done, stopped = "B01", False, ""
        for line in lines_of(second):
            rule = line.get("begin", rule)
            done = done or "done" in line
            stopped = line.get("stopped", stopped)
            if "finding" in line:
                made = {k: plain(v) if isinstance(v, str) else v for k, v in line["finding"].items()}
                yield finding(**made | {"details": tuple(map(plain, made.get("details", ())))})
            if "skip" in line:
                yield from (Skip(name, line["because"]) for name in line["skip"])
            if "jobs" in line:
                self._facts = line
        if not done:
            yield finding(rule, f"hook {CALLED.get(rule, 'run')} {ended.words}", details=_last(ended))
            stopped = f"see {rule}"
            if rule not in CALLED:  # the plan would end no better
                yield from (Skip("B07", stopped), Skip("B08", stopped))
        if stopped:
            after = [f"B0{n}" for n in range(int(rule[2]) + (not done), 7)]
            yield from (Skip(name, "see B07" if done else stopped) for name in after)

    def _plans(self) -> Iterator[Finding | Skip]:
        """B07: the plan by the command line, with the defaults and every preset."""
        # With the defaults even where there is a small preset: it is what is typed first.
        for preset in (None, self._facts.get("preset"), *self._facts.get("presets", ())):
            words = ["run", self._project, "--plan", "--json", *(["--preset", preset] if preset else [])]
            ended = self._labctl(*words)
            shown = " ".join(["labctl", *words[:3], *words[4:]])
            if ended.code is None:
                yield finding("B07", f"{shown} {ended.words}")
                return
            error = _error(ended)
            if ended.code and preset is None and self._facts.get("preset") and self._facts.get("given"):
                continue  # a value that has no default has to be given, and the small preset gives it
            if ended.code and any(words in error[0] for words in HERE):
                yield Skip("B07", error[0])
                return
            if ended.code:
                yield finding("B07", f"{shown}: {error[0]}", details=error[1:4])
                return
            yield from self._left_out(json.loads(ended.out), shown)

    def _left_out(self, plan: dict[str, Any], shown: str) -> Iterator[Finding]:
        for name, why in plan.get("left_out", {}).items():
            if name in self._extensions:
                yield finding("B07", f"{self._project} leaves {name} out", details=(plain(why), shown))

    def _smoke(self) -> Iterator[Finding | Skip]:
        """B08: one job that needs no other; of an extension all that belongs to it."""
        if not self._facts:
            yield Skip("B08", "there is no plan")
            return
        free = [name for name, _ in self._facts["jobs"]]
        chosen = ",".join(self._extensions) or (free[0] if free else "")
        if not chosen:
            yield Skip("B08", "every job needs another one")
            return
        words = ["run", self._project, "--only", chosen, "--no-cache", "--grace", "1"]
        preset = self._facts.get("preset")
        words += ["--preset", preset] if preset else []
        ended = self._labctl(*words, limit=SMOKE * self._children.limit)
        error = _error(ended)
        if ended.code == 0:
            return
        shown = " ".join(["labctl", *words[:4], *words[7:]])
        if ended.code is None:
            yield Skip("B08", f"{shown} takes longer than {SMOKE * self._children.limit:g} s")
        elif any(words in error[0] for words in HERE):
            yield Skip("B08", error[0])
        elif self._extensions and "no job has the tag or the name" in error[0]:
            yield Skip("B08", f"{self._project} plans no job of it unless it is asked to")
        else:
            yield finding("B08", f"{shown} ended with code {ended.code}", details=_failure(ended))

    def _labctl(self, *words: str, limit: float = 0.0) -> Ended:
        return self._children.python("-m", "labctl", *words, limit=limit)


def _error(ended: Ended) -> tuple[str, ...]:
    """The message of an error of ours and the lines below it."""
    lines = ended.err.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("error: ")), None)
    if start is None:
        return (f"ended with code {ended.code}", *_last(ended))
    found = [plain(lines[start].removeprefix("error: "))]
    for line in lines[start + 1 :]:
        if not line.startswith("  "):
            break
        found.append(plain(textwrap.shorten(line.strip(), 160)))
    return tuple(found)


def _failure(ended: Ended) -> tuple[str, ...]:
    """The lines that say why a job failed."""
    lines = [plain(line) for line in ended.err.splitlines() if line.strip() and "Next:" not in line]
    told = [line for line in lines if "failed" in line or "Error" in line or line.startswith("error:")]
    return tuple(textwrap.shorten(line, 160) for line in (told or lines)[:4])


def _last(ended: Ended) -> tuple[str, ...]:
    lines = [line for line in ended.err.splitlines() if line.strip()]
    return tuple(plain(textwrap.shorten(line, 160)) for line in lines[-1:])
