// The page: which game and which choice are shown, and everything around the board.

const record = readRecord(JSON.parse(document.getElementById("record").textContent));
const view = document.getElementById("view");
const hint = makeHint();
const shown = { game: 0, step: 0, chart: null };
const parts = {};
const MOST_THOUGHTS = 12; // a record keeps no more of a choice
const game = () => record.games[shown.game];
const step = () => game().steps[shown.step];

/** The frame that every game fills: made once. */
function build() {
  const button = (id, text, act, label) => {
    parts[id] = el("button", { type: "button", id, "aria-label": label }, text);
    parts[id].addEventListener("click", act);
    return parts[id];
  };
  const place = (id, name = "div", attributes = {}, ...children) => {
    parts[id] = el(name, { id, ...attributes }, ...children);
    return parts[id];
  };
  place("slider", "input", { type: "range", min: 0, step: 1, "aria-label": "Choice" });
  parts.slider.addEventListener("input", () => go(Number(parts.slider.value)));
  place("letters", "input", { type: "checkbox" });
  parts.letters.checked = true;
  const controls = el("div", { class: "controls", role: "group", "aria-label": "Step through the game" },
    button("first", "First", () => go(0), "First choice"),
    button("back-turn", "Turn back", () => go(turnStart(-1)), "Back by a turn"),
    button("back", "Back", () => go(shown.step - 1), "Back by a choice"),
    place("where", "span"),
    button("next", "Next", () => go(shown.step + 1), "Next choice"),
    button("next-turn", "Turn on", () => go(turnStart(1)), "Next turn"),
    button("last", "Last", () => go(Infinity), "Last choice"),
    button("costly", "Next costly", () => goCostly(1), "Next costly choice"),
    el("span", { class: "keys" }, el("kbd", {}, "←"), " ", el("kbd", {}, "→"), " choice, with ", el("kbd", {}, "Shift"), " turn, ",
      el("kbd", {}, "c"), " costly ", el("label", {}, parts.letters, " letter key on")));
  place("rows", "div", { tabindex: 0, role: "region", "aria-label": "All choices" });
  const left = el("div", { class: "left" }, place("board"), place("then", "p"), boardKey());
  const right = el("div", { class: "right" }, place("why", "section", { "aria-label": "Why this choice" }),
    el("section", { class: "all" }, place("all-title", "h2"), parts.rows));
  view.replaceChildren(
    el("section", { class: "curve" }, place("curve-title", "h2"), place("curve-text", "p"), place("plot"), parts.slider, controls),
    el("div", { class: "work" }, left, right, place("slips", "section")),
    place("live", "div", { class: "vh", "aria-live": "polite" }), hint.box);
  parts.plot.addEventListener("click", event => { if (shown.chart) go(shown.chart.choice(event.clientX)); });
  parts.rows.addEventListener("keydown", event => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    go(shown.step + by);
    parts.rows.querySelector("[aria-current]")?.focus({ preventScroll: true });
  });
  new ResizeObserver(drawCurve).observe(parts.plot);
}

function boardKey() {
  const sample = (cls, text) => el("span", {}, el("i", { class: `sample ${cls}` }), text);
  return el("p", { class: "key" }, sample("ready", "ready to attack"), sample("source", "acts"), sample("target", "is acted on"),
    el("span", {}, el("b", { class: "bad" }, "▽"), " costly choice"),
    el("span", {}, "Attack / health. A creature reaches the slots opposite and beside. Point at a name or a word to read what it does."));
}

/** Show a game from its choice `index`. */
function open(number, index) {
  shown.game = number;
  shown.step = 0; // the other game may be shorter
  const rows = [...document.querySelectorAll("#games > .game")];
  rows.forEach((row, i) => {
    const on = i === number;
    row.classList.toggle("on", on);
    const link = row.querySelector("a");
    if (on) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    row.querySelector(".now").textContent = on ? "shown below" : "";
  });
  const now = game();
  parts.slider.max = Math.max(0, now.steps.length - 1);
  parts["curve-title"].textContent = now.reviewed ? finding(now, record.names) : now.outcome;
  parts["curve-text"].textContent = now.reviewed
    ? `Reviewer's estimate that ${record.names[0]} wins, before each of ${count(now.steps.length, "choice")}; not a ` +
      `calibrated probability. Shaded: turns of ${record.names[1]}.`
    : "No reviewer looked at this game: there are no estimates and no costly choices.";
  drawList();
  drawSlips();
  drawCurve();
  go(index, false);
}

