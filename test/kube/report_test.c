/* SPDX-License-Identifier: Apache-2.0
 *
 * What is written back, against the fake API server: source, snapshots, reporter and server in one loop.
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
#include "report/trust.h"

/* As a user writes it: its status stays. */
static void put_route(struct fix *f, const char *name, const char *rest)
{
	const struct node *status = node_get(fix_get(f, VIRTUAL, "one", name), "status");
	struct buf text;

	buf_init(&text, 65536);
	if (status)
		node_to_json(status, false, false, &text);
	fix_put(f, VIRTUAL,
	    arena_printf(&f->w.arena, "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"one\"},\"spec\":{\"hosts\":[\"a\"],\"http\":"
				    "[{\"route\":[{\"destination\":{\"host\":\"a\"}%s}]}]}%s%s}", name, rest,
			 status ? ",\"status\":" : "", buf_cstr(&text)));
	buf_fini(&text);
}

static const struct node *status_of(struct fix *f, const char *name)
{
	return node_get(fix_get(f, VIRTUAL, "one", name), "status");
}

static const struct node *condition(struct fix *f, const char *name, const char *type)
{
	const struct node *list = node_get(status_of(f, name), "conditions");

	for (size_t i = 0; list && i < list->n; i++)
		if (!strcmp(node_text(&list->list[i], "type"), type))
			return &list->list[i];
	return NULL;
}

static bool says(struct fix *f, const char *name, const char *reason)
{
	const struct node *c = condition(f, name, "NavarchVerdict");

	return c && !strcmp(node_text(c, "reason"), reason);
}

static bool observed(struct fix *f, const char *name, const char *generation)
{
	const struct node *n = node_get(status_of(f, name), "observedGeneration");

	return n && !strcmp(n->text, generation);
}

static void writes_statuses(void **state)
{
	const struct node *c;
	struct fix f;
	int changes;
	uint64_t written;

	(void)state;
	fix_start(&f);
	put_route(&f, "good", "");
	fix_put(&f, VIRTUAL, "{\"metadata\":{\"name\":\"stray\",\"namespace\":\"one\"},\"spec\":{\"hosts\":[\"b\"],\"http\":[{\"route\":"
			 "[{\"destination\":{\"host\":\"nowhere\"}}]}]},\"status\":{\"conditions\":[{\"type\":\"other/Thing\",\"status\":"
			 "\"True\",\"strange\":[1,2]}],\"mine\":{\"x\":1}}}");
	fix_open_source(&f);
	wait_for(&f.w, store_synced(f.w.store) && f.snap);
	changes = f.changes;
	fix_open_reporter(&f, 0);
	wait_for(&f.w, says(&f, "good", "Effective") && says(&f, "stray", "Partly"));
	wait_for(&f.w, fix_is_quiet(&f, 0));
	c = condition(&f, "good", "Reconciled");
	assert_string_equal(node_text(c, "status"), "True");
	assert_string_equal(node_text(c, "reason"), "Effective");
	assert_non_null(node_text(c, "lastTransitionTime"));
	assert_string_equal(node_text(condition(&f, "good", "PassedAnalysis"), "status"), "True");
	assert_null(node_get(status_of(&f, "good"), "validationMessages"));
	assert_true(observed(&f, "good", "1"));
	/* what is another one's stays */
	c = condition(&f, "stray", "other/Thing");
	assert_int_equal(node_get(c, "strange")->n, 2);
	assert_non_null(node_get(status_of(&f, "stray"), "mine"));
	assert_string_equal(node_text(condition(&f, "stray", "Reconciled"), "status"), "True");
	assert_string_equal(node_text(condition(&f, "stray", "NavarchVerdict"), "status"), "False");
	assert_non_null(strstr(node_text(condition(&f, "stray", "NavarchVerdict"), "message"), "NAV"));
	assert_non_null(node_get(status_of(&f, "stray"), "validationMessages"));
	/* our own writes come back, and nobody compiles for them */
	for (int i = 0; i < 20; i++)
		loop_turn(f.w.loop, 10);
	assert_int_equal(f.changes, changes);
	written = fix_stats(&f, 0).statuses;
	assert_int_equal(written, 2);
	assert_int_equal(fake_api_count(f.w.api, EVENTS), 0);
	/* something that concerns neither */
	fix_put(&f, SERVICES, "{\"metadata\":{\"name\":\"z\",\"namespace\":\"one\"},\"spec\":{\"clusterIP\":\"10.0.0.9\",\"ports\":"
			  "[{\"name\":\"http\",\"port\":80}]}}");
	wait_for(&f.w, f.changes > changes && fix_is_quiet(&f, 0));
	assert_int_equal(fix_stats(&f, 0).statuses, written);
	fix_stop(&f);
}

