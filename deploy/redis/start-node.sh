#!/bin/sh
# Starts one Redis node: puts this node's address, name and passwords beside the
# shared configuration, then becomes redis-server.
#
#   REDIS_FLEET_PASSWORD        of the user "orchestrator"   } letters, digits and
#   REDIS_REPLICATION_PASSWORD  between Redis nodes          } . _ ~ - only, as in
#   REDIS_ADMIN_PASSWORD        of people and of init jobs   } a redis:// address
#   REDIS_HOSTNAME   name under which clients reach this node; empty: by address
#   REDIS_BIND       what to listen on            (default 127.0.0.1)
#   REDIS_CONF_DIR   where the shipped files are  (default /etc/orchestrator-redis)
#   REDIS_DATA_DIR   where this node's data are   (default /data)
#
# Further arguments go to redis-server and have the last word.
set -eu
umask 077

conf=${REDIS_CONF_DIR:-/etc/orchestrator-redis}
data=${REDIS_DATA_DIR:-/data}

fail() { echo "start-node: $*" >&2; exit 1; }

check() { # name value
    case $2 in
        '') fail "$1 is not set" ;;
        *[!A-Za-z0-9._~-]*) fail "$1 may hold letters, digits and . _ ~ - only" ;;
    esac
}
check REDIS_FLEET_PASSWORD "${REDIS_FLEET_PASSWORD:-}"
check REDIS_REPLICATION_PASSWORD "${REDIS_REPLICATION_PASSWORD:-}"
check REDIS_ADMIN_PASSWORD "${REDIS_ADMIN_PASSWORD:-}"

sed -e "s/@FLEET_PASSWORD@/$REDIS_FLEET_PASSWORD/" \
    -e "s/@REPLICATION_PASSWORD@/$REDIS_REPLICATION_PASSWORD/" \
    -e "s/@ADMIN_PASSWORD@/$REDIS_ADMIN_PASSWORD/" \
    "$conf/users.acl" > "$data/users.acl"

{
    echo "include $conf/redis-cluster.conf"
    echo "dir $data"
    echo "bind ${REDIS_BIND:-127.0.0.1}"
    echo "aclfile $data/users.acl"
    echo "masteruser replication"
    echo "masterauth $REDIS_REPLICATION_PASSWORD"
    if [ -n "${REDIS_HOSTNAME:-}" ]; then
        # Clients are sent to names: an address may change with a restart.
        echo "cluster-announce-hostname $REDIS_HOSTNAME"
        echo "cluster-preferred-endpoint-type hostname"
    fi
} > "$data/node.conf"

exec redis-server "$data/node.conf" "$@"
