/* SPDX-License-Identifier: Apache-2.0 */
#include "server/authz.h"

#include <string.h>

#include "base/must.h"

#define TYPE(type, xds, secure, admin, monitor, webhook)
const struct authz_row authz_rows[] = {
#define ROUTE(method, path, xds, secure, admin, monitor, webhook)                                  \
	{method, path, {xds, secure, admin, monitor, webhook}},
#include "server/authz.def"
#undef ROUTE
};
const size_t n_authz_rows = ARRAY_LEN(authz_rows);
#undef TYPE

enum need authz_route(const char *method, const char *path, enum port_id port)
{
	for (size_t i = 0; i < n_authz_rows; i++)
		if (!strcmp(authz_rows[i].method, method) && !strcmp(authz_rows[i].path, path))
			return authz_rows[i].need[port];
	return NEVER;
}

enum need authz_type(enum xds_type type, enum port_id port)
{
	static const struct {
		enum xds_type type;
		enum need need[PORTS];
	} rows[] = {
#define ROUTE(method, path, xds, secure, admin, monitor, webhook)
#define TYPE(type, xds, secure, admin, monitor, webhook) {type, {xds, secure, admin, monitor, webhook}},
#include "server/authz.def"
#undef ROUTE
#undef TYPE
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type)
			return rows[i].need[port];
	return ANYONE;
}

bool authz_is_loopback(const char *address)
{
	return !strncmp(address, "127.", 4) || !strncmp(address, "[::1]:", 6);
}

static bool is_admin(const struct authz *az, const struct spiffe_id *id)
{
	for (size_t i = 0; i < az->n_admins; i++) {
		const char *slash = strchr(az->admins[i], '/');
		size_t n = slash ? (size_t)(slash - az->admins[i]) : 0;

		if (n && strlen(id->ns) == n && !memcmp(id->ns, az->admins[i], n) &&
		    (!strcmp(slash + 1, "*") || !strcmp(slash + 1, id->sa)))
			return true;
	}
	return false;
}

enum authz_answer authz_check(const struct authz *az, enum need need, const struct caller *c,
			      const struct http_peer *from)
{
	bool known = c->how == CALLER_CERT || c->how == CALLER_TOKEN;

	switch (need) {
	case NEVER: return AUTHZ_NO;
	case ANYONE: return AUTHZ_YES;
	case LOOPBACK: return authz_is_loopback(from->address) ? AUTHZ_YES : AUTHZ_NO;
	case WORKLOAD: return known ? AUTHZ_YES : c->how == CALLER_JOIN ? AUTHZ_NO : AUTHZ_WHO;
	case NEWCOMER: return known || c->how == CALLER_JOIN ? AUTHZ_YES : AUTHZ_WHO;
	case ADMINISTRATOR: return !known ? AUTHZ_WHO : is_admin(az, &c->id) ? AUTHZ_YES : AUTHZ_NO;
	}
	unreachable();
}

/* The namespace in "type~ip~name.ns~domain". */
static bool id_agrees(const char *id, const char *ns)
{
	const char *p = id, *end;
	size_t n = strlen(ns);

	for (int i = 0; i < 2; i++) {
		p = strchr(p, '~');
		if (!p)
			return false;
		p++;
	}
	end = p + strcspn(p, "~");
	return (size_t)(end - p) > n + 1 && end[-(ptrdiff_t)n - 1] == '.' &&
	       !memcmp(end - n, ns, n);
}

int authz_claims(const struct caller *c, const char *id, const char *ns,
		 const char *service_account, struct err *e)
{
	if (!id_agrees(id, c->id.ns) || (*ns && strcmp(ns, c->id.ns)))
		return err_set(e, ERR_REFUSED,
			       "the node is of another namespace than its identity");
	if (*service_account && strcmp(service_account, c->id.sa))
		return err_set(e, ERR_REFUSED,
			       "the node is of another service account than its identity");
	return 0;
}

int authz_node(const struct caller *c, struct proxy *p, struct err *e)
{
	if (authz_claims(c, p->id, p->ns, p->service_account, e) ||
	    authz_claims(c, p->id, p->metadata_ns, "", e))
		return -1;
	p->service_account = c->id.sa;
	return 0;
}
