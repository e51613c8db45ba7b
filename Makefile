# What a person does with hotdesk. `make run` and `make test` need nothing but what the README names.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run dev test test-client test-server test-browser audit fuzz fuzz-api bench load screens

CLIENT := npm --prefix client

help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: ## Builds the desk and starts it with made-up customers and colleagues
	scripts/prepare.sh
	$(CLIENT) run build
	cargo build --release --bin hotdesk
	target/release/hotdesk serve --demo --data target/demo-data

dev: ## The desk and Vite, each started again or reloaded when a source changes
	scripts/prepare.sh
	node scripts/dev.mjs

test: test-client test-server test-browser audit ## Everything that must hold before a change lands

test-client:
	scripts/prepare.sh
	$(CLIENT) run lint
	$(CLIENT) run typecheck
	$(CLIENT) run test
	$(CLIENT) run build

test-server:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace

# The browser tests start the server that test-server built.
test-browser:
	scripts/prepare.sh --browser
	cargo build --bin hotdesk
	$(CLIENT) run test:e2e

audit: ## Known weaknesses and licences of what came in from others; skips what it cannot reach
	scripts/audit.sh

# A minute for each target unless SECONDS_EACH says otherwise.
fuzz: ## Throws bytes at messages, records, imports and query strings (needs nightly Rust and cargo-fuzz)
	@if cargo +nightly fuzz --version >/dev/null 2>&1; then \
		for target in message record rows query; do \
			cargo +nightly fuzz run $$target -- -max_total_time=$${SECONDS_EACH:-60} || exit 1; \
		done; \
	else \
		echo 'fuzz: skipped: nightly Rust and cargo-fuzz are needed (rustup toolchain install nightly; cargo install cargo-fuzz)' >&2; \
	fi

fuzz-api: ## Walks the API by its own description with schemathesis; skips where it cannot be had
	scripts/fuzz-api.sh

bench: ## Measures the release build against plain files and plain sockets in the same run
	cargo build --release --workspace
	target/release/load-tests bench $(ARGS)

load: ## Kills the server under load, and lets readers get stuck
	cargo build --release --workspace
	target/release/load-tests kill $(ARGS)
	target/release/load-tests slow $(ARGS)

screens: ## Takes pictures of the screens into docs/screens
	scripts/prepare.sh --browser
	$(CLIENT) run build
	cargo build --bin hotdesk
	node scripts/screens.mjs
