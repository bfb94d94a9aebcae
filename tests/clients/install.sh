#!/bin/sh
# Installs the published programs that the tests drive, each into a folder of its own below target/clients. Says
# what it installs; does nothing when all are there.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
clients=${CARGO_TARGET_DIR:-$here/../../target}/clients
say() { printf '%s\n' "$*" >&2; }

packages=
command -v python3 >/dev/null 2>&1 && python3 -c 'import ensurepip, venv' 2>/dev/null ||
    packages="python3 python3-venv"
command -v node >/dev/null 2>&1 || packages="${packages:+$packages }nodejs"
command -v npm >/dev/null 2>&1 || packages="${packages:+$packages }npm"
go=$(command -v go || echo /usr/local/go/bin/go)
[ -x "$go" ] || packages="${packages:+$packages }golang-go"
# Sets servers' clocks wrong. Where there is none, the test that needs it says that it is skipped.
if command -v apt-get >/dev/null 2>&1; then
    ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || packages="${packages:+$packages }faketime"
fi
# Encrypts the backups of the deployment.
command -v age >/dev/null 2>&1 || packages="${packages:+$packages }age"
if [ -n "$packages" ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        say "The tests need Python 3 with venv, Node.js 18 or newer, npm, and age. Please install them."
        exit 1
    fi
    say "Installing for the tests: $packages"
    if [ "$(id -u)" -eq 0 ]; then as_root=; else as_root=sudo; fi
    $as_root apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
fi

# A folder gets its final name when everything is in it, so an interrupted installation is done again.
python_package() {
    folder=$clients/$3
    [ -d "$folder" ] && return
    say "Installing $1 $2 into $folder"
    rm -rf "$folder.new"
    mkdir -p "$folder.new"
    python3 -m venv "$folder.new/venv"
    package="$1==$2"
    shift 3
    "$folder.new/venv/bin/pip" install --quiet --disable-pip-version-check "$package" "$@"
    mv "$folder.new" "$folder"
}

node_package() {
    folder=$clients/$1
    shift
    [ -d "$folder" ] && return
    say "Installing $* into $folder"
    rm -rf "$folder.new"
    mkdir -p "$folder.new"
    printf '{"private":true,"type":"module"}\n' >"$folder.new/package.json"
    npm install --prefix "$folder.new" --silent --no-audit --no-fund --no-package-lock "$@" >/dev/null
    mv "$folder.new" "$folder"
}

# Go 1.21 and newer fetch the version that a program needs. With an older one the test says that it is skipped.
go_generator() {
    folder=$clients/oapi-codegen-$1
    go=$(command -v go || echo /usr/local/go/bin/go)
    [ -d "$folder" ] && return
    "$go" version | grep -Eq 'go1\.(2[1-9]|[3-9][0-9])' || return 0
    say "Installing oapi-codegen $1 and its runtime $2 into $folder"
    rm -rf "$folder.new"
    mkdir -p "$folder.new/module"
    GOBIN=$folder.new/bin "$go" install "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v$1" 2>/dev/null
    cd "$folder.new/module"
    printf 'package main\n\nimport _ "github.com/oapi-codegen/runtime"\n\nfunc main() {}\n' >main.go
    "$go" mod init strongroom_client 2>/dev/null
    "$go" get "github.com/oapi-codegen/runtime@v$2" 2>/dev/null
    "$go" build -o /dev/null .
    rm main.go
    cd - >/dev/null
    mv "$folder.new" "$folder"
}

mkdir -p "$clients"
python_package pieces_os_client 5.0.1 python-5.0.1
python_package pieces_os_client 3.2.1 python-3.2.1
python_package schemathesis 4.32.5 schemathesis-4.32.5
python_package Authlib 1.9.6 authlib-1.9.6 requests==2.34.2
python_package openapi-python-client 0.29.1 openapi-python-client-0.29.1
python_package openai 3.57.0 relay-sdks-1 stripe==16.1.0 ShopifyAPI==12.7.0
node_package node-4.1.0 @pieces.app/pieces-os-client@4.1.0
node_package openapi-typescript-7.13.0 openapi-typescript@7.13.0 openapi-fetch@0.17.0 typescript@5.9.3
go_generator 2.8.2 1.9.0
