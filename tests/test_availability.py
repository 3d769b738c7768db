"""The Markov model of a world: against closed forms, finite differences, and simulated years."""

import json
from math import exp

import numpy as np
import pytest
from attrs import evolve

from prgcore.errors import BadInput, BudgetExhausted
from prgcore.machine import Machine, prg
from prgcore.outage.availability import availability
from prgcore.outage.chain import _spread, chain, ground, leaders
from prgcore.outage.doubt import doubt
from prgcore.outage.example import example
from prgcore.outage.markov import MEASURES, YEAR, Solution, false_causes
from prgcore.outage.moves import moves
from prgcore.outage.prism import Row
from prgcore.outage.rates import read
from prgcore.outage.sensitivity import _at, better, elasticities, ranges, words
from prgcore.outage.year import simulate
from prgcore.prove.space import search
from prgcore.wire.machine_file import dumps
from tests.small_worlds import LEASES, PAIR, QUIET
from tests.toys import TURNSTILE

UNSERVED, LOGIN, INTERRUPTIONS, FAILOVERS, RETURNS = range(len(MEASURES))
ALWAYS = {"days": 7, "begins": 0, "ends": 24}


@pytest.fixture(scope="module")
def steps():
    """Moves of the built-in machine in a world, by the sections of its file; one search for all."""
    engine = prg()
    space, made = search(engine.model), {}

    def get(**sections):
        key = repr(sections)
        if key not in made:
            made[key] = moves(engine, read(engine, sections), space)
        return made[key]

    return get


@pytest.fixture(scope="module")
def leases():
    """Moves of the machine of `prgcore init`."""
    engine = Machine(PAIR)
    space = search(engine.model)

    def get(**rates):
        return moves(engine, read(engine, {"rates": {**LEASES, **rates}}), space)

    return get


def solved(made, number=4, least=1e-7):
    return Solution(chain(ground(made), number, least), made)


# ---------------------------------------------------------------------------- closed forms


@pytest.mark.parametrize(("down", "up"), [(10 * 86_400, 1800), (3600, 3600), (1e9, 60), (50, 5000)])
def test_a_service_without_failover_is_a_chain_of_two_states(down, up, steps):
    made = steps(rates={
        **QUIET, "services_down(node1)": f"every {down:.0f} s", "services_up": f"takes {up} s",
        "critical_service_delay": "never"})
    found = solved(made)
    assert found.yearly[0, UNSERVED] == pytest.approx(YEAR * up / (up + down), rel=1e-12)
    assert found.yearly[0, INTERRUPTIONS] == pytest.approx(YEAR / (up + down), rel=1e-12)
    assert found.first((0,)) == pytest.approx(down, rel=1e-12)
    assert found.first((1,)) == float("inf")
    assert found.cycle == pytest.approx(up + down, rel=1e-12)
    assert (found.yearly[1] == 0).all()
    assert (doubt(found).whole < 1e-6).all()


def test_a_service_and_a_database_are_two_in_a_row(steps):
    made = steps(rates={
        **QUIET, "services_down(node1)": "every 10 h", "services_up": "takes 2 h",
        "database_down(node1)": "every 20 h", "database_up": "takes 5 h",
        "critical_service_delay": "never"})
    found = solved(made, least=0.0)
    up = 10 / 12 * 20 / 25
    assert found.dark(0) == pytest.approx(1 - up, rel=1e-12)
    assert found.first((0,)) == pytest.approx(1 / (1 / 36_000 + 1 / 72_000), rel=1e-12)
    assert found.first((0, 1)) == found.first((0,))


@pytest.mark.parametrize("number", [2, 4, 8, 16])
@pytest.mark.parametrize("up", [60, 1800])
def test_the_bound_of_the_stages_contains_the_exact_race(number, up, steps):
    made = steps(rates={**QUIET, "services_down(node1)": "every 1000 years",
                        "services_up": f"takes {up} s", "takeover_failed": "never",
                        "takeback_failed": "never", "start_failed": "never"})
    found = solved(made, number)
    exact = exp(-90 / up) / found.cycle * YEAR
    error = abs(found.yearly[0, FAILOVERS] - exact)
    bound = doubt(found).stages[0, FAILOVERS]
    assert error <= bound * 1.001
    assert error > bound / 3  # it is not a wild guess
    stages = (1 + 90 / up / number) ** -number
    assert found.yearly[0, FAILOVERS] == pytest.approx(stages / found.cycle * YEAR, rel=1e-6)


