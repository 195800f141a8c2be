/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the fake API server share: fake_api.c answers, fake_store.c holds objects and their history.
 */
#ifndef FAKE_INT_H
#define FAKE_INT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "node/node.h"

struct fake_object {
	char *ns, *name, *json;
	uint64_t version;
};

struct fake_resource {
	char *path, *kind, *api_version;
	bool gone;
	VEC(struct fake_object) v;	/* by namespace and name */
};

struct fake_event {
	struct fake_resource *resource;
	uint64_t version;
	const char *type;
	char *ns, *name, *json;
};

struct fake_store {
	uint64_t version, compacted;
	VEC(struct fake_resource *) resources;
	VEC(struct fake_event) events;
};

void fake_store_init(struct fake_store *s);
void fake_store_fini(struct fake_store *s);
struct fake_resource *fake_store_register(struct fake_store *s, const char *path, const char *kind);
struct fake_resource *fake_store_find(const struct fake_store *s, const char *path);
/* 0 or -1: the text is no object. The event is the last of s->events. */
int fake_store_put(struct fake_store *s, struct fake_resource *r, const char *json, size_t n);
bool fake_store_delete(struct fake_store *s, struct fake_resource *r, const char *ns, const char *name, bool silently);
/* NULL if there is none. */
const struct fake_object *fake_store_get(const struct fake_resource *r, const char *ns, const char *name);


/* ---- fake_write.c: writes as HTTP has them; the answer's status code ---- */
struct fake_patch {
	const char *ns, *name, *content_type, *body;
	const char *manager;		/* of fields */
	size_t n;
	bool status;			/* of the subresource */
};
unsigned fake_write_patch(struct fake_store *s, struct fake_resource *r, const struct fake_patch *p);
unsigned fake_write_post(struct fake_store *s, struct fake_resource *r, const char *body, size_t n);

#endif
