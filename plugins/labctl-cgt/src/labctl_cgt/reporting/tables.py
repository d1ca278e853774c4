"""The numbers beside the charts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labctl.api import Table
from labctl_cgt.reporting.wording import interval, signed

Found = Mapping[str, Any]


def difference_table(found: Found) -> Table:
    """Operators less the best cheap baseline, over the same resampled models."""
    return Table(
        title=f"Operators less the best cheap baseline in {found['subject']}",
        columns=("operator", "of", "best baseline", "difference [95 %]"),
        rows=tuple(
            (d["label"], d["metric"].replace("auc", "AUC"), d["baseline"],
             signed(d["difference"]) if d["difference"] else None)
            for d in found["differences"]
        ),
        note="The best of several baselines is chosen on the same models, which favours it a little.",
    )  # fmt: skip


def model_table(found: Found) -> Table:
    """Models and collapses by what happened to them."""
    return Table(
        title=f"Mechanisms in {found['subject']}",
        columns=("mechanism", "models", "collapsed"),
        rows=tuple((name, n, hit) for name, (n, hit) in found["by_mechanism"].items()),
    )


def sensitivity_table(found: Found) -> Table:
    """AUC under the source's own event."""
    rows = sorted(found["sensitivity"]["rows"], key=lambda row: -(row["auc"][0] if row["auc"] else -1.0))
    return Table(
        title=f"The same in {found['subject']} with the source's event, an accuracy gap of 0.4",
        columns=("warning", "kind", "AUC [95 %]"),
        rows=tuple((r["label"], r["role"], interval(r["auc"]) if r["auc"] else None) for r in rows),
    )