def test_twice_the_stages_change_about_as_little_as_the_bound_says(leases):
    for made in (leases(), leases(crash="every 5 h", boot="takes 20 s")):
        for number in (2, 4):
            half, few, many = (solved(made, number * times, 1e-6) for times in (1, 2, 4))
            change, bounds = np.abs(few.yearly - many.yearly), doubt(few, half.yearly)
            assert (change <= 1.1 * bounds.whole[:-1] + doubt(many).left_out[:-1] + 1e-9).all()


def test_a_spread_age_keeps_its_mean():
    for interval, width in ((15, 7.5), (15, 60), (1, 0.3), (7, 7), (15, 4)):
        shares = _spread(interval, width, 99)
        assert sum(w for _, w in shares) == pytest.approx(1)
        assert sum(s * w for s, w in shares) * width == pytest.approx(interval / 2)
    assert _spread(0, 5, 9) == ((0, 1.0),)


# --------------------------------------------------------------------------- the whole is its parts


def test_causes_add_up_and_the_two_nodes_are_alike(leases):
    found = solved(leases())
    assert sum(found.causes.values()) == pytest.approx(found.yearly, rel=1e-9)
    assert set(found.causes) == {"crash(node1)", "crash(node2)", "link_cut"}
    assert found.causes["crash(node1)"][0, UNSERVED] > found.causes["crash(node2)"][0, UNSERVED]
    assert false_causes(found.moves)["crash(node1)"] == (False,)
    assert false_causes(found.moves)["link_cut"] == (True,)


def test_what_is_left_out_is_within_its_bound(leases):
    made = leases(crash="every 2 days")
    whole = solved(made, 2, 1e-9)
    for least in (1e-3, 1e-4, 1e-5, 1e-6):
        part = solved(made, 2, least)
        assert len(part.chain) <= len(whole.chain)
        assert (np.abs(part.yearly - whole.yearly) <= doubt(part).left_out[:-1] + 1e-6).all()
    assert doubt(whole).left_out.max() < 1


# --------------------------------------------------------------------------- sensitivities


def test_derivatives_are_those_of_finite_differences(leases):
    found = solved(leases())
    slope = elasticities(found)
    for word in words(found):
        if word.kind == "share":
            continue
        up, down = (_at(found, [word], [exp(x)]).forward(found) for x in (1e-4, -1e-4))
        mine = slope[list(word.events)].sum(axis=0).reshape(-1, len(MEASURES))
        assert mine == pytest.approx((up - down) / 2e-4, rel=1e-4, abs=1e-5 * float(found.yearly.max()))


def test_what_is_worth_improving_is_solved_and_sorted(leases):
    found = solved(leases())
    some = better(found, 5)
    assert len(some) == 5
    saved = [float(b.saves[:, :2].sum()) for b in some]
    assert saved == sorted(saved, reverse=True)
    best = next(b for b in some if b.word.name == "crash")
    other = solved(leases(crash="every 60 days"))
    assert best.saves[0, UNSERVED] == pytest.approx(
        found.yearly[0, UNSERVED] - other.yearly[0, UNSERVED], rel=1e-3)
    assert {b.word.improves for b in some} >= {"half as often", "half the time-out"}


def test_ranges_contain_every_world_in_them(leases):
    made = leases(crash="every 10 to 60 days", boot="takes 10 to 40 min", promoted="takes 2 to 9 s")
    found = solved(made)
    spread = ranges(found)
    assert set(spread.of) == {"crash", "boot", "promoted"}
    chance = np.random.default_rng(5)
    ranged = [w for w in words(found) if w.rates[0].between]
    for _ in range(12):
        factors = [w.rates[0].mean / chance.uniform(*w.rates[0].between) for w in ranged]
        one = _at(found, ranged, factors).forward(found)
        assert (one >= spread.least * (1 - 1e-9)).all()
        assert (one <= spread.most * (1 + 1e-9)).all()
    assert ranges(solved(leases())) is None


