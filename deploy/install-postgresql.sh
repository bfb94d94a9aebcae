#!/bin/sh
# Installs the programs that Strongroom needs beyond Rust to be built and run: PostgreSQL's server
# programs and a C compiler. Prints nothing and changes nothing if both are present.
# It does not set up or start a PostgreSQL server.
set -eu

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "$@"
    exit 1
}

has_server() {
    for program in initdb postgres; do
        [ -f "$1/$program" ] && [ -x "$1/$program" ] || return 1
    done
}

# Searches in the same order as Strongroom.
server_is_found() {
    if [ -n "${STRONGROOM_PG_BIN:-}" ]; then
        has_server "$STRONGROOM_PG_BIN" && return
        fail "STRONGROOM_PG_BIN is set to $STRONGROOM_PG_BIN, but that folder does not contain" \
            "PostgreSQL's programs initdb and postgres. Correct it, or unset it."
    fi
    for dir in /usr/lib/postgresql/*/bin; do
        has_server "$dir" && return
    done
    (
        set -f
        IFS=:
        for dir in $PATH; do
            has_server "${dir:-.}" && exit 0
        done
        exit 1
    )
}

compiler_is_found() { command -v cc >/dev/null 2>&1; }

packages=
server=
server_is_found || { packages=postgresql server=missing; }
compiler_is_found || packages="${packages:+$packages }gcc libc6-dev"
[ -n "$packages" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    [ -z "$server" ] || say "PostgreSQL's server programs (initdb, postgres) are missing."
    compiler_is_found || say "A C compiler (cc) is missing."
    say "This script installs them only on Debian and Ubuntu. Elsewhere, please install them:"
    say "  Fedora, RHEL:  dnf install postgresql-server gcc"
    say "  Arch:          pacman -S postgresql gcc"
    say "  macOS:         brew install postgresql; xcode-select --install"
    fail "If PostgreSQL is in an unusual folder, set STRONGROOM_PG_BIN to that folder."
fi

if [ "$(id -u)" -eq 0 ]; then
    as_root() { "$@"; }
elif command -v sudo >/dev/null 2>&1; then
    as_root() { sudo "$@"; }
else
    fail "Missing packages: $packages. Installing them requires root or sudo." \
        "Please run as root, or ask an administrator to run: apt-get install $packages"
fi

say "Installing with apt-get: $packages"

settings=/etc/postgresql-common
drop_in=$settings/createcluster.d/strongroom.conf

clean_up() {
    as_root rm -f "$drop_in"
    # Removes the folders only if they are empty, and so not in use.
    as_root rmdir "${drop_in%/*}" "$settings" 2>/dev/null || :
}

if [ -n "$server" ]; then
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    # Otherwise Debian's package creates a cluster `main` and starts it, now and at every boot.
    as_root mkdir -p "${drop_in%/*}"
    echo 'create_main_cluster = false' | as_root tee "$drop_in" >/dev/null
fi

apt() {
    # A new machine may be updating itself: wait for the lock instead of failing.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

apt update || say "Some package lists could not be updated; trying with the existing ones."
# shellcheck disable=SC2086  # several words on purpose
apt install -y --no-install-recommends $packages

server_is_found || fail "apt-get succeeded, but PostgreSQL's initdb and postgres are still missing."
compiler_is_found || fail "apt-get succeeded, but there is still no C compiler named cc."
