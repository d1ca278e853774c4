"""Self-supervised pairs: an encoder, a predictor, two noisy views of one input (Chen and He 2021).

    loss = - cos(predict(encode(view 1)), encode(view 2)) / 2  +  the same with the views exchanged

The second encoding is held fixed (stop-gradient) in some models and not in others; some have no
predictor. The knob "leak" lets a share of the gradient through: 0 is a full stop, 1 none.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn.functional import cosine_similarity

from labctl_cgt.subjects.family import Probe, Settings
from labctl_cgt.subjects.layout import Layout
from labctl_cgt.subjects.schedule import Ramp, Schedule, log_uniform, plan, uniform
from labctl_cgt.training.spectra import effective_rank, spectrum

INPUTS, HIDDEN, EMBEDDING, BOTTLENECK = 24, 24, 24, 8
WEIGHT_DECAY = 5e-4

MECHANISMS = (
    Ramp("gradient leak", 0.24, {"leak": uniform(0.85, 1.0)}, epochs=(0.5, 3.0)),
    Ramp("weight decay", 0.16, {"decay": log_uniform(2e-2, 3e-1)}, epochs=(0.5, 4.0)),
    Ramp("lr shock", 0.10, {"lr": log_uniform(4.0, 20.0)}, epochs=(0.5, 3.0)),
    Ramp("noisy views", 0.06, {"views": log_uniform(3.0, 20.0)}, epochs=(0.5, 4.0)),
)
"""56 % of the models; 44 % have nothing happen to them."""
BASE = {"lr": 1.0, "leak": 0.0, "decay": 0.0, "views": 1.0}


class SimSiam:
    """The family ``simsiam``; see ``Family`` for the methods. It has no classes and no hinges."""

    name = "simsiam"
    optimiser: Literal["adam", "sgd"] = "sgd"
    layout = Layout(
        {
            "A": (INPUTS, HIDDEN), "a": (1, HIDDEN),
            "B": (HIDDEN, EMBEDDING), "b": (1, EMBEDDING),
            "C": (EMBEDDING, BOTTLENECK), "c": (1, BOTTLENECK),
            "D": (BOTTLENECK, EMBEDDING), "d": (1, EMBEDDING),
        }
    )  # fmt: skip

    def settings(self, models: int, generator: Generator) -> Settings:
        return {
            "hyper.lr": log_uniform(1.5, 8.0)(models, generator),
            "hyper.view_noise": uniform(0.3, 0.8)(models, generator),
            "hyper.stop_gradient": (torch.rand(models, generator=generator) < 0.85).float(),
            "hyper.predictor": (torch.rand(models, generator=generator) < 0.85).float(),
        }

    def schedule(self, models: int, generator: Generator, *, steps: int, steps_per_epoch: int) -> Schedule:
        return plan(models, MECHANISMS, BASE, generator, steps=steps, steps_per_epoch=steps_per_epoch)

    def initial(self, settings: Settings, generator: Generator) -> Tensor:
        models = len(settings["hyper.lr"])
        columns = []
        for name, shape in self.layout.shapes.items():
            if name.isupper():
                draw = torch.randn(models, math.prod(shape), generator=generator)
                columns.append(draw * math.sqrt(2.0 / shape[0]))
            else:
                columns.append(torch.zeros(models, shape[1]))
        return torch.cat(columns, dim=1)

    def step_sizes(self, settings: Settings, hinge_lr: float) -> tuple[Tensor, Tensor]:
        lr = settings["hyper.lr"][:, None].repeat(1, self.layout.size)
        return lr, torch.ones_like(lr)

    def loss(
        self, theta: Tensor, settings: Settings, knobs: dict[str, Tensor], size: int, generator: Generator
    ) -> Tensor:
        x = torch.randn(len(theta), size, INPUTS, generator=generator).to(theta.device)
        views = self._views(settings, x, knobs["views"], generator)
        through = torch.maximum(knobs["leak"], 1.0 - settings["hyper.stop_gradient"])
        decay = 0.5 * WEIGHT_DECAY * theta.square().sum(1)
        return self._objective(theta, settings, views, through) + decay

    def probe(self, settings: Settings, per_class: int, generator: Generator) -> Probe:
        models = len(settings["hyper.lr"])
        x = torch.randn(models, 2 * per_class, INPUTS, generator=generator)
        return Probe(x, torch.arange(2 * per_class) % 2)

    def outcome(self, theta: Tensor, settings: Settings, probe: Probe) -> dict[str, Tensor]:
        z = self.why(theta, settings, probe.x)
        return {"effective_rank": effective_rank(spectrum(z, centred=True)).float()}

    def why(self, theta: Tensor, settings: Settings, x: Tensor) -> Tensor:
        p = self.layout.split(theta)
        return torch.relu(x @ p["A"] + p["a"]) @ p["B"] + p["b"]

    def what(self, theta: Tensor, settings: Settings, z: Tensor) -> Tensor:
        able = settings["hyper.predictor"][:, None, None] > 0
        p = self.layout.split(theta)
        predicted = torch.relu(z @ p["C"] + p["c"]) @ p["D"] + p["d"]
        return predicted if bool(able.all()) else torch.where(able, predicted, z)

    def target(self, theta: Tensor, settings: Settings, x: Tensor) -> Tensor:
        return self.why(theta, settings, x)

    def embeddings(self, theta: Tensor, settings: Settings, x: Tensor) -> Tensor:
        return self.why(theta, settings, x)

    def probe_loss(self, theta: Tensor, settings: Settings, probe: Probe) -> Tensor:
        # The halves of a view pair get fixed, independent noise: the same at every check.
        generator = Generator().manual_seed(1)
        plain = torch.ones(len(theta), device=theta.device)
        views = self._views(settings, probe.x, plain, generator)
        return self._objective(theta, settings, views, plain)

    def logits(self, theta: Tensor, settings: Settings, x: Tensor) -> None:
        return None

    def hinges(self, theta: Tensor) -> None:
        return None

    def _views(self, settings: Settings, x: Tensor, factor: Tensor, generator: Generator) -> Tensor:
        noise = torch.randn(len(x), 2 * x.shape[1], x.shape[2], generator=generator).to(x.device)
        size = (settings["hyper.view_noise"] * factor)[:, None, None]
        return torch.cat([x, x], dim=1) + size * noise

    def _objective(self, theta: Tensor, settings: Settings, views: Tensor, through: Tensor) -> Tensor:
        z = self.why(theta, settings, views)
        predicted = self.what(theta, settings, z)
        half = views.shape[1] // 2
        other = torch.cat([z[:, half:], z[:, :half]], dim=1)
        held = other.detach()
        share = through[:, None, None]
        other = share * other + (1.0 - share) * held
        return -cosine_similarity(predicted, other, dim=-1).mean(1)


family = SimSiam()
