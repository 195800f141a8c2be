# End-to-end tests: real processes. `make e2e E2E="WORD..."` runs those whose names hold a word.

.PHONY: e2e
e2e: ## end-to-end tests with real Envoys and gRPC clients (E2E="WORD..." for some)
	$(Q)test/tool/deps.sh all
	$(Q)$(MAKE) --no-print-directory all kube-fake
	@B=$(B) $(B)/venv/bin/python test/e2e/run.py $(E2E)

.PHONY: e2e-mtls e2e-mtls-share
e2e-mtls: ## mutual TLS between pods in namespaces: strictness, rotation, outages (within 6 minutes; MTLS="WORD..." for some)
e2e-mtls-share: ## the same within a minute
e2e-mtls e2e-mtls-share:
	$(Q)test/tool/deps.sh all
	$(Q)$(MAKE) --no-print-directory all
	@B=$(B) $(B)/venv/bin/python test/e2e/mtls/run.py $(if $(filter %-share,$@),--share) $(MTLS)

-include test/e2e/*/build.mk
