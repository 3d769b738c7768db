"""Configuration: the groups of a deployment, what is wrong with them, and the consequences.

    >>> from prgcore.product.configuration import check, example
    >>> check(example())
    ()

Law: pure. `check` answers any JSON value with all findings at once and never raises. `enable`
asks the machine what happens to a group whose prerequisites are not met.
"""

from prgcore.product.configuration.deployment import Deployment, Group, Node, Wan, example
from prgcore.product.configuration.enabling import Enabled, enable, outcomes
from prgcore.product.configuration.files import FORMATS, dump, load, parse, schema
from prgcore.product.configuration.reading import Finding
from prgcore.product.configuration.rules import Reading, check, read

__all__ = [
    "FORMATS", "Deployment", "Enabled", "Finding", "Group", "Node", "Reading", "Wan", "check",
    "dump", "enable", "example", "load", "outcomes", "parse", "read", "schema",
]
