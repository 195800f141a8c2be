/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "node/node_int.h"

enum { FEW_KEYS = 12 };

bool node_reader_count(struct node_reader *r, size_t n, struct pos pos)
{
	r->count += n;
	if (r->count <= NODE_COUNT_MAX)
		return true;
	diag_add(r->ds, D_LIMIT_COUNT, pos, "", "a document may have %d values", NODE_COUNT_MAX);
	return false;
}

static int compare_places(const void *a, const void *b)
{
	const struct node_member *const *x = a, *const *y = b;
	int c = strcmp((*x)->key, (*y)->key);

	return c ? c : *x < *y ? -1 : *x > *y;
}

static void report_duplicate(struct node_reader *r, const struct node_member *first,
			     const struct node_member *again)
{
	diag_add(r->ds, D_DUPLICATE_KEY, again->pos, "", "key \"%s\" already set in map, on line %u",
		 again->key, first->pos.line);
}

static void find_duplicates(struct node_reader *r, const struct node *map)
{
	const struct node_member **v;

	must(!map->n || map->map);
	if (map->n <= FEW_KEYS) {
		for (size_t i = 1; i < map->n; i++) {
			for (size_t j = 0; j < i; j++) {
				if (!strcmp(map->map[i].key, map->map[j].key)) {
					report_duplicate(r, &map->map[j], &map->map[i]);
					break;
				}
			}
		}
		return;
	}
	v = arena_array(r->a, const struct node_member *, map->n);
	for (size_t i = 0; i < map->n; i++)
		v[i] = &map->map[i];
	qsort(v, map->n, sizeof(void *), compare_places);
	for (size_t i = 1; i < map->n; i++) {
		if (!strcmp(v[i]->key, v[i - 1]->key))
			report_duplicate(r, v[i - 1], v[i]);
	}
}

void node_reader_close(struct node_reader *r, size_t from, bool is_map, struct pos pos, struct node *out)
{
	size_t n = r->stack.n - from;

	*out = (struct node){.kind = is_map ? NODE_MAP : NODE_LIST, .pos = pos, .n = n};
	if (is_map) {
		out->map = n ? arena_copy(r->a, &r->stack.v[from], n * sizeof(*out->map)) : NULL;
		find_duplicates(r, out);
	} else {
		out->list = n ? arena_array(r->a, struct node, n) : NULL;
		for (size_t i = 0; i < n; i++)
			out->list[i] = r->stack.v[from + i].value;
	}
	r->stack.n = from;
}

/* ---- documents ---- */

struct chunk {
	const char *text;
	size_t len;
	uint32_t line;
};

/* "---" at the begin of a line, and then nothing, a space or a tab. */
static bool is_separator(const char *p, const char *end)
{
	return end - p >= 3 && !memcmp(p, "---", 3) &&
	       (end - p == 3 || p[3] == '\n' || p[3] == '\r' || p[3] == ' ' || p[3] == '\t');
}

/* The text up to the next separator; the separator itself begins the next chunk. */
static bool next_chunk(const char **p, const char *end, uint32_t *line, struct chunk *out)
{
	const char *s = *p;

	if (s == end)
		return false;
	*out = (struct chunk){.text = s, .line = *line};
	do {
		const char *nl = memchr(s, '\n', (size_t)(end - s));

		s = nl ? nl + 1 : end;
		*line += nl != NULL;
	} while (s < end && !is_separator(s, end));
	out->len = (size_t)(s - out->text);
	*p = s;
	return true;
}

/* Nothing but blank lines, comments and directives (which stand before a separator). */
static bool is_blank(const struct chunk *c)
{
	const char *p = c->text, *end = p + c->len;

	if (is_separator(p, end))
		p += 3;
	while (p < end) {
		while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
			p++;
		if (p == end)
			break;
		if (*p != '#' && *p != '%')
			return false;
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			break;
	}
	return true;
}

static const char *json_start(const struct chunk *c, size_t *skip)
{
	size_t i = is_separator(c->text, c->text + c->len) ? 3 : 0;

	while (i < c->len && strchr(" \t\r\n", c->text[i]) && c->text[i])
		i++;
	*skip = i;
	return i < c->len && (c->text[i] == '{' || c->text[i] == '[') ? c->text + i : NULL;
}

static bool check_bytes(struct node_reader *r, const struct chunk *c)
{
	struct pos pos = {c->line, 1};

	if (c->len > NODE_DOC_MAX) {
		diag_add(r->ds, D_LIMIT_SIZE, pos, "", "a document of %zu bytes; %d are allowed", c->len,
			 NODE_DOC_MAX);
		return false;
	}
	if (scalar_is_utf8(c->text, c->len) && !memchr(c->text, 0, c->len))
		return true;
	for (const char *p = c->text, *end = p + c->len; p < end; pos.line++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = nl ? (size_t)(nl - p) : (size_t)(end - p);

		if (!scalar_is_utf8(p, n) || memchr(p, 0, n))
			break;
		if (!nl)
			break;
		p = nl + 1;
	}
	diag_add(r->ds, D_NOT_UTF8, pos, "", "bytes on this line are no UTF-8, or a NUL character");
	return false;
}

