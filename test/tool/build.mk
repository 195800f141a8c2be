# Random manifest sets (random_manifests.c): whatever passes the checks loads in Envoy. SETS=N, SEED=first one. From
# 10,000 sets on, every field of the tables must have come.

SETS        ?= 1000
SEED        ?= 1
RANDOM_BIN  := $(O)/test/tool/random_manifests
RANDOM_DUMP := $(O)/random-dump
# $(1): how many sets; each different resource goes into Envoy once
random_envoy = rm -rf $(RANDOM_DUMP) && mkdir -p $(RANDOM_DUMP) && \
	$(RANDOM_BIN) --seeds $(SEED)-$$(($(SEED)+$(1)-1)) --dump $(RANDOM_DUMP) \
	$(if $(filter 1,$(shell expr $(1) '>=' 10000)),--cover) && \
	$(B)/venv/bin/python test/tool/envoy_check.py --envoy $(B)/bin/envoy --many $(RANDOM_DUMP)/*.json

$(RANDOM_BIN): $(patsubst %.c,$(O)/%.o,$(wildcard test/tool/*.c)) $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) -o $@ $^ $(LIBS)

.PHONY: random
random: $(RANDOM_BIN) ## SETS=1000 random manifest sets: what passes the checks loads in Envoy
	$(Q)test/tool/deps.sh test
	$(Q)$(call random_envoy,$(SETS))

# A build of its own that counts lines: each rule about an object must be broken by a golden case or a unit test.
RULE_DIR  := $(B)/cover
RULE_BIN  := $(RULE_DIR)/rel/test/golden/run $(patsubst %.c,$(RULE_DIR)/rel/%,$(wildcard test/unit/model/*_test.c))

.PHONY: rule-cover
rule-cover: ## which rules about objects no golden case breaks (some minutes)
	$(Q)test/tool/deps.sh dev
	$(Q)$(MAKE) --no-print-directory B=$(RULE_DIR) OPT="-O0 --coverage" LDOPT="-pie --coverage" HARDEN=-fPIE $(RULE_BIN)
	$(Q)find $(RULE_DIR) -name '*.gcda' -delete
	$(Q)for t in $(RULE_BIN); do $$t >$(RULE_DIR)/log 2>&1 || tail -3 $(RULE_DIR)/log; done
	$(Q)$(PYTHON) test/tool/rule_cover.py $(RULE_DIR)/rel

# a small share, without Envoy: nothing crashes, takes long or leaves a set inconsistent
CHECK_NEEDS  += $(RANDOM_BIN)
CHECK_SUITES += "random=$(RANDOM_BIN) --seeds 1-200"
