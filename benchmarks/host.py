"""Every number that the host holds, measured in one run: the table of docs/numbers.md.

    python benchmarks/host.py [--rounds N] [--markdown]

Ratios are to the CPU time of ``python -c pass``, side by side, medians. Each round runs every command
once. CPU time is that of all processes of a command: host, zygote, keepers and workers.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from _measure import Case, Cost, become_subreaper, lines, median, ratio, side_by_side
from _projects import SCRIPT, bare, labctl, make_lab, variables
from runs import fill

from labctl.testing import Lab

PLUGINS, OTHERS, RUNS, MANY = 10, 140, 10_000, 101
HEAVY = ("torch", "transformers", "modal", "numpy", "rich", "asyncio", "importlib.metadata")
LISTING = """
import sys
try:
    {script}
except SystemExit:
    pass
print("MODULES", *sys.modules, file=sys.stderr)
"""
Costs = Mapping[str, list[Cost]]


class Row(NamedTuple):
    """A number: what it is, how it is found, what it is to be at the most, in which unit."""

    what: str
    found: Callable[[Costs], float]
    hold: float
    unit: str


def times_bare(case: str) -> Callable[[Costs], float]:
    return lambda costs: ratio(costs[case], costs["bare"])


def each_further(many: str, one: str, field: str) -> Callable[[Costs], float]:
    """Seconds that each job beyond the first adds."""
    return lambda costs: (median(costs[many], field) - median(costs[one], field)) / (MANY - 1)


def further_bare(many: str, one: str) -> Callable[[Costs], float]:
    each = each_further(many, one, "cpu")
    return lambda costs: each(costs) / median(costs["bare"])


def milliseconds(many: str, one: str) -> Callable[[Costs], float]:
    each = each_further(many, one, "wall")
    return lambda costs: each(costs) * 1000


def largest(*cases: str) -> Callable[[Costs], float]:
    return lambda costs: max(median(costs[case], "peak") for case in cases)


TABLE = (
    Row(f"`plugins list`, {PLUGINS} plugins, 150 distributions", times_bare("plugins list"), 2.0, "x"),
    Row("`labctl --help`", times_bare("--help"), 6.0, "x"),
    Row("`labctl run X --help`", times_bare("run p0 --help"), 8.0, "x"),
    Row("`runs list`, 50 of 10,000", times_bare("runs list"), 6.0, "x"),
    Row("`runs list --all` of 10,000", times_bare("runs list --all"), 12.0, "x"),
    Row("a recorded run of one no-op job in a process of its own", times_bare("one"), 18.0, "x"),
    Row("each further job, warm worker (wall)", milliseconds("many", "one"), 1.5, "ms"),
    Row("each further job, fresh process (CPU)", further_bare("many fresh", "one fresh"), 1.3, "x"),
    Row("100 jobs again, all cached", times_bare("cached"), 12.0, "x"),
    Row("peak memory of the host process", largest("one", "many", "cached", "runs list"), 35.0, "MiB"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--markdown", action="store_true", help="the table as docs/numbers.md has it")
    given = parser.parse_args()
    become_subreaper()
    with tempfile.TemporaryDirectory(prefix="labctl-bench-") as name:
        root = Path(name)
        costs = side_by_side(cases(root), given.rounds)
        strangers = forbidden(make_lab(root / "modules", 2))
    show(costs, strangers, given.rounds, markdown=given.markdown)


def cases(root: Path) -> list[Case]:
    """The commands. Those that list have labs of their own, those that run share one."""
    crowded, full = make_lab(root / "crowded", PLUGINS - 1, OTHERS), make_lab(root / "full")
    quiet = make_lab(root / "quiet")
    fill(str(full.home), RUNS)
    run = ["run", "nothing", "--jobs", "2"]
    hundred = [*run, "--number", "100"]
    prime(quiet, *hundred)
    many = ["--no-cache", "--number", str(MANY)]
    return [
        Case("bare", bare(), crowded.folder, variables(crowded)),
        *(in_lab(crowded, words, words.split()) for words in ("plugins list", "--help", "run p0 --help")),
        *(in_lab(full, words, words.split()) for words in ("runs list", "runs list --all")),
        in_lab(quiet, "one", [*run, "--no-cache"]),
        in_lab(quiet, "many", [*run, *many]),
        in_lab(quiet, "one fresh", [*run, "--no-cache", "--fresh"]),
        in_lab(quiet, "many fresh", [*run, *many, "--fresh"]),
        in_lab(quiet, "cached", hundred),
    ]


def in_lab(lab: Lab, name: str, words: list[str]) -> Case:
    return Case(name, labctl(*words), lab.folder, variables(lab))


def prime(lab: Lab, *words: str) -> None:
    subprocess.run(
        labctl(*words), cwd=lab.folder, env=variables(lab), check=True, stdin=subprocess.DEVNULL,
        capture_output=True,
    )  # fmt: skip


def forbidden(lab: Lab) -> dict[str, list[str]]:
    """Modules that a command has imported and may not: heavy ones, and plugins that nobody addressed."""
    prime(lab, "run", "nothing")
    found: dict[str, list[str]] = {}
    for words in ("plugins list", "--help", "run nothing --help", "runs list", "run nothing"):
        script = LISTING.format(script=SCRIPT)
        done = subprocess.run(
            [sys.executable, "-c", script, *words.split()], cwd=lab.folder, env=variables(lab), check=True,
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        loaded = set(done.stderr.rpartition("MODULES ")[2].split())
        strangers = {"p0_plugin", "p1_plugin", "p0_tasks", "p1_tasks", "nothing_tasks"}
        if not words.startswith("run nothing"):
            strangers.add("nothing_plugin")
        found[words] = sorted(loaded & {*HEAVY, *strangers})
    return found


def show(costs: Costs, strangers: dict[str, list[str]], rounds: int, *, markdown: bool) -> None:
    table = [("what", "measured", "hold", "held")]
    for row in TABLE:
        value = row.found(costs)
        held = "yes" if value <= row.hold else "**no**" if markdown else "NO"
        table.append((row.what, f"{value:.2f} {row.unit}", f"{row.hold:g} {row.unit}", held))
    bad = [f"{words}: {', '.join(names)}" for words, names in strangers.items() if names]
    held = "yes" if not bad else "NO"
    table.append(("modules that may not be imported", "; ".join(bad) or "none", "none", held))
    if markdown:
        table.insert(1, ("---", "---:", "---:", "---"))
        print("\n".join(f"| {' | '.join(cells)} |" for cells in table))
    else:
        print("\n".join(lines(table, right=(1, 2))))
    spread = [cost.cpu * 1000 for cost in costs["bare"]]
    print(
        f"\nMedians of {rounds} rounds. `python -c pass`: {median(costs['bare']) * 1000:.1f} ms CPU"
        f" ({min(spread):.1f} to {max(spread):.1f})."
    )
    for name in ("one", "many", "cached"):
        mine = costs[name]
        print(f"{name}: {median(mine) * 1000:.0f} ms CPU, {median(mine, 'wall') * 1000:.0f} ms wall")


if __name__ == "__main__":
    main()
