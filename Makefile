# Everything a contributor needs; `make` alone says what there is.
GO ?= go
N ?= 100
T ?= 60s

# Pinned, so that a new release of a tool changes nothing until we say so.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: help run rooms build test setup lint alloc web unit bench crash fuzz

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## the server on your machine, with credentials made up if you have none
	@exec ./bin/usher dev

rooms: ## sessions to enter: the same with a LiveKit inside, for two tabs that see and hear each other
	@$(GO) build -C rooms -ldflags="-s -w" -o ../bin/usher-rooms . # no -trimpath: with it LiveKit is built a second time beside what the tests need
	@exec ./bin/usher-rooms dev

build: ## one static binary: bin/usher
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags="-s -w" -o bin/usher ./cmd/usher

test: setup lint alloc web unit ## everything CI runs; installs what it needs by package name
	@echo "make test: all passed"

setup: ## install what the tests need: PostgreSQL, Chromium, Node packages
	@scripts/setup

lint: ## formatting, vet, staticcheck, known vulnerabilities
	@bad=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$bad" ] || { echo "not gofmt-ed: $$bad" >&2; exit 1; }
	$(GO) vet ./...
	cd bench && $(GO) vet ./...
	cd rooms && $(GO) vet ./...
	$(GO) mod tidy -diff
	cd rooms && $(GO) mod tidy -diff
	$(GO) run $(STATICCHECK) ./...
	cd rooms && $(GO) run $(STATICCHECK) ./...
	@scripts/vulncheck $(GOVULNCHECK)

alloc: ## what is exact, or quick enough, only without the race detector
	$(GO) test -run 'Alloc|GolangJWT' ./videosdk ./interop

web: ## types and tests of the client library and the lobby, and that web/dist is what they build to
	npm run --silent --prefix web check

unit: ## all tests under the race detector, two packages at a time
	$(GO) test -race -p 2 -timeout 20m ./...
	cd bench && $(GO) test ./...
	cd rooms && $(GO) test -p 1 -timeout 20m ./... # without the race detector, under which LiveKit alone takes minutes to build
	$(GO) run -C bench . -short >/dev/null # that it runs, not how fast
	$(GO) run -C rooms ./bench -short >/dev/null

bench: ## the table of docs/performance.md, measured in one run
	$(GO) run -C bench .
	$(GO) run -C rooms ./bench

crash: ## kill -9 in a loop under load, N times on each store
	$(GO) test ./e2e -run TestCrash -count=1 -timeout 60m -v -args -crashes=$(N)

fuzz: ## every fuzz target for the time T
	@scripts/fuzz $(T)
