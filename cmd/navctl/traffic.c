/* SPDX-License-Identifier: Apache-2.0
 *
 * From what users write (a workload, a URL) to a walk: who sends, where the name leads.
 */
#include "traffic.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/args.h"
#include "base/must.h"
#include "base/scalar.h"
#include "ev/file.h"
#include "mesh/proxy.h"
#include "model/kube.h"
#include "model/traffic.h"

enum { INPUT_MAX = 64 * 1024 * 1024 };

/* Where a name leads that the manifests do not know: an address that nobody has (RFC 5737). */
static const char outside[] = "203.0.113.1";

struct sender {
	struct proxy proxy;
	struct view view;
	const struct compiled *c;
};

/* ---- files ---- */

static int read_all(const char *path, struct buf *b, struct err *e)
{
	char *room;
	size_t n = 1;

	if (strcmp(path, "-") != 0)
		return file_read(path, b, e);
	while (n > 0 && (room = buf_room(b, 65536))) {
		n = fread(room, 1, 65536, stdin);
		buf_added(b, n);
	}
	return ferror(stdin) || b->failed ? err_set(e, ERR_IO, "standard input cannot be read") : 0;
}

const struct node *traffic_read_file(const char *path, struct arena *a, struct err *e)
{
	struct buf b;
	struct diags ds;
	struct node_docs docs;

	buf_init(&b, INPUT_MAX);
	if (read_all(path, &b, e)) {
		buf_fini(&b);
		return NULL;
	}
	diags_init(&ds, a);
	diags_object(&ds, (struct diag_object){.file = path});
	docs = node_parse(arena_strndup(a, b.n ? b.p : "", b.n), b.n, 1, a, &ds);
	buf_fini(&b);
	if (docs.n == 1 && docs.v[0].root && !docs.v[0].bad)
		return docs.v[0].root;
	if (ds.n)
		err_set(e, ERR_SYNTAX, "%s", diag_format(&ds.v[0], a));
	else
		err_set(e, ERR_SYNTAX, "%s is not one YAML or JSON document", path);
	return NULL;
}

int traffic_open(struct traffic *t, const struct args *args, struct arena *a, struct err *e)
{
	const char **dirs;
	struct offline_opts opts = {.n_paths = args_all(args, "config-dir", &dirs, a),
				    .mesh_config = args_get(args, "mesh-config"),
				    .domain = args_get(args, "cluster-domain"),
				    .revision = args_get(args, "revision"),
				    .mode = SCHEMA_LENIENT};

	*t = (struct traffic){.arena = a, .node_file = args_get(args, "node-file")};
	map_init(&t->senders, a);
	opts.paths = dirs;
	if (offline_init(&t->o, &opts, e))
		return -1;
	if (!opts.n_paths)
		return err_set(e, ERR_SYNTAX, "--config-dir DIR is needed: the manifests");
	for (size_t i = 0; i < t->o.findings.n; i++) {
		if (t->o.findings.v[i].severity == DIAG_ERROR)
			offline_print(&t->o, &t->o.findings.v[i], stderr);
	}
	return 0;
}

void traffic_close(struct traffic *t)
{
	offline_fini(&t->o);
}

/* ---- requests ---- */

static int read_headers(const struct node *n, struct arena *a, struct strmap *out, struct err *e)
{
	struct str_pair *v = arena_array(a, struct str_pair, n->n);

	if (n->kind != NODE_MAP)
		return err_set(e, ERR_SYNTAX, "line %u: headers is not a map", n->pos.line);
	for (size_t i = 0; i < n->n; i++) {
		const struct node *value = &n->map[i].value;
		bool is_text = value->kind == NODE_STRING || value->kind == NODE_NUMBER;

		if (!is_text && value->kind != NODE_BOOL)
			return err_set(e, ERR_SYNTAX, "line %u: the header %.60s is not a text", value->pos.line,
				       n->map[i].key);
		v[i] = (struct str_pair){n->map[i].key, is_text ? value->text : value->boolean ? "true" : "false"};
	}
	*out = (struct strmap){.v = v, .n = n->n};
	return 0;
}

