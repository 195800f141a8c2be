/* SPDX-License-Identifier: Apache-2.0
 *
 * Oracles of a quiet point:
 *   O1   what is served equals a compilation from nothing of the objects as they stand, byte for byte;
 *        so do the verdicts
 *   O2   every client holds what is served, but for what it refused
 */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "sim.h"
#include "xds/pbjson.h"

static void show(const char *who, enum xds_type t, const uint8_t *p, size_t n)
{
	const char *message = xds_type_info(t)->message;
	struct buf out;
	struct err e;

	buf_init(&out, SIM_MESSAGE_MAX);
	if (!pbjson_print(pb_type_find(message, strlen(message)), (struct pb_bytes){p, n}, PBJSON_INDENT, &out, &e))
		printf("%s: %s\n", who, buf_cstr(&out));
	buf_fini(&out);
}

static bool same_origins(const struct res *r, const struct res_new *n)
{
	if (r->n_origins != n->n_origins)
		return false;
	for (size_t i = 0; i < r->n_origins; i++)
		if (r->origins[i].kind != n->origins[i].kind || strcmp(r->origins[i].ns, n->origins[i].ns) ||
		    strcmp(r->origins[i].name, n->origins[i].name))
			return false;
	return true;
}

static void check_set(struct world *w, const struct peer *p, const struct compiled *c, enum xds_type t)
{
	const struct res_set *set = publisher_bundle(&p->sub)->set[t];
	const char *type = xds_type_info(t)->short_name;

	if (set->n != c->set[t].n) {
		sim_fail(w, "O1", "%s: %zu resources are served, %zu compiled from nothing", type, set->n, c->set[t].n);
		return;
	}
	for (size_t i = 0; i < set->n; i++) {
		const struct res *r = set->row[i].res;
		const struct res_new *n = &c->set[t].v[i];

		if (strcmp(r->name, n->name) || r->len != n->len || memcmp(r->bytes, n->bytes, r->len)) {
			sim_fail(w, "O1", "%s %s differs from a compilation from nothing (%s)", type, r->name, n->name);
			if (w->verbose) {
				show("served", t, r->bytes, r->len);
				show("from nothing", t, n->bytes, n->len);
			}
			return;
		}
		if (!same_origins(r, n))
			sim_fail(w, "O1", "%s %s names other origins than a compilation from nothing", type, r->name);
	}
}

static void check_verdicts(struct world *w, const struct snapshot *fresh)
{
	const struct snapshot *s = publisher_snapshot(w->pub);

	if (s->n_verdicts != fresh->n_verdicts) {
		sim_fail(w, "O1", "%zu verdicts, %zu from nothing", s->n_verdicts, fresh->n_verdicts);
		return;
	}
	for (size_t i = 0; i < s->n_verdicts; i++) {
		const struct verdict *a = &s->verdicts[i], *b = &fresh->verdicts[i];
		bool same = !object_compare(a->obj, b->obj) && a->state == b->state && a->n_why == b->n_why;

		for (size_t k = 0; same && k < a->n_why; k++)
			same = a->why[k].code == b->why[k].code;
		if (!same)
			sim_fail(w, "O1", "the verdict on %s/%s is not that of a build from nothing", a->obj->ns, a->obj->name);
	}
}

