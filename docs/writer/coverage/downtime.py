"""Dual connections and their counters: nearly no downtime.

Law: data only, in our own words.
"""

from __future__ import annotations

from writer.coverage.entries import ELSEWHERE, LIST, exempt, here, under

DOWNTIME = (
    *under(
        "IM and Presence Failover Enhancement to Nearly Zero Downtime",
        here("876d69cee9", "It takes release 14 of server, call manager and client, and of the "
             "gateway for those outside.", "condition im_presence_release",
             "condition cucm_release", "condition jabber_release",
             "condition expressway_release"),
        here("319b5664a8", "A failover then costs clients no outage.",
             "prgcore.timers.monitor.bounds", "contradiction K22"),
        here("1611fd7a7a", "Clients may keep two connections, from release 14 on.",
             "prgcore.product.clients.dual_connection", "condition im_presence_release"),
        here("7f5af143a1", "Enabled in the client, it makes the downtime much shorter.",
             "prgcore.product.clients.dual_connection", "prgcore.timers.monitor.bounds", "contradiction K22"),
        here("b89f90b68f", "The client has to be configured for it.", "condition enabled_in_client"),
        exempt("b44e6205b2", "Two parameters of the client, in its guide.", ELSEWHERE),
        here("e2ae912671", "In a failover next to no time is lost.", "prgcore.timers.monitor.bounds",
             "obligation T9"),
        here("66f2b4415c", "The client is connected to both nodes.", "prgcore.product.clients.Sessions"),
        here("d5524f8485", "The active connection is that of the login, to the primary node.",
             "prgcore.product.clients.Sessions"),
        here("e65cefd69a", "The inactive one, to the backup, comes after a random time between the "
             "re-login limits.", "prgcore.product.clients.relogin_wait", "prgcore.product.clients.Sessions"),
        here("e7b8dbbeb6", "The limits are service parameters.",
             "parameter client_relogin_lower_limit", "parameter client_relogin_upper_limit"),
        here("64afce406a", "At a failover the inactive connection becomes active.",
             "prgcore.product.clients.Sessions"),
        here("0a24538053", "It exists already, so hardly any time is lost.",
             "prgcore.timers.monitor.bounds", "prgcore.product.clients.Sessions"),
        here("2b68acb12e", "It does not work with the unrestricted version.",
             "condition unrestricted"),
        here("fb583271be", "It has no secure connection to clients.",
             "condition unrestricted", "condition secure_mode"),
        here("47c87c11db", "In the restricted version secure mode is on by default, which it needs.",
             "condition secure_mode"),
        here("887f882a76", "Secure mode is to stay on.", "condition secure_mode"),
        exempt("71bb7b130c", "The number of the defect.", ELSEWHERE),
    ),
    *under(
        "How to Check if Dual Registration is Established",
        here("223c46031b", "Let X users be assigned to the primary node and Y to the secondary.",
             "prgcore.product.clients.Sessions"),
        here("148eed3f58", "The primary counts X client sessions and Y inactive ones.",
             "prgcore.product.clients.counters"),
        here("85046f3624", "The secondary counts Y client sessions and X inactive ones.",
             "prgcore.product.clients.counters", "decision D55", "contradiction K24"),
    ),
    *under(
        "How to Disable Dual Registration",
        here("b5de9f7690", "It can be switched off in the client alone.",
             "condition enabled_in_client", "contradiction K23"),
        here("61aa64dc12", "Without high availability the server does not offer it.",
             "condition high_availability", "column ha"),
        exempt("b44e6205b2", "Two parameters of the client, in its guide.", ELSEWHERE),
    ),
    *under(
        "Counters to Monitor Zero Downtime During Upgrade",
        exempt("eae7cee12e", "Counters to watch an upgrade by.", LIST),
        here("26097b0642", "ActiveJsmSessions: active users of the node.",
             "counter ActiveJsmSessions", "contradiction K26"),
        here("e52f03ce13", "In a failover it is zero on the failed node, and the backup has the sum.",
             "prgcore.product.clients.counters"),
        here("632d322926", "InactiveJsmSessions: users who wait on the other node.",
             "counter InactiveJsmSessions", "contradiction K26"),
        here("de81f1e78e", "JsmSessionsComposed: composed sessions.", "counter JsmSessionsComposed"),
        here("49f5fda58b", "JsmSessionsClientInactive: inactive client sessions.",
             "counter JsmSessionsClientInactive", "contradiction K25"),
        here("5917e47484", "JsmSessionsClient: active client sessions.", "counter JsmSessionsClient"),
        here("49f5fda58b", "JsmSessionsClientInactive: inactive client sessions, once more.",
             "counter JsmSessionsClientInactive", "contradiction K25"),
    ),
)
