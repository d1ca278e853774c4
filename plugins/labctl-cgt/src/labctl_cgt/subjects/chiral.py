"""A dual-flow classifier: WHY abstracts bottom-up, WHAT reconstructs top-down, hinges mix the two.

    h = tanh(x A + a)        g = tanh(z C + c)         z = tanh(h B + b)
    h' = alpha h + (1 - alpha) g        logits = h' K + k
    g' = beta g + (1 - beta) h          x^ = g' D + d

alpha and beta are sigmoids of raw parameters that start at 0.5, so both start at 0.6225 and the hinge
temperature |alpha - 1/2| + |beta - 1/2| at 0.2449, as in the source. Two classes of two clusters each.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy

from labctl_cgt.subjects.family import Probe, Settings
from labctl_cgt.subjects.layout import Layout
from labctl_cgt.subjects.schedule import Ramp, Schedule, log_uniform, plan, signed, uniform

INPUTS, HIDDEN, ABSTRACT, CLUSTERS = 8, 12, 4, 2
SPREAD, NOISE = 0.6, 1.0  # sd of the clusters' centres, and around each
CYCLE = 0.3  # weight of the reconstruction error
RAW_HINGE = 0.5  # where the source starts the raw hinge parameters

MECHANISMS = (
    Ramp("class drift", 0.18, {"prior": signed(uniform(0.42, 0.5))}, epochs=(1.0, 5.0)),
    Ramp("label flips", 0.15, {"flip": signed(uniform(0.4, 1.0))}, epochs=(1.0, 6.0)),
    Ramp("weight decay", 0.13, {"decay": log_uniform(2e-2, 5e-1)}, epochs=(0.5, 4.0)),
    Ramp("lr shock", 0.05, {"lr": log_uniform(50.0, 1000.0)}, epochs=(0.5, 3.0)),
    Ramp("imbalance", 0.04, {"prior": signed(uniform(0.2, 0.45))}, at_start=True),
    Ramp("saturation", 0.03, {"gain": log_uniform(10.0, 1000.0)}, epochs=(0.5, 4.0)),
)
"""58 % of the models; 42 % have nothing happen to them."""
BASE = {"lr": 1.0, "prior": 0.0, "flip": 0.0, "gain": 1.0, "decay": 0.0}


class Chiral:
    """The family ``chiral``; see ``Family`` for the methods."""

    name = "chiral"
    optimiser: Literal["adam", "sgd"] = "adam"
    layout = Layout(
        {
            "A": (INPUTS, HIDDEN), "a": (1, HIDDEN),
            "B": (HIDDEN, ABSTRACT), "b": (1, ABSTRACT),
            "C": (ABSTRACT, HIDDEN), "c": (1, HIDDEN),
            "D": (HIDDEN, INPUTS), "d": (1, INPUTS),
            "K": (HIDDEN, 2), "k": (1, 2),
            "alpha": (1, HIDDEN), "beta": (1, HIDDEN),
        }
    )  # fmt: skip

    def settings(self, models: int, generator: Generator) -> Settings:
        centres = SPREAD * torch.randn(models, 2, CLUSTERS, INPUTS, generator=generator)
        return {
            "hyper.lr": log_uniform(1e-3, 1e-2)(models, generator),
            "hyper.init": uniform(0.6, 1.4)(models, generator),
            "hyper.label_noise": uniform(0.0, 0.15)(models, generator),
            "task.centres": centres,
        }

    def schedule(self, models: int, generator: Generator, *, steps: int, steps_per_epoch: int) -> Schedule:
        return plan(models, MECHANISMS, BASE, generator, steps=steps, steps_per_epoch=steps_per_epoch)

    def initial(self, settings: Settings, generator: Generator) -> Tensor:
        scale = settings["hyper.init"]
        columns = []
        for name, shape in self.layout.shapes.items():
            if name in ("alpha", "beta"):
                columns.append(torch.full((len(scale), shape[1]), RAW_HINGE))
            elif name.isupper():
                draw = torch.randn(len(scale), math.prod(shape), generator=generator)
                columns.append(draw * scale[:, None] / math.sqrt(shape[0]))
            else:
                columns.append(torch.zeros(len(scale), shape[1]))
        return torch.cat(columns, dim=1)

    def step_sizes(self, settings: Settings, hinge_lr: float) -> tuple[Tensor, Tensor]:
        lr = settings["hyper.lr"][:, None].repeat(1, self.layout.size)
        shocked = torch.ones_like(lr)
        hinges = self.layout.columns("alpha", "beta")
        lr[:, hinges] = hinge_lr
        shocked[:, hinges] = 0.0
        return lr, shocked

    def loss(
        self, theta: Tensor, settings: Settings, knobs: dict[str, Tensor], size: int, generator: Generator
    ) -> Tensor:
        models = len(theta)
        u = torch.rand(models, size, generator=generator).to(theta.device)
        true = (u < 0.5 + knobs["prior"][:, None]).long()
        x = self._inputs(settings, true, generator)
        label = self._mislabelled(true, settings, knobs, generator)
        logits, rebuilt = self._forward(theta, x)
        logits = logits * knobs["gain"][:, None, None]
        fit = cross_entropy(logits.flatten(0, 1), label.flatten(), reduction="none")
        return fit.view(models, size).mean(1) + CYCLE * (rebuilt - x).square().mean((1, 2))

    def probe(self, settings: Settings, per_class: int, generator: Generator) -> Probe:
        y = torch.arange(2 * per_class) % 2
        models = len(settings["hyper.lr"])
        return Probe(self._inputs(settings, y.expand(models, -1), generator), y)

    def outcome(self, theta: Tensor, settings: Settings, probe: Probe) -> dict[str, Tensor]:
        hit = (self.logits(theta, settings, probe.x).argmax(-1) == probe.y).float()
        return {
            "recall_0": hit[:, probe.y == 0].mean(1),
            "recall_1": hit[:, probe.y == 1].mean(1),
        }

    def why(self, theta: Tensor, settings: Settings, x: Tensor) -> Tensor:
        p = self.layout.split(theta)
        return torch.tanh(torch.tanh(x @ p["A"] + p["a"]) @ p["B"] + p["b"])

    def what(self, theta: Tensor, settings: Settings, z: Tensor) -> Tensor:
        # From the abstraction alone there is no upward flow to mix in, so the hinge passes g on.
        p = self.layout.split(theta)
        return torch.tanh(z @ p["C"] + p["c"]) @ p["D"] + p["d"]

    def target(self, theta: Tensor, settings: Settings, x: Tensor) -> Tensor:
        return x

    def embeddings(self, theta: Tensor, settings: Settings, x: Tensor) -> Tensor:
        return self._flows(self.layout.split(theta), x)[0]

    def probe_loss(self, theta: Tensor, settings: Settings, probe: Probe) -> Tensor:
        logits, rebuilt = self._forward(theta, probe.x)
        label = probe.y.expand(len(theta), -1)
        fit = cross_entropy(logits.flatten(0, 1), label.flatten(), reduction="none")
        return fit.view(label.shape).mean(1) + CYCLE * (rebuilt - probe.x).square().mean((1, 2))

    def logits(self, theta: Tensor, settings: Settings, x: Tensor) -> Tensor:
        return self._forward(theta, x)[0]

    def hinges(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        p = self.layout.split(theta)
        return torch.sigmoid(p["alpha"][:, 0]), torch.sigmoid(p["beta"][:, 0])

    def _flows(self, p: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(x @ p["A"] + p["a"])
        z = torch.tanh(h @ p["B"] + p["b"])
        g = torch.tanh(z @ p["C"] + p["c"])
        alpha, beta = torch.sigmoid(p["alpha"]), torch.sigmoid(p["beta"])
        return torch.lerp(g, h, alpha), torch.lerp(h, g, beta)

    def _forward(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        p = self.layout.split(theta)
        up, down = self._flows(p, x)
        return up @ p["K"] + p["k"], down @ p["D"] + p["d"]

    def _inputs(self, settings: Settings, label: Tensor, generator: Generator) -> Tensor:
        models, size = label.shape
        centres = settings["task.centres"].flatten(1, 2)
        cluster = torch.randint(CLUSTERS, (models, size), generator=generator).to(label.device)
        at = (label * CLUSTERS + cluster)[..., None].expand(-1, -1, INPUTS)
        noise = torch.randn(models, size, INPUTS, generator=generator).to(label.device)
        return torch.gather(centres, 1, at) + NOISE * noise

    def _mislabelled(
        self, true: Tensor, settings: Settings, knobs: dict[str, Tensor], generator: Generator
    ) -> Tensor:
        # The sign of "flip" is the class whose labels are lost: positive, class 1 is called 0.
        u = torch.rand(true.shape, generator=generator).to(true.device)
        flip = knobs["flip"][:, None]
        hit = torch.where(true == 1, flip.clamp_min(0.0), (-flip).clamp_min(0.0))
        wrong = u < torch.maximum(hit, settings["hyper.label_noise"][:, None])
        return torch.where(wrong, 1 - true, true)


family = Chiral()
