"""Cases of the rules as data: small cards, two decks, actions, and what has to be true then.

A case is a dictionary:

- `name`;
- `cards`, `commanders`: the content, in the schema of the TOML files;
- `orders`: the two decks of 30 as they lie after shuffling. Player 0 has the first five cards in hand in
  turn 1, player 1 the first seven in turn 2. They end with as many copies of a blank spell as are needed;
- `actions`: numbers of actions;
- `has`, `lacks` (may be missing): actions that are, and are not, legal then;
- `expect`: places in the state, as `p0.c3.health`, and their values. `p0` is a player, `c3` a creature
  slot, `s1` a support slot. `p0.c3` alone may have a card id: that card is there.
"""

from __future__ import annotations

from building import Case
from cases_attacks import ATTACKS
from cases_boards import AURAS, DEATHS
from cases_effects import EFFECTS
from cases_keywords import KEYWORDS, WARD
from cases_selects import SELECTS, TARGETS
from cases_triggers import TRIGGERS
from cases_turns import INSIGHTS, TURNS

CASES: list[Case] = [
    *TURNS,
    *ATTACKS,
    *KEYWORDS,
    *WARD,
    *EFFECTS,
    *SELECTS,
    *TARGETS,
    *TRIGGERS,
    *DEATHS,
    *AURAS,
    *INSIGHTS,
]
