/**
 * The lists: events, steps, the map and its legend, as elements.
 *
 * Law: functions from what is known to elements; they change nothing and listen to nothing.
 */

const KINDS = {
  command: "Commands: what you may press",
  fault: "Faults: what can break",
  repair: "Repairs: what can be mended",
  timer: "Timers: what falls due",
  completion: "Completions: what ends by itself",
};

// --------------------------------------------------------------------------- events

/** Every event by kind; what is refused or ignored says why, what is impossible only if asked. */
function eventsPanel(machine, row, { filter, impossible }) {
  const { events } = machine.table;
  const asked = filter.trim().toLowerCase();
  const shown = events
    .map((event, i) => ({ ...event, i, decision: machine.step(row, i) }))
    .filter(({ decision }) => impossible || decision.outcome !== "impossible")
    .filter(
      ({ name, says, kind }) => !asked || `${name} ${says} ${kind}`.toLowerCase().includes(asked),
    );
  const sections = Object.entries(KINDS).map(([kind, title]) => {
    const rows = Map.groupBy(
      shown.filter((one) => one.kind === kind),
      (one) => one.name.split("(")[0],
    );
    return rows.size
      ? h(
          "div",
          { class: "kind" },
          h("h3", null, title),
          h(
            "ul",
            null,
            [...rows].map(([base, some]) => eventRow(machine, base, some)),
          ),
        )
      : null;
  });
  return sections.some(Boolean)
    ? sections
    : [h("p", { class: "quiet" }, "Nothing here has such a name.")];
}

const SIGNS = {
  done: "",
  ignored: "○ ",
  refused: "✕ ",
  impossible: "– ",
  outside: "? ",
  unanswered: "? ",
};
const OFFERS = {
  done: "on offer",
  ignored: "ignored",
  refused: "refused",
  impossible: "impossible here",
  outside: "not judged",
  unanswered: "no single rule",
};

/** What the button of an event says: the seat, where the event has one. */
const doing = (name, base) =>
  name.length > base.length ? `Do it on ${name.slice(base.length + 1, -1)}` : "Do it";

function eventRow(machine, base, some) {
  const why = some
    .map(({ name, decision }) => {
      const seat = some.length > 1 ? `${name.slice(base.length + 1, -1)}: ` : "";
      if (decision.outcome === "ignored") return `${seat}ignored, ${decision.rule.why}`;
      const failed = decision.failed.map((one) => failedText(machine, one)).join("; ");
      return failed ? `${seat}${decision.outcome}: ${failed}` : "";
    })
    .filter(Boolean);
  const alone =
    new Set(why.map((text) => text.replace(/^node\d: /, ""))).size === 1 && why.length > 1;
  return h(
    "li",
    { class: "event" },
    h(
      "div",
      { class: "event-text" },
      h("span", { class: "event-name" }, base.replaceAll("_", " ")),
      h("span", { class: "quiet" }, some[0].says),
    ),
    h(
      "div",
      { class: "event-buttons" },
      some.map(({ name, i, decision }) =>
        button(
          `press:${i}`,
          SIGNS[decision.outcome] +
            doing(name, base),
          {
            class: `event-button ${decision.outcome} ${machine.table.events[i].kind}`,
            "data-event": i,
            "aria-label": `${doing(name, base)}: ${name}, ${OFFERS[decision.outcome]}`,
            "aria-describedby": "preview",
          },
        ),
      ),
    ),
    (alone ? [why[0].replace(/^node\d: /, "")] : why).map((text) => h("p", { class: "why" }, text)),
  );
}

// ------------------------------------------------------------------- trace, map, foot

