# Benchmarks: `make bench` prints a table of figures and goals.

BENCH_C   := $(filter-out $(O)/test/bench/reload_bench,$(patsubst %.c,$(O)/%,$(wildcard test/bench/*_bench.c)))
BENCH_BIN := $(BENCH_C) $(O)/test/bench/reload_bench
$(BENCH_BIN:=.o): CPPFLAGS += -Itest/sim

$(BENCH_C): $(O)/%: $(O)/%.o $(O)/test/bench/load.o $(O)/lib.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) -o $@ $^ $(LIBS)

# on the simulator's loop: ten thousand generations need no time of their own
RELOAD_LIB := $(foreach l,base node model mesh plan xds,$(call objects,$(l))) $(GEN_OBJ) \
	$(addprefix $(O)/lib/,store/store.o store/settings.o store/discovery.o store/object_set.o server/publish.o server/metrics.o)
$(O)/test/bench/reload_bench: $(O)/test/bench/reload_bench.o $(O)/test/sim/sim_ev.o $(RELOAD_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) -o $@ $^ $(LIBS)

.PHONY: bench
bench: ## figures against their goals, as a table (within 3 minutes)
	$(Q)test/tool/deps.sh test
	$(Q)$(MAKE) --no-print-directory all bench-run
.PHONY: bench-run
bench-run: $(BENCH_BIN) $(O)/test/kube/fake_main
	$(Q)B=$(B) $(B)/venv/bin/python test/bench/run.py $(O)
