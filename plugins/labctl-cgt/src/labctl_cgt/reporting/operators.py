"""A section for each operator: what it read, how it ran up to a collapse, what its claims came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labctl.api import Evidence, Results, Section, Table
from labctl_cgt.reporting.charts import course_lines
from labctl_cgt.reporting.wording import best, interval, listed, short

Found = Mapping[str, Any]


def operator_section(
    name: str, results: Results, judged: list[Found], evidence: tuple[Evidence, ...], rank: int
) -> Section:
    """The section of one operator over all families."""
    lines = [
        course_lines(course, found["subject"])
        for found in judged
        for course in found.get("courses", ())
        if course["operator"] == name
    ]
    return Section(
        title=name[:1].upper() + name[1:],
        headline=_headline(name, judged),
        text=tuple(_rows_without(name, judged)),
        charts=tuple(lines),
        tables=tuple(_statistics(result.value) for result in results.values() if result.ok),
        evidence=evidence,
        rank=rank,
    )


def _headline(name: str, judged: list[Found]) -> str:
    """Where the interval of the AUC is above one half, and what was better."""
    parts = []
    for found in judged:
        own = best([row for row in found["rows"] if row["operator"] == name], "auc", "operator")
        cheap = best(found["rows"], "auc", "baseline")
        if own is None or cheap is None:
            continue
        signal = "carries signal" if own["auc"][1] > 0.5 else "carries no sure signal"
        parts.append(
            f"{short(own['label'])} {signal} in {found['subject']}, AUC {interval(own['auc'])}"
            f" ({short(cheap['label'])}: {cheap['auc'][0]:.2f})"
        )
    text = listed(parts) if parts else f"{name} could not be compared"
    return text[:1].upper() + text[1:]


def _rows_without(name: str, judged: list[Found]) -> Iterator[str]:
    for found in judged:
        for row in found["rows"]:
            if row["operator"] == name and row["status"] != "ok":
                yield f"{found['subject']}, {row['label']}: {row['status']}. {_sentence(row['note'])}"


def _statistics(value: Found) -> Table:
    """What the operator's job said of its readings, in the source's words where it has them."""
    columns = ("number", "legacy", "sound")
    rows: list[tuple[str, Any, Any]] = []
    if "statistics" in value:
        sound = value.get("sound", {})
        for block in ("statistics", "baseline_comparison"):
            for key, number in value.get(block, {}).items():
                rows.append((key, _cell(number), _cell(sound.get(block, {}).get(key))))
        return Table(title=f"{value['operator']} of {value['subject']}", columns=columns, rows=tuple(rows))
    return Table(
        title=f"{value['operator']} of {value['subject']}, all checks",
        columns=("indicator", "status", "mean", "sd", "smallest", "largest"),
        rows=tuple(
            (
                row["label"],
                row["status"],
                *((row["over_all"] or {}).get(k) for k in ("mean", "sd", "min", "max")),
            )
            for row in value["indicators"]
        ),
    )


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else value


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
