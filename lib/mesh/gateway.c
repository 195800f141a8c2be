/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/gateway.h"

#include <string.h>

bool gateway_is_passthrough(const struct gw_server *s)
{
	return s->tls && (s->tls->mode == SERVER_TLS_PASSTHROUGH || s->tls->mode == SERVER_TLS_AUTO_PASSTHROUGH);
}

bool gateway_terminates_https(enum protocol protocol, const struct gw_server *s)
{
	return protocol == PROTO_HTTPS && s->tls && !gateway_is_passthrough(s);
}

/* "./h" is "<ns>/h", any namespace's is "h", and "all of them" is "*" alone. */
static struct strs hosts_of(const struct strs *in, const char *ns, struct arena *a)
{
	const char **out = arena_array(a, const char *, in->n);

	for (size_t i = 0; i < in->n; i++) {
		const char *h = in->v[i];

		if (strcmp(h, "*/*") == 0) {
			out[0] = "*";
			return (struct strs){.v = out, .n = 1};
		}
		if (strncmp(h, "./", 2) == 0)
			out[i] = arena_printf(a, "%s/%s", ns, h + 2);
		else
			out[i] = strncmp(h, "*/", 2) == 0 ? h + 2 : h;
	}
	return (struct strs){.v = out, .n = in->n};
}

static const char *rds_name(const struct gateway_claim *x, struct arena *a)
{
	const struct gw_server *s = x->server;
	bool has_bind = s->bind && *s->bind;

	if (protocol_is_http(x->protocol))
		return arena_printf(a, "http.%u%s%s", x->port, has_bind ? "." : "", has_bind ? s->bind : "");
	if (gateway_terminates_https(x->protocol, s))
		return arena_printf(a, "https.%u.%s.%s.%s%s%s", s->port->number, s->port->name ? s->port->name : "",
				    x->gateway->name, x->gateway->ns, has_bind ? "." : "", has_bind ? s->bind : "");
	return NULL;
}

void gateway_claim_init(struct gateway_claim *x, const struct gw *gw, const struct gw_server *s, uint32_t port,
			struct arena *a)
{
	*x = (struct gateway_claim){.gateway = gw, .server = s, .port = port};
	x->protocol = protocol_parse(s->port->protocol ? s->port->protocol : "");
	x->hosts = hosts_of(&s->hosts, gw->ns, a);
	x->rds_name = rds_name(x, a);
}

void gateway_claims_init(struct gateway_claims *c, struct arena *a)
{
	c->arena = a;
	map_init(&c->used, a);
	map_init(&c->plain, a);
	map_init(&c->tls_binds, a);
	map_init(&c->tls_hosts, a);
	map_init(&c->names, a);
}

/* ---- look-ups ---- */

static const char *bind_of(const struct gateway_claim *x)
{
	return x->server->bind ? x->server->bind : "";
}

static const char *port_key(const struct gateway_claims *c, const struct gateway_claim *x, const char *more)
{
	return arena_printf(c->arena, "%u %s", x->port, more);
}

/* A host may be served once a port and bind, as chains are told apart by it. */
static bool has_host(const struct gateway_claims *c, const struct gateway_claim *x, struct gateway_outcome *out)
{
	for (size_t i = 0; x->server->tls && i < x->hosts.n; i++) {
		const struct gateway_claim *owner = map_get(&c->tls_hosts, port_key(c, x, x->hosts.v[i]));

		if (!owner || strcmp(bind_of(owner), bind_of(x)) != 0)
			continue;
		*out = (struct gateway_outcome){GATEWAY_HOST_DUPLICATE, false, owner, x->hosts.v[i]};
		return true;
	}
	return false;
}

/* Beside a plain-text server: HTTP joins HTTP; another bind is another listener. */
static struct gateway_outcome beside_plain(const struct gateway_claim *plain, const struct gateway_claim *x)
{
	if (strcmp(bind_of(plain), bind_of(x)) != 0)
		return (struct gateway_outcome){0};
	if (!protocol_is_http(plain->protocol) || !protocol_is_http(x->protocol))
		return (struct gateway_outcome){.fault = GATEWAY_PORT_CONFLICT, .owner = plain};
	return (struct gateway_outcome){.joins_plain = true};
}

/* Beside TLS servers: told apart by SNI, each HTTPS server has routes of its own. */
static struct gateway_outcome beside_tls(const struct gateway_claims *c, const struct gateway_claim *x)
{
	const struct gateway_claim *owner = x->rds_name ? map_get(&c->names, x->rds_name) : NULL;

	if (owner)
		return (struct gateway_outcome){.fault = GATEWAY_PORT_NAME_DUPLICATE, .owner = owner};
	owner = map_get(&c->tls_binds, port_key(c, x, bind_of(x)));
	if (owner && !x->server->tls)
		return (struct gateway_outcome){.fault = GATEWAY_TLS_MISSING, .owner = owner};
	return (struct gateway_outcome){0};
}

struct gateway_outcome gateway_probe(const struct gateway_claims *c, const struct gateway_claim *x)
{
	const struct gateway_claim *plain = map_get(&c->plain, port_key(c, x, ""));
	struct gateway_outcome out = {0};

	if (has_host(c, x, &out))
		return out;
	if (plain)
		return beside_plain(plain, x);
	return map_get(&c->used, port_key(c, x, "")) ? beside_tls(c, x) : out;
}

static void enter(struct map *m, const char *key, const struct gateway_claim *x)
{
	void **slot = map_slot(m, key);

	if (!*slot)
		*slot = (void *)x;
}

struct gateway_outcome gateway_take(struct gateway_claims *c, const struct gateway_claim *x)
{
	struct gateway_outcome out = gateway_probe(c, x);
	const char *port = port_key(c, x, "");
	bool is_first = !map_get(&c->used, port);

	if (out.fault)
		return out;
	for (size_t i = 0; x->server->tls && i < x->hosts.n; i++)
		map_set(&c->tls_hosts, port_key(c, x, x->hosts.v[i]), (void *)x);
	enter(&c->used, port, x);
	if (is_first && (!x->server->tls || protocol_is_http(x->protocol)))
		enter(&c->plain, port, x);
	if (!is_first && !map_get(&c->plain, port))
		enter(&c->tls_binds, port_key(c, x, bind_of(x)), x);
	if (x->rds_name)
		enter(&c->names, x->rds_name, x);
	return out;
}
