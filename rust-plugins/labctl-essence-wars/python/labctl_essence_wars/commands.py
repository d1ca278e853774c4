"""``labctl essence-wars``: what can be done with the game without a run, and with the games of one."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

SHOWN = 60  # lines of an error that are passed on


@click.group()
def group() -> None:
    """Cards, decks and games of Essence Wars."""


@group.command()
@click.argument("run")
@click.option("--deal", default=0, show_default=True, help="number of the deal; each was played twice")
@click.option("--matchup", metavar="DECK:DECK", help="count the deals of these two decks alone")
@click.option("--review", default=400, show_default=True, help="simulations of the reviewer; 0 for none")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="the page; RUN-deal-N.html if left out")
@click.option("--json", "as_json", is_flag=True, help="the record as JSON to standard output, and no page")
def replay(run: str, deal: int, matchup: str | None, review: int, output: Path | None, as_json: bool) -> None:
    """Play a deal of a validation again, choice by choice, and draw it as one HTML page.

    Nothing was kept of the games but their results: they follow from the run's seed and weights.
    """
    from labctl_essence_wars import _core
    from labctl_essence_wars.replay.page import page

    name, results = _results(run)
    config, matchups = results["config"], results["matchups"]
    chosen, number = _chosen(matchups, deal, matchup, config["games_per_matchup"])
    decks = chosen["deck1_id"], chosen["deck2_id"]
    plain = [weight["value"] for weight in json.loads(_core.describe())["weights"]]
    weights = [config["weights"].get(chosen[side], plain) for side in ("faction1", "faction2")]
    try:
        text = _core.record(
            decks, _core.deal_seed(*decks, config["seed"], number), (weights[0], weights[1]),
            simulations=config["mcts_simulations"], rollout=config["rollout"], review=max(0, review),
        )  # fmt: skip
    except _core.BadContent as error:
        raise click.ClickException(f"{error}; was the run made with other cards?") from None
    if as_json:
        click.echo(text)
        return
    record = json.loads(text)
    path = output or Path(f"{name}-deal-{deal}.html")
    title = f"{decks[0]} against {decks[1]}, deal {deal} of {name}"
    try:
        path.write_text(page(record, title), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path} could not be written: {error.strerror}") from None
    for game in record["games"]:
        won = {
            None: "a draw",
            0: f"{decks[game['seat_of_first']]} won",
            1: f"{decks[1 - game['seat_of_first']]} won",
        }
        first = decks[game["seat_of_first"]]
        click.echo(f"{first} first: {won[game['winner']]} after {game['turns']} turns", err=True)
    click.echo(str(path))


def _results(run: str) -> tuple[str, dict[str, Any]]:
    """The name of a run and the results of its validation."""
    with tempfile.TemporaryDirectory(prefix="labctl-") as folder:
        command = [sys.executable, "-m", "labctl", "collect", run, "--artifact", "balance/validation"]
        found = subprocess.run([*command, "-o", folder], capture_output=True, text=True, check=False)
        if found.returncode:
            lines = found.stderr.removeprefix("error: ").splitlines()[:SHOWN]
            raise click.ClickException("\n".join(lines) or f"{run} could not be read")
        path = Path(folder) / "balance" / "validation" / "results.json"
        try:
            results = json.loads(path.read_text(encoding="utf-8"))
            results["config"]["games_per_matchup"], results["matchups"][0]["deck1_id"]
        except (OSError, ValueError, KeyError, IndexError, TypeError):
            raise click.ClickException(f"{run} has no validation of essence-wars") from None
    shown = [sys.executable, "-m", "labctl", "runs", "show", run, "--json"]
    told = subprocess.run(shown, capture_output=True, text=True, check=False)
    name = json.loads(told.stdout)["run"]["name"] if told.returncode == 0 else "run"
    return name, results


def _chosen(matchups: list[Any], deal: int, matchup: str | None, games: int) -> tuple[Any, int]:
    """The matchup of a deal, and the deal's number within it."""
    if matchup is not None:
        wanted = set(matchup.split(":"))
        matchups = [m for m in matchups if {m["deck1_id"], m["deck2_id"]} == wanted]
        if not matchups:
            raise click.ClickException(
                f"{matchup!r} are no two decks that have met; as in argentum-wall:symbiote-rush"
            )
    if not 0 <= deal < len(matchups) * games:
        raise click.ClickException(f"there are deals 0 to {len(matchups) * games - 1}, and not {deal}")
    return matchups[deal // games], deal % games


@group.command()
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def cards(words: tuple[str, ...], as_json: bool) -> None:
    """Show cards: all, or those whose number, name, faction or text has all WORDS."""
    from labctl_essence_wars import _core

    def fits(number: str, card: dict[str, Any]) -> bool:
        text = f"{number} {card['name']} {card['faction']} {card['text']}".lower()
        return all(word.lower() in text for word in words)

    listed = json.loads(_core.describe())["cards"]
    found = {number: card for number, card in listed.items() if fits(number, card)}
    if as_json:
        click.echo(json.dumps({"schema_version": 1, "cards": found}))
        return
    for number, card in found.items():
        stats = f" {card['attack']}/{card['health']}" if card["type"] == "creature" else ""
        token = ", token" if card["token"] else ""
        kind = f"{card['faction']} {card['type']}{stats}{token}"
        click.echo(f"{number}  {card['name']}  ({card['cost']} essence, {kind})")
        if card["text"]:
            click.echo(f"      {card['text']}")


@group.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
def check(path: Path) -> None:
    """Check a folder of cards and decks (laid out as data/), or a file of weights."""
    from labctl_essence_wars import _core

    try:
        if path.is_dir():
            found = json.loads(_core.describe(str(path)))
            click.echo(f"{path} is right: {len(found['cards'])} cards, {len(found['decks'])} decks")
        else:
            _core.read_weights(str(path), path.read_text(encoding="utf-8"))
            click.echo(f"{path} is right: 28 weights")
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{path} cannot be read: {error}") from None
    except _core.BadContent as error:
        raise click.ClickException(str(error)) from None
