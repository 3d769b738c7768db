"""Pastes: what people and programs make of a status, read without a guess, line by line."""

from __future__ import annotations

import io
import json
import re
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prgcore import PRG
from prgcore.cli import main
from prgcore.explain.display import spell
from prgcore.explain.status import PRODUCT, Status, parse
from prgcore.vocabulary import Reason, State, title
from tests.pastes import UNNAMED, product, rows, said, spellings, wrapped
from tests.test_status import DISPLAYS

BOTH = "a Normal, b Normal"
ROW3 = "a Idle / On Admin Request, b Running in Backup Mode / On Admin Request"
ROW12 = ("a Failed Over with Critical Services Not Running / Critical Service Down, "
         "b Running in Backup Mode / Critical Service Down")
ROW16 = "a Running in Backup Mode / Peer Down, b shows nothing"
IDLE, BACKUP = "State: Idle Reason: On Admin Request", (
    "State: Running in Backup Mode Reason: On Admin Request")
PAIR = f"Node 1 Name : a {IDLE}\nNode 2 Name : b {BACKUP}\n"
ALONE = ("Node 1 Name : a State: Running in Backup Mode Reason: Peer Down\n"
         "Node 2 Name : b State:\n")


def told(status: Status) -> str:
    """The groups of a status, one after the other, and the numbers of the lines that are not used."""
    groups = []
    for group in status.groups:
        nodes = ", ".join(f"{n.name or '-'} {spell(n.shown)}" + "".join(f" ?{s}" for s in n.strange)
                          for n in group.nodes)
        groups.append((f"{group.name}: " if group.name else "") + nodes
                      + (f" (seat {group.seat})" if group.seat else "")
                      + f" after {len(group.earlier)}" * bool(group.earlier)
                      + f" [{group.remark}]" * bool(group.remark))
    unused = f" | {','.join(map(str, status.ignored))}" if status.ignored else ""
    return "; ".join(groups) + unused


HEADINGS = {
    "the issue": ("Node 1:\nName: a\nState: Normal\nNode 2:\nName: b\nState: Normal\n", BOTH),
    "without colons": ("Node 1\nName: a\nState: Normal\nNode 2\nName: b\nState: Normal\n", BOTH),
    "underlined": ("Node 1\n------\nName: a\nState: Normal\n\nNode 2\n------\nName: b\nState: Normal\n",
                   f"{BOTH} | 2,7"),
    "of Markdown": (("## Node 1\n- **Name:** a\n- **State:** Normal\n\n## Node 2\n- **Name:** b\n"
                    "- **State:** Normal\n"), BOTH),
    "in brackets": ("[Node 1]\nname = a\nstate = Normal\n[Node 2]\nname = b\nstate = Normal\n", BOTH),
    "between rules": (("=== Node 1 ===\nHost Name: a\nState: Normal\n=== Node 2 ===\nHost Name: b\n"
                      "State: Normal\n"), BOTH),
    "servers": ("Server 1:\n  Hostname: a\n  State: Normal\nServer 2:\n  Hostname: b\n  State: Normal\n",
                BOTH),
    "with a hash": ("Node #1\nName: a\nState: Normal\nNode #2\nName: b\nState: Normal\n", BOTH),
    "with blank lines": ("Node 1:\n\nName: a\n\nState: Normal\n\nNode 2:\n\nName: b\n\nState: Normal\n",
                         BOTH),
    "the second first": ("Node 2:\nName: b\nState: Normal\nNode 1:\nName: a\nState: Normal\n", BOTH),
    "without names": ("Node 1:\nState: Normal\nNode 2:\nState: Normal\n", "- Normal, - Normal"),
    "with a name beside": ("Node 1: a\nState: Normal\nNode 2: b\nState: Normal\n", BOTH),
    "with the state beside": (("Node 1: Idle / On Admin Request\nNode 2: Running in Backup Mode / "
                              "On Admin Request\n"), ROW3.replace("a ", "- ").replace("b ", "- ")),
    "with the number in each label": (
        ("Node 1 Name: a\nNode 1 State: Idle\nNode 1 Reason: On Admin Request\nNode 2 Name: b\n"
        "Node 2 State: Running in Backup Mode\nNode 2 Reason: On Admin Request\n"), ROW3),
    "a node that shows nothing": (
        "Node 1:\nName: a\nState: Running in Backup Mode\nReason: Peer Down\nNode 2:\nName: b\nState:\n",
        ROW16),
    "a list of YAML": ("- node: 1\n  name: a\n  state: Normal\n- node: 2\n  name: b\n  state: Normal\n",
                       BOTH),
}

OTHERS = {
    "the command of the document": (
        ALONE + "Cluster Replication State: Only available on the PUB\n", f"{ROW16} | 3"),
    "a ticket": (PAIR + "Ticket, Reason: Initialization\n", f"{ROW3} | 3"),
    "a list of services": (
        PAIR + "Cisco XCP Router[STARTED]\nCisco Presence Engine[STOPPED]  Critical Service Down\n",
        f"{ROW3} | 3,4"),
    "a signature": (PAIR + "-- \nJo Miller\nCity: Neuss\nState: NRW\n", f"{ROW3} | 3,4,5,6"),
    "a signature of labels": (PAIR + "Name: Jo\nCity: Neuss\nState: NRW\n", f"{ROW3} | 3,4,5"),
    "a log": (PAIR + "Nov 22 09:14:02 imp1 local7 3 : SRMFailover : Reason: Peer Down\n",
              f"{ROW3} | 3"),
    "a log before": ("Nov 22 09:14:02 imp1 local7 3 : SRM : State: Failed Reason: Peer Down\n" + PAIR,
                     f"{ROW3} | 1"),
    "a log line that begins with its time": (
        PAIR + "Nov 22 09:14:02 Reason: Peer Down\n", f"{ROW3} | 3"),
    "an alarm after": (PAIR + "SRMFailover\n  NodeID : a\n  State : Failed\n  Reason : Peer Down\n",
                       f"{ROW3} | 3,4,5,6"),
    "an alarm before": ("SRMFailover\n  State : Failed Over\n  Reason : Peer Down\n" + PAIR,
                        f"{ROW3} | 1,2,3"),
    "the state of a database": (PAIR + "DB State: Normal\nReplication State: (2) Setup Completed\n",
                                f"{ROW3} | 3,4"),
    "the state of something, alone": (PAIR + "\nState: Idle\n", f"{ROW3} | 4"),
    "a node in prose before": ("Node 1: was rebooted at nine\nNode 2: not touched\n" + PAIR,
                               f"{ROW3} | 1,2"),
    "a group of users": (PAIR + "User Group: staff\nHunt group: 12\n", f"{ROW3} | 3,4"),
    "the state behind a state": (
        f"Node 1 Name : a {IDLE}\nNode 2 Name : b {BACKUP} Replication State: Good\n", ROW3),
    "between the nodes": (
        f"Node 1 Name : a {IDLE}\nPeer State: Normal\nLast Reason: Peer Down\nNode 2 Name : b {BACKUP}\n",
        f"{ROW3} | 2,3"),
    "the reason of something, after Normal": (
        "Node 1 Name : a State: Normal\nNode 2 Name : b State: Normal\nCase 1234\nReason: Peer Down\n",
        f"{BOTH} | 3,4"),
    "two reasons": (PAIR + "Reason: Peer Down\n", f"{ROW3} | 3"),
    "a table of the replication": (
        PAIR + "SERVER-NAME   IP ADDRESS   RPC?   REPLICATION SETUP\na     10.0.0.1   Y/Y   (2) Setup Completed\n",
        f"{ROW3} | 3,4"),
    "a table of addresses": (PAIR + "Name,Street,City,State\nJo,Main Street,Neuss,NRW\n", f"{ROW3} | 3,4"),
    "a phone": (PAIR + '{"name": "SEP0011", "status": "Registered"}\n', f"{ROW3} | 3"),
    "a server in prose": ("Server: I rebooted the second one.\n" + PAIR + "Host: console\n",
                          f"{ROW3} | 1,4"),
    "a label in a word": (PAIR + "Upstate: Normal\nEstate: Idle\nunreason: Peer Down\n", f"{ROW3} | 3,4,5"),
}

