/**
 * The panels of the page: what is shown of a machine and a session, as elements.
 *
 * Law: functions from what is known to elements; they change nothing and listen to nothing: a
 * button says in `data-do` what it does, and `view.js` does it. Text is only ever set as text.
 */

const KINDS = {
  command: "Commands: what you may press",
  fault: "Faults: what can break",
  repair: "Repairs: what can be mended",
  timer: "Timers: what falls due",
  completion: "Completions: what ends by itself",
};
const FAR = 2_000;

/** An element; `data-` and other attributes by name, null and false left out. */
const h = (tag, attributes, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== ""));
  return made;
};

const button = (doing, label, attributes) =>
  h("button", { type: "button", "data-do": doing, "data-key": doing, ...attributes }, label);

const plainName = (name) => name.replaceAll("_", " ").replace(/^(node\d)\./, "$1 ");
const columnName = (column) => column.label ?? plainName(column.name);
/** Of whom a cell speaks: a node of its state, a column of its value. */
const subject = (column) => columnName(column).replace(/^(node\d) state$/, "$1");
const valueName = (column, code) =>
  column.titles?.[code] ?? column.domain[code].replaceAll("_", " ");
const listed = (words) =>
  (words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`);
const counted = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;
const sentence = (text) => (text ? text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".") : "");

/** `node2 is Idle, needs Normal`. */
function failedText({ table }, { column, is, needs }) {
  const asked = table.columns[column];
  return `${subject(asked)} is ${valueName(asked, is)}, `
    + `needs ${listed(needs.map((code) => valueName(asked, code)))}`;
}

/** What changed between two rows, states first: `node1 Idle → Taking Back (On Admin Request)`. */
function changesText({ table, stored }, before, after) {
  const told = [];
  const shown = new Set();
  for (const { node, state, reason } of table.cards) {
    if (state === null) continue;
    const [was, is] = [before, after].map((row) => valueName(table.columns[state], row[state]));
    const why = reason === null ? ["", ""]
      : [before, after].map((row) => valueName(table.columns[reason], row[reason]));
    if (was !== is) told.push(`${node} ${was} → ${is}${why[1] && why[1] !== is ? ` (${why[1]})` : ""}`);
    else if (why[0] !== why[1]) told.push(`${node} ${is} (${why[0]} → ${why[1]})`);
    shown.add(state).add(reason);
  }
  for (const [i, column] of table.columns.slice(0, stored).entries()) {
    if (!shown.has(i) && before[i] !== after[i]) {
      told.push(`${columnName(column)} ${valueName(column, before[i])} → ${valueName(column, after[i])}`);
    }
  }
  return told;
}

/** What an event would do, in one line. */
function previewText(machine, row, event) {
  const decision = machine.step(row, event);
  const { name } = machine.table.events[event];
  const failed = decision.failed.map((one) => failedText(machine, one)).join("; ");
  switch (decision.outcome) {
    case "done": {
      const changes = changesText(machine, row, decision.row).join("; ");
      const asked = decision.rule.actions.map(([action]) => action.replaceAll("_", " ")).join(", ");
      return `${name} would be done by ${decision.rule.id}: ${changes || "nothing changes"}`
        + (asked ? `; it asks for ${asked}` : "");
    }
    case "ignored": return `${name} would be ignored: ${decision.rule.why}`;
    case "refused": return `${name} would be refused: ${failed || "it has no rule"}`;
    case "impossible": return `${name} cannot happen here${failed ? `: ${failed}` : ""}`;
    case "outside": return `no rule is guessed: the pair breaks ${decision.broken.join(", ")}`;
  }
  return `the machine has no single rule for ${name} here`;
}

// ------------------------------------------------------------------------- the pair

const SHAPES = {
  rounded: "M6 3h12a3 3 0 0 1 3 3v12a3 3 0 0 1-3 3H6a3 3 0 0 1-3-3V6a3 3 0 0 1 3-3z",
  hexagon: "M7 3h10l5 9-5 9H7l-5-9z",
  box: "M3 3h18v18H3z",
  double: "M2 2h20v20H2zM6 6h12v12H6z",
  ellipse: "M12 4a10 8 0 0 1 0 16a10 8 0 0 1 0-16z",
  dashed: "M3 3h18v18H3z",
};

/** The shape of a role: the second sign beside its colour. */
const roleShape = ({ looks }, role) =>
  svg("svg", { class: `shape role-${role}`, viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("path", { d: SHAPES[looks[role].shape] ?? SHAPES.box }));

/** Both nodes, what is between them, and what they share. */
function pairPanel(machine, meaning, row, before) {
  const { table } = machine;
  const shown = meaning.display(row);
  const cards = table.cards.map((card, i) =>
    nodeCard(machine, card, row, before, shown ? shown[i] === null : false));
  const own = new Set(table.cards.flatMap((c) => [c.state, c.reason, ...c.facts]));
  const shared = table.columns.map((_, i) => i).filter((i) => !own.has(i))
    .sort((i, j) => j - i);
  const between = h("div", { class: "between" }, ...hearing(machine, row),
    facts(machine, shared, row, before));
  return cards.length ? [cards[0], between, ...cards.slice(1)] : [between];
}

function nodeCard(machine, { node, state, reason, facts: about }, row, before, silent) {
  const { table } = machine;
  const role = state === null ? "plain" : table.columns[state].roles?.[row[state]] ?? "plain";
  const value = (i) => valueName(table.columns[i], row[i]);
  const changed = (i) => i !== null && before && before[i] !== row[i];
  const health = about.find((i) => table.columns[i].name === `${node}.health`);
  const always = about.filter((i) => i < machine.stored && !/\.hears_peer$/.test(table.columns[i].name));
  const derived = about.filter((i) => i >= machine.stored && i !== health);
  return h("article", { class: `card role-${role}`, "aria-label": node },
    h("h3", null, node),
    state === null ? null : h("p", { class: `state role-${role}${changed(state) || changed(reason) ? " moved" : ""}` },
      roleShape(table, role), h("span", null, h("strong", null, value(state)),
        reason === null ? null : h("span", { class: "reason" }, value(reason)))),
    state === null ? null : h("p", { class: "role" }, silent
      ? "shows nothing: it does not run, or cannot be reached; this is what the record keeps"
      : role === "plain" ? "" : table.looks[role].says),
    facts(machine, health === undefined ? always : [health, ...always], row, before),
    derived.length ? h("details", { "data-key": `more:${node}` }, h("summary", null, "what rules also read"),
      facts(machine, derived, row, before)) : null);
}

/** Columns and their values; who is assigned where is said in words. */
function facts({ table }, columns, row, before) {
  const { goal } = table;
  const away = (i) => goal.length > 0 && goal.every((cube) =>
    cube.some(([column, codes]) => column === i && !codes.includes(row[i])));
  const line = (name, value, was, says, off) => h("div", {
    class: [off ? "away" : "", was !== null ? "changed" : ""].join(" ").trim() || null },
  h("dt", { title: says || null }, name),
  h("dd", null, value, was === null ? null : h("span", { class: "was" }, ` was ${was}`)));
  const lines = [];
  for (const i of columns) {
    const column = table.columns[i];
    const name = column.name.replace(/^node\d\./, "");
    const changed = before && before[i] !== row[i];
    if (name === "assigned_peer" && columns.some((j) => table.columns[j].name.endsWith(".assigned_own"))) {
      continue;
    }
    if (name === "assigned_own") {
      const j = columns.find((other) => table.columns[other].name.endsWith(".assigned_peer"));
      const moved = before && (changed || before[j] !== row[j]);
      const users = (some) => served(...[i, j].map((k) => table.columns[k].domain[some[k]] === "yes"));
      lines.push(line("serves", users(row), moved ? users(before) : null,
        "whose users are assigned to the node", away(i)));
    } else {
      lines.push(line(column.label ?? plainName(name), valueName(column, row[i]),
        changed ? valueName(column, before[i]) : null, column.says, away(i)));
    }
  }
  return h("dl", { class: "facts" }, ...lines);
}

/** Whose users are assigned to a node. */
const served = (own, peers) =>
  ["nobody", "its peer's users", "its own users", "its own users and its peer's"][2 * own + peers];

/** Whether the nodes hear each other, as arrows. */
function hearing({ table }, row) {
  return table.cards.map(({ node, facts: about }) => {
    const i = about.find((j) => table.columns[j].name === `${node}.hears_peer`);
    if (i === undefined) return null;
    const hears = table.columns[i].domain[row[i]] === "yes";
    const [head, tail] = node === "node1" ? ["◂", "—"] : ["—", "▸"];
    return h("p", { class: `hears${hears ? "" : " deaf"}` },
      h("span", { "aria-hidden": "true" }, hears ? `${head}${tail}` : "┄✕┄"),
      ` ${node} ${hears ? "hears its peer" : "does not hear its peer"}`);
  });
}

// ------------------------------------------------------------------------- meaning

/**
 * The row of Table 2 or the family, what to do, and the way home. `led` is the rule that last
 * changed the pair; `byHand`: some column was set, so that no events may lead here.
 */
function meaningPanel(machine, meaning, row, { led, byHand }) {
  const { table } = machine;
  const breaks = promises(machine.broken(row));
  if (breaks.length) {
    return [h("p", { class: "broken" }, h("strong", null, "A promise is broken here.")),
      h("ul", null, breaks.map((one) => h("li", null, h("strong", null, one.id), `: ${one.says}`))),
      h("p", null, byHand ? "The pair was set by hand. Of a machine that is proved no events lead here"
        + (table.assumptions.length ? `, if what is assumed holds (${table.assumptions.join("; ")}). ` : ". ")
        : "Events alone lead here: this refutes the promise. ",
      "No rule is guessed from here: undo, or start over.")];
  }
  const told = meaning.of(row);
  return [...(told ? toldPanel(machine, told, row, led) : ledHere(machine, led)),
    ...homePanel(machine, row)];
}

/** The promises among broken invariants; the auxiliary ones only where there is no other. */
function promises(breaks) {
  const kept = breaks.filter((one) => !one.auxiliary);
  return kept.length ? kept : breaks;
}

function toldPanel(machine, told, row, led) {
  const heading = told.row ? `Row ${told.row} of Table 2${told.seat === "node2" ? ", nodes exchanged" : ""}`
    : told.family ? `Not in Table 2: ${told.family}${told.decision ? ` (${told.decision})` : ""}`
      : "In no row of Table 2";
  const enabled = ([event]) => event !== undefined && machine.step(row, event).outcome === "done";
  return [
    h("p", { class: "row" }, reference(machine, heading, told.row ? `situations.html#row-${told.row}` : ""),
      told.nearest ? h("span", { class: "quiet" }, ` nearest: row ${told.nearest}`) : null),
    told.cause ? h("p", { class: "cause" }, told.cause) : null,
    ...(told.cause ? [] : ledHere(machine, led)),
    told.actions.length ? h("ul", { class: "advice" }, told.actions.map((advice) => h("li", null,
      h("span", null, advice.says),
      enabled(advice.events) ? button(`press:${advice.events[0]}`,
        machine.table.events[advice.events[0]].name, { class: "first", "data-key": `advice:${advice.says}` }) : null)))
      : null,
  ];
}

