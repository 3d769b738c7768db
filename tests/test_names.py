"""Names: every name that is printed is taken back, and no node is taken for the other."""

from __future__ import annotations

import json
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prgcore import PRG
from prgcore.errors import BadInput
from prgcore.explain.names import Names

IMP = Names("impA.corp.example", "impB.corp.example", "Sales")
IPS = Names("10.0.0.1", "10.0.0.2")
SWAPPED = Names("node2", "node1")


@pytest.mark.parametrize(("names", "said", "meant"), [
    (IMP, "impB", "node2"),
    (IMP, "IMPb.CORP.example", "node2"),
    (IMP, "impA.corp", "node1"),
    (IMP, "impA.corp.example.", "node1"),
    (IMP, " node 2 ", "node2"),
    (IMP, "Node1", "node1"),
    (IMP, "failover(impB)", "failover(node2)"),
    (IMP, "failover( impb.corp.example )", "failover(node2)"),
    (IMP, "failover(node 1)", "failover(node1)"),
    (IMP, "impA.services", "node1.services"),
    (IMP, "impA.corp.example.services", "node1.services"),
    (IMP, "node 2.state", "node2.state"),
    (IMP, "recover", "recover"),
    (IMP, "link", "link"),
    (IMP, "", ""),
    (IPS, "10.0.0.2", "node2"),
    (IPS, "10.0.0.2.services", "node2.services"),
    (IPS, "fallback(10.0.0.1)", "fallback(node1)"),
    (IPS, "10", "10"),
    (SWAPPED, "failover(node1)", "failover(node2)"),
    (SWAPPED, "node2.services", "node1.services"),
    (SWAPPED, "node 1.services", "node1.services"),
    (Names("node2.a", "node1.b"), "node2.a", "node1"),
    (Names("Straße"), "STRASSE", "node1"),
    (Names("fe80::1", "fe80::2"), "failover(fe80::2)", "failover(node2)"),
    (Names("cup1"), "cup1", "node1"),
    (Names("cup1"), "node2", "node2"),
    (Names(), "failover(node2)", "failover(node2)"),
])
def test_a_name_becomes_the_seat_of_its_node(names, said, meant):
    assert names.into(said) == meant


@pytest.mark.parametrize(("names", "said", "meant"), [
    (Names("link", "recover"), "link", "link"),
    (Names("link", "recover"), "recover", "recover"),
    (Names("link", "recover"), "failover(recover)", "failover(node2)"),
    (Names("link", "recover"), "link.services", "node1.services"),
    (Names("cup.services.example", "cup"), "cup.services", "node2.services"),
    (Names("cup(1)", "cup(2)"), "failover(cup(2))", "failover(node2)"),
    (SWAPPED, "node1", "node1"),
])
def test_an_event_or_a_column_is_not_taken_for_a_host_that_is_called_like_it(names, said, meant):
    assert names.word(said) == meant


def test_a_host_may_be_called_like_a_command_and_a_column(run, status):
    status.write_text(STATUS.replace("impA.corp.example", "link").replace("impB.corp.example", "recover"))
    assert run("why-not", "recover", status).out.startswith("recover is refused:\n  link is Idle")
    assert run("why-not", "fallback(link)", status).out == "fallback(link) is accepted now.\n"
    assert json.loads(run("step", status, "fallback(link)", "--set", "link=up", "--json").out)[
        "pair"]["node1.state"] == "taking_back"
    assert run("users", status, "--after", "recover").code == 0


@pytest.mark.parametrize("other", ["IMPA.services", "node1.services", "node 1.services"])
def test_a_column_of_one_of_several_groups_has_one_value(run, status, other):
    two = STATUS + STATUS.replace("Sales", "Other").replace("imp", "cup")
    told = run("explain", status, "--set", "impA.services=up", "--set", f"{other}=stopped", stdin="")
    many = run("explain", "-", "--set", "impA.services=up", "--set", f"{other}=stopped", stdin=two)
    assert told.code == many.code == 2
    assert many.err == f"prgcore: --set {other} is given twice: 'up' and 'stopped'\n" == told.err


