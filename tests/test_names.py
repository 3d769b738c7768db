"""Names: every name that is printed is taken back, and no node is taken for the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    (Names("node1", "node2"), "failover(node1)", "utils ha failover node1"),
    (Names("a"), "failover(node1)", ""),
    (Names("a", "a"), "failover(node1)", ""),
])
def test_the_commands_of_the_product_in_its_spelling(names, command, spelt):
    assert names.product(command) == spelt


LABEL = st.sampled_from(("a", "A", "b", "imp", "node1", "node2", "Node1", "10", "1", "state", "example"))
HOST = st.one_of(st.just(""), st.lists(LABEL, min_size=1, max_size=4).map(".".join),
                 st.sampled_from(("fe80::1", "fe80::2", "::1")))


@given(HOST, HOST, st.sampled_from(("node1", "node2")))
def test_every_name_that_is_printed_is_taken_back(node1, node2, seat):
    names = Names(node1, node2)
    assert names.seat(names.out(seat)) == seat
    for said in (f"failover({seat})", f"{seat}.services"):
        assert names.into(names.out(said)) == said
    assert names.into(str(names.shown[seat]).upper()) == seat
