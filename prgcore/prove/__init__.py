"""The prover. z3 and numpy live here and nowhere else; every part takes a machine."""
