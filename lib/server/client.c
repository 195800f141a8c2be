/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "server/server_int.h"

struct client *client_new(struct server *s, const char *peer, const char *protocol)
{
	struct client *c = calloc(1, sizeof(*c));

	must(c && "out of memory");
	c->server = s;
	c->id = ++s->next_id;
	c->protocol = protocol;
	c->connected_ms = loop_now_ms(s->loop);
	snprintf(c->peer, sizeof(c->peer), "%s", peer);
	c->next = s->clients;
	c->at = &s->clients;
	if (s->clients)
		s->clients->at = &c->next;
	s->clients = c;
	metric_set(&s->metrics, M_XDS, NULL, (double)++s->n_clients);
	return c;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	loop_task_stop(&c->push);
	publisher_unsubscribe(c->server->pub, &c->sub);
	session_free(c->session);
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	metric_set(&c->server->metrics, M_XDS, NULL, (double)--c->server->n_clients);
	arena_fini(&c->arena);
	free(c);
}

/* The node of a request lives in the request's arena; what is kept is copied. */
int client_identify(struct client *c, const struct xds_node *node, const char *rest_cluster,
		    struct err *e)
{
	struct arena *a = &c->arena;
	const struct node *metadata = node->metadata ? node_copy(node->metadata, a) : NULL;
	const char **names = arena_array(a, const char *, node->extensions.n);
	struct strs extensions = {names, 0};

	must(!c->has_proxy);
	for (size_t i = 0; i < node->extensions.n; i++) {
		/* only Istio's own filters matter to a plan; 500 others are not kept for each
		 * client */
		if (!strncmp(node->extensions.v[i], "istio.", 6))
			names[extensions.n++] = arena_strdup(a, node->extensions.v[i]);
	}
	if (proxy_parse(arena_strdup(a, node->id), metadata, arena_strdup(a, node->region),
			arena_strdup(a, node->zone), arena_strdup(a, node->subzone), &extensions, a,
			&c->proxy, e))
		return -1;
	if (c->caller && c->caller->how != CALLER_NONE && authz_node(c->caller, &c->proxy, e))
		return -1;
	c->proxy.rest_cluster = rest_cluster ? arena_strdup(a, rest_cluster) : NULL;
	c->node_cluster = arena_strdup(a, node->cluster);
	c->user_agent = arena_printf(a, "%s %s", node->user_agent_name, node->user_agent_version);
	c->has_proxy = true;
	c->sub.proxy = &c->proxy;
	return 0;
}

const char *client_connection_id(const struct client *c, struct arena *a)
{
	return arena_printf(a, "%s-%llu", c->has_proxy ? c->proxy.id : "?",
			    (unsigned long long)c->id);
}

void client_status(const struct client *c, enum xds_type t, struct session_status *out)
{
	if (c->rest)
		rest_status(c, t, out);
	else
		session_status(c->session, t, out);
}

void client_count_sent(const struct client *c, struct sent_count sum[XDS_TYPES])
{
	for (int t = 0; c->session && t < XDS_TYPES; t++) {
		struct session_status st;

		session_status(c->session, (enum xds_type)t, &st);
		sum[t].responses += st.n_sent;
		sum[t].bytes += st.bytes_sent;
	}
}
