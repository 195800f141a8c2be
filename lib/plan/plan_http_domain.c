/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan_http_int.h"

#include <string.h>

#include "base/scalar.h"

struct domain_vec {
	VEC(const char *) v;
	struct arena *arena;
};

const char *http_host_port(const char *host, uint32_t port, struct arena *a)
{
	return arena_printf(a, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}

const char *http_host(const char *host, struct arena *a)
{
	return strchr(host, ':') && scalar_is_ip(host) ? arena_printf(a, "[%s]", host) : host;
}

static void add(struct domain_vec *out, const char *host, uint32_t port)
{
	*vec_push(&out->v, out->arena) = http_host(host, out->arena);
	if (port)
		*vec_push(&out->v, out->arena) = http_host_port(host, port, out->arena);
}

/* "name.ns.svc.suffix" within the proxy's own suffix: by name in its namespace, else by name and
 * namespace. */
static void add_kube_forms(struct domain_vec *out, const char *host, const char *proxy_domain, uint32_t port)
{
	const char *proxy_svc = strstr(proxy_domain, ".svc."), *svc = strstr(host, ".svc.");
	const char *dot = strchr(host, '.');
	size_t n = strlen(host), suffix = strlen(proxy_svc);
	const char *base;
	bool same_ns;

	if (!svc || svc == host || n < suffix || strcmp(host + n - suffix, proxy_svc) != 0 || dot >= svc)
		return;
	base = arena_strndup(out->arena, host, (size_t)(svc - host));
	same_ns = svc - (dot + 1) == proxy_svc - proxy_domain &&
		  memcmp(dot + 1, proxy_domain, (size_t)(proxy_svc - proxy_domain)) == 0;
	if (same_ns)
		add(out, arena_strndup(out->arena, host, (size_t)(dot - host)), port);
	else
		add(out, base, port);
	add(out, arena_printf(out->arena, "%s.svc", base), port);
	if (same_ns)
		add(out, base, port);
}

/* Length of the longest common tail of whole labels. */
static size_t shared_tail(const char *x, const char *y)
{
	size_t nx = strlen(x), ny = strlen(y), n = 0, shared = 0;

	while (n < nx && n < ny && x[nx - n - 1] == y[ny - n - 1]) {
		n++;
		if ((n == nx || x[nx - n - 1] == '.') && (n == ny || y[ny - n - 1] == '.'))
			shared = n;
	}
	return shared;
}

/* Hosts outside of Kubernetes: without the labels that they share with the proxy's domain. */
static void add_shared_forms(struct domain_vec *out, const char *host, const char *proxy_domain, uint32_t port)
{
	size_t n = strlen(host), shared = shared_tail(host, proxy_domain);
	const char *unique, *dot;

	if (!shared || shared == n)
		return;
	unique = arena_strndup(out->arena, host, n - shared - 1);
	add(out, unique, port);
	dot = strchr(unique, '.');
	if (dot && !strchr(dot + 1, '.')) {
		const char *tail = host + n - shared;

		add(out, arena_printf(out->arena, "%s.%.*s", unique, (int)strcspn(tail, "."), tail), port);
	}
}

static void add_forms(struct domain_vec *out, const char *host, const char *proxy_domain, uint32_t port)
{
	if (!proxy_domain || !*proxy_domain)
		return;
	if (strstr(proxy_domain, ".svc."))
		add_kube_forms(out, host, proxy_domain, port);
	else
		add_shared_forms(out, host, proxy_domain, port);
}

/* A headless Service: names below it lead to single pods. */
static bool has_subdomains(const struct svc *s)
{
	return s->resolution == SVC_PASSTHROUGH && s->is_kube;
}

static bool is_usable(const char *address, const struct view *v)
{
	struct cidr net;

	if (scalar_cidr(address, &net) != 0 || strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0)
		return false;
	return net.ip.len == 4 ? v->v4 : v->v6;
}

struct strs http_addresses_of(const struct svc *s, const struct view *v, struct arena *a)
{
	bool as_allocated = !s->addresses.n && v->dns_capture;
	const struct strs *all = as_allocated ? &s->allocated : &s->addresses;
	bool one = (as_allocated || s->is_kube) && !plan_is_dual(v);
	const char **out = arena_array(a, const char *, all->n);
	size_t n = 0;

	for (size_t i = 0; i < all->n && !(one && n); i++)
		if (is_usable(all->v[i], v))
			out[n++] = all->v[i];
	return (struct strs){out, n};
}

struct http_domains http_domains_of(const struct svc *s, const struct strs *aliases, uint32_t port,
				    const struct view *v, struct arena *a)
{
	struct domain_vec out = {.arena = a}, expanded = {.arena = a};
	struct strs addresses = http_addresses_of(s, v, a);
	size_t n;

	for (size_t i = 0; i <= aliases->n; i++) {
		const char *host = i ? aliases->v[i - 1] : s->host;
		size_t from;

		add(&out, host, port);
		if (!scalar_is_ip(host))
			add(&out, arena_printf(a, "%s.", host), port);
		from = out.v.n;
		add_forms(&out, host, v->dns_domain, port);
		for (; from < out.v.n; from++)
			*vec_push(&expanded.v, a) = out.v.v[from];
	}
	n = has_subdomains(s) ? out.v.n : 0;
	for (size_t i = 0; i < n; i++) {
		const char *below = arena_printf(a, "*.%s", out.v.v[i]);

		*vec_push(&out.v, a) = below;
	}
	for (size_t i = 0; i < addresses.n; i++)
		add(&out, addresses.v[i], port);
	return (struct http_domains){.all = {.v = out.v.v, .n = out.v.n},
				     .expanded = {.v = expanded.v.v, .n = expanded.v.n}};
}
