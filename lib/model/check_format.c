/* SPDX-License-Identifier: Apache-2.0
 *
 * Envoy's format strings: values of headers and formats of access logs. One command that Envoy does
 * not know makes it refuse a whole route configuration or listener. Commands and what they take are
 * those of the Envoy that test/tool/deps.sh names.
 */
#include <string.h>

#include "base/must.h"
#include "model/check_int.h"

enum takes {
	NOTHING,
	ANY,		/* an argument or none; no length */
	HEADER,		/* one or two header names; a length */
	TEXT,		/* an argument; a length */
	BARE_TEXT,	/* an argument; no length */
	STATE,		/* key[:PLAIN|:TYPED|:FIELD:name]; a length */
	LEGACY_STATE,	/* key; in headers only */
	METADATA_OF,	/* whose:namespace[:key]; a length */
	MOMENTS,	/* from:to[:unit] */
	PATH_FORM,	/* what of which path, or nothing; a length */
	QUERY_FORM,	/* of which path, or nothing; a length */
	STATUS_FORM,
	OPERATORS,	/* JSON */
};

struct command {
	const char *name;
	enum takes takes;
};

static const struct command commands[] = {
	{"REQ", HEADER}, {"RESP", HEADER}, {"TRAILER", HEADER}, {"REQUEST_HEADER", HEADER}, {"RESPONSE_HEADER", HEADER},
	{"RESPONSE_TRAILER", HEADER}, {"DYNAMIC_METADATA", TEXT}, {"ENVIRONMENT", TEXT}, {"QUERY_PARAM", TEXT}, {"CEL", TEXT},
	{"TYPED_CEL", TEXT}, {"UPSTREAM_METADATA", BARE_TEXT}, {"CLUSTER_METADATA", BARE_TEXT}, {"FILTER_STATE", STATE},
	{"UPSTREAM_FILTER_STATE", STATE}, {"PER_REQUEST_STATE", LEGACY_STATE}, {"METADATA", METADATA_OF},
	{"COMMON_DURATION", MOMENTS}, {"PATH", PATH_FORM}, {"QUERY_PARAMS", QUERY_FORM}, {"GRPC_STATUS", STATUS_FORM},
	{"COALESCE", OPERATORS},
	{"RESPONSE_CODE_DETAILS", ANY}, {"UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", ANY}, {"UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", ANY},
	{"UPSTREAM_PEER_CERT_V_START", ANY}, {"UPSTREAM_PEER_CERT_V_END", ANY}, {"DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", ANY},
	{"DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT", ANY}, {"DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", ANY},
	{"DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", ANY}, {"DOWNSTREAM_PEER_CERT_V_START", ANY},
	{"DOWNSTREAM_PEER_CERT_V_END", ANY}, {"START_TIME", ANY}, {"START_TIME_LOCAL", ANY}, {"EMIT_TIME", ANY},
	{"EMIT_TIME_LOCAL", ANY},
};