/** Every step, each a button that goes back to it; what was undone stays in sight. */
function stepsPanel(machine, { steps, at }) {
  const breaks = judged(machine, steps);
  return steps.map((step, i) => {
    const { decision, failed } = step;
    const [line] = storyLines(machine, [step]);
    return h(
      "li",
      { class: i >= at ? "undone" : null },
      button(`goto:${i + 1}`, line, {
        class: "step",
        "aria-current": i === at - 1 ? "step" : null,
      }),
      decision?.rule ? h("span", { class: "quiet" }, ` ${decision.rule.id}`) : null,
      failed ? h("span", { class: "broken" }, ` ✗ ${failed}`) : null,
      breaks[i].map((one) => h("span", { class: "broken" }, ` ✗ breaks ${one.id}`)),
    );
  });
}

/** The map: a square for every two states. Where one is, `markSquare` says. */
function mapPanel({ table }) {
  const {
    axes: [down, across],
    squares,
  } = table.map;
  const [rows, columns] = [table.columns[down], table.columns[across]];
  const cell = (square, i) =>
    h(
      "td",
      {
        class: `square standing-${square.standing}`,
        role: "gridcell",
        tabindex: -1,
        "data-square": i,
        "data-key": `square:${i}`,
        "data-do": squareDoes(table, square, i),
        "aria-label":
          `${squareName(table, square)}: ${square.says}` +
          (canGo(square)
            ? ""
            : squareDoes(table, square, i)
              ? " (two nodes without one record come to show it)"
              : " (not a place to go)"),
      },
      h("span", { class: "sign", "aria-hidden": "true" }, table.standings[square.standing].sign),
      ` ${square.text}`.trimEnd(),
    );
  const body = rows.domain.map((_, r) =>
    h(
      "tr",
      { role: "row" },
      h("th", { scope: "row", role: "rowheader" }, valueName(rows, r)),
      columns.domain.map((_, c) =>
        cell(squares[r * columns.domain.length + c], r * columns.domain.length + c),
      ),
    ),
  );
  return h(
    "table",
    { class: "map", role: "grid", "aria-label": table.map.title },
    h(
      "thead",
      { role: "rowgroup" },
      h(
        "tr",
        { role: "row" },
        h("td", { role: "gridcell" }),
        columns.domain.map((_, c) =>
          h("th", { scope: "col", role: "columnheader" }, h("span", null, valueName(columns, c))),
        ),
      ),
    ),
    h("tbody", { role: "rowgroup" }, body),
  );
}

/** Mark the square of a row, the one stop of the map for the Tab key. */
function markSquare({ table }, map, row) {
  const [down, across] = table.map.axes;
  const here = row[down] * table.columns[across].domain.length + row[across];
  for (const square of map.querySelectorAll(".here, [tabindex='0']")) {
    square.classList.remove("here");
    square.removeAttribute("aria-current");
    square.tabIndex = -1;
  }
  const square = map.querySelector(`[data-square="${here}"]`);
  square.classList.add("here");
  square.setAttribute("aria-current", "location");
  square.tabIndex = 0;
}

const canGo = (square) => square.pair !== null;

/** What a square does: the way to a pair, or the story of two nodes that show this without one. */
function squareDoes(table, square, i) {
  if (canGo(square)) return `square:${i}`;
  const network = networkOfSquare(table, square);
  return network < 0 ? null : `network:${network}`;
}

/** The place of the shortest story of two nodes that ends in the states of a square; -1: none does. */
function networkOfSquare(table, { row, column }) {
  const states = [row, column].map((code, i) => table.columns[table.map.axes[i]].domain[code]);
  return networkThatShows(table, states.map((state) => [state, null]));
}

const squareName = (table, square) => {
  const [down, across] = table.map.axes.map((axis) => table.columns[axis]);
  return (
    `${subject(down)} ${valueName(down, square.row)}, ` +
    `${subject(across)} ${valueName(across, square.column)}`
  );
};

const legend = (looks, kind, used) =>
  Object.entries(looks)
    .filter(([name]) => used.has(name))
    .map(([name, look]) =>
      h(
        "span",
        null,
        h("i", { class: `${kind}-${name}`, "aria-hidden": "true" }, look.sign),
        look.says,
      ),
    );
