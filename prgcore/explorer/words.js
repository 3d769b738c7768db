/**
 * Words and elements: what columns, values, cells, changes and events are called on the page.
 *
 * Law: pure; text is only ever set as text. A button says in `data-do` what it does, and `view.js`
 * does it.
 */

/** An element; `data-` and other attributes by name, null and false left out. */
const h = (tag, attributes, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false)
      made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child || child === 0));
  return made;
};

const button = (doing, label, attributes) =>
  h("button", { type: "button", "data-do": doing, "data-key": doing, ...attributes }, label);

const plainName = (name) => name.replaceAll("_", " ").replace(/^(node\d)\./, "$1 ");
const columnName = (column) => column.label ?? plainName(column.name);
/** The subject of a cell: the node of a state, else the column. */
const subject = (column) => columnName(column).replace(/^(node\d) state$/, "$1");
const valueName = (column, code) =>
  column.titles?.[code] ?? column.domain[code].replaceAll("_", " ");
const listed = (words) =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
const counted = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;
const sentence = (text) =>
  text ? text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".") : "";

/** `node2 is Idle, needs Normal`. */
function failedText({ table }, { column, is, needs }) {
  const asked = table.columns[column];
  return (
    `${subject(asked)} is ${valueName(asked, is)}, ` +
    `needs ${listed(needs.map((code) => valueName(asked, code)))}`
  );
}

/** What changed between two rows, states first: `node1 Idle → Taking Back (On Admin Request)`. */
function changesText({ table, stored }, before, after) {
  const changes = [];
  const shown = new Set();
  for (const { node, state, reason } of table.cards) {
    if (state === null) continue;
    const [was, is] = [before, after].map((row) => valueName(table.columns[state], row[state]));
    const why =
      reason === null
        ? ["", ""]
        : [before, after].map((row) => valueName(table.columns[reason], row[reason]));
    if (was !== is)
      changes.push(`${node} ${was} → ${is}${why[1] && why[1] !== is ? ` (${why[1]})` : ""}`);
    else if (why[0] !== why[1]) changes.push(`${node} ${is} (${why[0]} → ${why[1]})`);
    shown.add(state).add(reason);
  }
  for (const [i, column] of table.columns.slice(0, stored).entries()) {
    if (!shown.has(i) && before[i] !== after[i]) {
      changes.push(
        `${columnName(column)} ${valueName(column, before[i])} → ${valueName(column, after[i])}`,
      );
    }
  }
  return changes;
}

/** The effect that an event would have, in one line. */
function previewText(machine, row, event) {
  const decision = machine.step(row, event);
  const { name } = machine.table.events[event];
  const failed = decision.failed.map((one) => failedText(machine, one)).join("; ");
  switch (decision.outcome) {
    case "done": {
      const changes = changesText(machine, row, decision.row).join("; ");
      const asked = decision.rule.actions.map(([action]) => action.replaceAll("_", " ")).join(", ");
      return (
        `${name} would be done by ${decision.rule.id}: ${changes || "nothing changes"}` +
        (asked ? `; it asks for ${asked}` : "")
      );
    }
    case "ignored":
      return `${name} would be ignored: ${decision.rule.why}`;
    case "refused":
      return `${name} would be refused: ${failed || "it has no rule"}`;
    case "impossible":
      return `${name} cannot happen here${failed ? `: ${failed}` : ""}`;
    case "outside":
      return `no rule answers: the pair breaks ${decision.broken.join(", ")}`;
  }
  return `the machine has no single rule for ${name} here`;
}
