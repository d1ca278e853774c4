"""Charts and numbers of a validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labctl.api import Bar, Bars, HeatMap, Metric, Table

Found = Mapping[str, Any]


def heat_map(matchups: list[Found]) -> HeatMap:
    """Shares of points of each deck (row) against each deck of another faction (column), in per cent."""
    decks = sorted({m["deck1_id"] for m in matchups} | {m["deck2_id"] for m in matchups})
    place = {deck: index for index, deck in enumerate(decks)}
    cells: list[list[float | None]] = [[None] * len(decks) for _ in decks]
    for m in matchups:
        one, two = place[m["deck1_id"]], place[m["deck2_id"]]
        cells[one][two] = 100 * m["share"]
        cells[two][one] = 100 * (1 - m["share"])
    deals = matchups[0]["deals"] if matchups else 0
    off = [m for m in matchups if m["verdict"] == "imbalanced"]
    title = (
        f"{len(off)} of {len(matchups)} matchups are outside 40 to 60 %"
        if off
        else "No matchup is surely unfair"
    )
    return HeatMap(
        title=title,
        subtitle=f"share of points of the deck in the row, in per cent; {deals} deals each, from both seats",
        rows=tuple(decks),
        columns=tuple(decks),
        values=tuple(tuple(row) for row in cells),
        unit="%",
        middle=50.0,
        decimals=0,
        row_label="deck",
        column_label="against",
        note="Decks of one faction do not meet. Intervals and verdicts are in the table of matchups.",
    )


SIGNS = {"balanced": "=", "imbalanced": "!", "undecided": "?"}


def pair_maps(matchups: list[Found]) -> Iterator[HeatMap]:
    """A map for each pair of factions: interval and verdict in every cell."""
    pairs: dict[tuple[str, str], list[Found]] = {}
    for m in matchups:
        pairs.setdefault((m["faction1"], m["faction2"]), []).append(m)
    for (one, two), own in pairs.items():
        rows = tuple(dict.fromkeys(m["deck1_id"] for m in own))
        columns = tuple(dict.fromkeys(m["deck2_id"] for m in own))
        found = {(m["deck1_id"], m["deck2_id"]): m for m in own}
        cells = [[found[row, column] for column in columns] for row in rows]
        count = {name: sum(m["verdict"] == name for m in own) for name in SIGNS}
        said = ", ".join(f"{number} {name}" for name, number in count.items())
        yield HeatMap(
            title=f"{one} against {two}: {said}",
            subtitle="share of points of the deck in the row, in per cent; below it the interval, and the"
            " verdict: = balanced, ! imbalanced, ? undecided",
            rows=tuple(row.removeprefix(f"{one}-") for row in rows),
            columns=tuple(column.removeprefix(f"{two}-") for column in columns),
            values=tuple(tuple(100 * m["share"] for m in row) for row in cells),
            notes=tuple(tuple(_note(m) for m in row) for row in cells),
            unit="%",
            middle=50.0,
            decimals=0,
        )


def _note(found: Found) -> str:
    return f"{100 * found['low']:.0f}–{100 * found['high']:.0f} {SIGNS[found['verdict']]}"


def deck_bars(summary: Found) -> Bars:
    """Shares of points by deck."""
    decks = sorted(summary["deck_stats"], key=lambda deck: -deck["share"])
    best, last = (decks[0], decks[-1]) if decks else ({}, {})
    title = f"{best.get('deck_id', '')} is the strongest deck, {last.get('deck_id', '')} the weakest"
    rows = tuple(Bar(d["deck_id"], 100 * d["share"]) for d in decks)
    return Bars(
        title=title, rows=rows, subtitle="share of all points of each deck", unit="%", reference=50.0,
        reference_label="even",
    )  # fmt: skip


def deck_table(summary: Found) -> Table:
    rows = tuple(
        (d["deck_id"], d["faction"], round(d["rating"]), round(d["share"], 4), d["games"])
        for d in sorted(summary["deck_stats"], key=lambda d: -d["rating"])
    )
    note = f"The first seat is worth {summary['seat_elo']:.0f} Elo points in the same fit."
    return Table("Ratings of decks (Bradley and Terry, in Elo points)", ("deck", "faction", "rating", "share", "games"), rows, note)  # noqa: E501  # fmt: skip


def seat_and_factions(summary: Found) -> Iterator[Metric]:
    """The first seat and each faction, with 95 % intervals."""
    low, high = summary["p1_interval"]
    yield Metric(
        "first seat", 100 * summary["p1_win_rate"], 100 * low, 100 * high, unit="%",
        note=f"{summary['p1_status']}: balanced is 48 to 54 % of the points",
    )  # fmt: skip
    for faction, share in summary["faction_win_rates"].items():
        low, high = summary["faction_intervals"][faction]
        yield Metric(
            faction, 100 * share, 100 * low, 100 * high, unit="%", note="balanced is 47 to 53 % of the points"
        )
