"""Mutants: the machine with one small fault, and the obligation that notices it.

Law: a kind of mutant is a generator over the machine's data; the judge knows what notices each.
"""
