# The verbs people type. Each installs the Debian packages it needs (see
# tools/packages.txt), builds, and does its job; meson and ninja do the work.

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_TIME ?= 60
FUZZ_TARGET ?=
PYTHON ?= /usr/bin/python3
RUN_SECONDS ?=

.DEFAULT_GOAL := build
.PHONY: help build run check bench fuzz install deps format clean

help:
	@echo 'make            build everything into $(BUILD)/'
	@echo 'make run        build, start the daemon and two simulated boards, until Ctrl-C'
	@echo 'make check      every test and lint; ends with "N passed, N failed"'
	@echo 'make bench      measure against the peers'
	@echo 'make fuzz       FUZZ_TIME=seconds FUZZ_TARGET=name (default: all, 60 s together)'
	@echo 'make install    PREFIX=/usr/local DESTDIR='
	@echo 'make deps       install the Debian packages of all verbs'
	@echo 'make format     clang-format the C sources'
	@echo 'make clean      remove what was built'

build:
	@tools/deps.sh build
	@tools/build.sh $(BUILD) $(if $(wildcard $(BUILD)/build.ninja),,-Dtests=false)

run:
	@tools/deps.sh build
	@tools/build.sh $(BUILD) $(if $(wildcard $(BUILD)/build.ninja),,-Dtests=false)
	@RUN_SECONDS='$(RUN_SECONDS)' tools/run.sh $(BUILD)

check:
	@tools/deps.sh build check
	@$(PYTHON) tests/run.py

bench:
	@tools/deps.sh build bench
	@$(PYTHON) tests/bench/run.py

fuzz:
	@tools/deps.sh build check
	@FUZZ_TIME='$(FUZZ_TIME)' FUZZ_TARGET='$(FUZZ_TARGET)' tests/fuzz/run.sh

# A directory of its own, so that the prefix never disturbs the build people run.
install:
	@tools/deps.sh build
	@tools/build.sh build-install -Dprefix='$(abspath $(PREFIX))' -Dtests=false
	@DESTDIR='$(DESTDIR)' meson install -C build-install --no-rebuild

deps:
	@tools/deps.sh build check bench

format:
	@tools/deps.sh check
	git ls-files '*.c' '*.h' | xargs clang-format-14 -i

clean:
	rm -rf build build-asan build-install build-fuzz build-bench
