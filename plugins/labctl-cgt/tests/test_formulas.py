"""The operators' formulas against small cases worked out by hand."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest

pytestmark = pytest.mark.xdist_group("torch")


def test_expected_best_is_the_mean_over_subsets():
    import torch

    from labctl_cgt.operators.orderstats import expected_best, expected_worst

    scores = torch.tensor([3.0, 1.0, 2.0], dtype=torch.float64)
    assert expected_best(scores, 2).item() == pytest.approx((2 + 3 + 3) / 3)
    assert expected_worst(scores, 2).item() == pytest.approx((1 + 1 + 2) / 3)
    more = torch.randn(7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    want = sum(max(s) for s in itertools.combinations(more.tolist(), 4)) / math.comb(7, 4)
    assert expected_best(more, 4).item() == pytest.approx(want)


def test_expected_best_does_not_depend_on_how_many_were_drawn():
    import torch

    from labctl_cgt.operators.orderstats import expected_best

    generator = torch.Generator().manual_seed(1)
    uniform = torch.rand(40_000, 20, dtype=torch.float64, generator=generator)
    for drawn in (10, 15, 20):
        assert expected_best(uniform[:, :drawn], 10).mean().item() == pytest.approx(10 / 11, abs=2e-3)
    assert uniform.amax(1).mean().item() > 10 / 11 + 0.03, "the plain maximum drifts"


def test_no_more_than_was_drawn_can_be_the_best():
    from labctl_cgt.operators.orderstats import weights

    with pytest.raises(ValueError, match="cannot be estimated"):
        weights(5, 6)


def _view(make_trainer, family="chiral", models=3):
    import torch

    from labctl_cgt.measuring.shard import View

    trainer, theta = make_trainer(family, models)
    probe = trainer.family.probe(trainer.settings, 10, torch.Generator().manual_seed(0))
    return View(
        family=trainer.family, settings=trainer.settings, probe=probe, check=0, epoch=0.0, theta=theta,
        alive=torch.ones(models, dtype=torch.bool),
        history={"gradient_mean": torch.full((models,), 0.5)},
    )  # fmt: skip


@pytest.mark.parametrize("family", ["chiral", "simsiam"])
def test_the_legacy_temperature_is_zero_by_construction(make_trainer, family):
    from labctl_cgt.operators.temperature import legacy_temperature

    assert (legacy_temperature(_view(make_trainer, family), draws=20, batches=5) == 0).all()


def test_the_legacy_temperature_is_the_source_s_formula_where_something_varies(make_trainer):
    """With a random decoder the same function gives half the range of the scores."""
    import torch

    from labctl_cgt.operators.temperature import legacy_temperature

    view = _view(make_trainer, models=1)
    errors = iter([1.0, 2.0, 3.0, 5.0])

    class Stub:
        name = "stub"

        def why(self, theta, settings, x):
            return x

        def what(self, theta, settings, z):
            return z + math.sqrt(next(errors))

        def target(self, theta, settings, x):
            return x

    # Left scores -1 and -2, Right -3 and -5: T = (-1 - -5) / 2.
    stub = replace(view, family=Stub())
    assert legacy_temperature(stub, draws=2, batches=1).item() == pytest.approx(2.0, rel=1e-5)
    errors = iter([5.0, 5.0, 1.0, 1.0])
    assert legacy_temperature(replace(view, family=Stub()), draws=2, batches=1).item() == 0.0, "clipped"
    assert torch.isfinite(view.theta).all()


def test_the_sound_temperature_has_no_scale_and_a_sign(make_trainer):
    import torch

    from labctl_cgt.operators.temperature import sound_temperature

    view = _view(make_trainer, models=1)
    generator = torch.Generator().manual_seed(2)
    left = torch.randn(1, 12, 20, 8, generator=generator)

    class Linear:
        name = "linear"

        def __init__(self, scale):
            self.scale = scale

        def why(self, theta, settings, x):
            return self.scale * x

        def what(self, theta, settings, z):
            return 3.0 * z

        def target(self, theta, settings, x):
            return x

    one = sound_temperature(replace(view, family=Linear(1.0)), left, left)
    large = sound_temperature(replace(view, family=Linear(1000.0)), left, left)
    assert torch.allclose(one, large, atol=1e-5)
    assert one.mean() > 0.01
    loud = sound_temperature(replace(view, family=Linear(1.0)), 6.0 * left, torch.zeros_like(left))
    assert loud.mean() < 0, "where Right cannot harm and Left only loses by moving, the game is cold"


def test_hinges_by_hand():
    import torch

    from labctl_cgt.operators.cooling import hinge_temperature, legacy_temperature

    alpha, beta = torch.tensor([[0.3, 0.7]]), torch.tensor([[0.5, 0.9]])
    assert legacy_temperature(alpha, beta).item() == pytest.approx(0.0 + 0.2), "opposite channels cancel"
    assert hinge_temperature(alpha, beta).item() == pytest.approx(0.2 + 0.2)
    start = torch.sigmoid(torch.full((1, 4), 0.5))
    assert hinge_temperature(start, start).item() == pytest.approx(0.2449, abs=1e-4)


def test_theil_sen_forgets_an_outlier():
    import torch

    from labctl_cgt.measuring.trends import theil_sen

    line = torch.arange(10.0)[:, None] * -0.3
    line[6] = 40.0
    slope = theil_sen(line, window=8)
    assert slope[:2].isnan().all()
    assert slope[9].item() == pytest.approx(-0.3, abs=1e-5)


def test_q_neural_by_hand():
    import torch

    from labctl_cgt.monitors.physics import q_value

    half = torch.full((1, 3), 0.5)
    value = q_value(torch.tensor([0.2]), torch.tensor([0.05]), half, half)
    assert value.item() == pytest.approx(0.8 * 0.05 / (0.2 * 0.5), rel=1e-5)


def test_ranks_by_hand():
    import torch

    from labctl_cgt.training.spectra import effective_rank, spectrum

    even = torch.cat([torch.eye(4), -torch.eye(4)])[None]
    assert effective_rank(spectrum(even, centred=True)).item() == pytest.approx(4.0, rel=1e-6)
    point = even * 1e-3 + 5.0
    assert effective_rank(spectrum(point, centred=True)).item() == pytest.approx(4.0, rel=1e-3)
    assert effective_rank(spectrum(point, centred=False).sqrt()).item() < 1.1, "RankMe sees a point collapse"


def test_a_model_gone_wrong_costs_only_itself():
    import torch

    from labctl_cgt.training.spectra import effective_rank, spectrum

    z = torch.randn(3, 50, 6, generator=torch.Generator().manual_seed(0))
    z[1, 4, 2] = torch.nan
    rank = effective_rank(spectrum(z, centred=True))
    assert rank[1].isnan()
    assert rank[[0, 2]].isfinite().all()


def test_the_moving_average_skips_what_is_missing():
    import torch

    from labctl_cgt.monitors.measure import ema

    series = torch.tensor([[torch.nan], [1.0], [torch.nan], [2.0]])
    assert ema(series, 0.5)[1:, 0].tolist() == [1.0, 1.0, 1.5]
