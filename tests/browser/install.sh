#!/bin/sh
# Installs what the tests of the console drive: Chromium and its WebDriver from the distribution, and axe-core, below
# target/clients. Says what it installs; does nothing when all are there.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
clients=${CARGO_TARGET_DIR:-$here/../../target}/clients
axe=4.14.1
say() { printf '%s\n' "$*" >&2; }

packages=
command -v chromium >/dev/null 2>&1 || packages=chromium
command -v chromedriver >/dev/null 2>&1 || packages="${packages:+$packages }chromium-driver"
command -v npm >/dev/null 2>&1 || packages="${packages:+$packages }npm"
if [ -n "$packages" ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        say "The tests need chromium, chromedriver and npm. Please install them."
        exit 1
    fi
    say "Installing for the tests: $packages"
    if [ "$(id -u)" -eq 0 ]; then as_root=; else as_root=sudo; fi
    $as_root apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
fi

# The folder gets its final name when everything is in it, so an interrupted installation is done again.
folder=$clients/axe-core-$axe
if [ ! -d "$folder" ]; then
    say "Installing axe-core $axe into $folder"
    rm -rf "$folder.new"
    mkdir -p "$folder.new"
    npm install --prefix "$folder.new" --silent --no-audit --no-fund --no-package-lock "axe-core@$axe" >/dev/null
    mv "$folder.new" "$folder"
fi
