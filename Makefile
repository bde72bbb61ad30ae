# Two commands are enough: `make run` and `make test`. Every target sets up what it needs, and can be run again at any time.
ENTER := infra/userland/enter
UV := .cache/uv/bin/uv
READY := .cache/ready
# Of the tests, which wait for services half of the time; each takes 2 GB with its services.
WORKERS ?= 4

.DEFAULT_GOAL := help
.PHONY: help setup install run demo-churn demo-loyalty demo-delays demo-continuous up down status test test-stories test-export test-faults audit image test-image kind-up kind-test kind-down compile train-changed release backfill check check-files quick-tests lint bench bench-gate bench-alarms bench-policy bench-watch bench-service bench-curve goldens docs clean

help: ## Print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Install the locked environments (3 GB), once

$(UV): infra/userland/uv.txt
	@$(ENTER) sh infra/userland/install-uv

$(READY): $(UV) pyproject.toml uv.lock infra/emulators/pyproject.toml infra/emulators/uv.lock
	@echo "perennial: installing the locked environments, half a minute and 3 GB" >&2
	@$(ENTER) $(UV) sync --locked --quiet --project infra/emulators
	@$(ENTER) infra/emulators/.venv/bin/python -m bigquery.sql.webassembly & $(ENTER) $(UV) sync --locked --quiet && wait $$! # side by side
	@touch $@

run: setup ## Start the emulators, load the data, train, judge, push, record, report
	@$(ENTER) perennial up
	@$(ENTER) perennial seed churn
	@$(ENTER) perennial train churn

demo-churn: setup ## Tell with real runs how text in a number is found, explained and undone
demo-loyalty: setup ## Tell with real runs why everybody is called a newcomer, and why rolling back does not help
demo-delays: setup ## Tell with real runs why a model is accurate only in the morning, and how the afternoon recovers
demo-continuous: setup ## Tell with real runs how a model is trained for a reason, and only when training helps
demo-churn demo-loyalty demo-delays demo-continuous:
	@$(ENTER) env PERENNIAL_STATE_FOLDER="$(CURDIR)/.perennial/$@" PERENNIAL_MODELS_FOLDER="$(CURDIR)/.perennial/$@/models" python -m pipelines.demos.$(@:demo-%=%)

install: ## Put the command `perennial` on the PATH, for this checkout
	@infra/userland/install-command "$(CURDIR)"

up down status: setup ## Start, stop or show the emulators
	@$(ENTER) perennial $@

kind-up: setup ## Make a cluster on this machine with Kubeflow Pipelines and the emulators; needs docker, kind and kubectl
kind-test: setup ## Train churn on that cluster, a pod of it killed
kind-down: ## Delete that cluster
kind-up kind-test kind-down:
	@infra/kind/$(@:kind-%=%)

compile: setup ## Write the pipeline of every model as YAML into .cache/pipelines, for the image that was pushed last
train-changed: setup ## Submit a training of every model that changed since the commit SINCE
release: ## Make the release of TAG on GitHub
backfill: setup ## Train what the schedules are to have trained by now and nobody did
compile train-changed release backfill:
	@infra/cloudbuild/$@

SCRIPTS := .ci/run $(addprefix infra/,$(addprefix userland/,enter host.sh install install-command install-uv make-tree) $(addprefix image/,build engine make-base test) \
	$(addprefix kind/,cluster.sh down test up) $(addprefix cloudbuild/,backfill changed-models cluster compile release train-changed))

