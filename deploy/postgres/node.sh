#!/bin/sh
# One PostgreSQL node. Its volume records its state: empty, primary, standby or fenced.
#
#   node.sh run           start the node; if it is empty, first initialize it as the primary
#                         (BOOTSTRAP=primary), or clone the primary
#   node.sh state         print the state
#   node.sh slots         create the replication slots of the other nodes
#   node.sh archived      print the SHA-256 of the content, and the name, of each archived WAL segment
#   node.sh fence         never start this primary again, because another node is promoted
#   node.sh restore BASE  create the primary from the base backup BASE and WAL, which are read as a
#                         tar file from standard input
#   node.sh rebuild       keep the data as pgdata.old, and clone the primary
set -eu
umask 077

volume=${PGDATA%/*}
secrets=/run/secrets
replicator="user=strongroom_replication passfile=$secrets/replication.pgpass sslmode=verify-full \
sslrootcert=$secrets/ca.crt connect_timeout=3 application_name=$REGION"

say() { printf 'node %s: %s\n' "$REGION" "$*" >&2; }

others() { printf '%s\n' $REGIONS | grep -vx "$REGION"; }

# The hosts of the other nodes. libpq selects the one that accepts writes, so the primary needs no
# configuration.
hosts=$(others | sed 's/^/postgres-/' | paste -sd,)
primary="host=$hosts target_session_attrs=read-write $replicator"

state() {
    if [ -e "$volume/fenced" ]; then
        echo fenced
    elif [ ! -e "$PGDATA/PG_VERSION" ]; then
        echo empty
    elif [ -e "$PGDATA/standby.signal" ]; then
        echo standby
    else
        echo primary
    fi
}

answers() {
    psql -qAtX "$1 replication=true dbname=replication" -c IDENTIFY_SYSTEM >/dev/null 2>&1
}

another_is_primary() { answers "$primary"; }

# Standbys without a primary are a cluster as well, which must not get a second, empty primary.
another_is_there() { answers "$primary target_session_attrs=any"; }

# Initializes an empty primary. The data is created in pgdata.new and renamed when it is complete,
# so an interrupted attempt starts again.
bootstrap() {
    fresh=$volume/pgdata.new
    rm -rf "$fresh"
    sed 's/.*://' "$PGPASSFILE" |
        initdb -D "$fresh" --pwfile=/dev/stdin --username=postgres --encoding=UTF8 \
            --locale=C --data-checksums --auth=scram-sha-256 >/dev/null
    unreachable "$fresh" start
    psql -qX -v ON_ERROR_STOP=1 -U postgres -f /etc/strongroom/postgres/roles.sql postgres
    slots
    unreachable "$fresh" stop
    sync
    mv "$fresh" "$PGDATA"
    say "initialized an empty primary"
}

# unreachable DATA start|stop: starts or stops PostgreSQL for this script only.
unreachable() {
    pg_ctl -D "$1" -w -s -m fast -t 86400 \
        -o "-c config_file=$settings -c listen_addresses= -c archive_command=" "$2" >&2
}

restore() {
    fresh=$volume/pgdata.new
    incoming=$volume/incoming
    rm -rf "$fresh" "$incoming"
    trap 'rm -rf "$fresh" "$incoming"' EXIT
    mkdir "$fresh" "$incoming"
    tar -C "$incoming" -xf -
    /etc/strongroom/postgres/check-backup.sh "$incoming/$1" "$incoming/wal"
    tar -C "$fresh" -xzf "$incoming/$1"
    # Configuration in the backup could run programs here.
    grep -s '^[^#]' "$fresh/postgresql.auto.conf" | sed 's/^/not restored, by ALTER SYSTEM: /' >&2
    for file in postgresql.conf postgresql.auto.conf pg_hba.conf pg_ident.conf recovery.signal; do
        : >"$fresh/$file"
    done
    # Recovery ends at the end of the archive. The node then accepts writes, on a new timeline.
    printf "restore_command = 'test -f %s/wal/%%f.gz && gzip -dc %s/wal/%%f.gz >%%p'\n" \
        "$incoming" "$incoming" >>"$fresh/postgresql.auto.conf"
    unreachable "$fresh" start
    until [ "$(psql -qAtX -U postgres -c 'select pg_is_in_recovery()' postgres)" = f ]; do
        sleep 1
    done
    psql -qX -U postgres -c 'alter system reset restore_command' postgres
    slots
    unreachable "$fresh" stop
    rm -rf "$incoming"
    sync
    mv "$fresh" "$PGDATA"
    say "restored $1 and the WAL after it"
}

archived() {
    cd "$volume/archive" 2>/dev/null || return 0
    for file in *.gz; do
        [ ! -e "$file" ] || echo "$(gzip -dc "$file" | sha256sum | cut -d ' ' -f 1) $file"
    done
}

# Creates a replication slot for each other node, so that the primary retains the WAL that the node
# has not received yet. A slot that was never used retains nothing. A slot that has lost WAL is
# useless and is replaced.
slots() {
    for region in $(others); do
        psql -qAtX -v ON_ERROR_STOP=1 -v slot="$region" -U postgres postgres <<'SQL'
select pg_drop_replication_slot(slot_name) from pg_replication_slots
 where slot_name = :'slot' and wal_status = 'lost' and not active \g /dev/null
select pg_create_physical_replication_slot(:'slot')
 where not exists (select from pg_replication_slots where slot_name = :'slot') \g /dev/null
SQL
    done
}

clone() {
    fresh=$volume/pgdata.new
    until another_is_primary; do
        say "no other node is a primary that accepts this one; trying again"
        sleep 2
    done
    rm -rf "$fresh"
    pg_basebackup -D "$fresh" -d "$primary" -S "$REGION" -X stream --checkpoint=fast
    : >"$fresh/standby.signal"
    sync
    mv "$fresh" "$PGDATA"
    say "cloned from the primary"
}

rebuild() {
    if ! another_is_primary; then
        say "not rebuilt: no other node is a primary"
        exit 1
    fi
    if [ -e "$PGDATA" ]; then
        rm -rf "$volume/pgdata.old"
        mv "$PGDATA" "$volume/pgdata.old"
    fi
    clone
    rm -f "$volume/fenced"
}

run() {
    case $(state) in
    fenced)
        say "this was the primary until another node was promoted." \
            "Rebuild it as a standby: deploy/rebuild $REGION"
        exit 1
        ;;
    empty)
        if [ "${BOOTSTRAP:-}" = primary ] && ! another_is_there; then bootstrap; else clone; fi
        ;;
    primary)
        if another_is_primary; then
            say "another node is the primary, and two primaries would lose writes." \
                "Rebuild this one: deploy/rebuild $REGION"
            exit 1
        fi
        ;;
    esac
    exec postgres -D "$PGDATA" -c config_file="$settings" -c cluster_name="$REGION" \
        -c primary_conninfo="$primary" -c primary_slot_name="$REGION"
}

settings=/etc/strongroom/postgres/postgresql.conf
case ${1:-run} in
run) run ;;
state) state ;;
slots) slots ;;
archived) archived ;;
fence) : >"$volume/fenced" && sync ;;
rebuild) rebuild ;;
restore) restore "$2" ;;
*)
    say "unknown command: $1"
    exit 2
    ;;
esac
