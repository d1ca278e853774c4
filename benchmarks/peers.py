"""labctl beside other systems, on jobs that do nothing: both tables of docs/numbers.md, in one run.

    python benchmarks/peers.py --setup DIR     make their environments, once (some minutes, 1.5 GiB)
    python benchmarks/peers.py [--peers DIR] [--rounds N] [--only NAME,NAME] [--markdown]

A peer that is not there is said and left out. Each round runs every command of every system once, so
that a drift of the machine's speed meets all of them. What the host promises (host.py) is measured in the
same rounds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from _measure import Case, Cost, become_subreaper, lines, median, ratio, side_by_side
from _peers_cases import MAKERS, System, Workplace, labctl_systems
from _peers_crash import DRILLS, JOBS, Drill, Outcome, drill, labctl_drill
from _peers_setup import PINS, default_folder, set_up, there, version
from _projects import bare, make_lab
from host import cases as promises
from host import forbidden
from host import show as show_promises

NONE = "–"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--setup", type=Path, metavar="DIR", help="make the peers' environments there")
    parser.add_argument("--peers", type=Path, metavar="DIR", default=default_folder())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--drills", type=int, default=3, help="times each driver is killed")
    parser.add_argument("--only", default="", metavar="NAME,...", help="these peers")
    parser.add_argument("--markdown", action="store_true", help="the table as docs/numbers.md has it")
    given = parser.parse_args()
    if given.setup:
        return set_up(given.setup)
    wanted = given.only.split(",") if given.only else list(PINS)
    names = [name for name in there(given.peers) if name in wanted]
    for name in wanted:
        if name not in names:
            say(f"{name} is not there and is left out; --setup {given.peers} makes it")
    become_subreaper()
    with tempfile.TemporaryDirectory(prefix="labctl-peers-") as folder:
        root = Path(folder)
        systems = labctl_systems(root / "work")
        systems += [MAKERS[n](Workplace(n, root / "work", given.peers / n / "bin")) for n in names]
        costs = measured(systems, root, given.rounds)
        strangers = forbidden(make_lab(root / "modules", 2))
        outcomes = drilled(names, root / "drills", given.peers, given.drills) if given.drills else {}
    show_promises(costs, strangers, given.rounds, markdown=given.markdown)
    print()
    show(systems, costs, outcomes, given.rounds, markdown=given.markdown)
    return 0


def measured(systems: list[System], root: Path, rounds: int) -> dict[str, list[Cost]]:
    """Every command of the host and of every system, with an empty interpreter before each system."""
    environment = dict(systems[0].cases["one"].environment)
    cases: list[Case] = promises(root / "promises")
    for system in systems:
        cases += [Case("bare", bare(), root, environment), *system.cases.values()]
    say(f"{len(cases)} commands, {rounds} rounds after one that is not counted")
    return side_by_side(cases, rounds)


def drilled(names: list[str], root: Path, peers: Path, times: int) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for time in range(times):
        for name in ["labctl", *(n for n in names if n in DRILLS)]:
            say(f"killing {name}, {time + 1} of {times}")
            found.setdefault(name, []).append(drill(plan(name, root / str(time), peers)))
    return found


def plan(name: str, root: Path, peers: Path) -> Drill:
    if name == "labctl":
        return labctl_drill(root)
    return DRILLS[name](Workplace(name, root, peers / name / "bin"))


def show(
    systems: list[System],
    costs: Mapping[str, list[Cost]],
    outcomes: Mapping[str, list[Outcome]],
    rounds: int,
    *,
    markdown: bool,
) -> None:
    heads = (
        "system", "a job is a", "cold start", "MiB", "each further job, wall", "CPU", "again, cached", "list",
        "begun after a kill",
    )  # fmt: skip
    table = [heads, *(row(system, costs, outcomes) for system in systems)]
    if markdown:
        table.insert(1, ("---", "---", *("---:" for _ in heads[2:])))
        print("\n".join(f"| {' | '.join(cells)} |" for cells in table))
    else:
        print("\n".join(lines(table, right=range(2, len(heads)))))
    base = costs["bare"]
    print(
        f"\nMedians of {rounds} rounds. x: CPU time in that of `python -c pass`"
        f" ({median(base) * 1000:.1f} ms here). ms: milliseconds."
    )


def row(
    system: System, costs: Mapping[str, list[Cost]], outcomes: Mapping[str, list[Outcome]]
) -> tuple[str, ...]:
    def of(kind: str) -> list[Cost]:
        return costs[system.cases[kind].name]

    def each(field: str) -> str:
        few = of("few" if "few" in system.cases else "one")
        further = (median(of("many"), field) - median(few, field)) / (system.number - 1)
        return f"{further * 1000:.1f} ms" if further > 0 else "in the noise"

    def times(kind: str) -> str:
        if kind not in system.cases:
            return NONE
        return f"{ratio(of(kind), costs['bare']):.1f}x, {median(of(kind), 'wall') * 1000:.0f} ms"

    name = system.name if system.name not in PINS else f"{system.name} {version(system.name)}"
    return (
        name, system.job, times("one"), f"{median(of('one'), 'peak'):.0f}", each("wall"), each("cpu"),
        times("cached"), times("list"), killed(outcomes.get(system.name, [])),
    )  # fmt: skip


def killed(outcomes: list[Outcome]) -> str:
    """How many jobs were begun in all, of how many, and how many commands it took to go on."""
    if not outcomes:
        return NONE
    begun = statistics.median(o.begun for o in outcomes)
    steps = max(o.steps for o in outcomes)
    words = f"{begun:g} of {JOBS}" + (f", {steps} commands" if steps > 1 else "")
    if left := max(o.left for o in outcomes):
        words += f", {left} left alive"
    return words if all(o.finished for o in outcomes) else f"{words}, not finished"


def say(text: str) -> None:
    print(f"peers: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
