/* SPDX-License-Identifier: Apache-2.0
 *
 * The election on virtual time: replicas with clocks of their own, and one Lease that refuses old versions, slowly or
 * not at all, as the case has it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/scalar.h"
#include "node/node.h"
#include "report/lease.h"

enum { REPLICAS = 2, STEP_MS = 50, TEXT = 2048 };

/* The API server, as far as one Lease goes. */
struct world {
	bool there;
	int version;
	char spec[TEXT];		/* JSON of the map */
	int64_t now_ms;			/* true time */
	int64_t delay_ms;		/* of each answer */
	int64_t silent_until_ms;	/* requests until then get none */
	bool always_conflict;
	unsigned requests, writes, creates;
	unsigned taken_by[REPLICAS];
};

struct replica {
	struct world *world;
	struct lease *lease;
	bool dead;
	int64_t skew_ms;		/* of its monotonic clock */
	int64_t wall_ns;
	bool open;
	int64_t answer_at_ms, gives_up_at_ms;
	struct lease_request request;
	char method[8], target[256], body[TEXT];
};

static int64_t clock_of(const struct replica *r)
{
	return r->world->now_ms + r->skew_ms;
}

static void merge(struct world *w, const struct node *spec)
{
	struct arena a;
	struct diags ds;
	struct node *old, *m;
	struct buf out;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	old = node_parse_json(w->spec, strlen(w->spec), NULL, &a, &ds).root;
	assert_non_null(old);
	m = arena_new(&a, struct node);
	*m = (struct node){.kind = NODE_MAP, .map = arena_array(&a, struct node_member, old->n + spec->n)};
	for (size_t i = 0; i < old->n; i++)
		if (!node_get(spec, old->map[i].key))
			m->map[m->n++] = old->map[i];
	for (size_t i = 0; i < spec->n; i++)
		m->map[m->n++] = spec->map[i];
	buf_init(&out, TEXT);
	node_to_json(m, true, false, &out);
	snprintf(w->spec, sizeof(w->spec), "%s", buf_cstr(&out));
	buf_fini(&out);
	arena_fini(&a);
}

/* As kube-apiserver: 409 for an old version, and for what is there already; times have six digits. */
static unsigned serve(struct world *w, struct replica *r, char *answer)
{
	struct arena a;
	struct diags ds;
	const struct node *root;
	const char *version;
	unsigned status = 200;

	w->requests++;
	arena_init(&a, 0);
	diags_init(&ds, &a);
	root = *r->body ? node_parse_json(r->body, strlen(r->body), NULL, &a, &ds).root : NULL;
	version = node_text(node_get(root, "metadata"), "resourceVersion");
	if (!strcmp(r->method, "POST") && w->there) {
		status = 409;
	} else if (!strcmp(r->method, "POST")) {
		assert_string_equal(strrchr(r->target, '/'), "/leases");
		w->there = true;
		strcpy(w->spec, "{}");
		w->creates++;
	} else if (!w->there) {
		status = 404;
	} else if (!strcmp(r->method, "PATCH") && (w->always_conflict || !version || atoi(version) != w->version)) {
		status = 409;
	}
	if (status == 200 && root) {
		const char *renewed = node_text(node_get(root, "spec"), "renewTime");

		assert_non_null(renewed);
		assert_int_equal(strlen(renewed), strlen("2026-01-02T03:04:05.000000Z"));
		merge(w, node_get(root, "spec"));
		w->version++;
		w->writes++;
	}
	sprintf(answer, "{\"metadata\":{\"resourceVersion\":\"%d\"},\"spec\":%s}", w->version, w->spec);
	arena_fini(&a);
	return status;
}

static void begin(struct replica *r)
{
	lease_next(r->lease, clock_of(r), r->wall_ns + r->world->now_ms * 1000000, &r->request);
	if (!r->request.method)
		return;
	r->open = true;
	snprintf(r->method, sizeof(r->method), "%s", r->request.method);
	snprintf(r->target, sizeof(r->target), "%s", r->request.target);
	snprintf(r->body, sizeof(r->body), "%s", r->request.body ? r->request.body : "");
	r->answer_at_ms = r->world->now_ms < r->world->silent_until_ms ? INT64_MAX : r->world->now_ms + r->world->delay_ms;
	r->gives_up_at_ms = r->world->now_ms + r->request.total_ms;
}

