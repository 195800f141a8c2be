/* SPDX-License-Identifier: Apache-2.0
 *
 * Names that other tools know: clusters, paths of objects, wildcard addresses
 * (istio-behaviour.md 2).
 */
#include "plan/plan_int.h"

#include <string.h>

#include "base/must.h"

const char *plan_cluster_name(struct arena *a, const char *direction, uint32_t port, const char *subset,
			      const char *host)
{
	return arena_printf(a, "%s|%u|%s|%s", direction, port, subset ? subset : "", host);
}

const char *plan_config_path(struct arena *a, const struct object *obj)
{
	char kind[KIND_KEBAB_MAX];

	return arena_printf(a, "/apis/%s/v1/namespaces/%s/%s/%s", kind_info(obj->kind)->group, obj->ns,
			    kind_kebab(obj->kind, kind), obj->name);
}

const char *plan_wildcard(const struct view *v)
{
	return v->v6 && !v->v4 ? "::" : "0.0.0.0";
}

bool plan_is_dual(const struct view *v)
{
	return v->v4 && v->v6 && (v->features & FEATURE_DUAL_STACK);
}

static void listen_at(const struct view *v, const char *v4, const char *v6, uint32_t port, struct ir_listener *l,
		      struct arena *a)
{
	struct ir_address *more = arena_new(a, struct ir_address);

	l->address = (struct ir_address){.ip = v->v4 || !v->v6 ? v4 : v6, .port = port};
	*more = (struct ir_address){.ip = v6, .port = port};
	l->more = more;
	l->n_more = plan_is_dual(v);
}

void plan_listen_everywhere(const struct view *v, uint32_t port, struct ir_listener *l, struct arena *a)
{
	listen_at(v, "0.0.0.0", "::", port, l, a);
}

void plan_listen_locally(const struct view *v, uint32_t port, struct ir_listener *l, struct arena *a)
{
	listen_at(v, "127.0.0.1", "::1", port, l, a);
}

bool plan_port_is_reserved(const struct plan *p, uint32_t port)
{
	enum { STATUS_PORT = 15021, PROMETHEUS_PORT = 15090 };
	const struct mesh_config *m = p->snap->mesh;

	if (port == STATUS_PORT || port == PROMETHEUS_PORT)
		return true;
	return p->view->type == PROXY_SIDECAR &&
	       (port == (uint32_t)m->proxy_listen_port || port == (uint32_t)m->proxy_inbound_listen_port);
}

bool plan_is_wildcard(const char *bind)
{
	return strcmp(bind, "0.0.0.0") == 0 || strcmp(bind, "::") == 0;
}

void wild_walk_init(struct wild_walk *w, const struct map *wild, const char *host, struct arena *a)
{
	*w = (struct wild_walk){.wild = wild};
	if (!map_count(wild))
		return;
	w->text = arena_printf(a, "*%s", host);
	w->len = strlen(w->text);
}

void *wild_walk_next(struct wild_walk *w)
{
	void *hit = NULL;

	for (; w->at < w->len && !hit; w->at++) {
		char letter = w->text[w->at];

		w->text[w->at] = '*';
		hit = map_get(w->wild, w->text + w->at);
		w->text[w->at] = letter;
	}
	return hit;
}

/* ---- statistics ---- */

struct stat_word {
	const char *name, *value;
};

struct chars {
	VEC(char) v;
};

static void put(struct chars *out, const char *text, size_t n, struct arena *a)
{
	for (size_t i = 0; i < n; i++)
		*vec_push(&out->v, a) = text[i];
}

/* Appends what stands at text, a word or one character; how many bytes of it. */
static size_t put_word(struct chars *out, const char *text, const struct stat_word *words, size_t n, struct arena *a)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(words[i].name);

		if (strncmp(text, words[i].name, len) == 0) {
			put(out, words[i].value, strlen(words[i].value), a);
			return len;
		}
	}
	put(out, text, 1, a);
	return 1;
}

const char *plan_stat_name(const char *pattern, const char *name, const struct svc *svc, const struct svc_port *port,
			   uint32_t target, const char *subset, struct arena *a)
{
	const struct stat_word words[] = {
		{"%SERVICE%", svc && svc->is_kube ? arena_printf(a, "%s.%s", svc->name, svc->ns) : svc ? svc->host : ""},
		{"%SERVICE_FQDN%", svc ? svc->host : ""},
		{"%SERVICE_NAME%", svc ? svc->name : ""},
		{"%SERVICE_PORT%", port ? arena_printf(a, "%u", port->port) : ""},
		{"%SERVICE_PORT_NAME%", port && port->name ? port->name : ""},
		{"%TARGET_PORT%", target ? arena_printf(a, "%u", target) : ""},
		{"%SUBSET_NAME%", subset},
	};
	struct chars out = {0};

	if (!pattern || !*pattern || !svc)
		return name;
	while (*pattern)
		pattern += put_word(&out, pattern, words, ARRAY_LEN(words), a);
	put(&out, "", 1, a);
	return out.v.v;
}

enum ir_family plan_dns_family(const struct view *v)
{
	if (plan_is_dual(v))
		return IR_FAMILY_BOTH;
	return v->v6 && !v->v4 ? IR_FAMILY_V6 : IR_FAMILY_V4;
}

struct ir_dns_cache *plan_dns_cache(const struct view *v, const char *host, struct arena *a)
{
	struct ir_dns_cache *c = arena_new(a, struct ir_dns_cache);

	*c = (struct ir_dns_cache){arena_printf(a, "%s_dfp_dns_cache", host ? host : "allow_any"), plan_dns_family(v)};
	return c;
}

const char *plan_quote_regex(const char *text, struct arena *a)
{
	char *out = arena_alloc(a, 2 * strlen(text) + 1), *p = out;

	for (; *text; text++) {
		if (strchr("\\.+*?()|[]{}^$", *text))
			*p++ = '\\';
		*p++ = *text;
	}
	return out;
}
