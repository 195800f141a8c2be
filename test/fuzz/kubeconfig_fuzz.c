/* SPDX-License-Identifier: Apache-2.0
 *
 * A kubeconfig: what is accepted names a server that is verified, and no half of a certificate and its key.
 */
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "store/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kube_access access;
	struct arena a;
	struct err e;

	arena_init(&a, 0);
	if (!kubeconfig_parse((const char *)data, size, "kc", "/dir", NULL, &a, &access, &e)) {
		must(!strncmp(access.server, "https://", 8) || !strncmp(access.server, "http://127.0.0.1", 16) ||
		     !strncmp(access.server, "http://localhost", 16) || !strncmp(access.server, "http://[::1]", 12));
		must(!(access.cert || access.cert_file) == !(access.key || access.key_file));
		must(access.ns && access.context);
		must(!access.exec || (access.exec->argv[0] && access.exec->env[0]));
	} else {
		must(*e.text);
	}
	arena_fini(&a);
	return 0;
}
