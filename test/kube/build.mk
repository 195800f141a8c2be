# The Kubernetes source against a fake API server.

KUBE_FAKE  := $(addprefix $(O)/test/kube/,fake_api.o fake_store.o fake_write.o fake_load.o)
KUBE_WORLD := $(O)/test/kube/world.o
KUBE_MAIN  := $(O)/test/kube/fake_main
KUBE_REPORT := $(patsubst %.c,$(O)/%,$(wildcard test/kube/report*_test.c))
KUBE_BIN   := $(filter-out $(KUBE_REPORT),$(patsubst %.c,$(O)/%,$(wildcard test/kube/*_test.c)))
KUBE_EQUAL := $(O)/test/kube/equal
$(KUBE_FAKE) $(KUBE_WORLD) $(KUBE_MAIN).o $(KUBE_BIN:=.o) $(KUBE_REPORT:=.o) $(O)/test/kube/report_fix.o: CPPFLAGS += -Itest/kube
$(KUBE_EQUAL).o: CPPFLAGS += -Itest/kube -Itest/golden

$(KUBE_BIN): $(O)/%: $(O)/%.o $(KUBE_FAKE) $(KUBE_WORLD) $(call archive,store)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) -o $@ $^ -lcmocka $(LIBS)

$(KUBE_REPORT): $(O)/%: $(O)/%.o $(O)/test/kube/report_fix.o $(KUBE_FAKE) $(KUBE_WORLD) $(call archive,report)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) -o $@ $^ -lcmocka $(LIBS)

$(KUBE_EQUAL): $(KUBE_EQUAL).o $(KUBE_FAKE) $(KUBE_WORLD) $(O)/test/golden/case.o $(O)/test/golden/live.o $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) -o $@ $^ $(LIBS)

$(KUBE_MAIN): $(KUBE_MAIN).o $(KUBE_FAKE) $(call archive,store)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) -o $@ $^ $(LIBS)

.PHONY: kube-fake
kube-fake: $(KUBE_MAIN)

.PHONY: kube
kube: $(KUBE_BIN) $(KUBE_REPORT) $(KUBE_EQUAL) $(KUBE_MAIN) ## the Kubernetes source against a fake API server
	@set -e; for t in $(KUBE_BIN) $(KUBE_REPORT) $(KUBE_EQUAL); do $$t; done; $(PYTHON) test/kube/contract.py $(KUBE_MAIN)

CHECK_NEEDS  += $(KUBE_BIN) $(KUBE_REPORT) $(KUBE_EQUAL) $(KUBE_MAIN)
CHECK_SUITES += "kube=for t in $(KUBE_BIN) $(KUBE_REPORT); do timeout 300 \$$t || bad=1; done; exit \$${bad:-0}" "kube-equal=$(KUBE_EQUAL)" \
	"kube-contract=$(PYTHON) test/kube/contract.py $(KUBE_MAIN)" \
	"kube-rbac=$(PYTHON) test/kube/rbac.py $(O)/navarchd deploy/kubernetes/base/rbac.yaml"
