# The few commands a person repeats. Needs a Rust toolchain (https://rustup.rs); what else is missing on Debian
# or Ubuntu is installed by deploy/install-postgresql.sh, which says so.

.PHONY: dev test test-compose lint format release bench prerequisites

## make dev: everything on this machine; ARGS="--listen 127.0.0.1:0" and the like are passed on.
dev: prerequisites
	cargo run --locked --package strongroom -- dev $(ARGS)

## make test: every test, against a private PostgreSQL.
test: prerequisites
	@tests/clients/install.sh
	cargo build --locked --workspace
	cargo test --locked --workspace

## make lint: formatting and clippy, as CI checks them.
lint:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --package strongroom --no-default-features -- -D warnings

format:
	cargo fmt --all

## make release: the optimised binary, target/release/strongroom.
release: prerequisites
	cargo build --locked --release --package strongroom

## make bench: the released program beside plain SQL; ten minutes. ARGS="--only create" measures a part.
bench: release
	@tests/bench/install.sh
	cargo run --locked --release --package strongroom-bench -- $(ARGS)

prerequisites:
	@deploy/install-postgresql.sh

## make test-compose: the deployment of deploy/compose.yaml in a real container engine. As root; takes a while.
test-compose:
	@deploy/test-compose
