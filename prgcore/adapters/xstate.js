// Plays what prgcore.adapters.xstate.config writes: import { play } from "./xstate.js"
//
// Law: the machine file in config.meta.machine decides; this reads it. `play` gives an XState
// machine (version 5). Bring functions for the actions of the rules: ({ context }, { node }) => …
import { assign, setup } from "xstate";

export function play(config, actions = {}) {
  const { columns, possible, rules, events } = config.meta.machine;
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  const commands = new Set(events.filter((e) => e.kind === "command").map((e) => e.name));
  const ways = new Map(events.map((event) => [event.name, []]));
  for (const { event, when } of possible) ways.get(event).push(when);
  const derived = columns.filter((c) => c.kind === "derived").map((c) => ({
    ...c, lookUp: new Map(c.table.map(([from, value]) => [JSON.stringify(from), value])),
  }));

  const whole = (pair) => derived.reduce(
    (all, c) => ({ ...all, [c.name]: c.lookUp.get(JSON.stringify(c.from.map((s) => pair[s]))) }),
    pair,
  );
  const holds = (pair, when = {}) =>
    Object.entries(when).every(([column, values]) => values.includes(pair[column]));

  const applies = (pair, rule) =>
    holds(pair, rule.when) && (commands.has(rule.event) ||
      ways.get(rule.event).some((when) => holds(pair, when)));

  const value = (pair, column, effect) => {
    if ("const" in effect) return effect.const;
    if ("copy" in effect) return pair[effect.copy];
    const from = pair[effect.by];
    return Object.hasOwn(effect.map, from) ? effect.map[from] : pair[column];
  };
  const after = (pair, rule) => Object.fromEntries(
    Object.entries(rule.then ?? {}).map(([column, effect]) => [column, value(pair, column, effect)]),
  );

  const asked = rules.flatMap((rule) => (rule.actions ?? []).map((action) => action.do));
  return setup({
    guards: {
      applies: ({ context }, { rule, makes = {} }) => {
        const pair = whole(context.pair);
        const made = { ...pair, ...after(pair, byId.get(rule)) };
        return applies(pair, byId.get(rule)) &&
          Object.entries(makes).every(([column, is]) => made[column] === is);
      },
    },
    actions: {
      ...Object.fromEntries(asked.map((name) => [name, () => {}])),
      ...actions,
      decide: assign(({ context }, { rule }) => ({
        pair: { ...context.pair, ...after(whole(context.pair), byId.get(rule)) },
      })),
    },
  }).createMachine(config);
}
