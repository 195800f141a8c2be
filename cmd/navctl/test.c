/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of routing: requests with what is expected of them, against manifests. README.md has the form.
 */
#include "cmd.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "traffic.h"

enum { OUTPUT_MAX = 256 * 1024 * 1024 };

struct result {
	const char *file, *name;
	uint32_t line;
	const char *failure;	/* or NULL */
};

struct run {
	struct traffic traffic;
	struct arena *arena;
	VEC(struct result) results;
};

/* ---- expectations: NULL when met, else what is there instead ---- */

typedef const char *check_fn(const struct walk *w, const struct node *want, struct arena *a);

static const char *text_of(const struct node *n)
{
	return n->kind == NODE_STRING || n->kind == NODE_NUMBER ? n->text : "";
}

static const char *check_text(const char *got, const struct node *want)
{
	return got && !strcmp(got, text_of(want)) ? NULL : got ? got : "none";
}

/* What the client sees: Envoy's own status, 200 for what is sent on, 0 for a closed connection. */
static const char *check_status(const struct walk *w, const struct node *want, struct arena *a)
{
	unsigned status = w->end == WALK_ROUTED ? 200 : w->status;

	return check_text(arena_printf(a, "%u", status), want);
}

static const char *all_clusters(const struct walk *w, struct arena *a)
{
	const char *out = "";

	if (w->end != WALK_ROUTED)
		return "none";
	for (size_t i = 0; i < w->n_targets; i++)
		out = arena_printf(a, "%s%s%s: %u", out, i ? ", " : "", w->targets[i].cluster, w->targets[i].weight);
	return out;
}

static const char *check_cluster(const struct walk *w, const struct node *want, struct arena *a)
{
	bool one = w->end == WALK_ROUTED && w->n_targets == 1;

	return one && !fnmatch(text_of(want), w->targets[0].cluster, 0) ? NULL : all_clusters(w, a);
}

static double share_of(const struct walk *w, const char *pattern)
{
	double mine = 0, sum = 0;

	for (size_t i = 0; i < w->n_targets; i++) {
		sum += w->targets[i].weight;
		if (!fnmatch(pattern, w->targets[i].cluster, 0))
			mine += w->targets[i].weight;
	}
	return sum > 0 ? 100 * mine / sum : 0;
}

/* Percentages by cluster; together they are all of it. */
static const char *check_weights(const struct walk *w, const struct node *want, struct arena *a)
{
	double left = 100;

	if (want->kind != NODE_MAP || w->end != WALK_ROUTED)
		return all_clusters(w, a);
	for (size_t i = 0; i < want->n; i++) {
		double share = share_of(w, want->map[i].key), wanted = atof(text_of(&want->map[i].value));

		if (fabs(share - wanted) > 0.5)
			return all_clusters(w, a);
		left -= share;
	}
	return fabs(left) < 0.5 ? NULL : all_clusters(w, a);
}

static const char *check_redirect(const struct walk *w, const struct node *want, struct arena *a)
{
	(void)a;
	return check_text(w->location, want);
}

static const char *check_path(const struct walk *w, const struct node *want, struct arena *a)
{
	(void)a;
	return check_text(w->end == WALK_ROUTED ? w->path : NULL, want);
}

static const char *check_host(const struct walk *w, const struct node *want, struct arena *a)
{
	(void)a;
	for (size_t i = 0; i < w->n_targets; i++) {
		if (check_text(w->targets[i].host, want))
			return w->targets[i].host ? w->targets[i].host : "none";
	}
	return w->end == WALK_ROUTED ? NULL : "none";
}

static const char *check_route(const struct walk *w, const struct node *want, struct arena *a)
{
	(void)a;
	return check_text(w->route, want);
}

static const char *check_endpoints(const struct walk *w, const struct node *want, struct arena *a)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_targets; i++)
		n += w->targets[i].n_eps;
	return check_text(arena_printf(a, "%zu", n), want);
}

static const char *check_refused(const struct walk *w, const struct node *want, struct arena *a)
{
	bool refused = w->end == WALK_REFUSED;

	(void)a;
	return want->kind == NODE_BOOL && want->boolean == refused ? NULL : refused ? "true" : "false";
}

static const struct expectation {
	const char *key;
	check_fn *check;
} expectations[] = {
    {"cluster", check_cluster}, {"weights", check_weights}, {"status", check_status},
    {"redirect", check_redirect}, {"path", check_path}, {"host", check_host},
    {"route", check_route}, {"endpoints", check_endpoints}, {"refused", check_refused},
};

static const struct expectation *find_expectation(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(expectations); i++) {
		if (!strcmp(expectations[i].key, key))
			return &expectations[i];
	}
	return NULL;
}

/* ---- one test ---- */

static int check_all(const struct walk *w, const struct node *expect, struct arena *a, const char **failure,
		     struct err *e)
{
	struct buf want;

	if (!expect || expect->kind != NODE_MAP || !expect->n)
		return err_set(e, ERR_SYNTAX, "expect is missing, or is not a map");
	for (size_t i = 0; i < expect->n; i++) {
		const struct node_member *m = &expect->map[i];
		const struct expectation *x = find_expectation(m->key);
		const char *got;

		if (!x)
			return err_set(e, ERR_SYNTAX, "line %u: nothing can be expected of \"%.60s\"", m->pos.line, m->key);
		got = x->check(w, &m->value, a);
		if (!got)
			continue;
		buf_init(&want, OUTPUT_MAX);
		node_to_json(&m->value, false, false, &want);
		*failure = arena_printf(a, "%s%s%s: expected %s, got %s", *failure ? *failure : "", *failure ? "; " : "",
					m->key, buf_cstr(&want), got);
		buf_fini(&want);
	}
	if (*failure)
		*failure = arena_printf(a, "%s (%s)", *failure, w->why);
	return 0;
}

