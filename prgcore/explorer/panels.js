/**
 * The panels: the pair, what it means and what to do, and what happened last, as elements.
 *
 * Law: functions from what is known to elements; they change nothing and listen to nothing.
 */

/** How many rows may be looked at for a way home that no atlas knows. */
const FAR = 2_000;

// ------------------------------------------------------------------------- the pair

const SHAPES = {
  rounded: "M6 3h12a3 3 0 0 1 3 3v12a3 3 0 0 1-3 3H6a3 3 0 0 1-3-3V6a3 3 0 0 1 3-3z",
  hexagon: "M7 3h10l5 9-5 9H7l-5-9z",
  box: "M3 3h18v18H3z",
  double: "M2 2h20v20H2zM6 6h12v12H6z",
  ellipse: "M12 4a10 8 0 0 1 0 16a10 8 0 0 1 0-16z",
  dashed: "M3 3h18v18H3z",
};

const SILENT =
  "shows nothing: it does not run, or cannot be reached; this is what the record keeps";

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
    nodeCard(machine, card, row, before, shown ? shown[i] === null : false),
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
    facts(machine, shared, row, before),
  );
  return cards.length ? [cards[0], between, ...cards.slice(1)] : [between];
}

/** A node: its state, if it has one, and what else is known of it; `silent`: it shows nothing. */
function nodeCard(machine, card, row, before, silent) {
  const { columns } = machine.table;
  const { node, facts: about } = card;
  const health = about.filter((i) => columns[i].name === `${node}.health`);
  const always = about.filter((i) => i < machine.stored && !isYesNo(columns[i], "hears_peer"));
  const derived = about.filter((i) => i >= machine.stored && !health.includes(i));
  const role = roleOf(machine.table, card, row);
  return h(
    "article",
    { class: `card role-${role}`, "aria-label": node },
    h("h3", null, node),
    card.state === null ? null : stateOf(machine, card, row, before, silent),
    facts(machine, [...health, ...always], row, before),
    derived.length === 0
      ? null
      : h(
          "details",
          { "data-key": `more:${node}` },
          h("summary", null, "what rules also read"),
          facts(machine, derived, row, before),
        ),
  );
}

/** What a node is to an operator. */
const roleOf = ({ columns }, { state }, row) =>
  (state !== null && columns[state].roles?.[row[state]]) || "plain";

/** State and reason in the colour of their role, and what that means. */
function stateOf({ table }, card, row, before, silent) {
  const role = roleOf(table, card, row);
  const [state, reason] = [card.state, card.reason].map(
    (i) => i !== null && valueName(table.columns[i], row[i]),
  );
  const moved = before && [card.state, card.reason].some((i) => i !== null && before[i] !== row[i]);
  const says = role === "plain" ? "" : table.looks[role].says;
  return [
    h(
      "p",
      { class: `state role-${role}${moved ? " moved" : ""}` },
      roleShape(table, role),
      h("span", null, h("strong", null, state), reason && h("span", { class: "reason" }, reason)),
    ),
    h("p", { class: "role" }, silent ? SILENT : says),
  ];
}

