# spa-runner: build, rehearse, test. `make help` lists the targets.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GO      ?= go
# Static, reproducible and small: no C, no paths of this machine, no symbols.
BUILD    = CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
# The runner begins at a function of ours, which is there on Linux: cmd/spa-runner/start_linux.go says why.
RUNNER   = $(subst -X,-E main.enter -X,$(BUILD))
TOOLS    = $(CURDIR)/bin/tools
# Without it, Lambda's library brings a server of net/rpc along, which only the runtime go1.x asked.
TRIGGER  = -tags lambda.norpc

.PHONY: help build demo test test-more test-promised test-long mutants bench pictures check static vuln tidy fmt vet lint cross dist release-check pin clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 16

build: ## build bin/spa-runner for this machine
	@mkdir -p bin
	$(if $(filter linux/amd64 linux/arm64,$(shell $(GO) env GOOS)/$(shell $(GO) env GOARCH)),$(RUNNER),$(BUILD)) -o bin/spa-runner ./cmd/spa-runner

demo: build ## run the whole pipeline on a built-in example, with fake credentials; its record stays in bin/demo/spa-run/
	@mkdir -p bin/demo
	@bin/spa-runner dry-run --log-format console --execute-deploy --workdir bin/demo

# Most of a test's time is that of processes and waits, so more of them run at once than there are processors.
# On a slow machine the tests of cmd/spa-runner take longer than the ten minutes that Go gives them. internal/testrun
# puts temporary folders on tmpfs where there is room, and says at the end what was not tried.
TEST = $(GO) run ./internal/testrun
ARGS = -count=1 -p 4 -parallel 16 -timeout 30m
# The packages that wait most come first, so that the others run while they wait.
ALL  = ./cmd/spa-runner ./pipeline ./steps ./... ./tools/...

test: build ## run the tests, without C as the program is built
	CGO_ENABLED=0 $(TEST) -keep bin/tested.json -- $(ARGS) $(ALL)

test-more: ## what check adds to `make test`, after it: the race detector over fewer rows, and the programs of others (cfn-lint, moto, the AWS CLI)
	SPA_TEST_ORACLES=1 $(TEST) -after bin/tested.json -- -race -short $(ARGS) $(ALL)

test-promised: ## the tests that SECURITY.md names and that are in test-long, which CI runs as well
	$(TEST) -promised -- $(ARGS) ./cmd/spa-runner ./tools/release

FUZZTIME ?= 60s

# Without a limit of its own, making one input smaller takes up to 60 s, which is then all of FUZZTIME.
test-long: ## fuzz every parser of foreign text, FUZZTIME (60s) each, then all tests, with those that need real seconds
	@set -e; for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 2s $$package; \
		done; \
	done
	@# Of the tests that take no time, only what they log is shown.
	@bash -o pipefail -c '{ SPA_RUNNER_LONG=1 SPA_TEST_ORACLES=1 $(GO) test -count=1 -timeout 30m -v ./... && cd tools && SPA_RUNNER_LONG=1 $(GO) test -count=1 -timeout 30m -v ./...; } | \
		grep -vE "^=== |^PASS$$|^ *--- PASS: .*\(0\.[0-9]+s\)$$"'
	@echo "test-long: every fuzz target for $(FUZZTIME), and all tests with SPA_RUNNER_LONG=1, passed"

bench: build ## compare with the shell buildspec on loopback servers; SPA_REPOSITORY=DIR takes the real SPA
	cd tools && $(GO) build -o $(TOOLS)/bench ./bench
	$(TOOLS)/bench -runner bin/spa-runner

# Seven thousand mutants are too many: MUTANTS narrows them, as in MUTANTS="-packages ./steps -n 50 -seed 7".
mutants: ## change the code in one place at a time, and fail if no test notices; MUTANTS="-packages ./steps -n 50"
	cd tools && $(GO) build -o $(TOOLS)/mutants ./mutants
	$(TOOLS)/mutants $(MUTANTS)

CHROMIUM = chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir=bin/chromium

pictures: ## take the pictures in docs/ anew, with Chromium: of the pages in internal/report/testdata, which the tests hold to the code
	@mkdir -p bin docs
	$(CHROMIUM) --window-size=1000,1190 --screenshot=docs/report-deployed.png file://$(CURDIR)/internal/report/testdata/two-passes.html
	$(CHROMIUM) --window-size=1000,1090 --screenshot=docs/report-failed.png file://$(CURDIR)/internal/report/testdata/failed.html

static: tidy fmt vet lint cross ## what can be said without running a test

# CI runs the same in another order (.ci/run).
check: static test ## everything but test-long, bench and vuln; it ends in what was not tried
	@$(MAKE) --no-print-directory test-more
	@echo "check: static, test and test-more passed$(if $(filter vuln,$(MAKECMDGOALS)),,; vuln was NOT run, make vuln does)"