static void follows_changes(void **state)
{
	struct fix f;
	static const char since[] = "2020-02-02T02:02:02Z";

	(void)state;
	fix_start(&f);
	fix_put(&f, VIRTUAL, "{\"metadata\":{\"name\":\"r\",\"namespace\":\"one\"},\"spec\":{\"hosts\":[\"a\"],\"http\":[{\"route\":"
			 "[{\"destination\":{\"host\":\"a\"}}]}]},\"status\":{\"conditions\":[{\"type\":\"Reconciled\",\"status\":\"True\","
			 "\"lastTransitionTime\":\"2020-02-02T02:02:02Z\"}]}}");
	fix_begin(&f);
	/* the verdict is the same, and of another generation */
	put_route(&f, "r", ",\"weight\":100");
	wait_for(&f.w, observed(&f, "r", "2"));
	assert_true(says(&f, "r", "Effective"));
	assert_string_equal(node_text(condition(&f, "r", "Reconciled"), "lastTransitionTime"), since);
	assert_string_not_equal(node_text(condition(&f, "r", "NavarchVerdict"), "lastTransitionTime"), since);
	/* a field that nobody here knows: nothing to compile, and a generation all the same */
	fix_put(&f, VIRTUAL, "{\"metadata\":{\"name\":\"r\",\"namespace\":\"one\"},\"spec\":{\"hosts\":[\"a\"],\"x\":1,\"http\":"
			 "[{\"route\":[{\"destination\":{\"host\":\"a\"},\"weight\":100}]}]}}");
	wait_for(&f.w, observed(&f, "r", "3"));
	/* it goes, and another one of its name comes, which has no status */
	fake_api_delete(f.w.api, VIRTUAL, "one", "r");
	wait_for(&f.w, kind_list_find(store_objects(f.w.store)->kind[KIND_VIRTUAL_SERVICE], "one", "r") == NULL);
	put_route(&f, "r", "");
	wait_for(&f.w, observed(&f, "r", "1") && fix_is_quiet(&f, 0));
	fake_api_lose(f.w.api, VIRTUAL, "one", "r");
	put_route(&f, "r", "");
	wait_for(&f.w, observed(&f, "r", "1"));
	/* what another object does to it */
	fake_api_delete(f.w.api, SERVICES, "one", "a");
	wait_for(&f.w, !says(&f, "r", "Effective"));
	assert_true(observed(&f, "r", "1"));
	fix_stop(&f);
}

static const char *INVALID = "{\"metadata\":{\"name\":\"r\",\"namespace\":\"one\"},\"spec\":{\"hosts\":7}}";

