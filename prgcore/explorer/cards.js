/**
 * The cards: both nodes, what is between them and what they share, as elements.
 *
 * Law: functions from what is known to elements; they change nothing and listen to nothing.
 */

const SHAPES = {
  rounded: "M6 3h12a3 3 0 0 1 3 3v12a3 3 0 0 1-3 3H6a3 3 0 0 1-3-3V6a3 3 0 0 1 3-3z",
  hexagon: "M7 3h10l5 9-5 9H7l-5-9z",
  box: "M3 3h18v18H3z",
  double: "M2 2h20v20H2zM6 6h12v12H6z",
  ellipse: "M12 4a10 8 0 0 1 0 16a10 8 0 0 1 0-16z",
  dashed: "M3 3h18v18H3z",
  octagon: "M8 3h8l5 5v8l-5 5H8l-5-5V8z",
};

const SILENT = "shows nothing";

/** The shape of a role: the second sign beside its colour. */
const roleShape = ({ looks }, role) =>
  svg(
    "svg",
    { class: `shape role-${role}`, viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("path", { d: SHAPES[looks[role].shape] ?? SHAPES.box }),
  );

/** Both nodes, what is between them, and what they share. */
function pairPanel(machine, meaning, row, before) {
  const { table } = machine;
  const shown = meaning.display(row);
  const cards = table.cards.map((card, i) =>
    nodeCard(machine, meaning, card, row, before, shown?.[i] === null),
  );
  const own = new Set(table.cards.flatMap((c) => [c.state, c.reason, ...c.facts]));
  const shared = table.columns
    .map((_, i) => i)
    .filter((i) => !own.has(i))
    .sort((i, j) => j - i);
  const between = h(
    "div",
    { class: "between" },
    ...hearing(machine, row),
    facts(machine, meaning, shared, row, before),
  );
  return cards.length ? [cards[0], between, ...cards.slice(1)] : [between];
}

/** A node: its state, if it has one, and what else is known of it; `silent`: it shows nothing. */
function nodeCard(machine, meaning, card, row, before, silent) {
  const { columns } = machine.table;
  const { node, facts: about } = card;
  const health = about.filter((i) => columns[i].name === `${node}.health`);
  const always = about.filter((i) => i < machine.stored && !isYesNo(columns[i], "hears_peer"));
  const derived = about.filter((i) => i >= machine.stored && !health.includes(i));
  const role = silent ? "silent" : `role-${roleOf(machine.table, card, row)}`;
  return h(
    "article",
    { class: `card ${role}`, "aria-label": node },
    h("h3", null, node),
    card.state === null ? null : stateOf(machine, meaning, card, row, before, silent),
    facts(machine, meaning, [...health, ...always], row, before),
    derived.length === 0
      ? null
      : h(
          "details",
          { "data-key": `more:${node}` },
          h("summary", null, "what rules also read"),
          facts(machine, meaning, derived, row, before),
        ),
  );
}

/** The role of a node for an operator. */
const roleOf = ({ columns }, { state }, row) =>
  (state !== null && columns[state].roles?.[row[state]]) || "plain";

/** What a card shows in one line: a silent node shows nothing, whatever the record keeps of it. */
const shownText = ({ table }, card, row, silent) => {
  const state = valueName(table.columns[card.state], row[card.state]);
  return silent ? `${SILENT} (record: ${state})` : state;
};

/** State and reason in the colour of their role, and what that means. */
function stateOf({ table }, meaning, card, row, before, silent) {
  const role = roleOf(table, card, row);
  const [state, reason] = [card.state, card.reason].map(
    (i) => i !== null && valueName(table.columns[i], row[i]),
  );
  const moved = before && [card.state, card.reason].some((i) => i !== null && before[i] !== row[i]);
  const kept = `record: ${state}${reason && reason !== state ? ` / ${reason}` : ""}`;
  const hindered = meaning.serving(row) ? meaning.hindered(row, card.node) : null;
  const says = silent || role === "plain" ? "" : roleSays(table.looks[role].says, role, hindered);
  return [
    h(
      "p",
      { class: `state ${silent ? "silent" : `role-${role}`}${moved ? " moved" : ""}` },
      silent ? null : roleShape(table, role),
      h(
        "span",
        null,
        h("strong", null, silent ? "Shows nothing" : state),
        (silent || reason) && h("span", { class: "reason" }, silent ? kept : reason),
      ),
    ),
    says ? h("p", { class: hindered ? "role broken" : "role" }, says) : null,
  ];
}

/** The meaning of a role; a node that cannot serve is not said to serve. */
const roleSays = (says, role, hindered) =>
  hindered ? `${role === "serving" ? "" : `${says}; `}cannot serve: ${hindered}` : says;

/** The users that a node serves, and why it serves none where some are assigned to it. */
function servesText(meaning, row, node) {
  const homes = meaning.serving(row);
  const by = homes.map((home) => home.by === node);
  const [own, peers] = node === "node1" ? by : by.toReversed();
  const hindered = meaning.hindered(row, node);
  return served(own, peers) + (!own && !peers && hindered ? `: ${hindered}` : "");
}

/** Columns and their values; in words, the users assigned to a node and those that it serves. */
function facts({ table }, meaning, columns, row, before) {
  const { goal } = table;
  const away = (i) =>
    goal.length > 0 &&
    goal.every((cube) => cube.some(([column, codes]) => column === i && !codes.includes(row[i])));
  const [own, peers] = ["assigned_own", "assigned_peer"].map((what) =>
    columns.find((i) => isYesNo(table.columns[i], what)),
  );
  const together = own !== undefined && peers !== undefined;
  const users = (some) =>
    served(...[own, peers].map((i) => table.columns[i].domain[some[i]] === "yes"));
  const lines = columns.map((i) => {
    const column = table.columns[i];
    const name = column.label ?? plainName(column.name.replace(/^node\d\./, ""));
    if (together && i === peers) return null;
    if (together && i === own) {
      const isAway = away(own) || away(peers);
      const assigned = fact("assigned", users(row), before && users(before), "", isAway);
      if (!meaning.serving(row)) return assigned;
      const [node] = table.columns[own].name.split(".");
      const is = servesText(meaning, row, node);
      const lost = meaning.hindered(row, node) !== null;
      return [assigned, fact("serves", is, before && servesText(meaning, before, node), "", lost)];
    }
    const was = before && valueName(column, before[i]);
    return fact(name, valueName(column, row[i]), was, column.says, away(i));
  });
  return h("dl", { class: "facts" }, lines);
}

/** A name and a value; what it was where that is something else; whether it is not as at home. */
function fact(name, value, was, says, away) {
  const changed = was !== null && was !== value;
  const kinds = [away && "away", changed && "changed"].filter(Boolean).join(" ");
  return h(
    "div",
    { class: kinds || null },
    h("dt", { title: says || null }, name),
    h("dd", null, value, changed ? h("span", { class: "was" }, ` was ${was}`) : null),
  );
}

const isYesNo = ({ name, domain }, what) => name.endsWith(`.${what}`) && domain.includes("yes");

/** Whose users are assigned to a node. */
const served = (own, peers) =>
  ["nobody", "its peer's users", "its own users", "its own users and its peer's"][2 * own + peers];

/** Whether the nodes hear each other, as arrows. */
function hearing({ table }, row) {
  return table.cards.map(({ node, facts: about }) => {
    const i = about.find((j) => isYesNo(table.columns[j], "hears_peer"));
    if (i === undefined) return null;
    const hears = table.columns[i].domain[row[i]] === "yes";
    const [head, tail] = node === "node1" ? ["◂", "—"] : ["—", "▸"];
    return h(
      "p",
      { class: `hears${hears ? "" : " deaf"}` },
      h("span", { "aria-hidden": "true" }, hears ? `${head}${tail}` : "┄✕┄"),
      ` ${node} ${hears ? "hears its peer" : "does not hear its peer"}`,
    );
  });
}
