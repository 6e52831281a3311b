.PHONY: help build vet test

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

build: ## compile everything
	go build ./...

vet: ## look for mistakes
	go vet ./...

test: ## run the tests against a throw-away PostgreSQL
	go run ./platform/pgtest/run -- go test -timeout 10m ./...
