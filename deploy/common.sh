# Sourced by the scripts beside it: the regions, and functions that query their databases.
# shellcheck shell=bash

deploy=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
regions=(eu us ap)
node=/etc/strongroom/postgres/node.sh
# As in compose.yaml, a relative path begins in this folder.
secrets=$(cd "$deploy" && realpath -m "${STRONGROOM_SECRETS:-secrets}")

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "error: $*"
    exit 1
}

compose() { docker compose --file "$deploy/compose.yaml" "$@"; }

is_region() { [[ " ${regions[*]} " == *" $1 "* ]]; }

# sql REGION STATEMENT: runs STATEMENT as the superuser, over the socket in the container.
sql() {
    compose exec -T "postgres-$1" \
        psql -qAtX -v ON_ERROR_STOP=1 -U postgres -d postgres -c "$2"
}

# role_of REGION: prints primary or standby; nothing if the node does not answer.
role_of() {
    case $(sql "$1" 'select pg_is_in_recovery()' 2>/dev/null) in
    t) echo standby ;;
    f) echo primary ;;
    esac
}

# state_of REGION: prints the state that the node's volume records, whether the node runs or not.
state_of() { compose run --rm -T --no-deps "postgres-$1" state; }

# all_with ROLE: prints the regions with a node that answers and has this role.
all_with() {
    local region
    for region in "${regions[@]}"; do
        [[ $(role_of "$region") != "$1" ]] || echo "$region"
    done
}

# until_true SECONDS COMMAND…: repeats COMMAND until it succeeds; fails after SECONDS.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.5
    done
}
