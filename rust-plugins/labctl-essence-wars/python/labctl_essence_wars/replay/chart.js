// The estimate through a game, drawn in pixels of the place that it gets, so that text keeps its size.

const SVG = "http://www.w3.org/2000/svg";

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const MARGIN = { left: 34, right: 8, top: 22, bottom: 24 };
const EDGE = 8; // half of the slider's handle, so that both axes agree
const at = points => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

/** The chart of `game`. Returns `{element, mark(index), choice(clientX)}`. */
function drawChart(game, names, width, height) {
  const last = Math.max(1, game.steps.length);
  const left = MARGIN.left + EDGE, right = width - MARGIN.right - EDGE;
  const x = index => left + (right - left) * index / Math.max(1, last - 1);
  const y = value => MARGIN.top + (height - MARGIN.top - MARGIN.bottom) * (1 - value);
  const seen = game.steps.filter(step => step.estimate !== null);
  const element = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-labelledby": "chart-title chart-text",
  });
  element.append(
    svg("title", { id: "chart-title" }, `Estimate that ${names[0]} wins`),
    svg("desc", { id: "chart-text" }, chartText(game, names, seen)),
  );
  bands(element, game, x, y, left, right);
  for (const [value, label] of [[0, "0"], [0.5, "0.5"], [1, "1"]]) {
    element.append(
      svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value), class: value === 0.5 ? "half" : "axis" }),
      svg("text", { x: MARGIN.left - 6, y: y(value) + 4, class: "t2 end" }, label),
    );
  }
  element.append(svg("path", { d: at(seen.map(step => [x(step.index), y(step.estimate)])), class: "line" }));
  const cursor = svg("line", { y1: MARGIN.top - 4, y2: y(0), class: "cursor" });
  const dot = svg("circle", { r: 4, class: "dot" });
  const label = svg("text", { y: 13, class: "cursor-text" });
  const slips = game.costly.map(index => costlyMark(x(index), y(game.steps[index].estimate)));
  element.append(cursor, dot, ...slips, label);
  return {
    element,
    mark(index) {
      const step = game.steps[index], place = x(index);
      cursor.setAttribute("x1", place);
      cursor.setAttribute("x2", place);
      label.textContent = `Choice ${index + 1}: ${step.estimate === null ? "no estimate" : two(step.estimate)}`;
      dot.setAttribute("visibility", step.estimate === null ? "hidden" : "visible");
      if (step.estimate !== null) {
        dot.setAttribute("cx", place);
        dot.setAttribute("cy", y(step.estimate));
      }
      const half = label.getComputedTextLength() / 2 + 2;
      label.setAttribute("x", Math.min(Math.max(place, half), width - half));
    },
    choice(clientX) {
      const box = element.getBoundingClientRect();
      const inside = (clientX - box.left) * width / (box.width || 1);
      return Math.round((inside - left) / (right - left) * (last - 1));
    },
  };
}

/** Grounds of the second deck's turns, and the turns' numbers where there is room. */
function bands(element, game, x, y, left, right) {
  const half = game.steps.length > 1 ? (x(1) - x(0)) / 2 : 0;
  let free = -Infinity;
  element.append(svg("text", { x: MARGIN.left - 6, y: y(0) + 18, class: "t2 end" }, "turn"));
  game.starts.forEach((start, i) => {
    const end = game.starts[i + 1] ?? game.steps.length;
    const from = Math.max(left - EDGE, x(start) - half), to = Math.min(right + EDGE, x(end) - half);
    if (game.steps[start].deck === 1) {
      element.append(svg("rect", { x: from, width: Math.max(0, to - from), y: y(1), height: y(0) - y(1), class: "band" }));
    }
    const middle = (from + to) / 2;
    if (middle - free < 24) return;
    free = middle;
    element.append(svg("text", { x: middle, y: y(0) + 18, class: "t2 middle" }, String(game.steps[start].turn)));
  });
}

function costlyMark(x, y) {
  return svg("path", { d: `M${x - 5} ${y - 4.5}h10l-5 9z`, class: "costly-mark" });
}

function chartText(game, names, seen) {
  if (!seen.length) return "No estimates.";
  const low = seen.reduce((a, b) => b.estimate < a.estimate ? b : a);
  const high = seen.reduce((a, b) => b.estimate > a.estimate ? b : a);
  return `For ${names[0]}: ${two(seen[0].estimate)} at choice ${seen[0].index + 1}, lowest ${two(low.estimate)} at choice ` +
    `${low.index + 1}, highest ${two(high.estimate)} at choice ${high.index + 1}, ${two(seen.at(-1).estimate)} at the end. ` +
    `${count(game.costly.length, "costly choice")}. ${game.outcome}.`;
}

/** The estimate by turns, on an axis that both games share. */
function drawSpark(game, names, turns, width) {
  const height = 64, top = 6, foot = 16;
  const y = value => top + (height - top - foot) * (1 - value);
  const turnEnd = new Map(game.starts.map((start, i) => [game.steps[start].turn, game.starts[i + 1] ?? game.steps.length]));
  const turnStart = new Map(game.starts.map(start => [game.steps[start].turn, start]));
  const x = step => {
    const start = turnStart.get(step.turn), share = (step.index - start) / Math.max(1, turnEnd.get(step.turn) - start);
    return 24 + (width - 30) * (step.turn - 1 + share) / turns;
  };
  const seen = game.steps.filter(step => step.estimate !== null);
  const element = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label":
    `Estimate that ${names[0]} wins, by turn. ${chartText(game, names, seen)}` });
  element.append(
    svg("line", { x1: 24, x2: width - 6, y1: y(0), y2: y(0), class: "axis" }),
    svg("line", { x1: 24, x2: width - 6, y1: y(0.5), y2: y(0.5), class: "half" }),
    svg("text", { x: 19, y: y(1) + 6, class: "t2 end" }, "1"),
    svg("text", { x: 19, y: y(0) + 3, class: "t2 end" }, "0"),
    svg("text", { x: 24, y: height - 2, class: "t2" }, "turn 1"),
    svg("text", { x: width - 6, y: height - 2, class: "t2 end" }, String(turns)),
    svg("path", { d: at(seen.map(step => [x(step), y(step.estimate)])), class: "line" }),
  );
  const end = game.steps.at(-1);
  if (end) {
    const result = game.winner === null ? 0.5 : 1 - game.winner;
    element.append(svg("circle", { cx: x(end), cy: y(result), r: 3, class: "dot" }));
  }
  return element;
}