static void tells_what_is_bad(void **state)
{
	const struct node *e, *about;
	struct fix f;
	uint64_t looked;

	(void)state;
	fix_start(&f);
	put_route(&f, "r", "");
	fix_put(&f, VIRTUAL, "{\"metadata\":{\"name\":\"never\",\"namespace\":\"one\"},\"spec\":{\"hosts\":7}}");
	fix_begin(&f);
	assert_true(says(&f, "never", "Quarantined"));
	assert_int_equal(fake_api_count(f.w.api, EVENTS), 1);
	fix_put(&f, VIRTUAL, INVALID);
	wait_for(&f.w, says(&f, "r", "Quarantined") && observed(&f, "r", "2") && fix_is_quiet(&f, 0));
	assert_non_null(strstr(node_text(condition(&f, "r", "Reconciled"), "message"), "last good form"));
	assert_string_equal(node_text(condition(&f, "r", "Reconciled"), "status"), "False");
	assert_string_equal(node_text(condition(&f, "r", "PassedAnalysis"), "status"), "False");
	wait_for(&f.w, fake_api_count(f.w.api, EVENTS) == 2);
	e = fix_get(&f, EVENTS, "one", fake_api_name(f.w.api, EVENTS, 0));
	if (strcmp(node_text(node_get(e, "involvedObject"), "name"), "r") != 0)
		e = fix_get(&f, EVENTS, "one", fake_api_name(f.w.api, EVENTS, 1));
	about = node_get(e, "involvedObject");
	assert_string_equal(node_text(about, "kind"), "VirtualService");
	assert_string_equal(node_text(about, "name"), "r");
	assert_string_equal(node_text(about, "uid"), node_text(node_get(fix_get(&f, VIRTUAL, "one", "r"), "metadata"), "uid"));
	assert_string_equal(node_text(e, "reason"), "Quarantined");
	assert_string_equal(node_text(e, "type"), "Warning");
	assert_string_equal(node_get(e, "count")->text, "1");
	/* good again, and bad as before: the same event, once more */
	put_route(&f, "r", "");
	wait_for(&f.w, says(&f, "r", "Effective"));
	fix_put(&f, VIRTUAL, INVALID);
	wait_for(&f.w, says(&f, "r", "Quarantined") && fix_is_quiet(&f, 0));
	assert_int_equal(fake_api_count(f.w.api, EVENTS), 2);
	e = fix_get(&f, EVENTS, "one", node_text(node_get(e, "metadata"), "name"));
	assert_string_equal(node_get(e, "count")->text, "2");
	/* a new process says nothing that is said */
	looked = fake_api_requests(f.w.api, "/status");
	fix_close_reporter(&f, 0);
	fix_open_reporter(&f, 0);
	wait_for(&f.w, fix_is_quiet(&f, 0) && fake_api_requests(f.w.api, "/status") > looked);
	assert_int_equal(fix_stats(&f, 0).statuses, 0);
	assert_int_equal(fix_stats(&f, 0).events.noted, 0);
	assert_int_equal(fake_api_count(f.w.api, EVENTS), 2);
	fix_stop(&f);
}

/* The namespace of an Event is gone before the Event comes. */
static void events_of_what_is_gone(void **state)
{
	struct fix f;

	(void)state;
	fix_start(&f);
	fake_api_fault(f.w.api, &(struct fake_fault){"/namespaces/one/events", FAKE_STATUS, 404, 0, 1000});
	fix_put(&f, VIRTUAL, INVALID);
	fix_begin(&f);
	assert_true(says(&f, "r", "Quarantined"));
	assert_int_equal(fake_api_requests(f.w.api, "/namespaces/one/events"), 1);
	fix_stop(&f);
}

static void gets_over_faults(void **state)
{
	struct fix f;

	(void)state;
	fix_start(&f);
	put_route(&f, "r", "");
	fix_begin(&f);
	/* one writes between our look and our write */
	fake_api_fault(f.w.api, &(struct fake_fault){"/r/status", FAKE_STATUS, 409, 0, 1});
	put_route(&f, "r", ",\"weight\":1");
	wait_for(&f.w, observed(&f, "r", "2") && fix_is_quiet(&f, 0));
	assert_int_equal(fix_stats(&f, 0).outbox.conflicts, 1);
	/* the server has too much to do, cuts, and breaks */
	fake_api_fault(f.w.api, &(struct fake_fault){"/r/status", FAKE_STATUS, 429, 1, 1});
	fake_api_fault(f.w.api, &(struct fake_fault){"/r/status", FAKE_STATUS, 503, 0, 1});
	fake_api_fault(f.w.api, &(struct fake_fault){"/r/status", FAKE_RESET, 10, 0, 1});
	put_route(&f, "r", ",\"weight\":2");
	wait_for(&f.w, observed(&f, "r", "3"));
	assert_int_equal(fix_stats(&f, 0).outbox.troubles, 3);
	/* a right that is missing holds up that one only */
	fake_api_fault(f.w.api, &(struct fake_fault){"/denied/status", FAKE_STATUS, 403, 0, 1000});
	put_route(&f, "denied", "");
	wait_for(&f.w, fix_stats(&f, 0).outbox.refused == 1);
	assert_non_null(fix_stats(&f, 0).trouble);
	put_route(&f, "r", ",\"weight\":3");
	wait_for(&f.w, observed(&f, "r", "4"));
	put_route(&f, "denied", ",\"weight\":3");
	for (int i = 0; i < 30; i++)
		loop_turn(f.w.loop, 10);
	assert_int_equal(fix_stats(&f, 0).outbox.refused, 1);
	/* it is gone before its turn comes */
	fake_api_fault(f.w.api, &(struct fake_fault){"/gone/status", FAKE_STATUS, 503, 0, 1});
	put_route(&f, "gone", "");
	wait_for(&f.w, fix_stats(&f, 0).outbox.troubles == 4);
	fake_api_delete(f.w.api, VIRTUAL, "one", "gone");
	wait_for(&f.w, fix_stats(&f, 0).outbox.waiting == 1 && !fix_stats(&f, 0).outbox.open);
	fix_stop(&f);
}

