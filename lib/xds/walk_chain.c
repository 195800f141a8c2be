/* SPDX-License-Identifier: Apache-2.0
 *
 * Which filter chain takes a connection. Envoy asks one criterion after the other, keeps the chains
 * that name the most specific value that fits (else those that name none), and never goes back.
 */
#include "xds/walk_int.h"

#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "base/scalar.h"

/* What the listener filters found out. */
struct facts {
	struct ip ip;
	bool has_ip;
	const char *server_name;
	const char *transport;
	struct strs protocols;
};

/* 0: names values and none fits; 1: names none; more: the more specific, the greater. */
typedef size_t rank_fn(const struct walker *w, const struct facts *f, struct pbread match);

static size_t rank_port(const struct walker *w, const struct facts *f, struct pbread match)
{
	(void)f;
	if (!pbread_has(match, "destination_port"))
		return 1;
	return pbread_num(match, "destination_port", 0) == w->r->port ? 2 : 0;
}

static size_t rank_address(const struct walker *w, const struct facts *f, struct pbread match)
{
	struct pbread_list l = pbread_list(match, "prefix_ranges");
	struct pbread one;
	size_t best = 1;

	if (!pbread_has(match, "prefix_ranges"))
		return 1;
	best = 0;
	while (f->has_ip && pbread_next(&l, &one)) {
		struct cidr net = {.prefix_len = (uint8_t)pbread_num(one, "prefix_len", 0)};

		if (scalar_ip(pbread_text(one, "address_prefix", w->arena), &net.ip) ||
		    net.prefix_len > net.ip.len * 8 || !cidr_contains(&net, &f->ip))
			continue;
		if (best < 2u + net.prefix_len)
			best = 2u + net.prefix_len;
	}
	return best;
}

/* A wildcard "*.example.com" takes names of any depth below. */
static size_t rank_one_name(const char *pattern, const char *name)
{
	size_t n = strlen(pattern), len = strlen(name);

	if (!strcasecmp(pattern, name))
		return SIZE_MAX;
	if (n < 2 || strncmp(pattern, "*.", 2) || len < n)
		return 0;
	return strcasecmp(name + len - (n - 1), pattern + 1) ? 0 : n;
}

static size_t rank_server_name(const struct walker *w, const struct facts *f, struct pbread match)
{
	struct pbread_list l = pbread_list(match, "server_names");
	const char *one;
	size_t best = 0;

	if (!pbread_has(match, "server_names"))
		return 1;
	while (*f->server_name && pbread_next_text(&l, w->arena, &one)) {
		size_t rank = rank_one_name(one, f->server_name);

		best = rank > best ? rank : best;
	}
	return best;
}

static size_t rank_transport(const struct walker *w, const struct facts *f, struct pbread match)
{
	const char *wanted = pbread_text(match, "transport_protocol", w->arena);

	if (!*wanted)
		return 1;
	return strcmp(wanted, f->transport) ? 0 : 2;
}

/* The client's protocols in its order. */
static size_t rank_protocol(const struct walker *w, const struct facts *f, struct pbread match)
{
	struct pbread_list l = pbread_list(match, "application_protocols");
	const char *one;
	size_t best = 0;

	if (!pbread_has(match, "application_protocols"))
		return 1;
	while (pbread_next_text(&l, w->arena, &one)) {
		for (size_t i = 0; i < f->protocols.n; i++) {
			if (!strcmp(f->protocols.v[i], one) && best < 2 + f->protocols.n - i)
				best = 2 + f->protocols.n - i;
		}
	}
	return best;
}

/* ---- listener filters ---- */

enum { PREDICATE_DEPTH_MAX = 16 };

