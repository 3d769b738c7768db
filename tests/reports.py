"""A report with made-up figures, for the tests of what shows one."""

from math import erf, log, sqrt

from prgcore.outage.report import (
    Against,
    Assumption,
    Cause,
    Changed,
    Curve,
    Estimate,
    Push,
    Report,
    Span,
    Storm,
    Strip,
    Users,
)

YEAR = 31_536_000.0
CAUSES = (
    ("services_down", "a critical service dies", 1.9, 300.0, 820.0),
    ("power_off", "the host goes down", 0.9, 160.0, 330.0),
    ("link_cut", "the nodes lose the network between them", 0.3, 30.0, 60.0),
    ("internal_error", "the recovery manager has an internal error", 0.0, 0.0, 0.0),
)


def around(value, part=0.04):
    return Estimate(value, value * (1 - part), value * (1 + part), "t")


def users(home, number, factor=1.0):
    unserved, login = 490 * factor, 1210 * factor
    return Users(
        home, number, around(1 - unserved / YEAR, 1e-6), around(1 - (unserved + login) / YEAR, 1e-6),
        around(3.1 * factor), around(unserved), around(login), around(unserved + login))


def share(seconds, middle, width):
    return 0.5 * (1 + erf(log(seconds / middle) / width / sqrt(2)))


def made_up(name="prg", **more):
    """A report that nothing was simulated for."""
    lengths = tuple(10 * 1.12**i for i in range(80))
    causes = tuple(
        Cause(event, says, around(n, 0.1), around(u, 0.1), around(w, 0.1), around(u + w, 0.1),
              (u + w) / 1700) for event, says, n, u, w in CAUSES)
    outage = Changed("outage", "seconds", around(1700.0), around(1100.0), Estimate(-600, -640, -560))
    often = Changed("interruptions", "times", around(3.1), around(3.1), Estimate(0.0, 0.0, 0.0))
    spans = tuple(
        Span(day * 86_400.0, home, unserved, login, cause) for day, home, unserved, login, cause in (
            (12.5, "node1", 0.0, 328.5, "services_down"), (80.0, "node1", 75.0, 328.5, "power_off"),
            (80.2, "node1", 0.0, 328.5, "power_off"), (200.0, "node2", 1_800.0, 328.5, "link_cut")))
    return Report(**{
        "machine": name, "pairs": 10_000, "years": 1.0, "seed": 1,
        "setting": {"users": {"node1": 5_000, "node2": 5_000}, "dual_connections": False,
                    "automatic_fallback": False, "changed": {"keep_alive_timeout": 75}},
        "users": (users("", 10_000), users("node1", 5_000, 1.01), users("node2", 5_000, 0.99)),
        "causes": causes, "failovers": around(2.1), "false": Estimate(0.0, 0.0, 0.0004, "gamma"),
        "fallbacks": around(1.9),
        "curve": Curve(lengths, tuple(share(s, 430, 0.4) for s in lengths),
                       tuple(share(s, 80, 0.8) for s in lengths), 430.0, 720.0, 1_800.0),
        "storm": Storm(5_000, 120.0, 537.0, 5_000 / 417, 6.0, 120 + 5_000 / 6, 953.3, 953.0,
                       "15,000 active-standby", around(2.2), around(2.0), around(300.0)),
        "push": Push(around(4.1), 600.0, 1_200.0, around(3_690.0)),
        "strip": Strip(17, "Of the first 64 pairs it is the middle one by minutes out.", YEAR, spans),
        "against": (Against("dual_connections=true", "clients keep a second connection",
                            (outage, often)),),
        "rates": (Assumption("services_down", "every 120 days", "assumed: it fails", True),
                  Assumption("power_off", "every 30 days", "given", False)),
        "limits": ("Faults come at constant rates.",), **more})
