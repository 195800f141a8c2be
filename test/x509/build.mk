# Our certificates before verifiers of others.

X509_ISSUE := $(O)/test/x509/issue_main

$(X509_ISSUE): $(X509_ISSUE).o $(call archive,ca)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDOPT) -o $@ $^ $(LIBS)

.PHONY: x509
x509: $(X509_ISSUE) ## certificates before Go's crypto/x509 and the openssl program
	$(Q)$(PYTHON) test/x509/run.py $(O)

CHECK_NEEDS  += $(X509_ISSUE)
CHECK_SUITES += "x509=$(PYTHON) test/x509/run.py $(O)"
