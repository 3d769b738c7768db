"""The restrictions around a failover.

Law: data only, in our own words.
"""

from __future__ import annotations

from writer.coverage.entries import LIST, exempt, here, under

INTERACTIONS = under(
    "Redundancy Interactions and Restrictions",
    here("c4ea9c38e6", "No users can be added while a node is in a failover state.",
         "rule A110", "obligation S21", "decision D37", "contradiction K21"),
    here("7a1200cfe5", "Multiple device messaging delays a failover.",
         "restriction multiple_device_messaging"),
    here("9a0e31be6a", "It takes about twice as long as the parameters say.",
         "restriction multiple_device_messaging", "prgcore.timers.monitor.bounds", "obligation T9",
         "decision D47"),
    here("4ce1a290d3", "Push notifications are highly available from 11.5(1)SU3 on.",
         "restriction push_foreground"),
    exempt("e1e6fe3d35", "The behaviour of clients on telephones at a failover.", LIST),
    here("c17ebbbe06", "In the foreground the client logs in at the backup by itself.",
         "restriction push_foreground"),
    here("dacd9aa098", "It notices nothing, at the failover and at the fallback.",
         "restriction push_foreground", "contradiction K27"),
    here("7cd175c65a", "In the background notifications come late.", "restriction push_background"),
    here("491825c5f1", "For such a client is not connected and does not log in.",
         "restriction push_background"),
    here("edeed63d33", "The backup first makes the sessions of all of them anew.",
         "restriction push_background"),
    here("42f041eb7e", "How late depends on the load.", "restriction push_background"),
    here("42e4d4aa7e", "Measured: 10 to 20 minutes for 15,000 users spread over a pair.",
         "restriction push_background"),
    here("265a9fa191", "The delay comes at the take-over, and again after the recovery.",
         "restriction push_background"),
    here("9aee9928e3", "Sessions and history outlive the crash of a node or of its XCP Router.",
         "restriction sessions_kept", "decision D56"),
    here("f5b8366cf7", "Suspended clients on telephones lose the unread messages that it queued.",
         "restriction suspended_unread"),
    here("d72fc6337d", "Temporary presence is stale after failover, fallback and user moves.",
         "restriction temporary_presence"),
    here("a405aef839", "The subscription is gone; one has to subscribe again.",
         "restriction temporary_presence"),
    here("6ebbda5ff8", "An example: somebody who is back online is shown offline.",
         "restriction temporary_presence"),
    here("46a4fd38d1", "The reason: nobody learns that the subscription is gone.",
         "restriction temporary_presence"),
    here("816543a288", "One has to subscribe again.", "restriction temporary_presence"),
    here("fb5e48fb8d", "After a search was deleted, 30 s have to pass before the next one.",
         "restriction search_again"),
    here("0ce29d1669", "Sooner, stale presence is shown.", "restriction search_again"),
    here("29ae21af1a", "Two searches for one user: 30 s apart.", "restriction search_again"),
    here("fe7eec08f2", "A user who moves to another group logs out first, to be seen there.",
         "restriction moved_user"),
)