@pytest.mark.parametrize("host", ["cup(1)", "a.services", "node-1.x", "10.0.0.1"])
@pytest.mark.parametrize("group", ["Sales", "Sales East"])
def test_a_command_that_is_printed_in_the_product_s_spelling_is_taken_back(host, group):
    names = Names(host, "other", group)
    for event in ("failover(node1)", "fallback(node2)", "recover"):
        assert names.event(PRG, names.product(event)) == event


@pytest.mark.parametrize(("names", "said", "error"), [
    (Names("cup1", "cup2"), "failover(cup3)",
     "unknown node 'cup3'; the nodes are cup1 (node1) and cup2 (node2)"),
    (IMP, "failover()", "unknown node ''; the nodes are impA.corp.example (node1) and impB.corp."),
    (Names("imp.a", "imp.b"), "imp",
     "the name 'imp' can mean both nodes; the nodes are imp.a (node1) and imp.b (node2)"),
    (Names("imp.a", "imp.b"), "failover(imp)", "the name 'imp' can mean both nodes"),
    (Names("a", "node1.b"), "node1", "the name 'node1' can mean both nodes"),
    (IPS, "failover(10)", "unknown node '10'; the nodes are 10.0.0.1 (node1) and 10.0.0.2 (node2)"),
    (Names(), "failover(impB)", "unknown node 'impB'; the nodes are node1 and node2"),
    (Names("", "cup2"), "failover(cup9)", "the nodes are node1 and cup2 (node2)"),
    (Names("a", "A"), "failover(a)", "unknown node 'a'; the nodes are node1 and node2"),
])
def test_a_name_of_no_node_or_of_both_is_refused_and_the_known_ones_are_listed(names, said, error):
    with pytest.raises(BadInput) as caught:
        names.into(said)
    assert error in str(caught.value)


@pytest.mark.parametrize(("names", "sentence"), [
    (IMP, "failover(impB), then impA.services is up: see --node1 and my-node1."),
    (IPS, "failover(10.0.0.2), then 10.0.0.1.services is up: see --node1 and my-node1."),
    (SWAPPED, "failover(node1), then node2.services is up: see --node1 and my-node1."),
    (Names("imp.a", "imp.b"), "failover(imp.b), then imp.a.services is up: see --node1 and my-node1."),
    (Names("node1.a", "node2.a"), "failover(node2), then node1.services is up: see --node1 and my-node1."),
    (Names("node2.a", "x.b"), "failover(x.b), then node2.a.services is up: see --node1 and my-node1."),
    (Names("cup1"), "failover(node2), then cup1.services is up: see --node1 and my-node1."),
    (Names("a", "A"), "failover(node2), then node1.services is up: see --node1 and my-node1."),
    (Names("node2"), "failover(node2), then node1.services is up: see --node1 and my-node1."),
    (Names(), "failover(node2), then node1.services is up: see --node1 and my-node1."),
])
def test_a_sentence_has_the_names_of_its_nodes_as_far_as_they_are_known(names, sentence):
    said = "failover(node2), then node1.services is up: see --node1 and my-node1."
    assert names.out(said) == sentence


@pytest.mark.parametrize(("names", "command", "spelt"), [
    (IMP, "failover(node2)", "utils ha failover impB.corp.example"),
    (IMP, "recover", "utils ha recover Sales"),
    (IMP, "disable_ha", ""),
    (Names("a", "b"), "recover", "utils ha recover"),
    (Names("a", "b", "Head Office"), "recover", "utils ha recover 'Head Office'"),
    (Names("a", "b", "x;$(reboot)"), "recover", "utils ha recover 'x;$(reboot)'"),
    (Names("a", "b", "O'Brien"), "recover", """utils ha recover 'O'"'"'Brien'"""),
    (Names("a", "b", "x`id`"), "recover", "utils ha recover 'x`id`'"),
    (Names("a", "b", "x & y | z > w"), "recover", "utils ha recover 'x & y | z > w'"),
    (Names("a", "b", "Zürich"), "recover", "utils ha recover 'Zürich'"),
    (Names("a", "b", "a_B-1.x:9"), "recover", "utils ha recover a_B-1.x:9"),
    (Names("a;ls", "b"), "failover(node1)", "utils ha failover 'a;ls'"),
    (Names("a;ls", "b"), "fallback(node2)", "utils ha fallback b"),
    (Names("fe80::1", "fe80::2"), "fallback(node2)", "utils ha fallback fe80::2"),
    (Names("node1", "node2"), "failover(node1)", "utils ha failover node1"),
    (Names("a"), "failover(node1)", ""),
    (Names("a", "a"), "failover(node1)", ""),
])
def test_the_commands_of_the_product_in_its_spelling(names, command, spelt):
    assert names.product(command) == spelt


