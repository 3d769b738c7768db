"""What `prgcore init` writes: a small pair machine of one's own, to be read and changed.

Law: `pair` is a whole machine in one file and imports what any stranger may; the other files
are copied as they stand. Tests prove the machine, and hold the page against what it promises.
"""