# ------------------------------------------------------------------------- against simulated years

FAIR = {"services_down": "every 40 days", "heartbeats_missed": "4 per year", "database_down": "never",
        "manager_stop": "never", "internal_error": "never"}


@pytest.mark.parametrize("clients", [{}, {"dual_connections": True}], ids=["plain", "dual"])
def test_simulated_years_say_the_same(clients, steps):
    made = steps(rates=FAIR, week=ALWAYS, clients=clients)
    found, lanes = solved(made, 8), 2000
    seen = simulate(made, lanes, 11)
    bounds = doubt(found).whole
    false = sum(c[:, FAILOVERS] * np.array(false_causes(made)[n]) for n, c in found.causes.items())
    for name, mine, bound in (
            ("unserved", found.yearly[:, UNSERVED], bounds[-1, UNSERVED]),
            ("interruptions", found.yearly[:, INTERRUPTIONS], bounds[-1, INTERRUPTIONS]),
            ("failovers", found.yearly[:, FAILOVERS], bounds[-1, FAILOVERS]),
            ("fallbacks", found.yearly[:, RETURNS], bounds[-1, RETURNS]),
            ("false_failovers", false, 0.0), ("login", found.yearly[:, LOGIN], bounds[-1, LOGIN])):
        values = getattr(seen, name).sum(axis=1).astype(float)
        within = 2.58 * values.std() / lanes**0.5  # 99 %
        assert abs(values.mean() - mine.sum()) <= within + bound, name


def test_working_hours_have_their_mean_wait(steps):
    made = steps(rates={**FAIR, "fallback": "takes 4 h in working hours"})
    found, lanes = solved(made, 8), 2000
    seen = simulate(made, lanes, 12)
    for name, measure in (("unserved", UNSERVED), ("failovers", FAILOVERS)):
        values = getattr(seen, name).sum(axis=1).astype(float)
        within = 2.58 * values.std() / lanes**0.5
        mine = found.yearly[:, measure].sum()
        assert abs(values.mean() - mine) <= within + 0.01 * mine, name


# --------------------------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A machine file and a world file of the machine of `prgcore init`."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "mine.json").write_text(dumps(PAIR), "utf-8")
    rates = "\n".join(f'"{name}" = "{said}"' for name, said in LEASES.items())
    (folder / "world.toml").write_text(f"[rates]\n{rates}\n", "utf-8")
    return folder / "mine.json", folder / "world.toml"


def test_the_page_fits_a_terminal_and_names_its_assumptions(run, file):
    machine, world = map(str, file)
    out = run("availability", world, "--machine", machine).out
    assert max(map(len, out.splitlines())) <= 80
    for words_ in ("served", "crash(node1)", "what is worth improving", "may be wrong by", "Assumed"):
        assert words_ in out


def test_json_and_the_page_have_the_same_figures(run, file, tmp_path):
    machine, world = map(str, file)
    words_ = (world, "--machine", machine, "--rate", "crash=every 10 to 40 days")
    told = json.loads(run("availability", *words_, "--json").out)
    group = told["groups"][0]
    assert group["served"] == pytest.approx(1 - group["unserved_seconds"] / YEAR)
    assert sum(c["groups"]["users"]["unserved"] for c in told["causes"]) == pytest.approx(
        group["unserved_seconds"])
    assert told["ranges"]["of"] == ["crash"]
    low, high = group["range"]["unserved"]
    assert low < group["unserved_seconds"] < high
    assert 0 < told["model"]["error_bound"] < 0.2
    one = tmp_path / "answer.json"
    assert run("availability", *words_, "-o", str(one)).code == 0
    assert json.loads(one.read_text()) == told


