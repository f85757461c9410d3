# Everything a contributor needs; `make` alone says what there is.
GO ?= go

.PHONY: help run build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## the server on your machine, with credentials made up if you have none
	@exec ./bin/usher dev

build: ## one static binary: bin/usher
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags="-s -w" -o bin/usher ./cmd/usher
