"""Fleets: many pairs at once, from the compiled table: stepped, counted, read, explained.

Law: numbers in arrays, each a pair of the table; a command of one pair answers the same.
"""

from importlib.util import find_spec

from prgcore.errors import MissingExtra

if not find_spec("numpy"):
    raise MissingExtra("a fleet", "fleet")
