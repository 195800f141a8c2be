/* SPDX-License-Identifier: Apache-2.0
 *
 * Where keys lie, and what is left of them.
 */
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "ca/ca.h"

enum {
	SECURE_HEAP = 256 * 1024,
	SECURE_MIN = 32,
};

/* ---- OpenSSL's ordinary heap: what it frees is overwritten, since its decoders leave keys there ---- */

static void *take(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return n ? malloc(n) : NULL;
}

static void wipe(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void *move(void *p, size_t n, const char *file, int line)
{
	size_t before = p ? malloc_usable_size(p) : 0;
	void *out = take(n, file, line);

	if (n && !out)
		return NULL;
	if (p && out)
		memcpy(out, p, before < n ? before : n);
	wipe(p, file, line);
	return out;
}

void ca_protect_memory(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	CRYPTO_set_mem_functions(take, move, wipe);
	CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_MIN); /* without it OpenSSL uses the ordinary heap */
}

void ca_cleanse(struct buf *secret)
{
	if (secret->p)
		OPENSSL_cleanse(secret->p, secret->size);
	buf_fini(secret);
}

void ca_cleanse_text(char *secret)
{
	OPENSSL_cleanse(secret, strlen(secret));
}
