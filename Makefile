# Every target needs only Go, except where its comment names other tools.
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS = -s -w -X relay/relay/internal/sidecar.version=$(VERSION)

.PHONY: build test race exam documents golden branches bench figures fuzz lint vulns fmt cross release release-check clean

build: ## bin/relay
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./relay

test: ## all tests, as in the README
	$(GO) test ./...

race:
	$(GO) test -race -shuffle=on ./...

exam: ## the long tests: kills, power cuts, full disks (Linux; root for the power cuts)
	RELAY_EXAM=1 $(GO) test -count=1 -timeout 60m ./queue/... ./relay/...

documents: ## rewrites the documents and schemas made from tables in the code
	$(GO) test ./internal/meta ./internal/logs ./relay/internal/metrics -count=1 -run '^(TestPage|TestMetricsAreDocumented)' -update
	$(GO) test ./config -count=1 -run '^(TestReferenceIsCommitted|TestSchema)$$' -update
	$(GO) test ./mapper -count=1 -run '^TestSchemaIsMade' -update
	$(GO) test ./mapper -count=1 -run '^TestReferenceIsCommitted$$' -update # of the schema, which is embedded

golden: ## rewrites relay/testdata/golden, the output of commands and APIs; check the diff
	$(GO) test ./relay -count=1 -run '^Test(Golden|Script)$$' -update

branches: ## the branches of the pure packages that their tests take
	$(GO) run ./.ci/branches ./queue/internal/chunk ./queue/local/internal/ids ./queue/local/internal/age ./queue/local/internal/capacity ./relay/internal/drain/batch ./relay/internal/drain/pace ./mapper/expr ./mapper/event ./mapper/money ./mapper/people ./mapper/outward ./mapper/rules ./relay/internal/advice
	$(GO) run ./.ci/branches -with ./mapper ./mapper/match

bench: ## the benchmarks; compare figures of one run only
	$(GO) test -run '^$$' -bench . -benchmem ./queue/local ./queue/local/internal/ids ./mapper ./relay/internal/ingest ./relay/internal/drain

figures: ## this commit compared with the first edition in one run of ten minutes (Linux; tools in ../shared/perf)
	.ci/figures $(BASE)

fuzz: ## 30 s a target
	@for p in $$(git grep -l '^func Fuzz' -- '*_test.go' | xargs -n 1 dirname | sort -u); do \
	  for f in $$($(GO) test ./$$p -list '^Fuzz' | grep '^Fuzz'); do \
	    echo "== $$p $$f"; $(GO) test ./$$p -run '^$$' -fuzz "^$$f$$" -fuzztime 30s || exit 1; \
	  done; done

GOLANGCI = $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

fmt: ## gofumpt, as the linter checks it
	$(GOLANGCI) fmt

lint: ## golangci-lint, built from source outside go.mod; and whether go.mod is tidy
	$(GO) mod tidy -diff
	$(GOLANGCI) run

vulns: ## known vulnerabilities in the linked code, by govulncheck; NOT CHECKED if its database does not answer
	.ci/vulns

cross: ## vets for all released platforms
	@for t in linux/amd64 linux/arm64 linux/arm windows/amd64 darwin/arm64; do \
	  echo "== $$t"; CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) vet ./... || exit 1; done

release: ## dist/: archives, SBOMs, deb and rpm, SHA256SUMS, provenance; the same commit gives the same bytes
	$(GO) run ./packaging/release -out dist

release-check: release ## builds it again in another directory and with an empty build cache, and checks the packages
	@tmp=$$(mktemp -d) && trap 'chmod -R u+w "$$tmp" && rm -rf "$$tmp"' EXIT && \
	git clone -q . "$$tmp/elsewhere" && cd "$$tmp/elsewhere" && \
	$(GO) run ./packaging/release -out "$$tmp/again" && diff -r "$(CURDIR)/dist" "$$tmp/again" && \
	GOCACHE="$$tmp/cache" $(GO) run ./packaging/release -out "$$tmp/fresh" -targets linux/amd64 -packages=false && \
	for f in "$$tmp"/fresh/relay_*; do cmp "$$f" "$(CURDIR)/dist/$${f##*/}" || exit 1; done && \
	echo "built three times, the same bytes"
	RELAY_DIST="$(CURDIR)/dist" $(GO) test -count=1 ./packaging/release

clean:
	rm -rf bin dist
