// The board: both sides, and the hint that explains what the pointer or the focus is on.

function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") element.className = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

const hints = new WeakMap();

/** A button whose only act is to explain itself; `key` finds it again after the next choice. */
function explained(text, title, lines, cls, key) {
  const button = el("button", { type: "button", class: cls, "data-key": key, "aria-label": [text, ...lines].join(". ") });
  button.append(text);
  hints.set(button, { title, lines });
  return button;
}

/** One box for all hints, which stays inside the window and may be pointed at. */
function makeHint() {
  const box = el("div", { class: "hint", id: "hint", "aria-hidden": "true", hidden: true });
  let timer = 0, source = null;
  const hide = () => { box.hidden = true; };
  const later = () => { clearTimeout(timer); timer = setTimeout(hide, 160); };
  function put() {
    if (box.hidden) return;
    const place = source.getBoundingClientRect(), { width, height } = box.getBoundingClientRect();
    if (place.bottom < 0 || place.top > innerHeight || !source.isConnected) return void hide();
    const above = place.bottom + height + 8 > innerHeight && place.top > height + 8;
    box.style.left = `${Math.max(8, Math.min(place.left, document.documentElement.clientWidth - width - 8))}px`;
    box.style.top = `${above ? place.top - height - 4 : place.bottom + 4}px`;
  }
  function show(target) {
    const found = target instanceof Element ? target.closest("button") : null;
    const hint = found && hints.get(found);
    if (!hint) return;
    clearTimeout(timer);
    source = found;
    box.replaceChildren(el("b", {}, hint.title), ...hint.lines.map(line => el("p", {}, line)));
    box.hidden = false;
    put();
  }
  for (const on of ["pointerover", "focusin", "click"]) document.addEventListener(on, event => show(event.target));
  for (const on of ["pointerout", "focusout"]) document.addEventListener(on, later);
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", later);
  addEventListener("scroll", put, { passive: true });
  return { box, hide };
}

function cardLines(card) {
  const stats = card.kind === "creature" ? `, ${card.attack}/${card.health}` : "";
  const kind = `${capital(card.kind)}${card.token ? " (token)" : ""} of ${card.faction}, costs ${card.cost}${stats}`;
  return card.text ? [kind, card.text] : [kind];
}

/** What a step does to whom: `{hand, own, target: {deck, slot, face}}`, to mark it on the board. */
function marks(game, step, card) {
  const parts = actionParts(step.state, step.action, card);
  if (!parts || parts.kind === "end" || parts.kind === "insight") return null;
  const target = parts.side === undefined ? null
    : { deck: parts.side ? 1 - step.deck : step.deck, slot: parts.target, face: parts.face === true };
  return { deck: step.deck, hand: parts.hand, slot: parts.kind === "attack" ? parts.slot : undefined, target };
}

function drawBoard(record, game, step) {
  const before = game.steps[step.index - 1];
  const mark = marks(game, step, record.card);
  const side = deck => drawSide(record, game, step, deck, mark, before && before.state.players[game.seatOf(deck)]);
  return [side(1), drawLane(step, mark), side(0)];
}

function drawSide(record, game, step, deck, mark, before) {
  const seat = game.seatOf(deck), player = step.state.players[seat], active = step.state.active === seat;
  const name = record.names[deck];
  const acts = mark && mark.deck === deck ? mark : null;
  const target = mark && mark.target && mark.target.deck === deck ? mark.target : null;
  const heading = el("h3", {}, name, el("span", {}, `${record.factions[deck]}, moves ${seat === 0 ? "first" : "second"}`),
    active && el("b", {}, "to choose"));
  const row = el("ol", { class: "row", "aria-label": `Creatures of ${name}` });
  for (let slot = 0; slot < 5; slot++) {
    const flags = { source: acts && acts.slot === slot, target: target && target.slot === slot };
    row.append(drawSlot(record, player, slot, active, flags, `${deck}.${slot}`));
  }
  return el("section", { class: `side ${deck ? "above" : "below"}`, "aria-label": name },
    heading, drawNumbers(player, active, before, target && target.face),
    drawHand(record, player, name, active, acts ? acts.hand : undefined, deck), drawSupports(record, player, deck), row);
}

function drawNumbers(player, active, before, hit) {
  const shift = before ? player.life - before.life : 0;
  const life = el("dd", { class: hit ? "life hit" : "life" }, el("strong", {}, plain(whole(player.life))), " of 30");
  if (shift) life.append(el("b", { class: shift < 0 ? "less" : "more" }, ` ${signed(shift)}`));
  const rows = [["Life", life],
    ["Essence", el("dd", {}, el("strong", {}, String(whole(player.essence))), ` of ${whole(player.max_essence)}`)],
    ["Action points", el("dd", {}, el("strong", {}, active ? String(whole(player.ap)) : "–"), active ? " of 3" : "")],
    ["Deck", el("dd", {}, el("strong", {}, String(whole(player.deck))), player.deck === 1 ? " card" : " cards")]];
  const found = el("dl", { class: "numbers" }, ...rows.map(([term, value]) => el("div", {}, el("dt", {}, term), " ", value)));
  if (player.insight) found.append(el("div", {}, el("dt", {}, "Insight"), " ", el("dd", {}, "used")));
  return found;
}

