/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules over several fields of gateways, their listeners, and policies.
 */
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "model/check_gwapi_int.h"

enum { SECOND = 1000000000, PREFIX_MAX = 252, NAME_PART_MAX = 63, LABEL_VALUE_MAX = 63, ANNOTATION_MAX = 4096 };

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (same_text(text, words[i]))
			return true;
	return false;
}

/* ---- listeners ---- */

void gwapi_check_listener_tls(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_listener_tls *t = value;

	if (t->mode != GWAPI_TLS_Passthrough && !t->n_certificates && !t->options.n)
		wrong(c, w, D_TLS_INVALID, "to terminate TLS, certificateRefs or options are needed");
}

void gwapi_check_listener(struct check *c, const struct where *w, const void *value)
{
	static const char *const plain[] = {"HTTP", "TCP", "UDP"}, *const no_host[] = {"TCP", "UDP"},
				 *const http[] = {"HTTP", "HTTPS"};
	const struct gwapi_listener *l = value;

	if (l->tls && is_one_of(l->protocol, plain, ARRAY_LEN(plain)))
		wrong(c, AT(w, "tls"), D_GATEWAY_LISTENER, "protocol %s has no tls", l->protocol);
	if (l->tls && same_text(l->protocol, "HTTPS") && l->tls->mode == GWAPI_TLS_Passthrough)
		wrong(c, AT(AT(w, "tls"), "mode"), D_GATEWAY_LISTENER, "protocol HTTPS has the mode Terminate");
	if (!l->tls && same_text(l->protocol, "TLS"))
		wrong(c, w, D_GATEWAY_LISTENER, "protocol TLS needs tls");
	if (given(l->hostname) && is_one_of(l->protocol, no_host, ARRAY_LEN(no_host)))
		wrong(c, AT(w, "hostname"), D_GATEWAY_LISTENER, "protocol %s has no hostname", l->protocol);
	if (l->filters && !is_one_of(l->protocol, http, ARRAY_LEN(http)))
		wrong(c, AT(w, "filters"), D_GATEWAY_LISTENER, "filters are for the protocols HTTP and HTTPS");
}

void gwapi_check_listener_filter(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_listener_filter *f = value;
	const struct {
		enum gwapi_filter_type type;
		const char *field;
		bool set;
	} fields[] = {
		{GWAPI_FILTER_ExternalAuth, "externalAuth", f->external_auth},
		{GWAPI_FILTER_ExtensionRef, "extensionRef", f->extension},
	};

	if (f->type && f->type != GWAPI_FILTER_ExternalAuth && f->type != GWAPI_FILTER_ExtensionRef)
		wrong(c, AT(w, "type"), D_FILTER_INVALID, "a listener has filters of type ExternalAuth and ExtensionRef only");
	for (size_t i = 0; f->type && i < ARRAY_LEN(fields); i++)
		if (fields[i].set != (fields[i].type == f->type))
			wrong(c, w, D_FILTER_INVALID, "%s and the type %s go together", fields[i].field,
			      enum_name(&enum_desc_gwapi_filter_type, (int)fields[i].type));
}

static bool same_host(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : !a && !b;
}

static void check_listeners(struct check *c, const struct where *w, const struct gwapi_listener *v, size_t n)
{
	w = AT(w, "listeners");
	for (size_t i = 1; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (v[i].port != v[k].port || !same_text(v[i].protocol, v[k].protocol) ||
			    !same_host(v[i].hostname, v[k].hostname))
				continue;
			wrong(c, ELEM(w, i), D_GATEWAY_LISTENER,
			      "an earlier listener has the same port, protocol and hostname");
			break;
		}
	}
}

void gwapi_check_listener_set(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_listener_set *s = value;

	check_listeners(c, w, s->listeners, s->n_listeners);
}

/* ---- Gateway ---- */

/* domain/path of an implementation, and not of Kubernetes itself. */
static bool is_routability(const char *s)
{
	size_t n = strcspn(s, "/");
	char domain[254];

	if (!*s || !strcmp(s, "Cluster"))
		return true;
	if (!s[n] || !s[n + 1] || n >= sizeof(domain))
		return false;
	memcpy(domain, s, n);
	domain[n] = '\0';
	return scalar_is_dns_name(domain) && strcmp(domain, "k8s.io") != 0 &&
	       !(n > 7 && !strcmp(domain + n - 7, ".k8s.io"));
}

void gwapi_check_address(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_address *a = value;
	const char *type = text_or(a->type, "IPAddress");

	if (a->value && !strcmp(type, "IPAddress") && !scalar_is_ip(a->value))
		wrong(c, AT(w, "value"), D_FIELD_FORMAT, "\"%.300s\" is no IPv4 or IPv6 address", a->value);
	if (a->value && !strcmp(type, "Hostname") && !form_fits(FORM_WILDCARD_HOST, a->value))
		wrong(c, AT(w, "value"), D_FIELD_FORMAT, "\"%.300s\" is no %s", a->value, form_says(FORM_WILDCARD_HOST));
	if (a->routability && !is_routability(a->routability))
		wrong(c, AT(w, "routability"), D_FIELD_FORMAT, "\"%.300s\" is neither Cluster nor a domain/path", a->routability);
}

static void check_addresses(struct check *c, const struct where *w, const struct gwapi_address *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const char *type = text_or(v[i].type, "IPAddress");

		if (!v[i].value || (strcmp(type, "IPAddress") != 0 && strcmp(type, "Hostname") != 0))
			continue;
		for (size_t k = 0; k < i; k++) {
			if (!v[k].value || strcmp(text_or(v[k].type, "IPAddress"), type) != 0 || strcmp(v[k].value, v[i].value) != 0)
				continue;
			wrong(c, ELEM(w, i), D_ELEMENT_DUPLICATE, "the %s stands twice", type);
			break;
		}
	}
}

