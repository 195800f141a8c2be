/* SPDX-License-Identifier: Apache-2.0
 *
 * struct settings: which mesh settings a store has: those of a text that was given, else of the ConfigMap, else of an
 * earlier run, else Istio's defaults; with the roots of the mesh's own CA laid on them. What is invalid changes nothing.
 * Thread: loop.
 */
#ifndef STORE_SETTINGS_H
#define STORE_SETTINGS_H

#include "store/object_set.h"

struct settings {
	char *domain;
	struct mesh_settings *now;	/* held, never NULL */
	bool fixed;			/* by settings_fix: no ConfigMap counts */
	bool restored;			/* and no ConfigMap has been looked at since */
	char *roots, *crl;		/* or NULL */
	struct arena arena;		/* of the next */
	struct diags findings;		/* of the ConfigMap */
};

void settings_init(struct settings *s, const char *domain);
void settings_fini(struct settings *s);

/* A text of the mesh configuration. -1 with findings in ds when it is invalid. */
int settings_fix(struct settings *s, const char *text, size_t len, const char *file, struct diags *ds);
void settings_restore(struct settings *s, const struct node *root, const struct node *networks);
void settings_set_roots(struct settings *s, const char *roots, const char *crl_or_null);
/* The ConfigMap with the settings has changed; NULL: there is none. */
void settings_read(struct settings *s, const struct object *map_or_null);

#endif
