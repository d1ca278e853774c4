"""What an operator or a subject of ``labctl run cgt`` is. Published: this is the protocol. Light.

An operator is one object, named in the entry-point group ``labctl.cgt.operators``, and one function:

    class Confusion(Operator):
        name = "confusion"
        measure = "labctl_cgt_confusion.measure:confusion"
        needs = ("why_what",)
        indicators = (Indicator(name="width", label="confusion", risk="high", mode="sound"),)
        parameters = ConfusionOptions          # --confusion.depth 3

    confusion = Confusion()

    def confusion(shard: Shard, *, depth: int) -> dict[str, Reading]: ...    # in the module of ``measure``

``Shard`` and ``Reading`` are in ``labctl_cgt.measuring.shard``. What is measured becomes a job per
family of models, a row in every comparison, and its claims are judged like all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

from labctl.api import Job, Prediction
from labctl_cgt.parameters import HORIZON_EPOCHS, Options

Metric = Literal["auc", "recall", "balanced_accuracy", "precision", "falls", "rises", "early_peak"]
"""How a claim is judged; every one is computed on models that have not collapsed yet.

``auc``: chance that a check at most 2 epochs before a collapse looks riskier than another one.
``recall``: share of the checks at most 2 epochs before a collapse that alarm, at the threshold at which
5 % of the other checks do. ``balanced_accuracy``: mean of the shares of both kinds that the rule of
``alarm`` gets right. ``precision``: share of alarms that a collapse follows within 2 epochs.
``falls``, ``rises``: share of collapsing models whose readings fall (rise) over the 2 epochs up to the
collapse. ``early_peak``: share of models that collapse after epoch 2 and whose readings peak in epochs 1
to 2, above the first and the last one before the collapse.
"""


class Indicator(msgspec.Struct, frozen=True, kw_only=True):
    """A number that is read off a model at a check, and what it is taken to mean.

    ``risk``: which end of it warns, fixed before anything is measured. ``role``: *operator* for what
    is tested, *baseline* for the cheap alternatives it is tested against. ``needs``: what a family
    must have beyond the operator's own needs.
    """

    name: str
    label: str
    risk: Literal["high", "low"]
    mode: Literal["legacy", "sound", ""] = ""
    role: Literal["operator", "baseline"] = "operator"
    unit: str = ""
    needs: tuple[str, ...] = ()


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction on one indicator. Supported when the whole 95 % interval meets ``op threshold``.

    ``alarm``: for the metrics of a rule, the reading beyond which it warns. ``untestable``: why the rule
    cannot be met by design, with the numbers; empty if it can.
    """

    id: str
    claim: str
    indicator: str
    metric: Metric
    op: Literal[">", ">=", "<", "<="]
    threshold: float
    alarm: float | None = None
    min_n: int = 20
    untestable: str = ""

    def __post_init__(self) -> None:
        """Refused where it is made, so that it costs its own extension and not the judge of all."""
        if self.metric not in ESTIMANDS:
            raise ValueError(f"claim {self.id}: no metric {self.metric!r}; there are {', '.join(ESTIMANDS)}")
        if self.metric in RULES and self.alarm is None:
            raise ValueError(f"claim {self.id}: {self.metric} judges a rule, and alarm is not given")


