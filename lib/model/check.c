/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "base/regex.h"
#include "base/scalar.h"
#include "model/check_int.h"

enum { LABEL_MAX = 63, NAME_LEN_MAX = 255, MS = 1000000, NS_OF_S = 1000000000, UNIX_PATH_MAX = 107 };

/* what Envoy counts in nanoseconds must fit into 64 bits, with a second to spare */
static const int64_t duration_max_ns = INT64_MAX / NS_OF_S * NS_OF_S - NS_OF_S;

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/* ---- places ---- */

static bool is_word(const char *s)
{
	return *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/")];
}

static const char *where_text(const struct where *w, struct arena *a)
{
	const char *up = w->up ? where_text(w->up, a) : "";

	if (!w->key)
		return arena_printf(a, "%s[%zu]", up, w->index);
	if (!is_word(w->key))
		return arena_printf(a, "%s[\"%s\"]", up, w->key);
	return arena_printf(a, "%s%s%s", up, *up ? "." : "", w->key);
}

void wrong(struct check *c, const struct where *w, enum diag_code code, const char *fmt, ...)
{
	const char *path = where_text(w, c->ds->arena);
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_add(c->ds, code, node_at(c->root, path)->pos, path, "%s", text);
}

/* ---- texts ---- */

bool is_label(const char *s, size_t n)
{
	if (!n || n > LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!strchr(letters, s[i]) && s[i] != '-')
			return false;
	}
	return true;
}

static const char *wrong_length(const char *s)
{
	if (!*s)
		return "empty domain name not allowed";
	return strlen(s) > NAME_LEN_MAX ? "a domain name has at most 255 characters" : NULL;
}

static const char *wrong_labels(const char *s)
{
	for (;;) {
		size_t n = strcspn(s, ".");

		if (!is_label(s, n))
			return "each part between dots has 1 to 63 letters, digits or '-', and no '-' at its ends";
		if (!s[n] && strspn(s, "0123456789") == n)
			return "a top-level domain cannot be all numeric";
		if (!s[n] || !s[n + 1])
			return NULL;
		s += n + 1;
	}
}

const char *wrong_fqdn(const char *s)
{
	const char *why = wrong_length(s);

	return why ? why : wrong_labels(s);
}

const char *wrong_wildcard_host(const char *s)
{
	const char *why = wrong_length(s);
	size_t n = strcspn(s, "."), skip;

	if (why)
		return why;
	skip = s[0] == '*' ? 1 : 0;
	if (skip && s[1] == '-')
		skip = 2;
	if (!(skip && n == 1) && !is_label(s + skip, n - skip))
		return skip ? "the label behind '*' is not valid"
			    : "each part between dots has 1 to 63 letters, digits or '-', and no '-' at its ends";
	return s[n] ? wrong_labels(s + n + 1) : NULL;
}

const char *wrong_gateway_host(const char *s, bool is_gateway)
{
	const char *why;

	if (is_gateway && scalar_is_ip(s))
		return NULL;
	if (strcmp(s, "*") != 0 && !strchr(s, '.') && (is_gateway || strcmp(s, "localhost") != 0))
		return "short names (non FQDN) are not allowed";
	why = wrong_wildcard_host(s);
	if (why)
		return why;
	if (strchr(s, '*') && strcmp(s, "*") != 0 && strncmp(s, "*.", 2) != 0)
		return "a partial wildcard is not allowed";
	return NULL;
}

bool is_ip_or_cidr(const char *s)
{
	struct cidr cidr;

	return scalar_cidr(s, &cidr) == 0;
}

bool is_unix(const char *address)
{
	return !strncmp(address, "unix://", 7);
}

const char *wrong_unix_path(const char *path)
{
	size_t n = strlen(path);

	if (*path == '@')
		return n > UNIX_PATH_MAX ? "the name of a Unix socket has at most 107 characters" : NULL;
	if (n > UNIX_PATH_MAX)
		return "the path of a Unix socket has at most 107 characters";
	return *path != '/' || path[n - 1] == '/' ? "a Unix socket is an absolute path to a file, or @name" : NULL;
}