function go(index, announce = true) {
  const now = game();
  if (!now.steps.length) return void nothing();
  shown.step = Math.max(0, Math.min(now.steps.length - 1, Number.isNaN(index) ? 0 : index));
  const focused = document.activeElement?.getAttribute("data-key");
  const { words, turn, deck } = step();
  parts.board.replaceChildren(...drawBoard(record, now, step()));
  if (focused) [...parts.board.querySelectorAll("[data-key]")].find(e => e.getAttribute("data-key") === focused)?.focus({ preventScroll: true });
  else hint.hide();
  parts.slider.value = shown.step;
  parts.slider.setAttribute("aria-valuetext", `Choice ${shown.step + 1}, turn ${turn}`);
  parts.where.replaceChildren(el("b", {}, `Choice ${shown.step + 1} of ${now.steps.length}`), `, turn ${turn}`);
  shown.chart?.mark(shown.step);
  drawThen();
  drawWhy();
  markList();
  const atStart = shown.step === 0, atEnd = shown.step === now.steps.length - 1;
  const off = { first: atStart, back: atStart, "back-turn": atStart, next: atEnd, last: atEnd, "next-turn": atEnd || turnStart(1) === shown.step, costly: !now.costly.length };
  for (const [id, value] of Object.entries(off)) parts[id].setAttribute("aria-disabled", String(value));
  if (announce) parts.live.textContent = `Choice ${shown.step + 1}, turn ${turn}, ${record.names[deck]}: ${words}`;
  remember();
}

/** A game of which no choice was recorded. */
function nothing() {
  for (const id of ["board", "why", "then", "where"]) parts[id].replaceChildren();
  parts.where.textContent = "No choices";
  remember();
}

/** The first choice of this turn, or of the one before if it is shown already; or of the next. */
function turnStart(by) {
  const { starts } = game();
  if (by > 0) return starts.find(start => start > shown.step) ?? shown.step;
  return starts.findLast(start => start < shown.step) ?? 0;
}

function goCostly(by) {
  const { costly } = game();
  if (!costly.length) return;
  const found = by > 0 ? costly.find(i => i > shown.step) ?? costly[0] : costly.findLast(i => i < shown.step) ?? costly.at(-1);
  go(found);
}

function drawCurve() {
  const width = Math.round(parts.plot.clientWidth);
  if (!game().reviewed || !width) {
    shown.chart = null;
    parts.plot.replaceChildren();
    return;
  }
  if (shown.chart && shown.chart.game === game() && shown.chart.width === width) return;
  shown.chart = Object.assign(drawChart(game(), record.names, width, 148), { game: game(), width });
  parts.plot.replaceChildren(shown.chart.element);
  if (game().steps.length) shown.chart.mark(shown.step);
}

function drawThen() {
  const now = game(), after = now.steps[shown.step + 1];
  const found = after ? changes(now, record.names, record.card, step().state, after.state)
    : [now.complete ? `The game ends. ${now.outcome}.` : `The record ends here, after ${now.steps.length} of ${now.actions} choices. ${now.outcome}.`];
  if (!found.length) found.push("Nothing on the board changes.");
  parts.then.replaceChildren(el("b", {}, "What follows: "), found.join(" "));
}

function drawWhy() {
  const { deck, words, thoughts, forced, review, says, action } = step();
  const found = [el("h2", {}, `${record.names[deck]} chooses: ${words}`)];
  const visits = thoughts.reduce((sum, t) => sum + t.visits, 0);
  if (forced) found.push(el("p", {}, "The only legal action: nothing was searched."));
  else if (!thoughts.length) found.push(el("p", {}, "This player does not search, so there are no thoughts to show."));
  else {
    found.push(el("p", {}, closeness(thoughts, visits)), thoughtTable(thoughts, action, review, says));
  }
  if (review && !forced) found.push(...verdict(step(), record.names[deck]));
  parts.why.replaceChildren(...found);
}

