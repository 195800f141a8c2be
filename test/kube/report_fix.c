/* SPDX-License-Identifier: Apache-2.0 */
#include "report_fix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"

static void on_change(void *arg)
{
	struct fix *f = arg;
	struct snapshot *s;
	struct object_set set;

	f->changes++;
	if (!store_synced(f->w.store))
		return;
	set = *store_objects(f->w.store);
	s = snapshot_build(f->snap, &set);
	assert_non_null(s);
	snapshot_adopt(s);
	snapshot_unref(f->snap);
	f->snap = s;
	for (int i = 0; i < REPLICAS; i++)
		reporter_published(f->reporter[i], s);
}

static void on_move(void *arg, enum kind kind, const char *ns, const char *name)
{
	struct fix *f = arg;

	for (int i = 0; i < REPLICAS; i++)
		reporter_moved(f->reporter[i], kind, ns, name);
}

static const char *roots(void *arg)
{
	return ((struct fix *)arg)->roots;
}

static const char *crl(void *arg)
{
	return ((struct fix *)arg)->crl;
}

static bool refuses(void *arg, uint64_t client, enum xds_type type, const char *name)
{
	(void)client;
	(void)type;
	(void)name;
	return ((struct fix *)arg)->refuses;
}

void fix_put(struct fix *f, const char *resource, const char *json)
{
	fake_api_put(f->w.api, resource, json);
}

const struct node *fix_get(struct fix *f, const char *resource, const char *ns, const char *name)
{
	const char *json = fake_api_get(f->w.api, resource, ns, name);
	struct arena *a = &f->w.arena;
	struct diags ds;

	diags_init(&ds, a);
	return json ? node_parse_json(arena_strdup(a, json), strlen(json), NULL, a, &ds).root : NULL;
}

void fix_start(struct fix *f)
{
	static const char *const kinds[][2] = {
		{RULES, "DestinationRule"}, {INGRESSES, "Ingress"}, {CLASSES, "IngressClass"},
		{EVENTS, "Event"},	    {LEASES, "Lease"},	    {HOOKS, "ValidatingWebhookConfiguration"},
		{GATEWAYS, "Gateway"},	    {ROUTES, "HTTPRoute"},
	};
	struct err e;

	*f = (struct fix){.roots = "ROOT ONE\n"};
	world_open(&f->w);
	f->jobs = job_pool_new(f->w.loop, 0, &e);
	assert_non_null(f->jobs);
	world_register_kinds(&f->w);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		fake_api_register(f->w.api, kinds[i][0], kinds[i][1]);
	fix_put(f, NAMESPACES, "{\"metadata\":{\"name\":\"one\"}}");
	fix_put(f, SERVICES, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"one\"},\"spec\":{\"clusterIP\":\"10.0.0.1\",\"ports\":"
			     "[{\"name\":\"http\",\"port\":80}]}}");
}

void fix_open_source(struct fix *f)
{
	struct source_kube_cfg cfg = world_source_cfg(&f->w);
	struct err e;

	cfg.changed = on_change;
	cfg.moved = on_move;
	cfg.arg = f;
	assert_int_equal(source_kube_open(&cfg, &f->w.source, &e), 0);
}

void fix_open_reporter(struct fix *f, int i)
{
	static const char *const names[] = {"navarchd-a", "navarchd-b"};
	struct err e;
	struct reporter_cfg cfg = {.loop = f->w.loop,
				   .jobs = f->jobs,
				   .source = f->w.source,
				   .store = f->w.store,
				   .identity = names[i],
				   .ns = "istio-system",
				   .lease = "navarchd",
				   .webhook = "navarchd",
				   .revision = f->revision,
				   .roots = roots,
				   .crl = crl,
				   .publishes = true,
				   .refuses = refuses,
				   .arg = f};

	f->client[i] = kube_client_new(f->w.loop, &f->w.access, "navarch-test/1", &e);
	cfg.client = f->client[i];
	f->reporter[i] = reporter_open(&cfg, &e);
	assert_non_null(f->reporter[i]);
	if (f->snap)
		reporter_published(f->reporter[i], f->snap);
}

void fix_close_reporter(struct fix *f, int i)
{
	reporter_close(f->reporter[i]);
	kube_client_free(f->client[i]);
	f->reporter[i] = NULL;
	f->client[i] = NULL;
}

void fix_stop(struct fix *f)
{
	for (int i = 0; i < REPLICAS; i++)
		fix_close_reporter(f, i);
	job_pool_free(f->jobs);
	snapshot_unref(f->snap);
	world_close(&f->w);
}

void fix_begin(struct fix *f)
{
	fix_open_source(f);
	wait_for(&f->w, store_synced(f->w.store) && f->snap);
	fix_open_reporter(f, 0);
	wait_for(&f->w, fix_is_quiet(f, 0));
}

struct reporter_stats fix_stats(const struct fix *f, int i)
{
	struct reporter_stats st;

	reporter_stats(f->reporter[i], &st);
	return st;
}

bool fix_is_quiet(const struct fix *f, int i)
{
	struct reporter_stats st = fix_stats(f, i);

	return st.leads && !st.outbox.waiting && !st.outbox.open;
}
