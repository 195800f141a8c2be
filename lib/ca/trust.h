/* SPDX-License-Identifier: Apache-2.0
 *
 * Whom the mesh trusts: its trust domain, the aliases that stand for it (MeshConfig
 * trustDomainAliases), and the bundle of roots that peers are verified against. Thread: pure.
 */
#ifndef CA_TRUST_H
#define CA_TRUST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct trust {
	const char *domain;
	const char *const *aliases;
	size_t n_aliases;
};

/* Borrows its arguments. -1: one of them is no trust domain. */
int trust_init(struct trust *t, const char *domain, const char *const *aliases, size_t n,
	       struct err *e);
bool trust_accepts(const struct trust *t, const char *domain);

/* One bundle from several PEM texts: each different certificate once, in order. -1 when one is no
 * CA. */
int trust_join_roots(const char *const *pems, size_t n, struct arena *a, const char **out,
		     struct err *e);

#endif
