# Unwind. `make help` lists the targets.

MODULES  := events saga saga/barrier saga/telemetry broker services/unwind services/host services/store services/mail services/kyc services/route services/order services/polyglot
AGENTS   := $(patsubst %/main.go,%,$(wildcard $(patsubst %/agent.yaml,%/main.go,$(wildcard services/*/*/agent.yaml))))
LINT     := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VULN     := go run golang.org/x/vuln/cmd/govulncheck@v1.9.0
EACH      = set -e; for m in $(MODULES); do echo "== $$m: $(1)"; (cd $$m && $(1)); done

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-11s %s\n", $$1, $$2}'

.PHONY: build
build: ## build the tool and the agents into bin/
	go build -o bin/unwind ./services/unwind
	go build -o bin/ $(addprefix ./,$(AGENTS))

.PHONY: demo
demo: ## watch four applicants go through KYC: fine, with a stand-in, undone, and through a kill
	go run ./services/kyc/demo

.PHONY: demo-route
demo-route: ## watch ten drives get their directions: from Google, OSRM, a formula, a person, or nobody
	go run ./services/route/demo

.PHONY: drill
drill: ## a thousand applicants under faults, with each layer of recovery: what is it worth?
	go run ./services/unwind drill kyc services/kyc

.PHONY: demo-order
demo-order: deps ## watch twelve orders: stock in PostgreSQL, money over Stripe's API, mail; and each fallback and undoing
	go run ./services/order/demo

# The tests of saga/barrier, and the order pipeline, start a real PostgreSQL: it must be
# installed, and need not run.
PGTEST   := $(or $(wildcard /usr/lib/postgresql/*/bin/postgres),$(shell sh -c 'command -v postgres'))
# Those of services/polyglot start Python.
MISSING  := $(strip $(if $(PGTEST),,postgresql) $(if $(shell sh -c 'command -v python3'),,python3))

# The agent in JavaScript needs Node, and the packages in its lock file.
NODE     := $(shell sh -c 'command -v npm >/dev/null && command -v node')
SCORING  := services/polyglot/risk-scoring

$(SCORING)/node_modules/.package-lock.json: $(SCORING)/package-lock.json
ifeq ($(NODE),)
	@if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "Node is not installed."; \
		echo "hint: apt-get install nodejs npm, as root; or put Node 18 or later into the PATH"; exit 1; fi
	apt-get -qq update
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends nodejs npm
endif
	cd $(SCORING) && npm ci

.PHONY: deps
deps: $(SCORING)/node_modules/.package-lock.json ## install what the tests need beside Go (PostgreSQL, Python, Node), as root; or say what is missing
ifneq ($(MISSING),)
	@if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "Not installed: $(MISSING)."; \
		echo "hint: apt-get install $(MISSING), as root; or put the folders of their programs into the PATH"; exit 1; fi
	apt-get -qq update
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $(MISSING)
else
	@:
endif

# A process that the race detector watches waits a second when it is done, to hear of
# the last races. Many processes are started here, and those that matter go on for longer.
.PHONY: test
test: export GORACE = atexit_sleep_ms=0
test: deps ## every test of every module, with the race detector
	@$(call EACH,go test -race -timeout 15m ./...)

.PHONY: check
check: format vet lint tidy modules ## what CI checks beside the tests

.PHONY: format
format:
	@bad=$$(gofmt -l $(MODULES)); if [ -n "$$bad" ]; then echo "not formatted:"; echo "$$bad"; exit 1; fi

.PHONY: vet
vet:
	@$(call EACH,go vet ./...)

.PHONY: lint
lint:
	@$(call EACH,$(LINT) run ./...)

# A requirement that is missing from a go.mod is invisible inside a workspace.
.PHONY: modules
modules:
	@$(call EACH,GOWORK=off go build ./...)

.PHONY: tidy
tidy:
	@$(call EACH,GOWORK=off go mod tidy -diff)

.PHONY: vuln
vuln: ## look for known vulnerabilities (needs the Go vulnerability database)
	@$(call EACH,$(VULN) ./...)

.PHONY: stories
stories: ## write the histories of the stories anew; read the difference before you commit it
	cd saga && go test . ./sagatest -update

.PHONY: clean
clean: ## remove what was built and what the demo left
	rm -rf bin .unwind
