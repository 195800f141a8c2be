# The bookinfo demo: real Envoys, one network namespace a pod. See deploy/demo/README.md.

.PHONY: demo demo-check
demo: ## run the bookinfo demo: edit a file, watch the traffic move (as root or not)
demo-check: ## run the demo unattended and prove what it promises
demo demo-check:
	$(Q)test/tool/deps.sh all
	$(Q)$(MAKE) --no-print-directory all
	@B=$(B) $(PYTHON) deploy/demo/demo.py $(if $(filter demo-check,$@),--check)