const ledHere = (machine, led) => (led ? [h("p", { class: "cause" }, "The last rule that changed the pair was ",
  reference(machine, led.id, ruleLink(led)), `: ${led.why || "no reason is given"}.`)] : []);

function homePanel(machine, row) {
  const { table } = machine;
  if (!table.goal.length) return [];
  if (table.atlas && machine.next(row) === null) {
    return [h("p", { class: "quiet" }, "No events lead from the start to this pair: it is not reachable.")];
  }
  const { events, exhausted } = machine.home(row, FAR);
  if (!events) {
    return [h("p", { class: "home" }, exhausted ? "No way home: repairs, commands, timers and completions do not lead there."
      : `No way home among the nearest ${FAR} pairs; ask prgcore plan.`)];
  }
  if (!events.length) return [h("p", { class: "home" }, h("strong", null, "This is home: "), "nothing needs doing.")];
  return [h("div", { class: "home" },
    h("p", null, h("strong", null, "The shortest way home: "), counted(events.length, "step")),
    h("ol", { class: "way" }, events.map((event) => h("li", null, table.events[event].name,
      h("span", { class: "quiet" }, ` ${table.events[event].kind}`)))),
    button("home", ["Take the next step ", h("kbd", null, "h")], { "aria-keyshortcuts": "h" }))];
}