def test_the_example_is_a_world(run, tmp_path):
    out = run("availability", "--example").out
    file = tmp_path / "w.toml"
    file.write_text(out)
    engine = prg()
    assert read(engine, file).rates == read(engine, None).rates
    assert example(engine) == out
    mine = example(Machine(PAIR))
    file.write_text(mine)
    assert "to fill in" in mine
    assert read(Machine(PAIR), file).rates["crash(node1)"].kind == "never"


def test_the_model_is_written_for_storm(run, file, tmp_path):
    machine, world = map(str, file)
    one = tmp_path / "chain.prism"
    assert run("availability", world, "--machine", machine, "-o", str(one)).code == 0
    assert one.read_text().splitlines()[5] == "ctmc"


@pytest.mark.parametrize(("words_", "says"), [
    (("--stages", "1"), "2 to 64"), (("--least", "3"), "chance"), (("--ask", "prism"), "storm"),
    (("-o", "x.pdf"), "format"), (("nowhere.toml",), "nowhere.toml"), (("--rate", "crash"), "NAME=VALUE"),
    (("--rate", "crash=sometimes"), "is not a rate"), (("--rate", "crush=never"), "crash"),
    (("--users", "users=many"), "whole number"), (("--users", "node9=5"), "users"),
    (("--set", "keep_alive_timeout=x"), "keep_alive_timeout"),
    (("--automatic-fallback",), "enable_automatic_fallback"),
    (("--rate", "boot=never"), "never ends"),
])
def test_wrong_input_is_one_line(words_, says, run, file):
    machine, world = map(str, file)
    given = words_ if words_[0].endswith(".toml") else (world, *words_)
    answer = run("availability", *given, "--machine", machine)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize("words_", [("-o", "chain.prism"), ("-o", "answer.json"),
                                    ("-o", "answer.json", "--ask", "storm")])
def test_json_does_not_go_beside_a_file(words_, run, file, tmp_path, monkeypatch):
    machine, world = map(str, file)
    monkeypatch.chdir(tmp_path)
    answer = run("availability", world, "--machine", machine, *words_, "--json")
    assert (answer.code, answer.out, list(tmp_path.iterdir())) == (2, "", [])
    assert "--output does not go with --json" in answer.err


def test_what_storm_says_is_written_where_it_is_asked(run, file, tmp_path, monkeypatch):
    machine, world = map(str, file)
    monkeypatch.setattr("prgcore.outage.prism.asked", lambda *_: [Row("x", 1.0, 1.0)])
    one, chain_ = tmp_path / "answer.json", tmp_path / "chain.prism"
    words_ = ("availability", world, "--machine", machine, "--ask", "storm")
    answer = run(*words_, "-o", str(one))
    assert (answer.code, answer.out) == (0, "")
    assert json.loads(one.read_text()) == json.loads(run(*words_, "-o", str(chain_), "--json").out) == {
        "agree": True, "figures": [Row("x", 1.0, 1.0).to_json()]}
    assert "\nctmc\n" in chain_.read_text()


def test_re_login_limits_in_the_wrong_order_are_refused(steps):
    made = steps(rates=QUIET | {"services_down": "every 10 days"},
                 parameters={"client_relogin_lower_limit": 200, "client_relogin_upper_limit": 100})
    with pytest.raises(BadInput, match="above the upper limit"):
        _ = solved(made, 2, 1e-4).gains


def test_a_machine_that_serves_nobody_is_refused(run, tmp_path):
    file = tmp_path / "t.json"
    file.write_text(dumps(TURNSTILE))
    answer = run("availability", "--machine", str(file), "--rate", "push=every 1 day")
    assert answer.code == 2
    assert "no goal" in answer.err


def test_a_chain_that_is_too_large_says_what_to_do(leases):
    with pytest.raises(BudgetExhausted, match="--stages"):
        chain(ground(leases()), 8, 1e-12, most=500)


