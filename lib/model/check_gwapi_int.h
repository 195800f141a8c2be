/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of the Gateway API's published CRDs. What concerns one field is a row of a table
 * (check_gwapi.c); what concerns several fields of one message is a function of that message. A
 * message's rules hold wherever it stands, so each is checked while the object is walked.
 * Thread: pure.
 */
#ifndef MODEL_CHECK_GWAPI_INT_H
#define MODEL_CHECK_GWAPI_INT_H

#include "model/check_int.h"
#include "model/gwapi.h"

/* What a text looks like. */
enum form {
	FORM_ANY,
	FORM_NAME,		/* of any object */
	FORM_GROUP,		/* empty = core */
	FORM_KIND,
	FORM_NAMESPACE,
	FORM_SECTION,		/* of a listener, port or rule */
	FORM_HOST,
	FORM_WILDCARD_HOST,
	FORM_HEADER_NAME,
	FORM_HEADER_VALUE,
	FORM_DURATION,
	FORM_ORIGIN,
	FORM_CORS_METHOD,
	FORM_URL_PATH,
	FORM_DOMAIN_PATH,	/* domain/path */
	FORM_PROTOCOL,
	FORM_ADDRESS_TYPE,
	FORM_AUTHORITIES,	/* System or domain/name */
	FORM_URI,
};
bool form_fits(enum form form, const char *text);
const char *form_says(enum form form);		/* "a header's name", for findings */

/* A rule over the fields of one message; value is that message. */
typedef void message_check_fn(struct check *c, const struct where *w, const void *value);

/* check_gwapi_route.c */
message_check_fn gwapi_check_http_route, gwapi_check_grpc_route, gwapi_check_l4_route, gwapi_check_tls_route,
    gwapi_check_http_rule, gwapi_check_grpc_rule, gwapi_check_http_backend, gwapi_check_backend_ref,
    gwapi_check_backend, gwapi_check_header_modifier, gwapi_check_filter, gwapi_check_mirror, gwapi_check_fraction, gwapi_check_redirect,
    gwapi_check_path_modifier, gwapi_check_cors, gwapi_check_external_auth, gwapi_check_path_match,
    gwapi_check_header_match, gwapi_check_query_match, gwapi_check_grpc_header, gwapi_check_grpc_method,
    gwapi_check_timeouts, gwapi_check_persistence;
/* check_gwapi_gateway.c */
message_check_fn gwapi_check_gateway, gwapi_check_listener_set, gwapi_check_listener, gwapi_check_listener_tls,
    gwapi_check_listener_filter, gwapi_check_address, gwapi_check_infrastructure, gwapi_check_client_validation,
    gwapi_check_tls_policy, gwapi_check_server_validation, gwapi_check_san, gwapi_check_traffic_policy,
    gwapi_check_budget, gwapi_check_retry_rate;

/* "" when absent. */
static inline const char *text_or(const char *text, const char *fallback)
{
	return text ? text : fallback;
}

static inline bool same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

#endif
