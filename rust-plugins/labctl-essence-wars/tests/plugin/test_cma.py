"""The optimiser, step by step beside pycma: from the same values to the same distribution."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from labctl_essence_wars import _core

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it misses matplotlib, and says so
    cma = pytest.importorskip("cma", reason="pycma is a developer's tool")
np = pytest.importorskip("numpy")


def ellipsoid(x: Any) -> float:
    n = len(x)
    return float(sum(10 ** (4 * i / (n - 1)) * v * v for i, v in enumerate(x)))


def rotated(x: Any) -> float:
    n = len(x)
    turn = np.linalg.qr(np.random.RandomState(7).randn(n, n))[0]
    return ellipsoid(turn @ np.asarray(x))


def step(x: Any) -> float:
    """Many values are equal."""
    return float(sum(int(10 * abs(v)) for v in x))


@pytest.mark.parametrize("function", [ellipsoid, rotated, step])
@pytest.mark.parametrize(("n", "population"), [(3, 7), (25, 13), (25, 26)])
def test_every_step_is_that_of_pycma(function: Any, n: int, population: int) -> None:
    start = [0.4 + 0.01 * i for i in range(n)]
    options = {"popsize": population, "seed": 5, "verbose": -9, "CMA_diagonal": 0}
    theirs = cma.CMAEvolutionStrategy(start, 0.3, options)
    theirs.sm.lazy_update_gap = 0  # the axes are taken anew in each generation, as ours are
    theirs.sm.C = np.eye(n)  # pycma begins a ten-thousandth beside the identity
    theirs.sm.update_now(-1)
    ours = _core.Cma(start, 0.3, population, 1)
    for generation in range(40):
        candidates = [list(x) for x in theirs.ask()]
        # Equal values are put in the order of the candidates by both.
        values = [function(x) + 1e-12 * place for place, x in enumerate(candidates)]
        theirs.tell([np.asarray(x) for x in candidates], values)
        ours.tell(candidates, values)
        mean, sigma, covariance, pc, ps = ours.state()
        where = f"generation {generation + 1}"
        np.testing.assert_allclose(mean, theirs.mean, rtol=1e-9, atol=1e-11, err_msg=where)
        np.testing.assert_allclose(sigma, theirs.sigma, rtol=1e-9, err_msg=where)
        np.testing.assert_allclose(pc, theirs.pc, rtol=1e-7, atol=1e-9, err_msg=where)
        np.testing.assert_allclose(ps, theirs.adapt_sigma.ps, rtol=1e-7, atol=1e-9, err_msg=where)
        matrix = np.asarray(covariance).reshape(n, n)
        np.testing.assert_allclose(matrix, theirs.sm.C, rtol=1e-7, atol=1e-9, err_msg=where)


def test_samples_have_the_distribution_that_they_are_of() -> None:
    one = _core.Cma([1.0, -2.0, 0.5], 0.5, 4000, 3)
    drawn = np.asarray(one.ask())
    np.testing.assert_allclose(drawn.mean(axis=0), [1.0, -2.0, 0.5], atol=0.04)
    np.testing.assert_allclose(np.cov(drawn.T), 0.25 * np.eye(3), atol=0.02)
    assert one.ask() != drawn.tolist(), "the next generation has numbers of its own"


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="3 candidates"):
        _core.Cma([0.0], 0.1, 2, 1)
    one = _core.Cma([0.0, 0.0], 0.1, 4, 1)
    asked = one.ask()
    with pytest.raises(ValueError, match="as many candidates"):
        one.tell(asked, [1.0])
    with pytest.raises(ValueError, match="as many candidates"):
        one.tell(asked, [float("nan")] * 4)


def test_pycma_drives_the_evaluator_of_the_tuner() -> None:
    """Ask and tell from Python: any optimiser may play the games."""
    import json

    config = {
        "mode": "generalist", "generations": 3, "games": 12, "population": 6, "mcts_sims": 1,
        "rollout": "leaf", "sigma": 0.15, "min_sigma": 0.001, "seed": 9,
    }  # fmt: skip
    tuner = _core.Tuner(json.dumps(config), threads=1)
    first = tuner.ask()
    assert [len(x) for x in first] == [25] * 6
    es = cma.CMAEvolutionStrategy(25 * [0.5], 0.15, {"popsize": 6, "seed": 1, "verbose": -9})
    for generation in range(3):
        asked = es.ask()
        losses = tuner.losses([list(x) for x in asked], generation)
        assert losses == tuner.losses([list(x) for x in asked], generation), "the same deals"
        es.tell(asked, losses)
    assert tuner.games == 3 * 2 * 6 * 12
    assert len(_core.from_unit(list(es.mean))) == 28
