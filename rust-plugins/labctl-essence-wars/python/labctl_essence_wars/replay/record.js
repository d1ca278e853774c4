// The record: what stands in it, in words. Nothing here touches the page. Every string is cleaned and cut here.

const COSTLY = 0.1;
const ATTACK = 120, ATTACKS = 30, INSIGHT = 254, END = 255, TARGETS = 12;
const KEYWORDS = new Map(Object.entries({
  rush: "It may attack in the turn in which it is played.",
  ranged: "It reaches all enemy slots and is not hit back.",
  piercing: "Damage beyond what kills goes on to the enemy's face.",
  guard: "Attackers that reach it must attack it.",
  lifesteal: "Damage that it deals in a fight heals its player.",
  lethal: "It kills what it damages in a fight.",
  shield: "The first damage to it does nothing.",
  quick: "It hits first.",
  ephemeral: "It dies at the end of its player's turn.",
  regenerate: "It heals 2 at the start of its player's turn.",
  stealth: "Enemies cannot choose it until it attacks.",
  charge: "It has 2 more attack while it attacks.",
  frenzy: "It has 1 more attack after each of its attacks, for the turn.",
  volatile: "When it dies, 2 damage to each enemy creature.",
  fortify: "It takes 1 damage less, but at least 1.",
  ward: "The first effect that chooses it does nothing.",
}));

const UNFIT = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/gu;

/** A string of the record on one line, at most `most` characters. */
function clean(value, most = 60) {
  const text = String(value ?? "").slice(0, 4 * most).replace(UNFIT, "\ufffd").replace(/\s+/g, " ").trim();
  const letters = [...text];
  return letters.length <= most ? text : letters.slice(0, most - 1).join("").trimEnd() + "…";
}

const list = value => Array.isArray(value) ? value : [];
const whole = value => Number.isFinite(value) ? value : 0;
const signed = value => value < 0 ? `−${-value}` : `+${value}`;
const plain = value => value < 0 ? `−${-value}` : `${value}`;
const two = value => value.toFixed(2);
const count = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;
const capital = word => word.charAt(0).toUpperCase() + word.slice(1);

/** The record with what the page asks of it. */
function readRecord(raw) {
  const cards = new Map(Object.entries(raw.cards ?? {}));
  const known = new Map();
  const names = list(raw.decks).map(deck => clean(deck.name));
  if (names[0] === names[1]) names.forEach((name, i) => { names[i] = `${name} (${i + 1})`; });

  /** A card by its id, as it is printed. */
  function card(id) {
    if (!known.has(id)) {
      const found = cards.get(String(id)) ?? {};
      known.set(id, {
        name: clean(found.name) || `Card ${clean(id, 12)}`,
        kind: clean(found.type, 20),
        target: clean(found.target, 20),
        faction: clean(found.faction, 30),
        text: clean(found.text, 400),
        cost: whole(found.cost), attack: whole(found.attack), health: whole(found.health),
        token: found.token === true,
      });
    }
    return known.get(id);
  }

  const games = list(raw.games).map(game => readGame(game, names, card));
  const factions = list(raw.decks).map(deck => capital(clean(deck.faction, 30)));
  return { names, factions, games, card, turns: Math.max(1, ...games.map(game => game.turns)) };
}

function readGame(raw, names, card) {
  const first = raw.seat_of_first === 1 ? 1 : 0;
  const deckOf = seat => seat === first ? 0 : 1;
  const winner = raw.winner === 0 || raw.winner === 1 ? deckOf(raw.winner) : null;
  const steps = list(raw.steps).map((step, index) => readStep(step, index, deckOf, card));
  const game = {
    steps, winner, deckOf, seatOf: deck => deck === 0 ? first : 1 - first,
    turns: whole(raw.turns), margin: Math.abs(whole(raw.margin)), actions: whole(raw.actions),
    complete: whole(raw.actions) <= steps.length,
    reviewed: steps.some(step => step.review),
    costly: steps.filter(step => step.costly).map(step => step.index),
  };
  game.starts = steps.filter((step, i) => i === 0 || step.turn !== steps[i - 1].turn).map(step => step.index);
  game.outcome = winner === null ? `A draw on turn ${game.turns}`
    : `${names[winner]} won on turn ${game.turns} by ${game.margin} life`;
  return game;
}

function readStep(raw, index, deckOf, card) {
  const { state, action } = raw;
  const deck = deckOf(state.active);
  const thoughts = list(raw.thoughts).map(t => ({ action: t.action, visits: whole(t.visits), value: whole(t.value) }))
    .sort((a, b) => b.visits - a.visits || b.value - a.value);
  // With one legal action nobody searches, and the 0.5 that stands there is no estimate.
  const forced = thoughts.length === 1;
  const review = raw.review && Number.isFinite(raw.review.value) ? {
    value: raw.review.value, best: raw.review.best, cost: whole(raw.review.cost), known: raw.review.known === true,
  } : null;
  const given = new Map([[raw.review?.best, clean(raw.review?.says, 160)], [action, clean(raw.says, 160)]]);
  const says = number => actionWords(state, number, card) ?? (given.get(number) || `Action ${clean(number, 8)}`);
  return {
    index, state, action, deck, thoughts, forced, review, says,
    turn: whole(state.turn),
    words: says(action),
    costly: review !== null && !forced && review.known && review.cost >= COSTLY,
    estimate: review === null || forced ? null : deck === 0 ? review.value : 1 - review.value,
  };
}

