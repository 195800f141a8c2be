# navarchd in Kubernetes: the chart is made from the base. See deploy/kubernetes/README.md.

CHART        := deploy/kubernetes/chart
HELM         ?= $(B)/bin/helm

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
