"""What the results mean: the balance of the decks, and what tuning has brought."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from labctl.api import Evidence, Metric, Results, Section, Step, Table
from labctl_essence_wars.parameters import Options
from labctl_essence_wars.reporting.balance import (
    deck_bars,
    deck_table,
    heat_map,
    pair_maps,
    seat_and_factions,
)
from labctl_essence_wars.reporting.tuning import comparison, convergence, opponents, p_value, step_sizes

Found = Mapping[str, Any]


def sections(options: Options, results: Results) -> Iterator[Section]:
    """The balance first, if it was validated, then the tuning."""
    balance = results.get("balance")
    if balance is not None and balance.ok:
        yield balance_section(balance.value)
    elif options.validates:
        failed = [i for i, r in results.tagged("validate").items() if not r.ok]
        yield Section(
            title="Balance", headline=f"Balance is not known: {', '.join(failed[:4])} did not succeed"
        )
    trained = {i.partition("/")[2]: r for i, r in results.tagged("train").items()}
    good = {tag: r.value for tag, r in trained.items() if r.ok}
    if trained:
        histories = {
            tag: json.loads(r.path("history.json").read_text(encoding="utf-8"))
            for tag, r in trained.items()
            if r.ok
        }
        yield tuning_section(good, histories, [tag for tag, r in trained.items() if not r.ok])


def balance_section(found: Found) -> Section:
    """The verdict of every matchup, ratings of decks, the first seat."""
    summary = found["summary"]
    counts = summary["matchups"]
    total = sum(counts.values())
    origins = found["weights_from"]
    pilots = "; ".join(f"{faction}: {origin}" for faction, origin in origins.items())
    return Section(
        title="Balance",
        headline=(
            f"Balance is {summary['overall_status']}: first seat {summary['p1_status']}, factions"
            f" {summary['faction_status']}, of {total} matchups {counts['balanced']} balanced,"
            f" {counts['imbalanced']} imbalanced, {counts['undecided']} undecided"
        ),
        text=(
            f"{found['games']:,} games, each deal played from both seats. Weights of the players: {pilots}.",
            "A matchup is balanced if the whole interval of its share of points lies between 40 and 60 %,"
            " imbalanced if all of it lies outside, and undecided between: then more games are needed. The"
            " intervals stand at z = 3.23, so that all 40 together keep 95 %.",
            *summary["warnings"][:12],
        ),
        metrics=tuple(seat_and_factions(summary)),
        charts=(*pair_maps(found["matchups"]), heat_map(found["matchups"]), deck_bars(summary)),
        tables=(deck_table(summary), matchup_table(found["matchups"])),
        next=_more_games(counts),
        rank=0,
    )


def _more_games(counts: Found) -> tuple[Step, ...]:
    if not counts["undecided"]:
        return ()
    text = f"{counts['undecided']} matchups are undecided; more games decide more of them"
    return (Step(text, "labctl run essence-wars --mode validate-only --validation-games 500"),)


def matchup_table(matchups: list[Found]) -> Table:
    rows = tuple(
        (
            m["deck1_id"], m["deck2_id"], round(m["share"], 4), round(m["low"], 4), round(m["high"], 4),
            m["deals"], round(m["avg_turns"], 1), m["draws"], m["verdict"],
        )
        for m in matchups
    )  # fmt: skip
    columns = ("deck", "against", "share", "low", "high", "deals", "turns", "draws", "verdict")
    return Table("Every matchup: share of points of the first deck", columns, rows)


def tuning_section(
    found: Mapping[str, Found], histories: Mapping[str, list[Found]], failed: list[str]
) -> Section:
    """Gains on held-out deals, convergence, and evidence for the claims."""
    better = [tag for tag, value in found.items() if value["gain"]["low"] > 0]
    worse = [tag for tag, value in found.items() if value["gain"]["high"] < 0]
    if not found:
        headline = "Nothing was tuned: no training succeeded"
    elif better:
        headline = f"Tuned weights beat the built-in ones for {', '.join(better)}"
    elif worse:
        headline = f"Tuned weights are worse than the built-in ones for {', '.join(worse)}"
    else:
        headline = "No tuned weights were shown to beat the built-in ones"
    return Section(
        title="Tuning",
        headline=headline,
        text=(
            *((f"Did not succeed: {', '.join(failed)}.",) if failed else ()),
            "Shares are of fresh deals, which the search has not seen, each played from both seats, with 95 %"
            " intervals. What a search calls its best is the largest of many noisy values, and no estimate.",
        ),
        metrics=tuple(
            Metric(
                f"gain of {tag}", 100 * v["gain"]["share"], 100 * v["gain"]["low"], 100 * v["gain"]["high"],
                unit="points", better="up", n=v["gain"]["deals"], note="over the built-in weights",
            )
            for tag, v in found.items()
        ),
        charts=(
            *((comparison(found),) if found else ()),
            *((convergence(histories), step_sizes(histories)) if histories else ()),
            *(opponents(tag, history) for tag, history in histories.items()),
        ),
        evidence=tuple(
            Evidence(
                f"tuned-{tag}", v["gain"]["share"], v["gain"]["low"], v["gain"]["high"], p=p_value(v["gain"]),
                n=v["gain"]["deals"],
            )
            for tag, v in found.items()
        ),
        rank=1,
    )  # fmt: skip
