# spa-runner: build, rehearse, test. `make help` lists the targets.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GO      ?= go
# Static, reproducible and small: no C, no paths of this machine, no symbols.
BUILD    = CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
TOOLS    = $(CURDIR)/bin/tools

.PHONY: help build demo test test-long bench check tidy fmt vet lint cross dist clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 12

build: ## build bin/spa-runner for this machine
	@mkdir -p bin
	$(BUILD) -o bin/spa-runner ./cmd/spa-runner

demo: build ## run the whole pipeline on a built-in example, with fake credentials
	@bin/spa-runner dry-run --log-format console --execute-deploy

test: ## run the tests
	$(GO) test ./...

FUZZTIME ?= 60s

test-long: ## fuzz every parser of foreign text, FUZZTIME (60s) each
	@set -e; for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

bench: build ## compare with the shell buildspec on loopback servers; SPA_REPOSITORY=DIR takes the real SPA
	$(GO) run ./internal/bench -runner bin/spa-runner

check: tidy fmt vet lint cross build ## what CI runs: everything but test-long and bench
	$(GO) test -race -count=1 ./...
	@echo "check: tidy, fmt, vet, lint, cross, build and test -race passed"

tidy: ## fail if go.mod or go.sum is not tidy
	$(GO) mod tidy -diff
	cd tools && $(GO) mod tidy -diff

fmt: $(TOOLS)/gofumpt ## fail if a file is not formatted by gofumpt; `bin/tools/gofumpt -w .` mends it
	@list=$$($(TOOLS)/gofumpt -l .); test -z "$$list" || { echo "not formatted, run bin/tools/gofumpt -w .:"; echo "$$list"; exit 1; }

vet: ## go vet
	$(GO) vet ./...

lint: $(TOOLS)/staticcheck $(TOOLS)/go-errorlint ## staticcheck and errorlint
	$(TOOLS)/staticcheck -checks all,-ST1000 ./...
	$(TOOLS)/go-errorlint -test=false ./...

cross: ## fail if it does not compile where people rehearse
	GOOS=darwin GOARCH=arm64 $(GO) vet ./cmd/... ./steps/... ./pipeline/...

$(TOOLS)/gofumpt $(TOOLS)/staticcheck $(TOOLS)/go-errorlint: tools/go.mod tools/go.sum
	cd tools && GOBIN=$(TOOLS) $(GO) install tool
	@touch $(TOOLS)/*

dist: ## build dist/ for amd64 and arm64, with SHA256SUMS
	@rm -rf dist && mkdir dist
	GOOS=linux GOARCH=amd64 $(BUILD) -o dist/spa-runner-linux-amd64 ./cmd/spa-runner
	GOOS=linux GOARCH=arm64 $(BUILD) -o dist/spa-runner-linux-arm64 ./cmd/spa-runner
	@cd dist && sha256sum spa-runner-* > SHA256SUMS && cat SHA256SUMS

clean: ## remove what was built
	rm -rf bin dist
