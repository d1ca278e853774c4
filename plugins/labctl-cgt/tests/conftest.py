"""A few real trainings for all tests of this package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cgt_world import context, execute

from labctl.api import Context, Results


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Context, Results]:
    """Both families at full length, few models and draws: every job of the plan, run."""
    ctx = context(num_models=120, num_samples=4, num_test_batches=5)
    return ctx, execute(ctx, tmp_path_factory.mktemp("small"))


@pytest.fixture
def make_trainer() -> Callable[..., Any]:
    """A trainer of one family with its untrained parameters."""

    def make(family: str, models: int = 6, seed: int = 3, steps: int = 64) -> Any:
        from labctl_cgt.subjects.load import load_family
        from labctl_cgt.training.train import prepare

        made = load_family(f"labctl_cgt.subjects.{family}:family")
        return prepare(made, seed, models, steps=steps, steps_per_epoch=16, batch_size=8, hinge_lr=1e-3)

    return make
