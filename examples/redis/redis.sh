#!/bin/sh
# Two servers of Redis: `sh redis.sh ACTION`, for the node that PRGCORE_NODE names.
# Each server starts as a replica of the other, whoever starts it. Only `promote` makes a primary.
one="127.0.0.1 6381" two="127.0.0.1 6382"
if [ "$PRGCORE_NODE" = node1 ]; then me=$one peer=$two; else me=$two peer=$one; fi
ask() { timeout 2 redis-cli -e -h "${me% *}" -p "${me#* }" "$@" | tr -d '\r'; }
is() { ask info replication | grep -q "$1"; }
room() { [ "$(df -Pk "$PRGCORE_NODE" | awk 'END { print $4 }')" -gt "$1" ]; }  # KILOBYTES
case $1 in
  run)
    mkdir -p "$PRGCORE_NODE/data"
    exec redis-server --bind "${me% *}" --port "${me#* }" --appendonly yes \
      --dir "$PRGCORE_NODE/data" --pidfile "$PWD/$PRGCORE_NODE/server.pid" \
      --repl-diskless-sync-delay 0 --shutdown-timeout 3 --replicaof $peer ;;
  check) [ "$(ask ping)" = PONG ] && room 5000 ;;
  role) ask role | head -1 ;;
  current) is '^slave0:.*,state=online,.*,lag=[01]$' ;;  # the replica has all, but for a second
  promote)  # more room than the check asks for; or two nodes with little room would take turns
    [ "${PRGCORE_EVENT%(*}" != take_over ] || room 10000 || exit
    ask replicaof no one && is '^role:master$' ;;
  demote) [ "$(ask ping)" != PONG ] || ask replicaof $peer ;;
  self_fence)
    pid=$(cat "$PRGCORE_NODE/server.pid") && grep -q ^redis-server "/proc/$pid/comm" || exit 0
    kill -9 "$pid" ;;
esac
