# SPDX-License-Identifier: GPL-3.0-or-later
#
# make            builds build/postern
# make run        installs what is missing, builds, serves on 127.0.0.1@5300
# make demo       shows it at work: a laboratory of network namespaces; needs root
# make test       installs what is missing, builds, runs every test
# make lint, fuzz, bench, install, uninstall, deps, clean
# V=1 shows the commands; WERROR=1 makes warnings errors
# SANITIZE=address,undefined or SANITIZE=thread: a build of its own in build/LIST

CC       ?= cc
PREFIX   ?= /usr
DESTDIR  ?=
SANITIZE ?=
PYTHON   ?= /usr/bin/python3

comma := ,
Q := $(if $(V),,@)
B := build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))

VERSION := 0.1$(addprefix -,$(shell git describe --always --dirty 2>/dev/null))
LIBS    := ldns libuv inih libpsl libcap jansson libmnl libnftnl libnetfilter_conntrack libseccomp
LAYERS  := base dns conf policy state io export obs core cmd

# without HAVE_STDBOOL_H ldns 1.8 makes bool a char where stdbool.h was not read before it
CPPFLAGS += -Isrc -D_GNU_SOURCE -DHAVE_STDBOOL_H -DPOSTERN_VERSION='"$(VERSION)"' $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
CFLAGS   ?= -O2 -g
CFLAGS   += -std=gnu11 -pthread -fPIE -fstack-protector-strong -fstack-clash-protection -fno-strict-aliasing \
            -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wno-unused-parameter \
            $(if $(WERROR),-Werror) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
LDFLAGS  += -pie -Wl,-z,relro,-z,now -pthread $(if $(SANITIZE),-fsanitize=$(SANITIZE))
CPPFLAGS += $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
LDLIBS   += $(shell pkg-config --libs $(LIBS) 2>/dev/null)

