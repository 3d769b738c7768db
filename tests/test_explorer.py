"""The explorer: the same table in a browser as in Python, the same stories, and one file."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import subprocess
import sys

import pytest
from writer.stories import stories

from prgcore import PRG
from prgcore.diagram.matrix import asked
from prgcore.engine import Engine
from prgcore.errors import BadInput, ImpossibleEvent, NotTotal, OutsideInvariant
from prgcore.explain.display import denoted, display_of, situation_of
from prgcore.explain.health import illness
from prgcore.explain.meaning import meaning
from prgcore.explain.outside import outside
from prgcore.explain.pairs import Listed
from prgcore.explain.plan import NoPlan, plan
from prgcore.explorer import page
from prgcore.explorer.payload import payload
from prgcore.machine import prg
from prgcore.model import Column, Cube, Event, Model, Rule, cube
from prgcore.product.serving import COLUMNS, serving
from prgcore.seats import NODES
from prgcore.story.script import parse
from prgcore.story.script import run as run_story
from prgcore.tables.policies import POLICIES
from prgcore.vocabulary import Kind
from prgcore.wire.machine_file import dumps
from tests.planted import FAULTS
from tests.planted import LAMPS as PLANTED
from tests.toys import LAMPS, TURNSTILE
from tests.walks import after

CHOICES = [
    {POLICIES[0].name: one, POLICIES[1].name: other}
    for one in POLICIES[0].choices for other in POLICIES[1].choices
]
TOYS = {"lamps": LAMPS, "turnstile": TURNSTILE, "planted": PLANTED} | {
    f.name: f.model for f in FAULTS
}
HALVES = ("node1.state", "node1.reason", "node2.state", "node2.reason")
HIDDEN = ("node1.services", "node1.database", "node2.services", "node2.database")
OUTSIDE = ("broken invariant", "guard too wide")


# ----------------------------------------------------------------------------- replay

OF = """
  const { machine, meaning } = prgcore;
  const known = new Map();
  const told = (row) => {
    const key = row.slice(0, machine.stored).join();
    if (!known.has(key)) {
      const broken = machine.broken(row);
      const outside = broken.length ? meaning.outside(row) : null;
      const means = outside ? null : meaning.of(row);
      known.set(key, [
        key, broken.map((one) => one.id).join(), broken.length ? "" : machine.available(row).join(),
        machine.next(row) ?? "none",
        outside ? outside.join("|")
          : means === null ? "" : [means.row ?? "", means.seat ?? "",
          means.decision ?? "", means.nearest ?? "", means.cause,
          ...means.actions.map((one) => one.says)].join("|"),
        broken.length ? "" : (meaning.serving(row) ?? []).map(({ by, why }) => `${by} ${why}`).join("|"),
      ].join(";"));
    }
    return known.get(key);
  };
