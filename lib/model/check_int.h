/* SPDX-License-Identifier: Apache-2.0
 *
 * What the checks of all kinds share. A place is a chain of steps on the C stack, made into a path
 * only when there is a finding:
 *
 *	wrong(c, AT(AT(route, "retries"), "attempts"), D_RETRY_INVALID, "%d is negative", n);
 *
 * Thread: pure.
 */
#ifndef MODEL_CHECK_INT_H
#define MODEL_CHECK_INT_H

#include "model/check.h"
#include "model/extension.h"
#include "model/security.h"
#include "model/telemetry.h"
#include "model/traffic.h"

struct where {
	const struct where *up;		/* NULL: the first step */
	const char *key;		/* NULL: element `index` of a list */
	size_t index;
};
#define AT(above, name) (&(const struct where){(above), (name), 0})
#define ELEM(above, i)	(&(const struct where){(above), NULL, (i)})
#define SPEC		(&(const struct where){NULL, "spec", 0})

void wrong(struct check *c, const struct where *w, enum diag_code code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Neither absent nor empty. */
static inline bool given(const char *s)
{
	return s && *s;
}

/* ---- texts: NULL if fine, else why not ---- */
bool is_label(const char *s, size_t n);			/* DNS label, either case */
const char *wrong_fqdn(const char *s);			/* a trailing '.' is fine */
const char *wrong_wildcard_host(const char *s);		/* '*' or '*-x' as first label too */
const char *wrong_gateway_host(const char *s, bool is_gateway);	/* of Gateway and Sidecar, behind "ns/" */
bool is_ip_or_cidr(const char *s);
bool is_header_char(char ch);				/* of a header's name (RFC 9110, token) */
/* Where a format string of Envoy goes wrong, or NULL. in_header: a value of a header, else an access log. */
const char *wrong_format(const char *s, bool in_header);
const char *wrong_unix_path(const char *path);		/* behind "unix://" */
bool is_unix(const char *address);			/* begins with "unix://" */

/* Istio's protocols, by name in any case. */
enum { PROTO_HTTP = 1, PROTO_TLS = 2, PROTO_TCP = 4 };
/* Bits of the above (HTTPS is both HTTP-less and TLS); 0 = known, none of them (UDP); -1 = unknown. */
int protocol_find(const char *name);

/* ---- fields: report and go on ---- */
void check_host(struct check *c, const struct where *w, const char *host);	/* wildcards are fine */
void check_port(struct check *c, const struct where *w, int64_t port);
void check_duration(struct check *c, const struct where *w, const struct opt_duration *d);
void check_share(struct check *c, const struct where *w, const struct percent *p, enum diag_code code);
void check_non_negative(struct check *c, const struct where *w, int64_t v);
void check_percent(struct check *c, const struct where *w, double v, enum diag_code code);
void check_regex(struct check *c, const struct where *w, const char *pattern);
void check_labels(struct check *c, const struct where *w, const struct strmap *labels);
void check_selector(struct check *c, const struct where *w, const struct strmap *labels);
void check_subset_name(struct check *c, const struct where *w, const char *name);
void check_destination(struct check *c, const struct where *w, const struct destination *d);
enum { EXPORT_TO_NONE_ALLOWED = 1 };			/* "~", of a ServiceEntry */
void check_export_to(struct check *c, const struct strs *list, unsigned flags);
void check_namespaced_host(struct check *c, const struct where *w, const char *host, bool is_gateway);
void check_port_name(struct check *c, const struct where *w, const char *name);
void check_protocol(struct check *c, const struct where *w, const char *name);	/* absent is fine */
/* of DestinationRule, shared with Sidecar and MeshConfig */
void check_connection_pool(struct check *c, const struct where *w, const struct connection_pool *p);
void check_outlier(struct check *c, const struct where *w, const struct outlier_detection *o);
void check_locality_lb(struct check *c, const struct where *w, const struct locality_lb *l, bool has_outlier);
void check_zone_aware_lb(struct check *c, const struct where *w, const struct zone_aware_lb *l);
/* of Gateway, shared with Sidecar */
void check_server_tls(struct check *c, const struct where *w, const struct server_tls *t);
void check_workload(struct check *c, const struct where *w, const struct workload_entry *e);

/* of security.istio.io, shared with all policies: a selector, or targets */
void check_attachment(struct check *c, const struct policy_selector *selector, const struct policy_target *ref,
		      const struct policy_target *refs, size_t n);
const char *wrong_cel(const char *s);			/* why it is no CEL expression, or NULL */

#endif
