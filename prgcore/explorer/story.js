/**
 * Stories: the same text as `prgcore.story.script` reads and writes, and a session that is one.
 *
 * Law: pure; text in, text out. An error of a text names its line and is never thrown. An *item*
 * is a line that was understood; a *step* is its outcome.
 *
 * @typedef {{verb: string, event?: number, start?: string, column?: number, value?: number,
 *   node?: string, shown?: ?string[], text?: string}} Item
 * @typedef {{item: Item, before: Row, after: Row, decision: ?Decision, failed: string}} Step
 */

const MOST_CHARACTERS = 1_000_000;
const MOST_ERRORS = 8;
const NO_ANSWER = "# no answer: ";
const OUTCOMES = ["refused", "ignored", "impossible"];
const EXPECTED =
  "an event such as failover(node1), or policy, start, given, expect, " + OUTCOMES.join(", ");
const EVENT = /^[A-Za-z_]\w*(\([A-Za-z_]\w*\))?$/;
const CELL = /^([A-Za-z_][\w.]*)\s*=\s*(\w+)$/;
const NOTHING = ["", "-", "down", "none", "nothing", "not displayed"];
const LINE_END = /\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]/;
const STATUS = /\bstate *:/i;
const FROM_STATUS =
  "this looks like the output of utils ha status, not like a story: choose Go to… and enter what the " +
  "two nodes show, or give the text to prgcore explore";
const UNPRINTABLE = /[\p{C}\p{Z}]/u;
/** A line as `prgcore prove` and `prgcore simulate` print it: number, text, what answered it. */
const PRINTED =
  /^\s{0,3}(\d+) {2}(\S.*?)(?:\s+(?:command|fault|repair|timer|completion)(?:, \S.*)?)?\s*$/;

