# The Kubernetes source against a fake API server.

KUBE_FAKE := $(O)/test/kube/fake_api.o $(O)/test/kube/fake_store.o
KUBE_BIN  := $(patsubst %.c,$(O)/%,$(wildcard test/kube/*_test.c))
$(KUBE_FAKE) $(KUBE_BIN:=.o): CPPFLAGS += -Itest/kube

$(KUBE_BIN): $(O)/%: $(O)/%.o $(KUBE_FAKE) $(call archive,store)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) -o $@ $^ -lcmocka $(LIBS)

.PHONY: kube
kube: $(KUBE_BIN) ## the Kubernetes source against a fake API server
	@set -e; for t in $^; do $$t; done

CHECK_NEEDS  += $(KUBE_BIN)
CHECK_SUITES += "kube=for t in $(KUBE_BIN); do timeout 300 \$$t || bad=1; done; exit \$${bad:-0}"