@pytest.mark.parametrize("group", [
    "Sales", "Head Office", "x;$(reboot)", "O'Brien", "'quoted'", "x`id`", 'say "x"', "a  b", "#1", "~",
])
def test_a_command_that_is_quoted_is_taken_back(group):
    names = Names("a", "b", group)
    assert names.event(PRG, names.product("recover")) == "recover"
    assert names.event(PRG, f"utils ha recover {group}") == "recover"
    host = Names("a", f"{group}.example")
    assert host.event(PRG, host.product("fallback(node2)")) == "fallback(node2)"


LABEL = st.sampled_from(("a", "A", "b", "imp", "node1", "node2", "Node1", "node-2", "10", "1", "state", "example"))
HOST = st.one_of(st.just(""), st.lists(LABEL, min_size=1, max_size=4).map(".".join),
                 st.sampled_from(("fe80::1", "fe80::2", "::1")))


@given(HOST, HOST, st.sampled_from(("node1", "node2")))
def test_every_name_that_is_printed_is_taken_back(node1, node2, seat):
    names = Names(node1, node2)
    assert names.seat(names.out(seat)) == seat
    for said in (f"failover({seat})", f"{seat}.services"):
        assert names.into(names.out(said)) == said
    assert names.into(str(names.shown[seat]).upper()) == seat


# ------------------------------------------------------------------------- the command line


STATUS = """admin: utils ha status
Subcluster Name: Sales
Node 1 Name : impA.corp.example State: Idle Reason: On Admin Request
Node 2 Name : impB.corp.example State: Running in Backup Mode Reason: On Admin Request
"""


@pytest.fixture
def status(tmp_path):
    file = tmp_path / "status.txt"
    file.write_text(STATUS)
    return file


@pytest.fixture
def kept(run, tmp_path):
    """A state file of a pair with host names, after a failover."""
    file = tmp_path / "state.json"
    at = ("--state", file)
    for words in (("init", "--group", "Sales", "--node", "imp-pub.corp.example", "--node", "imp-sub.corp.example"),
                  ("enable",), ("wait",), ("failover", "imp-pub"), ("wait",)):
        assert run("ha", words[0], *at, *words[1:]).code == 0
    return file


@pytest.fixture
def group(tmp_path):
    from tests.test_group import GOOD

    file = tmp_path / "group.toml"
    file.write_text(GOOD)
    return file


def test_why_not_takes_a_host_and_answers_with_hosts(run, status):
    said = run("why-not", "fallback(impB)", status)
    assert said.out == (
        "fallback(impB) is refused:\n"
        "  impB is Running in Backup Mode, and must be Failed Over or Idle\n"
        "  impA is Idle, and must be Running in Backup Mode\n"
        "What enables it soonest: 5 steps\n"
        "  fallback(impA), then wait for takeback_done(impA), then failover(impB), then\n"
        "    wait for takeover_done(impA) and taken_over(impB)\n")
    assert run("why-not", "FALLBACK(impB)", status).code == 2
    for bare in ("fallback", "Fallback", "utils ha fallback"):
        assert run("why-not", bare, status).err == (
            f"prgcore: '{bare}' is about one node: say which, as fallback(impA) or fallback(impB)\n")
    for spelt in (names.product("fallback(node2)") for names in (IMP, Names("impA", "impB"))):
        assert run("why-not", spelt, status).out == said.out
    assert run("why-not", "utils ha recover sales", status).out.startswith("recover is refused:\n")
    assert run("why-not", "fallback(IMPA.corp.example)", status).out == "fallback(impA) is accepted now.\n"
    assert json.loads(run("why-not", "fallback(impB)", status, "--json").out) == json.loads(
        run("why-not", "fallback(node2)", status, "--json").out)


