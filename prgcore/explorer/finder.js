/**
 * The finder: starts, rows, states, events and rules by what is typed, and the way to them.
 *
 * Law: functions from a machine and a text to entries and ways; an entry names what it does, as a
 * button, and a way is the items of a session.
 */

const MOST_FOUND = 30;

/**
 * Everything that can be found, once.
 * @returns {{kind: string, label: string, says: string, text: string, doing: ?string,
 *   rule: ?object}[]}
 */
function indexOf(machine) {
  const { table } = machine;
  const entries = [
    ...table.starts.map(([name], i) => ({
      kind: "start",
      label: `start ${name}`,
      says: "",
      doing: `start:${i}`,
    })),
    ...(table.display?.rows ?? []).map((one, i) => ({
      kind: "row",
      label: rowLabel(machine, one),
      says: one.cause,
      doing: one.causes.length ? `row:${i}` : null,
    })),
    ...stateEntries(machine),
    ...table.events.map((event) => ({
      kind: "event",
      label: event.name,
      says: `${event.kind}: ${event.says}`,
      doing: `event:${event.name}`,
    })),
    ...table.rules.map((rule) => ({
      kind: "rule",
      label: `${rule.id} ${table.events[rule.event].name}`,
      says: rule.why,
      doing: null,
      rule,
    })),
  ];
  return entries.map((entry) => ({
    ...entry,
    text: `${entry.kind} ${entry.label} ${entry.says}`.toLowerCase(),
  }));
}

const rowLabel = (machine, { row, seat, display }) =>
  `row ${row}${seat === "node2" ? " exchanged" : ""}: ` +
  display.map((half) => (half ? spell(machine, half) : "nothing")).join(" | ");

/** The states of a node, each with the first square of the map that shows it and can be reached. */
function stateEntries({ table }) {
  if (!table.map) return [];
  const [down] = table.map.axes;
  return table.columns[down].domain.map((_, code) => {
    const square = table.map.squares.findIndex((one) => one.row === code && canGo(one));
    return {
      kind: "state",
      label: `${subject(table.columns[down])} ${valueName(table.columns[down], code)}`,
      says: table.looks[table.columns[down].roles[code]].says,
      doing: square < 0 ? null : `square:${square}`,
    };
  });
}

/** The entries in which every word of the text occurs; those that begin with it come first. */
function found(index, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const all = index.filter((entry) => words.every((word) => entry.text.includes(word)));
  const first = (entry) =>
    Number(
      words.length > 0 &&
        (entry.label.toLowerCase().startsWith(words.join(" ")) ||
          entry.text.startsWith(words.join(" "))),
    );
  return [...all.filter(first), ...all.filter((entry) => !first(entry))].slice(0, MOST_FOUND);
}

/** What was found, as a list: places to go are buttons, rules open where they stand. */
function foundPanel(machine, row, index, text) {
  const entries = found(index, text);
  if (!entries.length) return [h("p", { class: "quiet" }, "Nothing has such a name.")];
  return [
    h(
      "ul",
      { class: "found" },
      entries.map((entry) =>
        h(
          "li",
          null,
          entry.rule
            ? ruleCard(machine, row, entry.rule)
            : entry.doing
              ? button(entry.doing, [
                  h("strong", null, entry.label),
                  h("span", { class: "quiet" }, entry.says),
                ])
              : h(
                  "p",
                  null,
                  h("strong", null, entry.label),
                  h("span", { class: "quiet" }, entry.says),
                ),
        ),
      ),
    ),
    entries.length === MOST_FOUND ? h("p", { class: "quiet" }, "There are more: type more of the name.") : null,
  ].filter(Boolean);
}

