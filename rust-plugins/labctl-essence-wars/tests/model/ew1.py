"""EW-1, the rules of Essence Wars, once more: slow, plain, and written from the rules page alone.

The engine is compared with this model action by action. So it shares nothing with it, keeps cards as the
dictionaries that TOML gives, and takes every sentence of the page by its word.
"""

from __future__ import annotations

import tomllib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Card = dict[str, Any]
Effect = dict[str, Any]

KEYWORDS = [
    "rush", "ranged", "piercing", "guard", "lifesteal", "lethal", "shield", "quick",
    "ephemeral", "regenerate", "stealth", "charge", "frenzy", "volatile", "fortify", "ward",
]  # fmt: skip
LIFE, HAND, ESSENCE, TURNS, SLOTS, SUPPORTS = 30, 10, 10, 30, 5, 2
WAITING, EFFECTS = 128, 256
INSIGHT, END = 254, 255
CHOOSE_ONE = {"target", "opposite", "weakest_enemy", "strongest_enemy"}
VOLATILE = [{"do": "damage", "select": "enemy_creatures", "amount": 2}]


@dataclass
class Content:
    """Cards and commanders by id, decks by name, all as they stand in the files."""

    cards: dict[int, Card]
    commanders: dict[int, Card]
    decks: dict[str, Card] = field(default_factory=dict)


def load(folder: Path) -> Content:
    """Content of a data folder. Nothing is checked."""

    def read(path: Path) -> dict[str, Any]:
        return tomllib.loads(path.read_text(encoding="utf-8"))

    cards = {}
    for path in sorted((folder / "cards").glob("*.toml")):
        sheet = read(path)
        cards.update({card["id"]: {**card, "faction": sheet["faction"]} for card in sheet["cards"]})
    commanders = {one["id"]: one for one in read(folder / "commanders.toml")["commanders"]}
    decks = {path.stem: read(path) for path in sorted((folder / "decks").glob("*.toml"))}
    return Content(cards, commanders, decks)


@dataclass(eq=False)
class Creature:
    """A creature. A reference to it is lost when `gone` is true."""

    card: Card
    owner: int
    slot: int
    attack: int = 0
    health: int = 0
    max_health: int = 0
    own: set[str] = field(default_factory=set)
    exhausted: bool = False
    sick: bool = True
    silenced: bool = False
    refreshed: bool = False
    frenzy: int = 0
    gone: bool = False
    died: bool = False


@dataclass(eq=False)
class Support:
    card: Card
    durability: int


@dataclass(eq=False)
class Player:
    commander: Card
    deck: list[int]
    life: int = LIFE
    max_essence: int = 0
    essence: int = 0
    ap: int = 0
    hand: list[int] = field(default_factory=list)
    insight: bool = False
    creatures: list[Creature | None] = field(default_factory=lambda: [None] * SLOTS)
    supports: list[Support | None] = field(default_factory=lambda: [None] * SUPPORTS)

    def present(self) -> list[Creature]:
        return [c for c in self.creatures if c is not None]


Thing = Creature | int  # a creature, or the face of player 0 or 1


@dataclass(eq=False)
class Entry:
    """What waits in the queue. `slot` is None for spells, supports and commanders."""

    owner: int
    effects: list[Effect]
    slot: int | None = None
    source: Creature | None = None
    target: Thing | None = None
    subject: Creature | None = None
    chosen: bool = False  # a spell whose target the player chose
    then_if_dead: list[Effect] = field(default_factory=list)


def clamp(value: int) -> int:
    return max(-99, min(99, value))


