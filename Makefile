# SPDX-License-Identifier: GPL-3.0-or-later
#
# make            builds build/postern
# make run        installs what is missing, builds, serves on 127.0.0.1@5300
# make test       installs what is missing, builds, runs every test
# V=1 shows the commands; WERROR=1 makes warnings errors
# SANITIZE=address,undefined or SANITIZE=thread: a build of its own in build-LIST

CC       ?= cc
PREFIX   ?= /usr/local
DESTDIR  ?=
SANITIZE ?=
PYTHON   ?= /usr/bin/python3

comma := ,
Q := $(if $(V),,@)
B := build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1)
LIBS    := ldns libuv inih libpsl libcap jansson
LAYERS  := base dns conf policy state io export obs core cmd

CPPFLAGS += -Isrc -D_GNU_SOURCE -DPOSTERN_VERSION='"$(VERSION)"' $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
CFLAGS   ?= -O2 -g
CFLAGS   += -std=gnu11 -pthread -fPIE -fstack-protector-strong -fstack-clash-protection -fno-strict-aliasing \
            -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wno-unused-parameter \
            $(if $(WERROR),-Werror) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer)
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

# tests/unit/LAYER_MODULE.c links its own layer's objects and those below, never those above.
upto = $(if $(filter $1,$(firstword $2)),$1,$(firstword $2) $(call upto,$1,$(wordlist 2,99,$2)))
objs = $(foreach l,$(call upto,$1,$(LAYERS)),$(patsubst %.c,$B/%.o,$(wildcard src/$l/*.c)))

UNIT := $(patsubst tests/unit/%.c,$B/unit/%,$(wildcard tests/unit/*_*.c))

.SECONDEXPANSION:
$B/unit/%: $B/tests/unit/%.o $$(call objs,$$(firstword $$(subst _, ,$$*)))
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

unit: $(UNIT)
	@set -e; for t in $^; do $$t; done

BENCH := $(patsubst tests/bench/%.c,$B/bench/%,$(wildcard tests/bench/*.c))
$B/bench/%: $B/tests/bench/%.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

clean:
	rm -rf build

.PHONY: all unit clean
-include $(shell find $B -name '*.d' 2>/dev/null)