/** Columns and their values; who is assigned where is said in words. */
function facts({ table }, columns, row, before) {
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
      return fact("serves", users(row), before && users(before), "", away(own) || away(peers));
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

// ------------------------------------------------------------------------- meaning

/**
 * The row of Table 2 or the family, what to do, and the way home. `led` is the rule that last
 * changed the pair; `byHand`: some column was set, so that no events may lead here.
 */
function meaningPanel(machine, meaning, row, { led, byHand }) {
  const { table } = machine;
  const breaks = promises(machine.broken(row));
  if (breaks.length) {
    return [
      h("p", { class: "broken" }, h("strong", null, "A promise is broken here.")),
      h(
        "ul",
        null,
        breaks.map((one) => h("li", null, h("strong", null, one.id), `: ${one.says}`)),
      ),
      h(
        "p",
        null,
        byHand
          ? "The pair was set by hand. Of a machine that is proved no events lead here" +
              (table.assumptions.length
                ? `, if what is assumed holds (${table.assumptions.join("; ")}). `
                : ". ")
          : "Events alone lead here: this refutes the promise. ",
        "No rule is guessed from here: undo, or start over.",
      ),
    ];
  }
  const told = meaning.of(row);
  return [
    ...(told ? toldPanel(machine, told, row, led) : ledHere(machine, led)),
    ...homePanel(machine, row),
  ];
}

/** The promises among broken invariants; the auxiliary ones only where there is no other. */
function promises(breaks) {
  const kept = breaks.filter((one) => !one.auxiliary);
  return kept.length ? kept : breaks;
}

function toldPanel(machine, told, row, led) {
  const heading = told.row
    ? `Row ${told.row} of Table 2${told.seat === "node2" ? ", nodes exchanged" : ""}`
    : told.family
      ? `Not in Table 2: ${told.family}${told.decision ? ` (${told.decision})` : ""}`
      : "In no row of Table 2";
  const enabled = ([event]) => event !== undefined && machine.step(row, event).outcome === "done";
  return [
    h(
      "p",
      { class: "row" },
      reference(machine, heading, told.row ? `situations.html#row-${told.row}` : ""),
      told.nearest ? h("span", { class: "quiet" }, ` nearest: row ${told.nearest}`) : null,
    ),
    told.cause ? h("p", { class: "cause" }, told.cause) : null,
    ...(told.cause ? [] : ledHere(machine, led)),
    told.actions.length
      ? h(
          "ul",
          { class: "advice" },
          told.actions.map((advice) =>
            h(
              "li",
              null,
              h("span", null, advice.says),
              enabled(advice.events)
                ? button(`press:${advice.events[0]}`, machine.table.events[advice.events[0]].name, {
                    class: "first",
                    "data-key": `advice:${advice.says}`,
                  })
                : null,
            ),
          ),
        )
      : null,
  ];
}

const ledHere = (machine, led) =>
  led
    ? [
        h(
          "p",
          { class: "cause" },
          "The last rule that changed the pair was ",
          reference(machine, led.id, ruleLink(led)),
          `: ${led.why || "no reason is given"}.`,
        ),
      ]
    : [];

function homePanel(machine, row) {
  const { table } = machine;
  if (!table.goal.length) return [];
  if (table.atlas && machine.next(row) === null) {
    return [
      h(
        "p",
        { class: "quiet" },
        "No events lead from the start to this pair: it is not reachable.",
      ),
    ];
  }
  const { events, exhausted } = machine.home(row, FAR);
  if (!events) {
    return [
      h(
        "p",
        { class: "home" },
        exhausted
          ? "No way home: repairs, commands, timers and completions do not lead there."
          : `No way home among the nearest ${FAR} pairs; ask prgcore plan.`,
      ),
    ];
  }
  if (!events.length)
    return [h("p", { class: "home" }, h("strong", null, "This is home: "), "nothing needs doing.")];
  return [
    h(
      "div",
      { class: "home" },
      h("p", null, h("strong", null, "The shortest way home: "), counted(events.length, "step")),
      h(
        "ol",
        { class: "way" },
        events.map((event) =>
          h(
            "li",
            null,
            table.events[event].name,
            h("span", { class: "quiet" }, ` ${table.events[event].kind}`),
          ),
        ),
      ),
      button("home", ["Take the next step ", h("kbd", null, "h")], { "aria-keyshortcuts": "h" }),
    ),
  ];
}

// ------------------------------------------------------------------------ what happened

const ruleLink = (rule) => `rules.html#${rule.id.split("@")[0].toLowerCase()}`;

/** A name that links to its place in the reference, where there is one. */
const reference = ({ table }, text, place) =>
  table.links && place ? h("a", { href: table.links + place }, text) : h("span", null, text);

/** The last step: the rule with its reason and sources, the actions, what changed. */
function lastPanel(machine, step) {
  const { item, before, after, decision, failed } = step;
  const wrong = failed
    ? [h("p", { class: "broken" }, h("strong", null, "Not as told: "), failed)]
    : [];
  if (!decision) {
    const [line] = storyLines(machine, [step]);
    const said = { start: "A start.", given: "Set by hand.", expect: failed ? "" : "As expected." };
    return [h("p", null, h("code", null, line), " ", said[item.verb]), ...wrong];
  }
  const { name } = machine.table.events[item.event];
  const head = h(
    "p",
    { class: "headline" },
    h("code", null, name),
    " ",
    h("span", { class: `outcome ${decision.outcome}` }, outcomeText(decision)),
  );
  return [
    head,
    ...wrong,
    ...(decision.rule ? byRule(machine, decision, before, after) : noRule(machine, decision)),
  ];
}

const outcomeText = ({ outcome, rule }) =>
  (({ outside: "no answer", unanswered: "no single rule" })[outcome] ?? outcome) +
  (rule ? ` by ${rule.id}` : "");

function noRule(machine, { outcome, failed, broken, rules }) {
  const says = {
    refused: "No rule accepts it here. The rule that comes nearest needs:",
    impossible: "It cannot physically happen here. What is missing:",
    outside: `The pair breaks ${broken.join(", ")}; from there nothing is judged.`,
    unanswered: rules.length
      ? `Two rules answer: ${rules.join(", ")} (F1).`
      : "No rule answers (F2).",
  }[outcome];
  return [
    h(
      "p",
      null,
      failed.length || outcome === "outside" || outcome === "unanswered"
        ? says
        : "Nothing in the machine ever answers it.",
    ),
    failed.length
      ? h(
          "ul",
          { class: "failed" },
          failed.map((one) => h("li", null, failedText(machine, one))),
        )
      : null,
  ];
}

function byRule(machine, { outcome, rule }, before, after) {
  const { table } = machine;
  const changes = changesText(machine, before, after);
  const does = outcome === "done" ? rule.actions : [];
  return [
    h("p", null, sentence(rule.why)),
    changes.length
      ? h(
          "ul",
          { class: "changes" },
          changes.map((one) => h("li", null, one)),
        )
      : h("p", { class: "quiet" }, "Nothing changes."),
    does.length
      ? [
          h("h3", null, "Asked of the outside world, in this order"),
          h(
            "ol",
            null,
            does.map(([action, node]) =>
              h(
                "li",
                null,
                `${action.replaceAll("_", " ")}${node ? ` (${node})` : ""}`,
                table.actions[action]
                  ? h("span", { class: "quiet" }, `: ${table.actions[action][0]}`)
                  : null,
              ),
            ),
          ),
        ]
      : null,
    h(
      "p",
      { class: "quiet" },
      "Source: ",
      reference(machine, rule.id, ruleLink(rule)),
      rule.cite.length ? `, ${rule.cite.join(", ")}` : "",
      ` (${rule.evidence})`,
    ),
    rule.decisions.map((id) =>
      h(
        "details",
        { "data-key": `decision:${id}` },
        h("summary", null, `${id}${table.decisions[id] ? `: ${table.decisions[id][0]}` : ""}`),
        table.decisions[id]
          ? h("p", null, `${table.decisions[id][1]} ${table.decisions[id][2]}`)
          : null,
      ),
    ),
  ].flat();
}
