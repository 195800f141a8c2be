/* SPDX-License-Identifier: Apache-2.0
 *
 * Inbound listeners of a sidecar (istio-behaviour.md 2.2, 2.5): virtualInbound with chains for each
 * port of the workload and for all other ports, and real listeners for ports that are not captured.
 * What callers speak is up to PeerAuthentications: mTLS beside plain text if they say nothing. A proxy without
 * agent has no certificate, so it takes plain text, or where mTLS is a must, nothing.
 */
#include "plan/plan_http_int.h"

#include <stdlib.h>
#include <string.h>

#include "model/traffic.h"

enum { TLS_INSPECTOR_BUFFER = 512, TLS_1_2 = 3, TLS_1_3 = 4, RETRIES = 2 };
static const char passthrough[] = "InboundPassthroughCluster";

/* ---- which chains a port has ---- */

enum alpn { ALPN_ANY, ALPN_MESH_HTTP, ALPN_MESH_TCP, ALPN_MESH, ALPN_PLAIN };

struct chain_kind {
	bool http, mtls;
	enum alpn alpn;
	const char *transport;
	bool without_agent;		/* a proxy without certificates has it too */
};

/* The chains of a port by what it speaks and by the mode of its callers (istio-behaviour.md 1.5). */
enum shape { SHAPE_HTTP, SHAPE_TCP, SHAPE_AUTO, N_SHAPES };
enum { CHAINS_MAX = 5 };

static const struct chain_kind chain_kinds[N_SHAPES][MTLS_STRICT + 1][CHAINS_MAX + 1] = {
	[SHAPE_HTTP] = {
		[MTLS_STRICT] = {{true, true, ALPN_ANY, "tls", false}},
		[MTLS_PERMISSIVE] = {{true, true, ALPN_MESH, "tls", false}, {true, false, ALPN_ANY, "raw_buffer", true}},
		[MTLS_DISABLE] = {{true, false, ALPN_ANY, "raw_buffer", true}},
	},
	[SHAPE_TCP] = {
		[MTLS_STRICT] = {{false, true, ALPN_ANY, "tls", false}},
		[MTLS_PERMISSIVE] = {{false, true, ALPN_MESH, "tls", false},
				     {false, false, ALPN_ANY, "tls", false},
				     {false, false, ALPN_ANY, "raw_buffer", true}},
		[MTLS_DISABLE] = {{false, false, ALPN_ANY, "raw_buffer", true}},
	},
	[SHAPE_AUTO] = {
		[MTLS_STRICT] = {{true, true, ALPN_MESH_HTTP, "tls", false}, {false, true, ALPN_ANY, "tls", false}},
		[MTLS_PERMISSIVE] = {{true, true, ALPN_MESH_HTTP, "tls", false},
				     {true, false, ALPN_PLAIN, "raw_buffer", true},
				     {false, true, ALPN_MESH_TCP, "tls", false},
				     {false, false, ALPN_ANY, "raw_buffer", true},
				     {false, false, ALPN_ANY, "tls", false}},
		[MTLS_DISABLE] = {{true, false, ALPN_PLAIN, "raw_buffer", true}, {false, false, ALPN_ANY, "raw_buffer", true}},
	},
};

static enum shape shape_of(enum protocol p)
{
	return p == PROTO_UNSUPPORTED ? SHAPE_AUTO : protocol_is_http(p) ? SHAPE_HTTP : SHAPE_TCP;
}

static const struct sidecar *sidecar_of(const struct plan *p)
{
	return p->view->sidecar ? object_spec(p->view->sidecar, sidecar) : NULL;
}

/* Without a certificate there is no TLS of the mesh. */
static bool has_chain(const struct plan *p, const struct chain_kind *k)
{
	return k->without_agent || tls_has_server_identity(p->view);
}

/* ---- one port ---- */

