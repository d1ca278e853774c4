"""What it costs to list runs: CPU time as ratios to an empty interpreter, side by side.

    python benchmarks/runs.py [ROUNDS] [RUNS]

The database is made here: 10,000 runs with verdicts, headlines, tags and notes. Each round runs every
command once, so that a drift of the machine's speed meets all of them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from _beside import print_ratios

from labctl.store.database import open_database, transaction
from labctl.testing import Lab

SCRIPT = "from labctl.__main__ import main; main()"  # what the installed command does
LIMITS = {
    "runs list": 6.0,
    "runs list --limit 50": 6.0,
    "runs list --search needle": 6.0,
    "runs list --sort cost": 6.0,
    "runs list --all": 12.0,
}
STATES = ("succeeded", "partial", "failed", "interrupted", "succeeded", "succeeded")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder) / "lab")
        fill(str(lab.home), number)
        print_ratios(lab, SCRIPT, LIMITS, rounds, f"{number:,} runs")


def fill(home: str, number: int) -> None:
    """Runs of five projects over a year, one in fifty of them with a needle in its note."""
    db = open_database(home)
    columns = (
        "name, uuid, plugin, distribution, version, state, created, started, ended, command, executor, tags,"
        " note, seed, spent_usd, jobs_total, jobs_done, headline, verdicts"
    )
    with transaction(db):
        db.executemany(
            f"INSERT INTO run ({columns}) VALUES ({', '.join('?' * 19)})", (row(i) for i in range(number))
        )
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def row(i: int) -> tuple[object, ...]:
    plugin = ("cgt", "nsm", "psychohistory", "essence-wars", "dice")[i % 5]
    began = 1_760_000_000.0 + i * 3000
    note = "a needle" if i % 50 == 0 else "an ordinary run of the usual kind"
    verdicts = None
    if i % 3:
        outcomes = ("supported", "refuted", "inconclusive")
        verdicts = "[" + ",".join(f'["P{j}","{outcomes[(i + j) % 3]}"]' for j in range(6)) + "]"
    return (
        f"{plugin}-{i // 5 + 1}", f"00000000-0000-7000-8000-{i:012x}", plugin, f"labctl-{plugin}", "0.4.0",
        STATES[i % 6], began, began, began + i % 900, f"labctl run {plugin} --num-samples {i % 100}", "local",
        '["nightly","sweep"]', note, i, (i % 7) * 0.31, 13, i % 14, f"The mean is {i % 97 / 10:.2f}",
        verdicts,
    )  # fmt: skip


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
