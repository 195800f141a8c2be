/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a case: in.yaml, then.yaml, mesh.yaml, revision.txt, proxies.yaml.
 */
#include "golden.h"

#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "base/vec.h"
#include "ev/file.h"
#include "store/dir.h"

static const char *const show_keys[XDS_TYPES] = {"clusters", "endpoints", "listeners", "routes", "secrets", "names"};

/* The text of a file, in the arena of the case; NULL without the file. */
static int read_text(struct golden_case *c, const char *name, const char **text, size_t *n, struct err *e)
{
	struct buf b;
	int rc;

	*text = NULL;
	*n = 0;
	buf_init(&b, GOLDEN_TEXT_MAX);
	rc = file_read(name, &b, e);
	if (rc == 0) {
		*text = b.n ? arena_strndup(&c->arena, b.p, b.n) : "";
		*n = b.n;
	} else if (e->code == ERR_NOT_FOUND) {
		rc = 0;
	}
	buf_fini(&b);
	return rc;
}

/* ---- objects, through the store as a directory would bring them ---- */

/* What stands in the file becomes what stands at the place in.yaml. */
static int put_file(struct golden_case *c, const char *name, struct err *e)
{
	struct dir_known nothing = {0};
	struct dir_scan scan;
	int rc = 0;

	dir_scan(name, &nothing, c->mode, &scan);
	if (scan.failed || scan.n != 1) {
		rc = err_set(e, ERR_NOT_FOUND, "%s: %s", name, scan.err.text);
	} else {
		scan.v[0].place.name = "in.yaml";
		store_put(c->store, 0, &scan.v[0].place);
		store_commit(c->store);
	}
	dir_scan_fini(&scan);
	return rc;
}

static void take_objects(struct golden_case *c)
{
	const struct object_set *set = store_objects(c->store);
	VEC(struct object *) v = {0};

	for (size_t k = 0; k < KIND_COUNT; k++)
		for (size_t i = 0; i < set->kind[k]->n; i++)
			*vec_push(&v, &c->arena) = set->kind[k]->v[i];
	c->objs = v.v;
	c->n_objs = v.n;
	c->settings = set->settings;
	store_findings(c->store, &c->diags);
}

/* then.yaml, if it is there, takes the place of in.yaml afterwards. */
static int read_objects(struct golden_case *c, struct err *e)
{
	const char *mesh;
	size_t n;

	if (read_text(c, "revision.txt", &c->revision, &n, e) < 0 || read_text(c, "mesh.yaml", &mesh, &n, e) < 0)
		return -1;
	c->store = store_new("cluster.local", "istio-system");
	store_source_add(c->store, "golden");
	store_set_revision(c->store, c->revision);
	c->has_mesh = mesh && store_set_mesh(c->store, mesh, n, "mesh.yaml", &c->diags) == 0;
	if (put_file(c, "in.yaml", e) < 0 || (access("then.yaml", F_OK) == 0 && put_file(c, "then.yaml", e) < 0))
		return -1;
	take_objects(c);
	return 0;
}

/* The root of the only document; NULL without the file. */
static int read_yaml(struct golden_case *c, const char *name, const struct node **root, struct err *e)
{
	const char *text;
	size_t n;
	struct node_docs docs;
	struct diags ds;

	*root = NULL;
	if (read_text(c, name, &text, &n, e) < 0)
		return -1;
	if (!text)
		return 0;
	diags_init(&ds, &c->arena);
	docs = node_parse(text, n, 1, &c->arena, &ds);
	if (ds.n)
		return err_set(e, ERR_SYNTAX, "%s:%u: %s", name, ds.v[0].pos.line, ds.v[0].text);
	if (docs.n > 1)
		return err_set(e, ERR_SYNTAX, "%s: more than one document", name);
	*root = docs.n ? docs.v[0].root : NULL;
	return 0;
}

static int read_show(struct golden_case *c, const struct node *show, struct golden_proxy *p, struct err *e)
{
	for (size_t i = 0; show && i < show->n; i++) {
		const struct node *list = &show->map[i].value;
		const char **v;
		size_t t = 0;

		while (t < XDS_TYPES && strcmp(show_keys[t], show->map[i].key) != 0)
			t++;
		if (t == XDS_TYPES || list->kind != NODE_LIST)
			return err_set(e, ERR_SYNTAX, "proxies.yaml: show %s", show->map[i].key);
		v = arena_array(&c->arena, const char *, list->n);
		for (size_t k = 0; k < list->n; k++)
			v[k] = list->list[k].text;
		p->shown[t] = true;
		p->show[t] = (struct strs){v, list->n};
	}
	return 0;
}

static int read_proxies(struct golden_case *c, struct err *e)
{
	const struct node *root;

	if (read_yaml(c, "proxies.yaml", &root, e) < 0)
		return -1;
	if (!root)
		return 0;
	if (root->kind != NODE_LIST)
		return err_set(e, ERR_SYNTAX, "proxies.yaml: not a list");
	c->proxies = arena_array(&c->arena, struct golden_proxy, root->n);
	for (size_t i = 0; i < root->n; i++) {
		struct golden_proxy *p = &c->proxies[c->n_proxies++];
		const struct node *node = node_get(&root->list[i], "node");

		p->name = node_text(&root->list[i], "name");
		if (!p->name || !node)
			return err_set(e, ERR_SYNTAX, "proxies.yaml: name and node are required");
		if (proxy_from_file(node, &c->arena, &p->proxy, e) < 0)
			return err_wrap(e, "proxies.yaml: %s", p->name);
		if (read_show(c, node_get(&root->list[i], "show"), p, e) < 0)
			return -1;
	}
	return 0;
}

int golden_open(struct golden_case *c, const char *name, struct err *e)
{
	const char *about;
	size_t n;

	*c = (struct golden_case){.name = name};
	c->mode = strstr(name, "/strict-") ? SCHEMA_STRICT : SCHEMA_LENIENT;
	arena_init(&c->arena, 0);
	diags_init(&c->diags, &c->arena);
	if (read_text(c, "about.txt", &about, &n, e) < 0)
		return -1;
	if (n == 0)
		return err_set(e, ERR_NOT_FOUND, "no about.txt");
	if (read_objects(c, e) < 0)
		return -1;
	return read_proxies(c, e);
}

void golden_close(struct golden_case *c)
{
	store_free(c->store);
	arena_fini(&c->arena);
}
