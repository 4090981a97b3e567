#!/bin/sh
# Makes one cluster of started nodes and waits until it can lose a master. It
# may be run again at any time: what is already so is left so.
#
# Nodes must keep their addresses for life. Nothing here can mend two that were
# exchanged: a replica copies whatever answers at its master's old address.
#
#   REDIS_NODES           "host:port host:port ...", masters first
#   REDIS_REPLICAS        replicas of each master   (default 1)
#   REDIS_ADMIN_PASSWORD  of the user "admin"
#   REDIS_WAIT            seconds before giving up  (default 120)
set -eu

replicas=${REDIS_REPLICAS:-1}
deadline=${REDIS_WAIT:-120}
REDISCLI_AUTH=$REDIS_ADMIN_PASSWORD
export REDISCLI_AUTH

# cli host:port command...   the password goes by the environment, not by ps
cli() {
    node=$1
    shift
    redis-cli -h "${node%:*}" -p "${node##*:}" --user admin --no-auth-warning "$@"
}

fail() { echo "form-cluster: $*" >&2; exit 1; }

# A refusal is text for redis-cli, not a failed command.
must() {
    answer=$(cli "$@") || fail "$*: $answer"
    [ "$answer" = OK ] || fail "$*: $answer"
}

# wait_for what command...   asks about five times a second
tries=0
wait_for() {
    what=$1
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt $((deadline * 5)) ] || fail "gave up after ${deadline} s waiting until $what"
        sleep 0.2
    done
}

answers() { [ "$(cli "$1" ping)" = PONG ]; }
says() { cli "$1" cluster info | grep -q "^$2:$3"; }
knows_all() { says "$1" cluster_known_nodes "$count" && ! cli "$1" cluster nodes | grep -q handshake; }
myself() { cli "$1" cluster nodes | grep myself; }
id_of() { cli "$1" cluster myid; }
address_of() { cli "$1" client info | sed 's/.* laddr=\([^ ]*\):[0-9]* .*/\1/'; }
link_up() { cli "$1" info replication | grep -q '^master_link_status:up'; }
is_replica() { cli "$1" info replication | grep -q '^role:slave'; }
follows() { answer=$(cli "$1" cluster replicate "$2") && [ "$answer" = OK ]; }
sees_replicas() { [ "$(cli "$1" cluster nodes | grep -c slave)" -eq "$((count - masters))" ]; }
reached() { [ "$(cli "$1" wait 1 1000)" -ge 1 ]; }

count=0
for n in $REDIS_NODES; do count=$((count + 1)); done
masters=$((count / (replicas + 1)))
[ "$masters" -ge 3 ] || fail "$count nodes with $replicas replicas each make $masters masters; a cluster needs 3"

for n in $REDIS_NODES; do wait_for "$n answers" answers "$n"; done

set -- $REDIS_NODES
first=$1

# Slots, if nobody has any.
if says "$first" cluster_slots_assigned 0 && says "$first" cluster_known_nodes 1; then
    i=0
    for n in $REDIS_NODES; do
        must "$n" cluster set-config-epoch $((i + 1))
        if [ "$i" -lt "$masters" ]; then
            must "$n" cluster addslotsrange $((i * 16384 / masters)) $(((i + 1) * 16384 / masters - 1))
        fi
        i=$((i + 1))
    done
fi

# Introductions; to one already known they change nothing.
for n in $REDIS_NODES; do
    [ "$n" = "$first" ] || must "$first" cluster meet "$(address_of "$n")" "${n##*:}"
done
for n in $REDIS_NODES; do wait_for "$n knows the others" knows_all "$n"; done

# Replicas: each later node follows the master that stands (i mod masters)th.
# One that owns slots meanwhile, or follows somebody, is left alone.
i=0
for n in $REDIS_NODES; do
    if [ "$i" -ge "$masters" ] && ! is_replica "$n" && [ -z "$(myself "$n" | cut -d' ' -f9-)" ]; then
        eval "master=\${$((i % masters + 1))}"
        wait_for "$n follows $master" follows "$n" "$(id_of "$master")"
    fi
    i=$((i + 1))
done

# Ready to lose a master: all agree, every link is up, a write reaches a replica.
for n in $REDIS_NODES; do
    wait_for "the cluster is whole for $n" says "$n" cluster_state ok
    wait_for "$n sees every replica" sees_replicas "$n"
    if is_replica "$n"; then wait_for "$n has its master's data" link_up "$n"; fi
done
for n in $REDIS_NODES; do
    if [ "$replicas" -gt 0 ] && ! is_replica "$n"; then wait_for "a replica follows $n" reached "$n"; fi
done
echo "form-cluster: $count nodes, $masters masters, ready"