/* [domain/]name, as labels and annotations have it. */
static bool is_key(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	const char *slash = strchr(s, '/'), *name = slash ? slash + 1 : s;
	size_t n = strlen(name);
	char domain[PREFIX_MAX + 1];

	if (!n || n > NAME_PART_MAX || name[strspn(name, letters)] || strchr("-_.", name[0]) || strchr("-_.", name[n - 1]))
		return false;
	if (!slash)
		return true;
	if ((size_t)(slash - s) > PREFIX_MAX)
		return false;
	memcpy(domain, s, (size_t)(slash - s));
	domain[slash - s] = '\0';
	return form_fits(FORM_HOST, domain);
}

static bool is_label_value(const char *s)
{
	return !*s || (strlen(s) <= LABEL_VALUE_MAX && !strchr(s, '/') && is_key(s));
}

void gwapi_check_infrastructure(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_infrastructure *f = value;

	for (size_t i = 0; i < f->labels.n; i++) {
		const struct str_pair *p = &f->labels.v[i];

		if (!is_key(p->key))
			wrong(c, AT(AT(w, "labels"), p->key), D_LABEL_INVALID, "a label has the form [domain/]name");
		if (!is_label_value(p->value))
			wrong(c, AT(AT(w, "labels"), p->key), D_LABEL_INVALID, "invalid label value: \"%.300s\"", p->value);
	}
	for (size_t i = 0; i < f->annotations.n; i++) {
		const struct str_pair *p = &f->annotations.v[i];

		if (!is_key(p->key))
			wrong(c, AT(AT(w, "annotations"), p->key), D_LABEL_INVALID,
			      "an annotation has the form [domain/]name");
		if (strlen(p->value) > ANNOTATION_MAX)
			wrong(c, AT(AT(w, "annotations"), p->key), D_FIELD_FORMAT, "an annotation has at most %d characters", ANNOTATION_MAX);
	}
}

void gwapi_check_client_validation(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_client_validation *v = value;

	for (size_t i = 0; i < v->n_ca_certificates; i++) {
		const struct gwapi_far_ref *r = &v->ca_certificates[i];

		if (same_text(r->group, "certificates.k8s.io") && same_text(r->kind, "ClusterTrustBundle") && r->ns)
			wrong(c, AT(ELEM(AT(w, "caCertificateRefs"), i), "namespace"), D_TLS_INVALID,
			      "a ClusterTrustBundle has no namespace");
	}
}

void gwapi_check_gateway(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_gateway *g = value;

	check_listeners(c, w, g->listeners, g->n_listeners);
	check_addresses(c, AT(w, "addresses"), g->addresses, g->n_addresses);
}

/* ---- policies ---- */

void gwapi_check_tls_policy(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_backend_tls_policy *p = value;
	const struct gwapi_target *v = p->targets;

	w = AT(w, "targetRefs");
	for (size_t i = 1; i < p->n_targets; i++) {
		for (size_t k = 0; k < i; k++) {
			if (!same_text(v[i].group, v[k].group) || !same_text(v[i].kind, v[k].kind) || !same_text(v[i].name, v[k].name))
				continue;
			if (given(v[i].section_name) != given(v[k].section_name))
				wrong(c, ELEM(w, i), D_PARENT_INVALID, "references to one target all have sectionName, or none");
			else if (same_text(v[i].section_name, v[k].section_name))
				wrong(c, ELEM(w, i), D_PARENT_INVALID, "an earlier reference has the same target and sectionName");
			else
				continue;
			break;
		}
	}
}

void gwapi_check_server_validation(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_server_validation *v = value;

	if (!v->n_ca_certificates == !v->well_known)
		wrong(c, w, D_TLS_INVALID, "it needs either caCertificateRefs or wellKnownCACertificates");
}

void gwapi_check_san(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_san *s = value;

	if (!s->type)
		return;
	if (given(s->hostname) != (s->type == GWAPI_SAN_Hostname))
		wrong(c, w, D_TLS_INVALID, "hostname and the type Hostname go together");
	if (given(s->uri) != (s->type == GWAPI_SAN_URI))
		wrong(c, w, D_TLS_INVALID, "uri and the type URI go together");
}

static void check_interval(struct check *c, const struct where *w, const char *text, int64_t min_ns)
{
	int64_t ns;

	if (text && !scalar_duration_ns(text, &ns) && (ns < min_ns || ns > (int64_t)3600 * SECOND))
		wrong(c, AT(w, "interval"), D_DURATION_INVALID, "an interval is at most one hour and at least %s",
		      min_ns == SECOND ? "one second" : "1ms");
}

void gwapi_check_budget(struct check *c, const struct where *w, const void *value)
{
	check_interval(c, w, ((const struct gwapi_budget *)value)->interval, SECOND);
}

void gwapi_check_retry_rate(struct check *c, const struct where *w, const void *value)
{
	check_interval(c, w, ((const struct gwapi_retry_rate *)value)->interval, 1);
}

void gwapi_check_traffic_policy(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_traffic_policy *p = value;
	const struct gwapi_local_ref *v = p->targets;

	for (size_t i = 1; i < p->n_targets; i++) {
		for (size_t k = 0; k < i; k++) {
			if (!same_text(v[i].group, v[k].group) || !same_text(v[i].kind, v[k].kind) || !same_text(v[i].name, v[k].name))
				continue;
			wrong(c, ELEM(AT(w, "targetRefs"), i), D_ELEMENT_DUPLICATE, "a target stands twice");
			break;
		}
	}
}
