"""The operators temperature and cooling: what they claim, and of whom. Light.

The claims are those of the pre-registration that the source published. Where it says only "trend", the
number was fixed here before the first run, and the claim says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labctl_cgt.operator import PROBE_BATCH, Claim, Indicator, Operator, Request
from labctl_cgt.operators.reach import Reach, reach
from labctl_cgt.parameters import HORIZON_EPOCHS

FALLS, PEAKS, RULE, FOLLOWED = 0.8, 0.5, 0.9, 0.8


def _id(name: str, mode: str, request: Request) -> str:
    """P1.2, P1.2-sound; of another family than the one they were published for, P1.2/NAME."""
    suffix = "" if request.subject.name == "chiral" else f"/{request.subject.name}"
    return f"{name}{'-sound' if mode == 'sound' else ''}{suffix}"


class Temperature(Operator):
    """Conway temperature of the game between WHY and WHAT."""

    name = "temperature"
    measure = "labctl_cgt.operators.temperature:temperature"
    needs = ("why_what",)
    indicators = (
        Indicator(name="legacy", label="temperature (legacy)", risk="low", mode="legacy"),
        Indicator(name="sound", label="temperature", risk="low", mode="sound"),
    )
    seconds = 5e-7  # per draw and probe input

    def arguments(self, request: Request) -> dict[str, Any]:
        options = request.parameters
        return {
            "num_samples": options.num_samples,
            "num_test_batches": options.num_test_batches,
            "threshold": options.temperature_threshold,
        }

    def cost(self, request: Request) -> float:
        options = request.parameters
        return super().cost(request) * options.num_samples * options.num_test_batches * PROBE_BATCH

    def claims(self, request: Request) -> Iterator[Claim]:
        if request.subject.event != "prediction":
            return  # the source claims nothing about representations
        below = request.parameters.temperature_threshold
        for mode in ("legacy", "sound"):
            yield Claim(
                id=_id("P1.1", mode, request),
                claim=f"Temperature falls over the {HORIZON_EPOCHS} epochs before a collapse, in at least"
                f" {FALLS * 100:g} % of collapsing models (a trend in the source; window, share: ours).",
                indicator=mode, metric="falls", op=">=", threshold=FALLS,
            )  # fmt: skip
            yield Claim(
                id=_id("P1.2", mode, request),
                claim=f"A temperature below {below:g} predicts collapse within {HORIZON_EPOCHS} epochs:"
                f" balanced accuracy above {RULE:g} (accuracy in the source, which silence reaches too;"
                " balancing it is ours).",
                indicator=mode, metric="balanced_accuracy", op=">", threshold=RULE, alarm=below,
            )  # fmt: skip
            yield Claim(
                id=_id("P1.3", mode, request),
                claim="Temperature rises, peaks in epochs 1 to 2 of the training and then falls until the"
                " collapse, in more than half of collapsing models (a trend in the source; the share is"
                " ours).",
                indicator=mode, metric="early_peak", op=">", threshold=PEAKS,
            )  # fmt: skip


class Cooling(Operator):
    """Rate at which the hinges move towards one half."""

    name = "cooling"
    measure = "labctl_cgt.operators.cooling:cooling"
    needs = ("hinges",)
    indicators = (
        Indicator(name="legacy", label="cooling (legacy)", risk="low", mode="legacy", unit="per epoch"),
        Indicator(name="sound", label="cooling", risk="low", mode="sound", unit="per epoch"),
    )
    seconds = 5e-5

    def arguments(self, request: Request) -> dict[str, Any]:
        options = request.parameters
        return {"threshold": options.cooling_threshold, "hinge_lr": options.hinge_lr}

    def claims(self, request: Request) -> Iterator[Claim]:
        if request.subject.event != "prediction":
            return
        options = request.parameters
        below = options.cooling_threshold
        found = reach(options.hinge_lr, options.steps_per_epoch)
        for mode in ("legacy", "sound"):
            yield Claim(
                id=_id("P2.1", mode, request),
                claim=f"Cooling faster than {-below:g} per epoch is followed by a collapse within"
                f" {HORIZON_EPOCHS} epochs, in at least {FOLLOWED * 100:g} % of such checks.",
                indicator=mode, metric="precision", op=">=", threshold=FOLLOWED, alarm=below,
                untestable=_untestable(found, -below, options.hinge_lr),
            )  # fmt: skip


def _untestable(found: Reach, needed: float, hinge_lr: float) -> str:
    if found.bound >= needed:
        return ""
    return (
        f"Cannot happen: with learning rate {hinge_lr:g} the hinges' temperature moves by about"
        f" {found.usual:.2g} per epoch and never by more than {found.bound:.2g}; the claim needs {needed:g}."
        f" A learning rate of {hinge_lr * needed / found.bound:.2g} or more makes it testable."
    )


temperature = Temperature()
cooling = Cooling()
