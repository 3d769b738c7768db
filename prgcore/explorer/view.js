/**
 * The page: a session, its buttons and fields, and what is shown of it.
 *
 * Law: the only part that changes anything or listens. Every change is a new session, after
 * which everything is shown anew; the element with the focus keeps it. Nothing is stored and
 * nothing is asked of a network: what must last is in the address, after the #.
 */

const KEYS = [
  ["u", "undo", "undo the step"],
  ["r", "redo", "redo the step"],
  ["h", "home", "take the next step on the shortest way home"],
  ["/", "find", "find a row, a state, an event, a rule"],
  ["f", "filter", "filter the events"],
  ["l", "load", "load a story or a counterexample"],
  ["t", "theme", "switch light and dark"],
  ["?", "help", "show these keys"],
];
const NETWORK_KEYS = [
  ["n", "next", "take the next step of the story of two nodes"],
  ["p", "back", "take it back"],
];
const DRAWN = 60;

const $ = (id) => document.getElementById(id);
const table = JSON.parse($("data").textContent);
const machine = machineOf(table);
const meaning = meaningOf(machine);
const index = indexOf(machine);
const HOME_START = homeStart(machine);
const keys = () => (table.networks.length ? [...KEYS, ...NETWORK_KEYS] : KEYS);

let network = { story: 0, at: 0 };
let now = session(machine, [startItem(HOME_START)]);
let notice = [];

const steps = () => present(now);
const row = () => steps().at(-1).after;

function startItem(i) {
  return { verb: "start", start: table.starts[i][0] };
}

// ------------------------------------------------------------------------ what is done

/** Show another session, and announce its outcome. */
function show(next, said = "") {
  now = next;
  render();
  $("live").textContent = said || announced(steps().at(-1));
  const began = steps().length === 1 && steps()[0].item.start === table.starts[HOME_START][0];
  const hash = began ? "" : writeHash(machine, steps());
  try {
    history.replaceState(null, "", hash || location.pathname + location.search);
  } catch {
    // an address that cannot be changed, as in a sandbox, is left as it is
  }
}

function announced({ item, before, after, decision }) {
  const state = stateText(after);
  if (!decision) return `${storyLines(machine, [steps().at(-1)])[0]}${state && `: ${state}`}`;
  const { name } = table.events[item.event];
  const failed = decision.failed.map((one) => failedText(machine, one)).join("; ");
  const why = failed || (decision.outcome === "ignored" ? decision.rule.why : "");
  return `${name}: ${outcomeText(decision)}${why ? `: ${why}` : ""}. ${after === before || !state ? "" : `Now ${state}.`}`;
}

const silent = (codes, i) => meaning.display(codes)?.[i] === null;

const stateText = (codes) =>
  table.cards
    .map((card, i) => [card, silent(codes, i)])
    .filter(([card]) => card.state !== null)
    .map(([card, quiet]) => `${card.node} ${shownText(machine, card, codes, quiet)}`)
    .join(", ");

const press = (event) => show(taken(machine, now, { verb: "press", event }));

function begin(items) {
  notice = [];
  show(session(machine, items));
}

/** A story from outside is stepped through; what is wrong with it is the answer. */
function load(text, from) {
  const { items, errors, remark } = parseStory(machine, text);
  if (errors.length) return errors;
  const next = session(machine, items);
  const failures = next.steps.filter((step) => step.failed).length;
  notice = failures
    ? [
        `${counted(failures, "line")} of ${from} ${failures === 1 ? "does" : "do"} not hold; ` +
          "the steps mark them.",
      ]
    : [];
  if (remark) notice.push(remark);
  show(next);
  return [];
}

function goHome() {
  const { events } = machine.home(row(), FAR);
  if (events?.length) press(events[0]);
  else $("live").textContent = events ? "This is home." : "No way home is known.";
}

