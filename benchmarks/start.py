"""What it costs to start: CPU time of commands as ratios to an empty interpreter, side by side.

    python benchmarks/start.py [ROUNDS]

The environment it measures has ten plugins and about 150 distributions, written as text. Each round
runs every command once, so that a drift of the machine's speed meets all of them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from _beside import print_ratios

from labctl.testing import Lab

PLUGINS, OTHERS = 10, 140
PLUGIN = """
from labctl.api import Job, Parameters, hookimpl

class Options(Parameters):
    epochs: int = 3
    lr: float = 1e-3

class P:
    parameters = Options

    @hookimpl
    def run(self, ctx, environments):
        yield Job("work", "p{i}_tasks:work")

plugin = P()
"""
SCRIPT = "from labctl.__main__ import main; main()"  # what the installed command does
LIMITS = {"plugins list": 2.0, "--help": 6.0, "run p0 --help": 8.0}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as folder:
        lab = make_lab(Path(folder))
        print_ratios(lab, SCRIPT, LIMITS, rounds, f"{PLUGINS} plugins")


def make_lab(folder: Path) -> Lab:
    lab = Lab(folder / "lab")
    for i in range(PLUGINS):
        entry = {"labctl.plugins": {f"p{i}": f"p{i}_plugin:plugin"}}
        files = {f"p{i}_plugin.py": PLUGIN.format(i=i), f"p{i}_tasks.py": "def work(job): return 1\n"}
        lab.distribution(f"labctl-p{i}", entry, files, requires=("labctl>=0.1,<1",))
    for i in range(OTHERS):
        entry = {"console_scripts": {f"other{i}": f"other{i}:main"}} if i % 4 == 0 else {}
        lab.distribution(f"other-{i}", entry)
    return lab


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
