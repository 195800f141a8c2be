# Protocol descriptions: api/proto/**.proto -> typed writers $(GEN)/pb/*.h and tables $(GEN)/pb/tables.[ch]

PROTOS := $(sort $(shell find api/proto -name '*.proto'))

$(GEN)/pb/descriptors.bin: $(PROTOS)
	$(call say,PROTO,api/proto)
	$(Q)mkdir -p $(@D)
	$(Q)protoc -Iapi/proto --descriptor_set_out=$@ $(PROTOS)

# Files that stay the same keep their time, so that little is compiled again; the stamp says that all are there.
$(GEN)/pb/tables.c $(GEN)/pb/tables.h: $(GEN)/pb/.done ;
$(GEN)/pb/.done: $(GEN)/pb/descriptors.bin api/pbgen.py
	$(call say,GEN,$(GEN)/pb)
	$(Q)$(PYTHON) api/pbgen.py $< $(@D)
	$(Q)touch $@

GEN_READY += $(GEN)/pb/.done
GEN_OBJ += $(O)/gen/pb/tables.o

$(O)/gen/pb/%.o: $(GEN)/pb/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# CustomResourceDefinitions: api/crd/*.yaml, written from the schema tables and compared with them by `make check`
.PHONY: crds
crds: $(O)/navctl ## write api/crd from the schema tables
	$(Q)rm -f api/crd/*.yaml && $< crds --directory api/crd