static void one_of_two_writes(void **state)
{
	struct fix f;
	uint64_t statuses;

	(void)state;
	fix_start(&f);
	put_route(&f, "r", "");
	fix_begin(&f);
	fix_open_reporter(&f, 1);
	wait_for(&f.w, !strcmp(fix_stats(&f, 1).holder, "navarchd-a"));
	put_route(&f, "r", ",\"weight\":1");
	wait_for(&f.w, observed(&f, "r", "2") && fix_is_quiet(&f, 0));
	assert_int_equal(fix_stats(&f, 1).statuses, 0);
	assert_false(fix_stats(&f, 1).leads);
	/* a clean stop: the other one takes over, and finds all as it should be */
	reporter_stop(f.reporter[0]);
	assert_false(fix_stats(&f, 0).leads);
	wait_for(&f.w, reporter_is_idle(f.reporter[0]));
	fix_close_reporter(&f, 0);
	wait_for(&f.w, fix_is_quiet(&f, 1));
	assert_int_equal(fix_stats(&f, 1).statuses, 0);
	put_route(&f, "r", ",\"weight\":2");
	wait_for(&f.w, observed(&f, "r", "3") && fix_is_quiet(&f, 1));
	statuses = fix_stats(&f, 1).statuses;
	assert_int_equal(statuses, 1);
	/* somebody else takes the Lease: nothing more is written */
	fix_put(&f, LEASES, "{\"metadata\":{\"name\":\"navarchd\",\"namespace\":\"istio-system\"},\"spec\":{\"holderIdentity\":\"x\","
			"\"leaseDurationSeconds\":15}}");
	wait_for(&f.w, !fix_stats(&f, 1).leads);
	put_route(&f, "r", ",\"weight\":3");
	for (int i = 0; i < 30; i++)
		loop_turn(f.w.loop, 10);
	assert_true(observed(&f, "r", "3"));
	fix_stop(&f);
}

static void proxies_refuse(void **state)
{
	struct res_origin origin = {.kind = KIND_VIRTUAL_SERVICE, .ns = "one", .name = "r"};
	struct res res = {.type = XDS_RDS, .name = "80", .origins = &origin, .n_origins = 1};
	struct fix f;

	(void)state;
	fix_start(&f);
	put_route(&f, "r", "");
	fix_begin(&f);
	f.refuses = true;
	reporter_refused(f.reporter[0], 7, "sidecar~10.0.0.1~a.one~one.svc.cluster.local", &res, "no such \"thing\"\n");
	wait_for(&f.w, says(&f, "r", "Rejected") && fix_is_quiet(&f, 0));
	assert_string_equal(node_text(condition(&f, "r", "Reconciled"), "status"), "False");
	assert_non_null(strstr(node_text(condition(&f, "r", "Reconciled"), "message"), "no such \"thing\""));
	wait_for(&f.w, fake_api_count(f.w.api, EVENTS) == 1);
	f.refuses = false;
	wait_for(&f.w, says(&f, "r", "Effective"));
	assert_int_equal(fix_stats(&f, 0).refusals, 0);
	fix_stop(&f);
}

static const char *map_of(struct fix *f, const struct trust_map *m, const char *ns)
{
	return node_text(node_get(fix_get(f, MAPS, ns, m->name), "data"), m->key);
}

static const char *bundle(struct fix *f, size_t i)
{
	const struct node *list = node_get(fix_get(f, HOOKS, "", "navarchd"), "webhooks");

	return node_text(node_get(&list->list[i], "clientConfig"), "caBundle");
}

static bool map_says(struct fix *f, const struct trust_map *m, const char *ns, const char *text)
{
	const char *is = map_of(f, m, ns);

	return is && !strcmp(is, text);
}

