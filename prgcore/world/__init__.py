"""The simulated world: real agents in a world that a seed makes, with faults of every kind.

Law: `prgcore.running.turn` is called here as a pump calls it, and nothing of an agent is imitated. No
clock, no thread, no chance: a seed and a schedule are all that a run depends on.
"""
