"""How far hinges can move in an epoch, from the learning rate and the number of steps. Light."""

from __future__ import annotations

from typing import NamedTuple

BETA_1, BETA_2 = 0.9, 0.999
STEEPEST = 0.25  # slope of the sigmoid at 0


class Reach(NamedTuple):
    """Change of |alpha - 1/2| + |beta - 1/2| per epoch: what Adam's steps usually allow, and its bound."""

    usual: float
    bound: float


def reach(hinge_lr: float, steps: int) -> Reach:
    """Reach of the hinge temperature over ``steps`` steps of Adam.

    A step of Adam moves a parameter by about the learning rate, and by at most (1 - beta1) / sqrt(1 - beta2)
    = 3.16 times it (Kingma and Ba 2015, section 2.1). Two hinges move, each along a sigmoid that is nowhere
    steeper than 1/4; a mean over channels moves no further than its fastest channel.
    """
    usual = 2 * STEEPEST * hinge_lr * steps
    return Reach(usual=min(usual, 1.0), bound=min(usual * max(1.0, (1 - BETA_1) / (1 - BETA_2) ** 0.5), 1.0))
