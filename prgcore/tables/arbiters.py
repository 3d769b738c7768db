"""The arbiters: what decides who serves while two nodes do not hear each other.

Law: data only. The five choices are in the order in which they ask for more. A sum is of service
parameters, of the times of a lease, and of what `prgcore.timers.arbiters` names. The stories are
texts that `prgcore.network.story` plays; a test finds that none is longer than it must be. The clocks
of a real system are from its own documentation, and runs of it are listed with their version.
"""

from __future__ import annotations

from prgcore.tables.facts import Arbiter, Need, Promise, RealSystem, Seen

__all__ = ["ARBITERS", "STORIES", "SYSTEMS"]

STORIES = {
    "served-twice": """\
network none
adversary one-way
cut node1
heartbeat_lost(node2)
takeover_done(node2)
expect node1 Normal
expect node2 Running in Backup Mode / Peer Down
expect served twice node1
""",
    "both-in-backup": """\
network none
adversary one-way
cut node1
heartbeat_lost(node2)
takeover_done(node2)
cut node2
heartbeat_lost(node1)
takeover_done(node1)
expect node1 Running in Backup Mode / Peer Down
expect node2 Running in Backup Mode / Peer Down
expect served twice node1
expect served twice node2
""",
    "lost-messages": """\
network none
adversary loss
heartbeat_lost(node2)
takeover_done(node2)
expect node1 Normal
expect node2 Running in Backup Mode / Peer Down
expect served twice node1
""",
    "cut-and-home": """\
network none
adversary cut, commands
cut
heartbeat_lost(node2)
takeover_done(node2)
heartbeat_lost(node1)
takeover_done(node1)
heal
beat node1
internal_error(node2)
beat node2
expect node1 Running in Failed Mode
expect node2 Running in Failed Mode
recover at node1
beat node1
initialized(node2)
beat node2
initialized(node1)
expect node1 Normal
expect node2 Normal
expect served once node1
expect served once node2
""",
    "silent-cut": """\
network none
adversary cut
silence 4
cut
tick
tick
tick
tick
heartbeat_lost(node2)
takeover_done(node2)
expect served twice node1
""",
    "silent-cut-both": """\
network none
adversary cut
silence 4
cut
tick
tick
tick
tick
heartbeat_lost(node2)
takeover_done(node2)
heartbeat_lost(node1)
takeover_done(node1)
expect node1 Running in Backup Mode / Peer Down
expect node2 Running in Backup Mode / Peer Down
""",
    "one-crash": """\
network self-fence
adversary crash
manager_stop(node1)
heartbeat_lost(node2)
expect node1 nothing
expect served never node1
expect served never node2
""",
    "paused-owner": """\
network cas
adversary one-way, pause
cut node1
heartbeat_lost(node2)
takeover_done(node2)
expect node1 Failing Over / Peer Down
expect node2 Running in Backup Mode / Peer Down
expect served twice node1
""",
}
"""The stories, by name."""

_LIN = "both nodes reach one linearizable record"

