# The embedded default: deploys to this machine and keeps all state in .state/.
# Works with GNU make 3.81, which macOS has, and newer.
SHELL := /bin/sh
PYTHON ?= python3
STACK ?= dev
MODEL ?= models/iris/model.onnx
# More arguments: make test ARGS="-k spec -x", make lock ARGS=--upgrade
ARGS ?=

# The shell, not make, expands it: a name with a quote or a space in it stays one word.
export STACK

bin := .venv/bin
in_environment := $(bin)/python tools/environment.py --
compile := $(PYTHON) tools/uv_cli.py pip compile --quiet --generate-hashes \
	--custom-compile-command "make lock" $(ARGS)

# Servers that `make bench-serving` compares with, each in an environment of its own.
rivals := $(wildcard benchmarks/serving/rivals/*.in)

.DEFAULT_GOAL := help
.PHONY: help setup up preview down recover test test-cluster cluster-tools onprem onprem-down lint bench bench-serving fuzz image env lock proto clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s  %s\n", $$1, $$2 }' Makefile

setup: ## Make this checkout ready: uv, the locked packages in .venv, the Pulumi CLI
	@$(PYTHON) tools/bootstrap.py

up: setup ## Deploy the stack (STACK=dev) and print its endpoint's URL
	@$(in_environment) modelberth up --stack "$$STACK"

preview: setup ## Show what `make up` would do to callers and to the bill (ARGS=--offline: on stand-ins)
	@$(in_environment) modelberth preview --stack "$$STACK" $(ARGS) || { status=$$?; \
		[ $$status -eq 10 ] || [ $$status -eq 11 ] || exit $$status; }

down: setup ## Destroy what `make up` deployed
	@$(in_environment) modelberth down --stack "$$STACK"

recover: setup ## Repair the stack after an update that was cut off
	@$(in_environment) modelberth recover --stack "$$STACK"

test: lint ## Run the whole test suite (ARGS="-k spec" goes to pytest)
	@$(in_environment) pytest --numprocesses auto $(ARGS)

test-cluster: setup ## Run the tests on a real Kubernetes: docs/cluster.md (root; ARGS="-k image -x")
	@$(in_environment) pytest tests/cluster $(ARGS)

cluster-tools: ## Install what a real Kubernetes needs here (root), and build Kubernetes
	@$(PYTHON) tools/cluster tools

onprem: ## From nothing to a prediction from a pod: image, cluster, the stack `onprem` (root): docs/cluster.md
	@$(PYTHON) tools/onprem up

onprem-down: ## End the cluster that `make onprem` started, with everything in it (root)
	@$(PYTHON) tools/onprem down

lint: setup ## Check style, format and types
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .
	@$(bin)/mypy components stacks serving_image tools benchmarks

bench: setup ## Measure the speed (ARGS="--only imports --rounds 9")
	@$(in_environment) python benchmarks/run.py $(ARGS)

bench-serving: setup ## Measure the model server against others (ARGS="--only trees-1 --rounds 1")
	@$(in_environment) python benchmarks/serving/measure.py $(ARGS)

fuzz: setup ## Attack the model server: requests, gRPC calls, TLS handshakes (ARGS="--seed 7 --cases 10000")
	@PYTHONPATH=tests $(in_environment) python -m serving.fuzz $(ARGS)

image: setup ## Build the serving image (MODEL=…, ARGS="--base debian --check")
	@$(bin)/python serving_image/image/build.py --model "$(MODEL)" $(ARGS)

env: ## Print the environment for a shell: eval "$(make env)"
	@$(PYTHON) tools/bootstrap.py >&2
	@$(bin)/python tools/environment.py

lock: ## Lock the newest allowed versions of what is not locked yet (ARGS=--upgrade: of everything)
	@$(compile) --universal --python-version 3.11 --all-extras --output-file requirements/all.lock pyproject.toml
	@$(PYTHON) serving_image/image/lock.py $(ARGS)
	@$(compile) --no-annotate --output-file tools/uv.txt tools/uv.in
	@$(compile) --no-annotate --python-version 3.11 --output-file tests/support/clouds/checkov.txt \
		tests/support/clouds/checkov.in
	@for rival in $(rivals); do $(PYTHON) tools/uv_cli.py pip compile --quiet --no-header --no-annotate \
		--python-version 3.11 $(ARGS) --output-file $${rival%.in}.txt $$rival || exit; done

proto: setup ## Generate the code of the gRPC protocol
	@$(bin)/python -m grpc_tools.protoc -I serving_image --python_out=serving_image --pyi_out=serving_image \
		serving_image/modelberth_server/grpc_v2/inference.proto

clean: ## Remove the virtual environment and caches; .state/ stays, stacks may be deployed from it
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
