#!/bin/sh
# Installs the load generator wrk when it is missing; prints nothing otherwise.
set -eu

command -v wrk >/dev/null 2>&1 && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "wrk, the load generator, is missing; please install it (https://github.com/wg/wrk)." >&2
    exit 1
fi
echo "Installing the package wrk, the benchmark's load generator." >&2
if [ "$(id -u)" -eq 0 ]; then
    as_root() { "$@"; }
else
    as_root() { sudo "$@"; }
fi
as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 install -y \
    --no-install-recommends wrk </dev/null