/** A rule: which of its cells hold here, what it would make, and where it comes from. */
function ruleCard(machine, row, rule) {
  const { table } = machine;
  const cells = rule.when.map(([column, codes]) => {
    const asked = table.columns[column];
    const fits = codes.includes(row[column]);
    return h(
      "li",
      { class: fits ? "fits" : "failed" },
      `${fits ? "✓" : "✗"} ${subject(asked)} is ` +
        listed(codes.map((code) => valueName(asked, code))) +
        (fits ? "" : `; here it is ${valueName(asked, row[column])}`),
    );
  });
  return h(
    "details",
    null,
    h(
      "summary",
      null,
      h("strong", null, rule.id),
      ` ${table.events[rule.event].name}`,
      h("span", { class: "quiet" }, ` ${rule.why}`),
    ),
    h(
      "ul",
      { class: "cells" },
      cells.length ? cells : h("li", null, "wherever its event can happen"),
    ),
    h(
      "p",
      null,
      rule.outcome === "done"
        ? `It sets ${rule.then.map(([target]) => columnName(table.columns[target])).join(", ") || "nothing"}.`
        : "It is ignored.",
    ),
    h(
      "p",
      { class: "quiet" },
      [...rule.cite, ...rule.decisions].join(", "),
      `${evidenceText(rule)} `,
      table.links ? reference(machine, "in the reference", ruleLink(rule)) : null,
    ),
  );
}

/** The place of the first start from which the machine is at home, else of the first. */
function homeStart(machine) {
  const { initial, table } = machine;
  const at = table.starts.findIndex(([start]) =>
    machine.isHome(runItem(machine, { verb: "start", start }, initial).after),
  );
  return Math.max(at, 0);
}

/** The way to a row of Table 2: its documented cause. */
function rowItems(machine, i) {
  const [{ start, events }] = machine.table.display.rows[i].causes;
  return [{ verb: "start", start }, ...events.map((event) => ({ verb: "press", event }))];
}

/** The way to a square: to a row that shows it, else a reachable pair, set by hand. */
function squareItems(machine, i, begin) {
  const { columns, display, map, starts } = machine.table;
  const { row, column, pair } = map.squares[i];
  const states = [row, column].map((code, axis) => columns[map.axes[axis]].domain[code]);
  const shown = (display?.rows ?? []).findIndex(
    (one) => one.causes.length && one.display.every((half, axis) => half?.[0] === states[axis]),
  );
  if (shown >= 0) return rowItems(machine, shown);
  return setItems(machine, pair, starts[begin][0]);
}

/** A start, and what must be set by hand to have these codes. */
function setItems(machine, codes, name) {
  const start = { verb: "start", start: name };
  const from = runItem(machine, start, machine.initial).after;
  const given = codes.map((value, at) => ({ verb: "given", column: at, value }));
  return [start, ...given.filter((item) => from[item.column] !== item.value)];
}

/** The way to what two nodes show, as it is typed, or what is wrong with it. */
function shownItems(machine, meaning, typed, begin) {
  const { display, starts } = machine.table;
  const halves = typed.map((said, i) => readShown(machine.table, `node${i + 1}`, said));
  const wrong = halves.findIndex((half) => typeof half === "string");
  if (wrong >= 0) return { error: `node${wrong + 1}: ${halves[wrong]}` };
  const shown = halves.map((half) => half.shown);
  const like = (halves) => halves?.every((half, i) => isLike(half, shown[i]));
  const row = display.rows.findIndex(
    (one) => one.causes.length && (like(one.display) || like(one.printed)),
  );
  if (row >= 0) return { items: rowItems(machine, row) };
  const codes = meaning.pairThat(shown);
  if (codes) return { items: setItems(machine, codes, starts[begin][0]) };
  const network = networkThatShows(machine.table, shown);
  if (network >= 0) return { network };
  return {
    error:
      "No reachable pair shows this: read the status of both nodes again, or ask prgcore explain",
  };
}

/** What a node can show, to choose from: states, and with the reasons that rows list. */
const shownChoices = (machine) => {
  const { display, columns } = machine.table;
  const states = columns.find((column) => column.name === "node1.state").titles;
  const listed = display.rows.flatMap((row) => row.display.filter(Boolean));
  const all = new Set([...states, ...listed.map((half) => spell(machine, half)), "nothing"]);
  return [...all].sort().map((text) => h("option", { value: text }));
};