COUNTS = {
    "three": ("Subcluster Name: HQ\nName: a\nState: Normal\nName: b\nState: Normal\nName: c\nState: Idle\n",
              ("HQ: a Normal, b Normal, c Idle [the text shows 3 nodes of this group (a, b, c), and a "
               "group has at most two]")),
    "three by number": (
        "Subcluster Name: HQ\n" + "".join(f"Node {n} Name : h{n} State: Normal\n" for n in (1, 2, 3)),
        ("HQ: h1 Normal, h2 Normal, h3 Normal [the text shows 3 nodes of this group (h1, h2, h3), and "
         "a group has at most two]")),
    "four": ("".join(f"Name: {n}\nState: Normal\n" for n in "abcd"),
             ("a Normal, b Normal, c Normal, d Normal [the text shows 4 nodes of this group (a, b, c, d), "
              "and a group has at most two]")),
    "a table of three": (
        "Server,State\na,Normal\nb,Normal\nc,Normal\n",
        ("a Normal, b Normal, c Normal [the text shows 3 nodes of this group (a, b, c), and a group has "
         "at most two]")),
    "a number twice": (
        "Node 1 Name : a State: Idle\nNode 1 Name : b State: Normal\n",
        ("a Idle, b Normal [the text does not show two nodes of this group; the number 1 is there more "
         "than once]")),
    "a name twice": (
        "Node 1 Name : a State: Idle\nNode 2 Name : a State: Normal\n",
        "a Idle, a Normal [the text does not show two nodes of this group; a is there more than once]"),
    "a name twice, in other case": (
        "Name: imp\nState: Idle\nName: IMP\nState: Normal\n",
        ("imp Idle, IMP Normal [the text does not show two nodes of this group; imp is there more than "
         "once]")),
    "a name twice, once with its domain": (
        "Name: imp1\nState: Idle\nName: imp1.example.com\nState: Normal\n",
        ("imp1 Idle, imp1.example.com Normal [the text does not show two nodes of this group; imp1 is there "
         "more than once]")),
    "a third that is the first": (
        PAIR + f"Node 1 Name : a {IDLE}\n",
        (f"{ROW3}, a Idle / On Admin Request [the text shows 3 nodes of this group (a, b, a), and a group "
         "has at most two; a and the number 1 are there more than once]")),
    "two times two under one name": (
        "Subcluster Name: HQ\n" + PAIR + PAIR.replace(" a ", " c ").replace(" b ", " d "),
        (f"HQ: {ROW3}, c Idle / On Admin Request, d Running in Backup Mode / On Admin Request [the text "
         "shows 4 nodes of this group (a, b, c, d), and a group has at most two; the number 1 and the "
         "number 2 are there more than once]")),
    "two times two without a name": (
        PAIR + PAIR.replace(" a ", " c ").replace(" b ", " d "),
        f"{ROW3}; c Idle / On Admin Request, d Running in Backup Mode / On Admin Request"),
    "three states without a name": (
        "State: Normal\nState: Normal\nState: Normal\n",
        ("- Normal, - Normal, - Normal [the text shows 3 nodes of this group (a node without a name, "
         "a node without a name, a node without a name), and a group has at most two]")),
    "three moments": (f"Subcluster Name: HQ\n{PAIR}" * 3, f"HQ: {ROW3} after 2"),
    "three moments without a name": (PAIR * 3, f"{ROW3} after 2"),
    "moments with another group between": (
        (f"Subcluster Name: HQ\n{PAIR}Subcluster Name: X\nName: c\nState: Normal\nName: d\nState: Normal\n"
        f"Subcluster Name: HQ\n{PAIR}"), f"HQ: {ROW3} after 1; X: c Normal, d Normal"),
    "moments from both seats": (
        f"Name: a\n{IDLE}\nName: b\n{BACKUP}\nName: b\n{BACKUP}\nName: a\n{IDLE}\n",
        ("b Running in Backup Mode / On Admin Request, a Idle / On Admin Request after 1")),
    "moments of two tables": (
        "Server,State\na,Normal\nb,Normal\n\nServer,State\na,Idle\nb,Backup Mode\n",
        "a Idle, b Running in Backup Mode after 1"),
    "the group in another case, hosts without a domain": (
        ("Subcluster Name: HQ\nNode 1 Name : a.example State: Normal\nNode 2 Name : b.example State: Normal\n"
        "Subcluster Name: hq\nNode 1 Name : a State: Idle\nNode 2 Name : b State: Backup Mode\n"),
        "HQ: a Idle, b Running in Backup Mode after 1"),
    "a last moment that is cut": (
        f"Subcluster Name: HQ\n{PAIR}Subcluster Name: HQ\nNode 1 Name : a {BACKUP}\n",
        ("HQ: a Running in Backup Mode / On Admin Request (seat 1) after 1 [the text shows this group 2 "
         "times, and the last time only a]")),
    "one group from two windows": (
        f"Subcluster Name: HQ\n{PAIR}Server\tState\tReason\na\tNormal\tNormal\nb\tNormal\tNormal\n",
        "HQ: a Normal / Normal, b Normal / Normal after 1"),
}

LONE = {
    "node 1": ("Node 1 Name : a State: Running in Backup Mode Reason: Peer Down\n",
               "a Running in Backup Mode / Peer Down (seat 1)"),
    "node 2": ("Node 2 Name : b State: Running in Backup Mode Reason: Peer Down\n",
               "b Running in Backup Mode / Peer Down (seat 2)"),
    "in a group": ("Subcluster Name: G\nName: a\nState: Running in Backup Mode\nReason: Peer Reboot\n",
                   "G: a Running in Backup Mode / Peer Reboot (seat 1)"),
    "without a group": ("Name: a\nState: Running in Backup Mode\nReason: Peer Reboot\n",
                        "a Running in Backup Mode / Peer Reboot"),
    "Normal": ("Node 1 Name : a State: Normal\n", "a Normal (seat 1)"),
    "a row of a table": ("Server\tState\tReason\na\tRunning in Backup Mode\tPeer Down\n",
                         "a Running in Backup Mode / Peer Down"),
    "a heading": ("Node 2:\nName: b\nState: Backup Mode\nReason: Peer Down\n",
                  "b Running in Backup Mode / Peer Down (seat 2)"),
    "JSON": ('{"group": "G", "nodes": [{"name": "a", "state": "Backup Mode", "reason": "Peer Down"}]}',
             "G: a Running in Backup Mode / Peer Down (seat 1)"),
    "behind noise": (("admin:utils ha status\nplease wait\nNode 1 Name : a State: Backup Mode Reason: Peer "
                     "Down\nCisco XCP Router[STARTED]\n"),
                     "a Running in Backup Mode / Peer Down (seat 1) | 2,4"),
    "a state without a name beside it": (
        "Node 1 Name : a State: Backup Mode Reason: Peer Down\nthe other:\nState: Idle\n",
        ("a Running in Backup Mode / Peer Down (seat 1) [line 3 has a state without a name, and the text "
         "shows only a of this group] | 2,3")),
    "nothing at all": ("Node 1 Name : a State:\n", "a shows nothing (seat 1)"),
}

