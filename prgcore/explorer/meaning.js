/**
 * What a row means to an operator: what is shown, the row of Table 2 or the family, and advice.
 *
 * Law: pure; answers as `prgcore.explain` does of one pair, and never searches. A machine without
 * states of the document shows nothing, and means nothing here.
 */

/** Words for a machine: what its rows show and mean. */
function meaningOf(machine) {
  const { table } = machine;
  const told = table.display;
  const names = new Map(table.columns.map((column, i) => [column.name, i]));
  const word = (row, name) => table.columns[names.get(name)].domain[row[names.get(name)]];
  const half = (row, node) => [word(row, `${node}.state`), word(row, `${node}.reason`)];
  const viewpoints = told ? told.viewpoints.map((both) => machine.cubes(both)) : [];
  const rows = told
    ? told.rows.map((one) => ({
        ...one,
        fits: machine.cubes([one.fits])[0],
        advice: one.advice.map((a) => ({ ...a, when: machine.cubes([a.when])[0] })),
      }))
    : [];
  const listed = Map.groupBy(rows, (one) => key(one.display));

  const seen = (row, [one, other]) => [
    holds(one, row) ? half(row, "node1") : null,
    holds(other, row) ? half(row, "node2") : null,
  ];

  /** What an administrator sees of both nodes: state and reason, or null for nothing. */
  const display = (row) => (told ? seen(row, viewpoints[0]) : null);

  /** The row of Table 2 that is shown, from any viewpoint; causes that fit come first. */
  const situation = (row) => {
    for (const viewpoint of viewpoints) {
      const matches = listed.get(key(seen(row, viewpoint)));
      if (matches) return matches.find((one) => holds(one.fits, row)) ?? matches[0];
    }
    return null;
  };

  const family = (shown) => {
    const [left, right] = shown.map((one) => one ?? ["", ""]);
    return (
      told.families.find((one) =>
        one.displays.some(
          ([a, b]) => (shows(a, left) && shows(b, right)) || (shows(a, right) && shows(b, left)),
        ),
      ) ?? null
    );
  };

  /** The row that differs least: states before reasons, then the document's order. */
  const nearestRow = (shown) => {
    const count = told.rows.length / 2;
    const scores = told.rows.map((one, i) => [differs(one.display, shown), i % count, one.row]);
    scores.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    return scores.length ? scores[0][2] : null;
  };

  /** @returns {?{row, seat, cause, actions, family, decision, nearest, causes}} */
  const of = (row) => {
    if (!told) return null;
    const nothing = {
      row: null,
      seat: null,
      cause: "",
      actions: [],
      family: null,
      decision: null,
      nearest: null,
    };
    const found = situation(row);
    if (found) {
      const actions = found.advice.filter((a) => holds(a.when, row));
      return {
        ...nothing,
        row: found.row,
        seat: found.seat,
        actions: once(actions),
        cause: found.cause + misfit(machine, found.fits, row),
      };
    }
    const shown = display(row);
    const one = family(shown);
    if (!one) return { ...nothing, nearest: nearestRow(shown) };
    return {
      ...nothing,
      cause: one.says,
      family: one.id,
      decision: one.decision,
      nearest: one.nearest,
      actions: one.advice ? [{ says: one.advice, events: [] }] : [],
    };
  };

  return Object.freeze({ display, of });
}

const key = (display) => display.map((half) => half?.join("/") ?? "").join("|");

const shows = ([states, reasons], [state, reason]) =>
  states.includes(state) && (!reasons.length || reasons.includes(reason));

const differs = (display, shown) =>
  display.reduce((sum, a, i) => {
    const b = shown[i];
    if (!a || !b) return sum + (!a !== !b ? 4 : 0);
    return sum + 2 * (a[0] !== b[0]) + (a[1] !== b[1]);
  }, 0);

const once = (advice) => advice.filter((a, i) => advice.findIndex((b) => b.says === a.says) === i);

const misfit = (machine, fits, row) => {
  const unlike = fits
    .filter((cell) => !cell.has[row[cell.column]])
    .map((cell) => machine.table.columns[cell.column])
    .map(
      (column) => `${column.name} is ${column.domain[row[machine.table.columns.indexOf(column)]]}`,
    );
  return unlike.length ? ` The row's usual cause does not fit: ${unlike.join(", ")}.` : "";
};
