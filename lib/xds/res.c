/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/res.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

static const struct xds_type_info types[XDS_TYPES] = {
#define XDS(id, ir_, message_, rest_, wildcard_)                                                   \
	[XDS_##id] = {.short_name = #id, .type_url = "type.googleapis.com/" message_, .message = message_, \
		      .rest = rest_, .ir = ir_, .wildcard = wildcard_},
#include "xds/types.def"
#undef XDS
};

const struct xds_type_info *xds_type_info(enum xds_type t)
{
	return &types[t];
}

int xds_type_find(const char *type_url)
{
	for (int t = 0; t < XDS_TYPES; t++)
		if (!strcmp(types[t].type_url, type_url))
			return t;
	return -1;
}

void res_table_init(struct res_table *t)
{
	*t = (struct res_table){0};
	map_init(&t->by_key, NULL);
}

void res_table_fini(struct res_table *t)
{
	must(t->n == 0);
	map_fini(&t->by_key);
}

/* ---- one resource ---- */

/* Where a resource came from is part of its identity here: the same bytes made from other objects
 * are another res, of the same version. */
static char *res_key(const struct res *r, char out[HASH_HEX_LEN + 1])
{
	struct hash128 h = hash_mix_str(hash_mix_u64(r->hash, r->type), r->name);

	for (size_t i = 0; i < r->n_origins; i++) {
		h = hash_mix_u64(h, r->origins[i].kind);
		h = hash_mix_str(hash_mix_str(h, r->origins[i].ns), r->origins[i].name);
	}
	for (size_t i = 0; i < r->n_uses; i++) {
		h = hash_mix_u64(h, (uint64_t)r->uses[i].type << 1 | r->uses[i].required);
		h = hash_mix_str(h, r->uses[i].name);
	}
	return hash_hex(h, out);
}

static size_t text_size(const struct res *r)
{
	size_t n = strlen(r->name) + 1;

	for (size_t i = 0; i < r->n_origins; i++)
		n += strlen(r->origins[i].ns) + strlen(r->origins[i].name) + 2;
	for (size_t i = 0; i < r->n_uses; i++)
		n += strlen(r->uses[i].name) + 1;
	return n;
}

static const char *put_text(char **p, const char *s)
{
	size_t n = strlen(s) + 1;
	char *at = *p;

	memcpy(at, s, n);
	*p += n;
	return at;
}

/* A resource is one block: head, origins, uses, text, bytes. */
static struct res *res_copy(const struct res *from)
{
	size_t n_origins = from->n_origins * sizeof(struct res_origin);
	size_t n_uses = from->n_uses * sizeof(struct res_use);
	size_t n_text = text_size(from);
	struct res *r = malloc(sizeof(*r) + n_origins + n_uses + n_text + from->len);
	struct res_origin *origins;
	struct res_use *uses;
	char *p;

	must(r && "out of memory");
	*r = *from;
	origins = (struct res_origin *)(r + 1);
	uses = (struct res_use *)(origins + from->n_origins);
	p = (char *)(uses + from->n_uses);
	r->name = put_text(&p, from->name);
	for (size_t i = 0; i < from->n_origins; i++)
		origins[i] = (struct res_origin){.kind = from->origins[i].kind,
						 .ns = put_text(&p, from->origins[i].ns),
						 .name = put_text(&p, from->origins[i].name)};
	for (size_t i = 0; i < from->n_uses; i++)
		uses[i] = (struct res_use){.type = from->uses[i].type, .required = from->uses[i].required,
					   .name = put_text(&p, from->uses[i].name)};
	r->origins = origins;
	r->uses = uses;
	if (from->len)
		memcpy(p, from->bytes, from->len);
	r->bytes = (const uint8_t *)p;
	return r;
}

static struct res *res_intern(struct res_table *t, enum xds_type type, const struct res_new *n)
{
	struct res want = {
	    .refs = 1, .type = type, .name = n->name, .hash = hash_bytes(n->bytes, n->len),
	    .origins = n->origins, .n_origins = n->n_origins, .uses = n->uses, .n_uses = n->n_uses,
	    .bytes = n->bytes, .len = n->len,
	};
	char key[HASH_HEX_LEN + 1];
	void **slot = map_slot(&t->by_key, res_key(&want, key));

	if (*slot)
		return res_ref(*slot);
	hash_hex(want.hash, want.version);
	*slot = res_copy(&want);
	t->n++;
	t->n_bytes += n->len;
	return *slot;
}

struct res *res_ref(struct res *r)
{
	r->refs++;
	return r;
}

void res_unref(struct res_table *t, struct res *r)
{
	char key[HASH_HEX_LEN + 1];

	if (!r || --r->refs > 0)
		return;
	must(map_remove(&t->by_key, res_key(r, key)) == r);
	t->n--;
	t->n_bytes -= r->len;
	free(r);
}

