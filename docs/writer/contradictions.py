"""Contradictions within the document, or with another one, and the reading that this project takes.

Law: data only, in our own words. Ids never change. Misprints that change no meaning are one
entry; those of the login profiles are in `prgcore.tables.profiles` too, each with its numbers.
"""

from __future__ import annotations

from prgcore.tables.facts import Contradiction

_DEFINITIONS = "Node State Definitions"
_MANUAL = "Initiate Manual Failover, Fallback, or Recovery"
_OVERVIEW = "Presence Redundancy Group Overview"
_HEARTBEAT = "Configure Heartbeat Interval for Failover"
_DOWNTIME = "IM and Presence Failover Enhancement to Nearly Zero Downtime"
_COUNTERS = "Counters to Monitor Zero Downtime During Upgrade"
_DUAL = "How to Check if Dual Registration is Established"
_INTERACTIONS = "Redundancy Interactions and Restrictions"
_PROFILES = "High Availability Login Profiles (another document)"

CONTRADICTIONS = (
    Contradiction(
        "K1", "Which groups can be recovered",
        "Those of which both nodes have failed.", f"{_MANUAL}: manual recovery",
        "Those of which both nodes have failed over.", f"{_MANUAL}, step 3",
        "Both nodes Running in Failed Mode; both failed over is proved unreachable.", "D20",
    ),
    Contradiction(
        "K2", "Which node a failover names",
        "The one that is failed over to.", f"{_DEFINITIONS}: Normal",
        "The active one, which loses its users.", f"{_MANUAL}, step 3",
        "The one that loses its users, as on the command line.", "D18",
    ),
    Contradiction(
        "K3", "Which node is Falling Back",
        "The one that gets its users back.", f"{_DEFINITIONS}: Falling Back",
        "The backup, which hands them back.", "Table 2, rows 4, 9 and 10",
        "The backup.", "D19",
    ),
    Contradiction(
        "K4", "Which failovers lead to Idle",
        "Any, with the services stopped.", f"{_DEFINITIONS}: Idle",
        "Manual ones; automatic ones lead to the two Failed Over states.", "Table 2, rows 3 to 13",
        "Manual ones.", "D31",
    ),
    Contradiction(
        "K5", "Whether a fallback from a failed backup waits for a command",
        "A fallback is commanded, under this condition too.", f"{_OVERVIEW}: fallback",
        "It comes automatically.", "Table 2, rows 22 and 23",
        "Automatically, whatever Enable Automatic Fallback says.", "D23",
    ),
    Contradiction(
        "K6", "When an automatic fallback comes",
        "When the failed node is online again.", f"{_OVERVIEW}: the example",
        "Thirty minutes after it is healthy again.", f"{_HEARTBEAT}, step 4",
        "After thirty minutes of health; the example leaves them out.", "D45",
    ),
    Contradiction(
        "K7", "What services down on either node mean",
        "On one of the two: the group fails.", "Verify Services: either node",
        "On one of the two: that node fails over.", "Verify Services: the next sentence",
        "Either can only mean both.", "D04",
    ),
    Contradiction(
        "K8", "What starts services that a failover stopped",
        "Nothing but a manual fallback.", f"{_MANUAL}: manual failover",
        "Recovery does.", "Table 2, rows 14 and 15",
        "Where the node serves again: the end of a fallback or of a take-over of its own, Recover, "
        "and the disabling of high availability; nothing else (proved, S22).", "D21",
    ),
    Contradiction(
        "K9", "What recovery does",
        "It restarts the recovery manager of both nodes.", f"{_MANUAL}: manual recovery",
        "It starts the critical services.", "Table 2, rows 14 and 15",
        "Both; services that are broken stay down until they are repaired.", "D21",
    ),
    Contradiction(
        "K10", "How a rebooted node leaves a failed pair",
        "By a manual fallback.", "Table 2, row 14, step 3",
        "By recovery: a restart beside a failed node leaves both failed.", "Table 2, row 21",
        "By recovery. Step 3 of row 14 is a defect of the document.", "D42",
    ),
    Contradiction(
        "K11", "Names that are printed in two ways",
        "Critical Services Down, Backup Mode, Auto Recovery, Recover, a small not.",
        f"Table 2, rows 11 to 13, 18 and 22; {_MANUAL}, step 3",
        "Critical Service Down, Running in Backup Mode, Auto Recover, Recovery, a capital Not.",
        f"Table 2, elsewhere; {_DEFINITIONS}",
        "One spelling each; the others are read as aliases.",
    ),
    Contradiction(
        "K12", "How many states there are",
        "Twelve are defined.", _DEFINITIONS,
        "Two more are shown, and a failover mode is spoken of.", "Table 2, rows 22 and 23",
        "Fourteen: the two are passing states of the automatic recovery. Failover mode is "
        "Failed Over.", "D09",
    ),
    Contradiction(
        "K13", "The reason on the left of row 23",
        "A database failure, as in row 22.", "Table 2, row 23, reason of node 1",
        "A critical service, as its cause and its right side say.", "Table 2, row 23",
        "A critical service; other releases print the same slip.", "D09",
    ),
    Contradiction(
        "K14", "Where an automatic recovery moves the users",
        "To the primary node.", "Table 2, row 22",
        "To the peer node.", "Table 2, row 23",
        "Both mean the node that had failed over.", "D27",
    ),
    Contradiction(
        "K15", "How many nodes fail on reconnection",
        "One: the node may fail.", "Table 2, row 16, step 1",
        "Two: the remedy is recovery, which needs both to have failed.", "Table 2, row 16; "
        f"{_MANUAL}: manual recovery",
        "Both, and only where one had failed before; under a policy none, if the other one serves "
        "everyone.", "D13",
    ),
    Contradiction(
        "K16", "What follows when high availability is enabled unprepared",
        "An immediate failover.", "Enable High Availability: caution",
        "The states are unknown.", f"{_DEFINITIONS}: Unknown; Table 2, row 24",
        "Services that are down lead to a failover, missing replication to Unknown.", "D50",
    ),
    Contradiction(
        "K17", "How many nodes a group has",
        "Two.", f"{_OVERVIEW}, first sentence",
        "One or two.", "High Availability; Configure a Presence Redundancy Group",
        "One or two; high availability needs two.", "D30",
    ),
    Contradiction(
        "K18", "How many modes there are",
        "Two modes of high availability.", "High Availability",
        "Three modes of user assignment, with the same names and None.",
        "Configure User Assignment Mode",
        "There is one setting, of users, with three values; none of them changes the machine.",
    ),
    Contradiction(
        "K19", "Which page lists the second services",
        "The network services, once more.", "Verify Services, step 4",
        "Another page, or the step would be empty.", "Verify Services, steps 3 and 5",
        "The feature services.", "D49",
    ),
    Contradiction(
        "K20", "Which slash a description may not have",
        "A forward one, by its name.", "Configure a Presence Redundancy Group, step 4",
        "A backward one, by its sign.", "Configure a Presence Redundancy Group, step 4",
        "Neither.", "D48",
    ),
    Contradiction(
        "K21", "Where no users can be added",
        "In the cluster, while a node is in a failover state.", f"{_MANUAL}; {_INTERACTIONS}",
        "No state is called so, and a group knows only its own nodes.", _DEFINITIONS,
        "In a group of which either node is in any state but Normal, while high availability "
        "is on.", "D37",
    ),
    Contradiction(
        "K22", "How much service is lost with dual connections",
        "None.", f"{_DOWNTIME}: the outage is eliminated",
        "Nearly none, much less.", f"{_DOWNTIME}: the next sentences",
        "The time until the failure is noticed; only the wait before a new login goes away.",
    ),
    Contradiction(
        "K23", "What is switched off in the client",
        "High availability.", "How to Disable Dual Registration",
        "Dual connections; high availability is a setting of the group.",
        f"{_DOWNTIME}; Enable High Availability",
        "Dual connections.",
    ),
    Contradiction(
        "K24", "What the secondary node counts",
        "One counter as X, as Y and as X again.", _DUAL,
        "Two counters, as on the primary node.", f"{_DUAL}: the sentence before",
        "Y active and X inactive client sessions: the mirror of the primary.", "D55",
    ),
    Contradiction(
        "K25", "How many counters there are",
        "Six.", f"{_COUNTERS}: rows of Table 3",
        "Five: the inactive client sessions are listed twice, word for word.",
        f"{_COUNTERS}: names in Table 3",
        "Five.", "D55",
    ),
    Contradiction(
        "K26", "Of which node two counters speak",
        "Active: users of the publisher. Inactive: active users of the subscriber.",
        f"{_COUNTERS}: rows of Table 3",
        "Both are read on either node, and inactive sessions are not active.",
        f"{_COUNTERS}: what happens in a failover",
        "Of the node on which they are read.", "D55",
    ),
    Contradiction(
        "K27", "Whether users log in again after a node has crashed",
        "They do nothing, and their sessions are kept; in the foreground nothing is interrupted.",
        f"{_INTERACTIONS}: push notifications",
        "They are disconnected and log in again, after a wait.", f"{_MANUAL}; {_HEARTBEAT}, step 5",
        "The conversation is kept; the client still logs in again, by itself.", "D56",
    ),
    Contradiction(
        "K28", "Which node shows services not running",
        "The one whose services are down.", "Table 2, row 12",
        "The one that takes over.", "Persistent chat: use cases",
        "The one whose services are down.", "D26", abroad=True,
    ),
    Contradiction(
        "K29", "What the re-login lower limit is",
        "120 seconds; the critical service delay is 90.", f"{_HEARTBEAT}, steps 4 and 5",
        "The critical service delay; yet every table prints 120.", _PROFILES,
        "120 and 90 as printed, and a warning where the limit is below the delay.", "D28",
        abroad=True,
    ),
    Contradiction(
        "K30", "Which users a login profile counts",
        "Active-standby: those of the larger node.", f"{_PROFILES}: the procedure",
        "Active-standby: all of the group.", f"{_PROFILES}: the notes",
        "Balanced: the larger node. Active-standby: the group.", "D29", abroad=True,
    ),
    Contradiction(
        "K31", "Whether a group may have more than two nodes",
        "At most two.", "Configure a Presence Redundancy Group",
        "Two or more.", "The chapter of release 10.0(1), in a translation",
        "At most two.", "D30", abroad=True,
    ),
    Contradiction(
        "K32", "The limit of a 5000-user server, active-standby, with 100 users",
        "154 seconds.", f"{_PROFILES}: 5000 users",
        "153 seconds, by the rate of every other row.", f"{_PROFILES}: the same table",
        "153 seconds.", "D53", abroad=True,
    ),
    Contradiction(
        "K33", "The limits of a 25000-user server, active-standby, with 8000 to 13000 users",
        "Those of the rows above: the column has slipped.", f"{_PROFILES}: 25000 users",
        "Those that the rate of the other rows gives.", f"{_PROFILES}: the same table",
        "Those of the rate.", "D53", abroad=True,
    ),
    Contradiction(
        "K34", "The limit of the second example",
        "953 seconds, for a balanced 5000-user server.", f"{_PROFILES}: example 2",
        "No balanced table has it; a 15000-user server, active-standby, has it at 5000 users.",
        f"{_PROFILES}: the tables",
        "The tables.", "D53", abroad=True,
    ),
    Contradiction(
        "K35", "Whether the bandwidth of a WAN is a condition",
        "It is required.", "Presence Redundancy Group Prerequisites, first sentence",
        "It is a recommendation.", "Presence Redundancy Group Prerequisites, second sentence",
        "It is required; less is an error of the configuration and changes no state.", "D50",
    ),
    Contradiction(
        "K36", "Which node is the activated backup",
        "The one that was backup and fails.", f"{_OVERVIEW}: fallback, second condition",
        "The one on the left, which had failed over and takes everyone.",
        "Table 2, rows 22 and 23",
        "The one that had failed over.", "D23",
    ),
    Contradiction(
        "K37", "How long the name of a group may be",
        "128 characters.", "Configure a Presence Redundancy Group, step 3",
        "255 characters.", "The schema of the administration interface, release 10.5",
        "128 characters.", abroad=True,
    ),
    Contradiction(
        "K38", "Why both nodes are Unknown",
        "High availability was enabled improperly; no reason is shown.", "Table 2, row 24",
        "It is not enabled, and the reason says so.", "The command line reference: status",
        "Both, as two values of the column ha.", "D02", abroad=True,
    ),
    Contradiction(
        "K39", "Whether the default time-out fits the default interval",
        "The defaults are recommended.", "Configure Heartbeat Interval for Failover, note",
        "The time-out is exactly four intervals, so that the heartbeat after three lost ones "
        "races it.", "Configure Heartbeat Interval for Failover, step 4: 15 and 60 seconds",
        "The defaults are kept, and `prgcore timing` warns of them with the theorem.", "D59",
    ),
)
