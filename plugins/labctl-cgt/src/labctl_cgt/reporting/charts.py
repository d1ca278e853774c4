"""The charts of the report, from what the judge found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from labctl.api import Bar, Bars, Forest, ForestRow, Lines, Series
from labctl_cgt.reporting.wording import EVENTS, best, short

Found = Mapping[str, Any]


def recall_bars(found: Found) -> Bars:
    """Recall at 5 % false alarms of every warning in a family; what has none keeps its row."""
    rows = sorted(found["rows"], key=lambda row: -(row["recall"][0] if row.get("recall") else -1.0))
    event = EVENTS[found["event"]]
    return Bars(
        title=_bars_title(found),
        subtitle=f"Recall at 5 % false alarms; {found['warnable']} models with a {event}"
        f" among {found['scored_models']} at risk",
        rows=tuple(_bar(row) for row in rows),
        reference=0.05,
        reference_label="chance",
        maximum=1.0,
        note="Intervals are 95 % ranges over resampled models. Which end of each warns was fixed before the"
        " first run.",
    )


def _bars_title(found: Found) -> str:
    own, cheap = best(found["rows"], "recall", "operator"), best(found["rows"], "recall", "baseline")
    if cheap is None and own is None:
        return f"{found['subject']}: nothing could be compared"
    if own is None or (cheap is not None and cheap["recall"][0] >= own["recall"][0]):
        return f"{found['subject']}: {short(cheap['label'])} warns best" if cheap else ""
    return f"{found['subject']}: {short(own['label'])} warns best"


def _bar(row: Found) -> Bar:
    tone: Literal["own", "base"] = "own" if row["role"] == "operator" else "base"
    if not row.get("recall"):
        return Bar(label=row["label"], value=None, tone=tone, note=_why_none(row))
    value, low, high = row["recall"]
    return Bar(label=row["label"], value=value, low=low, high=high, tone=tone)


def _why_none(row: Found) -> str:
    """In a few words; the table of all numbers has the whole reason."""
    if row["status"] == "degenerate":
        return "degenerate" if row.get("constant") is None else f"degenerate: always {row['constant']:g}"
    if row["status"] == "skipped":
        return str(row["note"].partition(",")[0])
    return "too few collapses" if row["status"] == "ok" else "not measured"


def auc_forest(found: Found) -> Forest:
    """AUC of every warning in a family, best first; the best cheap baseline is marked in each row."""
    rows = [row for row in found["rows"] if row.get("auc")]
    rows.sort(key=lambda row: -row["auc"][0])
    cheap = best(rows, "auc", "baseline")
    return Forest(
        title=f"{found['subject']}: how well each tells a coming collapse",
        subtitle=f"AUC of {found['soon_checks']:,} checks at most 2 epochs before a collapse against"
        f" {found['scored_checks'] - found['soon_checks']:,} others",
        rows=tuple(
            ForestRow(
                label=row["label"],
                estimate=row["auc"][0],
                low=row["auc"][1],
                high=row["auc"][2],
                baseline=cheap["auc"][0] if cheap and row["role"] == "operator" else None,
                tone="own" if row["role"] == "operator" else "base",
            )
            for row in rows
        ),
        reference=0.5,
        reference_label="chance",
    )


def course_lines(course: Found, subject: str) -> Lines:
    """An operator's readings up to the collapse, beside healthy models of the same age."""
    epochs = tuple(course["epochs"])
    collapsing, healthy = course["n"]
    return Lines(
        title=_course_title(course, subject),
        subtitle=f"Median and quartiles: {collapsing} collapsing models, {healthy} healthy of the same age",
        series=(
            _band("collapsing", epochs, course["collapsing"], warm=True),
            _band("healthy", epochs, course["healthy"], warm=False),
        ),
        x_label="epochs before the collapse",
        y_label=f"{course['label']} {course['unit']}".strip(),
    )


def _course_title(course: Found, subject: str) -> str:
    """Apart when the medians at the collapse lie outside each other's quartiles."""
    own, other = course["collapsing"][-1], course["healthy"][-1]
    label = f"{subject}: {course['label']}"
    if None in own or None in other:
        return f"{label} up to the collapse"
    if own[1] < other[0] and other[1] > own[2]:
        return f"{label} ends lower in collapsing models"
    if own[1] > other[2] and other[1] < own[0]:
        return f"{label} ends higher in collapsing models"
    return f"{label} runs alike in collapsing and healthy models"


def _band(
    label: str, x: tuple[float, ...], quartiles: Sequence[Sequence[float | None]], *, warm: bool
) -> Series:
    return Series(
        label=label,
        x=x,
        y=tuple(q[1] for q in quartiles),
        low=tuple(q[0] for q in quartiles),
        high=tuple(q[2] for q in quartiles),
        tone="warm" if warm else "cool",
        dashed=not warm,
    )