/* commands that take nothing */
static const char *const plain[] = {
	"REQUEST_DURATION", "REQUEST_TX_DURATION", "RESPONSE_DURATION", "RESPONSE_TX_DURATION", "DOWNSTREAM_HANDSHAKE_DURATION",
	"ROUNDTRIP_DURATION", "BYTES_RECEIVED", "BYTES_RETRANSMITTED", "PACKETS_RETRANSMITTED", "UPSTREAM_WIRE_BYTES_RECEIVED",
	"UPSTREAM_HEADER_BYTES_RECEIVED", "UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED", "DOWNSTREAM_WIRE_BYTES_RECEIVED",
	"DOWNSTREAM_HEADER_BYTES_RECEIVED", "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED", "PROTOCOL", "UPSTREAM_PROTOCOL",
	"RESPONSE_CODE", "CONNECTION_TERMINATION_DETAILS", "BYTES_SENT", "UPSTREAM_WIRE_BYTES_SENT", "UPSTREAM_HEADER_BYTES_SENT",
	"UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT", "DOWNSTREAM_WIRE_BYTES_SENT", "DOWNSTREAM_HEADER_BYTES_SENT",
	"DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT", "DURATION", "CUSTOM_FLAGS", "RESPONSE_FLAGS", "RESPONSE_FLAGS_LONG",
	"UPSTREAM_HOST_NAME", "UPSTREAM_HOST_NAME_WITHOUT_PORT", "UPSTREAM_HOST", "UPSTREAM_CONNECTION_ID", "UPSTREAM_CLUSTER",
	"UPSTREAM_CLUSTER_RAW", "UPSTREAM_LOCAL_ADDRESS", "UPSTREAM_LOCAL_PORT", "UPSTREAM_REMOTE_ADDRESS", "UPSTREAM_REMOTE_PORT",
	"UPSTREAM_REQUEST_ATTEMPT_COUNT", "UPSTREAM_TLS_CIPHER", "UPSTREAM_TLS_VERSION", "UPSTREAM_TLS_SESSION_ID",
	"UPSTREAM_PEER_ISSUER", "UPSTREAM_PEER_CERT", "UPSTREAM_PEER_SUBJECT", "UPSTREAM_PEER_URI_SAN", "UPSTREAM_PEER_DNS_SAN",
	"UPSTREAM_PEER_IP_SAN", "UPSTREAM_LOCAL_URI_SAN", "UPSTREAM_LOCAL_DNS_SAN", "UPSTREAM_LOCAL_IP_SAN",
	"UPSTREAM_TRANSPORT_FAILURE_REASON", "UPSTREAM_DETECTED_CLOSE_TYPE", "UPSTREAM_LOCAL_CLOSE_REASON",
	"UPSTREAM_CONNECTION_POOL_READY_DURATION", "UPSTREAM_SERVER_NAME", "DOWNSTREAM_LOCAL_ADDRESS",
	"DOWNSTREAM_DIRECT_LOCAL_ADDRESS", "DOWNSTREAM_LOCAL_PORT", "DOWNSTREAM_DIRECT_LOCAL_PORT", "DOWNSTREAM_REMOTE_ADDRESS",
	"DOWNSTREAM_REMOTE_PORT", "DOWNSTREAM_DIRECT_REMOTE_ADDRESS", "DOWNSTREAM_DIRECT_REMOTE_PORT", "CONNECTION_ID",
	"REQUESTED_SERVER_NAME", "ROUTE_NAME", "DOWNSTREAM_PEER_URI_SAN", "DOWNSTREAM_PEER_DNS_SAN", "DOWNSTREAM_PEER_IP_SAN",
	"DOWNSTREAM_PEER_EMAIL_SAN", "DOWNSTREAM_PEER_OTHERNAME_SAN", "DOWNSTREAM_LOCAL_URI_SAN", "DOWNSTREAM_LOCAL_DNS_SAN",
	"DOWNSTREAM_LOCAL_IP_SAN", "DOWNSTREAM_LOCAL_EMAIL_SAN", "DOWNSTREAM_LOCAL_OTHERNAME_SAN", "DOWNSTREAM_PEER_SUBJECT",
	"DOWNSTREAM_LOCAL_SUBJECT", "DOWNSTREAM_PEER_ISSUER", "DOWNSTREAM_TLS_SESSION_ID", "DOWNSTREAM_TLS_CIPHER",
	"DOWNSTREAM_TLS_VERSION", "DOWNSTREAM_PEER_FINGERPRINT_256", "DOWNSTREAM_PEER_FINGERPRINT_1", "DOWNSTREAM_PEER_SERIAL",
	"DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256", "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1", "DOWNSTREAM_PEER_CHAIN_SERIALS",
	"DOWNSTREAM_PEER_CERT", "DOWNSTREAM_TRANSPORT_FAILURE_REASON", "DOWNSTREAM_LOCAL_CLOSE_REASON",
	"DOWNSTREAM_DETECTED_CLOSE_TYPE", "HOSTNAME", "FILTER_CHAIN_NAME", "VIRTUAL_CLUSTER_NAME", "TLS_JA3_FINGERPRINT",
	"TLS_JA4_FINGERPRINT", "UNIQUE_ID", "STREAM_ID", "TRACE_ID", "GRPC_STATUS_NUMBER", "LOCAL_REPLY_BODY", "ACCESS_LOG_TYPE",
	"REQUEST_HEADERS_BYTES", "RESPONSE_HEADERS_BYTES", "RESPONSE_TRAILERS_BYTES", "SPAN_ID", "UPSTREAM_HOSTS_ATTEMPTED",
	"UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT", "UPSTREAM_HOST_NAMES_ATTEMPTED", "UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT",
	"UPSTREAM_CONNECTION_IDS_ATTEMPTED", "DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID",
	"DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID", "UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID",
};

static bool is_text(const char *s, size_t n, const char *text)
{
	return strlen(text) == n && !memcmp(s, text, n);
}

static bool is_one_of(const char *s, size_t n, const char *const *words, size_t n_words)
{
	for (size_t i = 0; i < n_words; i++) {
		if (is_text(s, n, words[i]))
			return true;
	}
	return false;
}

