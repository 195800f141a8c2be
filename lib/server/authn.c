/* SPDX-License-Identifier: Apache-2.0 */
#include "server/authn.h"

#include <string.h>
#include <strings.h>

#include "ca/cert.h"
#include "ca/join.h"

const char *caller_how_name(enum caller_how how)
{
	static const char *const names[] = {[CALLER_NONE] = "nobody",
					    [CALLER_CERT] = "certificate",
					    [CALLER_TOKEN] = "token",
					    [CALLER_JOIN] = "join-token"};

	return names[how];
}

/* A workload of an alias is the same workload; what it gets is of the domain itself. */
static int set_id(const struct authn *an, const char *ns, const char *sa, struct caller *out,
		  struct err *e)
{
	return spiffe_make(an->trust.domain, ns, sa, &out->id, e);
}

static int by_cert(const struct authn *an, const struct http_peer *from, struct caller *out,
		   struct err *e)
{
	struct spiffe_id id;

	if (cert_identity((struct der){from->cert, from->n_cert}, &id, e))
		return err_wrap(e, "the client's certificate");
	if (!trust_accepts(&an->trust, id.domain))
		return err_set(e, ERR_REFUSED,
			       "the client's certificate is of another trust domain");
	out->how = CALLER_CERT;
	cert_life((struct der){from->cert, from->n_cert}, &out->cert_from_s, &out->cert_until_s);
	return set_id(an, id.ns, id.sa, out, e);
}

const char *authn_bearer(const char *authorization)
{
	static const char scheme[] = "Bearer ";

	return strncasecmp(authorization, scheme, sizeof(scheme) - 1) ? NULL : authorization + sizeof(scheme) - 1;
}

static int by_token(const struct authn *an, const char *authorization, int64_t now_s,
		    struct arena *a, struct caller *out, struct err *e)
{
	const char *token = authn_bearer(authorization);
	struct jwt jwt;

	if (!token)
		return err_set(e, ERR_REFUSED, "the Authorization header holds no bearer token");
	if (join_is_token(token, strlen(token))) {
		out->how = CALLER_JOIN;
		out->join = arena_strdup(a, token);
		return 0;
	}
	if (jwt_verify(token, strlen(token), an->rules, an->n_rules, now_s, a, &jwt, e))
		return -1;
	if (!jwt.ns)
		return err_set(e, ERR_REFUSED, "a token whose subject is no service account");
	out->how = CALLER_TOKEN;
	out->is_bound = jwt.pod != NULL;
	return set_id(an, jwt.ns, jwt.sa, out, e);
}

int authn_caller(const struct authn *an, const struct http_peer *from, const char *authorization,
		 int64_t now_s, struct arena *a, struct caller *out, struct err *e)
{
	bool shown = from->cert || authorization;

	*out = (struct caller){.how = CALLER_NONE};
	if (from->cert && !by_cert(an, from, out, e))
		return 0;
	if (authorization && !by_token(an, authorization, now_s, a, out, e))
		return 0;
	*out = (struct caller){.how = CALLER_NONE};
	return shown ? -1 : 0;
}
