#!/bin/sh
# Two servers of PostgreSQL: `sh pg.sh ACTION`, for the node that PRGCORE_NODE names.
# Each server starts as a standby: standby.signal lies in its folder, even while it is the primary.
# So whoever starts it by hand starts a standby. Only `promote` makes a primary of it.
one="host=127.0.0.1 port=5441" two="host=127.0.0.1 port=5442"
if [ "$PRGCORE_NODE" = node1 ]; then me=$one peer=$two; else me=$two peer=$one; fi
[ "$(id -u)" != 0 ] || install -d -o postgres "$PRGCORE_NODE"  # PostgreSQL does not run as root
[ "$(id -u)" != 0 ] || exec setpriv --reuid=postgres --regid=postgres --init-groups sh "$0" "$@"
export PATH="/usr/lib/postgresql/15/bin:$PATH" PGDATA="$PWD/$PRGCORE_NODE/data" PGUSER=postgres
export PGCONNECT_TIMEOUT=2 PGDATABASE=postgres PGOPTIONS="-c synchronous_commit=local"
# Asynchronous: all='' enough='pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn) < 1e6'  (bytes)
all='*' enough="sync_state = 'sync'"
follows="-c primary_conninfo='$peer application_name=$PRGCORE_NODE' -c wal_keep_size=256MB"
ask() { timeout 2 psql "$1" -XAtqc "$2"; }  # SERVER SQL
primary() { [ "$(ask "$1" 'select not pg_is_in_recovery()')" = t ]; }
standby() { ask "$me" "select $1 from pg_stat_replication where state = 'streaming' limit 1"; }
# Only with * is a row acknowledged once both servers have it.
synchronous() { ask "$me" "alter system set synchronous_standby_names = '$1'" && pg_ctl reload -s; }
stops() {  # stop: fast, if it obeys; or at once
  pid=$(head -1 "$PGDATA/postmaster.pid") && grep -q ^postgres "/proc/$pid/comm" || return 0
  [ "$1" = stop ] && pg_ctl stop -m fast -t 5 -s && return
  kill -STOP "$pid" && kill -9 "$pid" $(cat "/proc/$pid/task/$pid/children")  # all of its processes
  while grep -q ^postgres "/proc/$pid/comm"; do sleep 0.05; done
}
room() { [ "$(df -Pk "$PGDATA" | awk 'END { print $4 }')" -gt "$1" ]; }  # KILOBYTES
alone_no_more() { echo "synchronous_standby_names = '$all'" >>"$PGDATA/postgresql.auto.conf"; }
rebuild() {  # half a copy, of a hook that was killed, must not look like a whole one
  rm -rf "$PGDATA" "$PGDATA.new" && pg_basebackup -d "$peer" -D "$PGDATA.new" -c fast &&
    mv "$PGDATA.new" "$PGDATA"
}
follow() {  # undo what the primary does not have; replace a folder that does not fit
  [ "${PRGCORE_EVENT%(*}" != recover ] || rm -rf "$PGDATA"  # it did not catch up: a new copy
  [ -d "$PGDATA" ] || { rebuild && return; }
  ! pg_controldata | grep -q '^Database cluster state: *in archive recovery' || return 0
  rm -f "$PGDATA/standby.signal"  # pg_rewind cannot repair a server that has it
  psql "$peer" -qc checkpoint  # until then a new primary shows pg_rewind its old timeline
  pg_rewind -D "$PGDATA" --source-server="$peer dbname=postgres" || rebuild
}
case $1 in
  init) initdb -N -k -A trust -U postgres ;;
  start)
    pg_isready -q -d "$me"; [ $? = 2 ] || exit 0  # it runs, or begins to
    stops self_fence; touch "$PGDATA/standby.signal"
    pg_ctl start -w -s -l "$PGDATA.log" -o "-c port=${me##*=} -k '' $follows" ;;
  stop | self_fence) stops "$1" ;;
  check) ask "$me" 'select 1' && room 20000 ;;
  role) ask "$me" "select case when pg_is_in_recovery() then 'replica' else 'primary' end" ;;
  current)  # the standby is synchronous, before the record says that it has everything
    [ "$(standby "$enough")" = t ] && exit
    [ -z "$(standby state)" ] || synchronous "$all"
    exit 1 ;;
  promote)  # once the record says that the standby is behind, the primary goes on alone
    # more room than the check asks for; or two nodes with little room would take turns
    [ "${PRGCORE_EVENT%(*}" != take_over ] || primary "$me" || room 40000 || exit
    { primary "$me" || pg_ctl promote -w -s; } && touch "$PGDATA/standby.signal" || exit
    [ "$PRGCORE_ACTION" != serve_alone ] || [ "$(standby state)" ] || synchronous '' ;;
  demote) stops stop && { ! primary "$peer" || follow; } && alone_no_more ;;
esac
