#!/usr/bin/env bash
# stormpy's long-run averages do not take the precision that is set for the native solver.
#
# The guess: an environment whose native solver has a precision of 1e-12 answers a long-run average
# as closely as that, with the native solver and with any direct one.
# What really happens: the answer is the same to the last digit as with the default of 1e-6. On a
# chain of four states the native solver is 8e-7 off, and even the direct solver of Eigen is 6e-9
# off. Elimination and gmm++ are right to the last digits. Storm has a precision of its own for
# long-run averages, and the Environment of stormpy 2.0.0 has no way to it.
# Version: stormpy 2.0.0 (PyPI). Source: Environment, SolverEnvironment and model_checking in
# stormpy.core; the option --lra:precision of Storm's command line.
# Who is hurt: people who check an availability of many nines by a second tool. The difference of
# 8e-7 looks like an error of their own model.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check stormpy==2.0.0
cat > host.prism <<'PRISM'
ctmc
module host
  at : [0..3] init 0;
  <> at=0 -> 2/31536000 : (at'=1);
  <> at=1 -> 1/60 : (at'=2) + 1/3600 : (at'=0);
  <> at=2 -> 1/20 : (at'=3);
  <> at=3 -> 1/14400 : (at'=0);
endmodule
label "out" = at=1 | at=2;
PRISM
cat > ask.py <<'PY'
from fractions import Fraction

import stormpy
from stormpy.environments import EquationSolverType as Kind

fails, moved, back = Fraction(2, 31_536_000), Fraction(1, 60), Fraction(1, 3600)
share = moved / (moved + back)
out = 1 / (moved + back) + share * 20
exact = float(out / (1 / fails + out + share * 14_400))

program = stormpy.parse_prism_program("host.prism")
question, = stormpy.parse_properties('LRA=? [ "out" ]', program)
model = stormpy.build_model(program, [question])


def off(kind, precision):
    environment = stormpy.Environment()
    environment.solver().set_linear_equation_solver_type(kind)
    if precision:
        environment.solver().native().precision = stormpy.Rational(precision)
    result = stormpy.model_checking(model, question, environment=environment)
    return abs(result.get_value_vector()[0] - exact) / exact


print("stormpy", stormpy.__version__, "exact", exact)
for kind, least, most in ((Kind.NATIVE, 1e-7, 1e-5), (Kind.EIGEN, 1e-10, 1e-7),
                          (Kind.ELIMINATION, 0, 1e-13), (Kind.GMMXX, 0, 1e-13)):
    plain, tight = off(kind, ""), off(kind, "1/1000000000000")
    print(kind.name, "off by", plain, "as it is,", tight, "with a precision of 1e-12")
    assert plain == tight
    assert least <= plain <= most
PY
venv/bin/python ask.py
