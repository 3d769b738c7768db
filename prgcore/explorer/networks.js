/**
 * Stories of two nodes with messages in flight: which there are, and what each step shows.
 *
 * Law: functions from a story and the number of a step to elements; they change nothing. Nothing is
 * replayed here: the page came with all that is shown.
 */

/** The stories to choose from, each with its number of steps. */
const networkChoices = ({ networks }) =>
  networks.map(({ title, steps }, i) =>
    h("option", { value: i }, `${title} (${counted(steps.length - 1, "step")})`),
  );

/** The place of the shortest story of what two nodes show; -1: there is none. A reason may be open. */
function networkThatShows({ networks }, shown) {
  const fits = networks.flatMap(({ shown: halves, steps }, i) =>
    halves?.every((half, n) => isLike(half, shown[n])) ? [[steps.length, i]] : [],
  );
  return fits.length ? fits.sort(([a], [b]) => a - b)[0][1] : -1;
}

/** The outcome of a step, in one sentence. */
function networkSaid({ steps }, at) {
  const { says, twice, copies } = steps[at];
  const states = copies.map(([own], i) => `node${i + 1} ${own}`).join(", ");
  const served = twice.length ? ` Users of ${joined(twice)} are served twice.` : "";
  return `${at ? `${says}.` : "The story begins."} Now ${states}.${served}`;
}

const joined = (words) =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;

/** Both copies, what is on its way, and the steps, of which each can be gone to. */
function networkPanel({ arbiter, steps, after }, at) {
  const { copies, record, old, flight, cuts, twice } = steps[at];
  const half = (node, text) => h("p", null, h("strong", null, node), ` ${text}`);
  const cards = copies.map(([own, peer], i) => {
    const [node, other] = i ? ["node2", "node1"] : ["node1", "node2"];
    return h(
      "div",
      { class: twice.length ? "broken" : null },
      h("h3", null, `${node} ${record ? "reads" : "believes"}${old.includes(node) ? ", and it is old" : ""}`),
      half(node, own),
      half(other, peer),
    );
  });
  if (record) {
    const halves = record.map((text, i) => half(`node${i + 1}`, text));
    cards.splice(1, 0, h("div", null, h("h3", null, "the record"), halves));
  }
  const now = [
    flight.length
      ? `On its way: a heartbeat of ${joined(flight)}.`
      : "No heartbeat is on its way.",
    cuts.length === 2
      ? "The nodes do not reach each other."
      : cuts.length
        ? `Nothing from ${cuts[0]} arrives.`
        : "",
    twice.length ? `Users of ${joined(twice)} are served twice.` : "",
  ];
  return [
    h("p", { class: "quiet" }, sentence(arbiter)),
    h("div", { class: "copies" }, cards),
    h("p", { class: twice.length ? "broken" : null }, now.filter(Boolean).join(" ")),
    h(
      "ol",
      { start: 0 },
      steps.map(({ line, says }, i) =>
        h(
          "li",
          null,
          button(`network-goto:${i}`, line, { class: "step", "aria-current": i === at ? "step" : null }),
          says && says !== line ? h("span", { class: "quiet" }, ` ${says}`) : null,
        ),
      ),
    ),
    after && at === steps.length - 1
      ? [h("h3", null, "What to do"), h("ul", { class: "advice" }, after.map((says) => h("li", null, says)))]
      : null,
  ]
    .flat()
    .filter(Boolean);
}

/** The story up to a step, drawn. */
const drawNetwork = ({ lives }, { lives: drawn, steps }, at) =>
  drawItems(
    Object.entries(lives).filter(([name]) => drawn.includes(name)),
    steps.slice(0, at + 1).flatMap(({ items }) => items),
    "tip-network",
    `Sequence diagram of two nodes, ${counted(at, "step")}; the list says the same`,
  );