TABLES = {
    "as the window names its fields": (
        "Presence Server\tState\tReason\na\tIdle\tOn Admin Request\nb\tRunning in Backup Mode\t\n",
        "a Idle / On Admin Request, b Running in Backup Mode"),
    "tabs": ("Server\tState\tReason\na\tIdle\tOn Admin Request\nb\tRunning in Backup Mode\tOn Admin Request",
             ROW3),
    "tabs without titles": ("a\tIdle\tOn Admin Request\nb\tRunning in Backup Mode\tOn Admin Request\n", ROW3),
    "strokes": ("a | Idle | On Admin Request\nb | Running in Backup Mode | On Admin Request\n", ROW3),
    "strokes with titles": (
        (" Node | State | Reason \n------+-------+--------\n a | Idle | On Admin Request\n"
        " b | Backup Mode | On Admin Request\n(2 rows)\n"), f"{ROW3} | 5"),
    "commas": ("name,state,reason\na,Idle,On Admin Request\nb,Backup Mode,On Admin Request\n", ROW3),
    "quoted cells": (('"Server","State","Reason"\n"a","Idle","On Admin Request"\n"b","Backup Mode",'
                     '"On Admin Request"\n'), ROW3),
    "semicolons": ("Server;State;Reason\na;Idle;On Admin Request\nb;Backup Mode;On Admin Request\n", ROW3),
    "other columns": (
        ("Group,Node,Server,Users,State,Reason\nHQ,1,a,1200,Idle,On Admin Request\n"
        "HQ,2,b,900,Backup Mode,On Admin Request\n"), f"HQ: {ROW3}"),
    "two groups": (
        "Group;Server;State\nX;a;Normal\nX;b;Normal\nY;c;Normal\nY;d;Normal\n",
        f"X: {BOTH}; Y: c Normal, d Normal"),
    "another order": ("Reason,State,Name\nOn Admin Request,Idle,a\nOn Admin Request,Backup Mode,b\n", ROW3),
    "a node that shows nothing": ("Server\tState\tReason\na\tRunning in Backup Mode\tPeer Down\nb\t\t\n", ROW16),
    "the same with commas": ("Server,State,Reason\na,Running in Backup Mode,Peer Down\nb,,\n", ROW16),
    "Markdown": (("| Server | State | Reason |\n|:--|--|--:|\n| a | Idle | On Admin Request |\n"
                 "| b | Backup Mode | On Admin Request |\n"), ROW3),
    "a drawn frame": (
        ("┌────────┬─────────────┬──────────────────┐\n│ Server │ State       │ Reason           │\n"
        "├────────┼─────────────┼──────────────────┤\n│ a      │ Idle        │ On Admin Request │\n"
        "│ b      │ Backup Mode │ On Admin Request │\n└────────┴─────────────┴──────────────────┘\n"), ROW3),
    "wrapped cells": (
        ("| Server | State | Reason |\n| --- | --- | --- |\n| a | Failed Over with Critical | Critical |\n"
        "| | Services Not Running | Service Down |\n| b | Backup Mode | Critical |\n| | | Service Down |\n"),
        ROW12),
    "spaces": (("Server   State         Reason\na        Idle          On Admin Request\n"
               "b        Backup Mode   On Admin Request\n"), ROW3),
    "two columns": (("Name\ta\nState\tIdle\nReason\tOn Admin Request\nName\tb\nState\tBackup Mode\n"
                    "Reason\tOn Admin Request\n"), ROW3),
    "two columns with strokes": (
        ("| Name | a |\n| State | Idle |\n| Reason | On Admin Request |\n| Name | b |\n"
        "| State | Backup Mode |\n| Reason | On Admin Request |\n"), ROW3),
    "a list of JSON": (json.dumps([
        {"server": "a", "state": "Idle", "reason": "On Admin Request"},
        {"server": "b", "state": "Running in Backup Mode", "reason": "On Admin Request"}]), ROW3),
    "an object of JSON": (json.dumps({"subcluster": "HQ", "servers": [
        {"name": "a", "state": "idle", "reason": "on_admin_request"},
        {"name": "b", "state": "running_in_backup_mode", "reason": "on_admin_request"}]}, indent=1),
        f"HQ: {ROW3}"),
    "lines of JSON": (
        ('{"node":"a","state":"Idle","reason":"On Admin Request"}\n\n'
        '{"node":"b","state":"Backup Mode","reason":"On Admin Request"}\n'), ROW3),
    "JSON by seat": (json.dumps({"node1": {"name": "a", "state": "Normal"},
                                 "node2": {"name": "b", "state": "Normal", "reason": None}}), BOTH),
    "JSON by host": (json.dumps({"a": {"state": "Normal"}, "b": {"state": "Normal"}}), BOTH),
    "JSON after a prompt": (
        ('$ curl -s https://cucm.example/prg\n{"nodes": [{"name": "a", "state": "Normal"},\n'
        '{"name": "b", "state": "Normal"}]}\n$\n'), f"{BOTH} | 1,4"),
    "JSON with a blank": (json.dumps([{"name": "a", "state": "Backup Mode", "reason": "Peer Down"},
                                      {"name": "b", "state": None}]), ROW16),
    "strokes between cells only": (
        "Server | State | Reason\na | Running in Backup Mode | Peer Down\nb | | \n", ROW16),
    "broken JSON": ('{"nodes": [\n{"name": "a",\n"state": "Normal",\n},\n{"name": "b",\n"state": "Normal"},\n',
                    f"{BOTH} | 1,4"),
    "a name in a mail": ("> Server\tState\n> a\tNormal\n> b\tNormal\n\nThanks,\tJo\n", f"{BOTH} | 5"),
    "a table after the group": (
        "Presence Redundancy Group: HQ\nServer\tState\tReason\na\tNormal\tNormal\nb\tNormal\tNormal\n",
        "HQ: a Normal / Normal, b Normal / Normal"),
    "labels with tabs are no titles": (
        "Node 1\tName\t: a\tState:\nNode 2\tName\t: b\tState:\na\tfailed call, the state\tis\tnormal\n",
        "a shows nothing, b shows nothing | 3"),
    "a misspelt state": ("Server,State\na,Nromal\nb,Normal\n", "a shows nothing ?Nromal, b Normal"),
    "cells one below the other": (
        "Server\nState\nReason\na\nIdle\nOn Admin Request\nb\nRunning in Backup Mode\nOn Admin Request\n",
        ROW3),
}

QUOTED = "Subcluster Name: HQ\nNode 1 Name : a State: Normal\nNode 2 Name : b State: Normal\n"
MISREAD = {
    "a state and a reason that are the same unknown word": (
        ("Node 1 Name : a State: Norrnal Reason: Norrnal\n"
         "Node 2 Name : b State: Running in Backup Mode Reason: Peer Down\n"),
        "a shows nothing ?Norrnal ?Norrnal, b Running in Backup Mode / Peer Down"),
    "a hyphen before a wrapped state": (
        ("Node 1 Name : a State: Running in Backup Mode Reason: Peer Down\nNode 2 Name : b State:-\n"
         "Running in Failed Mode  Reas-\non: x\n"),
        ("a Running in Backup Mode / Peer Down, b shows nothing ?Running in Failed Mode  Reas- | 4")),
    "a wrap that makes another state": (
        ('Node 1 Name : a\n"State": "Failed\nOver", "node1.reason":\nNode 2 Name : b State: Normal\n'),
        'a shows nothing ?"Failed Over", "node1.reason":, b Normal'),
    "two states": ("Name: a\nState: Normal / Idle\nName: b\nState: Normal, Idle\n",
                   "a shows nothing ?Normal / Idle, b shows nothing ?Normal, Idle"),
    "a state that is the reason too": (
        "Name: a\nState: Failed / Unknown\nName: b\nState: Failed, Unknown\n",
        "a Running in Failed Mode / Unknown, b Running in Failed Mode / Unknown"),
    "two columns of states": (
        "Server\tState\tState\na\tIdle\tTaking Over\nb\tNormal\tBackup Mode\n", " | 1,2,3"),
    "hosts that are called like states": (
        "node1=Normal state=Unknown reason=, node2=Idle state=Unknown reason=\n",
        "Normal Unknown, Idle Unknown"),
    "hosts that are called like states, after a number": (
        "Node 1: Normal - Falling Back\nNode 2: Idle - Taking Back\n", " | 1,2"),
    "the state of a node in JSON in an object of its own": (
        json.dumps({"node1": {"name": "a", "ha": {"state": "Backup Mode", "reason": "Peer Down"}},
                    "node2": {"name": "b", "ha": {"state": "", "reason": ""}}}), ROW16),
    "the same in a list": (
        json.dumps([{"name": n, "ha": {"state": "Normal"}} for n in "ab"]), BOTH),
    "the same without names": (
        json.dumps({f"node{n}": {"ha": {"state": "Normal"}} for n in (1, 2)}), "- Normal, - Normal"),
    "other numbers": ("Node 2 Name : a State: Idle\nNode 3 Name : b State: Normal\n", "a Idle, b Normal"),
    "lines of grep": (
        "s.txt:1:Server\tStatus\ns.txt:2:a\tIdle\tx\ns.txt:3:b\tBackup Mode\tx\n", " | 1,2,3"),
    "addresses": ("::1\tIdle\t-\nfe80::2%eth0\tBackup Mode\t-\n",
                  "::1 Idle, fe80::2%eth0 Running in Backup Mode"),
    "a diff": ("".join(f"-{line}\n" for line in QUOTED.splitlines())
               + "".join(f"+{line}\n" for line in ("Subcluster Name: HQ\n" + PAIR).splitlines()),
               f"HQ: {ROW3} after 1"),
    "a diff of tables": (
        "-Server\tState\n-a\tNormal\n-b\tNormal\n+Server\tState\n+a\tIdle\n+b\tBackup Mode\n",
        "a Idle, b Running in Backup Mode after 1"),
    "a mail quotes an older status": (
        "Subcluster Name: HQ\n" + PAIR + "\nOn Monday Jo Miller wrote:\n"
        + "".join(f"> {line}\n" for line in QUOTED.splitlines()), f"HQ: {ROW3} after 1 | 5"),
    "a mail answers below": (
        "".join(f"> {line}\n" for line in QUOTED.splitlines()) + "\nnow:\nSubcluster Name: HQ\n" + PAIR,
        f"HQ: {ROW3} after 1 | 5"),
    "an older mail that is not quoted": (
        "Subcluster Name: HQ\n" + PAIR + "\n-----Original Message-----\nFrom: Jo\n" + QUOTED,
        f"HQ: {ROW3} after 1 | 5,6"),
    "a quotation without the name of the group": (
        f"{PAIR}\n" + "".join(f"> {line}\n" for line in QUOTED.splitlines()), f"HQ: {ROW3} after 1"),
    "a question mark": (
        "Server\tState\tReason\na\tBackup Mode\tPeer Down\nb\t?\t\n",
        "a Running in Backup Mode / Peer Down, b shows nothing ??"),
    "a reason without a state": (
        "Server\tReason\tState\na\tPeer Down\tBackup Mode\nb\tPeer Down\n",
        ("a Running in Backup Mode / Peer Down, b shows nothing [the State of b could not be read (line "
         "3); if a node shows none, leave it blank after its label]")),
    "a page number within a state": (
        ("Node 1 Name : a State: Failed Over\n2\nwith Critical Services Not Running\n"
         "Node 2 Name : b State: Backup Mode\n"),
        ("a shows nothing ?Failed Over with Critical Services Not Running, b Running in Backup Mode")),
    "a state before what looks like a label": (
        "node1=a state=Failed Over reas0n=Peer Down, node2=b state=Backup Mode\n",
        "a shows nothing ?Failed Over reas0n=Peer Down, b Running in Backup Mode"),
    "a reason beside a state that ends below": (
        "Node 1: Failed Over (Peer Down\n During Initialization)\nNode 2: Backup Mode (Peer Reboot)\n",
        ("- Failed Over / Peer Down During Initialization, - Running in Backup Mode / Peer Reboot")),
}
"""Texts of which something else was read once."""