function closeness(thoughts, visits) {
  const [first, second] = thoughts;
  const close = second.visits >= 0.8 * first.visits ? " A close call." : "";
  const what = thoughts.length < MOST_THOUGHTS ? count(thoughts.length, "action") : `The ${thoughts.length} most visited actions`;
  return `${what} at the root of its search, ${count(visits, "visit")}: ${first.visits} for the first, ${second.visits} for the next.${close}`;
}

function thoughtTable(thoughts, action, review, says) {
  const most = Math.max(1, ...thoughts.map(t => t.visits));
  const rows = thoughts.map(t => {
    const bar = el("i", { class: "bar" });
    bar.style.width = `${100 * t.visits / most}%`;
    const chosen = t.action === action, best = review && review.best === t.action;
    const tag = [chosen && el("b", { class: "chosen" }, "chosen "), best && el("b", { class: "best" }, chosen ? "and reviewer's best " : "reviewer's best ")];
    return el("tr", { class: chosen ? "on" : null }, el("th", { scope: "row" }, ...tag.filter(Boolean), says(t.action)),
      el("td", { class: "visits" }, String(t.visits), bar), el("td", { class: "n" }, two(t.value)));
  });
  const head = ["Action", "Visits", "Value"].map((text, i) => el("th", { scope: "col", class: i ? "n" : null }, text));
  return el("table", { class: "thoughts" }, el("caption", { class: "vh" }, "Actions that the player weighed"),
    el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows));
}

/** What the reviewer says of a choice, for who made it. */
function verdict({ review, costly, action, says, thoughts }, name) {
  const found = [el("p", { class: "small" }, `Value: for ${name}, by its own search. The reviewer's estimate: ${two(review.value)}.`)];
  const best = says(review.best);
  if (review.best === action) found.push(el("p", { class: "verdict" }, el("b", {}, "The reviewer chooses the same.")));
  else if (!review.known) {
    found.push(el("p", { class: "verdict" }, el("b", {}, "Cost not known. "), `The reviewer hardly looked at this action. It prefers: ${best}.`));
  } else {
    found.push(el("p", { class: costly ? "verdict costly" : "verdict" }, el("b", {}, `${costly ? "Costly" : "Costs"}: ${lost(review.cost)}. `), `The reviewer prefers: ${best}.`));
  }
  if (thoughts.length && !thoughts.some(t => t.action === review.best)) found.push(el("p", { class: "small" }, "The player's search did not keep that action among its most visited."));
  return found;
}

const lost = cost => cost < 0.005 ? "less than 0.01" : `−${two(cost)}`;

function drawList() {
  const now = game();
  parts["all-title"].textContent = now.reviewed ? `All ${now.steps.length} choices, and the estimate for ${record.names[0]}` : `All ${now.steps.length} choices`;
  const groups = now.starts.map((start, i) => {
    const items = now.steps.slice(start, now.starts[i + 1]).map(each => {
      const note = each.costly ? el("span", { class: "bad" }, ` ▽ costly ${lost(each.review.cost)}`) : null;
      const value = each.estimate === null ? "" : two(each.estimate);
      const row = el("button", { type: "button", tabindex: -1, "data-step": each.index }, el("span", { class: "k" }, String(each.index + 1)),
        el("span", { class: "words" }, each.words, ...(note ? [note] : [])), el("span", { class: "v" }, value));
      row.addEventListener("click", () => go(each.index));
      return el("li", {}, row);
    });
    return el("section", {}, el("h3", {}, `Turn ${now.steps[start].turn}, ${record.names[now.steps[start].deck]}`), el("ol", {}, ...items));
  });
  parts.rows.replaceChildren(...groups);
}

