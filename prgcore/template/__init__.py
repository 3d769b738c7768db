"""The files that `prgcore init` writes: a small pair machine of your own, to read and change.

Law: `pair` is a whole machine in one file and imports only public modules. The other files are
copied unchanged. Tests prove the machine and check that the page keeps its promises.
"""
