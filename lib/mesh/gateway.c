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

/* Who has what of one port. */
struct gateway_port {
	const struct gateway_claim *first;
	bool is_plain;			/* the first one is in plain text */
	struct map tls_binds;		/* bind of later servers beside TLS -> first claim */
	struct map tls_hosts;		/* host -> last claim */
};

void gateway_claims_init(struct gateway_claims *c, struct arena *a)
{
	c->arena = a;
	map_init(&c->ports, a);
	map_init(&c->names, a);
}

static struct gateway_port *enter_port(struct gateway_claims *c, uint32_t number)
{
	void **slot = map_slot_n(&c->ports, &number, sizeof(number));
	struct gateway_port *p = *slot;

	if (p)
		return p;
	*slot = p = arena_new(c->arena, struct gateway_port);
	map_init(&p->tls_binds, c->arena);
	map_init(&p->tls_hosts, c->arena);
	return p;
}

/* ---- look-ups ---- */

static const char *bind_of(const struct gateway_claim *x)
{
	return x->server->bind ? x->server->bind : "";
}

/* A host may be served once a port and bind, as chains are told apart by it. */
static bool has_host(const struct gateway_port *p, const struct gateway_claim *x, struct gateway_outcome *out)
{
	for (size_t i = 0; x->server->tls && i < x->hosts.n; i++) {
		const struct gateway_claim *owner = map_get(&p->tls_hosts, x->hosts.v[i]);

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
	return (struct gateway_outcome){.joins_plain = true, .owner = plain};
}

/* Beside TLS servers: told apart by SNI, each HTTPS server has routes of its own. */
static struct gateway_outcome beside_tls(const struct gateway_claims *c, const struct gateway_port *p,
					 const struct gateway_claim *x)
{
	const struct gateway_claim *owner = x->rds_name ? map_get(&c->names, x->rds_name) : NULL;

	if (owner)
		return (struct gateway_outcome){.fault = GATEWAY_PORT_NAME_DUPLICATE, .owner = owner};
	owner = map_get(&p->tls_binds, bind_of(x));
	if (owner && !x->server->tls)
		return (struct gateway_outcome){.fault = GATEWAY_TLS_MISSING, .owner = owner};
	return (struct gateway_outcome){0};
}

struct gateway_outcome gateway_probe(const struct gateway_claims *c, const struct gateway_claim *x)
{
	const struct gateway_port *p = map_get_n(&c->ports, &x->port, sizeof(x->port));
	struct gateway_outcome out = {0};

	if (!p || has_host(p, x, &out))
		return out;
	return p->is_plain ? beside_plain(p->first, x) : beside_tls(c, p, x);
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
	struct gateway_port *p;

	if (out.fault)
		return out;
	p = enter_port(c, x->port);
	for (size_t i = 0; x->server->tls && i < x->hosts.n; i++)
		map_set(&p->tls_hosts, x->hosts.v[i], (void *)x);
	if (!p->first) {
		p->first = x;
		p->is_plain = !x->server->tls || protocol_is_http(x->protocol);
	} else if (!p->is_plain) {
		enter(&p->tls_binds, bind_of(x), x);
	}
	if (x->rds_name)
		enter(&c->names, x->rds_name, x);
	return out;
}
