/* SPDX-License-Identifier: Apache-2.0
 *
 * Route configurations as text, one line a virtual host or route, for the tests of plan_http*,
 * plan_route* and plan_gateway*.
 */
#ifndef TEST_PLAN_HTTP_DUMP_H
#define TEST_PLAN_HTTP_DUMP_H

#include "../mesh/snapshot_fixture.h"

#include "plan/plan_int.h"

struct dump {
	char text[65536];
	size_t n;
};

static inline void dump(struct dump *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline void dump(struct dump *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	d->n += (size_t)vsnprintf(d->text + d->n, sizeof(d->text) - d->n, fmt, ap);
	va_end(ap);
	must(d->n < sizeof(d->text));
}

static inline void dump_strs(struct dump *d, const struct strs *s)
{
	for (size_t i = 0; i < s->n; i++)
		dump(d, "%s%s", i ? "," : "", s->v[i]);
}

static inline void dump_string(struct dump *d, const struct ir_string_match *m)
{
	static const char *const ops[] = {"?", "=", "^", "$", "~", "+"};

	dump(d, "%s%s", ops[m->kind], m->text ? m->text : "");
}

static inline void dump_named(struct dump *d, const char *kind, const struct ir_named_match *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		dump(d, " %s%s%s:%s", m[i].invert ? "!" : "", m[i].missing_is_empty ? "0" : "", kind, m[i].name);
		dump_string(d, &m[i].match);
	}
}

static inline void dump_ops(struct dump *d, const struct ir_header_ops *h)
{
	for (size_t i = 0; i < h->n_request_set; i++)
		dump(d, " req%s%s=%s", h->request_set[i].append ? "+" : " ", h->request_set[i].name, h->request_set[i].value);
	for (size_t i = 0; i < h->n_response_set; i++)
		dump(d, " resp%s%s=%s", h->response_set[i].append ? "+" : " ", h->response_set[i].name, h->response_set[i].value);
	for (size_t i = 0; i < h->request_remove.n; i++)
		dump(d, " req-%s", h->request_remove.v[i]);
	for (size_t i = 0; i < h->response_remove.n; i++)
		dump(d, " resp-%s", h->response_remove.v[i]);
}

static inline void dump_forward(struct dump *d, const struct ir_route *r)
{
	for (size_t i = 0; i < r->n_clusters; i++) {
		const struct ir_weighted *w = &r->clusters[i];

		dump(d, " -> %s", w->cluster);
		if (r->by_weight)
			dump(d, "*%u", w->weight);
		if (w->host_rewrite)
			dump(d, " host=%s", w->host_rewrite);
		dump_ops(d, &w->headers);
	}
	if (r->timeout.ns)
		dump(d, " timeout=%lldms/%lldms", (long long)r->timeout.ns / 1000000, (long long)r->max_grpc_timeout.ns / 1000000);
	if (!r->retry) {
		dump(d, " noretry");
	} else if (r->retry->num_retries != 2 || !r->retry->avoid_previous_hosts || r->retry->retriable_codes.n ||
		   strcmp(r->retry->retry_on, "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes") != 0) {
		dump(d, " retry=%u,%s,%s", r->retry->num_retries, r->retry->retry_on, r->retry->avoid_previous_hosts ? "prev" : "noprev");
		for (size_t i = 0; i < r->retry->retriable_codes.n; i++)
			dump(d, ",%u", r->retry->retriable_codes.v[i]);
		if (r->retry->remote_localities)
			dump(d, ",remote");
		if (r->retry->per_try_timeout.has)
			dump(d, ",try=%lldms", (long long)r->retry->per_try_timeout.ns / 1000000);
		if (r->retry->backoff.has)
			dump(d, ",backoff=%lldms", (long long)r->retry->backoff.ns / 1000000);
	}
	if (r->prefix_rewrite)
		dump(d, " rewrite=%s", r->prefix_rewrite);
	if (r->regex_rewrite)
		dump(d, " rewrite=~%s=>%s", r->regex_rewrite, r->regex_substitution);
	if (r->host_rewrite)
		dump(d, " host=%s", r->host_rewrite);
	for (size_t i = 0; i < r->n_hash; i++)
		dump(d, " hash=%d:%s", (int)r->hash[i].kind, r->hash[i].name ? r->hash[i].name : "");
	for (size_t i = 0; i < r->n_mirrors; i++)
		dump(d, " mirror=%s*%u/%u", r->mirrors[i].cluster, r->mirrors[i].share.numerator,
		     r->mirrors[i].share.denominator);
	if (r->not_found_is_500)
		dump(d, " 500");
}