class Model:
    """A game. `orders` are the two decks as they lie after shuffling, the next card first."""

    def __init__(
        self,
        content: Content,
        commanders: tuple[int, int],
        orders: tuple[list[int], list[int]],
        second_seat_bonus: int = 2,
    ) -> None:
        self.content = content
        self.players = [
            Player(content.commanders[c], list(o)) for c, o in zip(commanders, orders, strict=True)
        ]
        self.turn = 0
        self.active = 0
        self.over = False
        self.winner: int | None = None
        self.queue: deque[Entry] = deque()
        self.effects_left = EFFECTS
        for player, count in ((0, 4), (1, 4 + second_seat_bonus)):
            for _ in range(count):
                self.draw(player)
        self.start_turn()

    # What a player may do

    def legal(self) -> list[int]:
        """All legal actions, ascending, one for every place of the hand."""
        if self.over:
            return []
        me = self.players[self.active]
        actions = []
        for place, number in enumerate(me.hand):
            card = self.content.cards[number]
            if me.ap >= 1 and me.essence >= card["cost"]:
                actions += [place * 12 + target for target in self.play_targets(card)]
        for c in me.present():
            actions += [120 + c.slot * 6 + target for target in self.attack_targets(c)]
        if self.insight_is_legal():
            actions.append(INSIGHT)
        return [*actions, END]

    def play_targets(self, card: Card) -> list[int]:
        me, foe = self.players[self.active], self.players[1 - self.active]
        if card["type"] == "creature":
            return [slot for slot in range(SLOTS) if me.creatures[slot] is None]
        if card["type"] == "support":
            return [0] if None in me.supports else []
        kind = card.get("target", "none")
        if kind == "none":
            return [0]
        theirs = kind in ("enemy_creature", "any_creature", "enemy", "any")
        mine = kind in ("own_creature", "any_creature", "any")
        seen = [c for c in foe.present() if not self.has(c, "stealth")]
        targets = [c.slot for c in seen if theirs and self.matches(c, card)]
        targets += [5 + c.slot for c in me.present() if mine and self.matches(c, card)]
        if kind in ("enemy", "enemy_face", "any"):
            targets.append(10)
        if kind in ("own_face", "any"):
            targets.append(11)
        return targets

    def attack_targets(self, c: Creature) -> list[int]:
        if c.exhausted or (c.sick and not self.has(c, "rush")) or c.attack <= 0:
            return []
        foe = self.players[1 - c.owner]
        visible = [
            enemy
            for enemy in foe.present()
            if (self.has(c, "ranged") or abs(enemy.slot - c.slot) <= 1) and not self.has(enemy, "stealth")
        ]
        guards = [enemy.slot for enemy in visible if self.has(enemy, "guard")]
        if guards:
            return guards
        return [enemy.slot for enemy in visible] + ([5] if foe.creatures[c.slot] is None else [])

    def insight_is_legal(self) -> bool:
        me, foe = self.players[self.active], self.players[1 - self.active]
        behind = len(me.present()) < len(foe.present()) or me.life < foe.life
        return self.turn >= 10 and me.essence >= 4 and len(me.hand) <= 1 and not me.insight and behind

    def apply(self, action: int) -> None:
        """Does an action. Raises ValueError, and changes nothing, if it is not legal."""
        if action not in self.legal():
            raise ValueError(f"action {action} is not legal")
        self.effects_left = EFFECTS
        me = self.players[self.active]
        if action == END:
            self.end_turn()
        elif action == INSIGHT:
            me.essence -= 4
            me.insight = True
            self.draw(self.active)
        elif action >= 120:
            self.fight(*divmod(action - 120, 6))
        else:
            self.play(*divmod(action, 12))

    # Turns

    def start_turn(self) -> None:
        me = self.players[self.active]
        self.turn += 1
        if self.turn > TURNS:
            lives = [player.life for player in self.players]
            self.finish(None if lives[0] == lives[1] else int(lives[1] > lives[0]))
            return
        me.max_essence = min(ESSENCE, me.max_essence + 1)
        me.essence = me.max_essence
        self.draw(self.active)
        me.ap = 3
        me.insight = False
        for c in me.present():
            c.exhausted = c.sick = c.refreshed = False
            if self.has(c, "regenerate"):
                self.heal(c, 2)
        self.queue_turn("turn_start")

    def queue_turn(self, trigger: str) -> None:
        me = self.players[self.active]
        for c in me.present():
            self.queue_creature(c, trigger)
        for support in me.supports:
            if support is not None:
                self.queue_support(self.active, support, trigger)
        self.queue_commander(self.active, trigger)
        self.resolve()

    def end_turn(self) -> None:
        me = self.players[self.active]
        self.queue_turn("turn_end")
        if self.over:
            return
        for c in me.present():
            if self.has(c, "ephemeral"):
                c.health = min(c.health, 0)
        self.deaths()
        self.resolve()
        if self.over:
            return
        for slot, support in enumerate(me.supports):
            if support is not None:
                support.durability -= 1
                if support.durability <= 0:
                    me.supports[slot] = None
                    self.aura_ends(me, support.card.get("aura", {}))
        for c in me.present():
            c.frenzy = 0
        self.active = 1 - self.active
        self.start_turn()

    def draw(self, player: int) -> None:
        p = self.players[player]
        if p.deck:
            number = p.deck.pop(0)
            if len(p.hand) < HAND:
                p.hand.append(number)

    def finish(self, winner: int | None) -> None:
        self.over = True
        self.winner = winner
        self.queue.clear()

    # Playing cards

    def play(self, place: int, target: int) -> None:
        me = self.players[self.active]
        card = self.content.cards[me.hand.pop(place)]
        me.ap -= 1
        me.essence -= card["cost"]
        if card["type"] == "creature":
            new = self.enter(self.active, target, card)
            self.queue_creature(new, "play")
            for c in me.present():
                if c is not new:
                    self.queue_creature(c, "ally_played", new)
            self.queue_commander(self.active, "creature_played", new)
        elif card["type"] == "support":
            support = Support(card, card["durability"])
            me.supports[me.supports.index(None)] = support
            self.aura_begins(me, card.get("aura", {}))
            self.queue_support(self.active, support, "play")
        else:
            chosen = card.get("target", "none") != "none"
            self.put(
                Entry(
                    self.active,
                    card["effects"],
                    target=self.thing(target) if chosen else None,
                    chosen=chosen,
                    then_if_dead=card.get("then_if_dead", []),
                )
            )
        self.resolve()

    def thing(self, target: int) -> Thing | None:
        if target >= 10:
            return 1 - self.active if target == 10 else self.active
        player = 1 - self.active if target < 5 else self.active
        return self.players[player].creatures[target % 5]

    def enter(self, player: int, slot: int, card: Card) -> Creature:
        c = Creature(card, player, slot)
        self.become(c, card, card["attack"], card["health"])
        c.own = set(card.get("keywords", []))
        self.players[player].creatures[slot] = c
        return c

    def become(self, c: Creature, card: Card, attack: int, health: int) -> None:
        """Gives it a card, and these values as if they were printed, with the auras on it."""
        c.card = card
        c.attack = clamp(attack + sum(aura.get("attack", 0) for aura in self.auras(c)))
        c.health = c.max_health = clamp(health + sum(aura.get("health", 0) for aura in self.auras(c)))

    def summon(self, player: int, card: Card) -> None:
        board = self.players[player].creatures
        if None in board:
            self.enter(player, board.index(None), card)

    # Keywords and auras

    def auras(self, c: Creature) -> list[dict[str, Any]]:
        """The auras on a creature: of its player's supports, then of its commander."""
        p = self.players[c.owner]
        found = [support.card["aura"] for support in p.supports if support and "aura" in support.card]
        aura = p.commander.get("aura")
        if aura and aura.get("if_printed", None) in (None, *c.card.get("keywords", [])):
            found.append(aura)
        return found

    def has(self, c: Creature, keyword: str) -> bool:
        return keyword in c.own or any(aura.get("keyword") == keyword for aura in self.auras(c))

    def aura_begins(self, p: Player, aura: dict[str, Any]) -> None:
        for c in p.present():
            self.buff(c, aura.get("attack", 0), aura.get("health", 0))

    def aura_ends(self, p: Player, aura: dict[str, Any]) -> None:
        for c in p.present():
            c.attack = clamp(c.attack - aura.get("attack", 0))
            c.max_health = clamp(c.max_health - aura.get("health", 0))
            c.health = max(1, min(c.health, c.max_health))

    def matches(self, c: Creature, holder: dict[str, Any]) -> bool:
        """Whether a creature passes the filter of a card or an effect."""
        want = holder.get("filter", {})
        return not (
            ("max_health" in want and c.health > want["max_health"])
            or ("min_health" in want and c.health < want["min_health"])
            or ("has" in want and not self.has(c, want["has"]))
            or ("lacks" in want and self.has(c, want["lacks"]))
        )

    # Fighting

    def fight(self, slot: int, target: int) -> None:
        owner = self.active
        me, foe = self.players[owner], self.players[1 - owner]
        attacker = me.creatures[slot]
        defender = foe.creatures[target] if target < SLOTS else None
        assert attacker is not None
        self.queue_commander(owner, "attack", attacker)
        self.queue_creature(attacker, "attack", defender)
        self.resolve()
        if self.over or attacker.gone:
            return
        attacker.exhausted = True
        attacker.own.discard("stealth")
        if defender is not None and defender.gone:
            return
        a = max(0, attacker.attack) + (2 if self.has(attacker, "charge") else 0) + attacker.frenzy
        if self.has(attacker, "frenzy"):
            attacker.frenzy += 1
        if defender is None:
            foe.life -= a
            if self.has(attacker, "lifesteal"):
                self.heal(owner, a)
            if a > 0:
                self.queue_creature(attacker, "deal_damage")
        else:
            self.exchange(attacker, defender, a)
        self.after_change()
        self.resolve()

    def exchange(self, attacker: Creature, defender: Creature, a: int) -> None:
        ranged = self.has(attacker, "ranged")
        quick = self.has(attacker, "quick"), self.has(defender, "quick")
        d = 0 if ranged else max(0, defender.attack)
        attacker_hit = a > 0
        if quick == (True, False):
            self.hit(attacker, defender, a, True)
            if defender.health > 0:
                self.hit(defender, attacker, d, False)
        elif quick == (False, True) and not ranged:
            self.hit(defender, attacker, d, False)
            attacker_hit = attacker_hit and attacker.health > 0
            if attacker.health > 0:
                self.hit(attacker, defender, a, True)
        else:
            self.hit(attacker, defender, a, True)
            self.hit(defender, attacker, d, False)
        if attacker_hit and defender.health <= 0 and attacker.health > 0:
            self.queue_creature(attacker, "kill")
            self.queue_commander(attacker.owner, "kill", attacker)

    def hit(self, hitter: Creature, target: Creature, n: int, attacks: bool) -> None:
        if n <= 0:
            return
        before = target.health
        dealt = self.damage(target, n, hitter)
        if self.has(hitter, "lifesteal") and min(dealt, before) > 0:
            self.heal(hitter.owner, min(dealt, before))
        if attacks and self.has(hitter, "piercing") and target.health <= 0:
            self.players[target.owner].life -= max(0, n - before)
        if dealt > 0:
            self.queue_creature(hitter, "deal_damage", target)

    def damage(self, c: Creature, n: int, hitter: Creature | None = None) -> int:
        """Damages a creature, and says how much it took."""
        if n <= 0:
            return 0
        if self.has(c, "shield"):
            c.own.discard("shield")
            return 0
        if self.has(c, "fortify"):
            n = max(1, n - 1)
        c.health = clamp(c.health - n)
        self.queue_creature(c, "take_damage", hitter)
        if hitter is not None and self.has(hitter, "lethal"):
            c.health = min(c.health, 0)
        return n

    def heal(self, thing: Thing, n: int) -> None:
        if isinstance(thing, Creature):
            thing.health = max(thing.health, min(thing.max_health, thing.health + n))
        else:
            self.players[thing].life = min(LIFE, self.players[thing].life + n)

    def buff(self, c: Creature, attack: int, health: int) -> None:
        c.attack = clamp(c.attack + attack)
        c.max_health = clamp(c.max_health + health)
        c.health = clamp(c.health + health)

    # Life and death

    def after_change(self) -> None:
        """Life is tested, deaths are handled. When the game is over nothing changes any more."""
        dead = [player.life <= 0 for player in self.players]
        if dead == [True, True]:
            self.finish(None)
        elif True in dead:
            self.finish(dead.index(False))
        else:
            self.deaths()

    def deaths(self) -> None:
        for player in (self.active, 1 - self.active):
            mine, other = self.players[player], self.players[1 - player]
            for c in mine.present():
                if c.health > 0:
                    continue
                volatile = self.has(c, "volatile")
                mine.creatures[c.slot] = None
                c.gone = c.died = True
                self.queue_creature(c, "death")
                if volatile:
                    self.put(Entry(player, VOLATILE, c.slot, c))
                for ally in mine.present():
                    self.queue_creature(ally, "ally_death")
                for enemy in other.present():
                    self.queue_creature(enemy, "enemy_death")
                self.queue_commander(player, "ally_death")
                self.queue_commander(player, "any_death")
                self.queue_commander(1 - player, "enemy_death")
                self.queue_commander(1 - player, "any_death")

    # The queue

    def put(self, entry: Entry) -> None:
        if len(self.queue) < WAITING:
            self.queue.append(entry)

    def queue_creature(self, c: Creature, trigger: str, subject: Creature | None = None) -> None:
        if not c.silenced:
            for effects in groups(c.card.get("triggers", []), trigger):
                self.put(Entry(c.owner, effects, c.slot, c, subject=subject))

    def queue_support(self, player: int, support: Support, trigger: str) -> None:
        for effects in groups(support.card.get("triggers", []), trigger):
            self.put(Entry(player, effects))

    def queue_commander(self, player: int, trigger: str, subject: Creature | None = None) -> None:
        commander = self.players[player].commander
        for effects in groups([commander["trigger"]] if "trigger" in commander else [], trigger):
            self.put(Entry(player, effects, subject=subject))

    def resolve(self) -> None:
        while self.queue:
            self.run(self.queue.popleft())

    def run(self, entry: Entry) -> None:
        target = entry.target
        if entry.chosen and isinstance(target, Creature) and self.has(target, "ward"):
            target.own.discard("ward")
            return
        if not all(self.execute(entry, effect) for effect in entry.effects):
            return
        if isinstance(target, Creature) and target.died:
            all(self.execute(entry, effect) for effect in entry.then_if_dead)

    # Effects

    def execute(self, entry: Entry, effect: Effect) -> bool:
        """Executes an effect. False: the rest of its group is left out."""
        if self.effects_left == 0:
            self.queue.clear()
            return False
        self.effects_left -= 1
        selected = self.select(entry, effect) if "select" in effect else []
        if effect.get("select") in CHOOSE_ONE and not entry.chosen:
            for c in selected:
                if isinstance(c, Creature) and self.has(c, "ward"):
                    c.own.discard("ward")
                    return False
        me = self.players[entry.owner]
        match effect["do"]:
            case "draw":
                for _ in range(effect["amount"]):
                    self.draw(entry.owner)
            case "gain_essence":
                me.essence = min(ESSENCE, me.essence + effect["amount"])
            case "summon":
                self.summon(entry.owner, self.content.cards[effect["card"]])
            case _:
                for thing in selected:
                    if isinstance(thing, Creature):
                        self.change(entry.owner, thing, effect)
                    elif effect["do"] == "damage":
                        self.players[thing].life -= effect["amount"]
                    elif effect["do"] == "heal":
                        self.heal(thing, effect["amount"])
        self.after_change()
        return not self.over

    def change(self, owner: int, c: Creature, effect: Effect) -> None:
        match effect["do"]:
            case "damage":
                self.damage(c, effect["amount"])
            case "heal":
                self.heal(c, effect["amount"])
            case "buff":
                self.buff(c, effect.get("attack", 0), effect.get("health", 0))
            case "set_stats":
                self.become(c, c.card, effect["attack"], effect["health"])
            case "destroy":
                c.health = min(c.health, 0)
            case "copy":
                self.summon(owner, c.card)
            case "transform":
                card = self.content.cards[effect["card"]]
                self.become(c, card, card["attack"], card["health"])
                c.own = set(card.get("keywords", []))
                c.silenced = False
                c.frenzy = 0
            case "grant":
                c.own.add(effect["keyword"])
            case "remove":
                c.own.discard(effect["keyword"])
            case "silence":
                c.own.clear()
                c.silenced = True
            case "refresh":
                if not c.refreshed:
                    c.exhausted = False
                    c.refreshed = True
            case "bounce":
                p = self.players[c.owner]
                p.creatures[c.slot] = None
                c.gone = True
                if not c.card.get("token", False) and len(p.hand) < HAND:
                    p.hand.append(c.card["id"])
            case other:
                raise AssertionError(f"no effect {other}")

    def select(self, entry: Entry, effect: Effect) -> list[Thing]:
        me, foe = self.players[entry.owner], self.players[1 - entry.owner]
        seen = [c for c in foe.present() if not self.has(c, "stealth") and self.matches(c, effect)]
        found: list[Thing | None]
        match effect["select"]:
            case "target":
                found = [entry.target]
            case "self":
                found = [entry.source]
            case "subject":
                found = [entry.subject]
            case "own_creatures":
                found = [*me.present()]
            case "other_own_creatures":
                found = [c for c in me.present() if c is not entry.source]
            case "enemy_creatures":
                found = [*foe.present()]
            case "all_creatures":
                found = [*me.present(), *foe.present()]
            case "neighbours":
                slot = entry.slot
                found = [c for c in me.present() if slot is not None and abs(c.slot - slot) == 1]
            case "opposite":
                found = [c for c in seen if c.slot == entry.slot]
            case "weakest_enemy":
                found = [min(seen, key=lambda c: (c.health, c.slot))] if seen else []
            case "strongest_enemy":
                found = [min(seen, key=lambda c: (-c.attack, c.slot))] if seen else []
            case "own_face":
                found = [entry.owner]
            case "enemy_face":
                found = [1 - entry.owner]
            case other:
                raise AssertionError(f"no selection {other}")
        return [x for x in found if isinstance(x, int) or (x and not x.gone and self.matches(x, effect))]

    # What is seen from outside

    def state(self) -> dict[str, Any]:
        """The whole position, in the shape in which the engine gives it too."""
        return {
            "turn": self.turn,
            "active": self.active,
            "over": self.over,
            "winner": self.winner,
            "players": [self.player_state(p) for p in self.players],
        }

    def player_state(self, p: Player) -> dict[str, Any]:
        supports = [s and {"card": s.card["id"], "durability": s.durability} for s in p.supports]
        return {
            "life": p.life,
            "max_essence": p.max_essence,
            "essence": p.essence,
            "ap": p.ap,
            "deck": len(p.deck),
            "hand": list(p.hand),
            "insight": p.insight,
            "creatures": [c and self.creature_state(c) for c in p.creatures],
            "supports": supports,
        }

    def creature_state(self, c: Creature) -> dict[str, Any]:
        from_auras = {aura.get("keyword") for aura in self.auras(c)}
        return {
            "card": c.card["id"],
            "attack": c.attack,
            "health": c.health,
            "max_health": c.max_health,
            "own": [keyword for keyword in KEYWORDS if keyword in c.own],
            "aura": [keyword for keyword in KEYWORDS if keyword in from_auras],
            "exhausted": c.exhausted,
            "sick": c.sick,
            "silenced": c.silenced,
            "refreshed": c.refreshed,
            "frenzy": c.frenzy,
        }


def groups(triggers: list[dict[str, Any]], name: str) -> Iterator[list[Effect]]:
    for trigger in triggers:
        if trigger["on"] == name:
            yield trigger["effects"]
