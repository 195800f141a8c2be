# Tests: unit programs, one a folder of lib; the other suites are scripts that are called from here.

UNIT_FOLDERS := $(filter $(LAYERS),$(notdir $(patsubst %/,%,$(wildcard test/unit/*/))))

# lib/X and the layers below it, as an archive: a test pulls only what it uses, and may define the rest itself
archive  = $(O)/test/upto-$(1).a
define unit_archive
$(call archive,$(1)): $(call upto,$(LAYERS),$(1)) $(if $(filter xds report agent server,$(1)),$(GEN_OBJ))
	$(Q)mkdir -p $$(@D) && rm -f $$@ && ar qcs $$@ $$^
endef
$(foreach f,$(LAYERS),$(eval $(call unit_archive,$(f))))

# test/unit/X/*_test.c, each with its own main (cmocka)
define unit_folder
UNIT_BIN_$(1) := $(patsubst test/unit/%.c,$(O)/test/unit/%,$(wildcard test/unit/$(1)/*_test.c))
UNIT_BIN += $$(UNIT_BIN_$(1))
$$(UNIT_BIN_$(1)): $(O)/test/unit/%: $(O)/test/unit/%.o $(call archive,$(1))
	$$(call say,LD,$$@)
	$(Q)$(CC) $(LDOPT) -o $$@ $$^ -lcmocka $$(LIBS)
.PHONY: unit-$(1)
unit-$(1): $$(UNIT_BIN_$(1))
	@set -e; for t in $$^; do $$$$t; done
endef
$(foreach f,$(UNIT_FOLDERS),$(eval $(call unit_folder,$(f))))

.PHONY: unit
unit: $(UNIT_BIN) ## unit tests only (unit-FOLDER for one folder)
	@set -e; for t in $^; do $$t; done

.PHONY: kills
kills: $(O)/test/unit/store/disk_test ## the generation on disk under 2,000 kills (200 in make check)
	$(Q)NAVARCH_KILLS=2000 $<

# test/fuzz/X_fuzz.c: libFuzzer targets; `make check` replays their corpora with the ordinary objects
FUZZ_NAMES := $(patsubst test/fuzz/%_fuzz.c,%,$(wildcard test/fuzz/*_fuzz.c))
REPLAY_BIN := $(patsubst %,$(O)/test/replay/%,$(FUZZ_NAMES))
FUZZ_TIME  ?= 20
FUZZ_RUNS  ?= -1
FUZZ_SAN   ?= address,undefined
FUZZ_DIR   := $(B)/fuzz$(if $(FUZZ_SAN),,-fast)
FUZZ_BIN   := $(patsubst %,$(FUZZ_DIR)/bin/%,$(FUZZ_NAMES))
FUZZ_SANS  := $(if $(FUZZ_SAN),-fsanitize=$(FUZZ_SAN) -fno-sanitize-recover=undefined)
FUZZ_CFLAGS := -g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link $(FUZZ_SANS)
FUZZ_OBJ   := $(patsubst $(O)/%,$(FUZZ_DIR)/%,$(LIB_OBJ))

$(REPLAY_BIN): $(O)/test/replay/%: $(O)/test/fuzz/%_fuzz.o $(O)/test/fuzz/replay_main.o $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDOPT) -o $@ $^ $(LIBS)

$(FUZZ_DIR)/gen/pb/%.o: $(GEN)/pb/%.c | $(GEN_READY)
	$(Q)mkdir -p $(@D)
	$(Q)clang $(CPPFLAGS) -std=c11 $(FUZZ_CFLAGS) -c $< -o $@

$(FUZZ_DIR)/%.o: %.c | $(GEN_READY)
	$(call say,FUZZ,$<)
	$(Q)mkdir -p $(@D)
	$(Q)clang $(CPPFLAGS) -DNAVARCH_VERSION='"fuzz"' -std=c11 $(FUZZ_CFLAGS) -MMD -MP -c $< -o $@

$(FUZZ_DIR)/%.o: %.cc
	$(Q)mkdir -p $(@D)
	$(Q)clang++ $(CPPFLAGS) -std=c++17 $(FUZZ_CFLAGS) -c $< -o $@

$(FUZZ_BIN): $(FUZZ_DIR)/bin/%: $(FUZZ_DIR)/test/fuzz/%_fuzz.o $(FUZZ_OBJ)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)clang++ -fsanitize=fuzzer $(FUZZ_SANS) -o $@ $^ $(LIBS)

-include $(shell find $(FUZZ_DIR) -name '*.d' 2>/dev/null)

.PHONY: fuzz
fuzz: ## fuzz each of FUZZ_NAMES for FUZZ_TIME seconds (20), FUZZ_RUNS inputs at most
	$(Q)test/tool/deps.sh dev
	$(Q)$(MAKE) --no-print-directory fuzz-run
.PHONY: fuzz-run
fuzz-run: $(FUZZ_BIN)
	$(Q)test/tool/fuzz.sh $(FUZZ_DIR) $(FUZZ_TIME) $(FUZZ_RUNS) $(FUZZ_NAMES)

-include test/*/build.mk

# suites of `make check`: NAME=COMMAND, in this order; test/*/build.mk may add to CHECK_NEEDS and CHECK_SUITES
CHECK_NEEDS  += $(UNIT_BIN) $(REPLAY_BIN)
CHECK_FIRST  := "layers=$(PYTHON) test/tool/layers.py" "cve=$(PYTHON) test/tool/cve.py" \
	"install=rm -rf $(O)/installed && test/tool/install.sh $(O) $(O)/installed /usr" \
	"crds=rm -rf $(O)/crd && mkdir -p $(O)/crd && $(O)/navctl crds --directory $(O)/crd && diff -r api/crd $(O)/crd" \
	"unit=for t in $(UNIT_BIN); do timeout 300 \$$t || bad=1; done; exit \$${bad:-0}" \
	"replay=for f in $(FUZZ_NAMES); do $(O)/test/replay/\$$f test/fuzz/corpus/\$$f || bad=1; done; exit \$${bad:-0}"
CHECK_LAST   := "conformance=$(PYTHON) test/tool/conformance.py $(O)/navctl"

.PHONY: check
check: ## the tests: installs what is missing, ends in "N passed, N failed, N skipped"
	$(Q)test/tool/deps.sh build
	$(Q)test/tool/deps.sh test
	$(Q)$(MAKE) --no-print-directory check-run
.PHONY: check-run
check-run: $(CHECK_NEEDS) all
	$(Q)$(PYTHON) test/tool/check.py $(O) $(CHECK_FIRST) $(CHECK_SUITES) $(CHECK_LAST)

.PHONY: lint tidy
lint: ## include edges between layers, libraries' places, mutable state at file scope
	$(Q)$(PYTHON) test/tool/layers.py

tidy: ## clang-tidy over lib and cmd (some minutes)
	$(Q)test/tool/deps.sh dev
	$(Q)test/tool/tidy.sh

.PHONY: install
install: all ## install into DESTDIR/PREFIX: programs, man pages, completion
	$(Q)test/tool/install.sh $(O) "$(DESTDIR)$(PREFIX)" "$(PREFIX)"

compile_commands.json: ## for editors
	$(Q)$(PYTHON) test/tool/compile_commands.py "$(CC) $(CPPFLAGS) $(CFLAGS)" > $@
