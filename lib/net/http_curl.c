/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_curl_int.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"

enum { URL_MAX = 8192 };

#define SET(curl, option, value) must(curl_easy_setopt((curl), (option), (value)) == CURLE_OK)

static void set_blob(CURL *curl, CURLoption option, const char *text)
{
	struct curl_blob blob = {(void *)(uintptr_t)text, strlen(text), CURL_BLOB_COPY};

	SET(curl, option, &blob);
}

void http_curl_tls(CURL *curl, const struct http_tls *tls)
{
	SET(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	/* else each call opens a connection before the first is ready; without TLS nothing would
	 * end the wait */
	SET(curl, CURLOPT_PIPEWAIT, 1L);
	SET(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (tls && tls->ca) {
		set_blob(curl, CURLOPT_CAINFO_BLOB, tls->ca);
		SET(curl, CURLOPT_CAPATH, NULL); /* else the system's authorities count as well */
	}
	if (tls && tls->cert && tls->key) {
		set_blob(curl, CURLOPT_SSLCERT_BLOB, tls->cert);
		set_blob(curl, CURLOPT_SSLKEY_BLOB, tls->key);
	}
}

/* libcurl checks a certificate against the URL's host: the URL gets the name, and the way stays. */
struct curl_slist *http_curl_url(CURL *curl, const char *url, const char *server_name)
{
	const char *host = strstr(url, "://"), *end;
	struct curl_slist *way = NULL;
	char text[URL_MAX];

	if (!server_name || !host) {
		SET(curl, CURLOPT_URL, url);
		return NULL;
	}
	host += 3;
	end = host + strcspn(host, "/?");
	for (const char *colon = end; colon > host && *colon != ']'; colon--) {
		if (*colon == ':') {
			snprintf(text, sizeof(text), "::%.*s", (int)(end - host), host);
			way = curl_slist_append(NULL, text);
			end = colon;
			break;
		}
	}
	if (!way) {
		snprintf(text, sizeof(text), "::%.*s:", (int)(end - host), host);
		way = curl_slist_append(NULL, text);
	}
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(host - url), url, server_name, end);
	SET(curl, CURLOPT_URL, text);
	SET(curl, CURLOPT_CONNECT_TO, way);
	return way;
}