check-files: setup ## Hold workflows, builds, the Dockerfile and the shell scripts against their schemas and rules
	@$(ENTER) check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(ENTER) check-jsonschema --quiet --builtin-schema vendor.cloudbuild infra/cloudbuild/*.yaml
	@$(ENTER) check-jsonschema --quiet --schemafile infra/cloudrun/job.schema.json infra/cloudrun/*.yaml
	@$(ENTER) actionlint
	@$(ENTER) zizmor --offline --quiet --persona pedantic .github
	@$(ENTER) hadolint infra/image/Dockerfile
	@$(ENTER) shellcheck --severity warning $(SCRIPTS)

lint: setup check-files ## Lint, types and imports
	@$(ENTER) ruff format --check .
	@$(ENTER) ruff check .
	@$(ENTER) mypy components perennial pipelines tests benchmarks
	@$(ENTER) infra/emulators/.venv/bin/mypy --config-file infra/emulators/pyproject.toml infra/emulators/bigquery infra/emulators/cloud_sql infra/emulators/cloud_storage infra/emulators/identity
	@$(ENTER) lint-imports

check: setup ## Lint, types, imports, and every test that trains nothing and needs no service
	@infra/userland/install kustomize kustomize
	@$(MAKE) --no-print-directory --jobs 2 quick-tests lint # side by side

quick-tests:
	@$(ENTER) pytest -q -n 2 --dist loadfile -m "not slow and not services"

test: setup ## Run all tests but the long stories and those of the export to MLflow
	@infra/userland/install chromium chromium
	@infra/userland/install kustomize kustomize
	@$(ENTER) pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not story and not mlflow and not containers" tests/pipelines tests/components tests/infra tests/perennial tests/test_house.py # the longest first

test-stories: setup ## Run the tests that tell a long story: kills at every moment, faults at random, a month of firings, Kubeflow beside this machine
	@$(ENTER) pytest -n $(WORKERS) -m story

test-export: setup ## Test the export against a real MLflow server, which is downloaded once (200 MB)
	@$(ENTER) pytest -q -m mlflow tests/components/export

image: ## Build the images of the steps and of the prediction service (REGISTRY=… pushes them, BASE=… names their base)
	@infra/image/engine infra/image/build serving training

test-image: setup ## Run the small churn pipeline in containers, on a Docker engine of its own if none answers
	@infra/image/engine infra/image/test

test-faults: setup ## Kill, hang, fill disks and change bytes at random for SECONDS=600, by SEED=n
	@$(ENTER) python -m tests.pipelines.faults --seconds $(or $(SECONDS),600) $(if $(SEED),--seed $(SEED)) $(if $(ROUND),--round $(ROUND))

audit: setup ## Look up the locked packages in the database of known vulnerabilities
	@$(ENTER) infra/userland/audit

bench: setup ## Time our pipeline and the stock TFX one on the same rows
	@$(ENTER) python -m benchmarks

bench-gate: setup ## Print what the gate finds in clean and in spoilt days, beside the defaults of TFDV and Evidently
	@$(ENTER) python -m benchmarks.gate.measure

bench-watch: setup ## Time a look of the watcher at MODELS=1000 models, on emulators that are up
	@$(ENTER) python -m benchmarks.watch.measure --models $(or $(MODELS),1000)

bench-policy: setup ## Print on what policies train, of forty incidents, and what they cost on past streams
	@$(ENTER) python -m benchmarks.policy.measure
	@$(ENTER) python -m benchmarks.policy.replayed

bench-service: setup ## Print what the service adds to a call, how it does beside MLflow's and during swaps, and what of PREDICTIONS=1000000 is lost
	@$(ENTER) python -m benchmarks.service.calls
	@$(ENTER) python -m benchmarks.service.crowd
	@$(ENTER) python -m benchmarks.service.tail
	@$(ENTER) python -m benchmarks.service.swaps
	@$(ENTER) python -m benchmarks.service.million $(or $(PREDICTIONS),1000000)

bench-alarms: setup ## Print what monitoring's alarms find in a year of flights and in 61 weeks of CDNOW, clean and spoilt
	@$(ENTER) python -m benchmarks.alarms.measure

bench-curve: setup ## Draw time and memory against rows, from 1,000 to 1,000,000; LARGEST=20000000 goes to ten million
	@$(ENTER) python -m benchmarks.training.curve $(if $(LARGEST),--largest $(LARGEST))

goldens: setup ## Renew the expected outputs under tests/goldens
	@$(ENTER) pytest tests/pipelines/kubeflow/test_compiled.py tests/components/checks/test_page.py tests/components/registry/test_page.py tests/components/diagnosis/test_page.py tests/components/model/test_reference.py --renew-goldens

docs: $(UV) ## Build the documentation as a site, .cache/site/index.html, with every link checked
	@$(ENTER) env UV_PROJECT_ENVIRONMENT=.cache/docs $(UV) run --locked --quiet --only-group docs mkdocs build --clean

clean: ## Stop the emulators and delete everything that is not in git, but for the environments
	@[ ! -d .perennial ] || $(ENTER) perennial down
	rm -rf .perennial .mypy_cache .ruff_cache .pytest_cache
