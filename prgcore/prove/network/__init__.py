"""The search of networks (model D): every reachable network of two nodes, and what holds in it.

Law: reads the table through `prgcore.prove.codec`, and shares no code with the interpreter of
networks (`prgcore.network`), which replays every story before it is shown.
"""