struct in_port {
	const char *cluster, *chain_name;
	const char *host;		/* in operations */
	uint32_t service_port;
	uint32_t match_port;		/* destination port of the chains; 0 = any */
	enum protocol protocol;
	uint32_t port;			/* of the workload: in statistics, and in PeerAuthentications */
	const char *stat_name;		/* by the mesh's pattern, or NULL */
	const struct server_tls *tls;	/* of the user, or NULL */
	const struct svc *svc;		/* or NULL */
};

struct chains {
	const struct plan *plan;
	struct arena *arena;
	const struct ir_authz *authz;
	VEC(struct ir_chain) v;
};

static struct strs alpn_of(enum alpn which, bool http10)
{
	static const char *const mesh[] = {"istio-peer-exchange", "istio", "istio-http/1.0", "istio-http/1.1", "istio-h2"};
	static const char *const plain[] = {"http/1.0", "http/1.1", "h2c"};

	switch (which) {
	case ALPN_ANY:
		break;
	case ALPN_MESH_HTTP:
		return (struct strs){mesh + 2, 3};
	case ALPN_MESH_TCP:
		return (struct strs){mesh, 2};
	case ALPN_MESH:
		return (struct strs){mesh, 5};
	case ALPN_PLAIN:
		return (struct strs){plain + !http10, 2 + http10};
	}
	return (struct strs){0};
}

/* Peers are of the trust domain or one of its aliases. */
static struct strs peers(const struct plan *p, struct arena *a)
{
	const struct mesh_config *mesh = p->snap->mesh;
	const char **v = arena_array(a, const char *, mesh->trust_domain_aliases.n + 1);
	size_t n = 0;

	v[n++] = arena_printf(a, "spiffe://%s/", mesh->trust_domain);
	for (size_t i = 0; i < mesh->trust_domain_aliases.n; i++)
		v[n++] = arena_printf(a, "spiffe://%s/", mesh->trust_domain_aliases.v[i]);
	return (struct strs){v, n};
}

static const struct ir_tls *mesh_tls(const struct plan *p, bool http, struct arena *a)
{
	static const char *const alpn[] = {"istio-peer-exchange", "h2", "http/1.1"};
	static const char *const ciphers[] = {"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
					      "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
					      "AES256-GCM-SHA384",             "AES128-GCM-SHA256"};
	const struct mesh_tls *own = p->snap->mesh->mesh_mtls;
	struct ir_tls *t = arena_new(a, struct ir_tls);

	*t = (struct ir_tls){.downstream = true, .require_client_cert = true};
	tls_use_server_identity(p->view, t, a);
	t->san_prefix = peers(p, a);
	t->alpn = http ? (struct strs){alpn + 1, 2} : (struct strs){alpn, 3};
	t->min_version = TLS_1_2;
	t->max_version = TLS_1_3;
	t->cipher_suites = (struct strs){ciphers, sizeof(ciphers) / sizeof(ciphers[0])};
	if (own && own->min_protocol_version)
		t->min_version = (uint8_t)own->min_protocol_version;
	if (own && own->cipher_suites.n)
		t->cipher_suites = tls_known(&own->cipher_suites, tls_cipher_is_known, a);
	return tls_comply(p->view, t, a);
}

/* All requests to the one cluster; only what never reached the workload is tried again. */
static const struct ir_routes *routes_to(const struct plan *p, const struct in_port *in, struct arena *a)
{
	static const char *const any[] = {"*"};
	static const struct ir_retry retry = {.retry_on = "reset-before-request", .num_retries = RETRIES};
	struct ir_routes *routes = arena_new(a, struct ir_routes);
	struct ir_vhost *host = arena_new(a, struct ir_vhost);
	struct ir_route *r = arena_new(a, struct ir_route);
	struct ir_weighted *to = arena_new(a, struct ir_weighted);

	to->cluster = in->cluster;
	*r = (struct ir_route){.name = "default", .action = IR_ACTION_FORWARD, .clusters = to, .n_clusters = 1, .retry = &retry};
	if (p->snap->mesh->default_inbound_retries)
		r->retry = http_retry_of(p->snap->mesh->default_inbound_retries, true, a);
	r->operation = arena_printf(a, "%s:%u/*", in->host, in->service_port);
	r->match.path_kind = IR_PATH_PREFIX;
	r->match.path = "/";
	r->timeout = (struct opt_duration){true, 0};
	r->no_stream_limit = true;
	*host = (struct ir_vhost){.domains = {any, 1}, .routes = r, .n_routes = 1};
	host->name = arena_printf(a, "inbound|http|%u", in->service_port);
	*routes = (struct ir_routes){.name = in->cluster, .vhosts = host, .n_vhosts = 1};
	routes->validate_clusters = (struct opt_bool){true, false};
	return routes;
}