static int run_test(struct run *r, const char *file, const struct node *test, const char *from, struct err *e)
{
	static const char *const keys[] = {"name", "from", "request", "expect"};
	const struct node *request = node_get(test, "request");
	const char *name = node_text(test, "name"), *own = node_text(test, "from");
	struct traffic_request q = {.from = own ? own : from};
	struct result result = {.file = file, .line = test->pos.line};
	struct walk w;

	for (size_t i = 0; test->kind == NODE_MAP && i < test->n; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(keys) && strcmp(keys[k], test->map[i].key) != 0)
			k++;
		if (k == ARRAY_LEN(keys))
			return err_set(e, ERR_SYNTAX, "a test has no \"%.60s\"", test->map[i].key);
	}
	if (!request)
		return err_set(e, ERR_SYNTAX, "request is missing");
	if (traffic_read_request(request, r->arena, &q, e) || traffic_walk(&r->traffic, &q, r->arena, &w, e) ||
	    check_all(&w, node_get(test, "expect"), r->arena, &result.failure, e))
		return -1;
	result.name = name ? name : q.url;
	*vec_push(&r->results, r->arena) = result;
	return 0;
}

/* A list of tests, or {from, tests}. */
static int run_file(struct run *r, const char *file, struct err *e)
{
	const struct node *root = traffic_read_file(file, r->arena, e), *list;

	if (!root)
		return -1;
	list = root->kind == NODE_MAP ? node_get(root, "tests") : root;
	if (!list || list->kind != NODE_LIST)
		return err_set(e, ERR_SYNTAX, "%s: no list of tests", file);
	for (size_t i = 0; i < list->n; i++) {
		if (run_test(r, file, &list->list[i], node_text(root, "from"), e))
			return err_wrap(e, "%s:%u: test %zu", file, list->list[i].pos.line, i + 1);
	}
	return 0;
}

/* ---- output ---- */

static size_t count_failures(const struct run *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->results.n; i++)
		n += r->results.v[i].failure != NULL;
	return n;
}

static void print_lines(const struct run *r)
{
	size_t failed = count_failures(r);

	for (size_t i = 0; i < r->results.n; i++) {
		const struct result *x = &r->results.v[i];

		if (x->failure)
			printf("FAIL  %s  %s:%u: %s\n", x->name, x->file, x->line, x->failure);
		else
			printf("ok    %s\n", x->name);
	}
	printf("%zu passed, %zu failed\n", r->results.n - failed, failed);
}

static void put_xml(const char *text)
{
	for (; *text; text++) {
		if (strchr("<>&\"'", *text))
			printf("&#%d;", *text);
		else
			putchar((unsigned char)*text < ' ' ? ' ' : *text);
	}
}

static void print_junit(const struct run *r)
{
	printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	       "<testsuite name=\"navctl test\" tests=\"%zu\" failures=\"%zu\">\n", r->results.n, count_failures(r));
	for (size_t i = 0; i < r->results.n; i++) {
		const struct result *x = &r->results.v[i];

		printf("  <testcase classname=\"");
		put_xml(x->file);
		printf("\" name=\"");
		put_xml(x->name);
		printf("\" line=\"%u\">", x->line);
		if (x->failure) {
			printf("<failure message=\"");
			put_xml(x->failure);
			printf("\"/>");
		}
		printf("</testcase>\n");
	}
	printf("</testsuite>\n");
}

static int run(const struct args *args, struct arena *a)
{
	struct run r = {.arena = a};
	const char *form = args_get(args, "output");
	struct err e;
	int status = CMD_USAGE, failed;

	if (args->n_operands == 0) {
		fprintf(stderr, "navctl test: name a file of tests\n");
		return CMD_USAGE;
	}
	failed = traffic_open(&r.traffic, args, a, &e);
	for (size_t i = 0; !failed && i < args->n_operands; i++)
		failed = run_file(&r, args->operands[i], &e);
	if (failed) {
		fprintf(stderr, "navctl test: %s\n", e.text);
	} else {
		if (form && !strcmp(form, "junit"))
			print_junit(&r);
		else
			print_lines(&r);
		status = count_failures(&r) ? CMD_FINDINGS : CMD_OK;
	}
	traffic_close(&r.traffic);
	return status;
}

static const struct args_option options[] = {
    {"config-dir", 'c', "DIR", "The manifests; may be given several times."},
    {"node-file", 'n', "FILE", "The proxy of tests that do not say who sends."},
    {"mesh-config", 'm', "FILE", "MeshConfig, laid over the defaults."},
    {"cluster-domain", 0, "DOMAIN", "DNS domain of the cluster; cluster.local, or none without Kubernetes Services."},
    {"revision", 0, "NAME", "Only objects of this revision (label istio.io/rev), and those of none."},
    {"output", 'o', "text|junit", "Form of the output."},
};

const struct cmd cmd_test = {
    .args = {.name = "navctl test",
	     .summary = "Test where requests go, against manifests",
	     .operands = "FILE...",
	     .text = "A file is a YAML list of tests: {name, from, request: {url, method, headers, sni}, expect: {cluster, "
		     "weights, status, redirect, path, host, route, endpoints, refused}}, or a map {from, tests}. Exit code 1 "
		     "when one fails.",
	     .options = options,
	     .n_options = ARRAY_LEN(options),
	     .max_operands = 1000},
    .run = run,
};
