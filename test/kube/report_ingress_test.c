/* SPDX-License-Identifier: Apache-2.0
 *
 * What Ingresses are told of their addresses, against the fake API server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report_fix.h"

static void put_gateway(struct fix *f, const char *address)
{
	fix_put(f, SERVICES,
		arena_printf(&f->w.arena, "{\"metadata\":{\"name\":\"istio-ingressgateway\",\"namespace\":\"istio-system\"},\"spec\":{"
					  "\"clusterIP\":\"10.0.0.2\",\"ports\":[{\"name\":\"http\",\"port\":80}]},\"status\":{\"loadBalancer\":{"
					  "\"ingress\":[{\"ip\":\"%s\"}]}}}", address));
}

static void put_whole(struct fix *f, const char *name, const char *class, const char *path, const char *more_metadata,
		      const char *status)
{
	fix_put(f, INGRESSES,
		arena_printf(&f->w.arena, "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"one\",\"annotations\":{\"kubernetes.io/ingress.class\":"
					  "\"%s\"}%s},\"spec\":{\"rules\":[{\"host\":\"%s.example.com\",\"http\":{\"paths\":[{\"path\":\"%s\","
					  "\"pathType\":\"Prefix\",\"backend\":{\"service\":{\"name\":\"a\",\"port\":{\"number\":80}}}}]}}]},"
					  "\"status\":%s}", name, class, more_metadata, name, path, status));
}

static const char *json(struct fix *f, const struct node *n, const char *none)
{
	struct buf text;
	const char *out;

	buf_init(&text, 65536);
	if (n)
		node_to_json(n, false, false, &text);
	out = arena_strdup(&f->w.arena, n ? buf_cstr(&text) : none);
	buf_fini(&text);
	return out;
}

/* As a user writes it: its status, and who wrote it, stay. */
static void put_ingress(struct fix *f, const char *name, const char *class, const char *path)
{
	const struct node *was = fix_get(f, INGRESSES, "one", name);
	const struct node *owners = node_get(node_get(was, "metadata"), "managedFields");

	put_whole(f, name, class, path, arena_printf(&f->w.arena, ",\"managedFields\":%s", json(f, owners, "[]")),
		  json(f, node_get(was, "status"), "{}"));
}

/* As another controller writes it, of whatever class. */
static void put_foreign(struct fix *f, const char *name, const char *class, const char *address)
{
	put_whole(f, name, class, "/", "", arena_printf(&f->w.arena, "{\"loadBalancer\":{\"ingress\":[{\"ip\":\"%s\"}]}}", address));
}

/* Its only address, "" for none. */
static const char *address_of(struct fix *f, const char *name)
{
	const struct node *status = node_get(fix_get(f, INGRESSES, "one", name), "status");
	const struct node *list = node_get(node_get(status, "loadBalancer"), "ingress");

	if (!list || !list->n)
		return "";
	assert_int_equal(list->n, 1);
	return node_text(&list->list[0], "ip");
}

static bool is_told(struct fix *f, const char *name, const char *address)
{
	return !strcmp(address_of(f, name), address);
}

static void follows_the_gateway(void **state)
{
	uint64_t written;
	struct fix f;
	int changes;

	(void)state;
	fix_start(&f);
	put_gateway(&f, "192.0.2.1");
	put_ingress(&f, "shop", "istio", "/");
	put_ingress(&f, "bank", "istio", "/");
	put_foreign(&f, "theirs", "nginx", "198.51.100.1");
	fix_begin(&f);
	assert_true(is_told(&f, "shop", "192.0.2.1") && is_told(&f, "bank", "192.0.2.1") && is_told(&f, "theirs", "198.51.100.1"));
	assert_int_equal(fix_stats(&f, 0).ingresses, 2);
	/* what we wrote comes back, and nobody compiles for it */
	changes = f.changes;
	for (int i = 0; i < 20; i++)
		loop_turn(f.w.loop, 10);
	assert_int_equal(f.changes, changes);
	/* another form of one: nothing new to say */
	put_ingress(&f, "shop", "istio", "/other");
	wait_for(&f.w, f.changes > changes && fix_is_quiet(&f, 0));
	assert_int_equal(fix_stats(&f, 0).ingresses, 2);
	/* the gateway moves; then it is reached no more */
	put_gateway(&f, "192.0.2.2");
	wait_for(&f.w, is_told(&f, "shop", "192.0.2.2") && is_told(&f, "bank", "192.0.2.2") && fix_is_quiet(&f, 0));
	written = fix_stats(&f, 0).ingresses;
	assert_int_equal(written, 4);
	fake_api_delete(f.w.api, SERVICES, "istio-system", "istio-ingressgateway");
	wait_for(&f.w, is_told(&f, "shop", "") && is_told(&f, "bank", "") && fix_is_quiet(&f, 0));
	/* a later Ingress, a later gateway */
	put_ingress(&f, "late", "istio", "/");
	put_gateway(&f, "192.0.2.3");
	wait_for(&f.w, is_told(&f, "late", "192.0.2.3") && is_told(&f, "shop", "192.0.2.3") && fix_is_quiet(&f, 0));
	assert_true(is_told(&f, "theirs", "198.51.100.1"));
	fix_stop(&f);
}