// ------------------------------------------------------------------------ what happened

const ruleLink = (rule) => `rules.html#${rule.id.split("@")[0].toLowerCase()}`;

/** A name that links to its place in the reference, where there is one. */
const reference = ({ table }, text, place) =>
  (table.links && place ? h("a", { href: table.links + place }, text) : h("span", null, text));

/** The last step: the rule with its reason and sources, the actions, what changed. */
function lastPanel(machine, step) {
  const { item, before, after, decision, failed } = step;
  const wrong = failed ? [h("p", { class: "broken" }, h("strong", null, "Not as told: "), failed)] : [];
  if (!decision) {
    const [line] = storyLines(machine, [step]);
    const said = { start: "A start.", given: "Set by hand.", expect: failed ? "" : "As expected." };
    return [h("p", null, h("code", null, line), " ", said[item.verb]), ...wrong];
  }
  const { name } = machine.table.events[item.event];
  const head = h("p", { class: "headline" }, h("code", null, name), " ",
    h("span", { class: `outcome ${decision.outcome}` }, outcomeText(decision)));
  return [head, ...wrong, ...(decision.rule ? byRule(machine, decision, before, after) : noRule(machine, decision))];
}

const outcomeText = ({ outcome, rule }) => (
  { outside: "no answer", unanswered: "no single rule" }[outcome] ?? outcome) + (rule ? ` by ${rule.id}` : "");

