/**
 * A trace as a sequence diagram: messages between life lines, and what each node becomes.
 *
 * Law: steps in, an SVG element out; text is only ever set as text. The table has the route of
 * each message. Life lines that nobody uses are left out.
 */

const SVG = "http://www.w3.org/2000/svg";
const LIFE = 190;
const MARGIN = 96;
const LETTER = 7.1;
const LINE = 16;
const NOTE = 176;

const svg = (tag, attributes = {}, ...children) => {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

/** The messages and notes of a trace, from top to bottom. */
function* messagesOf(machine, steps, nodes) {
  const { events, columns } = machine.table;
  const both = (text, role) => ({ over: nodes, lines: [text], role });
  const breaks = judged(machine, steps);
  for (const [i, { item, before, after, decision, failed }] of steps.entries()) {
    if (item.verb === "start" || item.verb === "given") {
      yield both(storyLines(machine, [{ item }])[0], "plain");
    } else if (decision) {
      const {
        name,
        route: [source, targets],
        kind,
      } = events[item.event];
      const dashed = decision.outcome !== "done";
      const text = dashed ? `${name} (${decision.outcome})` : name;
      for (const target of targets) yield { source, target, text, kind, dashed };
      for (const [action, , from, to] of decision.rule?.actions ?? []) {
        yield { source: from, target: to, text: action.replaceAll("_", " "), kind: "action" };
      }
    }
    yield* becomes(machine, item.verb === "start" ? null : before, after, nodes);
    if (failed) yield both(failed, "broken");
    for (const one of breaks[i]) yield both(`breaks ${one.id}: ${one.says}`, "broken");
  }
}

/** Notes of what changed; of everything where nothing was before. */
function* becomes(machine, before, after, nodes) {
  const { columns, cards } = machine.table;
  const changed = (i) => !before || before[i] !== after[i];
  const value = (i) => columns[i].titles?.[after[i]] ?? columns[i].domain[after[i]];
  const left = new Set(columns.slice(0, machine.stored).keys());
  for (const { node, state, reason } of cards) {
    if (state === null) continue;
    for (const i of [state, reason]) left.delete(i);
    if (!changed(state) && (reason === null || !changed(reason))) continue;
    const lines = [value(state)];
    if (reason !== null && value(reason) !== lines[0]) lines.push(value(reason));
    yield { over: [node], lines, role: columns[state].roles?.[after[state]] ?? "plain" };
  }
  const rest = [...left].filter((i) => before && changed(i));
  if (rest.length) {
    yield {
      over: nodes,
      role: "plain",
      lines: [rest.map((i) => `${columns[i].name} ${value(i)}`).join(", ")],
    };
  }
}

/** @returns {SVGElement} the trace, drawn. */
function drawSequence(machine, steps) {
  const cards = machine.table.cards.map((card) => card.node);
  const nodes = cards.length ? cards : ["machine"];
  const items = [...messagesOf(machine, steps, nodes)];
  const used = new Set([...nodes, ...items.flatMap((i) => i.over ?? [i.source, i.target])]);
  const lives = Object.entries(machine.table.lives).filter(([name]) => used.has(name));
  return drawItems(lives, items, "tip", `Sequence diagram of ${steps.length} steps; the list says the same`);
}

/**
 * @param lives names and headings of life lines, from left to right.
 * @param items messages, notes and spans, from top to bottom.
 * @param tip the id of the tip of an arrow, which the page has once.
 * @returns {SVGElement} the items, drawn.
 */
function drawItems(lives, items, tip, label) {
  const x = new Map(lives.map(([name], i) => [name, MARGIN + i * LIFE]));
  const width = 2 * MARGIN + (lives.length - 1) * LIFE;
  const drawn = [];
  const behind = [];
  const open = new Map();
  const sent = new Map();
  const shade = (key, end) => {
    const [role, node] = key.split(" ");
    const [left, right] = [Math.min(...x.values()), Math.max(...x.values())];
    const half = (left + right) / 2;
    const [from, to] =
      role !== "cut" ? [left - 8, right + 8] : x.get(node) === left ? [left, half] : [half, right];
    const [y, height] = [open.get(key), end - open.get(key)];
    behind.push(svg("rect", { x: from, y, width: to - from, height, class: `shade ${role}` }));
    open.delete(key);
  };
  let y = 56;
  for (const item of items) {
    if (item.span) {
      const over = item.span === "cut" ? item.over : item.span === "twice" ? ["both"] : [];
      for (const key of over.map((node) => `${item.span} ${node}`)) {
        if (!item.ends && !open.has(key)) open.set(key, y);
        else if (item.ends && open.has(key)) shade(key, y + 12);
      }
    }
    const [shape, height] = item.span
      ? drawSpan(item, x, y)
      : item.over
        ? drawNote(item, x, y)
        : item.part
          ? drawPart(item, x, y, sent, tip)
          : drawMessage(item, x, y, width, tip);
    drawn.push(shape);
    y += height;
  }
  for (const key of [...open.keys()]) shade(key, y + 8);
  const heads = lives.map(([name, label]) =>
    svg(
      "g",
      {},
      svg("line", { x1: x.get(name), x2: x.get(name), y1: 40, y2: y + 8, class: "life" }),
      svg("rect", { x: x.get(name) - 60, y: 10, width: 120, height: 30, rx: 6, class: "head" }),
      svg("text", { x: x.get(name), y: 30, class: "label" }, label),
    ),
  );
  const picture = svg(
    "svg",
    {
      viewBox: `0 0 ${width} ${y + 16}`,
      width,
      height: y + 16,
      role: "img",
      "aria-label": label,
    },
    svg(
      "defs",
      {},
      svg(
        "marker",
        {
          id: tip,
          class: "tip",
          viewBox: "0 0 8 8",
          refX: 8,
          refY: 4,
          markerWidth: 8,
          markerHeight: 8,
          orient: "auto",
        },
        svg("path", { d: "M0 0L8 4L0 8z" }),
      ),
    ),
    ...behind,
    ...heads,
    ...drawn,
  );
  return picture;
}

/** What begins or ends: its words in the middle; an interval of silence is a dotted line. */
function drawSpan({ text, span }, x, y) {
  const [left, right] = [Math.min(...x.values()), Math.max(...x.values())];
  const middle = { x: (left + right) / 2, y: y + 16, "text-anchor": "middle" };
  return [
    svg(
      "g",
      { class: "span" },
      span === "silence" ? svg("line", { x1: left, x2: right, y1: y + 12, y2: y + 12 }) : "",
      svg("text", middle, text),
    ),
    28,
  ];
}

/** A message under way: its words where it sets out; its arrow, or its cross, where it ends. */
function drawPart({ source, target, text, kind, flight, part }, x, y, sent, tip) {
  const [from, to] = [x.get(source), x.get(target)];
  const way = Math.sign(to - from);
  const words = (at, after) =>
    svg("text", { x: at, y: y + 15, "text-anchor": way * after > 0 ? "start" : "end" }, text);
  const shapes = [];
  if (part === "sent" || !flight) {
    sent.set(flight, y + 20);
    shapes.push(svg("circle", { cx: from, cy: y + 20, r: 4, class: "departs" }), words(from + way * 12, 1));
  }
  if (part !== "sent") {
    const end = part === "lost" ? (from + 2 * to) / 3 : to;
    const at = flight ? y + 20 : y + 36;
    shapes.push(
      svg("path", {
        d: `M${from} ${sent.get(flight)}L${end} ${at}`,
        ...(part === "lost" ? {} : { "marker-end": `url(#${tip})` }),
      }),
      part === "lost"
        ? svg("path", { class: "cross", d: `M${end - 5} ${at - 5}l10 10m0 -10l-10 10` })
        : "",
      flight ? words(end - way * 14, -1) : "",
    );
  }
  return [svg("g", { class: `message ${kind} ${part}` }, ...shapes), flight ? 32 : 46];
}

function drawMessage({ source, target, text, kind, dashed }, x, y, width, tip) {
  const [from, to] = [x.get(source), x.get(target)];
  const way = source === target ? `M${from} ${y + 6}h26v14h-25` : `M${from} ${y + 20}H${to}`;
  const right = source === target ? from + 32 : (from + to) / 2;
  const anchor = source === target ? "start" : "middle";
  const flip = source === target && right + text.length * LETTER > width;
  return [
    svg(
      "g",
      { class: `message ${kind}${dashed ? " dashed" : ""}` },
      svg("path", { d: way, "marker-end": `url(#${tip})` }),
      svg(
        "text",
        { x: flip ? from - 8 : right, y: y + 15, "text-anchor": flip ? "end" : anchor },
        text,
      ),
    ),
    32,
  ];
}

function drawNote({ over, lines, role }, x, y) {
  const ends = over.map((name) => x.get(name));
  const [left, right] = [Math.min(...ends) - NOTE / 2, Math.max(...ends) + NOTE / 2];
  const room = Math.floor((right - left - 12) / LETTER);
  const told = lines.flatMap((line) => folded(line, room));
  const height = told.length * LINE + 10;
  return [
    svg(
      "g",
      { class: "note" },
      svg("rect", { x: left, y: y + 2, width: right - left, height, rx: 4, class: `role-${role}` }),
      ...told.map((line, i) =>
        svg(
          "text",
          {
            x: (left + right) / 2,
            y: y + 17 + i * LINE,
            "text-anchor": "middle",
          },
          line,
        ),
      ),
    ),
    height + 8,
  ];
}

/** A text as lines of at most so many characters. */
function folded(text, room) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last && last.length + word.length >= room) lines.push(word);
    else lines[lines.length - 1] = last ? `${last} ${word}` : word;
  }
  return lines;
}
