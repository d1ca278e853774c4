"""Numbers and names as the report writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

EVENTS = {
    "prediction": "prediction collapse",
    "representation": "representation collapse",
}
DEFINITIONS = {
    "prediction": "the smaller class recall is below 0.1 for 2 checks in a row, after it was once 0.5",
    "representation": "the effective rank of the centred embeddings is below 10 % of its own peak",
}


def interval(triple: Sequence[float], decimals: int = 2) -> str:
    """``0.62 [0.55, 0.69]``."""
    return f"{triple[0]:.{decimals}f} [{triple[1]:.{decimals}f}, {triple[2]:.{decimals}f}]"


def signed(triple: Sequence[float]) -> str:
    """``-0.031 [-0.050, -0.012]``: a difference with its sign."""
    return f"{triple[0]:+.3f} [{triple[1]:+.3f}, {triple[2]:+.3f}]"


def counted(count: int, one: str, many: str = "") -> str:
    """``1 model``, ``1,200 models``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + " and " + words[-1]


def short(label: str) -> str:
    """A label without what stands in brackets: for sentences."""
    return label.partition(" (")[0] if not label.endswith("(legacy)") else label


def mechanisms(found: Mapping[str, Sequence[int]]) -> str:
    """``class drift 16 of 36``, the most frequent first, without those that took nobody."""
    worst = sorted(found.items(), key=lambda item: -item[1][1])
    return listed([f"{name} {hit} of {n}" for name, (n, hit) in worst if hit])


def best(rows: Sequence[Mapping[str, Any]], metric: str, role: str) -> Mapping[str, Any] | None:
    """The row of a role with the highest estimate of a metric, if any has one."""
    able = [row for row in rows if row["role"] == role and row.get(metric)]
    return max(able, key=lambda row: float(row[metric][0])) if able else None
