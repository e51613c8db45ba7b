# What a person does with hotdesk. `make run` and `make test` need nothing but what the README names.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run dev static test test-client test-server test-browser audit sim fuzz fuzz-api bench load screens measure

CLIENT := npm --prefix client
# Clippy's driver is the compiler with lints: one build serves the lints and the tests, and no crate of others is compiled once more
# only to be looked at.
# A first build is done sooner without what later ones would gain from; who builds by cargo itself has that already. Found out once:
# the first build makes that folder, and the other way of compiling would begin anew in the targets that come after it.
ifndef LINTED_INCREMENTAL
LINTED_INCREMENTAL := $(if $(wildcard target/debug/incremental),1,0)
endif
export LINTED_INCREMENTAL
CARGO_LINTED := RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings__CLIPPY_HACKERY__ \
	CARGO_INCREMENTAL=$(LINTED_INCREMENTAL) cargo

help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: ## Builds the desk and starts it with made-up customers and colleagues
	scripts/prepare.sh
	$(CLIENT) run build
	cargo build --release --bin hotdesk
	target/release/hotdesk serve --demo --data target/demo-data

static: ## A binary that needs no library of the system, for places like App Engine (target x86_64-unknown-linux-musl)
	scripts/prepare.sh
	rustup target list --installed | grep -qx x86_64-unknown-linux-musl || rustup target add x86_64-unknown-linux-musl
	command -v musl-gcc >/dev/null || { echo "musl-gcc is missing (Debian: apt-get install musl-tools)" >&2; exit 1; }
	$(CLIENT) run build
	CC_x86_64_unknown_linux_musl=musl-gcc cargo build --locked --release --bin hotdesk --target x86_64-unknown-linux-musl
	cd target/x86_64-unknown-linux-musl/release && objcopy --only-keep-debug hotdesk hotdesk.debug && strip --strip-debug hotdesk

dev: ## The desk and Vite, each started again or reloaded when a source changes
	scripts/prepare.sh
	node scripts/dev.mjs

test: ## Everything that must hold before a change lands
	scripts/prepare.sh
	$(CLIENT) run build
	$(MAKE) -j2 test-client test-server
	$(MAKE) test-browser audit

test-client:
	scripts/prepare.sh
	$(CLIENT) run lint
	$(CLIENT) run typecheck
	$(CLIENT) run test

# The server has the built client inside.
test-server:
	cargo fmt --all --check
	$(CARGO_LINTED) test --workspace --all-targets

# The browser tests start the server that test-server built.
test-browser:
	scripts/prepare.sh --browser
	$(CARGO_LINTED) test --workspace --all-targets --no-run
	$(CLIENT) run test:e2e

audit: ## Known weaknesses and licences of what came in from others; skips what it cannot reach
	scripts/audit.sh

sim: ## Plays thousands of simulated desks; HOTDESK_SIM_SEED=n plays one again and tells each step
	HOTDESK_SIM_SEEDS=$${HOTDESK_SIM_SEEDS:-5000} cargo test -p hotdesk --test it sim:: -- --nocapture

# A minute for each target unless SECONDS_EACH says otherwise. Without nightly Rust the stable one is told to pass for it. The desk's own
# code is safe Rust, so that looking after memory would only cost time.
fuzz: ## Throws bytes at messages, query strings, records and imports (best with cargo-fuzz)
	@if ! command -v cargo-fuzz >/dev/null; then \
		echo 'fuzz: only variations of the seeds: cargo-fuzz is missing (cargo install --locked cargo-fuzz)' >&2; \
		HOTDESK_FUZZ_SECONDS=$${SECONDS_EACH:-60} cargo test --workspace --test it fuzzed; exit; \
	fi; \
	if cargo +nightly --version >/dev/null 2>&1; then export RUSTUP_TOOLCHAIN=nightly; else export RUSTC_BOOTSTRAP=1; fi; \
	cp Cargo.lock fuzz/Cargo.lock; \
	for target in message query record rows; do \
		mkdir -p target/fuzz-corpus/$$target; \
		cargo fuzz run --sanitizer none --target-dir target/fuzz $$target target/fuzz-corpus/$$target fuzz/seeds/$$target -- \
			-max_total_time=$${SECONDS_EACH:-60} -artifact_prefix=target/fuzz-corpus/$$target- || { \
			echo "fuzz: keep the input that failed in fuzz/seeds/$$target: every make test runs it" >&2; exit 1; }; \
	done

fuzz-api: ## Walks the API by its own description with schemathesis; skips where it cannot be had
	scripts/fuzz-api.sh

bench: ## Each hot step against the recorded figures, then the release build against plain files and plain sockets
	cargo bench --bench hot_paths -- --noplot --quiet
	node scripts/bench-table.mjs
	cargo build --release --workspace
	target/release/load-tests bench $(ARGS)

load: ## Virtual people at a desk: make load SCENARIO=shift; load-tests run --list names the scenarios
	cargo build --release --workspace
	target/release/load-tests run $(or $(SCENARIO),smoke) $(ARGS)

screens: ## Takes pictures of the screens into target/screens
	scripts/prepare.sh --browser
	$(CLIENT) run build
	cargo test --workspace --no-run --quiet
	node scripts/screens.mjs $(ARGS)

measure: ## Figures of the client: frames, interactions, heap, click to screen, Lighthouse (fetches it from npm)
	scripts/prepare.sh --browser
	$(CLIENT) run build
	cargo build --release --bin hotdesk
	cd client && for what in click heap frames lighthouse; do \
		HOTDESK_BIN=../target/release/hotdesk node scripts/measure-$$what.mjs || exit 1; \
	done