static void step(struct replica *r)
{
	struct err e;
	char answer[TEXT + 100];
	unsigned status;

	if (r->dead)
		return;
	if (r->open && r->world->now_ms >= r->answer_at_ms) {
		status = serve(r->world, r, answer);
		r->open = false;
		lease_answered(r->lease, clock_of(r), status, answer, strlen(answer), NULL);
	} else if (r->open && r->world->now_ms >= r->gives_up_at_ms) {
		err_set(&e, ERR_TIMEOUT, "the answer takes too long");
		r->open = false;
		lease_answered(r->lease, clock_of(r), 0, "", 0, &e);
	}
	for (int i = 0; i < 3 && !r->open && !r->dead; i++) {
		begin(r);
		if (!r->request.method)
			break;
		if (r->world->delay_ms || r->answer_at_ms == INT64_MAX)
			break;
		status = serve(r->world, r, answer);
		r->open = false;
		lease_answered(r->lease, clock_of(r), status, answer, strlen(answer), NULL);
	}
}

struct fix {
	struct world world;
	struct replica r[REPLICAS];
};

static void start(struct fix *f)
{
	static const char *const names[] = {"navarchd-a", "navarchd-b"};

	*f = (struct fix){.world.now_ms = 1000000};
	for (int i = 0; i < REPLICAS; i++)
		f->r[i] = (struct replica){.world = &f->world,
					   .lease = lease_new("istio-system", "navarchd", names[i], (uint64_t)i + 7),
					   .wall_ns = 1800000000000000000};
}

static void stop(struct fix *f)
{
	for (int i = 0; i < REPLICAS; i++)
		lease_free(f->r[i].lease);
}

static bool holds(const struct fix *f, int i)
{
	return !f->r[i].dead && lease_held(f->r[i].lease, clock_of(&f->r[i]));
}

/* Runs for ms; at no moment do two hold it. */
static void run(struct fix *f, int64_t ms)
{
	for (int64_t end_ms = f->world.now_ms + ms; f->world.now_ms < end_ms; f->world.now_ms += STEP_MS) {
		for (int i = 0; i < REPLICAS; i++)
			step(&f->r[i]);
		assert_false(holds(f, 0) && holds(f, 1));
	}
}

static int leader(const struct fix *f)
{
	return holds(f, 0) ? 0 : holds(f, 1) ? 1 : -1;
}

static int64_t transitions(const struct fix *f)
{
	const char *at = strstr(f->world.spec, "\"leaseTransitions\":");
	return at ? atoi(at + strlen("\"leaseTransitions\":")) : -1;
}

static void one_leads(void **state)
{
	struct fix f;
	int first;
	unsigned before;

	(void)state;
	start(&f);
	run(&f, 5000);
	first = leader(&f);
	assert_int_not_equal(first, -1);
	assert_int_equal(f.world.creates, 1);
	assert_string_equal(lease_holder(f.r[!first].lease), first ? "navarchd-b" : "navarchd-a");
	before = f.world.writes;
	run(&f, 60000);
	assert_int_equal(leader(&f), first);
	assert_int_equal(transitions(&f), 0);
	/* a renewal each time, and the other one only looks */
	assert_in_range(f.world.writes - before, 60000 / LEASE_RETRY_MS - 1, 60000 / LEASE_RETRY_MS + 1);
	assert_in_range(f.world.requests, 50, 95);
	stop(&f);
}

/* The leader dies: nobody writes until its time is over, and within 15 s the other does. */
static void leader_dies(void **state)
{
	struct fix f;
	int first;

	(void)state;
	start(&f);
	run(&f, 7000);
	first = leader(&f);
	f.r[first].dead = true;
	run(&f, LEASE_DURATION_MS - LEASE_RETRY_MS - 1000);
	assert_int_equal(leader(&f), -1);
	run(&f, 15000 - (LEASE_DURATION_MS - LEASE_RETRY_MS - 1000));
	assert_int_equal(leader(&f), !first);
	assert_int_equal(transitions(&f), 1);
	stop(&f);
}

