/* SPDX-License-Identifier: Apache-2.0
 *
 * Gateways: the workloads and Services behind them, their Secrets, and each other.
 */
#include "analyze/analyze_int.h"

#include <string.h>
#include <strings.h>

#include "mesh/proxy.h"

/* ---- one Gateway ---- */

static const struct object *find_pod(const struct analysis *n, const struct gateway *gw)
{
	const struct kind_list *pods = analysis_list(n, KIND_POD);

	for (size_t i = 0; i < pods->n; i++)
		if (labels_match(&gw->selector, &pods->v[i]->labels))
			return pods->v[i];
	return NULL;
}

/* A Service of the pod has the port, in front or behind. */
static bool is_exposed(const struct analysis *n, const struct object *pod, uint32_t port)
{
	size_t first, count = snapshot_svcs_in(n->s->kube, n->s->n_kube, pod->ns, &first);

	for (size_t i = first; i < first + count; i++) {
		const struct svc *svc = n->s->kube[i];

		if (!svc->selector.n || !labels_match(&svc->selector, &pod->labels))
			continue;
		for (size_t k = 0; k < svc->n_ports; k++)
			if (svc->ports[k].protocol != PROTO_UDP &&
			    (svc->ports[k].port == port || svc_port_at_pod(&svc->ports[k], pod) == port))
				return true;
	}
	return false;
}

static void judge_exposure(struct analysis *n, const struct object *o, size_t i)
{
	const struct gateway *gw = object_spec(o, gateway);
	const struct kind_list *pods = analysis_list(n, KIND_POD);
	const struct gw_port *port = gw->servers[i].port;

	for (size_t k = 0; k < i && port; k++)	/* once a port */
		if (gw->servers[k].port && gw->servers[k].port->number == port->number)
			return;
	if (!port)
		return;
	for (size_t k = 0; k < pods->n; k++)
		if (labels_match(&gw->selector, &pods->v[k]->labels) && is_exposed(n, pods->v[k], port->number))
			return;
	analysis_add(n, o, D_GATEWAY_PORT_UNEXPOSED, port->pos, arena_printf(n->a, "spec.servers[%zu].port", i),
		     "no Service of the pods %s has port %u", analysis_selector(n, &gw->selector), port->number);
}

/* Form only: a block of PEM begins there. */
static bool is_pem(const struct k_secret *s, const char *key)
{
	const char *text = k_secret_text(s, key);

	return text && strstr(text, "-----BEGIN ");
}

static void judge_credential(struct analysis *n, const struct object *o, const char *ns, const char *name,
			     struct pos pos, const char *path)
{
	static const char kube[] = "kubernetes://";
	const struct object *secret;
	const struct k_secret *s;

	if (!strncmp(name, kube, strlen(kube)))
		name += strlen(kube);
	if (strstr(name, "://"))
		return;
	secret = analysis_object(n, KIND_SECRET, ns, name);
	if (!secret) {
		analysis_add(n, o, D_REFERENCE_MISSING, pos, path, "there is no Secret %s/%s", ns, name);
		return;
	}
	s = object_spec(secret, k_secret);
	if (!(is_pem(s, "tls.crt") && is_pem(s, "tls.key")) && !(is_pem(s, "cert") && is_pem(s, "key")))
		analysis_add(n, o, D_CREDENTIAL_INVALID, pos, path,
			     "Secret %s/%s holds no certificate and key in PEM (tls.crt and tls.key, or cert and key)", ns,
			     name);
}

static void judge_credentials(struct analysis *n, const struct object *o, const char *ns, size_t i)
{
	const struct server_tls *tls = object_spec(o, gateway)->servers[i].tls;

	if (!tls)
		return;
	if (tls->credential_name && *tls->credential_name)
		judge_credential(n, o, ns, tls->credential_name, tls->pos,
				 arena_printf(n->a, "spec.servers[%zu].tls.credentialName", i));
	for (size_t k = 0; k < tls->credential_names.n; k++)
		judge_credential(n, o, ns, tls->credential_names.v[k], tls->pos,
				 arena_printf(n->a, "spec.servers[%zu].tls.credentialNames[%zu]", i, k));
}

static void judge_alone(struct analysis *n, const struct object *o)
{
	const struct gateway *gw = object_spec(o, gateway);
	const struct object *pod = find_pod(n, gw);

	if (!n->has_pods || gateway_service(o))
		return;
	if (!pod) {
		analysis_add(n, o, D_REFERENCE_MISSING, (struct pos){0}, "spec.selector", "no pod has the labels %s",
			     analysis_selector(n, &gw->selector));
		return;
	}
	for (size_t i = 0; i < gw->n_servers; i++) {
		judge_exposure(n, o, i);
		judge_credentials(n, o, pod->ns, i);
	}
}

/* ---- two Gateways ---- */

static bool same_text(const char *a, const char *b)
{
	return a && *a && b && !strcmp(a, b);
}

static bool same_certificate(const struct server_tls *a, const struct server_tls *b)
{
	if (!a || !b)
		return false;
	if ((a->credential_name && *a->credential_name) || (b->credential_name && *b->credential_name))
		return same_text(a->credential_name, b->credential_name);
	return same_text(a->server_certificate, b->server_certificate) && same_text(a->private_key, b->private_key);
}

