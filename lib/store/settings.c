/* SPDX-License-Identifier: Apache-2.0 */
#include "store/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "model/kube.h"

static char *copy_text(const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	must((copy || !text) && "out of memory");
	return copy;
}

void settings_init(struct settings *s, const char *domain)
{
	*s = (struct settings){.domain = copy_text(domain)};
	arena_init(&s->arena, 0);
	diags_init(&s->findings, &s->arena);
	s->now = mesh_settings_new(NULL, NULL, domain, &s->findings);
}

void settings_fini(struct settings *s)
{
	mesh_settings_unref(s->now);
	arena_fini(&s->arena);
	free(s->domain);
	free(s->roots);
	free(s->crl);
}

/* Takes over the ref of m. */
static void use(struct settings *s, struct mesh_settings *m)
{
	if (s->roots)
		mesh_settings_set_roots(m, s->roots, s->crl);
	if (hash_equal(m->hash, s->now->hash)) {
		mesh_settings_unref(m);
		return;
	}
	mesh_settings_unref(s->now);
	s->now = m;
}

/* The one map that text is, or NULL. */
static const struct node *parse_map(const char *text, size_t len, struct arena *a, struct diags *ds)
{
	struct node_docs docs = node_parse(text, len, 1, a, ds);

	if (docs.n > 1 || (docs.n == 1 && docs.v[0].root && docs.v[0].root->kind != NODE_MAP))
		diag_add(ds, D_SYNTAX, (struct pos){1, 1}, "", "the mesh configuration is not one map");
	return docs.n ? docs.v[0].root : NULL;
}

/* networks: YAML of MeshNetworks, or NULL. NULL with findings: invalid. */
static struct mesh_settings *parse(const struct settings *s, const char *text, size_t len, const char *networks, struct diags *ds)
{
	struct arena a;
	const struct node *root, *network_root = NULL;
	struct mesh_settings *m = NULL;
	size_t errors = ds->nerrors;

	arena_init(&a, 0);
	root = parse_map(text, len, &a, ds);
	if (networks)
		network_root = parse_map(networks, strlen(networks), &a, ds);
	if (ds->nerrors == errors)
		m = mesh_settings_new(root, network_root, s->domain, ds);
	arena_fini(&a);
	if (ds->nerrors == errors)
		return m;
	mesh_settings_unref(m);
	return NULL;
}

int settings_fix(struct settings *s, const char *text, size_t len, const char *file, struct diags *ds)
{
	struct mesh_settings *m;

	diags_object(ds, (struct diag_object){.file = file});
	m = parse(s, text, len, NULL, ds);
	if (!m)
		return -1;
	s->fixed = true;
	use(s, m);
	return 0;
}

void settings_set_roots(struct settings *s, const char *roots, const char *crl_or_null)
{
	struct diags ds;
	struct arena a;

	free(s->roots);
	free(s->crl);
	s->roots = copy_text(roots);
	s->crl = copy_text(crl_or_null);
	arena_init(&a, 0);
	diags_init(&ds, &a);
	use(s, mesh_settings_new(s->now->source, s->now->networks_source, s->domain, &ds));
	arena_fini(&a);
}

void settings_restore(struct settings *s, const struct node *root, const struct node *networks)
{
	struct mesh_settings *m;
	struct diags ds;
	struct arena a;

	if (s->fixed)
		return;
	arena_init(&a, 0);
	diags_init(&ds, &a);
	m = mesh_settings_new(root, networks, s->domain, &ds);
	if (ds.nerrors) {
		mesh_settings_unref(m);
	} else {
		use(s, m);
		s->restored = true;
	}
	arena_fini(&a);
}

/* Whose findings the next are. */
static void begin_findings(struct settings *s, const struct object *map)
{
	struct arena *a = &s->arena;

	arena_fini(a);
	arena_init(a, 0);
	diags_init(&s->findings, a);
	if (map)
		diags_object(&s->findings, (struct diag_object){.kind = "ConfigMap",
								.ns = arena_strdup(a, map->ns),
								.name = arena_strdup(a, map->name),
								.file = map->file ? arena_strdup(a, map->file) : NULL});
}

void settings_read(struct settings *s, const struct object *map_or_null)
{
	const struct strmap *data = map_or_null ? &object_spec(map_or_null, k_config_map)->data : NULL;
	const char *text = data ? strmap_get(data, "mesh") : NULL;
	struct mesh_settings *m;

	s->restored = false;
	if (s->fixed)
		return;
	begin_findings(s, map_or_null);
	m = parse(s, text ? text : "", text ? strlen(text) : 0, data ? strmap_get(data, "meshNetworks") : NULL, &s->findings);
	if (m)
		use(s, m);
}