/* ---- sets ---- */

size_t res_set_index(const struct res_set *s, const char *name)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(s->row[mid].res->name, name);

		if (!c)
			return mid;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (size_t)-1;
}

const struct res *res_set_find(const struct res_set *s, const char *name)
{
	size_t i = res_set_index(s, name);

	return i == (size_t)-1 ? NULL : s->row[i].res;
}

struct res_set *res_set_ref(struct res_set *s)
{
	s->refs++;
	return s;
}

void res_set_unref(struct res_table *t, struct res_set *s)
{
	if (!s || --s->refs > 0)
		return;
	for (size_t i = 0; i < s->n; i++)
		res_unref(t, s->row[i].res);
	free(s);
}

static bool set_equal(const struct res_set *a, const struct res_set *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->row[i].res != b->row[i].res || !hash_equal(a->row[i].inputs, b->row[i].inputs))
			return false;
	return true;
}

static struct hash128 row_hash(const struct res *r)
{
	return hash_mix(hash_bytes(r->name, strlen(r->name)), r->hash);
}

static struct hash128 hash_plus(struct hash128 a, struct hash128 b)
{
	struct hash128 sum = {.hi = a.hi + b.hi, .lo = a.lo + b.lo};

	sum.hi += sum.lo < b.lo;
	return sum;
}

static struct hash128 hash_minus(struct hash128 a, struct hash128 b)
{
	return (struct hash128){.hi = a.hi - b.hi - (a.lo < b.lo), .lo = a.lo - b.lo};
}

/* prev with the rows of v, each of which is there already, in place of its own. */
static struct res_set *set_patch(struct res_table *t, enum xds_type type, const struct res_new *v, size_t n,
				 struct res_set *prev)
{
	size_t size = sizeof(*prev) + prev->n * sizeof(prev->row[0]);
	struct res_set *s;

	if (!n)
		return res_set_ref(prev);
	s = malloc(size);
	must(s && "out of memory");
	memcpy(s, prev, size);
	s->refs = 1;
	for (size_t i = 0; i < n; i++) {
		struct res_row *row = &s->row[res_set_index(prev, v[i].name)];

		s->hash = hash_minus(s->hash, row_hash(row->res));
		*row = (struct res_row){res_intern(t, type, &v[i]), v[i].inputs};
		s->hash = hash_plus(s->hash, row_hash(row->res));
	}
	/* those of v have their reference */
	for (size_t i = 0, k = 0; i < s->n; i++) {
		if (k < n && !strcmp(s->row[i].res->name, v[k].name))
			k++;
		else
			res_ref(s->row[i].res);
	}
	t->n_built += n;
	hash_hex(s->hash, s->version);
	return s;
}

static struct res_set *set_adopt(struct res_table *t, enum xds_type type, const struct res_new *v, size_t n,
				 struct res_set *prev)
{
	struct res_set *s = malloc(sizeof(*s) + n * sizeof(s->row[0]));
	struct hash128 h = hash_bytes(NULL, 0);

	must(s && "out of memory");
	*s = (struct res_set){.refs = 1, .type = type, .n = n};
	for (size_t i = 0; i < n; i++) {
		s->row[i].res = v[i].same ? res_ref(v[i].same) : res_intern(t, type, &v[i]);
		s->row[i].inputs = v[i].inputs;
		h = hash_plus(h, row_hash(s->row[i].res));
		if (v[i].same)
			t->n_reused++;
		else
			t->n_built++;
	}
	s->hash = h;
	hash_hex(h, s->version);
	if (prev && set_equal(s, prev)) {
		res_set_unref(t, s);
		return res_set_ref(prev);
	}
	return s;
}

struct bundle *bundle_adopt(struct res_table *t, const struct compiled *c, const struct bundle *prev)
{
	struct bundle *b = calloc(1, sizeof(*b));

	must(b && "out of memory");
	must(!c->broken && (!c->base || c->base == prev));
	b->refs = 1;
	b->view = c->view;
	b->gen = c->gen;
	for (int type = 0; type < XDS_TYPES; type++) {
		struct res_set *before = prev ? prev->set[type] : NULL;

		b->set[type] = (c->base ? set_patch : set_adopt)(t, (enum xds_type)type, c->set[type].v,
								 c->set[type].n, before);
	}
	return b;
}

struct bundle *bundle_ref(struct bundle *b)
{
	b->refs++;
	return b;
}

void bundle_unref(struct res_table *t, struct bundle *b)
{
	if (!b || --b->refs > 0)
		return;
	for (int type = 0; type < XDS_TYPES; type++)
		res_set_unref(t, b->set[type]);
	free(b);
}
