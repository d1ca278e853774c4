"""A validation of 40,000 games on one thread and on two: wall time, CPU time, scaling.

python rust-plugins/labctl-essence-wars/benchmarks/validation.py [--games 500] [--rollout leaf] [--sims 100]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUST = Path(__file__).parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--games", type=int, default=500)
    parser.add_argument("--rollout", default="leaf")
    parser.add_argument("--sims", type=int, default=100)
    options = parser.parse_args()
    build = ["cargo", "build", "-q", "--release", "--bin", "validate"]
    subprocess.run(build, cwd=RUST, check=True)
    program = RUST / "target" / "release" / "validate"
    total = 80 * options.games
    walls: dict[int, float] = {}
    for threads in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            words = ["--games", options.games, "--rollout", options.rollout, "--mcts-sims", options.sims]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            began = time.monotonic()
            command = [str(program), *map(str, words), "-j", str(threads)]
            subprocess.run(
                command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
            )
            walls[threads] = time.monotonic() - began
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        rate = total / cpu
        told = f"{walls[threads]:.1f} s, {cpu:.1f} s of CPU, {rate:,.0f} games a second of it"
        print(f"{threads} threads: {total:,} games, {told}", flush=True)
    print(f"scaling from 1 to 2 threads: {walls[1] / walls[2]:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
