#!/usr/bin/env bash
# SPIN counts more violations than it prints.
#
# The guess: with -c0 a verifier made by SPIN lists every violated assertion, one line each, so the
# lines are as many as "errors:" says.
# What really happens: a message that is the same as the one printed before it is left out. It is
# counted, and its number is skipped. So the lines are fewer than the errors, and the number of
# lines says nothing. Every different message is printed at least once, as long as others come
# between.
# Version: SPIN 6.5.2 (Debian package spin 6.5.2+dfsg-1). Source: the manual page pan.1 describes -c.
# Who is hurt: whoever counts how often a promise is broken, or matches each line to one error.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq spin=6.5.2+dfsg-1 >/dev/null
dpkg -x spin_*.deb spin
cat > twice.pml <<'PML'
byte room = 0;
active proctype walker() {
end:
  do
  :: d_step { room < 4 -> room = room + 1 }
  :: d_step { room > 1 -> assert(room < 0) }
  od
}
PML
spin/usr/bin/spin -V
spin/usr/bin/spin -a twice.pml >/dev/null
cc -O1 -w -DSAFETY -DNOREDUCE -o pan pan.c
./pan -c0 > said.txt
grep -E "assertion violated|errors:" said.txt
lines=$(grep -c "assertion violated" said.txt)
errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' said.txt)
echo "$errors errors are counted, and $lines are printed"
[ "$errors" = 3 ] && [ "$lines" = 1 ]