static enum mtls_mode mode_of(const struct plan *p, const struct in_port *in)
{
	return in->port ? peer_mode_at(&p->view->peer, in->port) : p->view->peer.mode;
}

/* TLS of the user's own, where the mesh has none: it ends here, but in PASSTHROUGH. */
static bool ends_tls(const struct plan *p, const struct in_port *in)
{
	return in->tls && (p->view->features & FEATURE_INGRESS_TLS) && in->tls->mode != SERVER_TLS_PASSTHROUGH &&
	       (!tls_has_server_identity(p->view) || mode_of(p, in) == MTLS_DISABLE);
}

/* The chains of a port, to its end. */
static const struct chain_kind *kinds_of(const struct plan *p, const struct in_port *in)
{
	static const struct chain_kind http[] = {{true, false, ALPN_ANY, "tls", true}, {0}},
				       tcp[] = {{false, false, ALPN_ANY, "tls", true}, {0}};

	if (ends_tls(p, in))
		return in->protocol == PROTO_HTTPS ? http : tcp;
	return chain_kinds[shape_of(in->protocol)][mode_of(p, in)];
}

static const struct ir_tls *own_tls(const struct plan *p, const struct in_port *in, struct arena *a)
{
	static const char *const http[] = {"h2", "http/1.1"};
	bool checks = in->tls->mode == SERVER_TLS_MUTUAL || in->tls->mode == SERVER_TLS_OPTIONAL_MUTUAL;
	struct ir_tls *t = arena_new(a, struct ir_tls);

	*t = (struct ir_tls){.downstream = true, .has_require_client_cert = true, .alpn = {http, 2}};
	t->require_client_cert = in->tls->mode == SERVER_TLS_MUTUAL;
	server_files(p, t, in->tls, checks, a);
	server_tls_options(p, t, in->tls, checks, a);
	return tls_comply(p->view, t, a);
}

static void add_chain(struct chains *c, const struct in_port *in, const struct chain_kind *k)
{
	struct arena *a = c->arena;
	struct ir_chain chain = {.name = in->chain_name, .has_match = true, .authz = c->authz};
	bool all_ports = in->cluster == passthrough;

	chain.match.destination_port = in->match_port;
	chain.match.transport_protocol = k->transport;
	chain.match.application_protocols = alpn_of(k->alpn, c->plan->view->http10);
	if (k->mtls)
		chain.tls = mesh_tls(c->plan, k->http, a);
	else if (ends_tls(c->plan, in))
		chain.tls = own_tls(c->plan, in, a);
	if (k->http) {
		const char *prefix = all_ports       ? passthrough
				     : in->stat_name ? in->stat_name
						     : arena_printf(a, "inbound_%s", in->chain_name);
		struct ir_http *http = hcm_inbound(c->plan, routes_to(c->plan, in, a), prefix, a);

		http->grpc_web = in->protocol == PROTO_GRPC_WEB;
		chain.http = http;
		if (all_ports)
			chain.name = "virtualInbound-catchall-http";
	} else {
		struct ir_tcp *tcp = tcp_for_cluster(c->plan, in->cluster, NULL, 0, a);

		tcp->idle_timeout = c->plan->view->idle_timeout;
		if (in->stat_name)
			tcp->stat_prefix = in->stat_name;
		tcp->mongo = in->protocol == PROTO_MONGO;
		tcp->mongo_stat_prefix = tcp->mongo ? tcp->stat_prefix : NULL;
		chain.tcp = tcp;
	}
	*vec_push(&c->v, a) = chain;
}


