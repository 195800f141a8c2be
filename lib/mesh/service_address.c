/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses that stand for those of ServiceEntries without any (istio-behaviour.md 1.8): what a control
 * plane wrote into the status, else a place that the hash of namespace and host names, the next free one
 * where older entries have it. All that is read are the ServiceEntries, so that every replica comes to the
 * same addresses, and an entry that is added moves none that is older.
 */
#include "mesh/snapshot_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/scalar.h"
#include "model/traffic.h"

enum {
	BITS = 16,		/* of 240.240.0.0/16; the last of 2001:2::/48 are the same */
	IN_USE = 254,		/* of each 256: no octet of 0 or 255 ends an address */
	PLACES = 256 * IN_USE,
};

/* The entries of one namespace and host. */
struct group {
	struct entry_host *v;		/* oldest first */
	size_t n;
};

struct pool {
	uint8_t taken[(1 << BITS) / 8];
};

bool entry_is_allocated(const struct object *entry, const char *host)
{
	const struct service_entry *se = object_spec(entry, service_entry);
	const char *label = strmap_get(&entry->labels, "networking.istio.io/enable-autoallocate-ip");

	return se->resolution != SE_RESOLUTION_NONE && !se->addresses.n && !host_is_wildcard(host) &&
	       !(label && strcasecmp(label, "false") == 0);
}

static bool is_wanted(const struct group *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (entry_is_allocated(g->v[i].obj, g->v[i].host))
			return true;
	return false;
}

static struct strs status_addresses(const struct object *obj, const char *host, struct arena *a)
{
	const struct service_entry_status *st = obj->status;
	VEC(const char *) v = {0};

	for (size_t i = 0; st && i < st->n_addresses; i++) {
		const struct se_allocated *one = &st->addresses[i];

		if (one->host && one->value && strcasecmp(one->host, host) == 0 && scalar_is_ip(one->value))
			*vec_push(&v, a) = one->value;
	}
	return (struct strs){v.v, v.n};
}

/* The number of an address in the ranges, or 0. */
static unsigned number_of(const char *address)
{
	static const uint8_t v4[] = {240, 240}, v6[14] = {0x20, 0x01, 0x00, 0x02};
	struct cidr net;

	if (scalar_cidr(address, &net) != 0 ||
	    memcmp(net.ip.bytes, net.ip.len == 4 ? v4 : v6, net.ip.len == 4 ? sizeof(v4) : sizeof(v6)) != 0)
		return 0;
	return (unsigned)net.ip.bytes[net.ip.len - 2] << 8 | net.ip.bytes[net.ip.len - 1];
}

static bool take(struct pool *p, unsigned number)
{
	uint8_t bit = (uint8_t)(1 << number % 8);
	bool is_free = !(p->taken[number / 8] & bit);

	p->taken[number / 8] |= bit;
	return is_free;
}

/* 0: none is left. */
static unsigned allocate(struct pool *p, const char *ns, const char *host)
{
	struct hash128 h = hash_mix_str(hash_bytes(ns, strlen(ns)), host);
	unsigned first = (unsigned)(h.lo % PLACES);

	for (unsigned i = 0; i < PLACES; i++) {
		unsigned place = (first + i) % PLACES, number = place / IN_USE << 8 | (place % IN_USE + 1);

		if (take(p, number))
			return number;
	}
	return 0;
}

static struct strs addresses_of(unsigned number, struct arena *a)
{
	const char **v = arena_array(a, const char *, 2);

	v[0] = arena_printf(a, "240.240.%u.%u", number >> 8, number & 255);
	v[1] = arena_printf(a, "2001:2::%x", number);
	return (struct strs){v, 2};
}

static int compare_ages(const void *a, const void *b)
{
	const struct entry_host *x = ((const struct group *)a)->v, *y = ((const struct group *)b)->v;
	int c = object_compare_age(x->obj, y->obj);

	return c ? c : strcmp(x->host, y->host);
}

static void give(const struct group *g, struct strs addresses)
{
	for (size_t i = 0; i < g->n; i++)
		g->v[i].addresses = addresses;
}

/* Groups with an address in a status get it; the others that want one are left, for *out. */
static size_t take_known(struct pool *p, struct entry_host *v, size_t n, struct group *out, struct arena *a)
{
	size_t n_out = 0;

	for (size_t i = 0, end; i < n; i = end) {
		struct group g = {v + i, 0};
		struct strs known = {0};

		for (end = i; end < n && strcmp(v[end].obj->ns, v[i].obj->ns) == 0 && strcmp(v[end].host, v[i].host) == 0; end++)
			if (!known.n)
				known = status_addresses(v[end].obj, v[end].host, a);
		g.n = end - i;
		if (!is_wanted(&g))
			continue;
		for (size_t k = 0; k < known.n; k++)
			take(p, number_of(known.v[k]));
		if (known.n)
			give(&g, known);
		else
			out[n_out++] = g;
	}
	return n_out;
}

void entry_addresses(struct entry_host *v, size_t n, struct arena *a)
{
	struct group *left = arena_array(a, struct group, n);
	struct pool *pool = arena_new(a, struct pool);
	size_t n_left = take_known(pool, v, n, left, a);

	qsort(left, n_left, sizeof(*left), compare_ages);
	for (size_t i = 0; i < n_left; i++) {
		unsigned number = allocate(pool, left[i].v->obj->ns, left[i].v->host);

		if (number)
			give(&left[i], addresses_of(number, a));
	}
}
