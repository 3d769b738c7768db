"""Outages: what faults cost. Rates and times go in, minutes of users without a server come out.

Law: every step is one of the machine's; rates and times are data, and so is what serves a user.
"""

from importlib.util import find_spec

from prgcore.errors import MissingExtra

if not (find_spec("numpy") and find_spec("scipy")):
    raise MissingExtra("a calculation of outages", "fleet")