/* ListenerFilterChainMatchPredicate */
static bool is_disabled(struct pbread p, uint32_t port, int depth)
{
	struct pbread range = pbread_msg(p, "destination_port_range"), rules, one;
	struct pbread_list l;
	bool any = pbread_has(p, "or_match");

	if (!p.m || depth > PREDICATE_DEPTH_MAX)
		return false;
	if (range.m)
		return port >= pbread_num(range, "start", 0) && port < pbread_num(range, "end", 0);
	if (pbread_has(p, "not_match"))
		return !is_disabled(pbread_msg(p, "not_match"), port, depth + 1);
	rules = pbread_msg(p, any ? "or_match" : "and_match");
	if (!rules.m)
		return pbread_num(p, "any_match", false);
	l = pbread_list(rules, "rules");
	while (pbread_next(&l, &one)) {
		if (is_disabled(one, port, depth + 1) == any)
			return any;
	}
	return !any;
}

static bool has_filter(const struct walker *w, struct pbread listener, const char *type)
{
	struct pbread_list l = pbread_list(listener, "listener_filters");
	struct pbread one;

	while (pbread_next(&l, &one)) {
		if (pbread_is(pbread_any(one, "typed_config"), type))
			return !is_disabled(pbread_msg(one, "filter_disabled"), w->r->port, 0);
	}
	return false;
}

static void inspect(const struct walker *w, struct pbread listener, struct facts *f)
{
	static const char *const plain[] = {"http/1.1"};

	*f = (struct facts){.server_name = "", .transport = "raw_buffer"};
	f->has_ip = scalar_ip(w->r->ip, &f->ip) == 0;
	if (w->r->tls && has_filter(w, listener, "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector")) {
		f->server_name = w->r->sni;
		f->transport = "tls";
		f->protocols = w->r->alpn;
	} else if (w->r->http && !w->r->tls &&
		   has_filter(w, listener, "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector")) {
		f->protocols = (struct strs){plain, ARRAY_LEN(plain)};
	}
}

/* ---- the sieve ---- */

static const struct {
	const char *what;
	rank_fn *rank;
} criteria[] = {
    {"destination port", rank_port},   {"destination address", rank_address}, {"server name", rank_server_name},
    {"transport protocol", rank_transport}, {"application protocol", rank_protocol},
};

static const char *describe(const struct walker *w, const struct facts *f, struct pbread match)
{
	const char *out = "";

	for (size_t i = 0; i < ARRAY_LEN(criteria); i++) {
		const char *value;

		if (criteria[i].rank(w, f, match) < 2)
			continue;
		value = criteria[i].rank == rank_port	       ? arena_printf(w->arena, "%u", w->r->port)
			: criteria[i].rank == rank_address     ? w->r->ip
			: criteria[i].rank == rank_server_name ? f->server_name
			: criteria[i].rank == rank_transport   ? f->transport
							       : f->protocols.v[0];
		out = arena_printf(w->arena, "%s%s%s %s", out, *out ? ", " : "", criteria[i].what, value);
	}
	return *out ? out : "it has no conditions";
}

struct pbread walk_chain(struct walker *w, struct pbread listener, const char **why)
{
	struct pbread_list l = pbread_list(listener, "filter_chains");
	VEC(struct pbread) chains = {0};
	struct pbread one;
	struct facts f;

	inspect(w, listener, &f);
	while (pbread_next(&l, &one))
		*vec_push(&chains, w->arena) = one;
	for (size_t i = 0; i < ARRAY_LEN(criteria) && chains.n; i++) {
		size_t best = 0, n = 0;
		size_t *rank = arena_array(w->arena, size_t, chains.n);

		for (size_t k = 0; k < chains.n; k++) {
			rank[k] = criteria[i].rank(w, &f, pbread_msg(chains.v[k], "filter_chain_match"));
			best = rank[k] > best ? rank[k] : best;
		}
		for (size_t k = 0; k < chains.n; k++) {
			if (best && rank[k] == best)
				chains.v[n++] = chains.v[k];
		}
		chains.n = n;
	}
	if (chains.n) {
		*why = describe(w, &f, pbread_msg(chains.v[0], "filter_chain_match"));
		return chains.v[0];
	}
	*why = "no chain's conditions fit: the default one";
	return pbread_msg(listener, "default_filter_chain");
}
