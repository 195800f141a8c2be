# The bookinfo demo: real Envoys, one network namespace a pod. See deploy/demo/README.md.

.PHONY: demo
demo: all deps ## run the bookinfo demo: edit a file, watch the traffic move (as root or not)
	@B=$(B) $(PYTHON) deploy/demo/demo.py

.PHONY: demo-check
demo-check: all deps ## run the demo unattended and prove what it promises
	@B=$(B) $(PYTHON) deploy/demo/demo.py --check
