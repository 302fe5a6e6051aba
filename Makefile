# A thin front. What happens is in tools/, CMakePresets.json and the CMake files.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PRESET ?= release
FUZZ_SECONDS ?= 20
VENV := $(CURDIR)/.venv
PYTHON := $(VENV)/bin/python
# .venv/bin also has Node.js where the system's is too old.
export PATH := $(VENV)/bin:$(PATH)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## install what is missing (apt, pip, npm); idempotent
	@tools/setup.sh

.PHONY: build
build: setup ## release build of the product into build/release (PRESET=dev for another)
	@tools/build.sh $(PRESET) product

.PHONY: everything
everything: setup ## the product, its tests and its benchmarks
	@tools/build.sh $(PRESET)

.PHONY: run
run: build ## build, then start the development server
	@exec build/$(PRESET)/bin/trunkline dev $(ARGS)

.PHONY: test
test: everything ## build, then every suite; SUITES="unit python" for some
	@$(PYTHON) tools/run_tests.py --build build/$(PRESET) $(SUITES)

.PHONY: packages
packages: build ## wheel, sdist and npm tarballs of the build into dist/
	@$(PYTHON) tools/packages --build build/$(PRESET)

.PHONY: bench
bench: everything ## benchmarks, as ratios to a floor measured in the same run
	@tools/bench.sh build/$(PRESET)

.PHONY: lint
lint: setup ## format, layers, generated files, Python; lint-tidy for clang-tidy
	@tools/lint.sh

.PHONY: lint-tidy
lint-tidy: setup ## clang-tidy on the files that differ from origin/main (FILES=... for others)
	@tools/tidy.sh $(FILES)

.PHONY: format
format: setup ## rewrite C++ and Python files in the project's style
	@tools/lint.sh --fix

.PHONY: gen
gen: setup ## regenerate everything that comes from bindings/idl
	@npm --prefix bindings/generator run --silent gen

.PHONY: asan
asan: setup ## unit suites under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/build.sh asan
	@ctest --preset asan -j $$(nproc)

.PHONY: tsan
tsan: setup ## unit suites under ThreadSanitizer
	@tools/build.sh tsan
	@ctest --preset tsan -j $$(nproc)

.PHONY: fuzz
fuzz: setup ## every fuzz target for FUZZ_SECONDS each
	@tools/build.sh fuzz
	@tools/fuzz.sh build/fuzz $(FUZZ_SECONDS)

.PHONY: coverage
coverage: setup ## line coverage of the C++ suites
	@tools/build.sh coverage
	@tools/coverage.sh build/coverage

.PHONY: clean
clean: ## remove build/ (keeps .venv and node_modules)
	@rm -rf build