static void add_black_hole(struct chains *c, uint32_t port)
{
	*vec_push(&c->v, c->arena) = (struct ir_chain){
	    .name = "virtualInbound-blackhole",
	    .has_match = true,
	    .match.destination_port = port,
	    .tcp = tcp_for_cluster(c->plan, "BlackHoleCluster", NULL, 0, c->arena),
	};
}

static void add_port(struct chains *c, const struct in_port *in)
{
	size_t before = c->v.n;

	for (const struct chain_kind *k = kinds_of(c->plan, in); k->transport; k++)
		if (has_chain(c->plan, k))
			add_chain(c, in, k);
	/* else the chains of all other ports would take what this one must refuse */
	if (c->v.n == before && in->match_port)
		add_black_hole(c, in->match_port);
}

/* ---- listeners ---- */

/* What the view's targets or its Sidecar say, by port. */
struct in_set {
	VEC(struct in_port) captured;
	struct arena *arena;
};

static struct in_port port_of_target(const struct plan *p, const struct view_target *t, struct arena *a)
{
	return (struct in_port){
	    .cluster = plan_cluster_name(a, "inbound", t->target_port, "", ""),
	    .chain_name = arena_printf(a, "%s_%u", plan_wildcard(p->view), t->target_port),
	    .host = t->svc->host,
	    .service_port = t->port->port,
	    .match_port = t->target_port,
	    .protocol = t->port->protocol,
	    .port = t->target_port,
	    .stat_name = plan_stat_name(p->snap->mesh->inbound_stat_name, NULL, t->svc, t->port, t->target_port, "", a),
	    .svc = t->svc,
	};
}

static bool binds(const struct plan *p, const struct sidecar_ingress *in)
{
	return p->view->interception == INTERCEPT_NONE || in->capture_mode == CAPTURE_NONE;
}

/* A listener that is not reached by redirection stands on the proxy's own address. */
static const char *ingress_bind(const struct plan *p, const struct sidecar_ingress *in)
{
	if (in->bind && *in->bind)
		return in->bind;
	return binds(p, in) && p->view->ips.n ? p->view->ips.v[0] : plan_wildcard(p->view);
}

static struct in_port port_of_ingress(const struct plan *p, const struct sidecar_ingress *in, struct arena *a)
{
	uint32_t port = in->port->number;
	struct in_port out = {
	    .cluster = plan_cluster_name(a, "inbound", port, "", ""),
	    .chain_name = arena_printf(a, "%s_%u", ingress_bind(p, in), port),
	    .service_port = port,
	    .match_port = binds(p, in) ? 0 : port,
	    .protocol = protocol_parse(in->port->protocol ? in->port->protocol : ""),
	    .port = port,
	    .tls = in->tls,
	};

	for (size_t i = 0; i < p->view->n_targets && !out.svc; i++)
		if (p->view->targets[i].target_port == port)
			out.svc = p->view->targets[i].svc;
	out.host = out.svc ? out.svc->host : arena_printf(a, "%s.%s", p->view->sidecar->name, p->view->sidecar->ns);
	return out;
}

/* The ports with chains of their own in virtualInbound: the Sidecar's, or else the services'. */
static void captured_ports(const struct plan *p, struct in_set *set)
{
	const struct sidecar *s = sidecar_of(p);

	for (size_t i = 0; s && i < s->n_ingress; i++)
		if (!binds(p, &s->ingress[i]))
			*vec_push(&set->captured, set->arena) = port_of_ingress(p, &s->ingress[i], set->arena);
	for (size_t i = 0; !(s && s->n_ingress) && i < p->view->n_targets; i++)
		*vec_push(&set->captured, set->arena) = port_of_target(p, &p->view->targets[i], set->arena);
}

