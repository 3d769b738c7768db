"""The setting of a network: its arbiter, and what its adversary may do.

Law: data only. The words here are those of the command line and of story files.
"""

from __future__ import annotations

from collections.abc import Collection

from attrs import field, frozen

from prgcore.errors import BadInput, unknown_name

__all__ = ["ADVERSARIES", "ARBITERS", "DEFAULT", "MUTANTS", "Setting"]

ARBITERS = {
    "none": "no third party: the record travels in heartbeats",
    "cas": "one record, written by compare-and-set",
    "cas+lease": "the same, and a node serves for a time only after it read the record",
    "cas+fence": "the same, and a resource refuses effects of an older epoch",
    "self-fence": "no third party; a node that loses its peer serves nobody, and takes nobody over",
}
"""The arbiters, and what each is."""

ADVERSARIES = {
    "loss": "heartbeats are lost, so a time-out may come at any time",
    "delay": "a heartbeat is in flight while other things happen",
    "duplicate": "a heartbeat that was in flight arrives again",
    "reorder": "a later heartbeat overtakes one in flight",
    "one-way": "what one node sends no longer arrives",
    "cut": "what either node sends no longer arrives",
    "pause": "a node does not read the record again, however it changes",
    "crash": "a manager stops, or a host goes down",
    "boot": "a manager starts, or a host is powered up",
    "faults": "services and databases fail and return, and what was begun fails",
    "commands": "an administrator gives commands",
}
"""The powers of the adversary, and what each allows."""

DEFAULT = frozenset(ADVERSARIES) - {"boot", "faults", "commands"}
"""The adversary by default: the network and its crashes, and nobody helps."""

MUTANTS = {
    "no_compare": "writes by an old reading of the record",
    "old_reading": "goes on serving what it served before it read that it lost it",
    "old_epoch": "does not count its own changes, so an old heartbeat seems up to date",
}
"""Wrong agents, and what each does: the proofs must notice them."""


def _chosen(names: Collection[str]) -> frozenset[str]:
    return frozenset(names)


@frozen
class Setting:
    """An arbiter and an adversary.

    Attributes:
        arbiter: a word of `ARBITERS`.
        adversary: words of `ADVERSARIES`.
        silence: how many intervals without a heartbeat make a time-out (model T); 0: there are
            no intervals, and a time-out comes when the adversary allows it.
        mutant: a word of `MUTANTS`; empty: the agent is right.

    Raises:
        BadInput: there is no such word.
    """

    arbiter: str = "none"
    adversary: frozenset[str] = field(converter=_chosen, default=DEFAULT)
    silence: int = 0
    mutant: str = ""

    def __attrs_post_init__(self) -> None:
        if self.arbiter not in ARBITERS:
            raise BadInput(unknown_name("arbiter", self.arbiter, ARBITERS))
        for word in sorted(self.adversary):
            if word not in ADVERSARIES:
                raise BadInput(unknown_name("adversary", word, ADVERSARIES))
        if self.mutant and self.mutant not in MUTANTS:
            raise BadInput(unknown_name("mutant of the agent", self.mutant, MUTANTS))
        if not 0 <= self.silence <= 99:
            raise BadInput(f"silence {self.silence}: expected 0 to 99 intervals")

    @property
    def recorded(self) -> bool:
        """Whether there is one record, which both nodes read."""
        return self.arbiter.startswith("cas")

    def has(self, word: str) -> bool:
        """Whether the adversary has this power."""
        return word in self.adversary
