"""The training itself: a shard's next steps, exactly repeatable from a snapshot."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from labctl_cgt.device import device
from labctl_cgt.subjects.family import Family, Settings
from labctl_cgt.subjects.schedule import Schedule
from labctl_cgt.training.snapshots import State

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
LIMIT = 1e6  # a parameter beyond this counts as diverged: float32 squares still hold it


class Trainer:
    """Trains one shard of a family. All randomness of the steps comes from the state's ``rng``."""

    def __init__(
        self, family: Family, settings: Settings, schedule: Schedule, *, batch_size: int, hinge_lr: float
    ) -> None:
        self.family = family
        self.device = device()
        self.settings = {name: value.to(self.device) for name, value in settings.items()}
        self.schedule = schedule
        self.batch_size = batch_size
        self.lr, self.shocked = (rows.to(self.device) for rows in family.step_sizes(settings, hinge_lr))

    def start(self, theta: Tensor, seed: int) -> State:
        """The untrained shard; its stream of random numbers starts at ``seed``."""
        moments = 2 if self.family.optimiser == "adam" else 0
        return State(
            step=0,
            theta=theta,
            moments=tuple(torch.zeros_like(theta) for _ in range(moments)),
            alive=torch.ones(len(theta), dtype=torch.bool),
            rng=Generator().manual_seed(seed).get_state(),
            history={
                key: torch.full((len(theta),), torch.nan)
                for key in ("loss", "gradient_norm", "gradient_mean")
            },
        )

    def advance(self, state: State, steps: int) -> State:
        """``steps`` further steps. ``history`` tells the mean loss and the last gradient."""
        generator = Generator()
        generator.set_state(state.rng)
        theta, alive = (part.to(self.device, copy=True) for part in (state.theta, state.alive))
        moments = [moment.to(self.device, copy=True) for moment in state.moments]
        losses = torch.zeros(len(theta), device=self.device)
        gradient = torch.zeros_like(theta)
        for step in range(state.step, state.step + steps):
            knobs = {name: knob.to(self.device) for name, knob in self.schedule.at(step).items()}
            loss, gradient = self._gradient(theta, knobs, generator)
            losses += loss
            moved = self._moved(theta, moments, gradient, knobs, step)
            fine = moved.isfinite().all(1) & (moved.abs().amax(1) < LIMIT) & loss.isfinite()
            alive &= fine
            theta = torch.where(alive[:, None], moved, theta)
            for moment in moments:
                moment[~alive] = 0.0  # a NaN kept here would be saved and never leave again
        return State(
            step=state.step + steps,
            theta=theta.cpu(),
            moments=tuple(moment.cpu() for moment in moments),
            alive=alive.cpu(),
            rng=generator.get_state(),
            history={"loss": (losses / steps).cpu()} | self._norms(gradient.cpu()),
        )

    def _gradient(
        self, theta: Tensor, knobs: dict[str, Tensor], generator: Generator
    ) -> tuple[Tensor, Tensor]:
        leaf = theta.detach().requires_grad_()
        loss = self.family.loss(leaf, self.settings, knobs, self.batch_size, generator)
        # The sum parts into the models again: no model's loss depends on another's row.
        (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        return loss.detach(), gradient

    def _moved(
        self, theta: Tensor, moments: list[Tensor], gradient: Tensor, knobs: dict[str, Tensor], step: int
    ) -> Tensor:
        lr = self.lr * (1.0 + self.shocked * (knobs["lr"][:, None] - 1.0))
        if moments:
            first, second = moments
            first.mul_(BETA_1).add_(gradient, alpha=1 - BETA_1)
            second.mul_(BETA_2).addcmul_(gradient, gradient, value=1 - BETA_2)
            scale = (second / (1 - BETA_2 ** (step + 1))).sqrt_().add_(EPSILON)
            gradient = first / (1 - BETA_1 ** (step + 1)) / scale
        kept = 1.0 - self.shocked * knobs["decay"][:, None]
        return theta * kept - lr * gradient

    def _norms(self, gradient: Tensor) -> dict[str, Tensor]:
        """Norm over all parameters, and the mean over tensors of it after clipping the whole to 1."""
        total = gradient.norm(dim=1)
        parts = torch.stack(
            [part.norm(dim=1) for part in torch.split(gradient, self.family.layout.sizes, dim=1)]
        )
        return {"gradient_norm": total, "gradient_mean": parts.mean(0) / total.clamp_min(1.0)}
