# Tests: unit programs, one a folder of lib; the other suites are scripts that are called from here.

UNIT_FOLDERS := $(filter $(LAYERS),$(notdir $(patsubst %/,%,$(wildcard test/unit/*/))))

# test/unit/X/*_test.c, each with its own main (cmocka), links lib/X and the layers below it
define unit_folder
UNIT_BIN_$(1) := $(patsubst test/unit/%.c,$(O)/test/unit/%,$(wildcard test/unit/$(1)/*_test.c))
UNIT_BIN += $$(UNIT_BIN_$(1))
$$(UNIT_BIN_$(1)): $(O)/test/unit/%: $(O)/test/unit/%.o $(call upto,$(LAYERS),$(1)) $(if $(filter xds server,$(1)),$(GEN_OBJ))
	$$(call say,LD,$$@)
	$(Q)$(CC) $(LDOPT) -o $$@ $$^ -lcmocka $$(LIBS)
.PHONY: unit-$(1)
unit-$(1): $$(UNIT_BIN_$(1))
	@set -e; for t in $$^; do $$$$t; done
endef
$(foreach f,$(UNIT_FOLDERS),$(eval $(call unit_folder,$(f))))

.PHONY: unit
unit: $(UNIT_BIN) ## unit tests only (unit-FOLDER for one folder)
	@set -e; for t in $^; do $$t; done
