/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to lib/net: how a handle of libcurl's is told where to and whom to trust.
 */
#ifndef NET_HTTP_CURL_INT_H
#define NET_HTTP_CURL_INT_H

#include <curl/curl.h>

#include "net/http_client.h"

/* For https. tls or NULL: the system's authorities. */
void http_curl_tls(CURL *curl, const struct http_tls *tls);
/* server_name: whose certificate is meant, or NULL. The list, or NULL, must outlive the transfer; curl_slist_free_all. */
struct curl_slist *http_curl_url(CURL *curl, const char *url, const char *server_name);

#endif