static void check_held(struct world *w, const struct peer *p, enum xds_type t)
{
	const struct res_set *set = publisher_bundle(&p->sub)->set[t];
	bool wildcard = xds_type_info(t)->wildcard;
	const char *type = xds_type_info(t)->short_name;
	struct map_pair *held;
	struct strs wanted = {0};
	struct arena a;
	size_t n;

	arena_init(&a, 0);
	held = map_sorted(&p->held[t], &n, &a);
	if (!wildcard)
		wanted = peer_wanted(p, t, &a);
	for (size_t i = 0; i < set->n; i++) {
		const struct res *r = set->row[i].res;
		const struct held *h = map_get(&p->held[t], r->name);

		if ((!wildcard && !strs_has(&wanted, r->name)) || map_get(&p->refused, r->version))
			continue;
		if (!h || strcmp(h->version, r->version))
			sim_fail(w, "O2", "peer %td %s %s: holds %s, served is %s", p - w->peers, type, r->name,
				 h ? h->version : "nothing", r->version);
	}
	for (size_t i = 0; wildcard && !map_count(&p->refused) && i < n; i++)
		if (!res_set_find(set, held[i].key))
			sim_fail(w, "O2", "peer %td %s %s: still held, no longer served", p - w->peers, type, held[i].key);
	arena_fini(&a);
}

static void check_peer(struct world *w, const struct snapshot *fresh, const struct peer *p)
{
	const struct compiled *c;
	struct view view;
	struct arena a;

	if (!publisher_bundle(&p->sub)) {
		sim_fail(w, "liveness", "a client has no bundle");
		return;
	}
	if (p->bundle != publisher_bundle(&p->sub))
		sim_fail(w, "O2", "peer %td was not told of what is served", p - w->peers);
	arena_init(&a, 0);
	view_build(fresh, &p->proxy, &a, &view);
	c = compile_view(fresh, &view, NULL, &a);
	if (c->broken)
		sim_fail(w, "P8", "%s", c->broken);
	for (int t = 0; t < XDS_TYPES; t++) {
		check_set(w, p, c, (enum xds_type)t);
		/* one that refused something gets what follows in small pieces */
		if (!w->soon || !map_count(&p->refused))
			check_held(w, p, (enum xds_type)t);
	}
	arena_fini(&a);
}

void model_places(struct world *w, struct object_set *set)
{
	struct object *v[SIM_PLACES];
	size_t n = 0;

	for (size_t i = 0; i < SIM_PLACES; i++)
		if (w->places[i].good)
			v[n++] = w->places[i].good;
	object_set_init(set, v, n, (struct mesh_settings *)mesh_settings_ref(store_objects(w->store)->settings));
}

/* The objects in force, as the model has them; the store must agree. */
static void compare_objects(struct world *w, const struct object_set *set)
{
	const struct object_set *live = store_objects(w->store);

	for (size_t k = 0; k < KIND_COUNT; k++) {
		const struct kind_list *a = live->kind[k], *b = set->kind[k];
		bool same = a->n == b->n;

		for (size_t i = 0; same && i < a->n; i++)
			same = !object_compare(a->v[i], b->v[i]) && hash_equal(a->v[i]->hash, b->v[i]->hash);
		if (!same)
			sim_fail(w, "O1", "%zu %s in force, or other ones, instead of %zu", a->n, kind_info((enum kind)k)->plural, b->n);
		for (size_t i = 0; !same && w->verbose && i < a->n; i++) {
			const struct object *o = kind_list_find(b, a->v[i]->ns, a->v[i]->name);

			if (!o || !hash_equal(a->v[i]->hash, o->hash))
				printf("%s/%s is in force%s\n", a->v[i]->ns, a->v[i]->name, o ? ", and not as it is" : "");
		}
	}
}

void check_objects(struct world *w)
{
	struct object_set set;

	w->model(w, &set);
	compare_objects(w, &set);
	object_set_unref(&set);
}

void check_world(struct world *w)
{
	struct object_set set;
	struct snapshot *fresh;

	if (!publisher_idle(w->pub) || !publisher_snapshot(w->pub)) {
		sim_fail(w, "liveness", "the publisher did not come to rest");
		return;
	}
	w->model(w, &set);
	compare_objects(w, &set);
	fresh = snapshot_build(NULL, &set);
	must(fresh);
	snapshot_adopt(fresh);
	check_verdicts(w, fresh);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (w->peers[i].connected)
			check_peer(w, fresh, &w->peers[i]);
	snapshot_unref(fresh);
	object_set_unref(&set);
}
