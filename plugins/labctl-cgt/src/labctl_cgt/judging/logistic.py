"""A ridge logistic regression, and risks of models it has not seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl_cgt.training.events import Floats, Ints

RIDGE = 1.0
FOLDS = 5
STEPS = 25


def fit(x: Floats, y: NDArray[np.bool_], ridge: float = RIDGE) -> Floats:
    """Coefficients ``[1 + features]``, the intercept first, by Newton's method; it is not penalised."""
    design = np.column_stack([np.ones(len(x)), x])
    penalty = np.diag([1e-9, *([ridge] * x.shape[1])])
    beta = np.zeros(design.shape[1])
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ beta, -30.0, 30.0)))
        slope = design.T @ (y - p) - penalty @ beta
        curve = (design * (p * (1.0 - p) + 1e-9)[:, None]).T @ design + penalty
        step = np.linalg.solve(curve, slope)
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            break
    return beta


def unseen_risk(features: Floats, model: Ints, y: NDArray[np.bool_], fold: Ints) -> Floats:
    """Log-odds of each row from a fit on the other folds. ``features [rows, F]``; ``fold`` by model."""
    out = np.full(len(y), np.nan)
    for held in range(FOLDS):
        test = fold[model] == held
        train = ~test
        if not test.any() or not y[train].any() or y[train].all():
            continue
        centre, scale = features[train].mean(axis=0), features[train].std(axis=0)
        scaled = (features - centre) / np.where(scale > 0, scale, 1.0)
        beta = fit(scaled[train], y[train])
        out[test] = beta[0] + scaled[test] @ beta[1:]
    return out


def folds(models: int, rng: np.random.Generator) -> Ints:
    """A fold for each model, of equal sizes up to one."""
    return rng.permutation(np.arange(models) % FOLDS).astype(np.int64)
