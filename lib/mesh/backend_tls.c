/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/backend_tls.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "mesh/credential.h"
#include "model/kube.h"

static bool is(const char *text, const char *want)
{
	return !strcmp(text ? text : "", want);
}

static const struct gwapi_backend_tls_policy *spec_of(const struct object *policy)
{
	return object_spec(policy, gwapi_backend_tls_policy);
}

/* ---- the CA ---- */

static struct api_fault ca_fault(const struct snapshot *s, const struct object *policy, const struct gwapi_local_ref *r, struct arena *a)
{
	const struct object *map;
	struct credential c;

	if (!is(r->group, "") || !is(r->kind, "ConfigMap"))
		return (struct api_fault){"InvalidKind", arena_printf(a, "certificates of a CA are taken of a ConfigMap, not of a %s", r->kind)};
	map = snapshot_object(s, KIND_CONFIG_MAP, policy->ns, r->name);
	if (!map)
		return (struct api_fault){"InvalidCACertificateRef", arena_printf(a, "ConfigMap %s/%s does not exist", policy->ns, r->name)};
	if (!credential_read_ca(map, &c))
		return (struct api_fault){"InvalidCACertificateRef",
					  arena_printf(a, "ConfigMap %s/%s has no certificates of a CA (ca.crt)", policy->ns, r->name)};
	return (struct api_fault){0};
}

/* Of several references the first one counts, as in Istio. */
struct backend_tls backend_tls_of(const struct snapshot *s, const struct object *policy, struct arena *a)
{
	const struct gwapi_server_validation *v = spec_of(policy)->validation;
	struct backend_tls out = {.credential = ""};

	if (v->well_known && !is(v->well_known, "System"))
		out.accepted = (struct api_fault){"Invalid", arena_printf(a, "the CAs %s are not known", v->well_known)};
	if (!v->well_known && v->n_ca_certificates) {
		out.refs = ca_fault(s, policy, &v->ca_certificates[0], a);
		out.credential = arena_printf(a, "configmap://%s/%s", policy->ns, v->ca_certificates[0].name);
	}
	if (out.refs.reason)
		out.accepted = (struct api_fault){"NoValidCACertificate", out.refs.text};
	if (out.accepted.reason)
		out.credential = "invalid://";
	return out;
}

/* ---- targets ---- */

static bool same_target(const struct gwapi_target *x, const struct gwapi_target *y)
{
	return is(x->group, y->group ? y->group : "") && is(x->kind, y->kind) && is(x->name, y->name) &&
	       is(x->section_name, y->section_name ? y->section_name : "");
}

static const struct object *older_with(const struct snapshot *s, const struct object *policy, const struct gwapi_target *target)
{
	const struct kind_list *all = s->objects.kind[KIND_BACKEND_TLS_POLICY];
	size_t first, n = kind_list_range(all, policy->ns, &first);

	for (size_t i = first; i < first + n; i++) {
		const struct gwapi_backend_tls_policy *spec = spec_of(all->v[i]);

		for (size_t k = 0; k < spec->n_targets && object_compare_age(all->v[i], policy) < 0; k++)
			if (same_target(&spec->targets[k], target))
				return all->v[i];
	}
	return NULL;
}

static uint32_t port_named(const struct object *svc, const char *name)
{
	const struct k_service_spec *spec = object_spec(svc, k_service)->spec;

	for (size_t i = 0; spec && i < spec->n_ports; i++)
		if (is(spec->ports[i].name, name))
			return spec->ports[i].port;
	return 0;
}

struct api_fault backend_tls_target(const struct snapshot *s, const struct object *policy, const struct gwapi_target *target,
				    const struct object **svc, uint32_t *port, struct arena *a)
{
	bool whole = !target->section_name || !*target->section_name;
	const struct object *older;

	*port = 0;
	if (!is(target->group, "") || !is(target->kind, "Service"))
		return (struct api_fault){"TargetNotFound", arena_printf(a, "a %s is no target", target->kind)};
	*svc = snapshot_object(s, KIND_SERVICE, policy->ns, target->name);
	if (!*svc)
		return (struct api_fault){"TargetNotFound", arena_printf(a, "Service %s/%s does not exist", policy->ns, target->name)};
	*port = whole ? 0 : port_named(*svc, target->section_name);
	if (!whole && !*port)
		return (struct api_fault){"TargetNotFound",
					  arena_printf(a, "Service %s/%s has no port named %s", policy->ns, target->name, target->section_name)};
	older = older_with(s, policy, target);
	if (older)
		return (struct api_fault){"Conflicted", arena_printf(a, "BackendTLSPolicy %s is older, and has the target", older->name)};
	return (struct api_fault){0};
}

/* ---- rules ---- */

static int compare_age(const void *a, const void *b)
{
	return object_compare_age(*(const struct object *const *)a, *(const struct object *const *)b);
}

static void add_target(const struct snapshot *s, const struct object *policy, const struct gwapi_target *target, struct map *by_host,
		       struct tls_rules *out)
{
	struct arena *a = by_host->arena;
	const struct object *svc;
	struct tls_rule *r;
	const char *host;
	uint32_t port;
	void **slot;

	if (backend_tls_target(s, policy, target, &svc, &port, a).reason)
		return;
	host = arena_printf(a, "%s.%s.svc.%s", svc->name, svc->ns, s->domain);
	slot = map_slot(by_host, host);
	r = *slot;
	if (!r) {
		*slot = r = arena_new(a, struct tls_rule);
		r->ns = svc->ns;
		r->host = host;
		*vec_push(&out->v, a) = r;
	}
	*vec_push(r, a) = (struct tls_part){policy, port};
	r->hash = hash_mix_u64(hash_mix(r->hash, policy->hash), port);
	r->hash = hash_mix_str(r->hash, backend_tls_of(s, policy, a).credential);
}

void backend_tls_rules(const struct snapshot *s, struct arena *a, struct tls_rules *out)
{
	const struct kind_list *all = s->objects.kind[KIND_BACKEND_TLS_POLICY];
	const struct object **order = arena_copy(a, all->v, all->n * sizeof(all->v[0]));
	struct map by_host;

	map_init(&by_host, a);
	qsort(order, all->n, sizeof(order[0]), compare_age);
	for (size_t i = 0; i < all->n; i++)
		for (size_t k = 0; k < spec_of(order[i])->n_targets; k++)
			add_target(s, order[i], &spec_of(order[i])->targets[k], &by_host, out);
}

/* The name of the server is the one that is asked for, unless others are listed. */
static struct strs names_of(const struct gwapi_server_validation *v, struct arena *a)
{
	const char **out = arena_array(a, const char *, v->n_subject_alt_names + 1);
	size_t n = 0;

	for (size_t i = 0; i < v->n_subject_alt_names; i++) {
		const struct gwapi_san *san = &v->subject_alt_names[i];
		const char *name = san->type == GWAPI_SAN_URI ? san->uri : san->hostname;

		if (name && *name)
			out[n++] = name;
	}
	if (!n)
		out[n++] = v->hostname;
	return (struct strs){out, n};
}

const struct client_tls *backend_tls_settings(const struct snapshot *s, const struct object *policy, struct arena *a)
{
	const struct gwapi_server_validation *v = spec_of(policy)->validation;
	struct client_tls *t = arena_new(a, struct client_tls);

	t->mode = CLIENT_TLS_SIMPLE;
	t->sni = v->hostname;
	t->subject_alt_names = names_of(v, a);
	t->credential_name = backend_tls_of(s, policy, a).credential;
	return t;
}