class Skip(msgspec.Struct, frozen=True):
    """An indicator that a family cannot have: a row with its reason instead of a number."""

    indicator: Indicator
    reason: str


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A family of models, named in the entry-point group ``labctl.cgt.subjects``.

    ``family``: ``module:attribute`` of an object as ``labctl_cgt.subjects.family.Family``.
    ``event``: *prediction* (a class is lost; the family has ``logits``) or *representation* (the
    effective rank is lost). ``provides``: the needs it meets, among ``why_what``, ``hinges``,
    ``classes``, ``embeddings``, ``history``.
    """

    name: str
    family: str
    event: Literal["prediction", "representation"]
    provides: tuple[str, ...]
    seconds: float = 0.1
    """About how long a model trains for 20 epochs, for the plan's estimate."""

    def describe(self) -> tuple[Subject, ...]:
        """Itself: what the plan asks an extension for."""
        return (self,)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator is asked to plan for: one family.

    ``train``: ids of the jobs that train its ``models``. ``parameters``: those of the project.
    ``options``: the operator's own, or None.
    """

    subject: Subject
    train: tuple[str, ...]
    models: int
    parameters: Options
    options: Any = None


NEED_WORDS = {
    "why_what": "needs an abstraction and its inverse",
    "hinges": "needs hinges",
    "classes": "needs class labels",
    "embeddings": "needs embeddings",
    "history": "needs a training history",
}


class Operator:
    """The base of an operator: what it reads, of whom, and what is claimed of it."""

    name: str
    measure: str
    """``module:function``, called with a ``Shard`` and ``arguments``."""
    needs: tuple[str, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    parameters: type | None = None
    seconds: float = 1e-4
    """About how long a reading of one model at one check takes, for the plan's estimate."""

    def arguments(self, request: Request) -> dict[str, Any]:
        """The JSON arguments of ``measure``: by default the operator's own options."""
        return dict(msgspec.to_builtins(request.options)) if request.options is not None else {}

    def cost(self, request: Request) -> float:
        """Seconds expected of the whole job."""
        return self.seconds * request.models * request.parameters.checks

    def claims(self, request: Request) -> Iterable[Claim]:
        """What is claimed of the indicators, for one family. By default nothing."""
        return ()

    def plan(self, request: Request) -> Iterator[Job | Claim | Skip]:
        """The measuring job, the claims, and the rows that this family cannot have."""
        have = []
        for indicator in self.indicators:
            reason = missing((*self.needs, *indicator.needs), request.subject)
            if reason:
                yield Skip(indicator, reason)
            else:
                have.append(indicator)
        if not have:
            return
        names = {indicator.name for indicator in have}
        claims = [claim for claim in self.claims(request) if claim.indicator in names]
        yield self._job(request, have, claims)
        yield from claims

    def _job(self, request: Request, have: list[Indicator], claims: list[Claim]) -> Job:
        kind = "operator" if any(i.role == "operator" for i in have) else "baseline"
        predictions = {i.name: [claim.id for claim in claims if claim.indicator == i.name] for i in have}
        return Job(
            id=f"{self.name}/{request.subject.name}",
            function="labctl_cgt.measuring.measure:measure",
            params={
                "operator": self.name,
                "function": self.measure,
                "arguments": self.arguments(request),
                "family": request.subject.family,
                "subject": request.subject.name,
                "indicators": [msgspec.to_builtins(indicator) for indicator in have],
                "checks": request.parameters.checks,
                "checks_per_epoch": request.parameters.checks_per_epoch,
                "steps_per_epoch": request.parameters.steps_per_epoch,
                "per_class": request.parameters.num_test_batches * PROBE_BATCH // 2,
                "predictions": predictions,
            },
            environment="measure",
            needs={"train": request.train},
            tolerant=True,
            tags=(self.name, request.subject.name, kind),
            code=(self.measure.partition(":")[0], request.subject.family.partition(":")[0]),
            estimate=self.cost(request),
        )


PROBE_BATCH = 4
"""Inputs in a probe batch, half of each class."""


def missing(needs: Iterable[str], subject: Subject) -> str:
    """Why a subject does not meet the needs, or an empty text."""
    for need in needs:
        if need not in subject.provides:
            return f"{NEED_WORDS.get(need, f'needs {need}')}, {subject.name} has none"
    return ""


def register(claim: Claim, job: str, judge: str, baselines: tuple[str, ...]) -> Prediction:
    """The claim as the host registers it. Jobs of the baselines are kept with those of the claim."""
    return Prediction(
        id=claim.id,
        claim=claim.claim,
        jobs=(job, *(other for other in baselines if other != job), judge),
        estimand=ESTIMANDS[claim.metric].format(alarm=claim.alarm),
        op=claim.op,
        threshold=claim.threshold,
        min_n=claim.min_n,
    )


RULES = ("balanced_accuracy", "precision")
_AHEAD = f"at most {HORIZON_EPOCHS} epochs before a collapse"
ESTIMANDS: dict[str, str] = {
    "auc": f"AUC: checks {_AHEAD} against the other checks of models at risk",
    "recall": f"share of the checks {_AHEAD} that alarm when 5 % of the others do",
    "balanced_accuracy": f"balanced accuracy of the alarm beyond {{alarm}} for checks {_AHEAD}",
    "precision": f"share of the alarms beyond {{alarm}} that are {_AHEAD}",
    "falls": f"share of collapsing models whose reading falls over the {HORIZON_EPOCHS} epochs up to it",
    "rises": f"share of collapsing models whose reading rises over the {HORIZON_EPOCHS} epochs up to it",
    "early_peak": "share of models collapsing after epoch 2 whose reading peaks in epochs 1 to 2",
}