/** @returns {{items: Item[], errors: string[]}} */
function parseStory(machine, text) {
  if (text.length > MOST_CHARACTERS) {
    return { items: [], errors: [`a story has at most ${MOST_CHARACTERS} characters`] };
  }
  if (text.trimStart().startsWith("{")) {
    const read = readReport(machine, text);
    return read.error
      ? { items: [], errors: [read.error] }
      : { ...parseStory(machine, read.text), remark: read.remark };
  }
  const lines = text.replace(/^\ufeff/, "").split(LINE_END);
  const [printed, remark] = firstPrinted(lines);
  const items = [];
  const errors = [];
  let understood = 0;
  for (const [i, raw] of (printed.length ? printed : lines).entries()) {
    const line = raw.split(/(?:^|\s)#/, 1)[0].trim();
    if (!line) continue;
    const item = readLine(machine, line);
    if (typeof item === "string") errors.push(`line ${i + 1}: ${item}`);
    else understood += 1;
    if (item?.verb) items.push({ ...item, text: line });
  }
  if (!understood && STATUS.test(text)) return { items: [], errors: [FROM_STATUS] };
  if (!understood && !errors.length) errors.push(`a story has lines; write ${EXPECTED}`);
  if (items.length > machine.table.longest) {
    errors.push(
      `${items.length} lines are more than can be shown here (${machine.table.longest}); ` +
        "use prgcore simulate",
    );
  }
  if (items[0]?.verb !== "start") items.unshift({ verb: "start", start: "initial" });
  const more = errors.length - MOST_ERRORS;
  return {
    items,
    errors: more > 0 ? [...errors.slice(0, MOST_ERRORS), `and ${more} more`] : errors,
    remark,
  };
}

/** The lines of the first story in a report, and a remark where there are more. */
function firstPrinted(lines) {
  const printed = lines.map((line) => PRINTED.exec(line)).filter(Boolean);
  const begins = printed.flatMap(([, number], i) => (number === "1" ? [i] : []));
  const end = begins[1] ?? printed.length;
  return [
    printed.slice(0, end).map((line) => line[2]),
    begins.length > 1 ? `The text has ${begins.length} stories; this is the first.` : "",
  ];
}

/** The first counterexample of a report of `prgcore prove --json`, as a story. */
function readReport({ table }, text) {
  let report;
  try {
    report = JSON.parse(text);
  } catch {
    return { error: "it begins like JSON, and is not valid JSON" };
  }
  const reports = Array.isArray(report.machines) ? report.machines : [report];
  const found = reports.flatMap((one) =>
    (Array.isArray(one?.obligations) ? one.obligations : [])
      .filter((obligation) => typeof obligation?.counterexample?.event === "string")
      .map((obligation) => ({ digest: one.machine, ...obligation.counterexample })),
  );
  if (!found.length) return { error: "this JSON is not a report of prgcore prove with a counterexample" };
  const own = found.filter((one) => one.digest === table.digest);
  if (!own.length) {
    return {
      error: `the report is of another machine (digest ${short(String(found[0].digest)).slice(0, 16)})`,
    };
  }
  const [{ reachable, trace, before, event }] = own;
  const lines =
    reachable && Array.isArray(trace)
      ? trace
      : [...Object.entries(before ?? {}).map(([name, value]) => `given ${name} = ${value}`), event];
  const remark =
    own.length > 1 ? `The report has ${own.length} counterexamples; this is the first.` : "";
  return { text: ["start initial", ...lines].join("\n"), remark };
}

/** An item, null for a line that needs none, or what is wrong with the line. */
function readLine(machine, line) {
  const { table } = machine;
  if (UNPRINTABLE.test(line.replace(/[ \t]/g, "")))
    return "not printable text; a story is plain text";
  const [verb, rest] = split(line, / /);
  if (verb === "start") {
    const start = rest || "initial";
    const known = table.starts.map(([name]) => name);
    return known.includes(start) ? { verb, start } : unknown("start", start, known);
  }
  const [node, said] = split(rest, / /);
  if (verb === "expect" && ["node1", "node2"].includes(node) && !rest.includes("=")) {
    return readShown(table, node, said);
  }
  if (["policy", "given", "expect"].includes(verb)) {
    const found = CELL.exec(rest);
    if (!found) return `${verb} needs NAME = VALUE, not ${short(rest) || "nothing"}`;
    return verb === "policy" ? readPolicy(table, found) : readCell(machine, verb, found);
  }
  const outcome = OUTCOMES.includes(verb);
  const name = outcome ? rest : line;
  if (!EVENT.test(name)) return `${short(line)} is not a line of a story; expected ${EXPECTED}`;
  const event = table.events.findIndex((one) => one.name === name);
  if (event < 0)
    return unknown(
      "event",
      name,
      table.events.map((one) => one.name),
    );
  return { verb: outcome ? verb : "done", event };
}

function readPolicy(table, [, name, choice]) {
  const has = new Map(table.policy).get(name);
  if (has === choice) return null;
  if (has === undefined)
    return unknown(
      "policy",
      name,
      table.policy.map(([one]) => one),
    );
  return (
    `the story is of a machine with ${name}=${choice}, and this page has ${name}=${has}; ` +
    `make one with prgcore explore --policy ${name}=${choice}`
  );
}

function readCell(machine, verb, [, name, value]) {
  const { columns } = machine.table;
  const column = columns.findIndex((one) => one.name === name);
  if (column < 0)
    return unknown(
      "column",
      name,
      columns.map((one) => one.name),
    );
  const code = columns[column].domain.indexOf(value);
  if (code < 0) return unknown("value", value, columns[column].domain);
  if (verb === "given" && column >= machine.stored) {
    return `${name} is derived; give the columns that it comes from`;
  }
  return { verb, column, value: code };
}

function readShown(table, node, said) {
  if (!table.display) return "the nodes of this machine show no states";
  if (NOTHING.includes(said.trim().toLowerCase())) return { verb: "expect", node, shown: null };
  const [head, tail] = split(said, /[/,:;]/);
  const { state, reason } = table.display.spellings;
  const is = meant(state, head);
  if (is === undefined) return unknown("state", head.trim(), Object.keys(state));
  if (!/[/,:;]/.test(said)) return { verb: "expect", node, shown: [is, null] };
  const why = plainWords(tail) || lookUp(reason, wordsOf(tail)) ? meant(reason, tail) : "none";
  if (why === undefined) return unknown("reason", tail.trim(), Object.keys(reason));
  return { verb: "expect", node, shown: [is, why] };
}

const lookUp = (words, word) => (Object.hasOwn(words, word) ? words[word] : undefined);
const plainWords = (text) =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, " ")
    .trim();
