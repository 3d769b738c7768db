#!/usr/bin/env bash
# Storm's symbolic engine refuses a label that names a formula; its guards may name one.
#
# The guess: a program that is parsed, and built and checked with the explicit engine, is checked
# with decision diagrams as well. A formula is only an abbreviation, and guards that name one work.
# What really happens: the symbolic model is built, with all its states, and guards that name a
# formula are right. The first property about a label that names a formula then fails: no decision
# diagram is known for the name of the formula. The explicit engine answers the same property.
# Calling substitute_formulas() after parsing mends it.
# Version: stormpy 2.0.0 (PyPI). Source: parse_prism_program and model_checking in stormpy.core.
# Who is hurt: whoever writes machines for PRISM with formulas, tests them small with the explicit
# engine, and takes the symbolic one for the large machine.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check stormpy==2.0.0
cat > gate.prism <<'PRISM'
mdp
formula is_open = gate = 1;
module gate
  gate : [0..2] init 0;
  [push] !is_open -> (gate' = 1);
  [pull] is_open -> (gate' = 2);
endmodule
label "plain" = gate = 1;
label "named" = is_open;
PRISM
cat > ask.py <<'PY'
import stormpy


def asked(program, label, engine):
    model = stormpy.build_model(program, engine=engine)
    question, = stormpy.parse_properties(f'Pmax=? [ F "{label}" ]', program)
    try:
        result = stormpy.model_checking(model, question, engine=engine)
    except RuntimeError as error:
        return str(error)
    result.filter(stormpy.create_filter_initial_states(model))
    return result.get_max()


print("stormpy", stormpy.__version__)
program = stormpy.parse_prism_program("gate.prism")
said = {}
for name, given in (("as parsed", program), ("substituted", program.substitute_formulas())):
    for engine in (stormpy.Engine.SPARSE, stormpy.Engine.DD):
        for label in ("plain", "named"):
            key = (name, engine.name, label)
            said[key] = asked(given, label, engine)
            print(*key, said[key], sep=": ")
refused = [key for key, answer in said.items() if answer != 1]
assert refused == [("as parsed", "DD", "named")], refused
assert "is_open" in said[refused[0]]
PY
venv/bin/python ask.py
