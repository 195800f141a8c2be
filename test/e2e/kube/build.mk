# navarchd with a real API server. See test/e2e/kube/README.md.

.PHONY: e2e-kube
e2e-kube: ## navarchd with a real Kubernetes API server, built once from Go modules (E2E="WORD..." for some)
	$(Q)test/tool/deps.sh all
	$(Q)$(MAKE) --no-print-directory all kube-fake image
	@B=$(B) $(B)/venv/bin/python test/e2e/kube/main.py $(E2E)