/* It goes cleanly: the other one takes over within its next look. */
static void leader_leaves(void **state)
{
	struct lease_request last;
	struct replica *r;
	struct fix f;
	char answer[TEXT + 100];
	int first;

	(void)state;
	start(&f);
	run(&f, 7000);
	first = leader(&f);
	r = &f.r[first];
	assert_false(lease_give_back(f.r[!first].lease, clock_of(&f.r[!first]), 0, &last));
	assert_true(lease_give_back(r->lease, clock_of(r), r->wall_ns, &last));
	snprintf(r->method, sizeof(r->method), "%s", last.method);
	snprintf(r->body, sizeof(r->body), "%s", last.body);
	assert_int_equal(serve(&f.world, r, answer), 200);
	assert_false(lease_held(r->lease, clock_of(r)));
	r->dead = true;
	run(&f, LEASE_RETRY_MS * 3);
	assert_int_equal(leader(&f), !first);
	assert_int_equal(transitions(&f), 1);
	stop(&f);
}

/* Wall clocks that are hours apart, and jump: only times in the Lease look odd. */
static void wall_clocks_jump(void **state)
{
	struct fix f;
	int first;

	(void)state;
	start(&f);
	f.r[1].wall_ns -= 3600000000000;
	run(&f, 7000);
	first = leader(&f);
	for (int i = 0; i < 20; i++) {
		f.r[i % 2].wall_ns += i % 3 ? 7200000000000 : -10800000000000;
		run(&f, 3100);
		assert_int_equal(leader(&f), first);
	}
	/* so do monotonic clocks that began at other times */
	stop(&f);
	start(&f);
	f.r[0].skew_ms = 5000000;
	f.r[1].skew_ms = -900000;
	run(&f, 30000);
	first = leader(&f);
	f.r[first].dead = true;
	run(&f, 22000);
	assert_int_equal(leader(&f), !first);
	stop(&f);
}

/* A server that is silent for longer than 10 s: the leader stops writing before anybody else may begin. */
static void server_is_silent(void **state)
{
	struct fix f;
	int first;

	(void)state;
	start(&f);
	run(&f, 7000);
	first = leader(&f);
	f.world.silent_until_ms = f.world.now_ms + 6000;	/* gets over that */
	run(&f, 20000);
	assert_int_equal(leader(&f), first);
	f.world.silent_until_ms = f.world.now_ms + 40000;
	run(&f, LEASE_RENEW_DEADLINE_MS + STEP_MS);
	assert_int_equal(leader(&f), -1);
	assert_non_null(lease_trouble(f.r[first].lease));
	run(&f, 45000);
	assert_int_not_equal(leader(&f), -1);
	assert_null(lease_trouble(f.r[leader(&f)].lease));
	stop(&f);
}

static void server_is_slow(void **state)
{
	struct fix f;
	int first;

	(void)state;
	start(&f);
	f.world.delay_ms = 3000;
	run(&f, 30000);
	first = leader(&f);
	assert_int_not_equal(first, -1);
	run(&f, 60000);
	assert_int_equal(leader(&f), first);
	assert_int_equal(transitions(&f), 0);
	stop(&f);
}

/* Somebody edits the Lease: read, and renewed. Somebody else takes it: given up at once. */
static void others_write(void **state)
{
	struct fix f;
	int first;

	(void)state;
	start(&f);
	run(&f, 7000);
	first = leader(&f);
	f.world.version++;
	run(&f, 2 * LEASE_RETRY_MS);
	assert_int_equal(leader(&f), first);
	f.world.version++;
	strcpy(f.world.spec, "{\"holderIdentity\":\"someone\",\"leaseDurationSeconds\":3,\"leaseTransitions\":41}");
	run(&f, LEASE_RETRY_MS + 200);
	assert_int_equal(leader(&f), -1);
	assert_string_equal(lease_holder(f.r[first].lease), "someone");
	run(&f, 10000);		/* its own duration counts */
	assert_int_not_equal(leader(&f), -1);
	assert_int_equal(transitions(&f), 42);
	f.world.there = false;	/* it is deleted */
	run(&f, 10000);
	assert_int_not_equal(leader(&f), -1);
	assert_int_equal(f.world.creates, 2);
	stop(&f);
}