def test_a_timer_that_runs_in_health_is_refused(leases):
    made = leases()
    e = next(iter(made.clocks))
    always = np.ones(len(made), np.bool_)
    clock = evolve(made.clocks[e], runs=always, hears=False)
    with pytest.raises(BadInput, match="runs while everything is well"):
        chain(ground(evolve(made, clocks={e: clock})), 4)


def test_the_answer_of_no_fault_is_no_outage(steps):
    made = steps(rates={**QUIET, "services_down(node1)": "every 1000000 years",
                        "critical_service_delay": "never"})
    answer = availability(made.engine, made.world, made=made)
    assert answer.groups[1].interruptions == 0
    assert answer.groups[1].served == 1
    assert answer.groups[1].between == float("inf")
    assert json.loads(json.dumps(answer.to_json()))["groups"][1]["between_seconds"] is None


@pytest.mark.parametrize("stages", [4, 8, 16])
def test_time_outs_that_race_are_within_the_bound(stages, steps):
    """A cut that is shorter than the time-out: which node is first, and whether at all, is a matter of age."""
    made = steps(week=ALWAYS, rates={
        **QUIET, "link_cut": "every 6 hours", "link_repair": "takes 1 min", "fallback": "takes 1 h"})
    whole, half = solved(made, stages, 1e-6), solved(made, stages // 2, 1e-6)
    bounds, seen = doubt(whole, half.yearly).whole[-1], simulate(made, 400, 3, horizon=YEAR / 4)
    for name, measure in (("unserved", UNSERVED), ("interruptions", INTERRUPTIONS),
                          ("failovers", FAILOVERS)):
        values = 4 * getattr(seen, name).sum(axis=1).astype(float)
        mine = whole.yearly[:, measure].sum()
        assert abs(values.mean() - mine) <= bounds[measure] + 2.58 * values.std() / 20, name
        assert bounds[measure] < 0.25 * mine


@pytest.mark.parametrize("least", [1e-7, 1e-9])
def test_rare_and_dear_states_that_were_left_out_are_within_the_bound(least, steps):
    made = steps(week=ALWAYS, rates={
        **QUIET, "services_down": "every 1 day", "services_up": "takes 1 min", "power_on": "takes 90 days",
        "power_off": "every 5000 years", "link_cut": "every 1 day", "link_repair": "takes 10 s"})
    found, finer = solved(made, 4, least), solved(made, 4, 1e-10)
    apart = abs(found.yearly[:, UNSERVED].sum() - finer.yearly[:, UNSERVED].sum())
    assert apart <= doubt(found).left_out[-1, UNSERVED]


def test_clocks_of_one_pace_pass_their_stages_together(steps):
    made = steps(rates={**QUIET, "link_cut": "every 6 hours", "link_repair": "takes 1 min"})
    whole = chain(ground(made), 8, 1e-6)
    both = np.sum([one.matters[whole.pair] & (age < one.needed[whole.pair])
                   for one, age in zip(whole.stages, whole.ages, strict=True)], axis=0) == 2
    passing = np.bincount(whole.start[whole.clock >= 0], minlength=len(whole))
    assert both.any()
    assert (passing[both] >= 1).all()
    alone = np.bincount(whole.start[whole.clock >= 0], whole.share[whole.clock >= 0], len(whole))
    assert np.allclose(alone[both], 1)


def test_timers_of_two_events_do_not_share_their_stages(steps):
    """Also where they are as long; or half of the one would be half of the other."""
    made = steps(rates={**QUIET, "services_down": "every 1 hour", "link_cut": "every 1 hour"},
                 parameters={"critical_service_delay": 60, "keep_alive_timeout": 60})
    whole = chain(ground(made), 4, 1e-5)
    names = np.array([one.name for one in whole.stages])
    leads = np.array(leaders(whole.stages, whole.pair, whole.ages))
    runs = leads >= 0
    assert ((runs & (names == "heartbeat_lost")[:, None]).any(axis=0)
            & (runs & (names == "critical_service_delay")[:, None]).any(axis=0)).any()
    for name, lead in zip(names, leads, strict=True):
        assert set(names[lead[lead >= 0]]) == {name}
