# The container image: an OCI archive, made without an engine. See deploy/image/README.md.

IMAGE := $(B)/navarch.oci.tar

.PHONY: image image-check
image: all ## the container image, an OCI archive (build/navarch.oci.tar)
	$(Q)$(PYTHON) deploy/image/image.py build $(B)/navarchd $(B)/navctl $(VERSION) $(IMAGE)

image-check: image ## build it twice, compare, unpack and run it: own user, read-only, own namespaces
	$(Q)$(PYTHON) deploy/image/image.py build $(B)/navarchd $(B)/navctl $(VERSION) $(IMAGE).again
	$(Q)cmp $(IMAGE) $(IMAGE).again && rm $(IMAGE).again
	$(Q)$(PYTHON) deploy/image/image.py check $(IMAGE) deploy/demo/manifests
