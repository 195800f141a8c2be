/* SPDX-License-Identifier: Apache-2.0
 *
 * struct store: what is true now. Sources say what stands at a *place* (a file, or one object of an
 * API server) and commit; readers take the object_set. Per identity (kind, namespace, name) one
 * object is in force:
 *   - of several places that claim it the first counts (by source, then by name of the place);
 *   - while that claim is invalid, the last good form stays in force (P4);
 *   - without any claim it is gone.
 * A commit changes all or nothing that a reader sees; the list of a kind is replaced only when an
 * object of it changed, and an object keeps its pointer while content and place stay (P6).
 * The mesh settings come from the ConfigMap `istio` of the root namespace, key `mesh`, unless set; with a revision, from
 * `istio-REVISION`, but for that of the name `default`.
 * Thread: loop.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "store/object_set.h"

struct store;

enum { STORE_SOURCES_MAX = 8 };

struct store *store_new(const char *domain, const char *root_namespace);
void store_free(struct store *s);	/* NULL is fine */
/* Which of the control planes that share the cluster we are (store/discovery.h); NULL or "": the only one. Before the
 * first commit. Copied. */
void store_set_revision(struct store *s, const char *revision);
/* The name of the ConfigMap with the mesh settings. */
const char *store_mesh_map(const struct store *s);

/* A further source; earlier ones win. Returns its number. */
int store_source_add(struct store *s, const char *name);
/* Lays the source over those after it: what they have of its objects counts as not there, and nothing is said of it. */
void store_source_overlay(struct store *s, int source);
/* A source is synced once its first full state is committed; the store, once all sources are. */
void store_source_synced(struct store *s, int source);
bool store_synced(const struct store *s);
/* It counts as synced by what an earlier run saved at that time (seconds since 1970), until it is. */
void store_source_restored(struct store *s, int source, int64_t saved_s);
/* The earliest such time of the sources that are not synced themselves; 0: there is none. */
int64_t store_restored_s(const struct store *s);

/* One object as it stands at a place. */
struct store_entry {
	int kind;			/* enum kind */
	const char *ns, *name;
	struct object *obj;		/* NULL: invalid, see diags; the place takes a ref of its own */
	struct pos pos;
	const struct diag *diags;	/* findings of an invalid object; copied */
	size_t n_diags;
};

/* What stands at a place from the next commit on, instead of what stood there. findings (copied) are those
 * that belong to no object. keep_missing: what stood there and is not in v may only be unreadable,
 * so its last good form stays. Everything is copied. */
struct store_place {
	const char *name;
	const struct store_entry *v;
	size_t n;
	const struct diag *findings;
	size_t n_findings;
	bool keep_missing;
};
void store_put(struct store *s, int source, const struct store_place *place);
void store_remove(struct store *s, int source, const char *place);

/* The settings from a text (--mesh-config) instead of the ConfigMap. -1 with findings in ds when the
 * text is invalid; then nothing changed. */
int store_set_mesh(struct store *s, const char *text, size_t len, const char *file, struct diags *ds);

/* Settings of an earlier run, from before the first commit on: for as long as a ConfigMap is there and is not valid. */
void store_restore_mesh(struct store *s, const struct node *root, const struct node *networks);

/* The roots that proxies trust and lists of what they refuse, PEM; the lists or NULL: settings too, whatever else these say.
 * From the next commit on. */
void store_set_roots(struct store *s, const char *roots, const char *crl);

/* Makes visible what was put and removed since the last commit. Returns the number of objects that
 * came, went or changed; settings count as one. */
size_t store_commit(struct store *s);
uint64_t store_generation(const struct store *s);	/* grows when a commit changes something */
/* As of the last commit; borrowed until the next one (object_set_ref keeps it). */
const struct object_set *store_objects(const struct store *s);

/* All findings: of files, of invalid objects, warnings of valid ones, doubles, last good forms in
 * force. By place and line. */
void store_findings(const struct store *s, struct diags *out);
/* While it stays, so do the findings. */
uint64_t store_findings_version(const struct store *s);
/* What is said of one identity: by the place whose word counts. False: nothing is. */
struct store_claim {
	int source;
	const struct object *obj;	/* in force as of the last commit, or NULL */
	bool invalid;			/* what stands at the place is, and obj, if any, is its last good form */
	const struct diag *diags;	/* why */
	size_t n_diags;
	bool settled;			/* nothing was said of it since the last commit */
};
bool store_find_claim(const struct store *s, enum kind kind, const char *ns, const char *name, struct store_claim *out);
/* True when obj's last good form is in force because what stands at its place is invalid. */
bool store_is_kept(const struct store *s, const struct object *obj);

#endif
