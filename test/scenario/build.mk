# Protocol scenarios: each *.scn is one rule, on virtual time (test/scenario/README.md)

SCENARIO := $(O)/test/scenario/run

$(SCENARIO): $(O)/test/scenario/run.o $(O)/test/scenario/client.o $(call archive,xds)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) -o $@ $^ $(LIBS)

.PHONY: scenario
scenario: $(SCENARIO) ## protocol scenarios
	$(Q)$(SCENARIO) $(sort $(wildcard test/scenario/cases/*.scn))