static bool find_command(const char *s, size_t n, enum takes *takes)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (is_text(s, n, commands[i].name)) {
			*takes = commands[i].takes;
			return true;
		}
	}
	*takes = NOTHING;
	return is_one_of(s, n, plain, ARRAY_LEN(plain));
}

/* "a" or "a?b": b counts where a is not there. */
static bool is_header_choice(const char *s, size_t n)
{
	size_t marks = 0;

	for (size_t i = 0; i < n; i++) {
		marks += s[i] == '?';
		if (s[i] != '?' && s[i] != ':' && !is_header_char(s[i]))
			return false;
	}
	return n && marks < 2;
}

static bool is_state(const char *s, size_t n)
{
	static const char *const forms[] = {"PLAIN", "TYPED"};
	const char *colon = memchr(s, ':', n);
	size_t rest;

	if (!colon)
		return n > 0;
	rest = n - (size_t)(colon + 1 - s);
	return colon > s && (is_one_of(colon + 1, rest, forms, ARRAY_LEN(forms)) || (rest > 6 && !strncmp(colon + 1, "FIELD:", 6)));
}

static bool is_metadata(const char *s, size_t n)
{
	static const char *const owners[] = {"DYNAMIC", "CLUSTER", "ROUTE", "UPSTREAM_HOST", "LISTENER", "VIRTUAL_HOST"};
	const char *colon = memchr(s, ':', n);

	return colon && is_one_of(s, (size_t)(colon - s), owners, ARRAY_LEN(owners));
}

static bool is_moments(const char *s, size_t n)
{
	static const char *const units[] = {"ms", "us", "ns"};
	const char *first = memchr(s, ':', n), *second;

	if (!first)
		return false;
	second = memchr(first + 1, ':', n - (size_t)(first + 1 - s));
	return !second || is_one_of(second + 1, n - (size_t)(second + 1 - s), units, ARRAY_LEN(units));
}

static bool is_argument(enum takes takes, const char *s, size_t n, bool in_header)
{
	static const char *const paths[] = {"ORIG", "PATH", "ORIG_OR_PATH"};
	static const char *const statuses[] = {"CAMEL_STRING", "SNAKE_STRING", "NUMBER"};

	switch (takes) {
	case NOTHING:
		return !n;
	case ANY:
		return true;
	case HEADER:
		return is_header_choice(s, n);
	case TEXT: case BARE_TEXT:
		return n > 0;
	case STATE:
		return is_state(s, n);
	case LEGACY_STATE:
		return in_header && n && !memchr(s, ':', n);
	case METADATA_OF:
		return is_metadata(s, n);
	case MOMENTS:
		return is_moments(s, n);
	case PATH_FORM:
		return !n || (n > 3 && (!memcmp(s, "WQ:", 3) || !memcmp(s, "NQ:", 3)) && is_one_of(s + 3, n - 3, paths, ARRAY_LEN(paths)));
	case QUERY_FORM:
		return !n || is_one_of(s, n, paths, ARRAY_LEN(paths));
	case STATUS_FORM:
		return !n || is_one_of(s, n, statuses, ARRAY_LEN(statuses));
	default:
		return n > 2 && memmem(s, n, "\"operators\"", 11);
	}
}

static bool takes_length(enum takes takes)
{
	return takes == HEADER || takes == TEXT || takes == STATE || takes == METADATA_OF || takes == PATH_FORM || takes == QUERY_FORM;
}

/* Behind the '%' that begins a command; *end is its last '%'. */
static bool is_command(const char *s, bool in_header, const char **end)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), n_arg = 0, digits = 0;
	const char *arg = "", *p = s + n;
	enum takes takes;

	if (!find_command(s, n, &takes))
		return false;
	if (*p == '(') {
		arg = p + 1;
		n_arg = strcspn(arg, ")");
		if (!arg[n_arg])
			return false;
		p = arg + n_arg + 1;
	}
	if (*p == ':') {
		digits = strspn(p + 1, "0123456789");
		if (!takes_length(takes) || !digits || digits > 18)
			return false;
		p += 1 + digits;
	}
	*end = p;
	return *p == '%' && is_argument(takes, arg, n_arg, in_header);
}

const char *wrong_format(const char *s, bool in_header)
{
	for (const char *end; (s = strchr(s, '%')); s = end + 1) {
		end = s + 1;
		if (*end != '%' && !is_command(s + 1, in_header, &end))
			return s;
	}
	return NULL;
}
