"""Decisions: what was chosen where the document is silent or contradicts itself.

Law: data only, in our own words. Rules, policies and families cite these ids, and users see
them. `evidence` grades the choice: documented, inferred, or a policy of ours. Ids never change.
"""

from __future__ import annotations

from prgcore.model import DecisionRecord
from prgcore.vocabulary import Evidence

__all__ = ["DECISIONS"]

_DOCUMENTED, _INFERRED, _POLICY = Evidence.DOCUMENTED, Evidence.INFERRED, Evidence.POLICY

DECISIONS: tuple[DecisionRecord, ...] = (
    DecisionRecord(
        "D01", "Enabling high availability starts both halves of the record", _INFERRED,
        "The document says when to enable high availability, not how the states begin.",
        "Both nodes become Initializing in the record, whether their managers run or not.",
        "Only the nodes whose manager runs.",
        "The rule would have to know whether the peer's process runs, which no rule can know.",
    ),
    DecisionRecord(
        "D02", "High availability can be disabled in every pair", _INFERRED,
        "The command line shows a group without high availability as Unknown. The document does "
        "not say in which states it may be disabled, nor where moved users go.",
        "From every pair: users are at home, services held by the manager start, both Unknown.",
        "Only from Normal pairs and failed pairs.",
        "Fewer pairs; every pair still has a way home, by other commands.",
    ),
    DecisionRecord(
        "D03", "Row 24: two restarts, remembered in the reason", _INFERRED,
        "Row 24 asks for a restart of the recovery manager on both nodes and prints no reason.",
        "Improper enabling is an event. The first restart leaves Unknown with the reason "
        "Initialization, the second one starts the group.",
        "One restart is enough.",
        "One rule less, and no memory; the recommendation of row 24 would ask for more than is "
        "needed.",
    ),
    DecisionRecord(
        "D04", "Services down on one node fail it over, on both nodes fail both", _DOCUMENTED,
        "Verify Services: if critical services are down on one node, it fails over; if on either "
        "node, the group fails. 'Either' can only mean both here.",
        "A node that starts or stays sick beside a healthy peer fails over; beside a peer that "
        "is not healthy both fail.",
        "Wait for the critical service delay after the start; read 'either' as 'any'.",
        "A sick start would be Normal for the delay; 'any' would contradict the sentence before.",
    ),
    DecisionRecord(
        "D05", "A restart that finds no role in the record fails both", _POLICY,
        "Row 21 names internal errors and prints Unknown as the reason. A restart of both nodes "
        "in the middle of a transition is not mentioned.",
        "Both nodes fail with the reason Unknown; Recover brings everyone home.",
        "Join again with everyone at home if the peer is Normal.",
        "One click less, at the price of guessing which node served which users.",
    ),
    DecisionRecord(
        "D06", "A node that loses its peer takes over if able, and fails alone if sick", _POLICY,
        "Rows 16 to 18 show a Normal or a starting node that takes over. The document does not "
        "say how a failed-over node, or one in a transition, acts when its peer is lost.",
        "In every state that must act, the node takes over if it is able. A sick node fails "
        "alone, with its fault as the reason. Idle and sick failed-over nodes wait (D14).",
        "Only a node that is already taking over continues; the others fail.",
        "More outages end in Recover; fewer transitions.",
    ),
    DecisionRecord(
        "D07", "A node waits while the record says that the unheard peer serves", _POLICY,
        "The document does not say how a node that hears nothing knows whether its peer serves. "
        "Rows 7 and 8 imply that something happens after the time-out.",
        "It asks the record: while the peer holds the grant to take over, it waits. A node that "
        "starts settles beside a serving peer, or resumes the other half of its take-over.",
        "The waiting node fails alone.",
        "A group that serves its users would need Recover.",
    ),
    DecisionRecord(
        "D08", "Each node settles itself", _INFERRED,
        "Rows 3, 12 and 13 show the end of a failover, not which node writes it.",
        "Failing Over beside Running in Backup Mode means that the node has not let go yet. It "
        "then becomes Idle, Failed Over or Failed Over with Critical Services Not Running by its "
        "own health.",
        "The node that took over settles its peer, if it hears it.",
        "One more rule, which reads a health that may be stale.",
    ),
    DecisionRecord(
        "D09", "An automatic recovery ends in the mirror of rows 12 and 13", _INFERRED,
        "Rows 22 and 23 show the move of all users, not the states that follow. Row 23 prints "
        "the database reason on the left where the cause is a service.",
        "Backup Activated becomes Running in Backup Mode, Failover Affected Services settles by "
        "its health, and the reason is the fault. Row 23's left reason is corrected.",
        "Keep the printed reason, and make the two states permanent.",
        "The left column of row 23 would look like that of row 22, and would have no way home.",
    ),
    DecisionRecord(
        "D10", "A finished fallback brings all users home", _INFERRED,
        "Row 9 says that both nodes are Normal afterwards. It does not cover a restart or a "
        "failure of the other node meanwhile.",
        "Both groups go home, even while the peer is starting. A peer that failed meanwhile "
        "stays without users.",
        "Require a peer that is falling back.",
        "Three more rules, and a history in which both nodes are Normal and one group of users "
        "is served by nobody.",
    ),
    DecisionRecord(
        "D11", "The record of a dead node stays as it was", _INFERRED,
        "Rows 16 and 17 show no state for a node that is down.",
        "Stopping or losing a node changes nothing in the record: no program is left to write "
        "it. An administrator sees nothing of such a node.",
        "Set the state to Unknown.",
        "The peer would learn of the death through the record before any heartbeat is missed.",
    ),
    DecisionRecord(
        "D12", "A booting host has its database and not yet its services", _POLICY,
        "Row 13 recommends a reboot for a database failure; rows 12 to 17 then wait until the "
        "critical services run.",
        "Powering up repairs the database and leaves the services down until they are started.",
        "Change both when the power goes off.",
        "The peer would see the services stop before it misses a heartbeat.",
    ),
    DecisionRecord(
        "D13", "Reconnection of a failed node with one that is not failed", _POLICY,
        "Row 16: the node may go into a failed state when the network is back; click Recovery.",
        "Policy `reconnection`. `fail`: both fail with the reason Unknown until Recover. "
        "`keep_serving`: a node that serves everyone goes on, and the failed one lets go. "
        "`able_serves`: any node that can serve everyone does so, and the failed one lets go; both "
        "fail only where neither can serve. A cut that ends before the time-out changes nothing.",
        "Choose at random, as 'may' allows.",
        "With `fail` the repair of a link stops a healthy node, and nobody is served until "
        "somebody clicks Recovery. With `keep_serving` this happens only to a node that does not "
        "serve everyone yet, with `able_serves` to no node that can serve. There row 16 ends with "
        "a manual fallback and not with Recovery.",
    ),
    DecisionRecord(
        "D14", "An Idle node that loses its peer", _POLICY,
        "After a manual failover the critical services stay stopped until a manual fallback. The "
        "document does not say how an Idle node acts when the backup is lost.",
        "Policy `idle_on_peer_loss`. `wait`: it stays Idle. `take_over`: it starts its services "
        "and serves everyone. Failed Over with Critical Services Not Running waits for repair.",
        "Fail the Idle node.",
        "With `wait` nobody is served until the backup returns; with `take_over` services start "
        "without a manual fallback.",
    ),
    DecisionRecord(
        "D15", "A node that was taken over for Peer Down stops counting the peer as alive", _INFERRED,
        "The document does not cover a node that still counts its peer as alive, although the "
        "peer cannot hear it.",
        "Such a node reads Peer Down as its reason and concludes that the link is broken.",
        "Count the peer as alive until a heartbeat is missed.",
        "If a fallback asked this node alone (D62), automatic fallback on a stale belief and the "
        "take-over that follows would repeat for ever.",
    ),
    DecisionRecord(
        "D16", "Services under a dead manager change before or after, not between", _INFERRED,
        "The document does not cover services that change while the manager is down and the peer "
        "still counts it as alive.",
        "Such a change commutes with the peer's next step; it is modelled before or after.",
        "Allow it at any time.",
        "833,792 reachable pairs instead of 825,920, and a peer that sees more than heartbeats "
        "reported.",
    ),
    DecisionRecord(
        "D17", "Two nodes that fail for a fault both show the fault", _INFERRED,
        "Row 15 shows a critical service down on the backup. A database that is down there, and "
        "faults on both nodes of a Normal pair, are in no row.",
        "Both fail, with the fault of the node that noticed as the reason of both: Database "
        "Failure likewise. A backup that does not reach a Failed Over peer fails alone.",
        "Print Unknown for what row 15 does not list.",
        "The operator would not learn what to repair.",
    ),
    DecisionRecord(
        "D18", "Failover names the node that loses its users", _DOCUMENTED,
        "The definition of Normal is about a failover to this node. The procedure fails over an "
        "active node, and the command line names the node that fails.",
        "`failover(node1)` moves the users of node 1 to node 2.",
        "Name the node that gets the users.",
        "The same pairs, with the names of the command exchanged.",
    ),
    DecisionRecord(
        "D19", "Fallback goes to a node that can serve; Falling Back hands back", _INFERRED,
        "The definition puts Falling Back on the node that gets its users back; Table 2 puts it "
        "on the backup. No command is named for Failed Over with Critical Services Not Running.",
        "As Table 2: the backup is Falling Back, the other Taking Back. Fallback needs Idle or "
        "Failed Over, a database, and a backup that is heard.",
        "Follow the definition; allow fallback to a node without its services.",
        "Rows 4, 9 and 10 would be exchanged; fallback would fail at once (row 14).",
    ),
    DecisionRecord(
        "D20", "Recover needs both nodes Running in Failed Mode", _DOCUMENTED,
        "The procedure says failed over, the definition of manual recovery says failed.",
        "Both Running in Failed Mode, high availability on, each hearing the other.",
        "Both failed over.",
        "Both nodes failed over at once cannot be reached, so Recover would never be offered.",
    ),
    DecisionRecord(
        "D21", "Recover restarts both managers and starts held services", _INFERRED,
        "Manual recovery restarts the recovery manager on both nodes; rows 14 and 15 say that it "
        "starts the critical services.",
        "Both: managers restart, everyone is at home, services that the manager holds start. "
        "Services that are broken stay down until they are repaired.",
        "Only the restart; or start broken services as well.",
        "An Idle node would stay without services after Recover; or a command would repair "
        "faults.",
    ),
    DecisionRecord(
        "D22", "A database failure waits for the same delay", _INFERRED,
        "The critical service delay is defined for critical services; row 13 names no delay.",
        "The database counts as a critical service.",
        "Fail over at once.",
        "A short database fault would move all users.",
    ),
    DecisionRecord(
        "D23", "Automatic recovery needs no parameter and activates the failed-over node",
        _INFERRED,
        "The overview lets a fallback wait for a command where rows 22 and 23 say automatically. "
        "The document does not say which of the two nodes is Backup Activated.",
        "Automatic, whatever Enable Automatic Fallback says. Backup Activated is the node that "
        "had failed over and now serves everyone: the left column, as in rows 1 to 18.",
        "Backup Activated is the backup that failed.",
        "Rows 22 and 23 would exchange their columns; the users end on the same node.",
    ),
    DecisionRecord(
        "D24", "Automatic fallback only from Failed Over", _INFERRED,
        "It comes thirty minutes after the node is healthy again; after a manual failover the "
        "services stay stopped until a manual fallback.",
        "Only from Failed Over, hearing the backup; never from Idle.",
        "From Idle as well.",
        "A manual failover for maintenance would end by itself.",
    ),
    DecisionRecord(
        "D25", "Peer Down and Peer Reboot arrive as two events", _INFERRED,
        "Row 17 lists hardware, power, shutdown and reboot, row 16 the network and the manager. "
        "A missing heartbeat alone cannot tell them apart.",
        "`heartbeat_lost` gives Peer Down, `peer_host_lost` gives Peer Reboot. The difference is "
        "an input, never guessed.",
        "Derive the reason from the peer's process.",
        "A rule would read what its node cannot know.",
    ),
    DecisionRecord(
        "D26", "The failed node, not its backup, shows services not running", _DOCUMENTED,
        "A use case of the persistent chat chapter has the node that takes over pass through "
        "Failed Over with Critical Services Not Running.",
        "As row 12: the state is that of the node whose service is down.",
        "Follow the use case.",
        "It would contradict row 12 and the example of the command line.",
    ),
    DecisionRecord(
        "D27", "Rows 22 and 23 move the users to the same node", _INFERRED,
        "Row 22 says the primary node, row 23 the peer node.",
        "Both mean the node that had failed over (D23).",
        "Two destinations.",
        "After row 22 the users could stay on a node without a database.",
    ),
    DecisionRecord(
        "D28", "The re-login lower limit is printed as 120, the service delay as 90", _DOCUMENTED,
        "The login profiles ask for a lower limit equal to the critical service delay, and every "
        "profile prints 120.",
        "Both defaults as printed; a lower limit below the delay deserves a warning.",
        "Make the two equal.",
        "One printed default would be wrong.",
    ),
    DecisionRecord(
        "D29", "Login profiles: the larger node when balanced, the total when active-standby",
        _INFERRED,
        "A procedure and its notes disagree on which mode counts the node with most users.",
        "As the notes say: balanced counts the larger node, active-standby all users.",
        "As the procedure says.",
        "Active-standby would be sized for half of the group.",
    ),
    DecisionRecord(
        "D30", "A group has one or two nodes", _DOCUMENTED,
        "One older translation has two or more nodes, every later text has at most two.",
        "One or two; high availability needs two.",
        "More than two.",
        "Peer would not be one node, and Table 2 would not apply.",
    ),
    DecisionRecord(
        "D31", "Idle means a manual failover", _INFERRED,
        "The definition of Idle covers any failover with stopped services. In Table 2 Idle "
        "appears after manual failovers only.",
        "A node is Idle exactly if the manager stopped its services for a manual failover.",
        "Idle after automatic failovers too.",
        "Idle would look like Failed Over with Critical Services Not Running.",
    ),
    DecisionRecord(
        "D32", "A partition: the record decides who takes over", _POLICY,
        "Row 16 is written from one node's view; the other's view is the same, so that both "
        "could take over.",
        "Taking over asks the record, which both nodes reach although they do not hear each "
        "other. One node gets the grant; the other is taken over and lets go with Peer Down.",
        "Each node decides alone.",
        "Both Running in Backup Mode would be reachable, and users served twice.",
    ),
    DecisionRecord(
        "D33", "A reconnection of nodes that are not failed changes no state", _INFERRED,
        "Row 16 says that the node may fail on reconnection, not when it does not.",
        "Two nodes that are not failed just hear each other again. For a failed one, see D13.",
        "Fail both on every reconnection.",
        "Every cut would need Recover.",
    ),
    DecisionRecord(
        "D34", "Both nodes down: the record keeps the roles", _INFERRED,
        "Row 6 shows that a manual failover survives the reboot of both nodes. The document does "
        "not cover other roles.",
        "The record keeps which node served which users. The first node back alone takes over "
        "after the longer time-out (row 18); two nodes that return together resume their roles.",
        "Forget every role but that of row 6.",
        "An automatic failover would be undone by a double reboot, whatever the health.",
    ),
    DecisionRecord(
        "D35", "An error in a transition fails both nodes that hear each other", _DOCUMENTED,
        "Running in Failed Mode: an error in a transition state or in backup mode. Rows 14, 19 "
        "and 20 show the same reason on both nodes.",
        "The node that errs fails both, or itself alone where it does not hear the peer.",
        "Only the node that errs fails.",
        "Rows 14, 19, 20 and 21 could not be reached.",
    ),
    DecisionRecord(
        "D36", "Beside a failed node", _INFERRED,
        "Row 21: a manager that restarts beside a failed node leaves both failed. The document "
        "does not say how a failed node acts when its peer is lost, nor what two nodes show that "
        "failed apart.",
        "A failed node stays failed and keeps its reason, even when the peer is lost; nodes that "
        "failed apart keep their own reasons.",
        "A failed node takes over; both show Unknown.",
        "A node that could not serve would serve; the operator would not learn what to repair.",
    ),
    DecisionRecord(
        "D37", "No users are added while any node is not Normal", _INFERRED,
        "Users cannot be added while a node is in a failover state; the document does not list "
        "these states.",
        "Any state but Normal, while high availability is on.",
        "Only Idle and the two Failed Over states.",
        "Users could be added in the middle of a move.",
    ),
    DecisionRecord(
        "D38", "One machine for all releases", _DOCUMENTED,
        "States and Table 2 are the same from release 12.5 on. Newer are only the monitoring of "
        "one more service and the failover of dual connections.",
        "One table; the two differences carry the release that brought them.",
        "A machine for each release.",
        "The same rules several times.",
    ),
    DecisionRecord(
        "D39", "A node that returns beside a backup settles", _INFERRED,
        "Row 18 shows the return for one reason of the backup. Rows 16 and 17 end with a manual "
        "fallback and no row shows where it begins.",
        "After its start the node is Failed Over, Failed Over with Critical Services Not Running "
        "or Idle, with the reason Initialization; the backup keeps its own reason.",
        "Return to Normal at once.",
        "The manual fallback of rows 16 and 17 would have nothing to do.",
    ),
    DecisionRecord(
        "D40", "A failed-over node shows its latest fault", _INFERRED,
        "The definitions distinguish the two Failed Over states by the services. No row has a "
        "second fault.",
        "A watched failed-over node changes its state with its health, and its reason with a new "
        "fault. The backup's reason stays.",
        "Keep the first reason.",
        "The operator would repair what is no longer broken.",
    ),
    DecisionRecord(
        "D41", "A restart changes the reason of the restarted node only", _INFERRED,
        "Rows 5 to 9 and 11 show restarts in some states; the others are not listed.",
        "The same everywhere: the node takes up its role and shows Initialization, the peer "
        "keeps its reason, and a Normal node stays Normal.",
        "Only in the listed states; elsewhere both fail.",
        "A restart of a healthy manager would stop service.",
    ),
    DecisionRecord(
        "D42", "A reboot out of a failed pair needs Recover", _DOCUMENTED,
        "Row 14 ends with a manual fallback after a reboot. Row 21 says that a manager that "
        "restarts beside a failed node leaves both failed.",
        "As row 21: after the reboot both are failed, and Recover brings them home. Step 3 of "
        "row 14 is kept as a defect of the document.",
        "Let the rebooted node settle as Failed Over.",
        "The peer would have to serve, although it is failed; row 21 would not be reachable.",
    ),
    DecisionRecord(
        "D43", "Bounds of the service parameters", _POLICY,
        "The document gives defaults and units, and no ranges; the monitoring of the XCP "
        "Authentication Service has no default either, only a way to turn it on.",
        "Times from zero to a day, ports from 1 to 65535; each theorem names the relations "
        "between values that it needs. That monitoring is false until it is set.",
        "Accept any number.",
        "A negative time-out would be accepted and would suspect every peer at once.",
    ),
    DecisionRecord(
        "D44", "What begins the silence of a peer", _INFERRED,
        "Two time-outs are given, one of them for the initialization. The document does not say "
        "when they begin.",
        "From the last heartbeat, from the start of the manager, and from the moment at which the "
        "node begins to initialize; the longer time-out counts while it initializes.",
        "From the last heartbeat or the start of the manager only.",
        "High availability enabled or recovered after a longer silence would lose the peer at "
        "once, before it can be heard.",
    ),
    DecisionRecord(
        "D45", "What begins the thirty minutes, and what begins them again", _INFERRED,
        "Users come back thirty minutes after the primary node returns to a healthy state. The "
        "document does not say whether anything else restarts the thirty minutes.",
        "They count the unbroken health, as it was observed, of a node that is Failed Over and "
        "whose manager runs. A fault or a restart of the manager begins them again. Enabling "
        "automatic fallback late, or losing the peer and hearing it again, does not: once they "
        "are over, the fallback is due as soon as it is possible. The thirty minutes are the "
        "default of the parameter automatic_fallback_after.",
        "Count only while automatic fallback is enabled and the peer is heard.",
        "A short loss of the network would keep users away for half an hour more.",
    ),
    DecisionRecord(
        "D46", "A timer that is due is offered again", _POLICY,
        "The document does not say how to treat a time-out that is ignored or not acted on, nor "
        "which comes first of those that end together.",
        "A timer is a level, not an edge: while it stays due and possible, its event is offered "
        "again after each keep-alive interval, never sooner. A lost host that was reported is "
        "remembered until a heartbeat arrives. An observation offers one event, the one received "
        "first; the others wait for the resulting pair.",
        "Offer it once; offer it at every observation; offer all due events together.",
        "Once: a lost answer would be lost for ever. At every observation: a busy loop. All "
        "together: the first may make the second impossible.",
    ),
    DecisionRecord(
        "D47", "Multiple device messaging doubles the time until a failover is noticed", _INFERRED,
        "With it a failover generally takes twice the time of the service parameters. The "
        "document does not say whether this includes the re-login limits, which are service "
        "parameters too.",
        "Twice the time-out or the delay; moving the users and the wait of the clients once. The "
        "other reading is printed beside it.",
        "Double the re-login limits too.",
        "The longest outage after a crash would be 1194 seconds instead of 657.",
    ),
    DecisionRecord(
        "D48", "What names and descriptions may hold", _POLICY,
        "The text on descriptions names the forward slash and prints a backslash. The document "
        "does not say which letters are alphanumeric, nor whether host names differ by case.",
        "A description holds neither slash. The name of a group holds the letters a to z in "
        "either case, digits, underscore and dash. Host names ignore case, group names do not.",
        "Refuse only the backslash that is printed; allow the letters of every language.",
        "A description could be accepted here and refused by the product.",
    ),
    DecisionRecord(
        "D49", "Two critical services are feature services", _INFERRED,
        "Verify Services sends its reader to the page of network services twice: step 4 links to "
        "the page that step 1 has opened. The services of step 5 are different ones.",
        "Step 4 means the page of feature services: Cisco SIP Proxy and Cisco Presence Engine "
        "are looked for there. All five are critical, and no other but the two with a setting.",
        "Take the step as printed.",
        "An operator would look for two services on a page that does not list them.",
    ),
    DecisionRecord(
        "D50", "High availability enabled without its prerequisites", _INFERRED,
        "A caution threatens an immediate failover where replication or services are missing; "
        "the state Unknown is explained by improper enabling. The bandwidth of a WAN is required "
        "and, one sentence on, recommended.",
        "Services lead where the rules lead. A database that is not replicated, or nodes that "
        "differ in cluster, publisher or version, make the enabling improper (row 24). Missing "
        "replication has a second outcome, of which the caution warns: a node whose database is "
        "not replicated fails over at once, as after a failure of its database. Both are "
        "forecast. A WAN below its minimum is an error of the configuration and changes no state.",
        "Only the improper enabling for missing replication; a slow WAN as a warning.",
        "An administrator would expect Unknown, and be surprised by a failover.",
    ),
    DecisionRecord(
        "D51", "A node serves the users that the record assigns to it, if it can", _INFERRED,
        "The document says where users move, not what a node that is assigned users must have "
        "in order to serve them.",
        "It serves them while its host is up, its critical services run and its database is up. "
        "Its recovery manager need not run.",
        "Every assigned user is served; or nobody is served without a recovery manager.",
        "A restart of a manager would count as an outage, or a dead host as a server.",
    ),
    DecisionRecord(
        "D52", "Users are assigned with the fewest moves", _POLICY,
        "Balanced mode spreads the users equally over all nodes. The document does not say which "
        "node gets the remaining users, nor which users move when nodes or users change.",
        "A user moves only if equality within one forces it. The nodes with most users keep one "
        "more; among equals, the first by name. Users that must move are the last by name.",
        "Assign everybody anew.",
        "Every run would move users, and a user who moves must log in again.",
    ),
    DecisionRecord(
        "D53", "A login profile is its formula", _INFERRED,
        "Every printed upper limit but a few is 120 seconds and the time in which the server "
        "lets the users of the row log in at a constant rate. The procedure rounds the users up "
        "to the next row; not all rows are known here.",
        "The formula, rounded half up; users are rounded up where the rows are known. Printed "
        "numbers that differ are misprints.",
        "Print the tables unchanged.",
        "Two limits would let clients log in faster than the rate of their own table.",
    ),
    DecisionRecord(
        "D54", "What an inactive connection survives", _INFERRED,
        "An inactive connection is opened after each log-in and activated by a failover. The "
        "document does not say whether it survives the death of a node, nor whether it spares "
        "anything at a fallback; of a fallback it says that moved users are disconnected and log "
        "in again.",
        "It lasts while its node can serve and high availability is on. A failover that moves the "
        "users to its node activates it; the next one must be opened anew. A fallback, manual or "
        "automatic, disconnects everybody who had been failed over, and each client waits between "
        "the re-login limits, as without dual connections.",
        "A fallback activates an inactive connection to a node that was repaired.",
        "The users of a repaired group would be promised a fallback without an outage, which the "
        "document does not promise.",
    ),
    DecisionRecord(
        "D55", "A session counter is about the node on which it is read", _INFERRED,
        "Two counters are described by the publisher and the subscriber node, one is listed "
        "twice, and the sentence that compares both nodes repeats a name where it means another.",
        "On every node the active counters show its active sessions and the inactive ones its "
        "inactive sessions, with one client per user: X and Y on the primary, Y and X on the "
        "secondary.",
        "Active always means the publisher, inactive always the subscriber.",
        "The counters would not show a failover of the subscriber.",
    ),
    DecisionRecord(
        "D56", "Sessions are kept, connections are not", _INFERRED,
        "After a crash of a node or of the XCP Router the session and its history are kept "
        "without any action of the user. Everywhere else a failover disconnects the users, who "
        "log in again.",
        "The conversation and its history are kept; the client still logs in again, by itself. "
        "Messages queued for a suspended client are lost.",
        "After a crash nobody logs in again.",
        "The time without service after a crash would be shorter than the detection alone.",
    ),
    DecisionRecord(
        "D57", "A node without a state in a status text shows nothing", _POLICY,
        "No text that was compared shows the output of the command line for a node that is down.",
        "A node that is named without a state shows nothing, as in rows 16 and 17. A missing "
        "reason means any reason. A word that is neither a state nor a reason is reported, not "
        "guessed.",
        "Leave such a node out, or refuse the text.",
        "The text of the commonest outage would not be understood.",
    ),
    DecisionRecord(
        "D58", "`prgcore ha` prints the words of the command line", _INFERRED,
        "The command line prints Failed and Failover where Table 2 has Running in Failed Mode "
        "and Failing Over, and no reason for Normal.",
        "Answers in the product's shape use the command line's words; everything else uses those "
        "of Table 2. Both are read everywhere.",
        "Print Table 2's words everywhere.",
        "Scripts that read the product's answers would not read these.",
    ),
    DecisionRecord(
        "D59", "The default time-out is kept, and warned of", _POLICY,
        "The document recommends the defaults of 15 and 60 seconds. Sixty is four times fifteen, "
        "so a live peer may be declared lost after three lost heartbeats in a row (T6).",
        "The defaults are those of the document. The rule of sanity that they break is a warning, "
        "with the change that would help; the example of a configuration has it.",
        "A time-out of 61 seconds as the default.",
        "A default of this library would differ from the printed one.",
    ),
    DecisionRecord(
        "D60", "A start asks again for what its role needs", _INFERRED,
        "Rows 8 and 9 let a manager restart in the middle of a transition. The document does not "
        "say whether earlier requests are repeated, nor what a node stops that starts beside a "
        "peer that took over.",
        "A node that starts asks for whatever its role needs: the grant and the users where they "
        "come to it; otherwise it disconnects users and gives the grant back. The grant goes "
        "back when a fallback begins, because by the record no node holds it from then on.",
        "Trust that requests from before the restart were done; keep the grant until everyone is "
        "home.",
        "A take-over whose manager restarted would never end; a failover during a fallback would "
        "wait for a grant that the lost node keeps.",
    ),
    DecisionRecord(
        "D61", "An internal error is one of a role, not of a start", _INFERRED,
        "Running in Failed Mode is for errors in the transition states and in backup mode, and "
        "Initializing is called an initial transition state. Row 21 names one error of a start: "
        "the other node has failed.",
        "A manager errs in every other transition state and in backup mode. A start that errs "
        "finds no role in the record (D05), or its manager stops again.",
        "An internal error in Initializing as well.",
        "838,016 reachable pairs instead of 825,920, and one restart more that ends in Recover.",
    ),
    DecisionRecord(
        "D62", "A fallback waits until each node hears the other", _INFERRED,
        "Each node monitors the heartbeat of its peer, and a failover can follow when the peer is "
        "silent. The document does not say whether the backup must hear the node that it hands "
        "users back to. Manual recovery asks both nodes.",
        "A fallback, manual or automatic, needs both: the node hears the backup, and the backup "
        "hears the node. Until then a command is refused, and an automatic fallback waits.",
        "Ask only the node that gets its users back.",
        "A backup that has heard nothing since the loss takes the users over again at once: each "
        "user is disconnected twice, and somebody must fall back again.",
    ),
    DecisionRecord(
        "D63", "Held services run again when the users are on their way back", _INFERRED,
        "A manual failover stops the services of a node, and they start when it serves again. The "
        "document does not say whether they run in between, nor what holds if the way back fails.",
        "They are held stopped while the node starts, fails over or is Idle. From Taking Back on "
        "they are to run. In Taking Over and in Running in Failed Mode they may run or not, because "
        "a fallback that did not end may have started them; they serve nobody there.",
        "Hold them until the record says that they were started; stop them again after a fallback "
        "that failed.",
        "An agent would stop services during the fallback that has just started them; and Recover "
        "would wait for a stop and a start.",
    ),
)