function noRule(machine, { outcome, failed, broken, rules }) {
  const says = {
    refused: "No rule accepts it here. The rule that comes nearest needs:",
    impossible: "It cannot physically happen here. What is missing:",
    outside: `The pair breaks ${broken.join(", ")}; from there nothing is judged.`,
    unanswered: rules.length ? `Two rules answer: ${rules.join(", ")} (F1).` : "No rule answers (F2).",
  }[outcome];
  return [h("p", null, failed.length || outcome === "outside" || outcome === "unanswered" ? says
    : "Nothing in the machine ever answers it."),
  failed.length ? h("ul", { class: "failed" }, failed.map((one) => h("li", null, failedText(machine, one)))) : null];
}

function byRule(machine, { outcome, rule }, before, after) {
  const { table } = machine;
  const changes = changesText(machine, before, after);
  const does = outcome === "done" ? rule.actions : [];
  return [
    h("p", null, sentence(rule.why)),
    changes.length ? h("ul", { class: "changes" }, changes.map((one) => h("li", null, one)))
      : h("p", { class: "quiet" }, "Nothing changes."),
    does.length ? [h("h3", null, "Asked of the outside world, in this order"),
      h("ol", null, does.map(([action, node]) => h("li", null,
        `${action.replaceAll("_", " ")}${node ? ` (${node})` : ""}`,
        table.actions[action] ? h("span", { class: "quiet" }, `: ${table.actions[action][0]}`) : null)))] : null,
    h("p", { class: "quiet" }, "Source: ", reference(machine, rule.id, ruleLink(rule)),
      rule.cite.length ? `, ${rule.cite.join(", ")}` : "", ` (${rule.evidence})`),
    rule.decisions.map((id) => h("details", { "data-key": `decision:${id}` },
      h("summary", null, `${id}${table.decisions[id] ? `: ${table.decisions[id][0]}` : ""}`),
      table.decisions[id] ? h("p", null, `${table.decisions[id][1]} ${table.decisions[id][2]}`) : null)),
  ].flat();
}

// --------------------------------------------------------------------------- events

/** Every event by kind; what is refused or ignored says why, what is impossible only if asked. */
function eventsPanel(machine, row, { filter, impossible }) {
  const { events } = machine.table;
  const asked = filter.trim().toLowerCase();
  const shown = events.map((event, i) => ({ ...event, i, decision: machine.step(row, i) }))
    .filter(({ decision }) => impossible || decision.outcome !== "impossible")
    .filter(({ name, says, kind }) => !asked || `${name} ${says} ${kind}`.toLowerCase().includes(asked));
  const sections = Object.entries(KINDS).map(([kind, title]) => {
    const rows = Map.groupBy(shown.filter((one) => one.kind === kind), (one) => one.name.split("(")[0]);
    return rows.size ? h("div", { class: "kind" }, h("h3", null, title),
      h("ul", null, [...rows].map(([base, some]) => eventRow(machine, base, some)))) : null;
  });
  return sections.some(Boolean) ? sections : [h("p", { class: "quiet" }, "Nothing here is called like this.")];
}

