/**
 * What a row means to an operator: what is shown, the row of Table 2 or the family, and advice.
 *
 * Law: pure; answers as `prgcore.explain.explaining` does of one pair, and never searches. A machine without
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

  /** A rule after which these nodes can look like this: the one that explains most of it. */
  const ruleBehind = (row, shown) => {
    const halves = shown.flatMap((half, i) =>
      half ? ["state", "reason"].map((what) => names.get(`node${i + 1}.${what}`)) : [],
    );
    const states = halves.filter((_, i) => i % 2 === 0);
    const explained = (rule) => {
      let score = 0;
      for (const column of halves) {
        const before = rule.when.find((cell) => cell[0] === column);
        const stays = !before || before[1].includes(row[column]);
        const effect = rule.then.find(([target]) => target === column);
        const made = effect?.[2].includes(row[column]);
        const [fits, weight] = {
          none: [stays, before ? 1 : 0],
          const: [made, 2],
          by: [made || stays, made ? 2 : 0],
          copy: [true, 0],
        }[effect?.[3] ?? "none"];
        if (!fits) return 0;
        score += weight;
      }
      return rule.then.some(([target]) => states.includes(target)) ? score : 0;
    };
    return table.rules
      .filter((rule) => rule.outcome === "done")
      .map((rule) => ({ rule, score: explained(rule) }))
      .reduce((best, one) => (one.score > (best?.score ?? 0) ? one : best), null)?.rule;
  };

  const ruled = new Map();
  /** What is said where there is neither a row nor a family; the display alone decides it. */
  const unlisted = (row, shown) => {
    const shows = key(shown);
    if (!ruled.has(shows)) ruled.set(shows, byRuleBehind(ruleBehind(row, shown), shown));
    return ruled.get(shows);
  };
  const byRuleBehind = (rule, shown) => {
    const nearest = nearestRow(shown);
    if (!rule) return { cause: "", decision: null, nearest };
    const silent = shown.map((half, i) =>
      half ? "" : `node${i + 1} does not run, or cannot be reached. `,
    );
    const cited = rule.cite.find((one) => one.includes("table2:"));
    return {
      cause: `${silent.join("")}A rule that can lead here is ${rule.id}: ${rule.why}.`,
      decision: rule.decisions[0] ?? null,
      nearest: cited?.split("table2:").at(-1) || nearest,
    };
  };

  /** Advice where a promise is broken, which is prudence and not proof. */
  const outside = (row) => {
    if (!told) return { nearest: null, actions: [] };
    const shown = display(row);
    const twice = shown.every((half) => half?.[0] === "running_in_backup_mode");
    return { nearest: nearestRow(shown), actions: told.outside[Number(twice)] };
  };

  /** @returns {?{row, seat, cause, actions, family, decision, nearest}} */
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
      const fitting = found.advice.filter((a) => holds(a.when, row));
      return {
        ...nothing,
        row: found.row,
        seat: found.seat,
        actions: once(fitting),
        cause: found.cause + misfit(machine, found.fits, row),
      };
    }
    const shown = display(row);
    const one = family(shown);
    if (!one) return { ...nothing, ...unlisted(row, shown) };
    return {
      ...nothing,
      cause: one.says,
      family: one.id,
      decision: one.decision,
      nearest: one.nearest,
      actions: one.advice ? [{ says: one.advice, events: [] }] : [],
    };
  };

  const nodes = table.serving?.map((one) => ({
    ...one,
    ...Object.fromEntries(
      ["cannot", "nobody"].map((what) => [
        what,
        one[what].map(([says, when]) => ({ says, when: machine.cubes([when])[0] })),
      ]),
    ),
    serves: machine.cubes([one.serves])[0],
  }));
  const assigned = (row, column) => table.columns[column].domain[row[column]] === "yes";

  /** @returns {?{by: ?string, why: string}[]} who serves the users of each node, and why nobody. */
  const serving = (row) =>
    nodes?.map((home, i) => {
      const peer = nodes[1 - i];
      const own = assigned(row, home.assigned[0]);
      if (own && assigned(row, peer.assigned[1])) return { by: null, why: "assigned to both nodes" };
      if (!own && !assigned(row, peer.assigned[1])) {
        const [node, why] = hindrance(row, "nobody", [peer, home], "does not take them");
        return { by: null, why: `assigned to nobody: ${node} ${why}` };
      }
      const node = own ? home : peer;
      if (holds(node.serves, row)) {
        return { by: node.node, why: `assigned to ${node.node}, which serves` };
      }
      const [, why] = hindrance(row, "cannot", [node], "does not take them");
      return { by: null, why: `assigned to ${node.node}: ${why}` };
    }) ?? null;

  /** Why a node serves nobody; null where it serves. */
  const hindered = (row, name) => {
    const node = nodes.find((one) => one.node === name);
    return holds(node.serves, row) ? null : hindrance(row, "cannot", [node], "it cannot serve")[1];
  };

  const hindrance = (row, kind, seats, otherwise) => {
    for (const i of nodes[0][kind].keys()) {
      const seat = seats.find((one) => holds(one[kind][i].when, row));
      if (seat) return [seat.node, seat[kind][i].says];
    }
    return [seats[0].node, otherwise];
  };

  /**
   * The codes of a reachable pair that shows this, the least ill; null where there is none. Of a
   * machine without an atlas those of a row that is made to show it.
   */
  const pairThat = (shown, row) => {
    if (!table.atlas) {
      const codes = row.slice(0, machine.stored);
      for (const [column, [code]] of shown.flatMap((half, i) => cellsOf(half, i))) {
        codes[column] = code;
      }
      return codes;
    }
    const found = viewpoints
      .flatMap((both) => boxesOf(both, shown))
      .map((box) => machine.cheapest(box, told.illness))
      .filter(Boolean);
    found.sort((a, b) => a.cost - b.cost);
    return found[0]?.codes ?? null;
  };

  const cellsOf = (half, i) =>
    ["state", "reason"]
      .map((what, j) => [names.get(`node${i + 1}.${what}`), half?.[j]])
      .filter(([, wanted]) => wanted)
      .map(([column, wanted]) => [column, [table.columns[column].domain.indexOf(wanted)]]);

  /** A display from a viewpoint as boxes; a node that shows nothing fails one of its cells. */
  const boxesOf = (both, shown) => {
    const ways = both.map((cube, i) => {
      const cells = cube.map(({ column, codes }) => [column, codes]);
      if (shown[i]) return [[...cells, ...cellsOf(shown[i], i)]];
      return cells.map(([column, codes], at) => {
        const others = [...table.columns[column].domain.keys()].filter((c) => !codes.includes(c));
        return [...cells.slice(0, at), [column, others]];
      });
    });
    const boxes = ways[0].flatMap((one) => ways[1].map((other) => [...one, ...other]));
    return boxes.map((cells) =>
      cells.reduce(
        (box, [column, codes]) =>
          box.set(
            column,
            codes.filter((code) => box.get(column)?.includes(code) ?? true),
          ),
        new Map(),
      ),
    );
  };

  return Object.freeze({ display, of, outside, serving, hindered, pairThat });
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
