/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects and snapshots from YAML text, for the tests of lib/mesh.
 */
#ifndef TEST_SNAPSHOT_FIXTURE_H
#define TEST_SNAPSHOT_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/must.h"
#include "base/vec.h"
#include "mesh/proxy.h"

#define FIXTURE_MESH                                                                               \
	"rootNamespace: istio-system\ntrustDomain: cluster.local\n"                                \
	"defaultServiceExportTo: ['*']\ndefaultVirtualServiceExportTo: ['*']\n"                    \
	"defaultDestinationRuleExportTo: ['*']\n"

struct fixture {
	struct arena arena;
	VEC(struct object *) objs;
	struct object_set set;
	struct snapshot *s;
	struct view view;
	struct scope scope;
};

static inline void fixture_init(struct fixture *f)
{
	*f = (struct fixture){0};
	arena_init(&f->arena, 0);
}

/* Decodes the one object of a YAML text; one ref. */
static inline struct object *fixture_object(struct fixture *f, const char *yaml)
{
	struct node_docs docs;
	struct diags ds;
	struct object *o = NULL;
	struct object_id id;

	diags_init(&ds, &f->arena);
	docs = node_parse(yaml, strlen(yaml), 1, &f->arena, &ds);
	must(docs.n == 1 && docs.v[0].root);
	if (object_decode(docs.v[0].root, SCHEMA_LENIENT, "test.yaml", &o, &id, &ds) != OBJECT_OK) {
		for (size_t i = 0; i < ds.n; i++)
			fprintf(stderr, "%s\n", diag_format(&ds.v[i], &f->arena));
		fprintf(stderr, "in:\n%s\n", yaml);
		unreachable();
	}
	return o;
}

/* Adds the objects of a text with "---" between them. */
static inline void fixture_add(struct fixture *f, const char *yaml)
{
	struct node_docs docs;
	struct diags ds;

	diags_init(&ds, &f->arena);
	docs = node_parse(yaml, strlen(yaml), 1, &f->arena, &ds);
	for (size_t i = 0; i < docs.n; i++)
		*vec_push(&f->objs, NULL) =
		    fixture_object(f, arena_strndup(&f->arena, docs.v[i].text, docs.v[i].len));
}

static inline struct mesh_settings *fixture_mesh(struct fixture *f, const char *yaml)
{
	struct node_docs docs;
	struct diags ds;

	diags_init(&ds, &f->arena);
	docs = node_parse(yaml, strlen(yaml), 1, &f->arena, &ds);
	must(docs.n == 1);
	return mesh_settings_new(docs.v[0].root, NULL, "cluster.local", &ds);
}

static inline void fixture_build_mesh(struct fixture *f, const char *mesh)
{
	object_set_init(&f->set, f->objs.v, f->objs.n, fixture_mesh(f, mesh));
	f->s = snapshot_build(NULL, &f->set);
	must(f->s);
	snapshot_adopt(f->s);
}

static inline void fixture_build(struct fixture *f)
{
	fixture_build_mesh(f, FIXTURE_MESH);
}

static inline void fixture_view(struct fixture *f, const char *node_id, const char *metadata)
{
	struct node_docs docs = {0};
	struct diags ds;
	struct proxy p;
	struct err e;

	diags_init(&ds, &f->arena);
	if (metadata)
		docs = node_parse(metadata, strlen(metadata), 1, &f->arena, &ds);
	if (proxy_parse(node_id, docs.n ? docs.v[0].root : NULL, NULL, NULL, NULL, NULL, &f->arena, &p, &e) < 0)
		fail_msg("%s", e.text);
	view_build(f->s, &p, &f->arena, &f->view);
	scope_build(f->s, &f->view, &f->arena, &f->scope);
}

static inline void fixture_fini(struct fixture *f)
{
	snapshot_unref(f->s);
	if (f->set.settings)
		object_set_unref(&f->set);
	for (size_t i = 0; i < f->objs.n; i++)
		object_unref(f->objs.v[i]);
	vec_fini(&f->objs);
	arena_fini(&f->arena);
}

static inline const struct svc *fixture_svc(const struct fixture *f, const char *host)
{
	size_t first;

	return snapshot_svcs_of(f->s, host, &first) ? f->s->svcs[first] : NULL;
}

static inline const struct ep_set *fixture_eps(const struct fixture *f, const char *host)
{
	size_t first;

	return snapshot_svcs_of(f->s, host, &first) ? f->s->eps[first] : NULL;
}

static inline const struct verdict *fixture_verdict(const struct fixture *f, enum kind kind, const char *ns,
						    const char *name)
{
	const struct object *o = snapshot_object(f->s, kind, ns, name);

	return o ? snapshot_verdict(f->s, o) : NULL;
}

#endif