function markList() {
  const before = parts.rows.querySelector("[aria-current]");
  before?.removeAttribute("aria-current");
  before?.setAttribute("tabindex", "-1");
  const row = parts.rows.querySelector(`[data-step="${shown.step}"]`);
  row.setAttribute("aria-current", "step");
  row.setAttribute("tabindex", "0");
  const frame = parts.rows.getBoundingClientRect(), place = row.getBoundingClientRect();
  if (place.top < frame.top + 30 || place.bottom > frame.bottom - 8) {
    parts.rows.scrollTop += place.top - frame.top - frame.height / 2;
  }
}

function drawSlips() {
  const now = game();
  parts.slips.hidden = !now.costly.length;
  const rows = now.costly.map(index => {
    const { turn, deck, words, says, review } = now.steps[index];
    const link = el("a", { href: `#g=${shown.game}&s=${index}` }, `Choice ${index + 1}`);
    return el("tr", {}, el("th", { scope: "row" }, link, el("span", {}, `turn ${turn}, ${record.names[deck]}`)),
      el("td", {}, words, el("span", {}, `rather: ${says(review.best)}`)), el("td", { class: "n" }, lost(review.cost)));
  });
  const head = ["Choice", "Played, and what the reviewer prefers", "Estimate"].map((text, i) => el("th", { scope: "col", class: i === 2 ? "n" : null }, text));
  parts.slips.replaceChildren(el("h2", {}, "Costly choices"),
    el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)),
    el("p", { class: "small" }, "For who chose, against the reviewer's best action, if it is 0.10 or more. The reviewer is a search of the same family as the players and shares its blind spots: evidence of a slip, not proof."));
}

/** The address keeps what is shown. Written late, since browsers limit how often it may be. */
let writing = 0;
function remember() {
  clearTimeout(writing);
  writing = setTimeout(write, 150);
}

function write() {
  clearTimeout(writing);
  const hash = `#g=${shown.game}&s=${shown.step}`;
  try { if (location.hash !== hash) history.replaceState(null, "", hash); } catch { /* some frames may not */ }
}

/** The place that an address names, as `[game, step]`; null if it names none. */
function placeOf(hash) {
  const found = /^#g=(\d{1,3})&s=(\d{1,6})$/.exec(hash);
  return found && record.games[Number(found[1])] ? [Number(found[1]), Number(found[2])] : null;
}

function follow() {
  const place = placeOf(location.hash);
  if (!place) return; // a link within the page
  clearTimeout(writing);
  open(...place);
}

/** Links to a place are followed at once; what is shown before is written first, so that Back finds it. */
function followLink(event) {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  const place = link && placeOf(link.getAttribute("href"));
  if (!place || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  write();
  try { history.pushState(null, "", link.getAttribute("href")); } catch { /* some frames may not */ }
  open(...place);
}

function press(event) {
  if (event.key === "Escape") return hint.hide();
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
  const slider = event.target === parts.slider;
  const moves = { ArrowLeft: () => event.shiftKey ? turnStart(-1) : shown.step - 1, ArrowRight: () => event.shiftKey ? turnStart(1) : shown.step + 1, Home: () => 0, End: () => Infinity };
  if (Object.hasOwn(moves, event.key) && !(slider && !event.shiftKey)) {
    event.preventDefault();
    go(moves[event.key]());
  } else if (event.key.toLowerCase() === "c" && parts.letters.checked && event.target !== parts.letters) {
    goCostly(event.shiftKey ? -1 : 1);
  }
}

function start() {
  if (!record.games.some(each => each.steps.length)) {
    view.replaceChildren(el("p", {}, "The record holds no choices."));
    return;
  }
  document.querySelectorAll("#games > .game").forEach((row, i) => {
    const place = row.querySelector(".spark"), each = record.games[i];
    const draw = () => place.replaceChildren(drawSpark(each, record.names, record.turns, Math.max(100, place.clientWidth)));
    if (each.reviewed) new ResizeObserver(draw).observe(place);
  });
  build();
  document.addEventListener("keydown", press);
  document.addEventListener("click", followLink);
  addEventListener("hashchange", follow);
  addEventListener("popstate", follow);
  open(...placeOf(location.hash) ?? [0, 0]);
}

start();