const ACTIONS = {
  press: (rest) => press(Number(rest)),
  goto: (rest) => show(movedTo(now, Number(rest))),
  start: (rest) => begin([startItem(Number(rest))]),
  row: (rest) => begin(rowItems(machine, Number(rest))),
  square: (rest) => begin(squareItems(machine, Number(rest), HOME_START)),
  event: (rest) => {
    $("filter").value = rest.split("(")[0];
    $("impossible").checked = true;
    render();
    $("events-body")
      .querySelector(`[data-event="${table.events.findIndex((e) => e.name === rest)}"]`)
      ?.focus();
  },
  network: (rest) => {
    showNetwork({ story: Number(rest), at: 0 });
    $("network-title").scrollIntoView();
    $("network-next").focus({ preventScroll: true });
  },
  "network-goto": (rest) => showNetwork({ ...network, at: Number(rest) }),
  next: () => showNetwork({ ...network, at: network.at + 1 }),
  back: () => showNetwork({ ...network, at: network.at - 1 }),
  home: goHome,
  undo: () => now.at > 1 && show(movedTo(now, now.at - 1)),
  redo: () => now.at < now.steps.length && show(movedTo(now, now.at + 1)),
  find: () => openDialog("finder", "query", () => renderFound()),
  load: () => openDialog("loader", "pasted", () => $("pasted-wrong").replaceChildren()),
  help: () => openDialog("keys"),
  filter: () => $("filter").select(),
  theme: () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const theme = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
    document.documentElement.dataset.theme = theme === "dark" ? "light" : "dark";
  },
};

function openDialog(id, field, prepare) {
  prepare?.();
  $(id).showModal();
  if (field) $(field).select();
}

function act(doing) {
  const [name, rest] = split(doing, /:/);
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  ACTIONS[name](rest);
}

// ---------------------------------------------------------------------------- rendering

/** Everything anew; what had the focus has it again, or what comes nearest. */
function render() {
  const focused = document.activeElement?.dataset?.key;
  const open = new Set(
    [...document.querySelectorAll("main details[open]")].map((d) => d.dataset.key),
  );
  const last = steps().at(-1);
  const here = last.after;
  const before = last.item.verb === "start" ? null : last.before;
  const since = steps().slice(steps().findLastIndex((step) => step.item.verb === "start"));
  const led = since.findLast((step) => step.before !== step.after && step.decision?.rule);
  put(
    "notice",
    notice.map((line) => h("p", { class: "banner" }, line)),
  );
  put(
    "strip",
    table.cards
      .map((card, i) => ({ card, quiet: silent(here, i) }))
      .filter(({ card }) => card.state !== null)
      .map(({ card, quiet }) =>
        h(
          "span",
          { class: quiet ? "quiet" : null },
          quiet ? null : roleShape(table, roleOf(table, card, here)),
          `${card.node} ${shownText(machine, card, here, quiet)}`,
        ),
      ),
  );
  put("cards", pairPanel(machine, meaning, here, before));
  put(
    "meaning-body",
    meaningPanel(machine, meaning, here, {
      led: led?.decision.rule,
      byHand: since.some((step) => step.item.verb === "given"),
    }),
  );
  $("meaning").hidden = !$("meaning-body").firstChild;
  put("last-body", lastPanel(machine, last));
  put(
    "events-body",
    eventsPanel(machine, here, {
      filter: $("filter").value,
      impossible: $("impossible").checked,
    }),
  );
  const began = since[0].item.start;
  $("start").value = table.starts.findIndex(([name]) => name === began);
  put("steps", stepsPanel(machine, now));
  const left = steps().length - DRAWN;
  put("sequence", [
    left > 0 ? h("p", { class: "quiet" }, `The last ${DRAWN} steps; ${left} before them.`) : null,
    drawSequence(machine, steps().slice(-DRAWN)),
  ]);
  $("sequence").scrollTop = $("sequence").scrollHeight;
  const list = $("steps");
  const current = list.querySelector("[aria-current]")?.parentElement;
  if (current) {
    list.scrollTop = current.offsetTop - list.offsetTop - list.clientHeight + 2 * current.clientHeight;
  }
  $("story").textContent = writeStory(machine, steps());
  if (table.map) markSquare(machine, $("map-body"), here);
  $("undo").disabled = now.at <= 1;
  $("redo").disabled = now.at >= now.steps.length;
  for (const details of document.querySelectorAll("main details")) {
    details.open = open.has(details.dataset.key);
  }
  if (focused && document.activeElement?.dataset?.key !== focused) refocus(focused);
}