DAMAGE = {
    "colours": (("\x1b[1;32mNode 1 Name :\x1b[0m a \x1b[32mState: Normal\x1b[m\n"
                "Node 2 Name : b State: \x1b[38;5;46mNormal\x1b[0m\n"), BOTH),
    "colours without their first sign": (
        "[1mNode 1 Name :[0m a State: [32mNormal[0m\nNode 2 Name : b State: [32mNormal[0m\n", BOTH),
    "colours as cat -v shows them": (
        "Node 1 Name : a State: ^[[32mNormal^[[0m\nNode 2 Name : b State: ^[[32mNormal^[[0m\n", BOTH),
    "a title and a cursor": (
        ("\x1b]0;imp1\x07\x1b[2J\x1b[HNode 1 Name : a\x1b[10CState: Normal\x1b[K\nNode 2 Name : b State: "
        "Normal\x1b[?25h\n"), BOTH),
    "a wrap in a word": (
        ("Node 1 Name : a State: Failed Over with Critical Ser\nvices not Running Reason: Critical Service "
        "Down\nNode 2 Name : b State: Backup Mode Reason: Critical Services Down\n"), ROW12),
    "a wrap in a reason": (
        ("Node 1 Name : a State: Failed Over with Critical Services not Running Reason: Criti\ncal Service "
        "Down\nNode 2 Name : b State: Backup Mode Reason: Critical Service D\nown\n"), ROW12),
    "a wrap in a label": (
        ("Node 1 Name : a    Sta\nte: Idle   Rea\nson: On Admin Request\nNode 2 Name : b State: Backup Mode "
        "Reason\n: On Admin Request\n"), ROW3),
    "a wrap in a name": (
        wrapped("\n".join(product(PRG.model.situations[0].display, (
            "presence-publisher.headquarters.example.com", "b"))), 50),
        "HQ: presence-publisher.headquarters.example.com Normal, b Normal"),
    "wraps everywhere": (
        wrapped(PAIR, 29), ROW3),
    "something between": (
        ("Node 1 Name : a State: Normal Assigned Users: 1200 Reason: Normal\n"
        "Node 2 Name : b State: Normal Assigned Users: 900 Reason: Normal\n"),
        "a Normal / Normal, b Normal / Normal"),
    "brackets": (("Node 1 Name : a (publisher) State: Idle (since 09:14) Reason: On Admin Request.\n"
                 "Node 2 Name : b (subscriber) State: Backup Mode, Reason: On Admin Request!\n"), ROW3),
    "equals": ("Node 1 Name = a State = Normal\nNode 2 Name = b State = Normal\n", BOTH),
    "full width": ("Node 1 Name\uff1aa State\uff1aNormal\nNode 2 Name\uff1d b State \uff1d Normal\n", BOTH),
    "arrows": ("name -> a\nstate -> Normal\nname \u2192 b\nstate => Normal\n", BOTH),
    "leaders": ("Name ......: a\nState .....: Normal\nName ......: b\nState .....: Normal\n", BOTH),
    "dashes": ("Name - a\nState - Normal\nName - b\nState - Normal\n", BOTH),
    "quotation marks": ("\"Name\": 'a',\n\u201cState\u201d: \u201cNormal\u201d\n'Name': b\n`State`: *Normal*\n",
                        BOTH),
    "backspaces": ("Node 1 Name : a State: Normlx\b\bal\nNode 2 Name : b State: N\bNormal\n", BOTH),
    "invisible signs": (("\ufeffNode 1 Name :\u200b a Sta\u00adte: Nor\u2060mal\nNode 2 Name : b "
                        "State:\u00a0Normal\u200f\n"), BOTH),
    "quotations of quotations": (
        ("> > Node 1 Name : a\n>> State: Failed Over with Critical\n>> Services not Running\n"
        ">> Reason: Critical Service Down\n> Node 2 Name : b State: Backup Mode\n"
        "> Reason: Critical Service Down\n"), ROW12),
    "a wrap that is cut by text": (
        "Node 1 Name : a State:\nFailed Over with Cri\nadmin:\nNode 2 Name : b State: Normal\n",
        "a shows nothing ?Failed Over with Cri, b Normal"),
    "a wrap that is misspelt": (
        "Node 1 Name : a State: Failed\nOvr\nNode 2 Name : b State: Normal\n",
        "a shows nothing ?Failed Ovr, b Normal"),
    "a word too many": ("Node 1 Name : a State: Failed Ovr Users: 12\nNode 2 Name : b State: Normal\n",
                        "a shows nothing ?Failed Ovr Users: 12, b Normal"),
    "a state that is cut": (
        "Node 1 Name : a State: Failed Over with Crit...\nNode 2 Name : b State: Normal\n",
        "a shows nothing ?Failed Over with Crit..., b Normal"),
    "a misspelt state": ("Node 1 Name : a State: Nromal\nNode 2 Name : b State: Normal\n",
                         "a shows nothing ?Nromal, b Normal"),
    "a page between": (
        ("Name: a\nState: Idle\n                page 1 of 2\nReason: On Admin Request\nName: b\n--More--\n"
        "State: Backup Mode\nReason: On Admin Request\n"), f"{ROW3} | 3,6"),
}

