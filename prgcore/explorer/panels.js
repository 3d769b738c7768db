/**
 * The panels: what the pair means and what to do, and what happened last, as elements.
 *
 * Law: functions from what is known to elements; they change nothing and listen to nothing.
 */

/** How many rows may be looked at for a way home that no atlas knows. */
const FAR = 2_000;

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
          ? "The pair was set by hand. If the machine is proved, no events lead here" +
              (table.assumptions.length
                ? `, as long as its assumptions hold (${table.assumptions.join("; ")}). `
                : ". ")
          : "Events alone lead here: this refutes the promise. ",
        "No rule answers from here: undo, or start over.",
      ),
      ...outsidePanel(meaning.outside(row)),
    ];
  }
  const told = meaning.of(row);
  const way = table.goal.length ? machine.home(row, FAR) : { events: null };
  return [
    ...(told ? toldPanel(machine, told, row, way) : ledHere(machine, led)),
    ...homePanel(machine, row, way, told?.actions.length > 0),
  ];
}

/** What to do where a promise is broken. */
const outsidePanel = (actions) =>
  actions.length
    ? [
        h("h3", null, "On a real pair: prudence, not proof"),
        h(
          "ul",
          { class: "advice" },
          actions.map((says) => h("li", null, h("span", null, sentence(capital(says))))),
        ),
      ]
    : [];

const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);

/** What to do where the answer does not say it: the way home, in the words of `explain`. */
function otherwise({ table }, { events }) {
  if (!events) return null;
  if (!events.length) return "Nothing: everybody is at home.";
  const alone = (event) => ["timer", "completion"].includes(table.events[event].kind);
  const groups = [];
  for (const event of events) {
    if (!groups.length || alone(groups.at(-1)[0]) !== alone(event)) groups.push([]);
    groups.at(-1).push(event);
  }
  const names = (some) => some.map((event) => table.events[event].name);
  const listed = (some) =>
    some.length > 1 ? `${some.slice(0, -1).join(", ")} and ${some.at(-1)}` : some[0];
  const way = groups
    .map((some) => (alone(some[0]) ? "wait for " : "") + listed(names(some)))
    .join(", then ");
  return events.every(alone) ? `${capital(way)}: it goes home by itself.` : `${way}.`;
}

function toldPanel(machine, told, pair, way) {
  const { table } = machine;
  const done = ([event]) => event !== undefined && machine.step(pair, event).outcome === "done";
  const press = ({ says, events: [event] }) => {
    const { name, kind } = table.events[event];
    const plays = kind === "command" ? name : `play: ${name}`;
    return button(`press:${event}`, plays, {
      class: kind === "command" ? "first" : null,
      "data-key": `advice:${says}`,
    });
  };
  const { row, seat, nearest, decision } = told;
  const where = row
    ? `row ${row} of Table 2${seat === "node2" ? ", nodes exchanged" : ""}`
    : [
        "not in Table 2",
        nearest ? `; nearest: row ${nearest}` : "",
        decision
          ? ["; see decision ", reference(machine, decision, `decisions.html#${decision.toLowerCase()}`)]
          : "",
      ];
  const other = told.actions.length ? null : otherwise(machine, way);
  return [
    h(
      "p",
      { class: "row" },
      reference(machine, capital(spellBoth(machine, told.shown)), row && `situations.html#row-${row}`),
      h("span", { class: "quiet" }, " (", where, ")"),
    ),
    told.cause ? h("p", { class: "cause" }, told.cause) : null,
    told.actions.length
      ? h(
          "ul",
          { class: "advice" },
          told.actions.map((advice) =>
            h(
              "li",
              null,
              h("span", null, advice.says),
              done(advice.events) ? press(advice) : null,
            ),
          ),
        )
      : null,
    other ? h("ul", { class: "advice" }, h("li", null, h("span", null, other))) : null,
  ];
}

const ledHere = (machine, led) =>
  led
    ? [
        h(
          "p",
          { class: "cause" },
          "Since the start the pair was last changed by ",
          reference(machine, led.id, ruleLink(led)),
          `: ${led.why || "no reason is given"}.`,
        ),
      ]
    : [];

/** The shortest way home; if it switches something off that the advice beside it keeps, it says so. */
function homePanel(machine, row, { events, exhausted }, advised) {
  const { table } = machine;
  const off = advised && events?.some((event) => table.events[event].name.startsWith("disable_"));
  const which = off ? "A shorter way home than the advice: " : "The shortest way home: ";
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
      h("p", null, h("strong", null, which), counted(events.length, "step")),
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
    ? [h("p", { class: "broken" }, h("strong", null, "Not as expected: "), failed)]
    : [];
  if (!decision) {
    const [line] = storyLines(machine, [step]);
    const reachable = machine.next(after) === null ? "" : ", reachable";
    const said = {
      start: "A start.",
      given: `Set by hand${reachable}.`,
      expect: failed ? "" : "As expected.",
    };
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

/** The evidence of a rule, if it names a source. */
const evidenceText = ({ cite, decisions, evidence }) =>
  cite.length || decisions.length ? ` (${evidence})` : "";

const outcomeText = ({ outcome, rule }) =>
  (({ outside: "no answer", unanswered: "no single rule" })[outcome] ?? outcome) +
  (rule ? ` by ${rule.id}` : "");

function noRule(machine, { outcome, failed, broken, rules }) {
  const says = {
    refused: "No rule accepts it here. The rule that comes nearest needs:",
    impossible: "It cannot physically happen here. What is missing:",
    outside: `The pair breaks ${broken.join(", ")}; no rule answers from there.`,
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
        : "No rule of the machine ever answers it.",
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
      evidenceText(rule),
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
