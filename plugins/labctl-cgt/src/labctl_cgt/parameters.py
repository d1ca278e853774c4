"""What a user may set of this project, and what follows from it. Light."""

from __future__ import annotations

from typing import Annotated, Any

from labctl.api import Param, Parameters

SAMPLES_PER_EPOCH = 1024
"""Training samples that make an epoch: 32 steps at the source's batch size of 32."""

HORIZON_EPOCHS = 2
"""How far ahead a warning must be right: the source's "within 2 epochs"."""

SHARD_MODELS = 100
"""Models that one training job trains as one batched ensemble."""


class Options(Parameters, frozen=True, kw_only=True):
    """The options of ``labctl run cgt``. Defaults are those of the source where it has them."""

    num_models: Annotated[
        int, Param(ge=2, le=100_000, description="models to train, all families together")
    ] = 400
    num_samples: Annotated[int, Param(ge=2, le=1000, description="draws of each player per probe input")] = 20
    num_test_batches: Annotated[
        int, Param(ge=2, le=10_000, description="probe batches per reading, of 2 inputs of each class")
    ] = 50
    num_epochs: Annotated[int, Param(ge=4, le=1000, description="epochs of each training")] = 20
    batch_size: Annotated[int, Param(ge=2, le=512, description="samples in a training step")] = 32
    checks_per_epoch: Annotated[
        int, Param(ge=1, le=16, description="times per epoch that a model is checked and saved")
    ] = 2
    temperature_threshold: Annotated[
        float, Param(ge=-1.0, le=1.0, description="P1.2 warns below this temperature")
    ] = 0.2
    cooling_threshold: Annotated[
        float, Param(ge=-1.0, lt=0.0, description="P2.1 warns below this rate per epoch")
    ] = -0.05
    hinge_lr: Annotated[
        float, Param(gt=0.0, le=1.0, description="learning rate of the hinges alpha and beta")
    ] = 1e-4
    subject: Annotated[
        tuple[str, ...], Param(min_length=1, description="families of models to train, by name")
    ] = ("chiral", "simsiam")

    @property
    def steps_per_check(self) -> int:
        """Training steps between two checks, at least 1."""
        return max(1, SAMPLES_PER_EPOCH // self.batch_size // self.checks_per_epoch)

    @property
    def steps_per_epoch(self) -> int:
        return self.steps_per_check * self.checks_per_epoch

    @property
    def checks(self) -> int:
        """Checks of a whole training, the untrained model among them."""
        return self.num_epochs * self.checks_per_epoch + 1

    @property
    def horizon(self) -> int:
        """``HORIZON_EPOCHS`` in checks."""
        return HORIZON_EPOCHS * self.checks_per_epoch


PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"num_models": 120, "num_epochs": 12, "num_test_batches": 20},
    "thorough": {"num_samples": 100, "num_test_batches": 200},
}
"""``thorough`` is the source's own thorough run: 100 samples, 200 batches."""
