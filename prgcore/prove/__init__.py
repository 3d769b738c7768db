"""The prover: what holds in every pair that a machine can reach, and a story where it does not.

Law: z3 lives here and nowhere else; every part takes a machine.
"""

from importlib.util import find_spec

from prgcore.errors import MissingExtra

if not (find_spec("z3") and find_spec("numpy")):
    raise MissingExtra("the prover", "prove")