int traffic_read_request(const struct node *n, struct arena *a, struct traffic_request *q, struct err *e)
{
	struct {
		const char *key, **to;
	} texts[] = {{"from", &q->from}, {"to", &q->to}, {"url", &q->url}, {"method", &q->method}, {"sni", &q->sni},
		   {"peer", &q->peer}, {"clientIp", &q->client_ip}};

	if (n->kind != NODE_MAP)
		return err_set(e, ERR_SYNTAX, "line %u: a request is a map: {url: ...}", n->pos.line);
	for (size_t i = 0; i < n->n; i++) {
		const struct node_member *m = &n->map[i];
		size_t k = 0;

		if (!strcmp(m->key, "headers")) {
			if (read_headers(&m->value, a, &q->headers, e))
				return -1;
			continue;
		}
		if (!strcmp(m->key, "claims")) {
			q->claims = &m->value;
			if (m->value.kind != NODE_MAP)
				return err_set(e, ERR_SYNTAX, "line %u: claims is not a map", m->value.pos.line);
			continue;
		}
		while (k < ARRAY_LEN(texts) && strcmp(texts[k].key, m->key) != 0)
			k++;
		if (k == ARRAY_LEN(texts))
			return err_set(e, ERR_SYNTAX, "line %u: a request has no \"%.60s\"", m->pos.line, m->key);
		if (m->value.kind != NODE_STRING)
			return err_set(e, ERR_SYNTAX, "line %u: %s is not a text", m->pos.line, m->key);
		*texts[k].to = m->value.text;
	}
	return q->url ? 0 : err_set(e, ERR_SYNTAX, "line %u: a request needs a url", n->pos.line);
}

struct url {
	bool tls, http;
	const char *host;	/* without brackets and port */
	uint32_t port;
	const char *authority;	/* as a client sends it: the port only where it is not the default */
	const char *path;
};

static int parse_url(const char *text, struct arena *a, struct url *u, struct err *e)
{
	static const struct {
		const char *scheme;
		bool tls, http;
		uint32_t port;
	} schemes[] = {{"http", 0, 1, 80}, {"https", 1, 1, 443}, {"tcp", 0, 0, 0}, {"tls", 1, 0, 443}};
	const char *p = strstr(text, "://"), *port;
	size_t n = p ? (size_t)(p - text) : 0, i = 0;
	char *authority;
	int64_t number;

	while (n && i < ARRAY_LEN(schemes) &&
	       (strlen(schemes[i].scheme) != n || strncasecmp(schemes[i].scheme, text, n) != 0))
		i++;
	if (i == ARRAY_LEN(schemes))
		return err_set(e, ERR_SYNTAX, "%.100s: the scheme is none of http, https, tcp, tls", text);
	text = p ? p + 3 : text;
	n = strcspn(text, "/?#");
	authority = arena_strndup(a, text, n);
	port = strrchr(authority, ':');
	if (port && strchr(port, ']'))
		port = NULL;
	*u = (struct url){.tls = schemes[i].tls, .http = schemes[i].http, .port = schemes[i].port};
	u->host = arena_strndup(a, authority, port ? (size_t)(port - authority) : n);
	u->path = arena_printf(a, "%s%s", text[n] == '/' ? "" : "/", arena_strndup(a, text + n, strcspn(text + n, "#")));
	if (port && scalar_int(port + 1, 1, 65535, &number) == 0)
		u->port = (uint32_t)number;
	else if (port || !u->port)
		return err_set(e, ERR_SYNTAX, "%.100s: no valid port", text);
	u->authority = port && u->port != schemes[i].port ? authority : u->host;
	if (*u->host == '[')
		u->host = arena_strndup(a, u->host + 1, strcspn(u->host + 1, "]"));
	return *u->host ? 0 : err_set(e, ERR_SYNTAX, "%.100s: no host", text);
}

/* ---- who sends ---- */

static int make_proxy(struct traffic *t, const char *type, const char *ns, const char *name, const struct strmap *labels,
		      const char *ip, struct proxy *out, struct err *e)
{
	const char *domain = *t->o.snap->domain ? t->o.snap->domain : "cluster.local";
	const char *id = arena_printf(t->arena, "%s~%s~%s.%s~%s.svc.%s", type, ip ? ip : "127.0.0.1", name, ns, ns, domain);

	if (proxy_parse(id, NULL, NULL, NULL, NULL, NULL, t->arena, out, e))
		return -1;
	out->ns = ns;
	out->labels = *labels;
	/* as a proxy of Istio's own, like those of node files */
	out->sds_agent = true;
	return 0;
}