ARBITERS = (
    Arbiter(
        "none", "no arbiter",
        "Each node decides by what it heard last. This is what the document describes.",
        "none",
        needs=(
            Need("A-NET", "a peer that is not heard is dead: no heartbeat of a live one is lost",
                 "served-twice"),
        ),
        promises=(
            Promise("D1", False, "a cut that lets through one direction is enough"),
            Promise("D2", False, "both take over in a cut of both directions"),
            Promise("D3", None, "without a record, no step can refine it"),
            Promise("D4", True, "when the cut is over, both hold one record again; if both had taken "
                    "over, both fail, and Recover leads home"),
        ),
        adds=(),
        costs="users of a node are served twice while the cut lasts, and what was written twice "
              "must be merged or lost",
        stories=("both-in-backup", "cut-and-home", "silent-cut", "silent-cut-both"),
    ),
    Arbiter(
        "self-fence", "self-fencing",
        "A node that does not hear its peer serves nobody, and takes nobody over. A node that does "
        "take over, after the time in which its peer must have stopped, has a lease: see there.",
        "self-fence",
        needs=(),
        promises=(
            Promise("D1", True, "each node serves its own users or nobody"),
            Promise("D2", None, "nobody takes over, so no node comes near it"),
            Promise("D3", None, "without a record, no step can refine it"),
            Promise("D4", True, "both hear each other again, and serve"),
        ),
        adds=None,
        costs="any single crash stops all service, because a dead peer and a cut link look alike",
        stories="one-crash",
    ),
    Arbiter(
        "lease", "a lease at a witness",
        "Both nodes ask one record. The owner serves for a time after each reading of it, and the "
        "successor waits longer than that.",
        "cas+lease",
        needs=(
            Need("A-LIN", _LIN, "served-twice"),
            Need("A-CLK(rho)", "each clock is fast or slow by at most a share rho", grows="drift"),
            Need("A-PAUSE(p)", "at most p passes between a look at the lease and serving by it",
                 "paused-owner", "pause"),
            Need("A-STOP(s)", "services that are ordered to stop serve nobody s later",
                 grows="stopping"),
        ),
        promises=(
            Promise("D1", True, "the lease has ended before the successor serves (T10)"),
            Promise("D2", True, "the record has one owner of each group"),
            Promise("D3", True, "every step is one of the pair that was proved, or changes nothing of it"),
            Promise("D4", True, "after the cut both read one record"),
        ),
        adds=((1, "waits"),),
        costs="the wait of the successor, and a witness that both nodes reach: a node that does not "
              "reach it stops",
    ),
    Arbiter(
        "epoch", "compare-and-set, and a resource that checks epochs",
        "Both nodes write one record, and only over what they have read. Every effect carries the "
        "epoch of its writer, and the resource refuses an older one.",
        "cas+fence",
        needs=(
            Need("A-LIN", _LIN, "served-twice"),
            Need("A-CHECK", "every resource refuses an effect with an older epoch",
                 "paused-owner"),
        ),
        promises=(
            Promise("D1", True, "no effect is accepted after one with a newer epoch"),
            Promise("D2", True, "the record has one owner of each group"),
            Promise("D3", True, "every step is one of the pair that was proved, or changes nothing of it"),
            Promise("D4", True, "after the cut both read one record"),
        ),
        adds=(),
        costs="every effect is checked, so every resource must know epochs and keep the newest one "
              "through its own restart",
    ),
    Arbiter(
        "fence", "fencing with acknowledgement",
        "A node that does not hear its peer ends it first, and serves its users when the fence "
        "acknowledges that the peer is dead.",
        "none",
        needs=(
            Need("A-FENCE", "an acknowledged fence means that the peer is dead", "lost-messages"),
            Need("delays", "one node fences so much later that the other one has ended it by then",
                 grows="fencing"),
        ),
        promises=(
            Promise("D1", True, "to fence makes every loss a crash, and a dead node serves nobody"),
            Promise("D2", True, "likewise"),
            Promise("D3", None, "without a record, no step can refine it"),
            Promise("D4", True, "one node is left, and it knows"),
        ),
        adds=((1, "delay"), (1, "fencing")),
        costs="a healthy host is ended in every cut; both are, if they fence at the same time; and "
              "nobody serves while the fence does not answer",
        adversary="crash", kills=True,
    ),
)
"""The choices."""

_EARLIER, _NAMESPACES = "an earlier run", "an earlier run in network namespaces"
_SERVERS = "three servers on one computer"
_PROXIES = "PostgreSQL 15 and etcd 3.4.23 on one computer, cut by proxies"

