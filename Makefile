# make run     the server on this machine, for development
# make test    everything CI runs; installs what it needs by package name
# make bench   the table of docs/performance.md, measured in one run
# make crash   kill -9 in a loop under load (N=100 times for each store)
# make fuzz    every fuzz target for T=60s
# make build   a static binary at bin/usher

.PHONY: run build test setup lint unit alloc bench crash fuzz

N ?= 100
T ?= 60s

# Pinned, so that a new release of a tool changes nothing until we say so.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0

run:
	go run ./cmd/usher dev

build:
	CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o bin/usher ./cmd/usher

test: setup lint alloc unit
	@echo "make test: all passed"

setup:
	@scripts/setup

lint:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$bad" ] || { echo "not gofmt-ed: $$bad" >&2; exit 1; }
	go vet ./...
	go mod tidy -diff
	go run $(STATICCHECK) ./...
	@scripts/vulncheck $(GOVULNCHECK)

# Counts of allocations are exact only without the race detector.
alloc:
	go test ./videosdk ./endpoint -run 'Alloc'

# One package's tests at a time by -p 2: the machine may have no more than two cores.
unit:
	go test -race -p 2 -timeout 20m ./...

bench:
	go run -C bench .

crash:
	go test ./e2e -run TestCrash -count=1 -timeout 60m -v -args -crashes=$(N)

fuzz:
	@scripts/fuzz $(T)
