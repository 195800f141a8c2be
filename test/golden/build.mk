# Golden cases: manifests in, what each proxy gets out (README.md). FOCUS=area/case runs one.

GOLDEN := $(O)/test/golden/run
ENVOY_PYTHON ?= build/venv/bin/python

$(GOLDEN): $(patsubst %.c,$(O)/%.o,$(wildcard test/golden/*.c)) $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) -o $@ $^ $(LIBS)

.PHONY: golden-check golden golden-envoy
golden-check: $(GOLDEN) ## compare what comes out with test/golden (FOCUS=area/case for one)
	$(Q)$(GOLDEN)

golden: $(GOLDEN) ## rewrite the wanted outputs of test/golden
	$(Q)$(GOLDEN) --update

golden-envoy: $(GOLDEN) ## load everything that the golden cases give into real Envoy
	$(Q)rm -rf $(O)/golden-dump
	$(Q)$(GOLDEN) --dump $(O)/golden-dump >/dev/null || true
	$(Q)$(ENVOY_PYTHON) test/tool/envoy_check.py $(O)/golden-dump/*.json

CHECK_NEEDS  += $(GOLDEN)
CHECK_SUITES += "golden=$(GOLDEN)"