/** Where an action begins and ends: `{kind, hand, slot, side, target}`; `side` is 0 for own, 1 for the enemy's. */
function actionParts(state, action, card) {
  const own = state.players[state.active], enemy = state.players[1 - state.active];
  if (action === END) return { kind: "end" };
  if (action === INSIGHT) return { kind: "insight" };
  if (action >= ATTACK && action < ATTACK + ATTACKS) {
    const slot = Math.floor((action - ATTACK) / 6), target = (action - ATTACK) % 6;
    if (!own.creatures[slot] || (target < 5 && !enemy.creatures[target])) return null;
    return target === 5 ? { kind: "attack", slot, side: 1, face: true } : { kind: "attack", slot, side: 1, target };
  }
  if (!(action >= 0 && action < ATTACK)) return null;
  const hand = Math.floor(action / TARGETS), target = action % TARGETS;
  const id = own.hand[hand];
  if (id === undefined) return null;
  const { kind, target: takes } = card(id);
  if (kind === "creature") return { kind: "play", hand, side: 0, target };
  if (kind !== "spell") return { kind: "play", hand };
  if (target >= 10) return { kind: "play", hand, side: target === 10 ? 1 : 0, face: true };
  if (takes === "none") return { kind: "play", hand };  // 0 is also the target of a spell without one
  const side = target < 5 ? 1 : 0, place = target % 5;
  if (!(side ? enemy : own).creatures[place]) return target === 0 ? { kind: "play", hand } : null;
  return { kind: "play", hand, side, target: place };
}

/** An action in words, by the numbers of the rules; null if it fits no such action. */
function actionWords(state, action, card) {
  const parts = actionParts(state, action, card);
  if (!parts) return null;
  const own = state.players[state.active], enemy = state.players[1 - state.active];
  const at = (player, slot) => `${card(player.creatures[slot].card).name} (${slot + 1})`;
  if (parts.kind === "end") return "End the turn";
  if (parts.kind === "insight") return "Insight: draw a card";
  if (parts.kind === "attack") {
    return `${at(own, parts.slot)} attacks ${parts.face ? "the enemy" : at(enemy, parts.target)}`;
  }
  const { name, kind } = card(own.hand[parts.hand]);
  if (kind === "creature") return `Play ${name} in slot ${parts.target + 1}`;
  if (parts.face) return `Play ${name} at ${parts.side ? "the enemy" : "yourself"}`;
  if (parts.target === undefined) return `Play ${name}`;
  return `Play ${name} at ${parts.side ? at(enemy, parts.target) : `own ${at(own, parts.target)}`}`;
}

/** What differs between two positions, as sentences. */
function changes(game, names, card, before, after) {
  const found = [];
  for (const deck of [before.active, 1 - before.active].map(game.deckOf)) {
    const seat = game.seatOf(deck), was = before.players[seat], is = after.players[seat];
    const rows = [];
    if (is.life !== was.life) rows.push(`life ${plain(was.life)} to ${plain(is.life)}`);
    for (let slot = 0; slot < 5; slot++) rows.push(...creatureChange(was.creatures[slot], is.creatures[slot], slot, card));
    for (let slot = 0; slot < 2; slot++) {
      const gone = was.supports[slot], now = is.supports[slot];
      if (gone && !now) rows.push(`${card(gone.card).name} ends`);
      if (now && (!gone || now.durability > gone.durability)) rows.push(`${card(now.card).name} begins`);
    }
    const drawn = was.deck - is.deck;
    if (drawn > 0) rows.push(`draws ${count(drawn, "card")}`);
    if (rows.length) found.push(`${names[deck]}: ${rows.join("; ")}.`);
  }
  return found;
}

function creatureChange(was, is, slot, card) {
  const at = creature => `${card(creature.card).name} (${slot + 1})`;
  const stats = creature => `${plain(creature.attack)}/${plain(creature.health)}`;
  if (!was && !is) return [];
  if (!was) return [`${at(is)} enters`];
  if (!is) return [`${at(was)} leaves`];
  if (was.card !== is.card) return [`${at(was)} gives way to ${card(is.card).name}`];
  const rows = [];
  if (stats(was) !== stats(is)) rows.push(`${at(is)} ${stats(was)} to ${stats(is)}`);
  const all = creature => new Set([...list(creature.own), ...list(creature.aura)]);
  const [had, has] = [all(was), all(is)];
  const lost = [...had].filter(word => !has.has(word)), won = [...has].filter(word => !had.has(word));
  if (lost.length) rows.push(`${at(is)} loses ${lost.map(word => capital(clean(word, 20))).join(", ")}`);
  if (won.length) rows.push(`${at(is)} gains ${won.map(word => capital(clean(word, 20))).join(", ")}`);
  if (is.silenced && !was.silenced) rows.push(`${at(is)} is silenced`);
  return rows;
}

/** Who was ahead, as one sentence made by rule from the estimates. */
function finding(game, names) {
  const seen = game.steps.filter(step => step.estimate !== null);
  if (!seen.length) return "No estimates";
  if (game.winner === null) {
    const crossings = seen.filter((step, i) => i && (step.estimate < 0.5) !== (seen[i - 1].estimate < 0.5)).length;
    return `A draw; the lead changed ${count(crossings, "time")}`;
  }
  const name = names[game.winner];
  const behind = seen.filter(step => (game.winner === 0 ? step.estimate : 1 - step.estimate) < 0.5).at(-1);
  if (!behind) return `${name} was ahead from the start`;
  const after = seen[seen.indexOf(behind) + 1];
  return after ? `${name} was ahead for good from turn ${after.turn}` : `${name} won from behind`;
}
