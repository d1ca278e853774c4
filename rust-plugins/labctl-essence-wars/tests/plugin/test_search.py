"""The file of configurations: what it may say, and what is said of one that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl_essence_wars.parameters import Options
from labctl_essence_wars.search import read_configs

GOOD = """
- tag: quick
  mode: generalist
  args: [--generations, "50", --games, "50", --mcts-sims, "50"]
  description: a short one
- tag: stone
  mode: faction-specialist
  args: --faction argentum -g 100 -s 5
- tag: duel
  mode: specialist
  args: --deck argentum-wall --opponent symbiote-rush
"""


def read(folder: Path, text: str) -> tuple[object, ...]:
    path = folder / "configs.yaml"
    path.write_text(text, encoding="utf-8")
    return read_configs(str(path), Options())


def test_a_list_of_trainings(tmp_path: Path) -> None:
    quick, stone, duel = read_configs(_written(tmp_path, GOOD), Options(sigma=0.2))
    assert (quick.tag, quick.description, quick.seed) == ("quick", "a short one", None)
    assert (quick.config["generations"], quick.config["games"], quick.config["mcts_sims"]) == (50, 50, 50)
    assert quick.config["sigma"] == 0.2, "what args leave out is as the run's options say"
    assert (stone.config["faction"], stone.config["generations"], stone.seed) == ("argentum", 100, 5)
    assert (duel.config["deck"], duel.config["opponent"]) == ("argentum-wall", "symbiote-rush")


def _written(folder: Path, text: str) -> str:
    (folder / "configs.yaml").write_text(text, encoding="utf-8")
    return str(folder / "configs.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no list of configurations"),
        ("tag: x", "is no list of configurations"),
        ("- 5", "configuration 1 has to have tag, mode"),
        ("- tag: x\n  colour: red", "configuration 1: 'colour' is none of tag, mode, args, description"),
        ("- tag: ../x", "tag '../x' has to be letters"),
        ("- mode: generalist", "tag None has to be letters"),
        ("- tag: x\n  mode: wild", "mode 'wild' is none of"),
        ("- tag: x\n- tag: x", "configuration 2: tag 'x' is there twice"),
        ("- tag: x\n  args: --explode", "args: unrecognized arguments: --explode"),
        ("- tag: x\n  args: --games many", "args: argument --games: invalid int value: 'many'"),
        ("- tag: x\n  args: --games 13", "games has to be even"),
        ("- tag: x\n  args: {a: 1}", "args is neither a list nor a text"),
        ("- tag: [", "cannot be read"),
        ("- !!python/object/apply:os.system [echo]", "cannot be read"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"configs\.yaml") as error:
        read(tmp_path, text)
    assert says in str(error.value)
