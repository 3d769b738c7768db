"""The reference pages about the rest of the document, beside its machine.

Law: pure, from tables to Markdown, as `writer.reference`; no page written by hand. Every
number carries its source. Rows keep the order of the document or of their table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from prgcore.model import Cube, Limits, Number, Parameter, Timer, Values
from prgcore.product.clients import upper_limit
from prgcore.tables.facts import (
    Condition,
    ConfigurationField,
    ConfigurationRule,
    Contradiction,
    Counter,
    CriticalService,
    Fact,
    LoginProfile,
    Misprint,
    ReplicationState,
    Restriction,
    Sanity,
    ServiceStatus,
    Sum,
)
from prgcore.wire.links import all_to, anchor, called, cited, to
from prgcore.wire.markdown import code, codes, entry, link, page, section, sentence, table
from writer.places import Places, place

_SCOPES = {"cluster": "for the cluster", "node": "on every node"}


def coverage_page(facts: Sequence[Fact], known: Places) -> str:
    """Every sentence and table row of the document, and where it lives.

    Raises:
        BadInput: a fact refers to something that does not exist.
    """
    left_out = [f.exempt for f in facts if f.exempt]
    totals = table(("facts", ""), (
        (str(len(facts) - len(left_out)), "live in the project"),
        *((str(left_out.count(why)), f"exempt: {why}") for why in sorted(set(left_out))),
        (str(len(facts)), "sentences and table rows in all"),
    ))
    return page(
        "Coverage",
        "Every sentence and every table row of the document, in our own words, with the place "
        "where it lives. A place is a rule, a row of Table 2, a decision, a parameter or a "
        "function. Sentences about installing or clicking are exempt, with the reason. To compare "
        "this page with your copy of the document: `python docs/coverage.py DOCUMENT`.",
        totals,
        *(
            section(heading, ("", "fact", "where it lives"), (
                (f.at.rpartition(" ")[2], f.says, _lives(f, known)) for f in below
            ))
            for heading, below in groupby(facts, lambda f: f.at.rpartition(" ")[0])
        ),
    )


def _lives(fact: Fact, known: Places) -> str:
    if fact.exempt:
        return f"*exempt: {fact.exempt}*"
    return ", ".join(
        link(text if " " in text else code(text), place(text, known)) for text in fact.lives
    )


def contradictions_page(contradictions: Iterable[Contradiction]) -> str:
    """Where the document contradicts itself or another one, and what was decided."""
    every = list(contradictions)
    own = [k for k in every if not k.abroad]
    return page(
        "Contradictions",
        f"The {len(own)} places where the document contradicts itself, and what was decided. "
        f"In {len(every) - len(own)} more, marked *abroad*, another document of the product "
        "contradicts it or itself. Misprints that "
        "change no meaning are in [defects](defects.md) and [login profiles](login-profiles.md). "
        "[An explanation](../why-the-document-contradicts-itself.md) says where they come from.",
        *(_contradiction(k) for k in every),
    )


def _contradiction(k: Contradiction) -> str:
    because = f" ({_decisions((k.decision,))})" if k.decision else ""
    return entry(
        anchor("contradiction", k.id), f"{k.id} {k.title}{' *(abroad)*' if k.abroad else ''}",
        f"- {k.says[:-1]} ({k.where}).\n- {k.other[:-1]} ({k.elsewhere}).\n"
        f"- **Taken**: {k.taken[:-1]}{because}.",
    )


def _decisions(ids: Iterable[str]) -> str:
    return all_to("decision", ids)


def parameters_page(
    parameters: Iterable[Parameter], timers: Iterable[Timer], sanity: Iterable[Sanity],
) -> str:
    """Service parameters, the timers that they drive, and what they must mean together."""
    return page(
        "Parameters and timers",
        "The parameters that an administrator may set, the timers that they drive, and what must "
        f"hold between them. The bounds are this library's own ({_decisions(['D43'])}). "
        "`prgcore timing` checks a choice and prints its effects.",
        section("Service parameters", (
            "parameter", "in the document", "default", "unit", "set", "says", "bounds", "since",
            "source",
        ), (
            (code(p.name), p.title, _number(p.default), p.unit, _SCOPES[p.scope], p.says,
             "" if isinstance(p.default, bool) else f"{p.least} to {p.most}", p.since, p.cite)
            for p in parameters
        )),
        "The document fixes the thirty minutes of health before an automatic fallback (Configure "
        f"Heartbeat Interval for Failover, step 4); here they are a default ({_decisions(['D45'])}).\n",
        section("Timers", ("event", "due when", "after", "counts while", "decisions", "source"), (
            (called("event", t.event), t.says, _limits(t.limits), _where((t.runs,)),
             _decisions(t.decisions), _cited(t.cite)) for t in timers
        )),
        section("What they must mean together", (
            "rule", "says", "exactly", "kind", "theorem", "otherwise",
        ), (
            (code(s.id), s.says, f"{_sum(s.less)} {s.relation} {_sum(s.more)}", s.kind,
             _theorem(s.theorem), s.otherwise) for s in sanity
        )),
    )


def _number(value: Number) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _limits(limits: Limits) -> str:
    """The limits of a timer, the first that holds; none: at once."""
    return "; ".join(
        (code(limit) if isinstance(limit, str) else f"{limit} s")
        + (f" where {_where((cube,))}" if cube.cells else "")
        for cube, limit in limits
    ) or "at once"


def _sum(terms: Sum) -> str:
    return " + ".join(
        str(times) if not name else code(name) if times == 1 else f"{times} {code(name)}"
        for times, name in terms
    )


def _theorem(id_: str) -> str:
    if id_.startswith("D"):
        return _decisions((id_,))
    return to("obligation", id_) if id_ else ""


def services_page(
    services: Iterable[CriticalService], statuses: Iterable[ServiceStatus],
    because: Mapping[str, str],
) -> str:
    """The critical services, and how the product prints what they do."""
    return page(
        "Services",
        "The services whose loss fails a node over. If one of these is down, the node's "
        "`services` column is `down`. The machine fails the node over after the critical service "
        "delay.",
        section("Critical services", ("service", "kind", "critical only with", "source"), (
            (s.name, s.kind, code(s.only_with) if s.only_with else "", s.cite) for s in services
        )),
        section("Statuses", ("status", "runs", "source"), (
            (code(s.name), "yes" if s.runs else "no", s.cite) for s in statuses
        )),
        section("What to do about a service that does not run", ("reason or status", "what to do"), (
            (reason, todo) for reason, todo in because.items()
        )),
    )


def connections_page(conditions: Iterable[Condition], counters: Iterable[Counter]) -> str:
    """The conditions of dual connections, and the counters that show them."""
    return page(
        "Dual connections",
        "The conditions of dual connections, and the counters that show them. A client may keep an "
        "inactive connection to the other node. A failover activates it.",
        section("Conditions", ("setting", "must be", "says", "only with", "source"), (
            (code(c.setting),
             _number(c.needs) if isinstance(c.needs, bool) else f"at least {c.needs}", c.says,
             code(c.only_with) if c.only_with else "", c.cite) for c in conditions
        )),
        section("Counters", ("counter", "counts", "says", "source"), (
            (code(c.name), f"{c.counts} sessions",
             c.says + (f" (printed {c.printed} times)" if c.printed > 1 else ""), c.cite)
            for c in counters
        )),
    )


def login_profiles_page(
    profiles: Iterable[LoginProfile], misprints: Iterable[Misprint], lower: int
) -> str:
    """How fast clients may log in again, by server size and mode."""
    return page(
        "Login profiles",
        "The re-login limits to set, by the size of the server and the assignment mode. The "
        f"upper limit is {lower} + users / rate, rounded half up ({_decisions(['D53'])}). The "
        f"lower limit is always {lower} s ({_decisions(['D28'])}). Balanced mode counts the users "
        "of the larger node, active-standby mode all users of the group "
        f"({_decisions(['D29'])}).",
        section("Profiles", (
            "server", "mode", "logins a second", "most users", "upper limit for them", "source",
        ), (
            (f"{p.server:,}", p.mode, str(p.rate), f"{p.most:,}",
             f"{upper_limit(p, p.most)} s", p.cite) for p in profiles
        )),
        section("Misprints", ("server", "mode", "users", "printed", "meant", "because"), (
            (f"{m.server:,}", m.mode, f"{m.users:,}", f"{m.printed} s", f"{m.meant} s", m.says)
            for m in misprints
        )),
    )


def restrictions_page(
    restrictions: Iterable[Restriction], features: Mapping[str, str],
    happenings: Mapping[str, str],
) -> str:
    """The restrictions around a failover."""
    return page(
        "Restrictions",
        "The effects that users notice after a failover, as far as the document lists them. A "
        "restriction applies, from either seat, where its condition holds and one of its events "
        "has happened. `prgcore.product.restrictions.restrictions_for` returns those that apply "
        "now.",
        *(_restriction(r, happenings) for r in restrictions),
        section("Features", ("feature", "is in use where"), (
            (code(name), says) for name, says in features.items()
        )),
        section("Events outside the machine", ("event", "says"), (
            (code(name), says) for name, says in happenings.items()
        )),
    )


def _restriction(r: Restriction, happenings: Iterable[str]) -> str:
    after = (code(a) if a in happenings else called("event", a) for a in r.after)
    lines = [f"- With the feature {code(r.feature)}."] if r.feature else []
    lines += [f"- Where {_where(r.when)}."] if r.when else []
    lines += [f"- After {', '.join(after)}."] if r.after else []
    lines += [f"- For {_span(r.seconds)}."] if r.seconds and any(r.seconds) else []
    lines += [f"- Since {r.since}."] if r.since else []
    lines += [f"- What to do: {r.advice}."] if r.advice else []
    return entry(
        anchor("restriction", r.id), r.id, sentence(r.effect), "\n".join(lines),
        f"Source: {_cited(r.cite, r.decisions)}.",
    )


def _span(seconds: tuple[Number, Number]) -> str:
    least, most = seconds
    return f"{least} s" if least == most else f"{least} to {most} s"


def _where(cubes: Iterable[Cube]) -> str:
    return ", or ".join(
        codes(f"{cell.column} = {' | '.join(cell.values)}" for cell in cube) for cube in cubes
    )


def configuration_page(
    fields: Iterable[ConfigurationField], rules: Iterable[ConfigurationRule],
    replication: Iterable[ReplicationState], units: Mapping[str, Mapping[str, Number]],
    flags: Mapping[str, bool],
) -> str:
    """The fields of a configuration file, and the rules that it must keep."""
    return page(
        "Configuration",
        "The fields of a configuration file, and the rules that it must keep. "
        "`prgcore config check FILE` reports every rule that a file breaks, all at once.",
        section("Fields", ("field", "also", "kind", "says", "needed", "bounds", "rule"), (
            (code(f"{f.of}.{f.name}"), ", ".join(f.also), f.kind, f.says,
             "yes" if f.needed else "", _bounds(f), code(f.rule)) for f in fields
        )),
        section("Replication states", ("state", "says", "source"), (
            (str(s.number), s.says, s.cite) for s in replication
        )),
        section("Units, and true and false", ("unit", "spelled"), (
            *((unit, codes(spelled)) for unit, spelled in units.items()),
            *((str(value).lower(), codes(word for word, v in flags.items() if v is value))
              for value in (True, False)),
        )),
        section("Rules", ("rule", "severity", "expected", "advice", "source"), (
            (code(r.id), r.severity, r.expects, r.advice, _cited(r.cite, r.decisions))
            for r in rules
        )),
    )


def _bounds(about: ConfigurationField) -> str:
    bounds = [f"at least {about.least}"] if about.least is not None else []
    bounds += [f"at most {about.most}"] if about.most is not None else []
    return ", ".join(bounds)


def _cited(cite: str, decisions: Values = ()) -> str:
    """A source; rows of Table 2 are on a page of ours."""
    source = cited(cite)
    return f"{source} ({_decisions(decisions)})" if decisions else source