/* What stops being ours loses what we wrote, and that alone. */
static void leaves_what_is_not_its_own(void **state)
{
	struct fix f;

	(void)state;
	fix_start(&f);
	put_gateway(&f, "192.0.2.1");
	put_ingress(&f, "shop", "istio", "/");
	put_ingress(&f, "bank", "istio", "/");
	fix_begin(&f);
	assert_true(is_told(&f, "shop", "192.0.2.1") && is_told(&f, "bank", "192.0.2.1"));
	put_ingress(&f, "shop", "nginx", "/");
	wait_for(&f.w, is_told(&f, "shop", "") && fix_is_quiet(&f, 0));
	/* the new owner was quicker than we */
	put_foreign(&f, "bank", "nginx", "198.51.100.1");
	for (int i = 0; i < 20; i++)
		loop_turn(f.w.loop, 10);
	wait_for(&f.w, fix_is_quiet(&f, 0));
	assert_true(is_told(&f, "bank", "198.51.100.1"));
	/* what becomes ours is told */
	put_ingress(&f, "bank", "istio", "/");
	wait_for(&f.w, is_told(&f, "bank", "192.0.2.1") && fix_is_quiet(&f, 0));
	/* it changed hands while nobody led: another process knows that the address was ours */
	fix_close_reporter(&f, 0);
	put_ingress(&f, "bank", "nginx", "/");
	fix_open_reporter(&f, 0);
	wait_for(&f.w, is_told(&f, "bank", "") && fix_is_quiet(&f, 0));
	fix_stop(&f);
}

/* Another one writes what it thinks: it is not answered. */
static void does_not_fight(void **state)
{
	uint64_t written;
	struct fix f;

	(void)state;
	fix_start(&f);
	put_gateway(&f, "192.0.2.1");
	put_ingress(&f, "shop", "istio", "/");
	fix_begin(&f);
	written = fix_stats(&f, 0).ingresses;
	for (int i = 0; i < 5; i++) {
		put_foreign(&f, "shop", "istio", arena_printf(&f.w.arena, "198.51.100.%d", i));
		for (int k = 0; k < 5; k++)
			loop_turn(f.w.loop, 10);
	}
	wait_for(&f.w, fix_is_quiet(&f, 0));
	assert_int_equal(fix_stats(&f, 0).ingresses, written);
	assert_true(is_told(&f, "shop", "198.51.100.4"));
	/* and what it wrote is its own, whoever serves */
	put_ingress(&f, "shop", "nginx", "/");
	for (int k = 0; k < 20; k++)
		loop_turn(f.w.loop, 10);
	wait_for(&f.w, fix_is_quiet(&f, 0));
	assert_true(is_told(&f, "shop", "198.51.100.4"));
	fix_stop(&f);
}

/* The class has changed, and the watch has not said so yet: who looks sees that it does not know. */
static void waits_for_the_watch(void **state)
{
	struct fix f;

	(void)state;
	fix_start(&f);
	put_gateway(&f, "192.0.2.1");
	put_ingress(&f, "shop", "istio", "/");
	fix_begin(&f);
	assert_true(is_told(&f, "shop", "192.0.2.1"));
	fake_api_fault(f.w.api, &(struct fake_fault){"/ingresses?", FAKE_STATUS, 503, 0, 2});
	fake_api_break_watches(f.w.api);
	put_foreign(&f, "shop", "nginx", "198.51.100.1");
	put_gateway(&f, "192.0.2.2");
	wait_for(&f.w, fix_stats(&f, 0).outbox.conflicts > 0);
	wait_for(&f.w, fix_is_quiet(&f, 0));
	assert_int_equal(fix_stats(&f, 0).ingresses, 1);
	assert_true(is_told(&f, "shop", "198.51.100.1"));
	fix_stop(&f);
}

static void gets_over_faults(void **state)
{
	struct fix f;

	(void)state;
	fix_start(&f);
	put_gateway(&f, "192.0.2.1");
	put_ingress(&f, "shop", "istio", "/");
	fake_api_fault(f.w.api, &(struct fake_fault){"/shop/status?fieldManager=navarchd", FAKE_STATUS, 409, 0, 1});
	fake_api_fault(f.w.api, &(struct fake_fault){"/shop/status", FAKE_STATUS, 503, 0, 1});
	fix_begin(&f);
	assert_true(is_told(&f, "shop", "192.0.2.1"));
	assert_int_equal(fix_stats(&f, 0).outbox.conflicts, 1);
	assert_int_equal(fix_stats(&f, 0).outbox.troubles, 1);
	assert_int_equal(fix_stats(&f, 0).ingresses, 1);
	/* who follows says nothing; who leads next finds all as it should be */
	fix_open_reporter(&f, 1);
	wait_for(&f.w, !strcmp(fix_stats(&f, 1).holder, "navarchd-a"));
	put_gateway(&f, "192.0.2.2");
	wait_for(&f.w, is_told(&f, "shop", "192.0.2.2") && fix_is_quiet(&f, 0));
	assert_int_equal(fix_stats(&f, 1).ingresses, 0);
	reporter_stop(f.reporter[0]);
	wait_for(&f.w, reporter_is_idle(f.reporter[0]));
	fix_close_reporter(&f, 0);
	wait_for(&f.w, fix_is_quiet(&f, 1));
	assert_int_equal(fix_stats(&f, 1).ingresses, 0);
	fix_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_gateway),
		cmocka_unit_test(leaves_what_is_not_its_own),
		cmocka_unit_test(does_not_fight),
		cmocka_unit_test(waits_for_the_watch),
		cmocka_unit_test(gets_over_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
