/**
 * The machine: what a compiled table decides, as the interpreter in Python decides it.
 *
 * Law: pure functions over arrays of codes; knows no page and no row of any table. A *row* is the
 * codes of all columns, stored ones first. The answers and the order of ties are those of
 * `prgcore.engine`; a test walks both and compares every step.
 *
 * @typedef {number[]} Row
 * @typedef {{column: number, codes: number[], has: Uint8Array}} Cell
 * @typedef {{column: number, is: number, needs: number[]}} Failed
 * @typedef {{outcome: "done"|"ignored"|"refused"|"impossible"|"outside"|"unanswered", row: Row,
 *   rule: ?object, failed: Failed[], broken: string[], rules: string[]}} Decision
 */

const HOME = -1;
const LEAVES = -1;

/** Compile the payload once; the answer is a machine: functions of rows and events. */
function machineOf(table) {
  const stored = table.columns.filter((column) => !column.sources).length;
  const sizes = table.columns.map((column) => column.domain.length);
  const cell = ([column, codes]) => {
    const has = new Uint8Array(sizes[column]);
    for (const code of codes) has[code] = 1;
    return { column, codes, has };
  };
  const cube = (cells) => cells.map(cell);
  const cubes = (many) => many.map(cube);
  const derived = table.columns.slice(stored);
  const possible = table.events.map((event) => cubes(event.possible));
  const rules = table.events.map(() => []);
  for (const rule of table.rules) {
    rules[rule.event].push({ ...rule, when: cube(rule.when) });
  }
  const invariants = table.invariants.map((one) => ({ ...one, never: cubes(one.never) }));
  const goal = cubes(table.goal);
  const atlas = table.atlas && readAtlas(table.atlas);

  /** Stored codes followed by the derived ones. */
  const complete = (codes) => {
    const row = codes.slice(0, stored);
    for (const column of derived) {
      row.push(column.table[column.sources.reduce((at, s) => at * sizes[s] + row[s], 0)]);
    }
    return row;
  };

  const asked = new WeakMap();

  /** The invariants that a row breaks: promises and auxiliary ones, in the machine's order. */
  const broken = (row) => {
    if (!asked.has(row)) {
      asked.set(
        row,
        invariants.filter((one) => one.never.some((cube) => holds(cube, row))),
      );
    }
    return asked.get(row);
  };

  const isCommand = (event) => table.events[event].kind === "command";

  const isPossible = (row, event) =>
    isCommand(event) || possible[event].some((cube) => holds(cube, row));

  const matching = (row, event) => rules[event].filter((rule) => holds(rule.when, row));

  /** The row after the effects of a rule; all of them read the row as it was. */
  const after = (row, rule) => {
    const codes = row.slice(0, stored);
    for (const [target, source, becomes] of rule.then) {
      const code = becomes[row[source]];
      if (code !== LEAVES) codes[target] = code;
    }
    return complete(codes);
  };

  /** @returns {Decision} what the machine says when this event arrives in this row. */
  const step = (row, event) => {
    const answer = { outcome: "", row, rule: null, failed: [], broken: [], rules: [] };
    const breaks = broken(row).map((one) => one.id);
    if (breaks.length) return { ...answer, outcome: "outside", broken: breaks };
    if (!isPossible(row, event)) {
      return { ...answer, outcome: "impossible", failed: nearest(row, possible[event]) };
    }
    const found = matching(row, event);
    if (found.length === 1) {
      const [rule] = found;
      const done = rule.outcome === "done";
      return { ...answer, outcome: rule.outcome, rule, row: done ? after(row, rule) : row };
    }
    if (found.length || !isCommand(event)) {
      return { ...answer, outcome: "unanswered", rules: found.map((rule) => rule.id) };
    }
    const failed = nearest(
      row,
      rules[event].map((rule) => rule.when),
    );
    return { ...answer, outcome: "refused", failed };
  };

  /** The commands that would be accepted, in the machine's order. */
  const available = (row) =>
    table.events
      .map((_, event) => event)
      .filter((event) => isCommand(event) && step(row, event).outcome === "done");

  const isHome = (row) => goal.some((cube) => holds(cube, row));

  /** The next event on a shortest way home, HOME, or null where the atlas does not know the row. */
  const next = (row) => (atlas ? atlas.next(row) : null);

  /**
   * The shortest way home by repairs, commands, timers and successful completions.
   *
   * @param {number} most how many rows may be looked at where no atlas knows the way.
   * @returns {{events: ?number[], exhausted: boolean}} no events: none found, and whether all
   *   that can be had was tried.
   */
  const home = (row, most) => {
    if (!goal.length || broken(row).length) return { events: null, exhausted: true };
    if (next(row) === null) return search(row, most);
    const events = [];
    for (let event = next(row), here = row; event !== HOME; event = next(here)) {
      const answer = step(here, event);
      if (answer.outcome !== "done")
        throw new Error(`BUG: ${table.events[event].name} is not a step home`);
      events.push(event);
      here = answer.row;
    }
    return { events, exhausted: true };
  };

  const helpful = table.events
    .map((_, event) => event)
    .filter((event) => table.events[event].kind !== "fault" && table.events[event].success);

  const search = (start, most) => {
    const seen = new Set([start.join()]);
    let edge = [{ row: start, events: [] }];
    while (edge.length) {
      const wider = [];
      for (const { row, events } of edge) {
        if (isHome(row)) return { events, exhausted: true };
        for (const event of helpful) {
          if (!isPossible(row, event)) continue;
          const found = matching(row, event);
          if (found.length !== 1 || found[0].outcome !== "done") continue;
          const reached = after(row, found[0]);
          const key = reached.join();
          if (seen.has(key) || broken(reached).length) continue;
          if (seen.size >= most) return { events: null, exhausted: false };
          seen.add(key);
          wider.push({ row: reached, events: [...events, event] });
        }
      }
      edge = wider;
    }
    return { events: null, exhausted: true };
  };

  return Object.freeze({
    table,
    stored,
    complete,
    step,
    available,
    broken,
    next,
    home,
    isHome,
    isPossible,
    initial: complete(table.initial),
    cube,
    rulesOf: (event) => rules[event],
  });
}

/** Whether every cell of a cube holds of a row. */
function holds(cube, row) {
  for (const cell of cube) if (!cell.has[row[cell.column]]) return false;
  return true;
}

/** The failing cells of the cube that comes nearest; earlier cubes win ties. */
function nearest(row, cubes) {
  const misses = cubes.map((cube) =>
    cube
      .filter((cell) => !cell.has[row[cell.column]])
      .map((cell) => ({ column: cell.column, is: row[cell.column], needs: cell.codes })),
  );
  return (
    misses.reduce((best, some) => (best && best.length <= some.length ? best : some), null) ?? []
  );
}

/** A decision diagram that asks a column at a time: next events home, and reachable pairs. */
function readAtlas({ columns, levels, root, events }) {
  const nodes = levels.map((level) => level.split(" ").map((node) => node.split(",").map(Number)));
  const next = (row) => {
    let node = root;
    for (const [level, column] of columns.entries()) {
      node = (nodes[level][node][row[column]] ?? 0) - 1;
      if (node < 0) return null;
    }
    return node ? events[node - 1] : HOME;
  };

  return { next };
}
