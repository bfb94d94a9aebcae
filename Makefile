# The few commands a person repeats. Needs a Rust toolchain (https://rustup.rs); what else is missing on Debian
# or Ubuntu is installed by deploy/install-postgresql.sh, which says so.

.PHONY: console-pictures dev test test-compose test-citus soak lint format release bench prerequisites

## make dev: everything on this machine; ARGS="--listen 127.0.0.1:0" and the like are passed on.
dev: prerequisites
	cargo run --locked --package strongroom -- dev $(ARGS)

## make test: every test, against a private PostgreSQL.
test: prerequisites
	@tests/clients/install.sh
	@tests/browser/install.sh
	cargo build --locked --workspace
	cargo test --locked --workspace

## make test-citus CITUS_URL=postgresql://superuser:password@coordinator:port/database: the black-box tests on a Citus
## cluster, then one of its workers is stopped and started again; docs/scale.md says how. Skipped without CITUS_URL.
test-citus: export CITUS_URL := $(CITUS_URL)
test-citus: export CITUS_WORKER_STOP := $(CITUS_WORKER_STOP)
test-citus: export CITUS_WORKER_START := $(CITUS_WORKER_START)
test-citus: prerequisites
ifeq ($(strip $(CITUS_URL)),)
	@echo "test-citus: skipped, since CITUS_URL names no cluster"
else
	@tests/clients/install.sh
	@tests/browser/install.sh
	cargo build --locked --workspace
	cargo test --locked --package strongroom-e2e --test suites -- --test-threads=4
	cargo test --locked --package strongroom-e2e --test suites -- --test-threads=1 --ignored sharded::
endif

## make console-pictures: renews the pictures of docs/console.md.
console-pictures: prerequisites
	cargo build --locked --workspace
	cargo test --locked --workspace --test suites -- --ignored console::pictures

## make lint: formatting and clippy, as CI checks them.
lint:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --package strongroom --no-default-features -- -D warnings

format:
	cargo fmt --all

## make soak: faults under load for ten minutes, and then whether anything was lost. ARGS="--seconds 60 --seed 7".
soak: prerequisites
	cargo build --locked --workspace
	cargo test --locked --package strongroom-e2e --test soak -- $(ARGS)

## make release: the optimized binary, target/release/strongroom.
release: prerequisites
	cargo build --locked --release --package strongroom

## make bench: the program beside plain SQL; 15 minutes. ARGS="--only create" measures a part.
bench: release
	@tests/bench/install.sh
	cargo run --locked --release --package strongroom-bench -- $(ARGS)

prerequisites:
	@deploy/install-postgresql.sh

## make test-compose: the deployment of deploy/compose.yaml in a real container engine. As root; takes a while.
test-compose:
	@deploy/test-compose