/* Ports of PeerAuthentications that no service has: they pass through, in a mode of their own. */
static void policy_ports(const struct plan *p, struct in_set *set)
{
	size_t n = set->captured.n;

	for (size_t i = 0; i < p->view->peer.n_ports; i++) {
		uint32_t port = p->view->peer.ports[i].port;
		bool known = false;

		for (size_t k = 0; k < n; k++)
			known = known || set->captured.v[k].match_port == port;
		if (!known)
			*vec_push(&set->captured, set->arena) = (struct in_port){
			    .cluster = passthrough, .chain_name = "virtualInbound", .host = "", .match_port = port, .port = port};
	}
}

static bool port_needs(const struct plan *p, const struct in_port *in, bool tls)
{
	for (const struct chain_kind *k = kinds_of(p, in); k->transport; k++)
		if (has_chain(p, k) && (tls ? strcmp(k->transport, "tls") == 0 : k->alpn == ALPN_PLAIN))
			return true;
	return false;
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static const struct in_port others = {.cluster = passthrough, .chain_name = "virtualInbound", .host = ""};

/* Whether a listener filter is of use depends on the port; what ports without chains of their own need stands as
 * port 0, as in istiod. A TLS inspector that they do not need is on for the ports that do; everything else is off
 * for the ports that do not. */
static struct ir_inspector inspector(const struct plan *p, const struct in_set *set, uint32_t own_port, bool tls)
{
	uint32_t *ports = arena_array(set->arena, uint32_t, set->captured.n + 2);
	bool needed = port_needs(p, &others, tls);
	struct ir_inspector out = {.on = needed, .only = tls && !needed};
	size_t n = 0;

	if (!out.only)
		ports[n++] = own_port;
	if (!out.only && !needed)
		ports[n++] = 0;
	for (size_t i = 0; i < set->captured.n; i++) {
		bool needs = port_needs(p, &set->captured.v[i], tls);

		out.on = out.on || needs;
		if (needs == out.only)
			ports[n++] = set->captured.v[i].match_port;
	}
	qsort(ports, n, sizeof(*ports), compare_u32);
	if (out.on)
		out.ports = (struct u32s){ports, n};
	if (tls && out.on)
		out.initial_read_buffer = (struct opt_u32){true, TLS_INSPECTOR_BUFFER};
	return out;
}

static struct ir_listener *listener_new(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	struct ir_listener *l = arena_new(a, struct ir_listener);

	l->name = row->name;
	l->direction = IR_INBOUND;
	l->max_accepts = (struct opt_u32){true, 1};
	l->filters_timeout = (struct opt_duration){true, p->snap->mesh->protocol_detection_timeout.ns};
	l->continue_on_timeout = true;
	hcm_listener(p, l, a);
	out->listener = l;
	return l;
}

static void expand_virtual(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	struct ir_listener *l = listener_new(p, row, a, out);
	struct chains c = {.plan = p, .arena = a};
	struct origins origins = {.arena = a};
	struct in_set set = {.arena = a};
	size_t n_captured;

	c.authz = authz_of(p, &origins, a);
	captured_ports(p, &set);
	n_captured = set.captured.n;
	policy_ports(p, &set);
	plan_listen_everywhere(p->view, row->arg, l, a);
	l->filter_original_dst = true;
	l->transparent = l->filter_original_src = p->view->interception == INTERCEPT_TPROXY;
	l->tls_inspector = inspector(p, &set, row->arg, true);
	l->http_inspector = inspector(p, &set, row->arg, false);
	add_black_hole(&c, row->arg);
	add_port(&c, &others);
	for (size_t i = n_captured; i < set.captured.n; i++)
		add_port(&c, &set.captured.v[i]);
	for (size_t i = 0; i < n_captured; i++) {
		add_port(&c, &set.captured.v[i]);
		origins_add(&origins, set.captured.v[i].svc ? set.captured.v[i].svc->obj : NULL);
	}
	if (sidecar_of(p) && sidecar_of(p)->n_ingress)
		origins_add(&origins, p->view->sidecar);
	for (size_t i = 0; i < p->view->peer.n_objs; i++)
		origins_add(&origins, p->view->peer.objs[i]);
	l->chains = c.v.v;
	l->n_chains = c.v.n;
	l->origins = origins_done(&origins);
}

/* A port that is not captured has a socket of its own. */
static void expand_bound(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	const struct sidecar_ingress *in = row->ref;
	struct ir_listener *l = listener_new(p, row, a, out);
	struct chains c = {.plan = p, .arena = a};
	struct origins origins = {.arena = a};
	struct in_port port = port_of_ingress(p, in, a);
	const char *bind = ingress_bind(p, in);

	if (strncmp(bind, "unix://", 7) == 0)
		l->address = (struct ir_address){.ip = bind + 7, .is_pipe = true};
	else
		l->address = (struct ir_address){.ip = bind, .port = port.port};
	l->tls_inspector.on = port_needs(p, &port, true);
	if (l->tls_inspector.on)
		l->tls_inspector.initial_read_buffer = (struct opt_u32){true, TLS_INSPECTOR_BUFFER};
	l->http_inspector.on = port_needs(p, &port, false);
	c.authz = authz_of(p, &origins, a);
	add_port(&c, &port);
	l->chains = c.v.v;
	l->n_chains = c.v.n;
	origins_add(&origins, p->view->sidecar);
	origins_add(&origins, port.svc ? port.svc->obj : NULL);
	for (size_t i = 0; i < p->view->peer.n_objs; i++)
		origins_add(&origins, p->view->peer.objs[i]);
	l->origins = origins_done(&origins);
}

/* ---- rows ---- */

static struct hash128 inputs(const struct plan *p, struct arena *scratch)
{
	const struct view *v = p->view;
	struct hash128 h = hash_mix(hash_bytes("in", 2), p->snap->objects.mesh_hash);

	h = authz_mix_inputs(p, scratch, view_mix_peer(v, view_mix_listeners(v, h)));
	h = v->sidecar ? hash_mix(h, v->sidecar->hash) : hash_mix_u64(h, 0);
	for (size_t i = 0; i < v->n_targets; i++) {
		h = hash_mix(h, v->targets[i].svc->part.hash);
		h = hash_mix_u64(h, (uint64_t)v->targets[i].port->port << 32 | v->targets[i].target_port);
	}
	for (size_t i = 0; i < v->labels.n; i++)
		h = hash_mix_str(hash_mix_str(h, v->labels.v[i].key), v->labels.v[i].value);
	h = hash_mix_str(hash_mix_str(hash_mix_str(h, v->ns), v->metadata_ns), v->cluster_id);
	return hash_mix_u64(h, (uint64_t)v->interception << 4 | (uint64_t)v->sds_agent << 3 | (uint64_t)v->v4 << 2 |
				   (uint64_t)v->v6 << 1 | (uint64_t)v->http10);
}

void plan_inbound_rows(struct plan *p, struct plan_rows *rows)
{
	const struct sidecar *s = sidecar_of(p);
	struct plan_row row = {.type = IR_LISTENER, .inputs = inputs(p, rows->arena)};

	if (p->view->interception != INTERCEPT_NONE) {
		row.name = "virtualInbound";
		row.expand = expand_virtual;
		row.arg = (uint32_t)p->snap->mesh->proxy_inbound_listen_port;
		*vec_push(&rows->v, rows->arena) = row;
	}
	for (size_t i = 0; s && i < s->n_ingress; i++) {
		const struct sidecar_ingress *in = &s->ingress[i];

		if (!binds(p, in))
			continue;
		row.name = arena_printf(rows->arena, "%s_%u", ingress_bind(p, in), in->port->number);
		row.inputs = hash_mix_u64(inputs(p, rows->arena), i);
		row.expand = expand_bound;
		row.ref = in;
		*vec_push(&rows->v, rows->arena) = row;
	}
}
