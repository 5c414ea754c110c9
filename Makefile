# `make` alone lists the verbs. Nothing here talks to an AWS account.

PYTHON ?= python3
TOOLS := local/.venv/tools/bin
EMULATOR := local/.venv/emulator/bin
EXPANDED := local/.state/template.json
KILLED := start-image-pipeline-execution start-resource-state-update start-image-builder

# Nothing fetches a toolchain behind anybody's back: cargo-lambda would, for another processor.
export RUSTUP_DIST_SERVER := http://127.0.0.1:9
export SAM_CLI_TELEMETRY := 0
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help demo test prove prove-quick bench profiles cost lint audit fmt build up down clean tools emulator rival

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: tools emulator ## run everything on this machine and show that each wish is carried out once
	@$(EMULATOR)/python local/demo.py

test: ## run the tests of all crates; needs nothing but Rust
	@if cargo nextest --version >/dev/null 2>&1; \
	then cargo nextest run --workspace && cargo test --workspace --doc; \
	else cargo test --workspace; fi

# The functions' own metrics go to a file; the figures are for the screen.
prove: ## show that each wish is carried out once and none is lost, at full size; an hour
	@mkdir -p local/.state
	cargo build --profile prove --package proof --package model $(KILLED:%=--package %)
	target/prove/prove --schedules 100000 --exhaustive --inputs 1000000 --kills 300 >local/.state/prove.log
	target/prove/model
	$(PYTHON) local/mutants.py

prove-quick: ## the same in a minute, with other seeds each time
	@mkdir -p local/.state
	cargo test --workspace --no-run --quiet
	target/debug/prove --schedules 500 --inputs 5000 --kills 30 >local/.state/prove.log

bench: rival ## measure the functions beside a rival and a floor, into docs/benchmarks.md
	@$(PYTHON) local/bench.py

lint: export AWS_DEFAULT_REGION := us-east-1
lint: tools ## check format, code, documentation and template
	cargo fmt --all --check
	$(TOOLS)/sam validate --lint
	$(TOOLS)/python local/check_template.py template.yaml $(EXPANDED)
	$(TOOLS)/cfn-lint template.yaml $(EXPANDED)
	$(TOOLS)/python -m unittest discover --start-directory local
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --workspace

audit: ## check licences, sources and duplicates of the dependencies; needs cargo-deny
	cargo deny check

fmt: ## format the code
	cargo fmt --all

cost: ## print what a million wishes cost, ours and the rival's
	@$(PYTHON) local/cost.py

build: tools ## build the functions for Lambda, ready for sam deploy
	PATH="$(CURDIR)/$(TOOLS):$$PATH" $(TOOLS)/sam build

profiles: rival ## build a function under each candidate release profile, and compare them
	@$(PYTHON) local/profiles.py

up: tools emulator ## start everything on this machine, to play with
	@$(EMULATOR)/python local/stack.py up

down: ## end what `make up` started
	@$(PYTHON) local/stack.py down

clean: down ## remove everything that was built or installed in this directory
	rm -rf target .aws-sam local/.state local/.venv

tools emulator rival:
	@$(PYTHON) local/venvs.py $@