static void publishes_the_root(void **state)
{
	struct fix f;

	(void)state;
	fix_start(&f);
	fix_put(&f, NAMESPACES, "{\"metadata\":{\"name\":\"kube-system\"}}");
	fix_put(&f, MAPS, "{\"metadata\":{\"name\":\"istio-ca-root-cert\",\"namespace\":\"one\",\"labels\":{\"x\":\"y\"}},\"data\":"
		      "{\"root-cert.pem\":\"OLD\",\"more\":\"1\"}}");
	fix_put(&f, HOOKS, "{\"metadata\":{\"name\":\"navarchd\"},\"webhooks\":[{\"name\":\"a\",\"clientConfig\":{\"service\":{\"name\":"
		       "\"istiod\",\"namespace\":\"istio-system\",\"path\":\"/validate\"},\"caBundle\":\"\"},\"timeoutSeconds\":5},"
		       "{\"name\":\"b\",\"clientConfig\":{\"service\":{\"name\":\"x\",\"namespace\":\"y\",\"path\":\"/other\"},"
		       "\"caBundle\":\"Zm9v\"}},{\"name\":\"c\",\"clientConfig\":{\"url\":\"https://127.0.0.1:1/validate?x\"}}]}");
	fix_begin(&f);
	assert_true(map_says(&f, &trust_root_map, "one", "ROOT ONE\n"));
	assert_non_null(node_get(node_get(fix_get(&f, MAPS, "one", trust_root_map.name), "data"), "more"));
	assert_null(map_of(&f, &trust_root_map, "kube-system"));
	assert_string_equal(bundle(&f, 0), "Uk9PVCBPTkUK");
	assert_string_equal(bundle(&f, 1), "Zm9v");
	assert_string_equal(bundle(&f, 2), "Uk9PVCBPTkUK");
	fix_put(&f, NAMESPACES, "{\"metadata\":{\"name\":\"two\"}}");
	wait_for(&f.w, map_says(&f, &trust_root_map, "two", "ROOT ONE\n"));
	f.roots = "ROOT TWO\n";
	reporter_roots_changed(f.reporter[0]);
	wait_for(&f.w, map_says(&f, &trust_root_map, "one", f.roots) && map_says(&f, &trust_root_map, "two", f.roots) && fix_is_quiet(&f, 0));
	assert_string_equal(bundle(&f, 0), "Uk9PVCBUV08K");
	assert_string_equal(bundle(&f, 1), "Zm9v");
	assert_int_equal(fix_stats(&f, 0).webhooks, 2);
	assert_int_equal(fix_stats(&f, 0).maps, 4);
	fix_stop(&f);
}

/* Where there are none there is no ConfigMap either; one that was made is emptied, as Istio's agents want it. */
static void publishes_revoked_certificates(void **state)
{
	struct fix f;

	(void)state;
	fix_start(&f);
	fix_put(&f, NAMESPACES, "{\"metadata\":{\"name\":\"kube-system\"}}");
	fix_begin(&f);
	assert_null(map_of(&f, &trust_crl_map, "one"));
	f.crl = "LISTS\n";
	reporter_roots_changed(f.reporter[0]);
	wait_for(&f.w, map_says(&f, &trust_crl_map, "one", f.crl));
	assert_null(map_of(&f, &trust_crl_map, "kube-system"));
	f.crl = NULL;
	reporter_roots_changed(f.reporter[0]);
	wait_for(&f.w, map_says(&f, &trust_crl_map, "one", ""));
	fix_stop(&f);
}

/* A file says the same name: its word counts, and the cluster's object is not told of it. */
static void files_are_not_told_of(void **state)
{
	static const char text[] = "{\"apiVersion\":\"networking.istio.io/v1\",\"kind\":\"VirtualService\",\"metadata\":{\"name\":\"r\","
				   "\"namespace\":\"one\"},\"spec\":{\"hosts\":[\"a\"],\"http\":[{\"route\":[{\"destination\":{\"host\":\"a\"}}]}]}}";
	struct store_entry entry = {.kind = KIND_VIRTUAL_SERVICE, .ns = "one", .name = "r"};
	struct store_place place = {.name = "kubernetes/r.yaml", .v = &entry, .n = 1};
	struct object_id id;
	struct object *o;
	struct diags ds;
	struct fix f;
	int files;

	(void)state;
	fix_start(&f);
	diags_init(&ds, &f.w.arena);
	assert_int_equal(object_decode(node_parse_json(text, sizeof(text) - 1, NULL, &f.w.arena, &ds).root, SCHEMA_LENIENT,
				       place.name, &o, &id, &ds), OBJECT_OK);
	files = store_source_add(f.w.store, "files");
	entry.obj = o;
	store_put(f.w.store, files, &place);
	object_unref(o);
	store_commit(f.w.store);
	store_source_synced(f.w.store, files);
	put_route(&f, "r", "");
	put_route(&f, "other", "");
	fix_begin(&f);
	assert_non_null(status_of(&f, "other"));
	assert_null(status_of(&f, "r"));
	fix_stop(&f);
}