static int pod_proxy(struct traffic *t, const char *type, const struct object *pod, struct proxy *out, struct err *e)
{
	const struct k_pod_status *st = object_spec(pod, k_pod)->status;

	return make_proxy(t, type, pod->ns, pod->name, &pod->labels, st && st->pod_ip && *st->pod_ip ? st->pod_ip : NULL,
			  out, e);
}

static const struct object *find_pod(const struct traffic *t, const char *ns, const struct strmap *labels)
{
	const struct kind_list *pods = t->o.snap->objects.kind[KIND_POD];

	for (size_t i = 0; i < pods->n; i++) {
		if ((!ns || !strcmp(pods->v[i]->ns, ns)) && labels_match(labels, &pods->v[i]->labels))
			return pods->v[i];
	}
	return NULL;
}

/* The first Service of a comma-separated list of hosts. */
static const struct svc *service_of(const struct traffic *t, const char *hosts)
{
	const struct snapshot *s = t->o.snap;
	size_t first, n = snapshot_svcs_of(s, arena_strndup(t->arena, hosts, strcspn(hosts, ",")), &first);

	return n ? s->svcs[first] : NULL;
}

static bool is_called(const struct traffic *t, const char *ns, const char *name, const char *written)
{
	return !strcmp(name, written) || !strcmp(arena_printf(t->arena, "%s/%s", ns, name), written) ||
	       !strcmp(arena_printf(t->arena, "%s.%s", name, ns), written);
}

/* What a user knows it as: a listener of the Gateway API is its Gateway's. */
static const struct object *owner_of(const struct gw *gw)
{
	return gw->home ? gw->home : gw->obj;
}

static const struct gw *find_gateway(const struct traffic *t, const char *name, struct err *e)
{
	const struct gw *found = NULL;

	for (size_t i = 0; i < t->o.snap->n_gateways; i++) {
		const struct gw *gw = t->o.snap->gateways[i];

		if (!is_called(t, gw->ns, gw->name, name) && !is_called(t, owner_of(gw)->ns, owner_of(gw)->name, name))
			continue;
		if (found && owner_of(gw) != owner_of(found)) {
			err_set(e, ERR_NOT_FOUND, "gateway/%.100s: several Gateways have this name; write gateway/NS/NAME", name);
			return NULL;
		}
		found = gw;
	}
	if (!found)
		err_set(e, ERR_NOT_FOUND, "gateway/%.100s: there is no such Gateway", name);
	return found;
}

/* name: "NAME", "NS/NAME" or "NAME.NS" of a Gateway or Ingress: the proxies that it selects, or one with such labels. */
static int gateway_proxy(struct traffic *t, const char *name, struct proxy *out, struct err *e)
{
	const struct gw *gw = find_gateway(t, name, e);
	const struct strmap *labels;
	const struct object *pod;
	const struct svc *svc;
	const char *ns;

	if (!gw)
		return -1;
	svc = gw->services && !gw->spec->selector.n ? service_of(t, gw->services) : NULL;
	labels = svc ? &svc->selector : &gw->spec->selector;
	ns = svc ? svc->ns : gw->home ? gw->home->ns : NULL;
	pod = labels->n ? find_pod(t, ns, labels) : NULL;
	return pod ? pod_proxy(t, "router", pod, out, e)
		   : make_proxy(t, "router", ns ? ns : t->o.snap->mesh->root_namespace, owner_of(gw)->name, labels, NULL, out, e);
}

static struct strmap parse_labels(const char *text, struct arena *a)
{
	VEC(struct str_pair) v = {0};

	while (*text) {
		size_t n = strcspn(text, ","), key = strcspn(text, "=,");

		*vec_push(&v, a) = (struct str_pair){arena_strndup(a, text, key),
						     key < n ? arena_strndup(a, text + key + 1, n - key - 1) : ""};
		text += n + (text[n] == ',');
	}
	return (struct strmap){.v = v.v, .n = v.n};
}