/** As plainWords, in any script: for the words of a machine that renames some. */
const wordsOf = (text) =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
const meant = (words, said) => lookUp(words, wordsOf(said)) ?? lookUp(words, plainWords(said));
const short = (text) => (text.length > 60 ? `${text.slice(0, 59)}…` : text);
const unknown = (kind, given, known) =>
  `unknown ${kind} ${short(given)}; known: ${known.slice(0, 6).join(", ")}` +
  (known.length > 6 ? ", …" : "");

/** Head and tail of a text at the first separator; the tail without outer spaces. */
function split(text, separator) {
  const found = separator.exec(text);
  if (!found) return [text, ""];
  return [text.slice(0, found.index), text.slice(found.index + found[0].length).trim()];
}

// ------------------------------------------------------------------------------ run

/** @returns {Step} the outcome of one item after a row. */
function runItem(machine, item, before) {
  const same = { item, before, after: before, decision: null, failed: "" };
  const { columns, starts } = machine.table;
  switch (item.verb) {
    case "start": {
      const events = new Map(starts).get(item.start);
      return {
        ...same,
        after: events.reduce((row, e) => machine.step(row, e).row, machine.initial),
      };
    }
    case "given": {
      const codes = before.with(item.column, item.value);
      return { ...same, after: machine.complete(codes) };
    }
    case "expect":
      return { ...same, failed: missed(machine, item, before) };
  }
  const decision = machine.step(before, item.event);
  const failed =
    item.verb === "press" || item.verb === decision.outcome
      ? ""
      : `it is ${decision.outcome}, and was to be ${item.verb}`;
  return { ...same, after: decision.row, decision, failed };
}

/** The difference from what is expected; empty if there is none. */
function missed(machine, item, row) {
  const { columns } = machine.table;
  const at = (name) => columns.findIndex((one) => one.name === name);
  if (item.column !== undefined) {
    const { name, domain } = columns[item.column];
    const [is, expected] = [domain[row[item.column]], domain[item.value]];
    return is === expected ? "" : `${name} is ${is}, expected ${expected}`;
  }
  const [state, reason] = ["state", "reason"].map((what) => at(`${item.node}.${what}`));
  const is = [columns[state].domain[row[state]], columns[reason].domain[row[reason]]];
  if (!item.shown) {
    const process = at(`${item.node}.process`);
    const runs = process < 0 || columns[process].domain[row[process]] === "running";
    return runs ? `${item.node} is ${spell(machine, is)}, expected nothing` : "";
  }
  const [wanted, why] = item.shown;
  return is[0] === wanted && (why === null || why === is[1])
    ? ""
    : `${item.node} is ${spell(machine, is)}, expected ${spell(machine, item.shown)}`;
}

/** `Failed Over / Initialization`, as the document spells it. */
function spell(machine, [state, reason]) {
  const titles = (what, word) => {
    const column = machine.table.columns.find((one) => one.name === `node1.${what}`);
    return column.titles?.[column.domain.indexOf(word)] ?? word;
  };
  const why = reason && reason !== "none" ? ` / ${titles("reason", reason)}` : "";
  return titles("state", state) + why;
}