SRC  := $(wildcard $(LAYERS:%=src/%/*.c))
OBJ  := $(SRC:%.c=$B/%.o)

all: $B/postern

$B/postern: $(OBJ)
	@echo '  link $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$B/%.o: %.c
	@mkdir -p $(@D)
	@echo '  cc   $<'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# tests/unit/LAYER_MODULE.c links its own layer's objects and those below, never those above. Of cmd, where main is,
# only what stands without it.
upto = $(if $(filter $1,$(firstword $2)),$1,$(firstword $2) $(call upto,$1,$(wordlist 2,99,$2)))
part = $(wildcard src/$1/$(if $(filter cmd,$1),import)*.c)
objs = $(foreach l,$(call upto,$1,$(LAYERS)),$(patsubst %.c,$B/%.o,$(call part,$l)))

UNIT := $(patsubst tests/unit/%.c,$B/unit/%,$(wildcard tests/unit/*_*.c))

# objects of tests are kept like the others
.SECONDARY:
.SECONDEXPANSION:
$B/unit/%: $B/tests/unit/%.o $$(call objs,$$(firstword $$(subst _, ,$$*)))
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

unit: $(UNIT)
	@set -e; for t in $^; do timeout 300 $$t; done

# tests/replay: the core over a fake loop, clock, network; its scripts are *.rpl
REPLAY := $(patsubst %.c,$B/%.o,$(wildcard tests/replay/*.c)) \
          $(filter-out $B/src/io/% $B/src/export/% $B/src/cmd/% $B/src/core/%,$(OBJ)) \
          $(patsubst %,$B/src/core/%.o,worker serve view reply waiter upstream resolv link query query_try query_record \
            query_hold query_end) $(patsubst src/%.c,$B/src/%.o,$(wildcard src/export/proto*.c))
$B/replay/replay: $(REPLAY)
	@mkdir -p $(@D)
	@echo '  link $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

replay: $B/replay/replay
	$B/replay/replay tests/replay/*.rpl

BENCH := $(patsubst tests/bench/%.c,$B/bench/%,$(wildcard tests/bench/*.c))
$B/bench/%: $B/tests/bench/%.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

# tests/fuzz: libFuzzer targets over policy and below, what server and agent say to each other, and the importer;
# without clang each one replays its corpus
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 20
IMPORT := $(patsubst %.c,$B/%.o,$(call part,cmd))
PROTO  := $(patsubst %.c,$B/%.o,$(wildcard src/export/proto*.c) $(addprefix src/export/,nft_elem.c nft_link.c nft_set.c shape.c))
$B/fuzz/%: $B/tests/fuzz/fuzz_%.o $B/tests/fuzz/corpus.o $$(call objs,policy) $$(PROTO) $$(IMPORT)
	@mkdir -p $(@D)
	@echo '  link $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

corpus: $(FUZZ:%=$B/fuzz/%)
	@set -e; for t in $(FUZZ); do $B/fuzz/$$t tests/fuzz/corpus/$$t/*; done

build/libfuzzer/%: tests/fuzz/fuzz_%.c tests/fuzz/fuzz.h $(wildcard src/*/*.[ch])
	@mkdir -p $(@D)
	@echo '  clang $@'
	$(Q)clang $(CPPFLAGS) -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -o $@ $< \
	  $(foreach l,$(call upto,policy,$(LAYERS)) cmd,$(call part,$l)) $(PROTO:$B/%.o=%.c) $(LDLIBS)

fuzz: deps-fuzz
	@set -e; $(MAKE) $(FUZZ:%=build/libfuzzer/%); for t in $(FUZZ); do \
	  mkdir -p build/corpus/$$t; \
	  build/libfuzzer/$$t -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=1 \
	    build/corpus/$$t tests/fuzz/corpus/$$t; done

system: $B/postern
	POSTERN=$(abspath $B/postern) $(PYTHON) -m pytest -q -p no:cacheprovider tests/system

lint-includes:
	$(PYTHON) tests/lint/lint.py

deps:
	@contrib/deps build

deps-%:
	@contrib/deps $*

# What is installed in the first step changes what pkg-config says: the rest is a new make.
run: deps
	@$(MAKE) all
	build/postern -c conf/run.conf run

# Namespaces need root.
demo: deps-demo
	@$(MAKE) all
	@POSTERN=$(abspath $B/postern) $(if $(filter 0,$(shell id -u)),,sudo --preserve-env=POSTERN) $(PYTHON) tests/system/demo.py

test: deps-test
	@$(MAKE) all check

check: unit replay corpus system

lint: deps-lint
	@$(MAKE) WERROR=1 all lint-includes
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=warning,performance,portability \
	  --suppress=missingIncludeSystem -Isrc src
	mandoc -Tlint -Wwarning contrib/man/*.[58]
	shellcheck contrib/deps contrib/openwrt/postern.init .ci/run

bench: deps-bench
	@$(MAKE) all $(BENCH)
	$(PYTHON) tests/bench/run.py --postern build/postern --tools build/bench

install: all
	install -D -m 755 build/postern $(DESTDIR)$(PREFIX)/sbin/postern
	install -d $(DESTDIR)$(PREFIX)/share/postern/zones $(DESTDIR)$(PREFIX)/share/man/man5 \
	  $(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)/etc/postern
	install -m 644 zones/*.ini $(DESTDIR)$(PREFIX)/share/postern/zones
	install -m 644 contrib/man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 contrib/man/*.8 $(DESTDIR)$(PREFIX)/share/man/man8
	install -D -m 644 contrib/completion/postern $(DESTDIR)$(PREFIX)/share/bash-completion/completions/postern
	install -D -m 644 contrib/systemd/postern.service $(DESTDIR)$(PREFIX)/lib/systemd/system/postern.service
	[ -e $(DESTDIR)/etc/postern/postern.conf ] || install -m 644 conf/postern.conf $(DESTDIR)/etc/postern/postern.conf

# The configuration in /etc/postern stays.
uninstall:
	rm -rf $(DESTDIR)$(PREFIX)/share/postern
	rm -f $(DESTDIR)$(PREFIX)/sbin/postern $(DESTDIR)$(PREFIX)/share/bash-completion/completions/postern \
	  $(DESTDIR)$(PREFIX)/lib/systemd/system/postern.service \
	  $(foreach m,$(notdir $(wildcard contrib/man/*)),$(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $m))/$m)

clean:
	rm -rf build

.PHONY: all run demo test check lint lint-includes fuzz bench install uninstall deps clean unit replay corpus system
-include $(shell find $B -name '*.d' 2>/dev/null)