/* One of several control planes tells of what is its own. */
static void tells_of_its_revision(void **state)
{
	struct fix f;

	(void)state;
	fix_start(&f);
	f.revision = "canary";
	store_set_revision(f.w.store, "canary");
	put_route(&f, "all", "");
	fix_put(&f, VIRTUAL, "{\"metadata\":{\"name\":\"ours\",\"namespace\":\"one\",\"labels\":{\"istio.io/rev\":\"canary\"}},\"spec\":{\"hosts\":"
			 "[\"a\"],\"http\":[{\"route\":[{\"destination\":{\"host\":\"a\"}}]}]}}");
	fix_put(&f, VIRTUAL, "{\"metadata\":{\"name\":\"theirs\",\"namespace\":\"one\",\"labels\":{\"istio.io/rev\":\"other\"}},\"spec\":{\"hosts\":"
			 "7}}");
	fix_begin(&f);
	assert_non_null(condition(&f, "ours", "NavarchVerdict"));
	assert_null(status_of(&f, "all"));
	assert_null(status_of(&f, "theirs"));
	fix_stop(&f);
}

static void put_many(struct fix *f)
{
	for (int i = 0; i < 120; i++)
		put_route(f, arena_printf(&f->w.arena, "r%03d", i), "");
}

/* What changes during a first pass over many objects does not wait for its end. */
static void changes_go_first(struct fix *f)
{
	size_t waiting;

	wait_for(&f->w, fix_stats(f, 0).statuses > 0);
	put_route(f, "r119", ",\"weight\":7");
	wait_for(&f->w, observed(f, "r119", "2"));
	waiting = fix_stats(f, 0).outbox.waiting;
	assert_in_range(waiting, 30, 119);
	assert_in_range(fix_stats(f, 0).outbox.open, 0, OUTBOX_OPEN_MAX);
	wait_for(&f->w, fix_is_quiet(f, 0));
	assert_int_equal(fix_stats(f, 0).statuses, 120);
}

static void paces_the_first_pass(void **state)
{
	struct fix f;

	(void)state;
	fix_start(&f);
	put_many(&f);
	fix_open_source(&f);
	wait_for(&f.w, store_synced(f.w.store) && f.snap);
	fix_open_reporter(&f, 0);
	changes_go_first(&f);
	fix_stop(&f);
}

/* The same where it leads before there is a snapshot. */
static void leads_before_a_snapshot(void **state)
{
	struct fix f;

	(void)state;
	fix_start(&f);
	put_many(&f);
	fake_api_fault(f.w.api, &(struct fake_fault){"/pods?", FAKE_STATUS, 503, 0, 1});
	fix_open_source(&f);
	fix_open_reporter(&f, 0);
	wait_for(&f.w, fix_stats(&f, 0).leads);
	assert_null(f.snap);
	changes_go_first(&f);
	fix_stop(&f);
}

/* What the server gives for an object is none: that one waits, and somebody is told. */
static void answers_that_are_none(void **state)
{
	struct fix f;

	(void)state;
	fix_start(&f);
	put_route(&f, "r", "");
	fake_api_fault(f.w.api, &(struct fake_fault){"/r/status", FAKE_GARBAGE, 0, 0, 1});
	fix_open_source(&f);
	wait_for(&f.w, store_synced(f.w.store) && f.snap);
	fix_open_reporter(&f, 0);
	wait_for(&f.w, fix_stats(&f, 0).outbox.refused == 1);
	assert_string_equal(fix_stats(&f, 0).trouble, "statuses: what the server has is no object");
	fix_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_statuses),
		cmocka_unit_test(follows_changes),
		cmocka_unit_test(tells_what_is_bad),
		cmocka_unit_test(events_of_what_is_gone),
		cmocka_unit_test(gets_over_faults),
		cmocka_unit_test(one_of_two_writes),
		cmocka_unit_test(proxies_refuse),
		cmocka_unit_test(publishes_the_root),
		cmocka_unit_test(publishes_revoked_certificates),
		cmocka_unit_test(files_are_not_told_of),
		cmocka_unit_test(tells_of_its_revision),
		cmocka_unit_test(paces_the_first_pass),
		cmocka_unit_test(leads_before_a_snapshot),
		cmocka_unit_test(answers_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
