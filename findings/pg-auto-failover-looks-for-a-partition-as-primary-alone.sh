#!/usr/bin/env bash
# A writer of pg_auto_failover that is cut off from its monitor goes on, if its state is wait_primary.
#
# The guess: a node that takes writes, and neither reaches the monitor nor has a standby, stops its
# PostgreSQL after 20 seconds (network_partition_timeout). The monitor waits for 30 seconds before it
# promotes the other node (primary_demote_timeout), so two nodes never take writes.
# What really happens: the keeper asks that only while its state is primary. In wait_primary, the
# state of a writer whose standby is missing or catches up, it does not ask. The monitor lets a
# standby that has caught up become secondary also while it does not see the primary. So the standby
# is promoted, and both nodes take and acknowledge writes until the old one reaches the monitor. Then
# it is rewound, and its writes are gone. Here each node loses the monitor once, and for a moment
# both do; all the time the nodes reach each other.
# Version: pg_auto_failover 2.0 (Debian packages pg-auto-failover-cli and postgresql-15-auto-failover
# 2.0-2+b1) with PostgreSQL 15.18. Source: check_for_network_partitions in
# src/bin/pg_autoctl/service_keeper.c, ProceedGroupState in src/monitor/group_state_machine.c.
# Who is hurt: whoever reads the inequality of the two time-outs as a promise about every writer, or
# models the pair with one state for "takes writes". To be confirmed by the maintainers as a fault or
# as a choice: a writer without a standby that stopped with its monitor would serve nobody.
# It needs root (network namespaces) and the user nobody, and takes about two minutes.
set -euo pipefail
work=$(mktemp -d) id=$$
M=m$id A=a$id B=b$id
clean() {
    for space in "$M" "$A" "$B"; do
        ip netns pids "$space" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
        ip netns del "$space" 2>/dev/null || true
    done
    ip netns del "hub$id" 2>/dev/null || true
    sleep 1
    rm -rf "$work"
}
trap clean EXIT
cd "$work"
chmod 755 .
apt-get download -qq pg-auto-failover-cli=2.0-2+b1 postgresql-15-auto-failover=2.0-2+b1 \
    postgresql-15=15.18-0+deb12u1 postgresql-client-15=15.18-0+deb12u1 2>/dev/null
for package in *.deb; do dpkg -x "$package" root; done
bin=$work/root/usr/lib/postgresql/15/bin
"$work/root/usr/bin/pg_autoctl" version
mkdir home data
chown nobody home data

ip netns add "hub$id"
ip -n "hub$id" link add br0 type bridge
ip -n "hub$id" link set br0 up
number=1
for space in "$M" "$A" "$B"; do
    ip netns add "$space"
    ip link add "port$number" netns "hub$id" type veth peer name eth0 netns "$space"
    ip -n "hub$id" link set "port$number" master br0 up
    ip -n "$space" addr add "10.99.0.$number/24" dev eth0
    ip -n "$space" link set eth0 up
    ip -n "$space" link set lo up
    number=$((number + 1))
done

run() {  # a command in a namespace, as the user nobody
    local space=$1
    shift
    ip netns exec "$space" setpriv --reuid=nobody --regid=nogroup --clear-groups env -i LC_ALL=C \
        HOME="$work/home" XDG_RUNTIME_DIR="$work/home" PG_CONFIG="$bin/pg_config" \
        PG_REGRESS_SOCK_DIR="$work/home" PGHOST="$work/home" \
        PATH="$bin:$work/root/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin" "$@"
}
ask() { run "$1" timeout 9 psql -h 127.0.0.1 -p "$2" -d "$3" -Atqc "$4" 2>&1; }
monitor() { ask "$M" 6000 pg_auto_failover "$1"; }
states() {
    monitor "select string_agg(format('%s %s/%s', nodename, reportedstate, goalstate), ', '
             order by nodename) from pgautofailover.node"
}
wait_for() {  # until the monitor says this: of each node what it reported, and what it shall be
    for _ in $(seq 300); do
        [[ $(states) == $1 ]] && { echo "$SECONDS s: $(states)"; return; }
        sleep 0.2
    done
    echo "never $1: $(states)"
    exit 1
}
cut() { ip -n "$1" route add blackhole 10.99.0.1; ip -n "$M" route add blackhole "$2"; }
heal() { ip -n "$1" route del blackhole 10.99.0.1; ip -n "$M" route del blackhole "$2"; }

run "$M" pg_autoctl create monitor --pgdata data/m --pgport 6000 --hostname 10.99.0.1 \
    --auth trust --no-ssl --run >m.log 2>&1 &
for _ in $(seq 100); do
    [[ $(monitor "select 1 from pgautofailover.formation") == 1 ]] && break
    sleep 0.2
done
for setting in node_considered_unhealthy_timeout=5000 health_check_period=1000 \
    health_check_timeout=1000 startup_grace_period=1000; do  # to notice a loss sooner; no other
    monitor "alter system set pgautofailover.${setting%=*} = ${setting#*=}"
done
monitor "select pg_reload_conf()" >/dev/null
echo "the monitor waits for $(monitor "show pgautofailover.primary_demote_timeout") \
before it promotes, and a primary that is alone for 20s before it stops"
node() {
    run "$1" pg_autoctl create postgres --pgdata "data/$2" --pgport "$3" --hostname "$4" --name "$2" \
        --auth trust --no-ssl --monitor postgres://autoctl_node@10.99.0.1:6000/pg_auto_failover \
        --run >"$2.log" 2>&1 &
}
node "$A" a 6001 10.99.0.2
wait_for "a single/single"
node "$B" b 6002 10.99.0.3
wait_for "a primary/primary, b secondary/secondary"
ask "$A" 6001 postgres "create table kept (value text)"

cut "$B" 10.99.0.3
wait_for "a wait_primary/wait_primary, *"
cut "$A" 10.99.0.2
since=$SECONDS
sleep 7  # until the monitor does not see a any longer
heal "$B" 10.99.0.3
wait_for "*, b wait_primary/wait_primary"
alone=$((SECONDS - since))
on_a=$(ask "$A" 6001 postgres "insert into kept values ('on a') returning value")
on_b=$(ask "$B" 6002 postgres "insert into kept values ('on b') returning value")
echo "after $alone s without its monitor a acknowledges '$on_a', and b acknowledges '$on_b'"
heal "$A" 10.99.0.2
wait_for "a secondary/secondary, b primary/primary"
kept=$(ask "$B" 6002 postgres "select value from kept")
echo "what is kept: $kept"
[[ $alone -gt 20 && $on_a == "on a" && $on_b == "on b" && $kept == "on b" ]]