PAGES = {
    "a table": (
        ("<table><tr><th>Server</th><th>State</th><th>Reason</th></tr><tr><td>a</td><td>Idle</td><td>On Admin "
        "Request</td></tr><tr><td>b</td><td>Backup Mode</td><td>On Admin Request</td></tr></table>"), ROW3),
    "a row without titles": (
        ("<tr><td>a</td><td>Idle</td><td>On Admin Request</td></tr>\n<tr><td>b</td><td>Backup Mode</td>"
        "<td>On Admin Request</td></tr>\n"), ROW3),
    "a cell a line": (
        ("<TABLE BORDER=1>\n<TR>\n<TH>Server\n<TH>State\n<TH>Reason\n<TR>\n<TD>a\n<TD>Idle\n<TD>On Admin\n"
         "Request\n<TR>\n<TD>b\n<TD>Backup Mode\n<TD>On Admin Request\n</TABLE>\nThanks\n"), f"{ROW3} | 16"),
    "entities and nested tags": (
        ("<tr><th>Server<th>State<th>Reason</tr><tr><td><a href='?id=1&amp;x=2'>a</a><td><b>Failed Over</b>&nbsp;"
         "with Critical<br>Services <i>not</i> Running<td>Critical&#32;Service&#x20;Down</tr>\n<tr><td>b<td>"
         "<span class='x'>Running</span> in Backup Mode<td>Critical Service Down</tr>"), ROW12),
    "a whole page": (
        ("<!DOCTYPE html>\n<html><head><title>Groups</title>\n<style>td { x: y }</style>\n<script>\n"
         "if (a < b) { x = '<td>Normal</td>'; }\n</script></head>\n<body><div class='menu'>Home</div>\n"
         "<!-- <table><tr><td>old</td></tr></table> -->\n<table><tr><td>\n<table>\n<tr><th>Server</th>"
         "<th>State</th></tr>\n<tr><td>a</td><td>Normal</td></tr>\n<tr><td>b</td><td>Normal</td></tr>\n"
         "</table>\n</td></tr></table>\n</body></html>\n"), f"{BOTH} | 1,2,7"),
    "two tables": (
        ("<h2>Subcluster Name: X</h2><table><tr><th>Server<th>State<tr><td>a<td>Normal<tr><td>b<td>Normal</table>\n"
         "<h2>Subcluster Name: Y</h2><table><tr><th>Server<th>State<tr><td>c<td>Normal<tr><td>d<td>Idle</table>"),
        f"X: {BOTH}; Y: c Normal, d Idle"),
    "cells over several rows": (
        ("<table><tr><th>Group<th>Server<th>State</tr>\n<tr><td rowspan=2>X<td>a<td>Normal</tr>\n<tr><td>b<td>"
         "Normal</tr>\n<tr><td rowspan='2'>Y<td>c<td>Normal</tr>\n<tr><td>d<td>Idle</tr></table>"),
        f"X: {BOTH}; Y: c Normal, d Idle"),
    "a definition list": (
        ("<dl>\n<dt>Name</dt><dd>a</dd>\n<dt>State:</dt><dd>Idle</dd>\n<dt>Reason</dt><dd>On Admin Request</dd>\n"
         "<dt>Name</dt><dd>b</dd>\n<dt>State</dt><dd>Backup Mode</dd>\n<dt>Reason</dt><dd>On Admin Request</dd>\n"
         "</dl>\n"), ROW3),
    "a definition list of hosts": (
        "<dl><dt>imp1</dt><dd>Idle</dd><dd>On Admin Request</dd><dt>imp2</dt><dd>Backup Mode</dd></dl>",
        "imp1 Idle / On Admin Request, imp2 Running in Backup Mode"),
    "a list": (("<ul><li><b>Name:</b> a</li><li><b>State:</b> Normal</li></ul>\n<ul><li><b>Name:</b> b</li>"
               "<li><b>State:</b> Normal</li></ul>"), BOTH),
    "what the command prints": (
        "<pre>admin:utils ha status\nNode 1 Name : a State: Normal\nNode 2 Name : b State: Normal</pre>", BOTH),
    "a turned table": (
        ("<table><tr><td></td><td>imp1</td><td>imp2</td></tr><tr><th>State</th><td>Idle</td><td>Backup Mode</td></tr>"
         "</table>"), "imp1 Idle, imp2 Running in Backup Mode"),
    "a node that shows nothing": (
        ("<tr><th>Server</th><th>State</th><th>Reason</th></tr><tr><td>a</td><td>Running in Backup Mode</td>"
         "<td>Peer Down</td></tr><tr><td>b</td><td><span class='s'>&nbsp;</span></td><td></td></tr>"), ROW16),
    "in a mail": (("Hi,\n> <tr><th>Server</th><th>State</th></tr>\n> <tr><td>a</td><td>Normal</td></tr>\n"
                  "> <tr><td>b</td><td>Normal</td></tr>\nfor x < y and <jo@example.com>\n"), f"{BOTH} | 1,5"),
}
NO_PAGES = {
    "what is hidden": (
        ("<table><tr><th>Server<th style='display: none'>Id</th><th>State</tr>\n<tr><td>a</td><td style='display:none'>7"
         "</td><td>Idle</td></tr>\n<tr><td>b</td><td hidden>8</td><td>Normal</td></tr></table>\n"
         "<div hidden><div>Node 1 Name : a State: Failed Over</div>\n</div><template><tr><td>a<td>Normal<tr>"
         "</template>\n<noscript>Node 2 Name : b State: Idle</noscript>\n"), "a Idle, b Normal | 4,5,6"),
    "what is hidden and does not end": (
        "<tr><th>Server<th>State<tr><td>a<td>Idle</tr>\n<tr><td>b<td hidden>Idle<td>Normal</tr>\n<p>\n",
        "a Idle | 2,3,4"),
    "a picture is not blank": (
        ("<tr><th>Server</th><th>State</th><th>Reason</th></tr><tr><td>a</td><td>Running in Backup Mode</td>"
         "<td>Peer Down</td></tr><tr><td>b</td><td><img src='green.png'></td><td></td></tr>"),
        "a Running in Backup Mode / Peer Down, b shows nothing ??"),
    "nor is what a style may show": (
        ("<tr><th>Server</th><th>State</th></tr><tr><td>a</td><td>Normal</td></tr><tr><td>b</td><td>"
         "<i class='ok'></i></td></tr>"), "a Normal, b shows nothing ??"),
    "two states in a cell": (
        ("<tr><th>Server<th>State</tr><tr><td>a<td><del>Idle</del> Normal</tr><tr><td>b<td>Idle</tr>"
         "<tr><td>c<td><select><option>Normal<option>Idle</select></tr>"),
        "b Idle"),
    "a table in a cell": (
        ("<tr><th>Server</th><th>State</th></tr>\n<tr><td>a</td><td><table><tr><td>Normal</td></tr></table></td></tr>\n"
         "<tr><td>b</td><td><table><tr><td>Idle</td></tr></table></td></tr>\n"), " | 1,2,3"),
    "text between cells": (
        "<tr><th>Server</th><th>State</th></tr>\n<tr><td>a</td>Idle<td>Normal</td></tr>\n", " | 1,2"),
    "a comment that does not end": (
        "<table><!-- <tr><th>Server<th>State\n<tr><td>a<td>Normal\n<tr><td>b<td>Normal\n", " | 1,2,3"),
    "a script that does not end": (
        "<table><script>\n<tr><th>Server<th>State\n<tr><td>a<td>Normal\n<tr><td>b<td>Normal\n", " | 1,2,3,4,5"),
    "only in a script": ("<script>\nx = '<tr><td>a</td><td>Normal</td></tr>';\n</script><p>hello\n", " | 3"),
    "a row that does not begin": (
        "<p>Subcluster Name: HQ</p>a</td><td>Idle</td></tr>\n", " | 1"),
    "a table of something else": (
        "<tr><th>Name</th><th>State</th></tr>\n<tr><td>Jo</td><td>NRW</td></tr>\n", " | 1,2"),
    "a cell that is cut": (
        "<tr><th>Server</th><th>State</th></tr>\n<tr><td>a</td><td>Normal</td></tr>\n<tr><td>b</td><td>",
        "a Normal | 3"),
    "a cell too few": (
        ("<tr><th>Server</th><th>State</th><th>Reason</th></tr>\n<tr><td>a</td><td>Idle</td><td></td></tr>\n"
         "<tr><td>b</td><td>Unknown</td></tr>\n"), "a Idle | 3"),
    "entries without values": (
        "<dl><dt>Name</dt><dd>a</dd>\n<dt>State</dt>\n<dt>Reason</dt></dl>\n", " | 1,2,3"),
    "a name that no page has as a tag": (
        "<p>Node 1 Name : a State: <Normal></p>\n<p>Node 2 Name : b State: <Normal></p>\n", BOTH),
}
HOSTS3 = "imp1 Idle / On Admin Request, imp2 Running in Backup Mode / On Admin Request"
TURNED = {
    "tabs": ("Server\ta\tb\nState\tIdle\tBackup Mode\nReason\tOn Admin Request\tOn Admin Request\n", ROW3),
    "another order": ("Name\ta\tb\nReason\tOn Admin Request\tOn Admin Request\nState\tIdle\tBackup Mode\n", ROW3),
    "a blank corner": (
        "\timp1\timp2\nState\tIdle\tBackup Mode\nReason\tOn Admin Request\tOn Admin Request\n", HOSTS3),
    "CSV": (
        ",imp1,imp2\nState,Idle,Running in Backup Mode\nReason,On Admin Request,On Admin Request\n", HOSTS3),
    "semicolons": ("Node;a;b\nState;Idle;Backup Mode\nReason;On Admin Request;On Admin Request\n", ROW3),
    "Markdown": (("| | imp1 | imp2 |\n|---|---|---|\n| **State** | Idle | Backup Mode |\n"
                  "| **Reason** | On Admin Request | On Admin Request |\n"), HOSTS3),
    "a frame": (("+--------+------+-------------+\n| Server | a    | b           |\n+--------+------+-------------+\n"
                 "| State  | Idle | Backup Mode |\n+--------+------+-------------+\n"),
                "a Idle, b Running in Backup Mode"),
    "spaces": (("Server    a                  b\nState     Idle               Backup Mode\n"
                "Reason    On Admin Request   On Admin Request\n"), ROW3),
    "spaces and a blank corner": (("          imp1   imp2\nState     Idle   Backup Mode\n"),
                                  "imp1 Idle, imp2 Running in Backup Mode"),
    "colons": ("Server:  a     b\nState:   Idle  Backup Mode\n", "a Idle, b Running in Backup Mode"),
    "other rows": (("Server,a,b\nUsers,1200,900\nState,Idle,Backup Mode\nAddress,10.0.0.1,10.0.0.2\n"
                    "Reason,On Admin Request,On Admin Request\nUptime,1,2\n"), f"{ROW3} | 2,4,6"),
    "a node that shows nothing": ("Server\ta\tb\nState\tRunning in Backup Mode\t\nReason\tPeer Down\t\n", ROW16),
    "seats": ("\tNode 1\tNode 2\nState\tNormal\tNormal\n", "- Normal, - Normal"),
    "two groups": ("Group\tX\tY\tX\tY\nServer\ta\tc\tb\td\nState\tNormal\tNormal\tNormal\tIdle\n",
                   f"X: {BOTH}; Y: c Normal, d Idle"),
}
NOT_TURNED = {
    "a blank cell between spaces": (
        "Subcluster Name: HQ\nServer:  a  b\nState:  Backup Mode\nReason:  Peer Down\n", " | 1,2,3,4"),
    "a blank cell that CSV has lost": ("Server,a,b\nState,Backup Mode\nReason,Peer Down\n", " | 1,2,3"),
    "an address beside the name": (
        "Name:  a  10.0.0.1\nState:  Normal\nName:  b  10.0.0.2\nState:  Normal\n", BOTH),
    "a time beside the state": ("Name:  a  x\nState:  Normal  (since 9)\n", "a Normal"),
    "columns that are not hosts": (",Jo Miller,Ann\nState,NRW,NRW\n", " | 1,2"),
    "columns without names": ("State\tIdle\tBackup Mode\nReason\tOn Admin Request\tOn Admin Request\n", " | 1,2"),
    "states of something else": ("Server\ta\tb\nState\tRegistered\tOffline\n", " | 1,2"),
    "two states": ("Server\ta\tb\nState\tIdle\tNormal\nState\tNormal\tIdle\n", " | 1,2,3"),
    "a state that goes on below": (
        "Server,a,b\nState,Idle,Failed\nOver\nReason,Normal,Normal\n", " | 1,2,3,4"),
    "a state that begins below": (
        'Server,a,b\nState,Idle,"\nBackup Mode"\nReason,Normal,Normal\n', " | 1,2,3,4"),
    "a text that is cut": ("Server\ta\tb\nState\tTaking Over\t", " | 1,2"),
    "a cell too many": ("Server\ta\tb\nState\tIdle\tIdle\t\n", " | 1,2"),
    "rows of two tables": (
        "Server,a,b\nhello\nState,Idle,Idle\n\nServer,c,d\nReason,Normal,Normal\n", " | 1,2,3,5,6"),
    "before and after": ("\tbefore\tafter\nState\tNormal\tFailed Over\nReason\tNormal\tPeer Down\n", " | 1,2,3"),
    "days": (",Monday,Tuesday\nState,Normal,Failed Over\n", " | 1,2"),
    "times": ("\t09:00\t10:00\nState\tNormal\tFailed Over\n", " | 1,2"),
    "what is expected": ("Item,Expected,Actual\nState,Normal,Failed Over\n", " | 1,2"),
    "a value and its default": ("Parameter  Value  Default\nState  Idle  Normal\n", " | 1,2"),
    "a column of three": (
        "Server\ta\tb\tc\nState\tIdle\tNormal\tNormal\n",
        ("a Idle, b Normal, c Normal [the text shows 3 nodes of this group (a, b, c), and a group has at "
         "most two]")),
    "parts of a server": (",Fan 1,Fan 2\nState,Normal,Normal\n", " | 1,2"),
}
TYPED = {
    "a line a node": ("imp1: Failed Over\nimp2: Normal\n", "imp1 Failed Over, imp2 Normal"),
    "in brackets": (
        "imp1 - Failed (Critical Service Down)\nimp2 - Failed (Critical Service Down)\n",
        "imp1 Running in Failed Mode / Critical Service Down, imp2 Running in Failed Mode / Critical Service Down"),
    "in one line": (
        "imp1: Idle / On Admin Request, imp2: Running in Backup Mode / On Admin Request",
        "imp1 Idle / On Admin Request, imp2 Running in Backup Mode / On Admin Request"),
    "a sentence": ("imp1 is Failed, imp2 is Running in Backup Mode (Peer Down)",
                   "imp1 Running in Failed Mode, imp2 Running in Backup Mode / Peer Down"),
    "a sentence that goes on": (
        "impA is now in Backup Mode due to Peer Down and impB shows nothing.",
        "impA Running in Backup Mode / Peer Down, impB shows nothing"),
    "bullets": ("* cup-01: Normal / Normal\n* cup-02: Taking Back / Normal\n",
                "cup-01 Normal / Normal, cup-02 Taking Back / Normal"),
    "a numbered list": ("1. *imp1*: Idle, On Admin Request\n\n2. *imp2*: Backup Mode, On Admin Request\n",
                        ("imp1 Idle / On Admin Request, imp2 Running in Backup Mode / On Admin Request")),
    "addresses": ("10.0.0.1: Idle; 10.0.0.2: Backup Mode", "10.0.0.1 Idle, 10.0.0.2 Running in Backup Mode"),
    "domains": ("a.corp.example = RIBM\nb.corp.example = Idle!\n",
                "a.corp.example Running in Backup Mode, b.corp.example Idle"),
    "roles": ("publisher: RIBM, subscriber: Idle", "publisher Running in Backup Mode, subscriber Idle"),
    "roles in brackets": (
        ("imp1 (publisher) -> Failed Over Reason: Critical Service Down\nimp2 (subscriber) -> Backup Mode Reason: "
         "Critical Service Down\n"),
        "imp1 Failed Over / Critical Service Down, imp2 Running in Backup Mode / Critical Service Down"),
    "below the group": ("Presence Redundancy Group: HQ\nimp1: Idle\nimp2: Backup Mode\nany idea?\n",
                        "HQ: imp1 Idle, imp2 Running in Backup Mode | 4"),
}
NOT_TYPED = {name: (text, " | " + ",".join(map(str, range(1, text.count("\n") + 1)))) for name, text in {
    "one node": "imp1: Taking Over\n",
    "one node twice": "imp1: Taking Over\nimp1: Idle\n",
    "parts of a server": "fan1: Failed Over\nfan2: Normal\n",
    "steps": "step1: Normal\nstep2: Failed Over\n",
    "days": "Monday: Normal, Tuesday: Failed Over\n",
    "people": "Jo: Taking Over, Ann: Idle\n",
    "a question": "imp1: Normal?\nimp2: Backup Mode?\n",
    "a condition": "If imp1: Failed, imp2: Backup Mode\n",
    "not": "imp1: not Normal, imp2: Backup Mode\n",
    "either": "imp1: Backup Mode, imp2: Normal or Idle\n",
    "two states": "imp1: Backup Mode -> Normal, imp2: Normal\n",
    "two states with a stroke": "imp1: Backup Mode / Idle, imp2: Normal\n",
    "a time": "14:02 imp1: Normal\n14:03 imp2: Failed Over\n",
    "a remark": "imp1: Failed Over (since 9), imp2: Normal\n",
    "what was": "imp1 was Failed Over, imp2 was Idle\n",
    "something about hosts": "imp1-db: Normal, imp2-db: Normal\n",
    "hosts without a letter of ASCII": "日本: Failed Over\n中国: Normal\n",
    "what Ansible prints": "imp1.corp.example: FAILED!\nimp2.corp.example: FAILED!\n",
    "modules": "tests.test_imp.py: Failed\ntests.test_pub.py: Unknown\n",
    "neighbours": "10.0.0.1: Idle\n10.0.0.2: Idle\n",
    "a state that goes on below": "imp1: Failed\nimp2: Failed\nOver\n",
    "a reason below": "imp1: Failed\nimp2: Backup Mode\nPeer Down\n",
    "a label below": "imp1: Failed\nimp2: Backup Mode\nReason: Peer Down\n",
    "a line that is cut": "imp1:\nimp2: Backup Mode (Peer Down)\n",
    "a misspelt state": "imp1: Backup Mode\nimp2: Nromal\n",
    "another word": "imp1: ok, imp2: Backup Mode\n",
    "nothing of both": "imp1: nothing, imp2: nothing\n",
    "what should be": "imp1: Failed Over\nimp2: Backup Mode\nbut should be\nimp1: Idle\nimp2: Backup Mode\n",
    "what came then": "imp1: Failed Over\nimp2: Backup Mode\nthen\nimp2: Taking Back\n",
    "what is expected": "imp1 (expected): Normal\nimp2 (expected): Taking Over\n",
    "what nobody knows": "imp1: unknown\nimp2: Backup Mode (Peer Down)\n",
    "both in one": "imp1 and imp2 are Failed Over\n",
}.items()} | {
    "beside a status": (PAIR + "imp1: Taking Over\nimp2: Normal\n", f"{ROW3} | 3,4"),
    "three": ("imp1: Normal\nimp2: Normal\nimp3: Taking Over\n",
              ("imp1 Normal, imp2 Normal, imp3 Taking Over [the text shows 3 nodes of this group (imp1, imp2, imp3), "
               "and a group has at most two]")),
}
DEVICES = {
    "two disks": (PAIR + "Name: Disk 1\nState: Normal\nName: Disk 2\nState: OK\n", f"{ROW3} | 3,4,5,6"),
    "a fan before": ("Name: Fan 1\nState: Normal\nName: a\nState: Normal\nName: b\nState: Normal\n",
                     f"{BOTH} | 1,2"),
    "between the nodes": ("Name: a\nState: Normal\nName: Power Supply 1\nState: Normal\nName: b\nState: Normal\n",
                          f"{BOTH} | 3,4"),
    "rows of the same table": ("Name,State\na,Normal\nfan1,Normal\nb,Normal\nCPU,OK\n", f"{BOTH} | 3,5"),
    "a table of its own": (QUOTED + "\nName\tStatus\nFan Tray 1\tNormal\nFan Tray 2\tNormal\n",
                           f"HQ: {BOTH} | 5,6,7"),
    "JSON": (QUOTED + '{"name": "disk0", "state": "Normal"}\n{"name": "disk1", "state": "Failed"}\n',
             f"HQ: {BOTH} | 4,5"),
    "without a status": ("Name: Fan 1\nState: Normal\nName: Fan 2\nState: Normal\n", " | 1,2,3,4"),
    "a table without a status": ("Name\tStatus\n/dev/sda\tNormal\n/dev/sdb\tNormal\n", " | 1,2,3"),
    "headings": (QUOTED + "Disk 1\nState: Normal\nDisk 2\nState: Idle\n", f"HQ: {BOTH} | 4,5,6,7"),
    "a state that the machine does not know": (
        "Name: a\nState: Normal\nName: b\nState: Normal\nName: c\nState: OK\n", f"{BOTH} | 5,6"),
    "beside one node": ("Name: a\nState: Normal\nName: fan1\nState: Normal\n", "a Normal | 3,4"),
    "a node with a number that is called like one": (
        ("Subcluster Name: HQ\nNode 1 Name : a State: Running in Backup Mode Reason: Peer Down\n"
         "Node 2 Name : power1 State: Running in Backup Mode Reason: Peer Down\n"),
        ("HQ: a Running in Backup Mode / Peer Down, power1 Running in Backup Mode / Peer Down")),
    "a node in words of a status": (
        "Server\tState\tReason\ntemp1\tIdle\tOn Admin Request\ntemp2\tBackup Mode\tOn Admin Request\n",
        "temp1 Idle / On Admin Request, temp2 Running in Backup Mode / On Admin Request"),
    "a host that is called like one": (
        "Name: fan.example.com\nState: Normal\nName: disk-imp\nState: Normal\n",
        "fan.example.com Normal, disk-imp Normal"),
}
INTERLEAVED = {
    "rows": ("Group,Server,State\nX,a,Normal\nY,c,Normal\nX,b,Normal\nY,d,Idle\n",
             f"X: {BOTH}; Y: c Normal, d Idle"),
    "rows with numbers": ("Group,Node,Server,State\nX,2,b,Normal\nY,1,c,Normal\nX,1,a,Normal\nY,2,d,Idle\n",
                          f"X: {BOTH}; Y: c Normal, d Idle"),
    "JSON": (json.dumps([{"group": g, "server": s, "state": "Normal"} for g, s in ("Xa", "Yc", "Xb", "Yd")]),
             f"X: {BOTH}; Y: c Normal, d Normal"),
    "by number": ("".join(f"Subcluster Name: {g}\nNode {n} Name : {s} State: Normal\n"
                          for g, n, s in ("X1a", "Y1c", "X2b", "Y2d")), f"X: {BOTH}; Y: c Normal, d Normal"),
    "three of a group": (
        "Group,Server,State,Reason\nX,a,Normal,\nX,b,Normal,\nX,c,Backup Mode,Peer Down\n",
        ("X: a Normal, b Normal, c Running in Backup Mode / Peer Down [the text shows 3 nodes of this group "
         "(a, b, c), and a group has at most two]")),
    "two clusters with one name": (
        "".join(f"Subcluster Name: X\nNode 1 Name : {s} State: Normal\n" for s in "ac"),
        "X: a Normal (seat 1); X: c Normal (seat 1)"),
    "a group at two moments": (
        "Group,Server,State\nX,a,Normal\nX,b,Normal\nX,a,Idle\nX,b,Backup Mode\n",
        "X: a Idle, b Running in Backup Mode after 1"),
}