@pytest.mark.parametrize("words", [
    ("plan",), ("plan", "--goal", "impA.state=normal"), ("available",), ("users",),
    ("users", "--after", "takeover_done(impB)"), ("why-not", "fallback(impB)"),
    ("available", "--set", "impB.services=up"), ("explain", "--set", "impB.corp.example.database=up"),
])
def test_an_answer_to_people_has_no_seat_where_hosts_are_known(run, status, words):
    answer = run(*words, status)
    assert answer.code == 0
    assert "impA" in answer.out
    for said in (answer.out, answer.err):
        assert not re.search(r"(?<!@)node[12]", said)
        assert max(map(len, said.splitlines()), default=0) <= 80


def test_the_words_of_json_are_seats(run, status):
    for words in (("plan", "--goal", "impA.state=normal"), ("available",), ("users",),
                  ("why-not", "fallback(impB)"), ("explain", "--set", "impB.services=up")):
        said = json.loads(run(*words, status, "--json").out)
        text = json.dumps(said.get("groups", [said])[0].get("explanation", said))
        assert "node1" in text
        assert "impA" not in text


@pytest.mark.parametrize(("words", "error"), [
    (("why-not", "fallback(impC)"), "unknown node 'impC'; the nodes are impA.corp.example (node1) and"),
    (("why-not", "utils ha recover Support"), "the group is 'Sales', not 'Support'"),
    (("why-not", "utils ha failover impC"), "unknown node 'impC'; the nodes are impA.corp.example"),
    (("why-not", "falback(impA)"), "unknown command 'falback(impA)'; did you mean fallback(impA), "),
    (("plan", "--goal", "impC.state=normal"), "--goal: unknown node 'impC'; the nodes are impA.corp."),
    (("plan", "--goal", "impA.stat=normal"), "--goal: unknown column 'impA.stat'; did you mean impA.state"),
    (("plan", "--goal", "impA.state=norml"), "--goal impA.state: unknown value 'norml'; did you mean normal"),
    (("available", "--set", "impA.services=up", "--set", "node1.services=stopped"),
     "--set node1.services is given twice: 'up' and 'stopped'"),
    (("users", "--after", "takeover_done(impC)"), "unknown node 'impC'; the nodes are impA.corp.example"),
    (("explain", "--set", "impC.services=up"), "--set: unknown node 'impC'; the nodes are impA.corp."),
])
def test_an_error_about_a_name_lists_the_hosts(bad, status, words, error):
    assert error in bad(*words, status)


def test_an_event_that_cannot_happen_is_refused_in_the_words_of_people(run, status):
    answer = run("step", status, "power_on(impB)")
    assert answer.code == 1
    assert "power_on(impB) cannot happen here" in answer.err
    assert "node2" not in answer.err
    assert json.loads(run("step", status, "power_on(impB)", "--json").out)["message"].startswith("power_on(node2)")


def test_step_takes_a_host_of_a_state_file(run, kept):
    said = run("step", kept, "fallback(imp-pub)").out
    assert said.startswith("fallback(imp-pub): done by M110@node1\n")
    assert "changes  imp-pub Idle -> Taking Back" in said
    assert json.loads(run("step", kept, "fallback(imp-pub)", "--json").out) == json.loads(
        run("step", kept, "fallback(node1)", "--json").out)


def test_ha_takes_short_names_and_answers_with_them(run, bad, kept):
    at = ("--state", kept)
    refused = run("ha", "failover", "IMP-PUB", *at).out
    assert "Node > imp-pub.corp.example\nRequest FAILED.\n  imp-pub.state is idle, needs normal" in refused
    assert run("ha", "event", "power_off(imp-sub)", *at).out.startswith("power_off(imp-sub): done by")
    assert bad("ha", "failover", "imp", *at) == (
        "unknown node 'imp'; the nodes are imp-pub.corp.example (node1) and imp-sub.corp.example (node2)")
    assert bad("ha", "event", "power_on(imp-pub)", *at, code=1).startswith("power_on(imp-pub) cannot ")


