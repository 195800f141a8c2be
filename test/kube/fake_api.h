/* SPDX-License-Identifier: Apache-2.0
 *
 * An API server for tests, in the loop of its caller: objects of any registered resource, lists (whole and by pages),
 * watches (from a version, from nothing, with initial events, with bookmarks), writes, and faults on demand. HTTP/1.1
 * without TLS. What it answers is what kube-apiserver 1.34 was seen to answer.
 * Thread: loop.
 */
#ifndef FAKE_API_H
#define FAKE_API_H

#include <stdbool.h>
#include <stdint.h>

#include "ev/loop.h"

struct fake_api;

enum fake_what {
	FAKE_STATUS,		/* answers with status n (and Retry-After: arg) */
	FAKE_CUT,		/* closes cleanly within the body, after n bytes of it */
	FAKE_RESET,		/* resets the connection after n bytes of the body */
	FAKE_SILENT,		/* accepts the request and says nothing */
	FAKE_GARBAGE,		/* a watch: a line that is no JSON comes first. A list: its first element is no object.
				 * One object: it is none */
	FAKE_SLOW,		/* n bytes a 10 ms */
	FAKE_EMPTY,		/* a list without its elements, as a server that lost its data gives it */
	FAKE_GONE,		/* a watch: one ERROR event with code 410 */
};
struct fake_fault {
	const char *match;	/* in the target of a request; copied */
	enum fake_what what;
	unsigned n, arg;
	unsigned times;		/* so many requests */
};

struct fake_api *fake_api_new(struct loop *l, const char *bind);
void fake_api_free(struct fake_api *f);
unsigned fake_api_port(const struct fake_api *f);

/* "/api/v1/pods", "/apis/networking.istio.io/v1/virtualservices"; others are 404. */
void fake_api_register(struct fake_api *f, const char *resource, const char *kind);
/* The kind goes: its objects are deleted, its watches end, and it is 404. */
void fake_api_unregister(struct fake_api *f, const char *resource);
/* Creates or replaces. A dry object ("{}" but for metadata and what it says) gets version, uid and time. */
void fake_api_put(struct fake_api *f, const char *resource, const char *json);
/* What stands there, or NULL; borrowed until it changes. */
const char *fake_api_get(const struct fake_api *f, const char *resource, const char *ns, const char *name);
const char *fake_api_name(const struct fake_api *f, const char *resource, size_t i);	/* of the i-th, by namespace and name */
unsigned fake_api_count(const struct fake_api *f, const char *resource);	/* objects of it */
void fake_api_delete(struct fake_api *f, const char *resource, const char *ns, const char *name);
/* Deletes without an event: what a client can only find by a list. */
void fake_api_lose(struct fake_api *f, const char *resource, const char *ns, const char *name);

void fake_api_fault(struct fake_api *f, const struct fake_fault *fault);
void fake_api_begin_at(struct fake_api *f, uint64_t version);	/* as after a restart: older versions are gone */
void fake_api_compact(struct fake_api *f);		/* older versions are gone */
void fake_api_break_watches(struct fake_api *f);	/* all end, cleanly */
void fake_api_set_streaming(struct fake_api *f, bool on);	/* lists by stream; else 422 */
void fake_api_set_bookmarks(struct fake_api *f, int64_t every_ms);
void fake_api_set_token(struct fake_api *f, const char *token);	/* others are 401; NULL: anyone */

/* Requests so far whose target holds match. */
unsigned fake_api_requests(const struct fake_api *f, const char *match);
unsigned fake_api_watches(const struct fake_api *f);		/* open ones */

#endif