FOREIGN = {
    "repmgr": ((" ID | Name | Role | Status\n----+-----\n 1 | node1 | primary | failed\n"
                " 2 | node2 | standby | unknown\n"), " | 1,2,3,4"),
    "patronictl": (("| Member | Host | Role | State |\n|---|---|---|---|\n| pg1 | 10.0.0.1 | Leader | failed |\n"
                   "| pg2 | 10.0.0.2 | Replica | unknown |\n"), " | 1,2,3,4"),
    "kubectl": (QUOTED + "NAME    READY  STATUS   RESTARTS\nimp-0   0/1    Failed   0\nimp-1   0/1    Unknown  2\n",
                f"HQ: {BOTH} | 4,5,6"),
    "Ansible": (PAIR + "a | FAILED\nb | FAILED\n", f"{ROW3} | 3,4"),
    "Nagios": (PAIR + "Host\tService\tStatus\na\tDisk\tUnknown\nb\tDisk\tUnknown\n", f"{ROW3} | 3,4,5"),
    "Nagios of hosts": ("Host,Status\na,Unknown\nb,Unknown\n" + PAIR, f"{ROW3} | 1,2,3"),
    "Get-Cluster": ("Name   State\n----   -----\nVM-a   Normal\nVM-b   Unknown\n", " | 1,2,3,4"),
    "sessions of a database": (
        " pid | name | state\n-----+------+------\n 100 | bob | idle\n 101 | ann | idle\n", " | 1,2,3,4"),
    "neighbours": ("10.0.0.1    Idle    Unknown\n10.0.0.2    Idle    Unknown\n", " | 1,2"),
    "ipmitool": ("Inlet | Normal |\nExhaust | Normal |\n", " | 1,2"),
    "JSON": (('[{"Member": "pg1", "Host": "10.0.0.1", "State": "failed"}, '
              '{"Member": "pg2", "Host": "10.0.0.2", "State": "unknown"}]\n'), " | 1"),
    "a column for each": ("Host,a,b\nUsers,1,2\nStatus,Failed,Unknown\n", " | 1,2,3"),
    "between the nodes": (
        ("Subcluster Name: HQ\nNode 1 Name : a State: Running in Backup Mode Reason: Peer Down\nServer  State\n"
         "x1  Failed\nb  Failed\nNode 2 Name : b State: Running in Backup Mode Reason: Peer Down\n"),
        ("HQ: a Running in Backup Mode / Peer Down, b Running in Backup Mode / Peer Down; "
         "x1 Running in Failed Mode, b Running in Failed Mode")),
    "but below a group": (
        "Subcluster Name: HQ\nName | Status\na | Failed\nb | Failed\n",
        "HQ: a Running in Failed Mode, b Running in Failed Mode"),
    "but with a group": ("Subcluster,Node,Status\nHQ,a,Failed\nHQ,b,Normal\n",
                         "HQ: a Running in Failed Mode, b Normal"),
    "but typed below a group": (
        "Presence Redundancy Group: HQ\nimp1: Normal\nimp2: Normal\nany idea?\n",
        "HQ: imp1 Normal, imp2 Normal | 4"),
    "but with a reason": ("Host,Load,Status,Reason\na,1,Normal,Normal\nb,2,Normal,Normal\n",
                          "a Normal / Normal, b Normal / Normal"),
    "but with a word of ours": ("Host,Load,Status\na,1,Normal\nb,2,Failed Over\n", "a Normal, b Failed Over"),
}