/* A server that refuses whatever is written is not asked without end. */
static void conflicts_without_end(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	run(&f, 7000);
	f.world.always_conflict = true;
	f.world.requests = 0;
	run(&f, 60000);
	assert_int_equal(leader(&f), -1);
	assert_in_range(f.world.requests, 10, 200);
	stop(&f);
}

static uint64_t draw(uint64_t *state, uint64_t below)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (*state >> 33) % below;
}

static void harm(struct fix *f, uint64_t *seed)
{
	struct replica *r = &f->r[draw(seed, REPLICAS)];

	switch (draw(seed, 8)) {
	case 0:
		f->world.silent_until_ms = f->world.now_ms + (int64_t)draw(seed, 20000);
		break;
	case 1:
		f->world.delay_ms = (int64_t)draw(seed, 5000);
		break;
	case 2:
		f->world.delay_ms = 0;
		break;
	case 3:
		r->wall_ns += (int64_t)draw(seed, 7200) * 1000000000 - 3600000000000;
		break;
	case 4:
		f->world.version++;	/* somebody edits something of it */
		break;
	case 5:		/* killed, and another process under the same name */
		lease_free(r->lease);
		r->lease = lease_new("istio-system", "navarchd", r == f->r ? "navarchd-a" : "navarchd-b", draw(seed, 1000000));
		r->open = false;
		break;
	case 6:
		r->dead = true;
		break;
	case 7:
		r->dead = false;	/* frozen for a while, it comes back with what it believed */
		break;
	}
}

/* Whatever happens to server, clocks and processes: at no moment do two hold it, and when all is well one does. */
static void at_most_one(void **state)
{
	unsigned seeds = getenv("LEASE_SEEDS") ? (unsigned)atoi(getenv("LEASE_SEEDS")) : 2000, led = 0;

	(void)state;
	for (unsigned i = 0; i < seeds; i++) {
		uint64_t seed = i * 2 + 1;
		struct fix f;

		start(&f);
		for (int k = 0; k < 12; k++) {
			run(&f, (int64_t)draw(&seed, 8000));
			led += leader(&f) >= 0;
			harm(&f, &seed);
		}
		f.world.silent_until_ms = f.world.delay_ms = 0;
		f.r[0].dead = f.r[1].dead = false;
		run(&f, 25000);
		assert_int_not_equal(leader(&f), -1);
		stop(&f);
	}
	assert_in_range(led, seeds * 3, seeds * 12);
}

/* Answers that are no Lease. */
static void strange_answers(void **state)
{
	static const char *const bodies[] = {"", "[]", "{", "{}", "{\"metadata\":{}}", "{\"metadata\":{\"resourceVersion\":7}}",
					     "{\"metadata\":{\"resourceVersion\":\"7\"},\"spec\":[]}",
					     "{\"metadata\":{\"resourceVersion\":\"7\"},\"spec\":{\"holderIdentity\":{},"
					     "\"leaseDurationSeconds\":-1,\"leaseTransitions\":1e99}}"};
	struct lease *l = lease_new("n", "l", "me", 1);
	struct lease_request r;
	int64_t now_ms = 0;

	(void)state;
	for (size_t i = 0; i < 4 * sizeof(bodies) / sizeof(bodies[0]); i++, now_ms += 3000) {
		lease_next(l, now_ms, 0, &r);
		if (r.method)
			lease_answered(l, now_ms, i % 3 ? 200 : 500, bodies[i / 4], strlen(bodies[i / 4]), NULL);
		assert_false(lease_held(l, now_ms));
	}
	lease_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_leads),
		cmocka_unit_test(leader_dies),
		cmocka_unit_test(leader_leaves),
		cmocka_unit_test(wall_clocks_jump),
		cmocka_unit_test(server_is_silent),
		cmocka_unit_test(server_is_slow),
		cmocka_unit_test(others_write),
		cmocka_unit_test(conflicts_without_end),
		cmocka_unit_test(at_most_one),
		cmocka_unit_test(strange_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
