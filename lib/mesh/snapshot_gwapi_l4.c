/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of a TCPRoute or TLSRoute as TCP and TLS routes of a VirtualService
 * (istio-behaviour.md 1.14).
 */
#include "mesh/snapshot_gwapi_int.h"

#include <string.h>

/* Where nothing is: connections end at once. */
static const struct destination *nowhere(void)
{
	static const struct port_selector port = {.number = 65535};
	static const struct destination d = {.host = "internal.cluster.local", .subset = "zero-weight", .port = &port};

	return &d;
}

static const struct route_destination *route_of(const struct gwapi_conversion *c, const struct gwapi_l4_rule *rule, size_t *n)
{
	struct route_destination *out = arena_array(c->arena, struct route_destination, rule->n_backends + 1);

	*n = 0;
	for (size_t i = 0; i < rule->n_backends; i++) {
		const struct gwapi_backend_ref *b = &rule->backends[i];
		const struct destination *d = gwapi_destination(c, b->group, b->kind, b->name, b->ns, b->port);
		int32_t weight = b->weight.has ? (int32_t)b->weight.v : 1;

		if (weight)
			out[(*n)++] = (struct route_destination){.destination = d ? d : nowhere(), .weight = weight};
	}
	if (!*n)
		out[(*n)++].destination = nowhere();
	return out;
}

static struct tcp_route tcp_route_of(const struct gwapi_conversion *c, const struct gwapi_l4_rule *rule, uint32_t port)
{
	struct tcp_route out = {0};
	struct l4_match *m;

	out.route = route_of(c, rule, &out.n_route);
	if (port) {
		m = arena_new(c->arena, struct l4_match);
		m->port = port;
		out.match = m;
		out.n_match = 1;
	}
	return out;
}

/* The names of the route that the host may be asked for by; without any, and at a Gateway, the host itself. */
static struct strs sni_of(const struct gwapi_conversion *c, const struct strs *names, const char *host)
{
	const char **v = arena_array(c->arena, const char *, names->n + 1);
	size_t n = 0;

	if (c->at_gateway) {
		v[0] = arena_strdup(c->arena, host);
		return (struct strs){.v = v, .n = 1};
	}
	for (size_t i = 0; i < names->n; i++)
		if (names->n == 1 || host_matches(host, names->v[i]))
			v[n++] = names->v[i];
	if (!names->n)
		v[n++] = host;
	return (struct strs){.v = v, .n = n};
}

static struct tls_route tls_route_of(const struct gwapi_conversion *c, const struct gwapi_l4_rule *rule, uint32_t port,
				     const char *host)
{
	const struct gwapi_tls_route *spec = object_spec(c->route, gwapi_tls_route);
	struct tls_match *m = arena_new(c->arena, struct tls_match);
	struct tls_route out = {.match = m, .n_match = 1};

	m->sni_hosts = sni_of(c, &spec->hostnames, host);
	m->port = port;
	if (!m->sni_hosts.n)
		out.n_match = 0;
	out.route = route_of(c, rule, &out.n_route);
	return out;
}

void gwapi_convert_l4(const struct gwapi_conversion *c, uint32_t port, const char *host, struct gwapi_l4_routes *out)
{
	const struct gwapi_l4_rule *rules;
	size_t n;

	if (c->route->kind == KIND_TLS_ROUTE) {
		rules = object_spec(c->route, gwapi_tls_route)->rules;
		n = object_spec(c->route, gwapi_tls_route)->n_rules;
	} else {
		rules = object_spec(c->route, gwapi_l4_route)->rules;
		n = object_spec(c->route, gwapi_l4_route)->n_rules;
	}
	for (size_t i = 0; i < n; i++) {
		if (c->route->kind == KIND_TLS_ROUTE)
			*vec_push(&out->tls, c->arena) = tls_route_of(c, &rules[i], port, host);
		else
			*vec_push(&out->tcp, c->arena) = tcp_route_of(c, &rules[i], port);
	}
}
