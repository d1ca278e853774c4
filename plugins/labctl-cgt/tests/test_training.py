"""Training: repeatable to the bit, from any snapshot, whatever the neighbours do."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from labctl.testing.jobs import run_job

pytestmark = pytest.mark.xdist_group("torch")
PARAMS = {"models": 5, "checks": 5, "steps_per_check": 8, "checks_per_epoch": 2, "batch_size": 8,
          "hinge_lr": 1e-3}  # fmt: skip
FAMILIES = {"chiral": "prediction", "simsiam": "representation"}


def train(folder: Path, family: str, seed: int = 5):
    params = {**PARAMS, "family": f"labctl_cgt.subjects.{family}:family", "event": FAMILIES[family]}
    return run_job("labctl_cgt.training.train:train", folder, params=params, seed=seed)


def same(a, b) -> bool:
    import torch

    def equal(x, y):
        return torch.equal(x.nan_to_num(nan=-1.0), y.nan_to_num(nan=-1.0))

    return (
        a.step == b.step
        and equal(a.theta, b.theta)
        and all(equal(x, y) for x, y in zip(a.moments, b.moments, strict=True))
        and torch.equal(a.rng, b.rng)
        and torch.equal(a.alive, b.alive)
        and all(equal(a.history[k], b.history[k]) for k in a.history)
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_snapshot_goes_on_to_the_next_one_bit_for_bit(tmp_path, make_trainer, family):
    from labctl_cgt.training import snapshots

    trainer, theta = make_trainer(family)
    state = trainer.start(theta, seed=9)
    for check in range(3):
        snapshots.save(state, tmp_path, check)
        state = trainer.advance(state, 16)
    again = trainer.advance(snapshots.load(tmp_path, 1), 16)
    assert same(again, snapshots.load(tmp_path, 2))
    # One step more or a draw missed would show: the comparison can fail.
    assert not same(trainer.advance(snapshots.load(tmp_path, 1), 15), snapshots.load(tmp_path, 2))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_job_keeps_what_the_trainer_would_make(tmp_path, family):
    from labctl_cgt.subjects.load import load_family
    from labctl_cgt.training import snapshots
    from labctl_cgt.training.train import prepare

    result = train(tmp_path, family)
    assert result.ok, result.error
    made = load_family(f"labctl_cgt.subjects.{family}:family")
    trainer, _ = prepare(made, 5, 5, steps=32, steps_per_epoch=16, batch_size=8, hinge_lr=1e-3)
    folder = result.path("snapshots")
    assert same(trainer.advance(snapshots.load(folder, 2), 8), snapshots.load(folder, 3))


def test_the_same_seed_gives_the_same_artifacts_and_another_does_not(tmp_path):
    one, two = train(tmp_path / "a", "chiral"), train(tmp_path / "b", "chiral")
    other = train(tmp_path / "c", "chiral", seed=6)
    digests = [[a.sha256 for a in r.artifacts] for r in (one, two, other)]
    assert digests[0] == digests[1]
    assert not set(digests[0]) & set(digests[2])


def test_a_killed_training_goes_on_where_it_was(tmp_path):
    from labctl_cgt.training import snapshots

    whole = train(tmp_path / "whole", "chiral")
    train(tmp_path / "cut", "chiral")
    folder = next((tmp_path / "cut" / "checkpoints").rglob("snapshots"))
    for check in (3, 4):
        (folder / snapshots.name(check)).unlink()
    old = (folder / snapshots.name(2)).stat().st_mtime_ns
    resumed = train(tmp_path / "cut", "chiral")
    assert (folder / snapshots.name(2)).stat().st_mtime_ns == old, "what was there is not trained again"
    assert [a.sha256 for a in resumed.artifacts] == [a.sha256 for a in whole.artifacts]


def test_a_stop_leaves_a_checkpoint(tmp_path):
    asked = itertools.chain([False, False], itertools.repeat(True))
    params = {**PARAMS, "family": "labctl_cgt.subjects.chiral:family", "event": "prediction"}
    end = run_job(
        "labctl_cgt.training.train:train", tmp_path, id="train/chiral/0", params=params, seed=5,
        stopping=lambda: next(asked),
    )  # fmt: skip
    assert end.state == "interrupted"
    snapshots = tmp_path / "checkpoints" / "train" / "chiral" / "0" / "snapshots"
    kept = sorted(path.name for path in snapshots.glob("0*.safetensors"))
    assert kept == ["00000.safetensors", "00001.safetensors", "00002.safetensors"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_does_not_depend_on_its_neighbours(make_trainer, family):
    """One model is driven to infinity; the others do what they would have done anyway."""
    import torch

    trainer, theta = make_trainer(family)
    calm = trainer.advance(trainer.start(theta, seed=9), 16)
    wild = theta.clone()
    wild[2] = 1e30
    hit = trainer.advance(trainer.start(wild, seed=9), 16)
    others = [0, 1, 3, 4, 5]
    assert not hit.alive[2]
    assert torch.equal(hit.alive[others], calm.alive[others])
    assert hit.alive[others].any()
    assert torch.equal(hit.theta[others], calm.theta[others])
    assert hit.theta.isfinite().all(), "the last finite row is kept"


def test_shocks_have_no_preferred_direction():
    import torch

    from labctl_cgt.subjects.chiral import family

    found = family.schedule(4000, torch.Generator().manual_seed(0), steps=640, steps_per_epoch=32)
    for knob in ("prior", "flip"):
        moved = found.peak[knob][found.peak[knob] != 0]
        assert 0.45 < (moved > 0).float().mean() < 0.55


@pytest.mark.parametrize("family", FAMILIES)
def test_two_fifths_of_the_models_have_nothing_happen_to_them(make_trainer, family):
    import torch

    from labctl_cgt.subjects.load import load_family

    made = load_family(f"labctl_cgt.subjects.{family}:family")
    found = made.schedule(500, torch.Generator().manual_seed(0), steps=640, steps_per_epoch=32)
    assert (found.mechanism == 0).float().mean() >= 0.4
    assert len(found.names) >= 4
    calm = found.mechanism == 0
    for knobs in (found.at(0), found.at(640)):
        assert all((value[calm] == found.base[name]).all() for name, value in knobs.items())


def test_what_operators_read_does_not_say_what_will_happen(tmp_path):
    """Snapshots and settings name neither mechanism, start nor severity."""
    from safetensors import safe_open

    folder = train(tmp_path, "chiral").path("snapshots")
    names = set()
    for path in folder.iterdir():
        with safe_open(path, framework="numpy") as file:
            names |= set(file.keys())
    assert not [n for n in names if any(w in n for w in ("mechanism", "shock", "peak", "schedule"))]


def test_the_probe_is_the_same_for_all_operators_and_unlike_the_training(make_trainer, tmp_path):
    import torch

    from labctl_cgt.measuring.shard import open_shard
    from labctl_cgt.subjects.load import load_family

    folder = train(tmp_path, "chiral").path("snapshots")
    made = load_family("labctl_cgt.subjects.chiral:family")
    sizes = {"checks": 5, "checks_per_epoch": 2, "steps_per_epoch": 16, "per_class": 8}
    one, two = (open_shard(made, folder, seed=seed, **sizes) for seed in (1, 2))
    assert torch.equal(one.probe.x, two.probe.x)
    assert one.probe.y.tolist().count(0) == one.probe.y.tolist().count(1) == 8
    assert not torch.equal(one.generator().get_state(), two.generator().get_state())


def test_zero_steps_of_history_are_missing_and_not_zero(make_trainer):
    trainer, theta = make_trainer("chiral")
    assert trainer.start(theta, seed=1).history["loss"].isnan().all()
    assert replace(trainer.start(theta, seed=1), step=4).step == 4
