/* SPDX-License-Identifier: Apache-2.0
 *
 * Clusters, endpoints and listeners as text, a few words a fact, for the tests of plan_cluster,
 * plan_endpoint, plan_outbound and plan_inbound.
 */
#ifndef TEST_PLAN_DUMP_H
#define TEST_PLAN_DUMP_H

#include "plan_http_dump.h"

static inline void dump_strs_as(struct dump *d, const char *what, const struct strs *s)
{
	if (!s->n)
		return;
	dump(d, " %s=", what);
	dump_strs(d, s);
}

static inline void dump_tls(struct dump *d, const char *what, const struct ir_tls *t)
{
	static const char *const from[] = {"", "ads:", "agent:", "file:"};

	if (!t)
		return;
	dump(d, " %s{", what);
	for (size_t i = 0; i < t->n_certs; i++)
		dump(d, "cert=%s%s%s%s ", from[t->certs[i].from], t->certs[i].name, t->certs[i].key ? "+" : "",
		     t->certs[i].key ? t->certs[i].key : "");
	dump(d, "ca=%s%s", from[t->ca.from], t->ca.from ? t->ca.name : "none");
	dump_strs_as(d, "san", &t->san_exact);
	dump_strs_as(d, "sanprefix", &t->san_prefix);
	dump_strs_as(d, "alpn", &t->alpn);
	if (t->sni)
		dump(d, " sni=%s", t->sni);
	dump(d, "%s%s%s}", t->auto_sni ? " autosni" : "", t->auto_san ? " autosan" : "", t->empty_validation ? " noverify" : "");
}

static inline void dump_endpoints(struct dump *d, const struct ir_endpoints *e)
{
	for (size_t i = 0; i < e->n_localities; i++) {
		const struct ir_locality *l = &e->localities[i];

		dump(d, "  [%s/%s/%s] p%u w%u:", l->region, l->zone, l->subzone, l->priority, l->weight.v);
		for (size_t j = 0; j < l->n_eps; j++) {
			const struct ir_endpoint *x = &l->eps[j];

			if (x->address.is_pipe)
				dump(d, " pipe:%s", x->address.ip);
			else
				dump(d, " %s:%u", x->address.ip, x->address.port);
			dump(d, "%s%s", x->mtls ? "+mtls" : "", x->health == IR_UNHEALTHY ? "-unhealthy" : "");
		}
		dump(d, "\n");
	}
}

static inline void dump_numbers(struct dump *d, const struct ir_cluster *c)
{
	const struct ir_thresholds *t = c->thresholds;

	if (t && t->max_connections != UINT32_MAX)
		dump(d, " conn=%u", t->max_connections);
	if (t && t->max_pending_requests != UINT32_MAX)
		dump(d, " pending=%u", t->max_pending_requests);
	if (t && t->max_requests != UINT32_MAX)
		dump(d, " requests=%u", t->max_requests);
	if (c->outlier)
		dump(d, " outlier5xx=%u", c->outlier->consecutive_5xx.v);
	if (c->panic_percent.has)
		dump(d, " panic=%u", c->panic_percent.v);
	if (c->idle_timeout.has)
		dump(d, " idle=%llds", (long long)c->idle_timeout.ns / 1000000000);
	if (c->ring_min_size.has)
		dump(d, " ring=%u", c->ring_min_size.v);
}

static inline void dump_cluster(struct dump *d, const struct ir_cluster *c)
{
	static const char *const kinds[] = {"eds", "static", "strict-dns", "logical-dns", "original-dst", "dynamic-dns"};
	static const char *const lbs[] = {"rr", "least", "random", "ring", "maglev", "provided"};
	static const char *const protocols[] = {"", " h1", " h2", " downstream"};

	dump(d, "%s %s %s%s", c->name, kinds[c->discovery], lbs[c->lb], protocols[c->protocol]);
	dump_numbers(d, c);
	if (c->bind_ip)
		dump(d, " bind=%s", c->bind_ip);
	dump_tls(d, "tls", c->tls);
	dump_tls(d, "auto", c->auto_mtls);
	dump(d, "\n");
	if (c->inline_endpoints)
		dump_endpoints(d, c->inline_endpoints);
}

static inline void dump_chain(struct dump *d, const char *what, const struct ir_chain *c)
{
	const struct ir_chain_match *m = &c->match;

	dump(d, "  %s", what);
	if (m->destination_port)
		dump(d, " port=%u", m->destination_port);
	for (size_t i = 0; i < m->n_prefixes; i++)
		dump(d, " net=%s/%u", m->prefixes[i].ip, m->prefixes[i].len);
	dump_strs_as(d, "sni", &m->server_names);
	if (m->transport_protocol)
		dump(d, " %s", m->transport_protocol);
	dump_strs_as(d, "alpn", &m->application_protocols);
	dump_tls(d, "tls", c->tls);
	if (c->http)
		dump(d, " http %s%s\n", c->http->rds_name ? "rds " : "inline ",
		     c->http->rds_name ? c->http->rds_name : c->http->inline_routes->name);
	for (size_t i = 0; c->tcp && i < c->tcp->n_clusters; i++)
		dump(d, "%s%s", i ? " | " : " -> ", c->tcp->clusters[i].cluster);
	if (c->tcp)
		dump(d, "%s\n", c->tcp->mongo ? " mongo" : "");
}

static inline void dump_listener(struct dump *d, const struct ir_listener *l)
{
	dump(d, "%s @%s:%u%s%s%s\n", l->name, l->address.ip, l->address.port, l->bind_to_port.has ? " unbound" : "",
	     l->tls_inspector.on ? " tls_inspector" : "", l->http_inspector.on ? " http_inspector" : "");
	for (size_t i = 0; i < l->n_chains; i++)
		dump_chain(d, "chain", &l->chains[i]);
	if (l->default_chain)
		dump_chain(d, "default", l->default_chain);
}

/* Plans f's view and expands the rows of one type whose names begin with prefix. */
static inline void plan_dump(struct fixture *f, enum ir_type type, const char *prefix, struct dump *d)
{
	struct plan *p = plan_build(f->s, &f->view, &f->arena);

	d->n = 0;
	d->text[0] = '\0';
	for (size_t i = 0; i < p->rows[type].n; i++) {
		const struct plan_row *row = &p->rows[type].v[i];
		struct ir ir;

		if (strncmp(row->name, prefix, strlen(prefix)) != 0)
			continue;
		plan_expand(p, row, &f->arena, &ir);
		if (type == IR_CLUSTER)
			dump_cluster(d, ir.cluster);
		else if (type == IR_LISTENER)
			dump_listener(d, ir.listener);
		else
			dump(d, "%s\n", row->name), dump_endpoints(d, ir.endpoints);
	}
}

#endif