KINDS = {
    "foreign": FOREIGN,
    "pages": PAGES, "no pages": NO_PAGES, "turned": TURNED, "not turned": NOT_TURNED, "typed": TYPED,
    "not typed": NOT_TYPED, "devices": DEVICES, "interleaved": INTERLEAVED,
    "headings": HEADINGS, "others": OTHERS, "counts": COUNTS, "lone": LONE, "tables": TABLES,
    "damage": DAMAGE, "misread": MISREAD,
}


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, some in KINDS.items() for n in some])
def test_a_paste(kind, name):
    text, expected = KINDS[kind][name]
    assert told(parse(text)) == expected


def test_ten_of_each_kind():
    assert min(len(some) for kind, some in KINDS.items() if kind != "interleaved") >= 10


# --------------------------------------------------------------------- what people read


@pytest.fixture
def explain(monkeypatch, capsys):
    """`prgcore explain` of a text on standard input, in this process."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(text, *words):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        code = main(["explain", "-", *words])
        return SimpleNamespace(code=code, **capsys.readouterr()._asdict())

    return call


ROWS = {
    "a numbered heading takes the next name": (HEADINGS["the issue"][0], ["1"]),
    "the command of the document": (OTHERS["the command of the document"][0], ["16"]),
    "a ticket": (OTHERS["a ticket"][0], ["3"]),
    "a lone node 1": (LONE["node 1"][0], ["16"]),
    "a lone node 2": (LONE["node 2"][0], ["16"]),
    "tabs": (TABLES["tabs"][0], ["3"]),
    "a wrap in a word": (DAMAGE["a wrap in a word"][0], ["12"]),
    "something between": (DAMAGE["something between"][0], ["1"]),
    "full width": (DAMAGE["full width"][0], ["1"]),
}


@pytest.mark.parametrize("name", ROWS)
def test_the_row_of_an_input_of_the_issue(explain, name):
    text, rows = ROWS[name]
    answer = explain(text, "--json")
    assert (answer.code, answer.err) == (0, "")
    (group,) = json.loads(answer.out)["groups"]
    assert group["explanation"]["rows"] == rows


@pytest.mark.parametrize("name", [*COUNTS, *LONE, *DAMAGE, *TABLES])
def test_the_exit_code_says_whether_a_group_is_explained(explain, name):
    text = (COUNTS | LONE | DAMAGE | TABLES)[name][0]
    answer = explain(text)
    assert answer.code == int("Not explained: " in answer.out)
    assert max(map(len, answer.out.splitlines())) <= 80
    told_ = json.loads(explain(text, "--json").out)["groups"]
    assert answer.code == int(any("error" in group for group in told_))


def test_a_lone_node_1_is_row_16_from_the_other_seat(explain):
    (group,) = json.loads(explain(LONE["node 1"][0], "--json").out)["groups"]
    assert (group["explanation"]["row"], group["explanation"]["seat"]) == ("16", "node2")
    assert explain(LONE["node 1"][0]).out.startswith(
        "a  Running in Backup Mode / Peer Down\nnode2  shows nothing\n")


def test_a_lone_node_whose_state_says_nothing_of_the_other_is_not_explained(explain):
    answer = explain(LONE["Normal"][0])
    assert answer.code == 1
    assert "Not explained: the text shows one node of this group, and" in answer.out


def test_moments_say_what_changed(explain):
    normal = "Subcluster Name: HQ\nNode 1 Name : a State: Normal\nNode 2 Name : b State: Normal\n"
    text = f"{normal}{normal}Subcluster Name: HQ\n{PAIR}"
    answer = explain(text)
    assert answer.code == 0
    assert answer.out.startswith(
        "Group HQ\nThe text shows this group 3 times; the latest is explained.\n"
        "  1 to 2: nothing changed\n"
        "  2 to 3: a was Normal, then Idle / On Admin Request; b was Normal, then Running\n"
        "    in Backup Mode / On Admin Request\n\n"
        "a  Idle / On Admin Request\n")
    (group,) = json.loads(explain(text, "--json").out)["groups"]
    assert list(group) == ["group", "nodes", "moments", "changed", "explanation"]
    assert [[node["state"] for node in moment] for moment in group["moments"]] == [
        ["normal", "normal"], ["normal", "normal"], ["idle", "running_in_backup_mode"]]
    assert [[one["name"] for one in step] for step in group["changed"]] == [[], ["a", "b"]]


@pytest.mark.parametrize(("said", "meant"), [
    ("Nromal", "Normal"), ("Idel", "Idle"), ("Takng Over", "Taking Over"), ("Faling Over", "Failing Over"),
    ("Fallng Back", "Falling Back"), ("Initialising", "Initializing"), ("Taking Bak", "Taking Back"),
    ("Runing in Backup Mode", "Running in Backup Mode"), ("Backup Activatd", "Backup Activated"),
    ("Failover Afected Services", "Failover Affected Services"),
])
@pytest.mark.parametrize("lines", [
    "Node 1 Name : a State: {} Reason: Normal\nNode 2 Name : b State: Normal\n",
    "Node 1 Name: a\nState: {}\nReason: Normal\nNode 2 Name: b\nState: Normal\n",
])
def test_a_misspelt_state_has_its_hint_beside_a_reason_that_is_known(explain, said, meant, lines):
    answer = explain(lines.format(said))
    assert answer.code == 1
    assert f"unknown state '{said}'; did you mean {meant}" in " ".join(answer.out.split())


def test_a_strange_reason_is_called_one(explain):
    answer = explain("Node 1 Name : a State: Nromal Reason: Peer Dwn\nNode 2 Name : b State: Normal\n")
    said = " ".join(answer.out.split())
    assert "unknown state 'Nromal'; did you mean Normal?" in said
    assert "unknown reason 'Peer Dwn'; did you mean Peer Down" in said
    swapped = " ".join(explain("Node 1 Name : a State: Peer Down\nNode 2 Name : b State: Normal Reason: "
                               "Taking Over\n").out.split())
    assert "unknown state 'Peer Down'" in swapped
    assert "(it is a reason)" in swapped


def test_the_states_are_listed_once_for_a_whole_text(explain):
    text = "".join(f"Subcluster Name: G{n}\nNode 1 Name : a{n} State: {n}{n}\n"
                   f"Node 2 Name : b{n} State: {n}\n" for n in range(5))
    answer = explain(text)
    assert answer.code == 1
    assert " ".join(answer.out.split()).count("known: ") == 1
    assert answer.out.count("Not explained: unknown state") == 5


@pytest.mark.parametrize(("words", "code"), [
    (("--node1", "normal", "--node2", "normal"), 0),
    (("--node1", "running in backup mode", "--node2", "running in backup mode"), 1),
    (("--node1", "normal / peer down", "--node2", "normal"), 1),
    ((json.dumps(dict(PRG.initial[0])),), 0),
    ((json.dumps(dict(PRG.initial[0]) | dict.fromkeys(
        ("node1.state", "node2.state"), "running_in_backup_mode")),), 1),
    (('{"name": "a", "state": "Normal"}',), 1),
    (('[{"name": "a", "state": "Normal"}, {"name": "b", "state": "Normal"}]',), 0),
    (('[{"name": "a"}]',), 2),
])
def test_the_exit_code_of_a_pair_that_no_machine_shows(capsys, words, code):
    assert main(["explain", *words]) == code
    capsys.readouterr()


# ------------------------------------------------------------------------ whole pastes

NOISE = (
    "", "\n", "admin:", "admin:utils service list\nCisco XCP Router[STARTED]\nCisco Tomcat[STOPPED]",
    ("admin:utils dbreplication runtimestate\nCluster Replication State: Only available on the PUB\n"
    "DB and Replication Services: ALL RUNNING\nServer Time: Sun Nov 22 09:14:02"),
    ("SERVER-NAME   IP ADDRESS   PING   REPLICATION SETUP\n-----------   ----------\n"
    "imp1          10.0.0.1     0.2    (2) Setup Completed"),
    "Nov 22 09:14:02 imp1 local7 3 : SRMFailover : State: Failed Over, Reason: Peer Down",
    "SRMFailover\n  AppID : Cisco UP Server Recovery Manager\n  State : Failed Over\n  Reason : Peer Down",
    "Case 4711\nReason: Initialization", "Ticket, Reason: Initialization\nPeer State: Normal",
    "-- \nJo Miller\nCity: Neuss\nState: NRW", "Name: Jo\nStreet: Main Street 1\nState: NRW",
    "page 1 of 2", "--More--", "*** 14:02 ***", "a failed call, the state of which is normal",
    "Name,Street,City,State\nJo,Main Street,Neuss,NRW", '{"name": "SEP0011", "status": "Registered"}',
    "Initiate Manual Failover for Node > somewhere\nRequest SUCCESSFUL.", "User Group: staff", "\u72b6",
    "[2026-11-22 09:14] all quiet, see below", "Node 1: was rebooted at nine", "Thanks,\tJo",
)
"""What is pasted along: none of it is a status."""


@st.composite
def pastes(draw):
    """A text, its groups (name, hosts, display), and the numbers of its lines that are noise."""
    groups, parts = [], []
    for n in range(draw(st.integers(1, 3))):
        parts += [(noise, True) for noise in draw(st.lists(st.sampled_from(NOISE), max_size=3))]
        display = draw(st.sampled_from(DISPLAYS))
        hosts = (f"imp{2 * n + 1}.example.com", f"imp{2 * n + 2}.example.com")
        name, texts = f"G{n}", spellings(display, hosts, f"G{n}")
        kind = draw(st.sampled_from(sorted(texts)))
        groups.append(("" if kind in UNNAMED else name, hosts, display))
        if kind in ("json lines", "turned markdown"):
            parts.append(("then:", True))  # a row without a name goes on with the one above
        parts.append((texts[kind].replace("\r", "").removesuffix("\n"), False))
    parts += [(noise, True) for noise in draw(st.lists(st.sampled_from(NOISE), max_size=3))]
    lines = [(line, noise) for text, noise in parts for line in text.split("\n")]
    unused = tuple(n for n, (line, noise) in enumerate(lines, 1)
                   if noise and line.strip() and not line.startswith("admin:"))
    return "\n".join(line for line, _ in lines), groups, unused


def halves(display):
    """What both nodes show, without the reasons that no paste prints."""
    return [shown and (shown.state, None if shown.state == State.NORMAL or shown.reason == Reason.NONE
                       else shown.reason) for shown in display]


@settings(max_examples=300, deadline=None)
@given(pastes())
def test_whole_pastes_give_their_pairs_back(case):
    text, groups, unused = case
    status = parse(text)
    assert [(g.name, tuple(n.name for n in g.nodes), halves(g.display)) for g in status.groups] \
        == [(name, hosts, halves(display)) for name, hosts, display in groups]
    assert status.ignored == unused


TYPEABLE = [one for one in DISPLAYS if any(" " in word for row in rows(one) for word in row)
            and all(row[1:] != ("Unknown", "") for row in rows(one))]
QUIET = [noise for noise in NOISE if not parse(noise).groups]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(TYPEABLE), st.lists(st.sampled_from(QUIET), max_size=3),
       st.lists(st.sampled_from(QUIET), max_size=3), st.data())
def test_what_people_type_gives_its_pair_back(display, before, after, data):
    hosts = data.draw(st.sampled_from((
        ("imp1.example.com", "imp2.example.com"), ("impA", "impB"), ("ham-cup-01", "ham-cup-02"))))
    texts = said(display, hosts)
    text = texts[data.draw(st.sampled_from(sorted(texts)))]
    status = parse("\n".join([*before, text, *after]))
    assert [(tuple(n.name for n in g.nodes), halves(g.display)) for g in status.groups] \
        == [(hosts, halves(display))]
    cut = text[:data.draw(st.integers(0, len(text) - 2))]
    for group in parse(cut).groups:
        assert [n.name for n in group.nodes] == [*hosts]
        for is_, was in zip(halves(group.display), halves(display), strict=True):
            assert is_ == was or (is_ and was and any(  # what is cut may end with another word
                title(was[0]).startswith(word) for word in (title(is_[0]), PRODUCT.get(is_[0], "?")))), cut


@settings(max_examples=300, deadline=None)
@given(pastes(), st.data())
def test_a_damaged_paste_gives_its_pairs_back_or_says_what_it_did_not_use(case, data):
    text, groups, _ = case
    lines = re.sub("\x1b\\[[0-9]*m", "", text).split("\n")  # no terminal breaks a sequence
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(lines) - 1))
        noise = data.draw(st.sampled_from(NOISE))
        lines[at] = data.draw(st.sampled_from((
            f"{lines[at]}\n{noise}", f"{noise}\n{lines[at]}", lines[at].partition("State:")[0])))
    damaged = wrapped("\n".join(lines), data.draw(st.integers(24, 120)))
    status = parse(damaged)
    known = {hosts: halves(display) for _, hosts, display in groups}
    for group in (g.completed(PRG.model.situations) for g in status.groups):
        if group.display is None or group.strange:
            continue
        hosts = tuple(re.split("[ <]", node.name)[0] for node in group.nodes)  # a page goes on
        right = next((shown for pair, shown in known.items()
                      if all(map(str.startswith, pair, hosts))), None)
        assert right is not None, damaged
        for is_, was in zip(halves(group.display), right, strict=True):
            assert is_ == was or (is_ and was and is_[1] is None and is_[0] == was[0]), damaged
