"""The engine per second of CPU time of one core; beside it, for scale, OpenSpiel's MCTS on its own games.

    python rust-plugins/labctl-essence-wars/benchmarks/engine.py [--seconds 2] [--rounds 5]

OpenSpiel is measured where `pip install open_spiel` has put it; without it this is said.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

RUST = Path(__file__).parents[2]
AIMS = {
    "random games": 60_000, "greedy games": 15_000, "MCTS simulations, random": 80_000,
    "MCTS simulations, truncated": 100_000, "MCTS simulations, leaf": 3_000_000, "clone of a position": 5,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    words = ["--json", "--seconds", str(options.seconds), "--rounds", str(options.rounds)]
    command = ["cargo", "run", "-q", "--release", "--bin", "bench", "--", *words]
    done = subprocess.run(command, cwd=RUST, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr)
        return done.returncode
    print(f"{'per second of CPU time, one core':34} {'median':>12} {'from':>12} {'to':>12} {'aim':>12}")
    for name, row in json.loads(done.stdout).items():
        unit = " ns" if row["unit"] == "ns" else ""
        aim = f"{AIMS[name]:>12,}" if name in AIMS else f"{'–':>12}"
        print(f"{name + unit:34} {row['median']:>12,.1f} {row['low']:>12,.1f} {row['high']:>12,.1f} {aim}")
    return peer(options.seconds)


def peer(seconds: float) -> int:
    try:
        import numpy as np
        import pyspiel
        from open_spiel.python.algorithms import mcts  # noqa: F401
    except ImportError:
        print("OpenSpiel is not here: pip install open_spiel")
        return 0
    for name in ("connect_four", "breakthrough", "chess"):
        game = pyspiel.load_game(name)
        evaluator = pyspiel.RandomRolloutEvaluator(1, 42)
        bot = pyspiel.MCTSBot(game, evaluator, 1.4, 1000, 1000, False, 42, False)
        rng = np.random.RandomState(3)
        began, simulations = time.process_time(), 0
        while time.process_time() - began < seconds:
            state = game.new_initial_state()
            for _ in range(6):
                state.apply_action(int(rng.choice(state.legal_actions())))
            bot.step(state)
            simulations += 1000
        rate = simulations / (time.process_time() - began)
        print(f"{'OpenSpiel MCTS, random, ' + name:34} {rate:>12,.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
