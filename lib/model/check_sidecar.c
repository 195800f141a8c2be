/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/map.h"
#include "base/scalar.h"
#include "model/check_int.h"

/* "127.0.0.1:80", "0.0.0.0:80", "[::1]:80", "[::]:80" or "unix:///path". */
static void check_default_endpoint(struct check *c, const struct where *w, const char *s)
{
	static const char *const hosts[] = {"127.0.0.1:", "0.0.0.0:", "[::1]:", "[::]:"};
	const char *why;
	int64_t port;

	if (!given(s))
		return;
	if (is_unix(s)) {
		why = wrong_unix_path(s + strlen("unix://"));
		if (why)
			wrong(c, w, D_LISTENER_INVALID, "%s: %s", s, why);
		return;
	}
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (!strncmp(s, hosts[i], strlen(hosts[i])) && !scalar_int(s + strlen(hosts[i]), 1, 65535, &port))
			return;
	}
	wrong(c, w, D_LISTENER_INVALID,
	      "defaultEndpoint must be of form 127.0.0.1:<port>, 0.0.0.0:<port>, [::1]:<port>, [::]:<port>, unix:///path or unset");
}

static void check_ingress_tls(struct check *c, const struct where *w, const struct sidecar_ingress *in, bool selects)
{
	const struct server_tls *t = in->tls;
	int protocol = given(in->port->protocol) ? protocol_find(in->port->protocol) : 0;

	if (!t)
		return;
	if (t->mode == SERVER_TLS_ISTIO_MUTUAL || t->mode == SERVER_TLS_AUTO_PASSTHROUGH)
		wrong(c, AT(w, "mode"), D_TLS_INVALID, "configuration is invalid: cannot set mode to %s in sidecar ingress tls",
		      enum_name(&enum_desc_server_tls_mode, (int)t->mode));
	if (t->https_redirect)
		wrong(c, AT(w, "httpsRedirect"), D_TLS_INVALID, "configuration is invalid: cannot set httpsRedirect in sidecar ingress tls");
	if (given(t->credential_name) || t->credential_names.n)
		wrong(c, AT(w, "credentialName"), D_TLS_INVALID, "configuration is invalid: cannot set credentialName in sidecar ingress tls");
	if (!selects)
		wrong(c, w, D_SETTING_HEAVY, "TLS settings of a Sidecar should come with a workloadSelector");
	if (protocol >= 0 && !(protocol & PROTO_TLS))
		wrong(c, w, D_TLS_INVALID, "server cannot have TLS settings for non HTTPS/TLS ports");
	check_server_tls(c, w, t);
}

static void check_ingress_ports(struct check *c, const struct sidecar *s)
{
	struct map ports;

	map_init(&ports, c->ds->arena);
	for (size_t i = 0; i < s->n_ingress; i++) {
		const struct sidecar_ingress *in = &s->ingress[i];
		const struct where *at = ELEM(AT(SPEC, "ingress"), i);
		char number[16];

		if (given(in->port->name))
			check_port_name(c, AT(AT(at, "port"), "name"), in->port->name);
		check_protocol(c, AT(AT(at, "port"), "protocol"), in->port->protocol);
		check_port(c, AT(AT(at, "port"), "number"), in->port->number);
		snprintf(number, sizeof(number), "%u", in->port->number);
		if (map_set(&ports, number, &ports))
			wrong(c, AT(at, "port"), D_LISTENER_INVALID, "ports on IP bound listeners must be unique");
		if (given(in->bind) && !scalar_is_ip(in->bind))
			wrong(c, AT(at, "bind"), D_LISTENER_INVALID, "%s is not a valid IP", in->bind);
		check_default_endpoint(c, AT(at, "defaultEndpoint"), in->default_endpoint);
		check_ingress_tls(c, AT(at, "tls"), in, s->workload_selector && s->workload_selector->labels.n);
		check_connection_pool(c, AT(at, "connectionPool"), in->connection_pool);
	}
}

