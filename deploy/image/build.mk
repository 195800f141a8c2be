# The container image: an OCI archive, made without an engine. See deploy/image/README.md.

IMAGE := $(B)/navarch.oci.tar
IMAGE_PROGRAMS := $(addprefix $(B)/,navarchd navctl navagent)

.PHONY: image image-check
image: all ## the container image, an OCI archive (build/navarch.oci.tar)
	$(Q)$(PYTHON) deploy/image/image.py build $(IMAGE) $(VERSION) $(IMAGE_PROGRAMS)

image-check: image ## build it twice, compare, unpack and run it: own user, read-only, own namespaces
	$(Q)$(PYTHON) deploy/image/image.py build $(IMAGE).again $(VERSION) $(IMAGE_PROGRAMS)
	$(Q)cmp $(IMAGE) $(IMAGE).again && rm $(IMAGE).again
	$(Q)$(PYTHON) deploy/image/image.py check $(IMAGE) deploy/demo/manifests
