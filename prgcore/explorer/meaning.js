/**
 * What a row means to an operator: what is shown, the row of Table 2 or what else it is, and advice.
 *
 * Law: pure; looks up what `prgcore.explain` and `prgcore.product.serving` answered when the page
 * was made, and judges nothing. A display that no pair shows has no answer, and a machine without
 * states of the document shows nothing.
 */

/** Words for a machine: what its rows show and mean. */
function meaningOf(machine) {
  const { table } = machine;
  const told = table.display;
  const names = new Map(table.columns.map((column, i) => [column.name, i]));
  const word = (row, name) => table.columns[names.get(name)].domain[row[names.get(name)]];
  const half = (row, node) => [word(row, `${node}.state`), word(row, `${node}.reason`)];
  const cells = (some, name) => some.map((one) => ({ ...one, [name]: machine.cube(one[name]) }));
  const first = (some, row) => some.find((one) => holds(one.when, row));

  const viewpoints = told ? told.viewpoints.map((both) => both.map(machine.cube)) : [];
  const rows = cells(told?.rows ?? [], "fits").map((one) => ({
    ...one,
    advice: cells(one.advice, "when"),
  }));
  const outsides = cells(told?.outside ?? [], "when");
  const listed = Map.groupBy(rows, (one) => key(one.display));

  const seen = (row, [one, other]) => [
    holds(one, row) ? half(row, "node1") : null,
    holds(other, row) ? half(row, "node2") : null,
  ];

  /** What an administrator sees of both nodes: state and reason, or null for nothing. */
  const display = (row) => (told ? seen(row, viewpoints[0]) : null);

  let known = null;
  /** Every display that was found, by its key: its least ill pair and its answer. */
  const displays = () =>
    (known ??= new Map(
      (told?.pairs ?? []).map(([answer, ...codes]) => {
        const shown = display(machine.complete(codes));
        return [key(shown), { codes, shown, answer: told.answers[answer] }];
      }),
    ));

  /** The row of Table 2 that is shown, from any viewpoint and each seat; causes that fit come first. */
  const situations = (row) => {
    const matches =
      viewpoints.map((viewpoint) => listed.get(key(seen(row, viewpoint)))).find(Boolean) ?? [];
    if (!matches[0]?.either || matches.length === 1) {
      const fitting = matches.find((one) => holds(one.fits, row)) ?? matches[0];
      return fitting ? [fitting] : [];
    }
    const called = matches.filter(
      (one) => holds(one.fits, row) && one.advice.some(({ when }) => holds(when, row)),
    );
    return called.length ? called : matches;
  };

  /** What rows say of a pair: one row, or one from both seats, where nobody knows which node it is. */
  const toldBy = (row, found) => {
    const [first, other] = found;
    const says = (one) => ({ ...one, says: (other && one.either) || one.says });
    const advice = found.flatMap((one) => {
      const usual = one.advice.filter((a) => holds(a.when, row));
      return holds(one.fits, row) || !found.some(({ fits }) => holds(fits, row)) ? usual : [];
    });
    const unlike = found.map(({ fits }) => misfit(machine, fits, row));
    return {
      row: first.row,
      seat: first.seat,
      shown: first.display,
      cause: ((other && first.either) || first.cause) + unlike.reduce(shorter),
      actions: once(advice.map(says)),
      decision: null,
      nearest: null,
    };
  };

  /**
   * @returns {?{row: ?string, seat: ?string, shown: ?string[][], cause: string,
   *   actions: {says: string, events: number[]}[], decision: ?string, nearest: ?string}}
   */
  const of = (row) => {
    if (!told) return null;
    const found = situations(row);
    if (!found.length) {
      const shown = display(row);
      const answer = displays().get(key(shown))?.answer;
      return answer ? { row: null, seat: null, shown, ...answer } : null;
    }
    return toldBy(row, found);
  };

  /** Advice where a promise is broken, which is prudence and not proof. */
  const outside = (row) => first(outsides, row)?.actions ?? [];

  const nodes = table.serving?.map(({ users, hindered }) => ({
    users: cells(users, "when"),
    hindered: cells(hindered, "when"),
  }));

  /** @returns {?{by: ?string, why: string}[]} who serves the users of each node, and why nobody. */
  const serving = (row) => nodes?.map(({ users }) => first(users, row)) ?? null;

  /** Why a node serves nobody; null where it serves. */
  const hindered = (row, name) => first(nodes[name === "node1" ? 0 : 1].hindered, row).why;

  /** The codes of the least ill pair that shows this; a reason that is null may be any. */
  const pairThat = (wanted) =>
    [...displays().values()].find(({ shown }) =>
      shown.every((half, i) => isLike(half, wanted[i])),
    )?.codes ?? null;

  return Object.freeze({ display, of, outside, serving, hindered, pairThat });
}

const key = (display) => display.map((half) => half?.join("/") ?? "").join("|");

/** Whether a node shows what is wanted: its state, and its reason where one is wanted. */
const isLike = (half, wanted) =>
  half && wanted
    ? half[0] === wanted[0] && (wanted[1] === null || half[1] === wanted[1])
    : !half && !wanted;

const shorter = (one, other) => (other.length < one.length ? other : one);

const once = (advice) => advice.filter((a, i) => advice.findIndex((b) => b.says === a.says) === i);

const misfit = ({ table }, fits, row) => {
  const unlike = fits
    .filter((cell) => !cell.has[row[cell.column]])
    .map(({ column }) => [table.columns[column], row[column]])
    .map(([{ name, domain }, code]) => `${name} is ${domain[code]}`);
  return unlike.length ? ` The row's usual cause does not fit: ${unlike.join(", ")}.` : "";
};