/* "POD", "POD.NS", "NS/POD", "KEY=VALUE,...", "NS/KEY=VALUE,..." */
static int workload_proxy(struct traffic *t, const char *from, struct proxy *out, struct err *e)
{
	const char *slash = strchr(from, '/'), *dot, *name = slash ? slash + 1 : from;
	const char *ns = slash ? arena_strndup(t->arena, from, (size_t)(slash - from)) : "default";
	const struct object *pod;

	if (strchr(name, '=')) {
		struct strmap labels = parse_labels(name, t->arena);

		pod = find_pod(t, ns, &labels);
		return pod ? pod_proxy(t, "sidecar", pod, out, e)
			   : make_proxy(t, "sidecar", ns, "client", &labels, NULL, out, e);
	}
	pod = snapshot_object(t->o.snap, KIND_POD, ns, name);
	dot = strrchr(name, '.');
	if (!pod && !slash && dot)
		pod = snapshot_object(t->o.snap, KIND_POD, dot + 1, arena_strndup(t->arena, name, (size_t)(dot - name)));
	if (!pod)
		return err_set(e, ERR_NOT_FOUND, "%.100s: there is no such Pod; labels name a workload without one: "
						 "[NAMESPACE/]app=NAME", from);
	return pod_proxy(t, "sidecar", pod, out, e);
}

static int find_proxy(struct traffic *t, const char *from, struct proxy *out, struct err *e)
{
	static const char gateway[] = "gateway/";
	const struct node *file;

	if (from && !strncmp(from, gateway, sizeof(gateway) - 1))
		return gateway_proxy(t, from + sizeof(gateway) - 1, out, e);
	if (from)
		return workload_proxy(t, from, out, e);
	if (!t->node_file)
		return err_set(e, ERR_SYNTAX, "who sends is not said: --from or --node-file");
	file = traffic_read_file(t->node_file, t->arena, e);
	return file ? proxy_from_file(file, t->arena, out, e) : -1;
}

static struct sender *find_sender(struct traffic *t, const char *from, struct err *e)
{
	void **slot = map_slot(&t->senders, from ? from : "");
	struct sender *s;

	if (*slot)
		return *slot;
	s = arena_new(t->arena, struct sender);
	if (find_proxy(t, from, &s->proxy, e))
		return NULL;
	view_build(t->o.snap, &s->proxy, t->arena, &s->view);
	s->c = compile_view(t->o.snap, &s->view, NULL, t->arena);
	if (s->c->broken) {
		err_set(e, ERR_SYNTAX, "internal error, the set is inconsistent: %s", s->c->broken);
		return NULL;
	}
	return *slot = s;
}

/* ---- where a name leads ---- */

/* The first address of a service, or of an endpoint of a headless one; NULL: the manifests do not say. */
static const char *service_address(const struct snapshot *s, size_t i, struct arena *a)
{
	const struct svc *svc = s->svcs[i];

	for (size_t k = 0; k < svc->addresses.n; k++) {
		const char *text = svc->addresses.v[k];
		const char *ip = arena_strndup(a, text, strcspn(text, "/"));

		if (scalar_is_ip(ip) && strcmp(ip, "0.0.0.0") != 0)
			return ip;
	}
	if (svc->headless && s->eps[i]->n && scalar_is_ip(s->eps[i]->v[0].address))
		return s->eps[i]->v[0].address;
	return NULL;
}

/* As the resolver of a pod searches. *svc: whose address it is, or NULL. */
static const char *resolve(const struct traffic *t, const char *host, const char *ns, struct arena *a,
			   const struct svc **svc)
{
	const struct snapshot *s = t->o.snap;
	size_t n = strlen(host), first;
	const char *ends[] = {"", arena_printf(a, ".%s.svc.%s", ns, s->domain),
			      arena_printf(a, ".svc.%s", s->domain), arena_printf(a, ".%s", s->domain)};
	char *lower = arena_strndup(a, host, n && host[n - 1] == '.' ? n - 1 : n);

	if (scalar_is_ip(host))
		return host;
	for (char *p = lower; *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		size_t svcs = snapshot_svcs_of(s, arena_printf(a, "%s%s", lower, ends[i]), &first);

		for (size_t k = first; svcs && k < first + svcs; k++) {
			const char *ip = service_address(s, k, a);

			*svc = s->svcs[k];
			if (ip)
				return ip;
		}
	}
	return outside;
}