static void read_chunk(struct node_reader *r, const struct chunk *c)
{
	size_t first = r->docs.n, errors = r->ds->nerrors, skip;
	const char *why, *json = json_start(c, &skip);
	struct pos pos;

	r->stack.n = 0;
	r->count = 0;
	r->first_line = c->line;
	if (!check_bytes(r, c)) {
		*vec_push(&r->docs, NULL) = (struct node_doc){.pos = {c->line, 1}};
	} else if (!json || !node_read_json(r, c->text, c->len, &why, &pos)) {
		struct diags ds = *r->ds;

		r->docs.n = first;
		r->stack.n = 0;
		r->count = 0;
		node_read_yaml(r, c->text, c->len);
		/* Neither: the text looks like JSON, so JSON's reason is the better one. */
		if (json && *json == '{' && r->ds->nerrors > errors && r->docs.n > first && !r->docs.v[first].root) {
			*r->ds = ds;
			diag_add(r->ds, D_SYNTAX, pos, "", "%s", why);
		}
	}
	for (size_t i = first; i < r->docs.n; i++) {
		r->docs.v[i].bad = r->ds->nerrors > errors;
		r->docs.v[i].text = c->text;
		r->docs.v[i].len = c->len;
	}
}

static void reader_fini(struct node_reader *r)
{
	node_yaml_free(r->yaml);
	free(r->repaired);
	vec_fini(&r->stack);
	vec_fini(&r->docs);
}

static __attribute__((noinline)) void read_chunks(struct node_reader *r, const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	uint32_t line = r->first_line;
	struct chunk c;

	if (len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		p += 3;
	while (next_chunk(&p, end, &line, &c)) {
		if (is_blank(&c))
			continue;
		if (r->docs.n >= NODE_DOCS_MAX) {
			diag_add(r->ds, D_LIMIT_COUNT, (struct pos){c.line, 1}, "", "a text may have %d documents", NODE_DOCS_MAX);
			return;
		}
		read_chunk(r, &c);
	}
}

/* Runs under a guard of the arena, as the reader owns heap memory. */
static __attribute__((noinline)) int read_all(struct node_reader *r, const char *text, size_t len)
{
	struct arena_guard g;

	if (arena_guard(r->a, &g))
		return -1;
	read_chunks(r, text, len);
	arena_unguard(r->a, &g);
	return 0;
}

struct node_docs node_parse(const char *text, size_t len, uint32_t first_line, struct arena *a,
			    struct diags *ds)
{
	struct node_reader r = {.a = a, .ds = ds, .first_line = first_line};
	struct node_docs docs = {0};
	int rc = read_all(&r, text, len);

	if (!rc && r.docs.n) {
		docs.v = arena_copy(a, r.docs.v, r.docs.n * sizeof(*docs.v));
		docs.n = r.docs.n;
	}
	reader_fini(&r);
	if (rc) {
		/* findings of this text may have gone with the arena's memory */
		diag_add(ds, D_LIMIT_MEMORY, (struct pos){first_line, 1}, "", "the text needs too much memory");
	}
	return docs;
}

/* ---- one JSON value ---- */

struct kept {
	const char *text;
	size_t len;
	const struct node_keep *keep;
	struct node_doc doc;
};

static __attribute__((noinline)) void read_kept(struct node_reader *r, struct kept *k)
{
	size_t errors = r->ds->nerrors, at;
	const char *why;

	k->doc.root = arena_new(r->a, struct node);
	if (!node_read_kept(r, k->text, k->len, k->keep, k->doc.root, &why, &at)) {
		k->doc.root = NULL;
		if (r->ds->nerrors == errors)
			diag_add(r->ds, D_SYNTAX, (struct pos){0}, "", "%s, at byte %zu", why, at);
	}
	k->doc.bad = r->ds->nerrors > errors;
}

static __attribute__((noinline)) int read_kept_guarded(struct node_reader *r, struct kept *k)
{
	struct arena_guard g;

	if (arena_guard(r->a, &g))
		return -1;
	read_kept(r, k);
	arena_unguard(r->a, &g);
	return 0;
}

struct node_doc node_parse_json(const char *text, size_t len, const struct node_keep *keep, struct arena *a,
				struct diags *ds)
{
	struct node_reader r = {.a = a, .ds = ds};
	struct kept k = {.text = text, .len = len, .keep = keep, .doc = {.text = text, .len = len}};

	if (len > NODE_DOC_MAX) {
		diag_add(ds, D_LIMIT_SIZE, (struct pos){0}, "", "a value of %zu bytes; %d are allowed", len, NODE_DOC_MAX);
		k.doc.bad = true;
	} else if (read_kept_guarded(&r, &k)) {
		diag_add(ds, D_LIMIT_MEMORY, (struct pos){0}, "", "the value needs too much memory");
		k.doc = (struct node_doc){.bad = true, .text = text, .len = len};
	}
	reader_fini(&r);
	return k.doc;
}
