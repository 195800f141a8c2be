# navarchd in Kubernetes: the chart is made from the base, and navctl has it within. See deploy/kubernetes/README.md.

CHART        := deploy/kubernetes/chart
HELM         ?= $(B)/bin/helm

# navctl installs what the base says
$(GEN)/kube/base.c: deploy/kubernetes/embed.py $(wildcard deploy/kubernetes/base/*.yaml)
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) $< deploy/kubernetes/base $@

$(O)/gen/kube/base.o: $(GEN)/kube/base.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(O)/navctl: $(O)/gen/kube/base.o

.PHONY: chart helm chart-check
chart: ## make the Helm chart from the kustomize base
	$(Q)rm -rf $(CHART) && $(PYTHON) deploy/kubernetes/chart.py write $(CHART)

# some minutes, once; needs Go and the network
helm: $(HELM)
$(HELM):
	$(Q)test/e2e/kube/build.sh $(@D) helm || [ $$? = 3 ]

chart-check: $(HELM) ## render the chart with Helm, which is built first: the default values give the base
	$(Q)$(PYTHON) deploy/kubernetes/chart.py check $(CHART) $(HELM)

CHECK_SUITES += "chart-made=rm -rf $(O)/chart && $(PYTHON) deploy/kubernetes/chart.py write $(O)/chart && diff -r --no-dereference $(CHART) $(O)/chart" \
	"chart=$(PYTHON) deploy/kubernetes/chart.py check $(CHART) $(HELM)"
