/* SPDX-License-Identifier: Apache-2.0
 *
 * Ingress and IngressClass: what API servers refuse (Kubernetes' reference of
 * networking.k8s.io/v1). Files come without that, and objects may be older than the rule.
 */
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "model/check_int.h"
#include "model/kube.h"

enum { CONTROLLER_MAX = 250 };

static void check_ingress_host(struct check *c, const struct where *w, const char *host)
{
	if (scalar_is_ip(host))
		wrong(c, w, D_INGRESS_INVALID, "\"%.260s\" is an address, and no host name", host);
	else if (strncmp(host, "*.", 2) == 0 ? !scalar_is_dns_name(host + 2)
					     : !scalar_is_dns_name(host))
		wrong(c, w, D_INGRESS_INVALID, "\"%.260s\" is neither a DNS name nor *. and one",
		      host);
}

static void check_backend(struct check *c, const struct where *w, const struct k_backend *b)
{
	const struct where *at = AT(w, "service"), *port = AT(at, "port");
	const struct k_backend_service *s = b ? b->service : NULL;

	if (!b || !b->service == !b->resource) {
		wrong(c, w, D_INGRESS_INVALID, "a backend is either a service or a resource");
		return;
	}
	if (!s)
		return;
	if (!given(s->name) || !scalar_is_dns_label(s->name))
		wrong(c, AT(at, "name"), D_INGRESS_INVALID, "\"%.260s\" is no name of a Service",
		      s->name ? s->name : "");
	if (!s->port || given(s->port->name) == (s->port->number != 0))
		wrong(c, port, D_INGRESS_INVALID, "a port has either a name or a number");
	else if (s->port->number)
		check_port(c, AT(port, "number"), s->port->number);
}

/* A path that proxies may read in two ways. */
static const char *ambiguous_part(const char *path)
{
	static const char *const anywhere[] = {"//", "/./", "/../", "%2f", "%2F"},
				 *const at_end[] = {"/..", "/."};
	size_t n = strlen(path);

	for (size_t i = 0; i < ARRAY_LEN(anywhere); i++)
		if (strstr(path, anywhere[i]))
			return anywhere[i];
	for (size_t i = 0; i < ARRAY_LEN(at_end); i++) {
		size_t k = strlen(at_end[i]);

		if (n >= k && strcmp(path + n - k, at_end[i]) == 0)
			return at_end[i];
	}
	return NULL;
}

static void check_path(struct check *c, const struct where *w, const struct k_ingress_path *p)
{
	const char *path = p->path ? p->path : "", *type = p->type ? p->type : "", *part;
	const struct where *at = AT(w, "path");
	bool specific = strcmp(type, "ImplementationSpecific") == 0;

	if (!specific && strcmp(type, "Exact") != 0 && strcmp(type, "Prefix") != 0)
		wrong(c, AT(w, "pathType"), D_INGRESS_INVALID,
		      "\"%.100s\" is none of Exact, Prefix, ImplementationSpecific", type);
	else if (*path != '/' && (*path || !specific))
		wrong(c, at, D_INGRESS_INVALID, "\"%.260s\" does not begin with '/'", path);
	else if (!specific && (part = ambiguous_part(path)) != NULL)
		wrong(c, at, D_INGRESS_INVALID, "a path of that type has no \"%s\"", part);
	check_backend(c, AT(w, "backend"), p->backend);
}

static void check_rule(struct check *c, const struct where *w, const struct k_ingress_rule *r)
{
	if (given(r->host))
		check_ingress_host(c, AT(w, "host"), r->host);
	if (r->http && !r->http->n_paths)
		wrong(c, AT(AT(w, "http"), "paths"), D_INGRESS_INVALID, "there is no path");
	for (size_t i = 0; r->http && i < r->http->n_paths; i++)
		check_path(c, ELEM(AT(AT(w, "http"), "paths"), i), &r->http->paths[i]);
}

static void check_tls(struct check *c, const struct where *w, const struct k_ingress_tls *t)
{
	for (size_t i = 0; i < t->hosts.n; i++)
		check_ingress_host(c, ELEM(AT(w, "hosts"), i), t->hosts.v[i]);
	if (given(t->secret_name) && !scalar_is_dns_name(t->secret_name))
		wrong(c, AT(w, "secretName"), D_INGRESS_INVALID,
		      "\"%.260s\" is no name of a Secret", t->secret_name);
}

void check_ingress(struct check *c, const void *spec)
{
	const struct k_ingress *s = spec;

	if (s->class_name && !scalar_is_dns_name(s->class_name))
		wrong(c, AT(SPEC, "ingressClassName"), D_INGRESS_INVALID,
		      "\"%.260s\" is no name of an IngressClass", s->class_name);
	if (!s->default_backend && !s->n_rules)
		wrong(c, SPEC, D_INGRESS_INVALID, "it has neither rules nor defaultBackend");
	if (s->default_backend)
		check_backend(c, AT(SPEC, "defaultBackend"), s->default_backend);
	for (size_t i = 0; i < s->n_tls; i++)
		check_tls(c, ELEM(AT(SPEC, "tls"), i), &s->tls[i]);
	for (size_t i = 0; i < s->n_rules; i++)
		check_rule(c, ELEM(AT(SPEC, "rules"), i), &s->rules[i]);
}

void check_ingress_class(struct check *c, const void *spec)
{
	const char *controller = ((const struct k_ingress_class *)spec)->controller;
	const char *slash = controller ? strchr(controller, '/') : NULL;
	char domain[CONTROLLER_MAX + 1];

	if (!slash || !slash[1] || strlen(controller) > CONTROLLER_MAX) {
		wrong(c, AT(SPEC, "controller"), D_INGRESS_INVALID,
		      "a controller is a domain, '/' and a path, of at most %d letters",
		      CONTROLLER_MAX);
		return;
	}
	memcpy(domain, controller, (size_t)(slash - controller));
	domain[slash - controller] = '\0';
	if (!scalar_is_dns_name(domain))
		wrong(c, AT(SPEC, "controller"), D_INGRESS_INVALID, "\"%s\" is no domain", domain);
}