static void judge_certificates(struct analysis *n, const struct object *o, const struct object *other)
{
	const struct gateway *gw = object_spec(o, gateway), *g = object_spec(other, gateway);

	if (!labels_match(&gw->selector, &g->selector))
		return;
	for (size_t i = 0; i < gw->n_servers; i++) {
		for (size_t k = 0; k < g->n_servers; k++) {
			if (!same_certificate(gw->servers[i].tls, g->servers[k].tls))
				continue;
			analysis_add(n, o, D_CERTIFICATE_SHARED, gw->servers[i].tls->pos,
				     arena_printf(n->a, "spec.servers[%zu].tls", i), "Gateway %s has the same certificate",
				     analysis_name(n, other));
			return;		/* one a pair says enough */
		}
	}
}

static bool same_selector(const struct strmap *a, const struct strmap *b)
{
	return a->n == b->n && labels_match(a, b);
}

static bool same_port(const struct gw_server *a, const struct gw_server *b)
{
	const char *x = a->bind ? a->bind : "", *y = b->bind ? b->bind : "";

	return a->port && b->port && a->port->number == b->port->number && !strcmp(x, y);
}

/* A host of a server without its namespace; *ns is that, or NULL for all. */
static const char *split_host(const struct analysis *n, const char *host, const char *own, const char **ns)
{
	const char *slash = strchr(host, '/');

	*ns = NULL;
	if (!slash)
		return host;
	if (slash - host == 1 && *host == '.')
		*ns = own;
	else if (slash - host != 1 || *host != '*')
		*ns = arena_strndup(n->a, host, (size_t)(slash - host));
	return slash + 1;
}

static bool share_host(const struct analysis *n, const struct object *a, const struct gw_server *x,
		       const struct object *b, const struct gw_server *y)
{
	for (size_t i = 0; i < x->hosts.n; i++) {
		for (size_t k = 0; k < y->hosts.n; k++) {
			const char *p, *q, *h = split_host(n, x->hosts.v[i], a->ns, &p);
			const char *g = split_host(n, y->hosts.v[k], b->ns, &q);

			if ((!p || !q || !strcmp(p, q)) && host_matches(h, g))
				return true;
		}
	}
	return false;
}

/* What a listener of the server is: of these only equal ones fit on one port. */
enum wants { WANTS_HTTP, WANTS_TCP, WANTS_TLS };

static enum wants wants_of(const struct gw_server *s)
{
	enum protocol p = protocol_parse(s->port->protocol);

	if (p == PROTO_HTTPS || p == PROTO_TLS)
		return WANTS_TLS;
	return protocol_is_http(p) ? WANTS_HTTP : WANTS_TCP;
}

/* True: said that the two conflict. */
static bool judge_hosts(struct analysis *n, const struct object *o, size_t i)
{
	const struct gateway *gw = object_spec(o, gateway);
	const struct kind_list *list = analysis_list(n, KIND_GATEWAY);
	const char *names = NULL;

	for (size_t k = 0; k < list->n; k++) {
		const struct gateway *g = object_spec(list->v[k], gateway);
		bool conflict = false;

		if (list->v[k] == o || !same_selector(&gw->selector, &g->selector))
			continue;
		for (size_t m = 0; m < g->n_servers && !conflict; m++)
			conflict = same_port(&gw->servers[i], &g->servers[m]) &&
				   share_host(n, o, &gw->servers[i], list->v[k], &g->servers[m]);
		if (conflict)
			names = names ? arena_printf(n->a, "%s, %s", names, analysis_name(n, list->v[k]))
				      : analysis_name(n, list->v[k]);
	}
	if (names)
		analysis_add(n, o, D_GATEWAY_CONFLICT, gw->servers[i].pos, arena_printf(n->a, "spec.servers[%zu]", i),
			     "port %u and hosts of these pods (%s) are served by Gateway %s too", gw->servers[i].port->number,
			     analysis_selector(n, &gw->selector), names);
	return names != NULL;
}

/* An older Gateway of the same pods wants another kind of listener there. */
static void judge_port(struct analysis *n, const struct object *o, size_t i)
{
	const struct gateway *gw = object_spec(o, gateway);
	const struct kind_list *list = analysis_list(n, KIND_GATEWAY);

	for (size_t k = 0; k < list->n; k++) {
		const struct gateway *g = object_spec(list->v[k], gateway);

		if (object_compare_age(list->v[k], o) >= 0 ||
		    (!labels_match(&gw->selector, &g->selector) && !labels_match(&g->selector, &gw->selector)))
			continue;
		for (size_t m = 0; m < g->n_servers; m++) {
			if (!same_port(&gw->servers[i], &g->servers[m]) ||
			    wants_of(&gw->servers[i]) == wants_of(&g->servers[m]))
				continue;
			analysis_add(n, o, D_GATEWAY_PORT_FIGHT, gw->servers[i].port->pos,
				     arena_printf(n->a, "spec.servers[%zu].port", i),
				     "port %u is %s here and %s in the older Gateway %s", gw->servers[i].port->number,
				     gw->servers[i].port->protocol, g->servers[m].port->protocol,
				     analysis_name(n, list->v[k]));
			return;
		}
	}
}

void analyze_gateways(struct analysis *n)
{
	const struct kind_list *list = analysis_list(n, KIND_GATEWAY);

	for (size_t i = 0; i < list->n; i++) {
		const struct gateway *gw = object_spec(list->v[i], gateway);

		judge_alone(n, list->v[i]);
		for (size_t k = 0; k < list->n; k++)
			if (k != i)
				judge_certificates(n, list->v[i], list->v[k]);
		for (size_t k = 0; k < gw->n_servers; k++)
			if (gw->servers[k].port && !judge_hosts(n, list->v[i], k))
				judge_port(n, list->v[i], k);
	}
}
