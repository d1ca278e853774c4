"""Tuned win rate at equal games: our CMA-ES beside pycma, on the same evaluator, the same deals and 5 seeds.

    python rust-plugins/labctl-essence-wars/benchmarks/tuning.py [--seeds 5] [--generations 30] [--games 60]

Each optimiser has the same number of candidates, generations and games. What it ends with, the mean of its
distribution, is measured against the built-in weights on held-out deals, each from both seats.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings

from labctl_essence_wars import _core

HELD_OUT = 6000  # games of the measurement


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--generations", type=int, default=30)
    parser.add_argument("--games", type=int, default=60)
    parser.add_argument("--mcts-sims", type=int, default=10)
    options = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import cma
    rows: dict[str, list[float]] = {"ours": [], "pycma": [], "built-in": []}
    for seed in range(options.seeds):
        config = {
            "mode": "generalist", "generations": options.generations, "games": options.games,
            "population": 13, "mcts_sims": options.mcts_sims, "rollout": "truncated", "sigma": 0.15,
            "min_sigma": 1e-6, "seed": seed,
        }  # fmt: skip
        start = _start()
        for name in ("ours", "pycma"):
            tuner = _core.Tuner(json.dumps(config))
            if name == "ours":
                optimiser = _core.Cma(start, 0.15, 13, seed)
            else:
                optimiser = cma.CMAEvolutionStrategy(
                    start, 0.15, {"popsize": 13, "seed": seed + 1, "verbose": -9}
                )
            began = time.process_time()
            for generation in range(options.generations):
                asked = [list(map(float, x)) for x in optimiser.ask()]
                optimiser.tell(asked, tuner.losses(asked, generation))
            spent = time.process_time() - began
            mean = optimiser.state()[0] if name == "ours" else list(map(float, optimiser.mean))
            share = measured(mean, seed)
            rows[name].append(share)
            told = f"{100 * share:.2f} % of the points, {tuner.games} games, {spent:.0f} s"
            print(f"seed {seed} {name:8} {told}", flush=True)
        rows["built-in"].append(measured(start, seed))
    print(f"\n{'optimiser':10} {'mean':>7} {'from':>7} {'to':>7}   points in per cent, {options.seeds} seeds")
    for name, shares in rows.items():
        numbers = (statistics.mean(shares), min(shares), max(shares))
        print(f"{name:10} " + " ".join(f"{100 * number:7.2f}" for number in numbers))
    pairs = [100 * (a - b) for a, b in zip(rows["ours"], rows["pycma"], strict=True)]
    mean, n = statistics.mean(pairs), len(pairs)
    half = 2.776 * statistics.stdev(pairs) / n**0.5 if n == 5 else float("nan")  # Student's t of 4 degrees
    print(f"ours − pycma: {mean:+.2f} points [{mean - half:+.2f}, {mean + half:+.2f}]")
    return 0


def _start() -> list[float]:
    weights = json.loads(_core.describe())["weights"][1:26]
    return [(w["value"] - w["low"]) / (w["high"] - w["low"]) for w in weights]


def measured(vector: list[float], seed: int) -> float:
    """Share of points of a vector's weights: an evaluation on deals that no search has seen."""
    config = {
        "mode": "generalist", "generations": 1, "games": HELD_OUT, "population": 4, "mcts_sims": 10,
        "rollout": "truncated", "sigma": 0.1, "min_sigma": 1e-6, "seed": 10**6 + seed,
    }  # fmt: skip
    loss = _core.Tuner(json.dumps(config)).losses([[min(1.0, max(0.0, x)) for x in vector]], 0)[0]
    return -loss / 100  # 10 parts against random, 40 against greedy, 50 against search


if __name__ == "__main__":
    sys.exit(main())