const put = (id, children) => $(id).replaceChildren(...children.filter(Boolean));

function refocus(key) {
  const again = [...document.querySelectorAll("main [data-key]")].find(
    (one) => one.dataset.key === key,
  );
  (again ?? $("pair-title")).focus({ preventScroll: true });
}

const renderFound = () => put("found", foundPanel(machine, row(), index, $("query").value));

/** Another step of a story of two nodes, or another story. */
function showNetwork({ story, at }) {
  const focused = document.activeElement?.dataset?.key;
  const told = table.networks[story];
  const last = told.steps.length - 1;
  network = { story, at: Math.min(Math.max(at, 0), last) };
  $("network-story").value = story;
  put("network-body", networkPanel(told, network.at));
  put("network-picture", [drawNetwork(table, told, network.at)]);
  $("network-picture").scrollTop = $("network-picture").scrollHeight;
  $("network-said").textContent = networkSaid(told, network.at);
  for (const [id, over] of [
    ["network-back", network.at === 0],
    ["network-next", network.at === last],
  ]) {
    $(id).setAttribute("aria-disabled", over);
  }
  if (focused && document.activeElement?.dataset?.key !== focused) refocus(focused);
}

/** What never changes: names, starts, keys, legends. */
function renderOnce() {
  put(
    "about",
    [
      table.policy.map(([name, choice]) => `${plainName(name)}: ${plainName(choice)}`).join(" · "),
      table.policy.length ? " · " : "",
      `digest ${table.digest.slice(0, 12)}`,
    ].map((text) => document.createTextNode(text)),
  );
  put(
    "start",
    table.starts.map(([name], i) => h("option", { value: i }, name)),
  );
  $("start").value = HOME_START;
  put(
    "keys-body",
    keys().flatMap(([key, , says]) => [h("dt", null, h("kbd", null, key)), h("dd", null, says)]),
  );
  const roles = new Set(table.columns.flatMap((column) => column.roles ?? []));
  const promised = table.invariants.filter((one) => !one.auxiliary).length;
  put("foot", [
    h("p", { class: "legend" }, legend(table.looks, "role", roles)),
    h(
      "p",
      { class: "quiet" },
      promised
        ? `${counted(promised, "promise")} of this machine ` +
            `${promised === 1 ? "is" : "are"} checked here at every step; prgcore prove decides whether they always hold. `
        : "",
      table.display?.rows.length
        ? "Table 2 is that of the product's own chapter on high availability. "
        : "",
      table.assumptions.length ? `Assumed: ${table.assumptions.join("; ")}.` : "",
    ),
  ]);
  if (table.map) {
    put("map-body", [mapPanel(machine)]);
    put(
      "map-legend",
      legend(table.standings, "standing", new Set(table.map.squares.map((s) => s.standing))),
    );
  }
  $("network").hidden = !table.networks.length;
  if (table.networks.length) {
    put("network-story", networkChoices(table));
    showNetwork({ story: 0, at: 0 });
  }
  $("map").hidden = !table.map;
  $("display").hidden = !table.display?.pairs.length;
  if (table.display) put("halves", shownChoices(machine));
}

// ---------------------------------------------------------------------------- listening

