# Each target does its own set-up from a bare clone; Node 24 comes with `npm ci` where only an older Node is installed.
# npm scripts find it by themselves; `$(NODE)` is for what has no script.
.DEFAULT_GOAL := help
.PHONY: help demo test build lint typecheck generate verify bench image clean

NODE := npx --no-install -c
IMAGE ?= keystead:dev

help: ## Shows these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The stamp is newer than the lock file exactly if the installed packages are those of the lock file.
SETUP := node_modules/.keystead-stamp
$(SETUP): package-lock.json
	npm ci --no-fund --no-audit
	@touch $@

demo: build ## Starts Keystead on a throw-away API server and shows what it does
	@bin/keystead dev --demo

test: $(SETUP) ## Unit tests, and integration tests against a real API server
	@npm run --silent test

build: $(SETUP) ## Compiles to dist/
	@npm run --silent build

lint: $(SETUP) ## Lints with type information
	@npm run --silent lint

typecheck: $(SETUP) ## Checks types
	@npm run --silent typecheck

generate: $(SETUP) ## Writes all that is generated: CRDs, RBAC, chart copies, reference docs
	@npm run --silent generate

verify: $(SETUP) ## Fails if anything generated is not up to date
	@tools/verify.sh

bench: build ## Measures, one JSON line per figure (ARGS=--help tells more)
	@$(NODE) 'node test/bench/main.ts $(ARGS)'

image: ## Builds the container image where a container engine runs
	@tools/image.sh $(IMAGE)

clean: ## Removes what was built here; programs in the cache stay
	rm -rf dist coverage