static inline void dump_route(struct dump *d, const struct ir_route *r)
{
	static const char *const kinds[] = {"prefix", "path", "regex", "sep"};

	dump(d, "  %s %s %s", r->name ? r->name : "-", kinds[r->match.path_kind], r->match.path);
	if (r->match.case_sensitive.has && !r->match.case_sensitive.v)
		dump(d, " nocase");
	dump_named(d, "h", r->match.headers, r->match.n_headers);
	dump_named(d, "q", r->match.query, r->match.n_query);
	for (size_t i = 0; i < r->match.n_claims; i++) {
		dump(d, " %sclaim:", r->match.claims[i].invert ? "!" : "");
		dump_strs(d, &r->match.claims[i].path);
		dump_string(d, &r->match.claims[i].match);
	}
	if (r->action == IR_ACTION_FORWARD)
		dump_forward(d, r);
	if (r->action == IR_ACTION_REDIRECT)
		dump(d, " redirect %u %s://%s:%u %s%s", r->redirect.code, r->redirect.scheme ? r->redirect.scheme : "",
		     r->redirect.host ? r->redirect.host : "", r->redirect.port, r->redirect.prefix_rewrite ? "prefix" : "",
		     r->redirect.prefix_rewrite ? r->redirect.prefix_rewrite : r->redirect.path ? r->redirect.path : "");
	if (r->action == IR_ACTION_DIRECT)
		dump(d, " direct %u %.*s", r->direct.status, (int)r->direct.n_body, r->direct.body ? (const char *)r->direct.body : "");
	dump_ops(d, &r->headers);
	if (r->fault && r->fault->has_delay)
		dump(d, " delay=%lldms*%u/%u", (long long)r->fault->delay_ns / 1000000, r->fault->delay_share.numerator,
		     r->fault->delay_share.denominator);
	if (r->fault && r->fault->has_abort)
		dump(d, " abort=%s%u*%u/%u", r->fault->abort_is_grpc ? "grpc:" : "", r->fault->abort_code,
		     r->fault->abort_share.numerator, r->fault->abort_share.denominator);
	if (r->cors) {
		dump(d, " cors=");
		for (size_t i = 0; i < r->cors->n_origins; i++)
			dump_string(d, &r->cors->origins[i]);
		dump(d, ";%s;%s;%s", r->cors->methods ? r->cors->methods : "", r->cors->headers ? r->cors->headers : "",
		     r->cors->max_age_s ? r->cors->max_age_s : "");
	}
	if (r->operation)
		dump(d, " op=%s", r->operation);
	dump(d, "\n");
}

static inline void dump_routes(struct dump *d, const struct ir_routes *r)
{
	for (size_t i = 0; i < r->n_vhosts; i++) {
		dump(d, "%s [", r->vhosts[i].name);
		dump_strs(d, &r->vhosts[i].domains);
		dump(d, "]%s\n", r->vhosts[i].require_tls ? " tls" : "");
		for (size_t k = 0; k < r->vhosts[i].n_routes; k++)
			dump_route(d, &r->vhosts[i].routes[k]);
	}
}

/* The plan of the fixture's view, with the rows of one planner. */
struct planned {
	struct plan plan;
	struct plan_rows rows;
	struct dump dump;
};

static inline struct planned *planned_new(struct fixture *f, void (*add)(struct plan *, struct plan_rows *))
{
	struct planned *t = arena_new(&f->arena, struct planned);

	t->plan.snap = f->s;
	t->plan.view = &f->view;
	t->plan.scope = f->scope;
	t->rows.arena = &f->arena;
	add(&t->plan, &t->rows);
	return t;
}

static inline const struct plan_row *planned_row(const struct planned *t, enum ir_type type, const char *name)
{
	for (size_t i = 0; i < t->rows.v.n; i++)
		if (t->rows.v.v[i].type == type && strcmp(t->rows.v.v[i].name, name) == 0)
			return &t->rows.v.v[i];
	return NULL;
}

/* The names of all rows of a type, in order. */
static inline const char *planned_names(struct planned *t, enum ir_type type)
{
	t->dump.n = 0;
	t->dump.text[0] = '\0';
	for (size_t i = 0; i < t->rows.v.n; i++)
		if (t->rows.v.v[i].type == type)
			dump(&t->dump, "%s%s", t->dump.n ? " " : "", t->rows.v.v[i].name);
	return t->dump.text;
}

static inline const struct ir *planned_ir(struct planned *t, enum ir_type type, const char *name)
{
	const struct plan_row *row = planned_row(t, type, name);
	struct ir *ir = arena_new(t->rows.arena, struct ir);

	if (!row)
		fail_msg("no row %s; there are: %s", name, planned_names(t, type));
	ir->type = type;
	row->expand(&t->plan, row, t->rows.arena, ir);
	return ir;
}

static inline const char *planned_routes(struct planned *t, const char *name)
{
	const struct ir *ir = planned_ir(t, IR_ROUTES, name);

	t->dump.n = 0;
	t->dump.text[0] = '\0';
	dump_routes(&t->dump, ir->routes);
	return t->dump.text;
}

#endif
