# `make help` lists the targets. CI runs the same ones that people run.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c

TAGS       := nomsgpack
PACKAGES   ?=
RUN        ?=
MODEL_RUNS ?= 1000000
RUNS       ?= 20
IMAGE      ?= orchestrator:dev

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
COMMIT  := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
DATE    := $(shell git log -1 --format=%cI 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE)

# The race detector is written in C. Without a compiler, and without the means to install one, tests run without it and say so.
RACE = $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo -race)

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: ## build bin/orchestrator: static, stripped
	CGO_ENABLED=0 go build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)' -o bin/orchestrator ./cmd/orchestrator

.PHONY: dev
dev: ## run three nodes and an embedded Redis in one process
	go run -tags $(TAGS) ./cmd/orchestrator dev

# Tests of whole fleets under load and trouble come last, one package at a time: they bring more processes than a small machine has cores.
FLEETS = ./integration/...
OTHERS = $$(go list -tags $(TAGS) ./... | grep -v /integration)

.PHONY: test
test: compiler ## the whole proof, on real Redis that it finds or starts by itself (PACKAGES=, RUN= narrow it)
	@$(if $(RACE),,echo 'no C compiler: the race detector is off' >&2)
	@export ORCHESTRATOR_TEST_REDIS=auto; test="go test $(RACE) -tags $(TAGS) -timeout 25m $(if $(RUN),-run '$(RUN)')"; \
	$(if $(PACKAGES),$$test $(PACKAGES),failed=; $$test $(OTHERS) || failed=1; $$test -p 1 $(FLEETS) || failed=1; test -z "$$failed")

.PHONY: unit
unit: ## the tests that need Go alone; the others are skipped by name
	ORCHESTRATOR_TEST_REDIS= go test -tags $(TAGS) -timeout 5m $(or $(PACKAGES),./...)

.PHONY: measure
measure: ## take the figures of docs/promises.md again (RUNS=20 each; an hour)
	ORCHESTRATOR_TEST_REDIS=auto go test -tags $(TAGS) -timeout 0 -count 1 -v -run TestMeasure ./integration -measure $(RUNS)

ONLY    ?=
ROUNDS  ?= 0
SIZE    ?= full
RESULTS ?= bench.json

.PHONY: bench
bench: ## what the fleet costs, as ratios taken side by side (ONLY=create,list ROUNDS=5 SIZE=quick RESULTS=bench.json)
	go test -c -tags $(TAGS) -o bin/bench.test ./integration/bench
	ORCHESTRATOR_TEST_REDIS=process bin/bench.test -test.run '^TestBench$$' -test.timeout 0 \
	  -size $(SIZE) -rounds $(ROUNDS) -only '$(ONLY)' -results '$(RESULTS)'

.PHONY: model
model: ## search the protocol's model for a violation (MODEL_RUNS=1000000 runs per variant)
	MODEL_RUNS=$(MODEL_RUNS) go test -tags $(TAGS) -timeout 0 -count 1 -v -run TestProtocolHolds ./internal/chainmodel

SEED  ?= 0
FOR   ?= 2m
HOURS ?= 1
CHAOS  = ORCHESTRATOR_TEST_REDIS=auto go test -tags $(TAGS) -timeout 0 -count 1 -v ./integration/chaos -seed $(SEED)

.PHONY: chaos
chaos: ## nodes and Redis fail under load, mixed for 2 minutes, then one by one, then with guards taken out: 5 minutes (SEED=, FOR=2m)
	$(CHAOS) -run '^TestChaos$$/^mixed$$' -for $(FOR)
	$(CHAOS)

.PHONY: soak
soak: ## the same again and again with new seeds, until a run fails or HOURS=1 are over
	@end=$$(( $$(date +%s) + $(HOURS) * 3600 )); while [ $$(date +%s) -lt $$end ]; do $(CHAOS) -run '^TestChaos$$' -for 1m; done

# The peers that ours is compared with have a module of their own. etcd takes minutes to compile, the first time.
PEERS ?=

.PHONY: bench-peers
bench-peers: ## the same work on etcd, NATS, redsync and raw SET (PEERS='-peer nats -o json'; bench/peers/README.md)
	cd bench/peers && CGO_ENABLED=0 go build -o ../../bin/peers .
	bin/peers $(PEERS)

.PHONY: bench-peers-test
bench-peers-test: ## the tests of that: every peer does the work
	cd bench/peers && go vet ./... && CGO_ENABLED=0 go test -timeout 10m ./...

.PHONY: cover
cover: ## coverage of the whole proof, package by package and in all (cover.out)
	ORCHESTRATOR_TEST_REDIS=auto go test -tags $(TAGS) -timeout 25m -coverpkg ./cmd/...,./internal/... -coverprofile cover.out ./...
	@go tool cover -func cover.out | tail -n 1

.PHONY: lint
lint: format vet staticcheck ## formatting, go vet, the layering rule and staticcheck

.PHONY: format
format: ## fail if a file is not formatted, and name it
	@files=$$(find . -name '*.go' -not -path './.git/*' -print0 | xargs -0 gofmt -l); \
	  if [ -n "$$files" ]; then echo "not formatted (make fmt mends it):" >&2; echo "$$files" >&2; exit 1; fi

.PHONY: vet
vet: ## go vet and the layering rule
	go vet -tags $(TAGS) ./...
	go test -tags $(TAGS) ./internal/layering

.PHONY: staticcheck
staticcheck: ## staticcheck, built from tools/staticcheck
	go tool -modfile=tools/staticcheck/go.mod staticcheck -tags $(TAGS) ./...

.PHONY: golangci
golangci: ## golangci-lint by .golangci.yml, built from tools/golangci-lint (minutes, the first time)
	go tool -modfile=tools/golangci-lint/go.mod golangci-lint run --build-tags $(TAGS) ./...

.PHONY: fmt
fmt: ## format every Go file
	gofmt -w $$(find . -name '*.go' -not -path './.git/*')

.PHONY: docs
docs: ## write again what is generated: the table of configuration keys, the help texts
	go test -tags $(TAGS) ./cmd/orchestrator/... -run 'TestDocument|TestHelp' -update

.PHONY: image
image: build ## build the container image, FROM scratch (IMAGE=orchestrator:dev)
	docker build -f deploy/Dockerfile --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) --build-arg DATE=$(DATE) -t $(IMAGE) .

.PHONY: clean
clean: ## remove what was built
	rm -rf bin cover.out bench.json

# Root on Debian may install what is missing; anybody else is told by `test` that the race detector is off.
.PHONY: compiler
compiler:
	@if ! command -v $${CC:-cc} >/dev/null 2>&1 && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  echo 'installing a C compiler for the race detector'; \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev; } >/dev/null || true; fi
