/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a case: in.yaml, then.yaml, mesh.yaml, proxies.yaml.
 */
#include "golden.h"

#include <string.h>

#include "base/must.h"
#include "base/vec.h"
#include "ev/file.h"
#include "model/load.h"

static const char *const show_keys[XDS_TYPES] = {"clusters", "endpoints", "listeners", "routes", "secrets"};

/* The text of a file of the case, in its arena; NULL without the file. */
static int read_text(struct golden_case *c, const char *name, const char **text, size_t *n, struct err *e)
{
	const char *path = arena_printf(&c->arena, "%s/%s", c->dir, name);
	struct buf b;
	int rc;

	*text = NULL;
	*n = 0;
	buf_init(&b, GOLDEN_TEXT_MAX);
	rc = file_read(path, &b, e);
	if (rc == 0) {
		*text = b.n ? arena_copy(&c->arena, b.p, b.n) : "";
		*n = b.n;
	} else if (e->code == ERR_NOT_FOUND) {
		rc = 0;
	}
	buf_fini(&b);
	return rc;
}

/* ---- objects, through the store as a directory would bring them ---- */

struct place {
	struct golden_case *c;
	struct diags ds;
	VEC(struct store_entry) entries;
	VEC(struct load_item) items;
	VEC(struct diag) findings;	/* that belong to no object */
	bool unreadable;
};

static void take_item(const struct load_item *item, void *arg)
{
	struct place *p = arg;

	*vec_push(&p->items, &p->c->arena) = *item;
}

/* The findings do not move any more once everything is loaded. */
static void sort_item(struct place *p, const struct load_item *item)
{
	struct arena *a = &p->c->arena;
	const struct diag *diags = p->ds.v + item->first_diag;

	if (item->outcome == OBJECT_OK) {
		*vec_push(&p->entries, a) = (struct store_entry){
		    .kind = (int)item->object->kind, .ns = item->object->ns, .name = item->object->name,
		    .obj = item->object, .pos = item->object->pos};
	} else if (item->outcome == OBJECT_INVALID && item->id.kind >= 0 && item->id.name) {
		*vec_push(&p->entries, a) = (struct store_entry){
		    .kind = item->id.kind, .ns = item->id.ns, .name = item->id.name,
		    .pos = item->n_diags ? diags[0].pos : (struct pos){0}, .diags = diags, .n_diags = item->n_diags};
	} else {
		p->unreadable = p->unreadable || item->outcome == OBJECT_INVALID;
		for (size_t i = 0; i < item->n_diags; i++)
			*vec_push(&p->findings, a) = diags[i];
	}
}

static void put_text(struct golden_case *c, const char *text, size_t n)
{
	struct place p = {.c = c};

	diags_init(&p.ds, &c->arena);
	load_text("in.yaml", text, n, SCHEMA_STRICT, &p.ds, take_item, &p);
	for (size_t i = 0; i < p.items.n; i++)
		sort_item(&p, &p.items.v[i]);
	store_put(c->store, 0, &(struct store_place){.name = "in.yaml", .v = p.entries.v, .n = p.entries.n,
						    .findings = p.findings.v, .n_findings = p.findings.n,
						    .keep_missing = p.unreadable});
	store_commit(c->store);
	for (size_t i = 0; i < p.items.n; i++)
		object_unref(p.items.v[i].object);
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
	const char *text, *later, *mesh;
	size_t n, n_later, n_mesh;

	if (read_text(c, "in.yaml", &text, &n, e) < 0 || read_text(c, "then.yaml", &later, &n_later, e) < 0 ||
	    read_text(c, "mesh.yaml", &mesh, &n_mesh, e) < 0)
		return -1;
	if (!text)
		return err_set(e, ERR_NOT_FOUND, "no in.yaml");
	c->store = store_new("cluster.local", "istio-system");
	store_source_add(c->store, "golden");
	c->has_mesh = mesh && store_set_mesh(c->store, mesh, n_mesh, "mesh.yaml", &c->diags) == 0;
	put_text(c, text, n);
	if (later)
		put_text(c, later, n_later);
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

int golden_open(struct golden_case *c, const char *dir, const char *name, struct err *e)
{
	const char *about;
	size_t n;

	*c = (struct golden_case){.name = name, .dir = dir};
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
