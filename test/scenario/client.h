/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's side of a scenario: what an xDS client keeps for each type, and the responses that it
 * gets, read with an own small reader. Thread: one.
 */
#ifndef SCENARIO_CLIENT_H
#define SCENARIO_CLIENT_H

#include "xds/session.h"

struct item {
	char *name, *content, *version;	/* version: delta only, else NULL */
};

struct message {
	char *type_url, *version, *nonce;
	VEC(struct item) items;
	VEC(char *) removed;
};

struct client_type {
	char *version;		/* of the last accepted response, or "" */
	char *nonce, *old_nonce;	/* of the last response and of the one before, or "" */
	char *pending;		/* version of the last response */
	VEC(char *) names;	/* state of the world: the subscription */
	VEC(struct item) held;	/* delta: accepted names and versions */
	struct message last;
};

/* All in a; false: the bytes are not a response. */
bool message_read(const uint8_t *p, size_t n, bool delta, struct arena *a, struct message *out);

/* A resource of the scenarios: {1: name, 15: content}. Content "" for what only has a name. */
void content_write(const char *name, const char *content, struct arena *a, const uint8_t **bytes, size_t *len);

#endif