int protocol_find(const char *name)
{
	static const struct {
		const char *name;
		int bits;
	} protocols[] = {
		{"http", PROTO_HTTP},	  {"http2", PROTO_HTTP}, {"grpc", PROTO_HTTP},	{"grpc-web", PROTO_HTTP},
		{"http_proxy", PROTO_HTTP}, {"https", PROTO_TLS},  {"tls", PROTO_TLS},	{"tcp", PROTO_TCP},
		{"mongo", PROTO_TCP},	  {"redis", PROTO_TCP},	 {"mysql", PROTO_TCP},	{"udp", 0},
		{"hbone", 0},		  {"double-hbone", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		if (!strcasecmp(protocols[i].name, name))
			return protocols[i].bits;
	}
	return -1;
}

bool is_header_char(char ch)
{
	return ch && (strchr(letters, ch) || strchr("!#$%&'*+-.^_`|~", ch));
}

/* ---- fields ---- */

void check_host(struct check *c, const struct where *w, const char *host)
{
	const char *why = wrong_wildcard_host(host);

	if (why)
		wrong(c, w, D_HOST_INVALID, "domain name \"%s\" is invalid: %s", host, why);
}

void check_port(struct check *c, const struct where *w, int64_t port)
{
	if (port < 1 || port > 65535)
		wrong(c, w, D_PORT_INVALID, "port number %lld must be in the range 1..65535", (long long)port);
}

void check_duration(struct check *c, const struct where *w, const struct opt_duration *d)
{
	if (!d->has)
		return;
	if (d->ns < MS)
		wrong(c, w, D_DURATION_INVALID, "duration must be at least 1ms");
	else if (d->ns > duration_max_ns)
		wrong(c, w, D_DURATION_INVALID, "duration must be at most %llds", (long long)(duration_max_ns / NS_OF_S));
	else if (d->ns % MS)
		wrong(c, w, D_DURATION_INVALID, "only durations to ms precision are supported");
}

void check_percent(struct check *c, const struct where *w, double v, enum diag_code code)
{
	if (!(v >= 0 && v <= 100))
		wrong(c, w, code, "percentage %g is not in range 0..100", v);
}

void check_share(struct check *c, const struct where *w, const struct percent *p, enum diag_code code)
{
	if (!p)
		return;
	if (p->value > 0 && p->value < 0.0001)
		wrong(c, w, code, "percentage %g is less than 0.0001", p->value);
	else
		check_percent(c, w, p->value, code);
}

void check_non_negative(struct check *c, const struct where *w, int64_t v)
{
	if (v < 0)
		wrong(c, w, D_POOL_INVALID, "%s must be non-negative", w->key);
}

void check_regex(struct check *c, const struct where *w, const char *pattern)
{
	char why[200];

	if (regex_check(pattern, why, sizeof(why)))
		wrong(c, w, D_REGEX_INVALID, "\"%.100s\" is no RE2 expression: %s", pattern, why);
}

/* A label's value, and the part of its name behind '/'. */
static bool is_label_part(const char *s, size_t n)
{
	if (n > LABEL_MAX || (n && (!strchr(letters, s[0]) || !strchr(letters, s[n - 1]))))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!strchr(letters, s[i]) && !strchr("-_.", s[i]))
			return false;
	}
	return true;
}

void check_labels(struct check *c, const struct where *w, const struct strmap *labels)
{
	for (size_t i = 0; i < labels->n; i++) {
		const char *key = labels->v[i].key, *slash = strchr(key, '/'), *name = slash ? slash + 1 : key;
		bool prefix_ok = !slash || (slash != key && strspn(key, letters) && slash - key <= 253);

		if (!*name || !is_label_part(name, strlen(name)) || !prefix_ok)
			wrong(c, w, D_LABEL_INVALID, "invalid label key: \"%.300s\"", key);
		if (!is_label_part(labels->v[i].value, strlen(labels->v[i].value)))
			wrong(c, AT(w, key), D_LABEL_INVALID, "invalid label value: \"%.300s\"", labels->v[i].value);
	}
}

