# What people do here. Nothing but Go and make is needed: whatever else it takes
# is brought, PostgreSQL for the tests included.

GO       ?= go
LINT     := $(GO) tool -modfile=tools/go.mod golangci-lint
PACKAGES ?= ./...

# The program needs no C library, and so runs on any machine of its kind.
export CGO_ENABLED := 0

# What "semantik version" says. The Go command would find it out by itself, and
# fail where git refuses to look at another user's files.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)

# RACE=1, and CI=true as every build server sets it, look for data races, which
# takes a C compiler.
# Whoever looks for races has vetted before, as .ci/run does.
# A fifth of their own time went into collecting garbage, of which they make little.
ifneq ($(RACE)$(filter true 1,$(CI)),)
GOTEST := GOGC=400 CGO_ENABLED=1 $(GO) test -race -vet=off
else
GOTEST := GOGC=400 $(GO) test
endif

.DEFAULT_GOAL := help
.PHONY: help build run test vet lint fmt docs bench

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

build: ## compile the program into bin/semantik
	$(GO) build -buildvcs=false -ldflags "-X semantik/app.stamp=$(VERSION)" -o bin/semantik .

run: build ## start everything and load a folder (DIR=some/folder; docs/ if there is one)
	@bin/semantik up $(if $(DIR),"$(DIR)") || test $$? -eq 130

test: ## run the tests (RACE=1: with the race detector, PACKAGES=./schema: those alone, EXCEPT='^TestKill': but for these, POSTGRES=15: on it)
	$(GO) run ./platform/pgtest/run $(if $(POSTGRES),-postgres $(POSTGRES)) -- env $(GOTEST) -timeout 20m $(if $(EXCEPT),-skip '$(EXCEPT)') $(PACKAGES)

vet: ## look for mistakes that the compiler lets pass
	$(GO) vet $(PACKAGES)

bench: build ## measure, as ratios to a baseline of the same run (ARGS="-runs 9 start")
	$(GO) run ./bench $(ARGS)

faults: ## kill the server a hundred times in the middle of loads, PostgreSQL too, fill its disk (KILLS=1000)
	SEMANTIK_TEST_KILLS=$(or $(KILLS),100) $(GO) run ./platform/pgtest/run -- $(GO) test -count=1 -v -timeout 60m -run 'TestKill_|TestOutage_' ./app

chaos: ## kill servers, workers and PostgreSQL under several clients, and look whether all was kept (KILLS=100 SEED=1)
	SEMANTIK_TEST_KILLS=$(KILLS) SEMANTIK_TEST_SEED=$(SEED) $(GOTEST) -count=1 -v -timeout 60m ./test/chaos

docs: ## write the generated parts of docs/
	$(GO) test . -run TestDocs -update -count=1

lint: ## run every linter (the first time builds them, a minute or two)
	$(LINT) run $(PACKAGES)

fmt: ## format the code, imports included
	$(LINT) fmt