SYSTEMS = (
    RealSystem(
        "prgcore agent", "lease", "A record in SQLite or etcd, and a lease that its services look at.",
        (("lasts", 3), ("pause", 1), ("stopping", 0.5), ("waits", 5)),
        stops=((1, "lasts"), (1, "pause"), (1, "stopping")), starts=((1, "waits"),),
        eats="clocks that drift by more than 0.06325",
        cite="this project, agents; T10",
    ),
    RealSystem(
        "Patroni, watchdog", "lease", "The leader key with a ttl in etcd, Consul, ZooKeeper or "
        "Kubernetes; a watchdog resets the host of a leader that does not stop.",
        (("ttl", 30), ("safety_margin", 5)),
        stops=((1, "ttl"), (-1, "safety_margin")), starts=((1, "ttl"),),
        eats="a pause of Patroni between its renewal of the key and its sign to the watchdog; "
             "safety_margin = -1 halves the time of the watchdog against it",
        cite="Patroni 4.1.4, Watchdog support",
    ),
    RealSystem(
        "Patroni, no watchdog", "lease", "The leader key alone: Patroni stops PostgreSQL itself.",
        (("ttl", 30), ("loop_wait", 10), ("retry_timeout", 10)),
        stops=((1, "loop_wait"), (1, "retry_timeout")), starts=((1, "ttl"),),
        eats="the time in which PostgreSQL stops, which has no bound, and any pause of Patroni. The rule "
             "loop_wait + 2 * retry_timeout <= ttl allows for a second retry; it leaves 0 s here",
        cite="Patroni 4.1.4, Dynamic Configuration Settings",
        seen=(
            Seen("4.1.5", _PROXIES,
                 "six runs: the last write at the holder after 19.0 to 20.0 s, the first one at the "
                 "successor after 31.9 to 32.7 s, the margin 12.5 to 13.6 s", 20.0, 31.9),
            Seen("4.1.5", _PROXIES,
                 "Patroni itself was stopped by a signal, and PostgreSQL ran on: both took writes, for the "
                 "15 s for which this was watched", None, 32.7),
        ),
    ),
    RealSystem(
        "pg_auto_failover", "lease", "The monitor is the witness, and has no lease: a primary stops "
        "when it hears neither monitor nor standby.",
        (("wal_sender_timeout", 30), ("network_partition_timeout", 20),
         ("node_considered_unhealthy_timeout", 20), ("primary_demote_timeout", 30)),
        stops=((1, "wal_sender_timeout"), (1, "network_partition_timeout")),
        starts=((1, "node_considered_unhealthy_timeout"), (1, "primary_demote_timeout")),
        eats="the 20 s of the primary begin only when PostgreSQL has dropped the standby, after "
             "wal_sender_timeout; polling on both sides",
        cite="pg_auto_failover 2.0, Fault Tolerance, and the defaults of its source",
        seen=(
            Seen("2.0 (Debian 12)", _NAMESPACES,
                 "an isolated primary; over four runs the margin was -1 to +3 s", 53, 56),
        ),
    ),
    RealSystem(
        "etcd, lease", "lease", "A key with a lease. A client counts from when it sent its last "
        "renewal; the servers end the lease.",
        (("ttl", 20),),
        stops=((1, "ttl"),), starts=((1, "ttl"),),
        eats="nothing is left by itself: the client must stop before its own ttl ends. A new leader "
             "of etcd begins the ttl anew, so a successor may wait almost twice as long",
        cite="etcd 3.4, Lease API",
        seen=(
            Seen("3.4", _EARLIER, "the leader of etcd died 12 s after the grant", None, 34.5),
            Seen("3.4.23 (Debian 12)", _SERVERS,
                 "the same again, twice: 34.1 and 34.6 s", None, 34.1),
            Seen("3.4.23 (Debian 12)", _SERVERS,
                 "no leader died; a lease of 10 s, three times: 10.03 to 10.06 s", None, 10.03),
            Seen("3.4.23 (Debian 12)", _SERVERS,
                 "a lease of 1 s was granted for 2 s", None, 2.05),
        ),
    ),
    RealSystem(
        "Pacemaker, SBD", "lease", "A watchdog resets a node that has lost its quorum or its peer; "
        "the others wait and count it as fenced.",
        (("SBD_WATCHDOG_TIMEOUT", 5), ("fencing-watchdog-timeout", 10)),
        stops=((1, "SBD_WATCHDOG_TIMEOUT"),), starts=((1, "fencing-watchdog-timeout"),),
        eats="a watchdog device that is late. The wait is 0, off, until it is set; a negative one "
             "is twice SBD_WATCHDOG_TIMEOUT, as here. Earlier releases call it stonith-watchdog-timeout",
        cite="Pacemaker Explained, July 2026; sbd 1.5.2",
    ),
    RealSystem(
        "corosync, 2 of 2", "self-fence", "A quorum of two votes: a node that is alone has none, and "
        "Pacemaker stops what runs there.",
        (("token", 3), ("consensus", 3.6)),
        stops=((1, "token"), (1, "consensus")), starts=None,
        never="nobody starts until both nodes are there",
        eats="nothing; the price is that two nodes must live for either to serve",
        cite="corosync.conf(5) and votequorum(5), as of August 2026",
    ),
    RealSystem(
        "etcd, revision", "epoch", "The revision at which a leader key was made grows with each holder: "
        "a fencing token.",
        (), stops=None, starts=None,
        never="the resource refuses a holder with an older revision, whenever it comes",
        eats="a resource that does not look, or forgets the newest revision when it restarts",
        cite="etcd 3.5, etcd versus other key-value stores",
    ),
    RealSystem(
        "Pacemaker, STONITH", "fence", "A fence device ends the peer, and acknowledges it. Delays "
        "keep two nodes from ending each other.",
        (("fencing-timeout", 60),),
        stops=None, starts=None,
        never="the successor starts when the fence has acknowledged; the holder is dead by then",
        eats="a device that acknowledges and does not end the host. The fence is given up after "
             "fencing-timeout, and nobody serves then",
        cite="Pacemaker Explained, July 2026",
        seen=(
            Seen("corosync", _EARLIER,
                 "two_node with a tie-breaker: node 2 never survives node 1"),
        ),
    ),
    RealSystem(
        "keepalived", "none", "VRRP: the highest priority that is heard has the address.",
        (("advert_int", 1), ("skew", 0.5)),
        stops=None, starts=((3, "advert_int"), (1, "skew")),
        never="a holder that hears nobody never stops",
        eats="the whole cut. The skew is (256 - priority) / 256 "
             "intervals, here of a priority of 128",
        cite="keepalived 2.2, keepalived.conf(5); RFC 5798",
        seen=(
            Seen("2.2.7 (Debian 12)", "two network namespaces",
                 "four cuts, one of them of one direction: the backup had the address 3.52 to 3.58 s after "
                 "the last advertisement, and both had it 5 s later", None, 3.52),
            Seen("2.2", _EARLIER,
                 "one-way loss towards the backup leaves both MASTER; towards the master nothing is "
                 "logged"),
            Seen("2.2", _EARLIER,
                 "after a healed cut, or when a process wakes, the higher priority wins in spite of "
                 "nopreempt; both hold the address meanwhile"),
        ),
    ),
)
"""Real systems, each with the choice that it is closest to."""
