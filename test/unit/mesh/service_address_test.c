/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses allocated for ServiceEntries: each its own, the same whatever comes later, until none is left.
 */
#include "snapshot_fixture.h"

#include "base/buf.h"
#include "base/scalar.h"

enum { ENTRIES = 254, HOSTS = 256 };	/* as many hosts as there are addresses */

/* Entry i is older than i + 1. */
static void add_entry(struct fixture *f, unsigned i, unsigned n_hosts)
{
	struct buf yaml;

	buf_init(&yaml, 1 << 20);
	buf_printf(&yaml,
		   "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
		   "metadata: {name: e%u, namespace: shop, creationTimestamp: '2024-01-01T00:%02u:%02uZ'}\n"
		   "spec:\n  resolution: DNS\n  ports: [{number: 80, name: http, protocol: HTTP}]\n  hosts:\n",
		   i, i / 60, i % 60);
	for (unsigned k = 0; k < n_hosts; k++)
		buf_printf(&yaml, "  - h%u.e%u.com\n", k, i);
	*vec_push(&f->objs, NULL) = fixture_object(f, arena_strndup(&f->arena, yaml.p, yaml.n));
	buf_fini(&yaml);
}

static void allocates_until_none_is_left(void **state)
{
	struct fixture alone, f;
	const struct verdict *last;
	bool *seen = calloc(1 << 16, sizeof(*seen));
	size_t given = 0;

	(void)state;
	fixture_init(&alone);
	add_entry(&alone, 0, 1);
	fixture_add(&alone, "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: wild, namespace: shop}\n"
			    "spec: {hosts: ['*.wild.com'], resolution: DYNAMIC_DNS, ports: [{number: 443, name: tls, protocol: TLS}]}\n");
	fixture_build(&alone);
	assert_int_equal(fixture_svc(&alone, "*.wild.com")->allocated.n, 0);
	fixture_init(&f);
	for (unsigned i = 0; i < ENTRIES; i++)
		add_entry(&f, i, HOSTS);
	add_entry(&f, ENTRIES, 1);
	fixture_build(&f);

	assert_int_equal(f.s->n_entries, ENTRIES * HOSTS + 1);
	for (size_t i = 0; i < f.s->n_entries; i++) {
		const struct strs *got = &f.s->entries[i]->allocated;
		struct ip ip;
		unsigned number;

		if (!got->n)
			continue;
		given++;
		assert_int_equal(scalar_ip(got->v[0], &ip), 0);
		number = (unsigned)ip.bytes[2] << 8 | ip.bytes[3];
		assert_true(ip.bytes[3] != 0 && ip.bytes[3] != 255);
		assert_false(seen[number]);
		seen[number] = true;
		assert_string_equal(got->v[1], arena_printf(&f.arena, "2001:2::%x", number));
	}
	assert_int_equal(given, ENTRIES * HOSTS);
	assert_string_equal(fixture_svc(&f, "h0.e0.com")->allocated.v[0], fixture_svc(&alone, "h0.e0.com")->allocated.v[0]);
	assert_int_equal(fixture_svc(&f, "h0.e254.com")->allocated.n, 0);
	last = fixture_verdict(&f, KIND_SERVICE_ENTRY, "shop", "e254");
	assert_int_equal(last->state, VERDICT_PARTLY);
	assert_int_equal(last->why[0].code, D_ENTRY_ADDRESSES_SPENT);
	fixture_fini(&alone);
	fixture_fini(&f);
	free(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(allocates_until_none_is_left)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
