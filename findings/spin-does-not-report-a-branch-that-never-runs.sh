#!/usr/bin/env bash
# SPIN's list of unreached code leaves out the branches of a loop that never run.
#
# The guess: "unreached in proctype" names every statement that no run executes, so a branch whose
# guard is never true is in the list: a dead rule is seen.
# What really happens: the list is about control states, not about branches. All branches of a loop
# leave the same control state. Where a branch is one step (a guard alone, or a d_step), nothing in
# it is a state of its own, so a branch that never runs is not named.
# Version: SPIN 6.5.2 (Debian package spin 6.5.2+dfsg-1). Source: the output of the verifier, and
# its transition table (pan -d).
# Who is hurt: whoever writes a machine as guarded commands and trusts the list to find dead ones.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq spin=6.5.2+dfsg-1 >/dev/null
dpkg -x spin_*.deb spin
cat > dead.pml <<'PML'
byte lamp = 0;
active proctype switch() {
end:
  do
  :: d_step { lamp == 0 -> lamp = 1 }
  :: d_step { lamp == 1 -> lamp = 0 }
  :: d_step { lamp == 2 -> lamp = 0 }   /* never: the lamp is 0 or 1 */
  :: (lamp == 3)                        /* never either */
  od
}
PML
spin/usr/bin/spin -V
spin/usr/bin/spin -a dead.pml >/dev/null
cc -O1 -w -DSAFETY -o pan pan.c
./pan > said.txt
sed -n '/unreached/,$p' said.txt | grep -v elapsed
grep -q "2 states, stored" said.txt
named=$(sed -n '/unreached in proctype/,/states)/p' said.txt | grep -c "dead.pml" || true)
echo "$named place is named, and it is the end of the process"
[ "$named" = 1 ] && grep -q -- '"-end-"' said.txt