void check_selector(struct check *c, const struct where *w, const struct strmap *labels)
{
	for (size_t i = 0; i < labels->n; i++) {
		if (!*labels->v[i].key)
			wrong(c, w, D_LABEL_INVALID, "a selector's key cannot be empty");
		else if (strchr(labels->v[i].key, '*') || strchr(labels->v[i].value, '*'))
			wrong(c, AT(w, labels->v[i].key), D_LABEL_INVALID, "wildcard is not supported in selector");
	}
}

void check_subset_name(struct check *c, const struct where *w, const char *name)
{
	if (name && !is_label(name, strlen(name)))
		wrong(c, w, D_SUBSET_INVALID, "subset name \"%s\" is invalid", name);
}

void check_destination(struct check *c, const struct where *w, const struct destination *d)
{
	if (!d || !d->host)
		return;
	if (!strcmp(d->host, "*"))
		wrong(c, AT(w, "host"), D_HOST_INVALID, "invalid destination host *");
	else
		check_host(c, AT(w, "host"), d->host);
	if (d->subset && *d->subset)
		check_subset_name(c, AT(w, "subset"), d->subset);
	if (d->port)
		check_port(c, AT(AT(w, "port"), "number"), d->port->number);
}

void check_export_to(struct check *c, const struct strs *list, unsigned flags)
{
	const struct where *w = AT(SPEC, "exportTo");
	bool none = false;

	for (size_t i = 0; i < list->n; i++) {
		const char *e = list->v[i], *ns = strcmp(e, ".") ? e : c->obj->ns;
		bool is_none = !strcmp(e, "~") && (flags & EXPORT_TO_NONE_ALLOWED);

		none = none || is_none;
		if (!is_none && strcmp(e, ".") != 0 && strcmp(e, "*") != 0 && !is_label(e, strlen(e)))
			wrong(c, ELEM(w, i), D_EXPORT_TO_INVALID, "only *, ., or a namespace is allowed in exportTo, not \"%s\"", e);
		if (!strcmp(e, "*") && list->n > 1)
			wrong(c, ELEM(w, i), D_EXPORT_TO_INVALID, "cannot have both public (*) and non-public exportTo values");
		for (size_t k = 0; k < i; k++) {
			if (!strcmp(ns, strcmp(list->v[k], ".") ? list->v[k] : c->obj->ns)) {
				wrong(c, ELEM(w, i), D_EXPORT_TO_INVALID, "duplicate entries in exportTo for entry %s", e);
				break;
			}
		}
	}
	if (none && list->n > 1)
		wrong(c, w, D_EXPORT_TO_INVALID, "cannot export to no one (~) and someone");
}

void check_namespaced_host(struct check *c, const struct where *w, const char *host, bool is_gateway)
{
	const char *slash = strchr(host, '/'), *name = slash ? slash + 1 : host, *why;
	size_t n = slash ? (size_t)(slash - host) : 0;

	if (!slash && !is_gateway) {
		wrong(c, w, D_HOST_INVALID, "host \"%s\" must be of form namespace/dnsName", host);
		return;
	}
	if (slash && (!n || !*name)) {
		wrong(c, w, D_HOST_INVALID, "namespace and dnsName in host entry \"%s\" cannot be empty", host);
		return;
	}
	if (slash && !(n == 1 && strchr(is_gateway ? "*." : "*.~", host[0])) &&
	    !is_label(host + (!is_gateway && host[0] == '~'), n - (!is_gateway && host[0] == '~')))
		wrong(c, w, D_HOST_INVALID, "invalid namespace value \"%.*s\"", (int)n, host);
	why = wrong_gateway_host(name, is_gateway);
	if (why)
		wrong(c, w, D_HOST_INVALID, "domain name \"%s\" is invalid: %s", name, why);
}

void check_port_name(struct check *c, const struct where *w, const char *name)
{
	if (!is_label(name, strlen(name)))
		wrong(c, w, D_PORT_INVALID, "invalid port name: \"%s\"", name);
}

void check_protocol(struct check *c, const struct where *w, const char *name)
{
	if (name && *name && protocol_find(name) < 0)
		wrong(c, w, D_PROTOCOL_UNKNOWN, "unsupported protocol: %s", name);
}