function drawHand(record, player, name, active, played, deck) {
  const cards = list(player.hand).map((id, place) => {
    const card = record.card(id);
    const can = active && player.ap > 0 && card.cost <= player.essence;
    const cls = `chip${can ? " can" : ""}${place === played ? " source" : ""}`;
    const stats = card.kind === "creature" ? ` ${card.attack}/${card.health}` : "";
    const chip = explained("", card.name, [...cardLines(card), can ? "There is essence for it" : ""].filter(Boolean), cls, `${deck}h${place}`);
    chip.append(el("b", {}, String(card.cost)), ` ${card.name}${stats}`);
    chip.setAttribute("aria-label", [`${card.cost} ${card.name}${stats}`, ...cardLines(card)].join(". "));
    return el("li", {}, chip);
  });
  const empty = cards.length ? [] : [el("li", { class: "none" }, "empty")];
  return el("div", { class: "line" }, el("span", {}, `Hand ${cards.length}`),
    el("ul", { "aria-label": `Hand of ${name}` }, ...cards, ...empty));
}

function drawSupports(record, player, deck) {
  const cards = list(player.supports).map((support, place) => {
    if (!support) return null;
    const card = record.card(support.card), turns = count(whole(support.durability), "turn");
    const text = `${card.name}, ${turns} left`;
    return el("li", {}, explained(text, card.name, [...cardLines(card), `${turns} left`], "chip can", `${deck}s${place}`));
  }).filter(Boolean);
  if (!cards.length) cards.push(el("li", { class: "none" }, "none"));
  return el("div", { class: "line" }, el("span", {}, "Supports"), el("ul", {}, ...cards));
}

function drawSlot(record, player, slot, active, flags, key) {
  const creature = list(player.creatures)[slot];
  const cls = `slot${flags.source ? " source" : ""}${flags.target ? " target" : ""}`;
  const number = el("span", { class: "number" }, el("span", { class: "vh" }, "slot "), String(slot + 1));
  if (!creature) return el("li", { class: `${cls} free` }, el("span", { class: "none" }, "free"), number);
  const card = record.card(creature.card);
  const { attack, health, max_health: most } = creature;
  const own = list(creature.own).map(word => [clean(word, 20), false]);
  const borrowed = list(creature.aura).filter(word => !list(creature.own).includes(word)).map(word => [clean(word, 20), true]);
  const badges = [...own, ...borrowed].map(([word, aura]) => {
    const lines = [KEYWORDS.get(word) ?? "A keyword that this page does not know.", aura ? "It comes from an aura." : ""];
    return explained(capital(word), capital(word), lines.filter(Boolean), aura ? "badge aura" : "badge", `${key}.${word}`);
  });
  const states = stateWords(creature, own.concat(borrowed).some(([word]) => word === "rush"), active);
  const ready = states.some(([word]) => word === "ready");
  const printed = `Printed ${card.attack}/${card.health}; now ${plain(attack)}/${plain(health)} of ${plain(most)}`;
  return el("li", { class: `${cls} taken${ready ? " ready" : ""}` },
    explained(card.name, card.name, [...cardLines(card), printed], "name", `${key}.name`),
    el("span", { class: "stats" }, plain(attack), el("i", {}, " / "), plain(health), health < most && el("i", {}, ` of ${plain(most)}`)),
    badges.length > 0 && el("span", { class: "badges" }, ...badges),
    el("span", { class: "states" }, ...states.map(([word, why]) => explained(word, capital(word), [why], "state", `${key}.${word}`))),
    number);
}

function stateWords(creature, rush, active) {
  const found = [];
  const sick = creature.sick && !rush;
  if (active && !creature.exhausted && !sick && creature.attack > 0) found.push(["ready", "It may attack now."]);
  if (creature.exhausted) found.push(["exhausted", "It has attacked, and is ready again at its player's next turn."]);
  if (creature.sick) {
    found.push(["sick", rush ? "It entered in this turn; with Rush it may attack all the same." : "It entered in this turn and may not attack before its player's next."]);
  }
  if (creature.silenced) found.push(["silenced", "It has lost its keywords, and what its text says does not happen."]);
  if (creature.frenzy > 0) found.push([`+${creature.frenzy} frenzy`, "More attack for the rest of the turn, by Frenzy."]);
  return found;
}

/** Between both rows: the action in words, and an arrow from slot to slot. */
function drawLane(step, mark) {
  const lane = el("div", { class: "lane" }), words = el("p", {}, el("span", {}, step.words));
  const from = mark && mark.slot !== undefined ? mark.slot : null;
  if (from !== null && mark.target) {
    const up = mark.deck === 0;
    const to = mark.target.face ? from : mark.target.slot;
    const x = slot => 100 + 200 * slot;
    const [start, end] = up ? [40, 6] : [4, 38];
    const drawing = svg("svg", { viewBox: "0 0 1000 44", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("line", { x1: x(from), y1: start, x2: x(to), y2: end, class: "way" }));
    const head = svg("svg", { viewBox: "-8 -10 16 20", class: `head at${to}${up ? " up" : " down"}`, "aria-hidden": "true" },
      svg("path", { d: up ? "M-7 4L0 -8L7 4z" : "M-7 -4L0 8L7 -4z" }));
    lane.append(drawing, head);
    beside(words, Math.min(from, to), Math.max(from, to));
  }
  lane.append(words);
  return lane;
}

/** Keeps the words clear of an arrow that covers the slots `low` to `high`, if one side has room for them. */
function beside(words, low, high) {
  const before = 20 * low + 8, after = 20 * (4 - high) + 8;
  if (Math.max(before, after) < 45) return;
  words.classList.add(before > after ? "before" : "after");
  words.style.width = `${Math.max(before, after)}%`;
}
