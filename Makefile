# Navarch. `make help` lists the targets.
#   SAN=1  with AddressSanitizer and UBSan      V=1  show commands      CC=clang  another compiler
#   B=DIR  another build folder

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

B       ?= build
V       ?= 0
SAN     ?= 0
ifneq ($(filter default undefined,$(origin CC)),)
CC      := gcc
endif
CXX     := g++
PREFIX  ?= /usr/local
DESTDIR ?=
PYTHON  := /usr/bin/python3
VERSION := $(shell git describe --tags --always 2>/dev/null || echo unknown)

O       := $(B)/$(if $(filter 1,$(SAN)),san,rel)
GEN     := $(B)/gen
Q       := $(if $(filter 1,$(V)),,@)
say      = @$(if $(filter 1,$(V)),:,printf '  %-6s %s\n' $(1) $(2))

cc-has   = $(shell $(CC) $(1) -Werror -x c -c /dev/null -o /dev/null 2>/dev/null && echo $(1))

PKGS    := libuv libnghttp2 libmicrohttpd jansson yaml-0.1 openssl libcurl libxxhash
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
LIBS    = $(shell pkg-config --libs $(PKGS)) -lre2 -lstdc++ -lm -lpthread

WARN    := -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2
HARDEN  := -fstack-protector-strong -fstack-clash-protection -fPIE -fno-common $(call cc-has,-ftrivial-auto-var-init=zero)
ifeq ($(SAN),1)
OPT     := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
LDOPT   := -fsanitize=address,undefined -pie
else
OPT     := -O2 -D_FORTIFY_SOURCE=2
LDOPT   := -pie -Wl,-z,relro,-z,now,-z,noexecstack
endif
CPPFLAGS = -D_GNU_SOURCE -Ilib -I$(GEN) $(PKG_CFLAGS)
CFLAGS  := -std=c11 -g $(OPT) $(WARN) -Wstrict-prototypes -Wmissing-prototypes $(HARDEN) $(CFLAGS_EXTRA)
CXXFLAGS := -std=c++17 -g $(OPT) -Wall -Wextra -Werror $(HARDEN) -fno-exceptions -fno-rtti

# lib folders, lowest first: a unit test links its own folder and those before it
LAYERS  := base ev node net ca model store mesh plan analyze xds report agent server
objects  = $(patsubst %,$(O)/%.o,$(basename $(wildcard lib/$(1)/*.c lib/$(1)/*.cc)))
upto     = $(if $(1),$(call objects,$(firstword $(1)))$(if $(filter $(2),$(firstword $(1))),, $(call upto,$(wordlist 2,99,$(1)),$(2))))

GEN_READY :=# headers that must exist before anything compiles (api/build.mk)
GEN_OBJ   :=# objects of generated sources
-include api/build.mk

LIB_OBJ := $(foreach l,$(LAYERS),$(call objects,$(l))) $(GEN_OBJ)

.PHONY: all
all: $(B)/navarchd $(B)/navctl $(B)/navagent ## build navarchd, navctl and navagent

$(B)/navarchd $(B)/navctl $(B)/navagent: $(B)/%: $(O)/%
	$(Q)cp $< $@

# a program gets what it uses of it, and of the libraries
$(O)/lib.a: $(LIB_OBJ)
	$(Q)rm -f $@ && ar qcs $@ $^

define program
$(O)/$(1): $(patsubst %.c,$(O)/%.o,$(wildcard cmd/$(1)/*.c)) $(O)/lib.a
	$$(call say,LD,$$@)
	$(Q)$(CC) $(LDOPT) -Wl,--as-needed -o $$@ $$^ $$(LIBS)
endef
$(foreach p,navarchd navctl navagent,$(eval $(call program,$(p))))

$(O)/%.o: %.c | $(GEN_READY)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(O)/%.o: %.cc
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c $< -o $@

# the version is compiled into one file, again when it changes
$(O)/.version: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
.PHONY: FORCE
FORCE:
$(O)/lib/server/version.o: $(O)/.version
$(O)/lib/server/version.o: CPPFLAGS += -DNAVARCH_VERSION='"$(VERSION)"'

.PHONY: deps
deps: ## install what is missing: Debian packages, and a Python environment with Envoy under build/
	$(Q)test/tool/deps.sh all

-include test/build.mk
-include deploy/*/build.mk

.PHONY: clean
clean: ## remove the build folder
	$(Q)rm -rf $(B) compile_commands.json

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  \1\t\2/' | sort | expand -t 18

-include $(shell find $(O) -type f -name '*.d' 2>/dev/null)