# Not a part of check, which is to say the same of the same commit tomorrow and without a network: a new finding is no
# defect of a change. It is one of a release, so `make check vuln dist` is what makes one. What could not be checked has
# not passed. VULNDB takes a mirror: a URL, or file:///FOLDER in the layout of https://go.dev/doc/security/vuln/database.
#
# What is found in a module but reaches nothing that is called is not counted. Known of that kind: GO-2026-5932, for
# golang.org/x/crypto/openpgp, which nothing here imports (go-git has ProtonMail's).
VULNDB ?= https://vuln.go.dev

vuln: $(TOOLS)/govulncheck ## fail if a known vulnerability reaches this code, or if that could not be checked; VULNDB=URL
	@status=0; $(TOOLS)/govulncheck -db $(VULNDB) ./... || status=$$?; case $$status in \
		0) $(TOOLS)/govulncheck -db $(VULNDB) -version | grep -E '^(Go|Scanner|DB)'; echo "vuln: clean" ;; \
		3) echo "vuln: FOUND, see above: update the module, or the Go that builds"; exit 3 ;; \
		*) echo "vuln: NOT CHECKED: govulncheck failed, which is no pass. Is $(VULNDB) reachable? VULNDB takes a mirror"; exit $$status ;; \
	esac

tidy: ## fail if go.mod or go.sum is not tidy
	$(GO) mod tidy -diff
	cd tools && $(GO) mod tidy -diff

fmt: $(TOOLS)/gofumpt ## fail if a file is not formatted by gofumpt; `bin/tools/gofumpt -w .` mends it
	@list=$$($(TOOLS)/gofumpt -l .); test -z "$$list" || { echo "not formatted, run bin/tools/gofumpt -w .:"; echo "$$list"; exit 1; }

vet: ## go vet
	$(GO) vet $(TRIGGER) ./...
	cd tools && $(GO) vet ./...

lint: $(TOOLS)/staticcheck $(TOOLS)/go-errorlint ## staticcheck and errorlint
	$(TOOLS)/staticcheck -checks all,-ST1000 ./...
	$(TOOLS)/go-errorlint -test=false ./...
	cd tools && $(TOOLS)/staticcheck -checks all,-ST1000 ./... && $(TOOLS)/go-errorlint -test=false ./...

cross: ## fail if it does not compile where people rehearse
	GOOS=darwin GOARCH=arm64 $(GO) vet $(TRIGGER) ./cmd/... ./steps/... ./pipeline/...

$(TOOLS)/gofumpt $(TOOLS)/staticcheck $(TOOLS)/go-errorlint $(TOOLS)/govulncheck: tools/go.mod tools/go.sum
	cd tools && GOBIN=$(TOOLS) $(GO) install tool
	@touch $(TOOLS)/*

$(TOOLS)/sbom: tools/go.mod tools/go.sum $(wildcard tools/sbom/*.go)
	cd tools && GOBIN=$(TOOLS) $(GO) install ./sbom

# A release is built with this very Go, whatever is here: its standard library has the fixes of its day, and the same
# commit gives the same bits everywhere.
RELEASE_GO = go1.26.9

dist: export GOTOOLCHAIN = $(RELEASE_GO)
# What whoever builds has set for other builds would change the bits, and -buildvcs=false leave the commit out.
dist: export GOFLAGS = -buildvcs=true
dist: export GOAMD64 = v1
dist: export GOARM64 = v8.0
dist: $(TOOLS)/sbom ## build dist/ for amd64 and arm64: the runner, the trigger as a zip for Lambda, a bill of materials each, SHA256SUMS
	@rm -rf dist && mkdir dist
	GOOS=linux GOARCH=amd64 $(RUNNER) -o dist/spa-runner-linux-amd64 ./cmd/spa-runner
	GOOS=linux GOARCH=arm64 $(RUNNER) -o dist/spa-runner-linux-arm64 ./cmd/spa-runner
	@mkdir -p bin
	@cd tools && $(GO) build -o $(TOOLS)/lambdazip ./lambdazip
	@set -e; for arch in amd64 arm64; do \
		GOOS=linux GOARCH=$$arch $(BUILD) $(TRIGGER) -o bin/bootstrap-$$arch ./cmd/spa-trigger; \
		$(TOOLS)/lambdazip bin/bootstrap-$$arch dist/spa-trigger-linux-$$arch.zip; \
		$(TOOLS)/sbom dist/spa-runner-linux-$$arch dist/spa-runner-$$arch.cdx.json; \
		$(TOOLS)/sbom bin/bootstrap-$$arch dist/spa-trigger-$$arch.cdx.json; \
	done
	@cd dist && sha256sum spa-runner-* spa-trigger-* > SHA256SUMS && cat SHA256SUMS

# What a release must pass, and the last line says what was proved. SKIP=vuln, or SKIP=check,vuln, leaves a part out, and
# then that is said there too. What passed is in dist/.
release-check: ## prove that this commit can be released, and leave it in dist/; see Releasing in the README
	@cd tools && $(GO) build -o $(TOOLS)/release ./release
	@$(TOOLS)/release -skip "$(SKIP)" check

pin: ## write version and digests of the last tag, built again, to where they are pinned
	@cd tools && $(GO) build -o $(TOOLS)/release ./release
	@$(TOOLS)/release pin

clean: ## remove what was built
	rm -rf bin dist