static void check_egress_port(struct check *c, const struct where *w, const struct sidecar_egress *out, struct map *used)
{
	const char *why, *bind = out->bind ? out->bind : "";
	char number[16];

	if (given(out->port->name))
		check_port_name(c, AT(AT(w, "port"), "name"), out->port->name);
	if (out->port->number) {
		check_protocol(c, AT(AT(w, "port"), "protocol"), out->port->protocol);
		check_port(c, AT(AT(w, "port"), "number"), out->port->number);
		if (*bind && !scalar_is_ip(bind))
			wrong(c, AT(w, "bind"), D_LISTENER_INVALID, "%s is not a valid IP", bind);
		snprintf(number, sizeof(number), "%u", out->port->number);
		if (map_set(used, number, used))
			wrong(c, AT(w, "port"), D_LISTENER_INVALID, "ports on IP bound listeners must be unique");
		return;
	}
	why = is_unix(bind) ? wrong_unix_path(bind + strlen("unix://")) : "a listener without port number binds to unix:///path";
	if (why)
		wrong(c, AT(w, "bind"), D_LISTENER_INVALID, "\"%s\": %s", bind, why);
	if (out->capture_mode != CAPTURE_DEFAULT && out->capture_mode != CAPTURE_NONE)
		wrong(c, AT(w, "captureMode"), D_LISTENER_INVALID, "captureMode must be DEFAULT/NONE for unix domain socket listeners");
	if (map_set(used, bind, used))
		wrong(c, AT(w, "bind"), D_LISTENER_INVALID, "unix domain socket values for listeners must be unique");
}

static void check_egress(struct check *c, const struct sidecar *s)
{
	struct map used;

	map_init(&used, c->ds->arena);
	for (size_t i = 0; i < s->n_egress; i++) {
		const struct sidecar_egress *out = &s->egress[i];
		const struct where *at = ELEM(AT(SPEC, "egress"), i);

		if (out->port)
			check_egress_port(c, at, out, &used);
		else if (given(out->bind) && !scalar_is_ip(out->bind) &&
			 (!is_unix(out->bind) || wrong_unix_path(out->bind + strlen("unix://"))))
			wrong(c, AT(at, "bind"), D_LISTENER_INVALID, "%s is not a valid IP", out->bind);
		else if (i + 1 < s->n_egress)
			wrong(c, at, D_LISTENER_INVALID, "the egress listener with empty port should be the last listener in the list");
		for (size_t k = 0; k < out->hosts.n; k++)
			check_namespaced_host(c, ELEM(AT(at, "hosts"), k), out->hosts.v[k], false);
	}
}

static void check_outbound(struct check *c, const struct outbound_policy *p)
{
	const struct where *w = AT(AT(SPEC, "outboundTrafficPolicy"), "egressProxy");
	const struct destination *d = p ? p->egress_proxy : NULL;

	if (!d)
		return;
	if (p->mode != OUTBOUND_ALLOW_ANY)
		wrong(c, w, D_LISTENER_INVALID, "egressProxy must be set only with ALLOW_ANY outboundTrafficPolicy mode");
	if (d->host && wrong_fqdn(d->host))
		wrong(c, AT(w, "host"), D_HOST_INVALID, "\"%s\" is no host name", d->host);
	if (!d->port)
		wrong(c, w, D_PORT_INVALID, "egressProxy must have a port");
	check_destination(c, w, d);
}

void check_sidecar(struct check *c, const void *spec)
{
	const struct sidecar *s = spec;

	if (s->workload_selector)
		check_selector(c, AT(AT(SPEC, "workloadSelector"), "labels"), &s->workload_selector->labels);
	if (!s->n_ingress && !s->n_egress && !s->outbound_traffic_policy && !s->inbound_connection_pool)
		wrong(c, SPEC, D_POLICY_EMPTY, "sidecar: empty configuration provided");
	check_ingress_ports(c, s);
	check_connection_pool(c, AT(SPEC, "inboundConnectionPool"), s->inbound_connection_pool);
	check_egress(c, s);
	check_outbound(c, s->outbound_traffic_policy);
}