def test_a_host_in_a_text_of_several_groups_is_one_of_its_own_group(run, bad, tmp_path):
    other = STATUS.replace("Sales", "Support").replace("impA", "impC").replace("impB", "impD")
    file = tmp_path / "both.txt"
    file.write_text(STATUS + other)
    answers = json.loads(run("explain", file, "--set", "impA.database=down", "--json").out)["groups"]
    alone = json.loads(run("explain", file, "--json").out)["groups"]
    seated = json.loads(run("explain", file, "--set", "node1.database=down", "--json").out)["groups"]
    assert [a["explanation"] for a in answers] == [seated[0]["explanation"], alone[1]["explanation"]]
    assert seated[1]["explanation"] != alone[1]["explanation"]
    assert bad("explain", file, "--set", "impE.database=up") == (
        "--set: unknown node 'impE'; the nodes are impA.corp.example (node1) and impB.corp.example (node2); "
        "impC.corp.example (node1) and impD.corp.example (node2)")
    assert bad("explain", file, "--set", "impA.databas=up").startswith(
        "--set: unknown column 'impA.databas'; did you mean impA.database")


def test_a_group_file_names_the_nodes_of_every_question(run, bad, group, tmp_path):
    machine = ("--machine", group)
    assert run("why-not", "recover", *machine).out.startswith(
        "recover is refused:\n  ha is off, and must be on\n  cup1 is Unknown, and must be ")
    assert run("step", "failover(CUP2)", *machine).out.startswith("failover(cup2): refused\n")
    assert "unknown node 'cup3'; the nodes are cup1 (node1) and cup2 (node2)" in bad(
        "step", "failover(cup3)", *machine)
    story = tmp_path / "story.txt"
    story.write_text("start normal\nfailover(cup1)\nexpect cup1 Failing Over\n"
                     "expect cup2.state = taking_over\nrefused recover\n")
    told = run("simulate", story, *machine)
    assert told.code == 0
    assert not re.search(r"(?<!@)node[12]", told.out)
    assert "failover(cup1)" in told.out
    assert "cup1 Normal -> Failing Over" in told.out
    for line, error in (("failover(cup3)", "unknown node 'cup3'; the nodes are cup1 (node1) and"),
                        ("expect cup9 Normal", "expect needs COLUMN = VALUE or cup1 STATE / REASON, not"),
                        ("expect cup1.stat = normal", "unknown column 'cup1.stat'; did you mean cup1.s"),
                        ("falover(cup1)", "unknown event 'falover(node1)'; did you mean failover(cup1)")):
        story.write_text(line)
        assert f"line 1: {error}" in bad("simulate", story, *machine)


TAKEN = {
    "diagram --event": ("diagram", "node", "--event", "failover({})", "--machine", "GROUP"),
    "diagram --column": ("diagram", "node", "--column", "{}.state", "--machine", "GROUP"),
    "diagram --rows": ("diagram", "matrix", "--rows", "{}.state", "--columns", "node1.state",
                      "--machine", "GROUP"),
    "diagram --columns": ("diagram", "matrix", "--columns", "{}.state", "--machine", "GROUP"),
    "diagram --set": ("diagram", "around", "STATUS", "--set", "{}.services=up"),
    "step words": ("step", "STATUS", "fallback({})"),
    "step --set": ("step", "STATUS", "recover", "--set", "{}.services=up"),
    "conform --hidden": ("conform", "LOG", "--hidden", "power_off({})", "--machine", "GROUP"),
    "explain --set": ("explain", "STATUS", "--set", "{}.services=up"),
    "available --set": ("available", "STATUS", "--set", "{}.services=up"),
    "why-not command": ("why-not", "fallback({})", "STATUS"),
    "why-not --set": ("why-not", "recover", "STATUS", "--set", "{}.services=up"),
    "plan --set": ("plan", "STATUS", "--set", "{}.services=up"),
    "plan --goal": ("plan", "STATUS", "--goal", "{}.state=normal"),
    "users --set": ("users", "STATUS", "--set", "{}.services=up"),
    "users --after": ("users", "STATUS", "--after", "takeover_done({})"),
    "diff --column": ("diff", "prg", "GROUP", "--column", "{}.state", "--format", "mermaid", "--whole"),
    "explore --set": ("explore", "STATUS", "-o", "-", "--set", "{}.services=up"),
    "ha failover node": ("ha", "failover", "{}", "--state", "KEPT"),
    "ha fallback node": ("ha", "fallback", "{}", "--state", "KEPT"),
    "ha event events": ("ha", "event", "power_off({})", "--state", "KEPT"),
}
"""Every word of a command line that names a node, an event or a column."""
AGENTS = {"agent node", "ha start node"}
"""Those that need agents; `Group.member` reads them."""


