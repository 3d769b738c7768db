"""The files that `prgcore init` writes: small machines of your own for two nodes, to read and change.

Law: `pair` and `active_standby` are each a whole machine in one file, and import only public modules.
The other files are copied. Tests prove the machines and check that the pages keep their promises.
"""
