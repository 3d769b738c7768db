#!/usr/bin/env bash
# SPIN stores fewer states than the process has, if a variable is written and never read.
#
# The guess: a global variable of a process is a part of its state, so "states, stored" is the number
# of reachable combinations of values.
# What really happens: a variable that is assigned and never read is hidden from the state when the
# verifier is made, and nothing in the report says so. States that differ in it alone are one state.
# The option -o2 of spin -a, not of the verifier, keeps it.
# Version: SPIN 6.5.2 (Debian package spin 6.5.2+dfsg-1). Source: the manual page spin.1 lists -o2.
# Who is hurt: whoever compares the number of states with another checker's, as an independent proof
# that both searched the same machine.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq spin=6.5.2+dfsg-1 >/dev/null
dpkg -x spin_*.deb spin
cat > written.pml <<'PML'
byte floor = 0;
byte lamp = 0;
active proctype lift() {
end:
  do
  :: d_step { floor < 2 -> floor = floor + 1 }
  :: d_step { true -> lamp = 1 }
  od
}
PML
spin/usr/bin/spin -V
stored() {
  spin/usr/bin/spin "$@" -a written.pml >/dev/null
  cc -O1 -w -DSAFETY -DNOREDUCE -o pan pan.c
  ./pan | sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p'
}
plain=$(stored)
kept=$(stored -o2)
echo "three floors, and a lamp that is off or on: $plain states are stored, with -o2 $kept"
[ "$plain" = 3 ] && [ "$kept" = 6 ]