"""
"""What is said of a row: what it breaks, what is accepted, the next step home, what it means."""
REPLAY = "traces => {" + OF + """
  const cells = (failed) => failed.map(({ column, is, needs }) => `${column}=${is}!${needs}`).join();
  return traces.map((events) => {
    let row = machine.initial;
    const lines = [told(row)];
    for (const event of events) {
      const answer = machine.step(row, event);
      const does = answer.outcome === "done"
        ? answer.rule.actions.map(([action, node]) => `${action}@${node ?? ""}`).join() : "";
      row = answer.row;
      lines.push([answer.outcome, answer.rule?.id ?? answer.rules.join(), does, cells(answer.failed),
        answer.broken.join(), told(row)].join(";"));
    }
    return lines.join("\\n");
  });
}
"""


def shown_by(engine):
    """Every display that a reachable pair shows."""
    every = engine.atlas.everything.distinct(asked(engine))
    return dict.fromkeys(display_of(engine, engine.at(values)) for values in every)


class Told:
    """What Python says of a machine, in the words of the replay."""

    def __init__(self, engine):
        self.engine, self.model = engine, engine.model
        self.events = {e.name: i for i, e in enumerate(self.model.events)}
        domains = self.model.domains
        self.codes = [{v: i for i, v in enumerate(domains[name])} for name in engine.position]
        self.known, self.unlisted, self._broken = {}, {}, {}
        self.displays = set() if engine.atlas is None else set(shown_by(engine))

    def broken(self, pair):
        if pair not in self._broken:
            self._broken[pair] = self.engine.broken(pair)
        return self._broken[pair]

    def of(self, pair):
        if pair not in self.known:
            engine = self.engine
            broken = self.broken(pair)
            key = ",".join(str(self.codes[i][v]) for i, v in enumerate(pair.values_))
            try:
                available = [] if broken else [
                    self.events[e.name] for e in self.model.events
                    if e.kind is Kind.COMMAND and self.outcome(pair, e.name) == "done"]
            except NotTotal:
                available = []
            way = None if engine.atlas is None else engine.atlas.next(pair)
            step = "none" if way is None else self.events.get(way, -1)
            self.known[pair] = ";".join(
                [key, ",".join(broken), ",".join(map(str, available)), str(step),
                 self.meaning(pair), self.serving(pair)])
        return self.known[pair]

    def outcome(self, pair, event):
        try:
            return str(self.engine.step(pair, event).outcome)
        except NotTotal:
            return "unanswered"

    def meaning(self, pair):
        """What the two states and reasons mean; by the display alone where no row is shown.

        A display that no reachable pair shows has no answer on the page.
        """
        engine = self.engine
        shown = display_of(engine, pair)
        if shown is None:
            return ""
        if self.broken(pair):
            return "|".join(outside(engine, shown, ()).actions)
        listed = situation_of(engine, shown, pair) is not None
        if not listed and shown not in self.displays:
            return ""
        if listed or shown not in self.unlisted:
            m = meaning(engine, shown, Listed(engine, [pair]), pair)
            said = "|".join([m.row or "", m.seat or "", m.decision or "", m.nearest or "", m.cause,
                             *m.actions])
            if listed:
                return said
            self.unlisted[shown] = said
        return self.unlisted[shown]

    def serving(self, pair):
        if self.broken(pair) or not set(COLUMNS) <= self.engine.position.keys():
            return ""
        found = serving(pair)
        return "|".join(f"{found[n].by or 'null'} {found[n].why}" for n in NODES)

    def cells(self, failed):
        at = self.engine.position
        return ",".join(
            f"{at[f.column]}={self.codes[at[f.column]][f.value]}!"
            + ",".join(str(self.codes[at[f.column]][v]) for v in f.needs) for f in failed)

    def step(self, pair, event):
        """The line of a step, and the pair after it."""
        outcome, rule, does, failed, broken = "", "", "", "", ""
        try:
            decision = self.engine.step(pair, event)
        except OutsideInvariant as error:
            outcome, broken = "outside", ",".join(error.broken)
        except ImpossibleEvent:
            outcome = "impossible"
            failed = self.cells(self.engine._nearest(pair, self.engine._events[event].ways))
        except NotTotal as error:
            outcome = "unanswered"
            rule = ",".join(re.findall(r"[A-Z]\d+@\w+", str(error).partition(": two")[0]))
        else:
            outcome, pair = str(decision.outcome), decision.pair
            rule = decision.rule.id if decision.rule else ""
            does = ",".join(f"{a.do}@{a.node or ''}" for a in decision.actions)
            failed = self.cells(decision.failed)
        return ";".join([outcome, rule, does, failed, broken, self.of(pair)]), pair

    def trace(self, chance, length):
        """Events at random and what becomes of them: mostly possible ones, but not only.

        They follow those of a start, and seldom switch everything off.
        """
        pair, events = self.engine.initial[0], []
        lines = [self.of(pair)]
        names = list(self.events)
        begun = list(chance.choice([(), *(e for _, e in self.model.starts)]))
        for number in range(length):
            event = begun[number] if number < len(begun) else chance.choice(names)
            if number >= len(begun) and chance.random() < 0.85:
                for _ in range(8):
                    if event != "disable_ha" and not self.broken(pair) \
                            and self.engine.possible(pair, event):
                        break
                    event = chance.choice(names)
            line, pair = self.step(pair, event)
            events.append(self.events[event])
            lines.append(line)
        return events, "\n".join(lines)


def replayed(shown, engine, seed, count, length):
    """Both sides of so many traces; every line of them is compared."""
    told, chance = Told(engine), random.Random(seed)
    walks = [told.trace(chance, length) for _ in range(count)]
    answers = shown.evaluate(REPLAY, [events for events, _ in walks])
    seen = set()
    for number, ((events, expected), answer) in enumerate(zip(walks, answers, strict=True)):
        if hashlib.sha256(answer.encode()).digest() == hashlib.sha256(expected.encode()).digest():
            seen |= {line.partition(";")[0] for line in expected.splitlines()[1:]}
            continue
        pairs = zip(answer.splitlines(), expected.splitlines(), strict=True)
        at = next(i for i, (a, b) in enumerate(pairs) if a != b)
        names = [engine.model.events[e].name for e in events[:at]]
        pytest.fail(f"trace {number}, {names}: {answer.splitlines()[at]} in the browser, "
                    f"{expected.splitlines()[at]} in Python")
    return seen


@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: "-".join(c.values()))
def test_random_traces_are_the_same_in_browser_and_python(open_page, choice):
    engine = prg(**choice)
    assert replayed(open_page(engine), engine, CHOICES.index(choice), 500, 30) == {
        "done", "ignored", "refused", "impossible"}


def drawn(atlas, chance):
    """A reachable pair at random: any way through the diagram."""
    region, pair = atlas.everything, {}
    node = region.root
    for name, domain in zip(region.columns, region.domains, strict=True):
        code, node = chance.choice(region.nodes.ways[node])
        pair[name] = domain[code]
    return pair


def test_any_pair_reachable_or_not_means_the_same(open_page):
    told, chance = Told(PRG), random.Random(0)
    domains = {n: PRG.columns[n].domain for n in PRG.stored}
    pairs = [PRG.pair(drawn(PRG.atlas, chance)) for _ in range(1500)]
    pairs += [
        PRG.pair(dict(p) | {n: chance.choice(domains[n]) for n in chance.sample(list(domains), 2)})
        for p in pairs[:500]
    ]
    for situation in PRG.model.situations:
        d = situation.display
        shown = [word for half in d for word in half or ("", "")]
        region = PRG.atlas.everything.within([
            cube({n: v for n, v in zip(HALVES, shown, strict=True) if v})])
        pairs += [PRG.at(values) for values in region.distinct(HIDDEN)]
    rows = [[told.codes[i][v] for i, v in enumerate(p.values_)] for p in pairs]
    answers = open_page().evaluate(
        "rows => {" + OF + "return rows.map((codes) => told(machine.complete(codes))); }", rows)
    assert answers == [told.of(p) for p in pairs]
    assert sum(bool(PRG.broken(p)) for p in pairs) > 100
    assert sum(PRG.atlas.next(p) is None for p in pairs) > 200


@pytest.mark.parametrize("name", TOYS)
def test_toys_and_broken_machines_are_the_same_too(open_page, name):
    engine = Engine(TOYS[name])
    seen = replayed(open_page(engine), engine, 0, 60, 40)
    assert "done" in seen
    assert ("unanswered" in seen) == (name in ("overlap", "hole"))
    assert ("outside" in seen) == (name in OUTSIDE)


@pytest.mark.parametrize("name", ["lamps", "turnstile", "planted"])
def test_without_an_atlas_the_way_home_is_as_short_as_the_plan(open_page, name):
    engine = Engine(TOYS[name])
    shown, told = open_page(engine), Told(Engine(TOYS[name]))
    chance = random.Random(0)
    for _ in range(15):
        told.trace(chance, 20)
    pairs = [engine.pair(dict(p)) for p in told.known if not engine.broken(p)]
    lengths = []
    for pair in pairs:
        try:
            lengths.append(len(plan(engine, pair).steps))
        except (NoPlan, BadInput):
            lengths.append(None)
    ways = shown.evaluate(
        "rows => rows.map((codes) => "
        "prgcore.machine.home(prgcore.machine.complete(codes), 2000).events?.length ?? null)",
        [[told.codes[i][v] for i, v in enumerate(p.values_)] for p in pairs])
    assert ways == lengths
    assert name == "turnstile" or {x for x in lengths if x}


# ---------------------------------------------------------------------------- stories

RUN_STORIES = """
texts => texts.map((text) => {
  const { machine } = prgcore;
  const { items, errors } = prgcore.parseStory(machine, text);
  if (errors.length) return { errors };
  const { steps } = prgcore.session(machine, items);
  const { columns } = machine.table;
  return {
    errors, failed: steps.filter((step) => step.failed).length,
    end: columns.slice(0, machine.stored).map(({ domain }, i) => domain[steps.at(-1).after[i]]),
    written: prgcore.writeStory(machine, steps),
  };
})
"""
STORIES = list(stories().values())


@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: "-".join(c.values()))
def test_stories_hold_in_the_browser_and_what_it_writes_holds_in_python(open_page, choice):
    engine = prg(**choice)
    texts = [t for t in STORIES if choice | parse(t).policy == choice]
    texts = [t for t in texts if run_story(engine, t).ok]
    assert len(texts) >= 80
    for text, answer in zip(texts, open_page(engine).evaluate(RUN_STORIES, texts), strict=True):
        assert answer["errors"] == []
        assert answer["failed"] == 0
        assert tuple(answer["end"]) == run_story(engine, text).end.values_
        again = run_story(engine, answer["written"])
        assert again.ok
        assert again.end.values_ == tuple(answer["end"])


def test_what_is_no_story_in_python_is_none_in_the_browser(open_page):
    chance = random.Random(0)
    lines = sorted({line for text in STORIES for line in text.splitlines() if line})
    bits = ["", " ", "\t", "(", ")", "=", "/", "#", "\x00", "\x07", "é", "\u2028", "node1", "none",
            "expect", "given", "policy", "start", "refused", "Idle", "Failed", "-", "."]
    texts = ["", "#", "\ufeffstart normal", "start", "expect node1", "expect node1 ", "expect",
             "given link = cut", "given node1.health = healthy", "expect node1.health = healthy",
             "expect node1 Idle /", "expect node1 fo, srm take over users failed",
             "expect node2 nothing", "expect node3 Idle", "policy reconnection=fail",
             "policy reconnection=keep_serving", "policy a=b", "start\tnormal", "__proto__",
             "expect node1 constructor", "start __proto__", "given __proto__ = x"]
    for _ in range(1200):
        line = chance.choice(lines)
        at = chance.randrange(len(line) + 1)
        if chance.random() < 0.3:
            slash = chance.choice([" / ", "/", ":", " ; ", ","])
            texts.append(chance.choice(["", "  "]) + line.replace(" / ", slash)
                         + chance.choice(["", " ", " # said", "#said"]))
            continue
        texts.append(line[:at] + chance.choice(bits) + line[at + chance.randrange(3):])
    answers = open_page().evaluate(
        "texts => texts.map((t) => prgcore.parseStory(prgcore.machine, t).errors)", texts)
    refused = 0
    for text, errors in zip(texts, answers, strict=True):
        try:
            parse(text, PRG)
        except BadInput:
            refused += 1
            assert errors, text
        else:
            assert not errors, (text, errors)
    assert 300 < refused < len(texts) - 150


def test_a_counterexample_is_loaded_as_the_prover_prints_it(open_page):
    from tests.planted import report

    fault = next(f for f in FAULTS if "S1" in f.finds)
    found = next(o for o in report(fault.model).results if o.id == "S1")
    story = found.counterexample.story
    shown = open_page(Engine(fault.model))
    shown.keyboard.press("l")
    shown.locator("#pasted").fill(story)
    shown.locator("#run").click()
    assert "S1: never both lamps lit" in shown.locator("#meaning").inner_text()
    assert "breaks S1" in shown.locator("#steps").inner_text()
    assert "breaks S1" in shown.locator("#sequence").inner_text()
    shown.keyboard.press("u")
    assert "broken" not in shown.locator("#meaning").inner_text()


# --------------------------------------------------------------------------- the file


def test_the_file_is_small_and_asks_for_nothing():
    text = page(PRG)
    assert len(text.encode()) < 1_000_000
    outside = set(re.findall(r"https?://[^\s\"'`)]+", text))
    assert outside <= {"http://www.w3.org/2000/svg"}
    assert "innerHTML" not in text
    assert "eval(" not in text


def test_the_same_bytes_for_every_hash_seed():
    code = ("import hashlib; from prgcore import PRG; from prgcore.explorer import page; "
            "print(hashlib.sha256(page(PRG).encode()).hexdigest())")
    digests = {
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True,
                       env={**os.environ, "PYTHONHASHSEED": seed}).stdout
        for seed in ("0", "1")
    }
    assert len(digests) == 1


def test_the_payload_is_plain_json():
    told = payload(PRG)
    assert json.loads(json.dumps(told)) == json.loads(json.dumps(payload(PRG)))
    assert len(told["rules"]) == len(PRG.model.rules)
    assert len(told["map"]["squares"]) == 14 * 14


def test_every_display_has_an_answer_and_the_least_ill_pair_that_shows_it():
    told, ill, answered = payload(PRG)["display"], illness(PRG), {}
    for answer, *codes in told["pairs"]:
        pair = PRG.pair(
            {n: PRG.columns[n].domain[code] for n, code in zip(PRG.stored, codes, strict=True)})
        answered[display_of(PRG, pair)] = answer, pair

    def cost(pair):
        return sum(ill[name][pair[name]] for name in PRG.stored)

    assert answered.keys() == shown_by(PRG).keys()
    costs = [cost(pair) for _, pair in answered.values()]
    assert costs == sorted(costs)
    for shown, (answer, pair) in answered.items():
        (least,) = denoted(PRG, shown).region.cheapest(ill, [[Cube()]])
        assert cost(pair) == cost(PRG.at(least)), shown
        if answer < 0:
            assert situation_of(PRG, shown, pair) is not None
        else:
            assert told["answers"][answer]["cause"]


def test_without_an_atlas_displays_mean_what_a_search_found():
    found = [dict(PRG.at(v)) for v in PRG.atlas.everything.distinct(asked(PRG))]
    unknown = Engine(PRG.model)
    assert unknown.atlas is None
    assert payload(unknown, pairs=found)["display"] == payload(PRG)["display"]
    unsearched = payload(unknown)["display"]
    assert (unsearched["answers"], unsearched["pairs"]) == ([], [])
    assert unsearched["rows"] == payload(PRG)["display"]["rows"]


def test_hostile_names_are_only_ever_text(open_page):
    evil = "</script><script>prgcore.pwned=1</script><img src=x onerror=alert(1)>$data${x}"
    model = Model(
        name=evil, columns=(Column(evil, (evil, "b")),), initial=(((evil, evil),),),
        events=(Event(evil, Kind.COMMAND, "administrator", evil),), possible=(),
        rules=(Rule(evil, evil, {evil: evil}, {evil: "b"}, why=evil),),
    )
    shown = open_page(Engine(model))
    shown.locator("button[data-event='0']").click()
    assert shown.locator("h1").inner_text().startswith(evil)
    assert evil in shown.locator("#last").inner_text()
    assert shown.locator("img").count() == 0
    assert shown.evaluate("'pwned' in prgcore") is False


def test_columns_that_are_only_called_like_ours_are_taken_as_they_are(open_page):
    columns = tuple(
        Column(f"{node}.{what}", ("odd", "even"))
        for node in NODES for what in ("state", "assigned_own", "hears_peer", "health"))
    model = Model(
        name="odd", columns=columns, initial=(tuple((c.name, "odd") for c in columns),),
        events=(Event("turn", Kind.COMMAND, "administrator"),), possible=(),
        rules=(Rule("R1", "turn", {}, {"node1.assigned_own": "even"}),),
    )
    shown = open_page(Engine(model))
    shown.locator("button[data-event='0']").click()
    assert "even was odd" in shown.locator(".card").first.inner_text().replace("\n", " ")
    assert shown.locator(".card").count() == 2


# ---------------------------------------------------------------------- command line


def test_explore_writes_one_file_and_says_where(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = run("explore")
    assert answer.code == 0
    assert answer.out.startswith("explorer.html: ")
    assert (tmp_path / "explorer.html").read_text("utf-8") == page(PRG)
    assert run("explore", "-o", "-").out == page(PRG)


def test_explore_begins_where_it_is_told(run, tmp_path):
    def story(*words, **more):
        out = run("explore", "-o", "-", *words, **more).out
        return json.loads(re.search(r'id="data">(.*?)</script>', out)[1])["story"]

    assert story("--from", "initial") == "start initial\n"
    pair = dict(after()) | {"link": "cut"}
    assert "given link = cut" in story("--from", json.dumps(pair))
    assert "given link = cut" in story("--from", "-", stdin=json.dumps({"pair": pair}))
    text = "policy reconnection=keep_serving\nstart normal\nfailover(node1)\n"
    assert story("--story", "-", stdin=text) == text


def test_explore_takes_a_machine_file(run, tmp_path):
    file = tmp_path / "planted.json"
    file.write_text(dumps(PLANTED), "utf-8")
    assert "<title>lamps: explorer</title>" in run("explore", "-o", "-", "--machine", file).out


def test_explore_begins_with_what_two_nodes_show(run):
    def begins(*words, **more):
        out = run("explore", "-o", "-", *words, **more).out
        told = json.loads(re.search(r'id="data">(.*?)</script>', out)[1])["story"]
        return run_story(PRG, told).end

    end = begins("--node1", "Running in Backup Mode", "--node2", "Failed Over")
    assert (end["node1.state"], end["node2.state"]) == ("running_in_backup_mode", "failed_over")
    status = "Node 1 Name : a State: Idle\nNode 2 Name : b State: Running in Backup Mode\n"
    end = begins("-", stdin=status)
    assert (end["node1.state"], end["node2.state"]) == ("idle", "running_in_backup_mode")


def test_explore_takes_what_the_prover_prints_and_draws_a_map_of_any_machine(run, tmp_path):
    fault = next(f for f in FAULTS if "S1" in f.finds)
    file = tmp_path / "machine.json"
    file.write_text(dumps(fault.model), "utf-8")
    for words in ((), ("--json",)):
        told = run("prove", "--machine", file, *words).out
        answer = run("explore", "-o", "-", "--machine", file, "--story", "-", stdin=told)
        shown = json.loads(re.search(r'id="data">(.*?)</script>', answer.out)[1])
        assert shown["story"] == "start initial\nlight(node1)\nwarm(node1)\n"
        assert len(shown["map"]["squares"]) == 9
        assert any(s["standing"] == "broken" for s in shown["map"]["squares"])


@pytest.mark.parametrize(("words", "stdin", "says"), [
    (("--story", "-"), "refused recover\n" * 2_001, "at most 2,000"),
    (("--story", "-"), "{}", "no report of prgcore prove"),
    (("--story", "-", "--node1", "Idle"), "", "does not go with"),
    (("--node1", "Idle"), "", "two nodes"),
    (("--node1", "Idle", "--node2", "Idol"), "", "unknown state"),
    (("--from", "nowhere"), "", "unknown start"),
    (("--from", "{}"), "", "missing column"),
    (("--from", "["), "", "not JSON"),
    (("--story", "/nonexistent"), "", "cannot read"),
    (("--story", "-"), "nonsense x", "not a line of a story"),
    (("--story", "-"), "\x00", "not text"),
    (("--story", "-", "--policy", "reconnection=fail"), "policy reconnection=keep_serving",
     "give --policy"),
    (("--story", "-", "--from", "initial"), "", "does not go with"),
    (("--story", "-", "--machine", "-"), "", "standard input cannot be both"),
    (("--links", "javascript:alert(1)"), "", "expected an address"),
    (("--output", "/nonexistent/x.html"), "", "cannot write"),
    (("--policy", "x=y"), "", "unknown policy"),
])
def test_bad_input_gets_one_line_and_nothing_is_written(bad, tmp_path, monkeypatch, words, stdin, says):
    monkeypatch.chdir(tmp_path)
    assert says in bad("explore", *words, stdin=stdin)
    assert list(tmp_path.iterdir()) == []
