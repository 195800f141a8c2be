# The simulator: the real library on the simulated loop, jobs and files in place of lib/ev, and a simulated API server
# in place of lib/net.

SIM_SEEDS ?= 2000
SIM_KUBE_SEEDS ?= 20000
SIM_LIB := $(filter-out $(foreach l,ev net ca agent server,$(call objects,$(l))) $(addprefix $(O)/lib/store/,dir.o kubeconfig.o source_file.o),$(LIB_OBJ)) \
	$(addprefix $(O)/lib/server/,publish.o metrics.o)
SIM_OWN := $(patsubst %.c,$(O)/%.o,$(wildcard test/sim/*.c))
$(SIM_OWN): CPPFLAGS += -Itest/sim

SIM_WRAP := -Wl,--wrap=stat
# link.txt: how, for planted.py: compiler flags, objects, libraries, a line each
$(O)/test/sim/sim: $(SIM_OWN) $(SIM_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) $(SIM_WRAP) -o $@ $^ $(LIBS)
	$(Q)printf '%s\n' '$(CPPFLAGS) $(CFLAGS)' '$(LDOPT) $(SIM_WRAP)' '$^' '$(LIBS)' > $(@D)/link.txt

.PHONY: sim
sim: $(O)/test/sim/sim ## the simulator: SIM_SEEDS (2000) and SIM_KUBE_SEEDS (20000) histories, then planted bugs
	$(Q)$(O)/test/sim/sim --seeds $(SIM_SEEDS)
	$(Q)$(O)/test/sim/sim --world kube --seeds $(SIM_KUBE_SEEDS) --jobs $$(nproc)
	$(Q)$(PYTHON) test/sim/planted.py $(O) $(CC)

CHECK_NEEDS  += $(O)/test/sim/sim
CHECK_SUITES += "sim=$(O)/test/sim/sim --seeds 300" "sim-kube=$(O)/test/sim/sim --world kube --seeds 500 --jobs $$(nproc)"

# certificates and the rotation of roots, on a disk in memory of its own
, := ,
DISK_WRAP := $(addprefix -Wl$(,)--wrap=,open mkostemp close read write fsync fchmod fstat stat lstat faccessat rename link unlink mkdir rmdir)
SIM_CERTS := $(patsubst %.c,$(O)/%.o,$(wildcard test/sim/certs/*.c)) $(O)/test/sim/sim_ev.o
$(SIM_CERTS): CPPFLAGS += -Itest/sim -Itest/sim/certs
$(O)/test/sim/certs/sim_certs: $(SIM_CERTS) $(call archive,server)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) $(DISK_WRAP) -o $@ $^ $(LIBS)
	$(Q)printf '%s\n' '$(CPPFLAGS) $(CFLAGS)' '$(LDOPT) $(DISK_WRAP)' '$^' '$(LIBS)' > $(@D)/link.txt

.PHONY: sim-certs
sim-certs: $(O)/test/sim/certs/sim_certs ## the simulator of certificates: SIM_SEEDS histories (2000), then the planted bugs
	$(Q)$< --seeds $(SIM_SEEDS)
	$(Q)$(PYTHON) test/sim/certs/planted_certs.py $(O) $(CC)
sim: sim-certs

CHECK_NEEDS  += $(O)/test/sim/certs/sim_certs
CHECK_SUITES += "sim-certs=$(O)/test/sim/certs/sim_certs --seeds 40"