/** Both displays in one phrase: `Idle / Running in Backup Mode`, `Both Normal`. */
function spellBoth(machine, [left, right]) {
  if (!left && !right) return "Both show nothing";
  const [one, other] = [left, right].map((half) => (half ? spell(machine, [half[0]]) : "nothing"));
  if (one !== other) return `${one} / ${other}`;
  const same = left[1] === right[1] && left[1] !== left[0];
  return `Both ${spell(machine, same ? left : [left[0]])}`;
}

/** A session: every step that was taken, and how many of them are not undone. */
function session(machine, items) {
  const steps = [];
  for (const item of items) {
    steps.push(runItem(machine, item, steps.at(-1)?.after ?? machine.initial));
  }
  return { steps, at: steps.length };
}

/** A session with one item more; what was undone is forgotten. */
function taken(machine, { steps, at }, item) {
  const kept = steps.slice(0, at);
  return { steps: [...kept, runItem(machine, item, kept.at(-1).after)], at: at + 1 };
}

/**
 * The promises that each step breaks. Of several columns set by hand in a row only the last is
 * judged: nobody meant the pairs in between.
 */
const judged = (machine, steps) =>
  steps.map(({ item, before, after }, i) => {
    const goesOn = item.verb === "given" && steps[i + 1]?.item.verb === "given";
    return before === after || goesOn ? [] : promises(machine.broken(after));
  });

/** The promises among broken invariants; the auxiliary ones only where there is no other. */
function promises(breaks) {
  const kept = breaks.filter((one) => !one.auxiliary);
  return kept.length ? kept : breaks;
}

/** A session moved to after so many of its steps; at least its start. */
const movedTo = ({ steps }, at) => ({ steps, at: Math.min(Math.max(at, 1), steps.length) });

const present = ({ steps, at }) => steps.slice(0, at);

// ---------------------------------------------------------------------------- write

/** The lines of a story; what has no answer is left as a comment, so that the story holds. */
function storyLines(machine, steps) {
  const { columns, events } = machine.table;
  return steps.map(({ item, decision }) => {
    switch (item.verb) {
      case "start":
        return `start ${item.start}`;
      case "given":
        return `given ${columns[item.column].name} = ${columns[item.column].domain[item.value]}`;
      case "expect":
        return item.text;
    }
    const { name } = events[item.event];
    if (decision.outcome === "done") return name;
    return OUTCOMES.includes(decision.outcome)
      ? `${decision.outcome} ${name}`
      : NO_ANSWER + name;
  });
}

/** A story of these steps that holds when it is run, and says where it ends. */
function writeStory(machine, steps) {
  const { table } = machine;
  const kept = steps.filter((step) => step.item.verb !== "expect" || !step.failed);
  const lines = storyLines(machine, kept);
  const row = steps.at(-1).after;
  const ended = kept.at(-1).item.verb === "expect";
  const expected =
    !table.display || ended
      ? []
      : ["node1", "node2"].map((node) => {
          const half = ["state", "reason"].map((what) => {
            const i = table.columns.findIndex((one) => one.name === `${node}.${what}`);
            return table.columns[i].domain[row[i]];
          });
          return `expect ${node} ${spell(machine, half)}`;
        });
  return ["# from the explorer", ...table.preamble, ...lines, ...expected, ""].join("\n");
}

/** The same as the fragment of an address: a link that shows it. */
const writeHash = (machine, steps) =>
  `#${encodeURIComponent(
    storyLines(
      machine,
      steps.filter((s) => s.item.verb !== "expect"),
    )
      .map((line) => line.replace(NO_ANSWER, ""))
      .join(";"),
  ).replaceAll("%3B", ";")}`;

/** The text of a story from such a fragment; "" for none, null where it cannot be decoded. */
function readHash(hash) {
  try {
    return decodeURIComponent(hash.replace(/^#/, "")).replaceAll(";", "\n");
  } catch {
    return null;
  }
}