function listen() {
  document.addEventListener("click", (event) => {
    const doing = event.target.closest("[data-do]")?.dataset.do;
    if (doing) act(doing);
  });
  for (const name of ["undo", "redo", "find", "load", "help", "theme"]) {
    $(name).addEventListener("click", () => ACTIONS[name]());
  }
  for (const [id, name] of [["start", "change"], ["again", "click"]]) {
    $(id).addEventListener(name, () => ACTIONS.start($("start").value));
  }
  $("filter").addEventListener("input", render);
  $("impossible").addEventListener("change", render);
  $("query").addEventListener("input", renderFound);
  $("display").addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = [$("shown1").value, $("shown2").value];
    const { items, network: story, error } = shownItems(machine, meaning, typed, HOME_START);
    $("display-wrong").textContent = error ?? "";
    if (error) return;
    $("finder").close();
    if (items) begin(items);
    else ACTIONS.network(story);
  });
  $("query").addEventListener("keydown", (event) => {
    if (event.key === "Enter") $("found").querySelector("[data-do]")?.click();
  });
  $("run").addEventListener("click", () => {
    const errors = load($("pasted").value, "the story");
    put(
      "pasted-wrong",
      errors.map((error) => h("span", null, error)),
    );
    if (!errors.length) $("loader").close();
  });
  for (const name of ["mouseover", "focusin"]) {
    $("events-body").addEventListener(name, (event) => {
      const pointed = event.target.closest("[data-event]")?.dataset.event;
      if (pointed) $("preview").textContent = previewText(machine, row(), Number(pointed));
    });
    $("map").addEventListener(name, (event) => {
      const pointed = event.target.closest("[data-square]")?.dataset.square;
      if (!pointed) return;
      const square = table.map.squares[pointed];
      $("square").textContent = `${squareName(table, square)}: ${square.says}`;
    });
  }
  $("map").addEventListener("keydown", moveOnMap);
  $("network-story").addEventListener("change", () =>
    showNetwork({ story: Number($("network-story").value), at: 0 }),
  );
  $("network-next").addEventListener("click", () => ACTIONS.next());
  $("network-back").addEventListener("click", () => ACTIONS.back());
  $("copy").addEventListener("click", () => copy($("story").textContent, "The story"));
  $("link").addEventListener("click", () => copy(location.href, "The link"));
  $("save").addEventListener("click", save);
  document.addEventListener("keydown", shortcut);
  window.addEventListener("hashchange", start);
}

/** A letter alone is a shortcut, but not where one types and not behind a dialog. */
function shortcut(event) {
  const typing = event.target.closest?.('input:not([type="checkbox"]), textarea, select');
  const gone = event.target.closest?.("dialog:not([open])"); // it has the focus until drawn
  if (
    (typing && !gone) ||
    event.ctrlKey ||
    event.altKey ||
    event.metaKey ||
    document.querySelector("dialog[open]")
  )
    return;
  const [, name] = keys().find(([key]) => key === event.key) ?? [];
  if (!name) return;
  event.preventDefault();
  ACTIONS[name]();
}

/** Arrow keys move on the map, Enter and Space go. */
function moveOnMap(event) {
  const at = event.target.dataset?.square;
  if (at === undefined) return;
  const across = table.columns[table.map.axes[1]].domain.length;
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across };
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    if (event.target.dataset.do) act(event.target.dataset.do);
  } else if (event.key in moves) {
    event.preventDefault();
    const next = $("map").querySelector(`[data-square="${Number(at) + moves[event.key]}"]`);
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    $("live").textContent = `${what} is copied.`;
    notice = [];
  } catch {
    notice = [`${what} cannot be copied from here; select it and press Ctrl+C: ${text}`];
    render();
  }
}

function save() {
  const address = URL.createObjectURL(new Blob([$("story").textContent], { type: "text/plain" }));
  h("a", { href: address, download: `${table.name}-story.txt` }).click();
  URL.revokeObjectURL(address);
}

/** Begin with the trace in the address, else with the story that came along, else at home. */
function start() {
  const text = readHash(location.hash);
  const errors =
    text === null
      ? ["it cannot be decoded"]
      : text
        ? load(text, "the link")
        : table.story
          ? load(table.story, "the story")
          : [];
  if (errors.length) notice = [`This is not a story of this machine: ${errors.join("; ")}`];
  if (errors.length || !(text || table.story)) show(session(machine, [startItem(HOME_START)]));
}

renderOnce();
listen();
start();
if (table.begins) ACTIONS.network(0);
globalThis.prgcore = Object.freeze({
  machine,
  meaning,
  parseStory,
  session,
  writeStory,
  writeHash,
  present,
  press,
  get now() {
    return now;
  },
  get network() {
    return network;
  },
  get row() {
    return row();
  },
});
