"""What the results mean: the sections of the report. Works with whatever jobs succeeded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from labctl.api import Prediction, Results, Section, Step
from labctl_cgt.parameters import HORIZON_EPOCHS, Options
from labctl_cgt.reporting.charts import auc_forest, recall_bars
from labctl_cgt.reporting.evidence import all_evidence
from labctl_cgt.reporting.operators import operator_section
from labctl_cgt.reporting.steps import next_steps
from labctl_cgt.reporting.tables import difference_table, model_table, sensitivity_table
from labctl_cgt.reporting.wording import DEFINITIONS, EVENTS, counted, interval, listed, mechanisms, short

Found = Mapping[str, Any]


def sections(options: Options, results: Results, predictions: Iterable[Prediction]) -> Iterator[Section]:
    """The comparison of all warnings, a section per operator, and the models behind them."""
    predictions = tuple(predictions)
    judged = [result.value for result in results.tagged("judge").values() if result.ok]
    usable = [found for found in judged if found["models"]]
    evidence = all_evidence(predictions, judged, results)
    steps = next_steps(options, results, judged, predictions)
    yield compared(options, usable, results, steps)
    names = dict.fromkeys(job_id.partition("/")[0] for job_id in results.tagged("operator"))
    for rank, name in enumerate(names, start=1):
        mine = tuple(e for e, owner in evidence if owner == name)
        yield operator_section(name, results.of(name), usable, mine, rank)
    if usable:
        yield models_section(options, usable, len(names) + 1)


def compared(options: Options, judged: list[Found], results: Results, steps: tuple[Step, ...]) -> Section:
    """The first section: its headline is that of the report."""
    warned = [found for found in judged if found.get("soon_checks") and found.get("differences") is not None]
    return Section(
        title="All warnings compared",
        headline=headline(warned, judged),
        text=tuple(_counts(options, judged, results)),
        charts=(*(recall_bars(f) for f in warned), *(auc_forest(f) for f in warned)),
        tables=tuple(difference_table(found) for found in warned),
        next=steps,
        rank=0,
    )


def headline(warned: list[Found], judged: list[Found]) -> str:
    """By rule: an operator is better where the whole interval of its lead in AUC is above 0."""
    if not judged:
        return "Nothing could be judged: no training or no judge succeeded"
    if not warned:
        return "No model collapsed while it could have been warned of, so no operator was tested"
    tested = [d for found in warned for d in found["differences"] if d["metric"] == "auc"]
    if not tested:
        return "No operator could be compared with the cheap baselines"
    better = [
        f"{short(d['label'])} in {found['subject']}"
        for found in warned
        for d in found["differences"]
        if d["metric"] == "auc" and d["difference"] and d["difference"][1] > 0
    ]
    if better:
        return f"Better than every cheap baseline: {listed(better)}"
    return "No operator warned of collapse better than a cheap baseline"


def _counts(options: Options, judged: list[Found], results: Results) -> Iterator[str]:
    if judged:
        total = sum(found["models"] for found in judged)
        collapsed = sum(found["collapsed"] for found in judged)
        yield f"{counted(total, 'small model')} were trained and {collapsed:,} of them collapsed."
    for found in judged:
        by = mechanisms(found["by_mechanism"])
        yield (
            f"{found['subject']}: {found['collapsed']} of {found['models']} models had a"
            f" {EVENTS[found['event']]} ({by or 'none'}); {found['diverged']} diverged, which counts as"
            f" neither, and {found['never_at_risk']} never learned enough to be at risk."
        )
    yield (
        f"Every model is checked {options.checks_per_epoch} times per epoch, every {options.steps_per_check}"
        f" steps. A warning is right if a collapse follows within {HORIZON_EPOCHS} epochs"
        f" ({options.horizon} checks). Only checks of models that have not collapsed yet are scored, and the"
        " two kinds of collapse are never pooled. Each warning alarms at the threshold that 5 % of the"
        " other checks exceed; one that alarms at random reaches 0.05."
    )
    read = dict.fromkeys(i.split("/")[1] for i in results.tagged("operator"))
    alone = [name for name in read if f"judge/{name}" not in results]
    if alone:
        yield f"{listed(alone)} was read and not compared: no claim of this run rests on it."
    lost = [f"{r.id} ({r.state})" for r in results.values() if not r.ok]
    if lost:
        yield f"Not everything ran: {listed(lost)}. What rests on it is not judged."


def models_section(options: Options, judged: list[Found], rank: int) -> Section:
    """Who collapsed, by family and mechanism, and under the source's own definition."""
    text = [f"{EVENTS[f['event']].capitalize()} ({f['subject']}): {DEFINITIONS[f['event']]}." for f in judged]
    text.append(
        "Each model has at most one thing happen to it, at a random step, with random severity, length"
        " and, where there is one, direction. Operators see parameters and settings, never these."
    )
    rates = [f"{f['collapsed']} of {f['models']} {f['subject']}" for f in judged]
    sensitive = [f for f in judged if f.get("sensitivity")]
    return Section(
        title="The models",
        headline=f"{listed(rates)} models collapsed",
        text=tuple(text + [_sensitive(f) for f in sensitive]),
        tables=(
            *(model_table(found) for found in judged),
            *(sensitivity_table(found) for found in sensitive),
        ),
        rank=rank,
    )


def _sensitive(found: Found) -> str:
    """What changes under the source's own event."""
    other = found["sensitivity"]
    rows = [row for row in other["rows"] if row["auc"]]
    own = max((r for r in rows if r["role"] == "operator"), key=lambda r: float(r["auc"][0]), default=None)
    cheap = max((r for r in rows if r["role"] == "baseline"), key=lambda r: float(r["auc"][0]), default=None)
    text = f"With the source's own event, an accuracy gap of 0.4 in one check, {other['collapsed']} collapsed"
    if own and cheap:
        text += (
            f"; the best operator is then {short(own['label'])}, AUC {interval(own['auc'])}, the best"
            f" baseline {short(cheap['label'])}, {interval(cheap['auc'])}"
        )
    return text + "."