/* A Service sends its port to the port where the proxy listens, or where its workload does. */
static uint32_t target_port(const struct view *v, uint32_t port)
{
	for (size_t i = 0; i < v->n_targets; i++) {
		if (v->targets[i].port->port == port)
			return v->targets[i].target_port;
	}
	return port;
}

/* The look-up of the name is the first step of a captured request. */
static void tell_address(struct arena *a, const char *host, const char *ip, const struct svc *svc, struct walk *w)
{
	struct walk_step *steps = arena_array(a, struct walk_step, w->n_steps + 1);
	struct res_origin *from = arena_new(a, struct res_origin);

	steps[0] = (struct walk_step){"address", ip, arena_printf(a, "of %s", host), NULL, 0};
	if (svc) {
		*from = (struct res_origin){svc->obj->kind, svc->obj->ns, svc->obj->name};
		steps[0].origins = from;
		steps[0].n_origins = 1;
	}
	if (ip == outside)
		steps[0].why = arena_printf(a, "stands for the address of %s, which the manifests do not say", host);
	for (size_t i = 0; i < w->n_steps; i++)
		steps[i + 1] = w->steps[i];
	w->steps = steps;
	w->n_steps++;
}

static const char *peer_of(const struct traffic *t, const char *peer, struct arena *a)
{
	const char *slash = peer ? strchr(peer, '/') : NULL;

	if (!slash || strncmp(peer, "spiffe://", 9) == 0)
		return peer;
	return arena_printf(a, "spiffe://%s/ns/%.*s/sa/%s", t->o.snap->mesh->trust_domain, (int)(slash - peer), peer, slash + 1);
}

int traffic_walk(struct traffic *t, const struct traffic_request *q, struct arena *a, struct walk *out, struct err *e)
{
	static const char *const http_alpn[] = {"h2", "http/1.1"}, *const mesh_http_alpn[] = {"istio-http/1.1", "istio"},
			  *const mesh_tcp_alpn[] = {"istio-peer-exchange", "istio"};
	struct sender *s = find_sender(t, q->to ? q->to : q->from, e);
	const struct svc *svc = NULL;
	struct walk_request r = {0};
	struct url u = {0};
	bool out_of_sidecar;

	if (!s || parse_url(q->url, a, &u, e))
		return -1;
	if (q->to && s->proxy.type != PROXY_SIDECAR)
		return err_set(e, ERR_SYNTAX, "%.100s has no workload behind it: what it is sent is --from", q->to);
	out_of_sidecar = !q->to && s->proxy.type == PROXY_SIDECAR;
	r = (struct walk_request){
	    .way = q->to ? WALK_INBOUND : out_of_sidecar ? WALK_OUTBOUND : WALK_DIRECT,
	    .ip = out_of_sidecar ? resolve(t, u.host, s->proxy.ns, a, &svc) : s->proxy.ips.v[0],
	    .port = out_of_sidecar ? u.port : target_port(&s->view, u.port),
	    .tls = u.tls,
	    .http = u.http,
	    .sni = q->sni ? q->sni : u.tls && !scalar_is_ip(u.host) ? u.host : "",
	    .method = q->method ? q->method : "GET",
	    .authority = u.authority,
	    .path = u.path,
	    .headers = q->headers,
	    .claims = q->claims,
	    .peer = peer_of(t, q->peer, a),
	    .client_ip = q->client_ip,
	};
	/* as sidecars of the mesh do, whatever the URL says */
	if (r.peer && !u.tls) {
		r.tls = true;
		r.alpn = u.http ? (struct strs){mesh_http_alpn, ARRAY_LEN(mesh_http_alpn)}
				: (struct strs){mesh_tcp_alpn, ARRAY_LEN(mesh_tcp_alpn)};
	}
	if (u.tls && u.http)
		r.alpn = (struct strs){http_alpn, ARRAY_LEN(http_alpn)};
	for (size_t i = 0; i < q->headers.n; i++) {
		if (!strcasecmp(q->headers.v[i].key, "host"))
			r.authority = q->headers.v[i].value;
	}
	walk_run(s->c, &r, a, out);
	if (out_of_sidecar && r.ip != u.host)
		tell_address(a, u.host, r.ip, svc, out);
	return 0;
}

bool traffic_is_served(const struct walk *w)
{
	return w->end == WALK_ROUTED || (w->end == WALK_ANSWERED && w->status < 400);
}