const SIGNS = { done: "", ignored: "○ ", refused: "✕ ", impossible: "– ", outside: "? ", unanswered: "? " };
const OFFERS = { done: "on offer", ignored: "ignored", refused: "refused", impossible: "impossible here",
  outside: "not judged", unanswered: "no single rule" };

function eventRow(machine, base, some) {
  const why = some.map(({ name, decision }) => {
    const seat = some.length > 1 ? `${name.slice(base.length + 1, -1)}: ` : "";
    if (decision.outcome === "ignored") return `${seat}ignored, ${decision.rule.why}`;
    const failed = decision.failed.map((one) => failedText(machine, one)).join("; ");
    return failed ? `${seat}${decision.outcome}: ${failed}` : "";
  }).filter(Boolean);
  const alone = new Set(why.map((text) => text.replace(/^node\d: /, ""))).size === 1 && why.length > 1;
  return h("li", { class: "event" },
    h("div", { class: "event-text" }, h("span", { class: "event-name" }, base.replaceAll("_", " ")),
      h("span", { class: "quiet" }, some[0].says)),
    h("div", { class: "event-buttons" }, some.map(({ name, i, decision }) => button(`press:${i}`,
      SIGNS[decision.outcome] + (name.length > base.length ? name.slice(base.length + 1, -1) : "now"),
      { class: `event-button ${decision.outcome} ${machine.table.events[i].kind}`, "data-event": i,
        "aria-label": `${name}${name.length > base.length ? "" : " now"}, ${OFFERS[decision.outcome]}`,
        "aria-describedby": "preview" }))),
    (alone ? [why[0].replace(/^node\d: /, "")] : why).map((text) => h("p", { class: "why" }, text)));
}

// ------------------------------------------------------------------- trace, map, foot

/** Every step, each a button that goes back to it; what was undone stays in sight. */
const stepsPanel = (machine, { steps, at }) => steps.map((step, i) => {
  const { decision, failed, before, after } = step;
  const breaks = before === after ? [] : promises(machine.broken(after));
  const [line] = storyLines(machine, [step]);
  return h("li", { class: i >= at ? "undone" : null }, button(`goto:${i + 1}`, line,
    { class: "step", "aria-current": i === at - 1 ? "step" : null }),
  decision?.rule ? h("span", { class: "quiet" }, ` ${decision.rule.id}`) : null,
  failed ? h("span", { class: "broken" }, ` ✗ ${failed}`) : null,
  breaks.map((one) => h("span", { class: "broken" }, ` ✗ breaks ${one.id}`)));
});

/** The map: a square for every two states. Where one is, `markSquare` says. */
function mapPanel({ table }) {
  const { axes: [down, across], squares } = table.map;
  const [rows, columns] = [table.columns[down], table.columns[across]];
  const cell = (square, i) => h("td", {
    class: `square standing-${square.standing}`, role: "gridcell", tabindex: -1,
    "data-square": i, "data-key": `square:${i}`, "data-do": canGo(square) ? `square:${i}` : null,
    "aria-label": `${squareName(table, square)}: ${square.says}${canGo(square) ? "" : " (not a place to go)"}`,
  }, square.text);
  const body = rows.domain.map((_, r) => h("tr", { role: "row" },
    h("th", { scope: "row", role: "rowheader" }, valueName(rows, r)),
    columns.domain.map((_, c) => cell(squares[r * columns.domain.length + c], r * columns.domain.length + c))));
  return h("table", { class: "map", role: "grid", "aria-label": table.map.title },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, h("td", { role: "gridcell" }),
      columns.domain.map((_, c) => h("th", { scope: "col", role: "columnheader" }, h("span", null, valueName(columns, c)))))),
    h("tbody", { role: "rowgroup" }, body));
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

const squareName = (table, square) => {
  const [down, across] = table.map.axes.map((axis) => table.columns[axis]);
  return `${subject(down)} ${valueName(down, square.row)}, `
    + `${subject(across)} ${valueName(across, square.column)}`;
};

const legend = (looks, kind, used) => Object.entries(looks).filter(([name]) => used.has(name))
  .map(([name, look]) => h("span", null, h("i", { class: `${kind}-${name}`, "aria-hidden": "true" }), look.says));
