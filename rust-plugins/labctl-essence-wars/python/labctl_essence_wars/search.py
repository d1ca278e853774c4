"""The list of configurations that ``--configs`` names: tag, mode, args, description. Light."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from labctl_essence_wars.parameters import Options

TAG = re.compile(r"[A-Za-z0-9][\w.-]{0,60}", re.ASCII)
LARGEST = 1 << 20  # bytes of the file
MODES = ("generalist", "faction-specialist", "specialist")
FIELDS = ("tag", "mode", "args", "description")


class Configuration(NamedTuple):
    """One training. ``config`` is what the engine's tuner takes, without a seed."""

    tag: str
    description: str
    config: dict[str, Any]
    seed: int | None = None


def base(options: Options) -> dict[str, Any]:
    """What all trainings of a run share."""
    return {
        "mode": "generalist",
        "generations": options.generations,
        "games": options.games,
        "population": options.population,
        "mcts_sims": options.mcts_sims,
        "rollout": options.rollout,
        "sigma": options.sigma,
        "min_sigma": 0.001,
    }


def standard(name: str, options: Options) -> Configuration:
    """The training of one of the four configurations."""
    if name == "generalist":
        return Configuration(name, "every deck against every deck", base(options))
    config = {**base(options), "mode": "faction-specialist", "faction": name}
    return Configuration(name, f"the decks of {name} against those of the others", config)


def read_configs(path: str, options: Options) -> tuple[Configuration, ...]:
    """The configurations of a file. Raises ValueError that names the file, the entry and the field."""
    import yaml

    name = Path(path).name
    try:
        text = Path(path).read_bytes()
        if len(text) > LARGEST:
            raise ValueError(f"{name} is larger than {LARGEST} bytes")
        found = yaml.safe_load(text)
    except (OSError, yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{name} cannot be read: {' '.join(str(error).split())[:300]}") from None
    if isinstance(found, Mapping) and list(found) == ["configs"]:
        found = found["configs"]
    if not isinstance(found, list) or not found:
        raise ValueError(f"{name} is no list of configurations with tag, mode, args and description")
    made: list[Configuration] = []
    for number, entry in enumerate(found, start=1):
        one = _entry(f"{name}, configuration {number}", entry, options)
        if any(one.tag == other.tag for other in made):
            raise ValueError(f"{name}, configuration {number}: tag {one.tag!r} is there twice")
        made.append(one)
    return tuple(made)


def _entry(where: str, entry: Any, options: Options) -> Configuration:
    if not isinstance(entry, Mapping):
        raise ValueError(f"{where} has to have tag, mode, args and description")
    unknown = [str(key) for key in entry if key not in FIELDS]
    if unknown:
        raise ValueError(f"{where}: {unknown[0]!r:.60} is none of {', '.join(FIELDS)}")
    tag, mode = entry.get("tag"), entry.get("mode", "generalist")
    if not isinstance(tag, str) or not TAG.fullmatch(tag):
        raise ValueError(f"{where}: tag {tag!r:.60} has to be letters, digits, - _ . and at most 61 of them")
    if mode not in MODES:
        raise ValueError(f"{where}: mode {mode!r:.60} is none of {', '.join(MODES)}")
    arguments = entry.get("args", [])
    if isinstance(arguments, str):
        arguments = shlex.split(arguments)
    if not isinstance(arguments, list):
        raise ValueError(f"{where}: args is neither a list nor a text")
    given = _arguments(where, [str(word) for word in arguments])
    seed = given.pop("seed", None)
    config = {**base(options), **given, "mode": mode}
    if config["games"] % 2 or config["games"] < 6:
        raise ValueError(f"{where}: games has to be even and at least 6: each deal is played twice")
    return Configuration(tag, str(entry.get("description", ""))[:300], config, seed)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _arguments(where: str, words: list[str]) -> dict[str, Any]:
    """Flags of the program ``tune`` as its configuration."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    for flag, kind in (
        ("--generations", int), ("--games", int), ("--population", int), ("--mcts-sims", int),
        ("--sigma", float), ("--min-sigma", float), ("--target-win-rate", float), ("--faction", str),
        ("--deck", str), ("--opponent", str), ("--rollout", str), ("--seed", int),
    ):  # fmt: skip
        short = {"--generations": ["-g"], "--population": ["-p"], "--seed": ["-s"]}.get(flag, [])
        parser.add_argument(flag, *short, type=kind, default=None)
    try:
        found = vars(parser.parse_args(words))
    except ValueError as error:
        raise ValueError(f"{where}: args: {error}") from None
    return {name: value for name, value in found.items() if value is not None}
