# Golden cases: manifests in, what each proxy gets out (README.md). FOCUS=area/case runs one.

GOLDEN       := $(O)/test/golden/run
GOLDEN_DUMP  := $(O)/golden-dump
# every resource of every case into real Envoy; one line a rejection
GOLDEN_ENVOY  = rm -rf $(GOLDEN_DUMP) && { $(GOLDEN) --dump $(GOLDEN_DUMP) >/dev/null || true; } && \
	$(B)/venv/bin/python test/tool/envoy_check.py --envoy $(B)/bin/envoy $(GOLDEN_DUMP)/*.json

$(GOLDEN): $(patsubst %.c,$(O)/%.o,$(wildcard test/golden/*.c)) $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) -o $@ $^ $(LIBS)

.PHONY: golden-check golden golden-envoy
golden-check: $(GOLDEN) ## compare what comes out with test/golden (FOCUS=area/case for one)
	$(Q)$(GOLDEN)

golden: $(GOLDEN) ## rewrite the wanted outputs of test/golden
	$(Q)$(GOLDEN) --update

golden-envoy: $(GOLDEN) ## load everything that the golden cases give into real Envoy
	$(Q)test/tool/deps.sh test
	$(Q)$(GOLDEN_ENVOY)

CHECK_NEEDS  += $(GOLDEN)
CHECK_SUITES += "golden-rows=$(PYTHON) test/tool/golden_rows.py" \
	"golden=$(GOLDEN)" \
	"golden-envoy={ $(GOLDEN_ENVOY); } >$(GOLDEN_DUMP).log || { cat $(GOLDEN_DUMP).log; exit 1; }"
