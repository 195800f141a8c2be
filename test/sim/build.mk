# The simulator: the real library on the simulated loop and jobs in place of lib/ev.

SIM_SEEDS ?= 2000
SIM_LIB := $(filter-out $(foreach l,ev net ca agent server,$(call objects,$(l))) $(addprefix $(O)/lib/store/,dir.o disk.o kubeconfig.o source_%.o kube_%.o),$(LIB_OBJ)) \
	$(addprefix $(O)/lib/server/,publish.o metrics.o)
SIM_OWN := $(patsubst %.c,$(O)/%.o,$(wildcard test/sim/*.c))
$(SIM_OWN): CPPFLAGS += -Itest/sim

# link.txt: how, for planted.py: compiler flags, objects, libraries, a line each
$(O)/test/sim/sim: $(SIM_OWN) $(SIM_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) -o $@ $^ $(LIBS)
	$(Q)printf '%s\n' '$(CPPFLAGS) $(CFLAGS)' '$(LDOPT)' '$^' '$(LIBS)' > $(@D)/link.txt

.PHONY: sim
sim: $(O)/test/sim/sim ## the deterministic simulator: SIM_SEEDS histories (2000), then the planted bugs
	$(Q)$(O)/test/sim/sim --seeds $(SIM_SEEDS)
	$(Q)$(PYTHON) test/sim/planted.py $(O) $(CC)

CHECK_NEEDS  += $(O)/test/sim/sim
CHECK_SUITES += "sim=$(O)/test/sim/sim --seeds 300"
