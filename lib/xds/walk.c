/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/walk_int.h"

#include <string.h>

#include "base/must.h"

/* ---- the walker's own record ---- */

const struct res_new *walk_find(const struct walker *w, enum xds_type t, const char *name)
{
	size_t lo = 0, hi = w->c->set[t].n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int cmp = strcmp(w->c->set[t].v[mid].name, name);

		if (cmp == 0)
			return &w->c->set[t].v[mid];
		if (cmp < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

struct pbread walk_read(enum xds_type t, const struct res_new *r)
{
	struct pb_bytes b = {r->bytes, r->len};

	if (r->same)
		b = (struct pb_bytes){r->same->bytes, r->same->len};
	return pbread_root(xds_type_info(t)->message, b);
}

static size_t word_len(const char *p)
{
	return strcspn(p, "/");
}

/* "/apis/GROUP/VERSION/namespaces/NS/KIND/NAME" */
static bool parse_config(const char *path, struct arena *a, struct res_origin *out)
{
	static const char start[] = "/namespaces/";
	const char *ns = strstr(path, start), *kind, *name;
	char kebab[KIND_KEBAB_MAX];

	if (!ns)
		return false;
	ns += sizeof(start) - 1;
	kind = ns + word_len(ns);
	kind += *kind == '/';
	name = kind + word_len(kind);
	if (*name != '/')
		return false;
	for (int k = 0; k < KIND_COUNT; k++) {
		kind_kebab((enum kind)k, kebab);
		if (strlen(kebab) == word_len(kind) && !memcmp(kind, kebab, word_len(kind))) {
			*out = (struct res_origin){(enum kind)k, arena_strndup(a, ns, word_len(ns)), name + 1};
			return true;
		}
	}
	return false;
}

/* filter_metadata.istio.config of a Metadata */
static bool find_config(struct pbread metadata, struct arena *a, struct res_origin *out)
{
	struct pbread istio = pbread_entry(metadata, "filter_metadata", "istio");
	struct pbread value = pbread_entry(istio, "fields", "config");

	return value.m && parse_config(pbread_text(value, "string_value", a), a, out);
}

void walk_step(struct walker *w, const char *what, const char *name, const char *why, struct pbread metadata,
	       const struct res_new *r)
{
	struct walk_step step = {.what = what, .name = name, .why = why};
	struct res_origin *named = arena_new(w->arena, struct res_origin);

	if (find_config(metadata, w->arena, named)) {
		step.origins = named;
		step.n_origins = 1;
	} else if (r) {
		step.origins = r->same ? r->same->origins : r->origins;
		step.n_origins = r->same ? r->same->n_origins : r->n_origins;
	}
	*vec_push(&w->steps, w->arena) = step;
}

void walk_fact(struct walker *w, const char *name, const char *value)
{
	*vec_push(&w->facts, w->arena) = (struct str_pair){name, value};
}

void walk_answer(struct walker *w, unsigned status, const char *why)
{
	w->out->end = WALK_ANSWERED;
	w->out->status = status;
	w->out->why = why;
}

void walk_refuse(struct walker *w, const char *why)
{
	w->out->end = WALK_REFUSED;
	w->out->why = why;
}

/* ---- listener ---- */

static bool is_wildcard(const char *ip)
{
	return !strcmp(ip, "0.0.0.0") || !strcmp(ip, "::");
}

/* 2: this address and port; 1: any address and this port. UDP is none. */
static int address_rank(const struct walker *w, struct pbread address)
{
	struct pbread socket = pbread_msg(address, "socket_address");
	const char *ip;

	if (!socket.m || pbread_num(socket, "protocol", 0) || pbread_num(socket, "port_value", 0) != w->r->port)
		return 0;
	ip = pbread_text(socket, "address", w->arena);
	return !strcmp(ip, w->r->ip) ? 2 : is_wildcard(ip);
}

static int listener_rank(const struct walker *w, struct pbread l)
{
	int best = address_rank(w, pbread_msg(l, "address"));
	struct pbread_list more = pbread_list(l, "additional_addresses");
	struct pbread one;

	while (pbread_next(&more, &one)) {
		int rank = address_rank(w, pbread_msg(one, "address"));

		best = rank > best ? rank : best;
	}
	/* a socket of its own is needed where nobody hands connections over */
	return w->r->way == WALK_OUTBOUND || pbread_num(l, "bind_to_port", true) ? best : 0;
}

enum { INBOUND = 1, OUTBOUND = 2 };	/* core.v3.TrafficDirection */

/* Does it get what is captured on this way, whatever the destination? On the way out it hands on to
 * the listener of that destination, on the way in it keeps it. */
static bool captures(const struct walker *w, struct pbread l)
{
	struct pbread_list filters = pbread_list(l, "listener_filters");
	struct pbread one;

	if (w->r->way == WALK_OUTBOUND)
		return pbread_num(l, "traffic_direction", 0) == OUTBOUND && pbread_num(l, "use_original_dst", false);
	if (w->r->way == WALK_DIRECT || pbread_num(l, "traffic_direction", 0) != INBOUND)
		return false;
	while (pbread_next(&filters, &one)) {
		if (pbread_is(pbread_any(one, "typed_config"),
			      "envoy.extensions.filters.listener.original_dst.v3.OriginalDst"))
			return true;
	}
	return false;
}

static const struct res_new *find_listener(struct walker *w, const char **why)
{
	const struct res_new *best = NULL, *capture = NULL;
	int rank = 0;

	for (size_t i = 0; i < w->c->set[XDS_LDS].n; i++) {
		const struct res_new *r = &w->c->set[XDS_LDS].v[i];
		struct pbread l = walk_read(XDS_LDS, r);
		int mine = listener_rank(w, l);

		if (mine > rank) {
			best = r;
			rank = mine;
		}
		if (captures(w, l))
			capture = r;
	}
	*why = arena_printf(w->arena, "%s, port %u", rank == 2 ? w->r->ip : "any address", w->r->port);
	if (w->r->way == WALK_INBOUND && capture) {
		*why = "what comes in is captured";
		return capture;
	}
	if (!best && capture) {
		*why = arena_printf(w->arena, "no listener has %s:%u; what is captured ends here", w->r->ip,
				    w->r->port);
		return capture;
	}
	return best;
}

/* ---- what a chain does ---- */

/* Returns false when the handshake or its absence ends the connection. */
static bool pass_tls(struct walker *w, struct pbread chain, bool http)
{
	bool ends_tls = pbread_is(pbread_any(pbread_msg(chain, "transport_socket"), "typed_config"),
				  "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext");

	if (ends_tls && !w->r->tls) {
		walk_refuse(w, "the filter chain expects TLS and the client sends none");
		return false;
	}
	if (http && w->r->tls && !ends_tls) {
		walk_refuse(w, "the filter chain expects plain HTTP and the client sends TLS");
		return false;
	}
	if (ends_tls) {
		struct pbread tls = pbread_any(pbread_msg(chain, "transport_socket"), "typed_config");

		walk_fact(w, "tls", pbread_num(tls, "require_client_certificate", false)
					    ? "ended here, the client must show a certificate"
					    : "ended here");
	}
	return true;
}

static void walk_tcp(struct walker *w, struct pbread tcp)
{
	struct pbread_list weighted = pbread_list(pbread_msg(tcp, "weighted_clusters"), "clusters");
	struct pbread one;

	if (pbread_has(tcp, "cluster"))
		walk_target(w, pbread_text(tcp, "cluster", w->arena), 1, NULL, 0);
	while (pbread_next(&weighted, &one))
		walk_target(w, pbread_text(one, "name", w->arena), (uint32_t)pbread_num(one, "weight", 0), NULL, 0);
	walk_targets_end(w);
}

static void walk_filters(struct walker *w, struct pbread chain)
{
	struct pbread_list filters = pbread_list(chain, "filters");
	struct pbread one;

	while (pbread_next(&filters, &one)) {
		struct pbread f = pbread_any(one, "typed_config");

		if (pbread_is(f, "envoy.extensions.filters.network.rbac.v3.RBAC")) {
			const char *why = walk_denied(w, f);

			if (why) {
				walk_refuse(w, why);
				return;
			}
		}
		if (pbread_is(f, "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy")) {
			if (pass_tls(w, chain, false))
				walk_tcp(w, f);
			return;
		}
		if (pbread_is(f, "envoy.extensions.filters.network.http_connection_manager.v3."
				 "HttpConnectionManager")) {
			if (!pass_tls(w, chain, true))
				return;
			if (w->r->http)
				walk_http(w, f);
			else
				walk_refuse(w, "the filter chain expects HTTP and the client sends something else");
			return;
		}
	}
	walk_refuse(w, "the filter chain has no filter that forwards");
}

static void walk_listener(struct walker *w)
{
	const char *why;
	const struct res_new *r = find_listener(w, &why);
	struct pbread listener, chain;

	if (!r) {
		walk_refuse(w, arena_printf(w->arena, "nobody listens on %s:%u", w->r->ip, w->r->port));
		return;
	}
	w->out->listener = r->name;
	listener = walk_read(XDS_LDS, r);
	walk_step(w, "listener", r->name, why, pbread_msg(listener, "metadata"), r);
	chain = walk_chain(w, listener, &why);
	if (!chain.m) {
		walk_refuse(w, "no filter chain takes the connection");
		return;
	}
	w->out->chain = pbread_text(chain, "name", w->arena);
	walk_step(w, "filter chain", w->out->chain, why, pbread_msg(chain, "metadata"), NULL);
	walk_filters(w, chain);
}

void walk_run(const struct compiled *c, const struct walk_request *r, struct arena *a, struct walk *out)
{
	struct walker w = {.c = c, .r = r, .arena = a, .out = out};

	*out = (struct walk){.end = WALK_REFUSED, .why = ""};
	walk_listener(&w);
	out->steps = w.steps.v;
	out->n_steps = w.steps.n;
	out->facts = w.facts.v;
	out->n_facts = w.facts.n;
	out->targets = w.targets.v;
	out->n_targets = w.targets.n;
}