def test_every_word_that_names_a_node_is_in_the_table():
    import click

    from prgcore.cli.app import ROOT

    def words(command, path, context):
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                yield from words(command.get_command(context, name), (*path, name), context)
        for one in command.params:
            if re.search("EVENT|NODE|COLUMN|COMMAND", one.metavar or "") and "NODE=" not in one.metavar:
                yield " ".join((*path, one.opts[0]))

    fleets = {  # many pairs, whose hosts nobody names
        "availability --rate", "simulate-fleet --rate", "fleet simulate --rate", "fleet conform --hidden"}
    found = {*words(ROOT, (), click.Context(ROOT))}
    assert found - {"users assign groups"} - fleets == TAKEN.keys() | AGENTS
    assert fleets < found


@pytest.mark.parametrize("words", TAKEN.values(), ids=TAKEN)
def test_a_command_takes_the_short_name_of_a_host_in_any_case(run, tmp_path, words):
    from tests.test_group import GOOD

    files = {name: tmp_path / name for name in ("STATUS", "LOG", "KEPT", "GROUP")}
    files["GROUP"] = tmp_path / "group.toml"
    files["GROUP"].write_text(GOOD.replace('"cup1"', '"impA.corp.example"').replace('"cup2"', '"impB.corp.example"'))
    files["STATUS"].write_text(STATUS)
    files["LOG"].write_text("")
    made = []
    for name in ("node2", "IMPB"):
        if "KEPT" in words:
            files["KEPT"].unlink(missing_ok=True)
            assert run("ha", "init", "--node", "impA.corp.example", "--node", "impB.corp.example",
                       "--state", files["KEPT"]).code == 0
        asked = [str(files.get(word, word)).format(name) for word in words]
        made.append(run(*asked))
        assert made[-1].code in (0, 1), made[-1].err
    assert made[0] == made[1]


def test_a_host_that_is_called_like_the_other_seat_is_not_taken_for_it(run, tmp_path):
    file = tmp_path / "swapped.txt"
    file.write_text(STATUS.replace("impA.corp.example", "node2").replace("impB.corp.example", "node1"))
    for said in ("fallback(node2)", "fallback(node 1)", "utils ha fallback node2"):
        assert run("why-not", said, file).out == "fallback(node2) is accepted now.\n"
    assert run("why-not", "fallback(node1)", file).out.startswith(
        "fallback(node1) is refused:\n  node1 is Running in Backup Mode, and must be")
    assert "1  fallback(node2)       command     node2 Idle -> Taking Back" in run("plan", file).out


def test_notices_and_errors_fit_a_terminal_and_are_one_line_elsewhere(run, status, monkeypatch):
    long = ("why-not", "fallback(impQ)", status)
    piped = run(*long).err
    assert (piped.count("\n"), len(piped) > 80) == (1, True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    folded = run(*long).err
    assert " ".join(folded.split()) == piped.strip()
    assert max(map(len, folded.splitlines())) <= 80


def test_an_event_of_a_machine_of_its_own_needs_no_node():
    from attrs import evolve

    from prgcore.engine import Engine
    from prgcore.machine import PRG

    model = evolve(PRG.model, events=(*PRG.model.events, evolve(PRG.model.events[0], name="set(red)")))
    assert IMP.event(Engine(model), "set(red)") == "set(red)"
