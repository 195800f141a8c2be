/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "node/node_int.h"

const struct node_member *node_member(const struct node *map, const char *key)
{
	if (!map || map->kind != NODE_MAP)
		return NULL;
	for (size_t i = 0; i < map->n; i++) {
		if (!strcmp(map->map[i].key, key))
			return &map->map[i];
	}
	return NULL;
}

const struct node *node_get(const struct node *map, const char *key)
{
	const struct node_member *m = node_member(map, key);

	return m ? &m->value : NULL;
}

const char *node_text(const struct node *map, const char *key)
{
	const struct node *n = node_get(map, key);

	return n && n->kind == NODE_STRING ? n->text : NULL;
}

const char *node_kind_name(enum node_kind kind)
{
	static const char *const names[] = {"null", "boolean", "number", "string", "list", "map"};

	return names[kind];
}

static const struct node *member_n(const struct node *map, const char *key, size_t len)
{
	if (map->kind != NODE_MAP)
		return NULL;
	for (size_t i = 0; i < map->n; i++) {
		if (!strncmp(map->map[i].key, key, len) && !map->map[i].key[len])
			return &map->map[i].value;
	}
	return NULL;
}

/* One step of a path at *p, which moves behind it: a word, [number] or ["key"]. */
static const struct node *step(const struct node *n, const char **p)
{
	const char *s = *p, *end;

	if (*s == '[' && s[1] == '"') {
		end = strstr(s + 2, "\"]");
		if (!end)
			return NULL;
		*p = end + 2;
		return member_n(n, s + 2, (size_t)(end - s - 2));
	}
	if (*s == '[') {
		char *after;
		unsigned long i = strtoul(s + 1, &after, 10);

		if (*after != ']')
			return NULL;
		*p = after + 1;
		return n->kind == NODE_LIST && i < n->n ? &n->list[i] : NULL;
	}
	if (*s == '.')
		s++;
	end = s + strcspn(s, ".[");
	if (end == s)
		return NULL;
	*p = end;
	return member_n(n, s, (size_t)(end - s));
}

const struct node *node_at(const struct node *root, const char *path)
{
	const struct node *n = root;

	while (*path) {
		const struct node *next = step(n, &path);

		if (!next)
			return n;
		n = next;
	}
	return n;
}

struct node *node_copy(const struct node *n, struct arena *a)
{
	struct node *out = arena_copy(a, n, sizeof(*n));

	switch (n->kind) {
	case NODE_NULL:
	case NODE_BOOL:
		break;
	case NODE_NUMBER:
	case NODE_STRING:
		out->text = arena_strndup(a, n->text, n->n);
		break;
	case NODE_LIST:
		out->list = arena_array(a, struct node, n->n);
		for (size_t i = 0; i < n->n; i++)
			out->list[i] = *node_copy(&n->list[i], a);
		break;
	case NODE_MAP:
		out->map = arena_array(a, struct node_member, n->n);
		for (size_t i = 0; i < n->n; i++) {
			out->map[i] = n->map[i];
			out->map[i].key = arena_strdup(a, n->map[i].key);
			out->map[i].value = *node_copy(&n->map[i].value, a);
		}
		break;
	}
	return out;
}

bool node_equal(const struct node *a, const struct node *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == NODE_NULL)
		return true;
	if (a->kind == NODE_BOOL)
		return a->boolean == b->boolean;
	if (a->n != b->n)
		return false;
	switch (a->kind) {
	case NODE_LIST:
		for (size_t i = 0; i < a->n; i++) {
			if (!node_equal(&a->list[i], &b->list[i]))
				return false;
		}
		return true;
	case NODE_MAP:
		for (size_t i = 0; i < a->n; i++) {
			const struct node *other = node_get(b, a->map[i].key);

			if (!other || !node_equal(&a->map[i].value, other))
				return false;
		}
		return true;
	default:
		return !memcmp(a->text, b->text, a->n);
	}
}

/* ---- writing ---- */

/* The code point at s when it is one that YAML does not take as it is, or takes for a line break:
 * U+007F to U+009F, U+2028, U+2029, U+FFFE, U+FFFF. Else 0. (YAML 1.1, 5.1; JSON takes them all.) */
static unsigned escaped_in_yaml(const unsigned char *s, size_t left, size_t *len)
{
	unsigned c;

	if (s[0] == 0x7f) {
		*len = 1;
		return 0x7f;
	}
	if (s[0] == 0xc2 && left >= 2 && s[1] < 0xa0) {
		*len = 2;
		return s[1];
	}
	if ((s[0] != 0xe2 && s[0] != 0xef) || left < 3)
		return 0;
	*len = 3;
	c = (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
	return c == 0x2028 || c == 0x2029 || c >= 0xfffe ? c : 0;
}

static void put_json_string(struct buf *out, const char *s, size_t n)
{
	size_t plain = 0, len = 1;

	buf_char(out, '"');
	for (size_t i = 0; i < n; i += len) {
		unsigned char c = (unsigned char)s[i];
		unsigned special;

		len = 1;
		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
			continue;
		special = escaped_in_yaml((const unsigned char *)s + i, n - i, &len);
		if (c >= 0x7f && !special) {
			len = 1;
			continue;
		}
		buf_append(out, s + plain, i - plain);
		plain = i + len;
		if (c == '\n')
			buf_str(out, "\\n");
		else if (c == '\t')
			buf_str(out, "\\t");
		else if (special || c < 0x20)
			buf_printf(out, "\\u%04x", special ? special : c);
		else
			buf_printf(out, "\\%c", c);
	}
	buf_append(out, s + plain, n - plain);
	buf_char(out, '"');
}

void node_text_to_json(const char *text, struct buf *out)
{
	put_json_string(out, text, strlen(text));
}

void node_member_to_json(const char *before, const char *key, const char *text, struct buf *out)
{
	buf_printf(out, "%s\"%s\":", before, key);
	node_text_to_json(text, out);
}

static void put_indent(struct buf *out, bool indent, int depth)
{
	if (!indent)
		return;
	buf_char(out, '\n');
	for (int i = 0; i < depth; i++)
		buf_str(out, "  ");
}

static int compare_members(const void *a, const void *b)
{
	const struct node_member *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

/* The members in the order to write; heap memory, or NULL when there are none. */
static const struct node_member **ordered(const struct node *map, bool sorted)
{
	const struct node_member **v;

	if (!map->n)
		return NULL;
	v = calloc(map->n, sizeof(void *));
	must(v);
	for (size_t i = 0; i < map->n; i++)
		v[i] = &map->map[i];
	if (sorted)
		qsort(v, map->n, sizeof(void *), compare_members);
	return v;
}

static void put_json(const struct node *n, bool sorted, bool indent, int depth, struct buf *out);

static void put_json_map(const struct node *n, bool sorted, bool indent, int depth, struct buf *out)
{
	const struct node_member **members = ordered(n, sorted);

	buf_char(out, '{');
	for (size_t i = 0; i < n->n; i++) {
		if (i)
			buf_char(out, ',');
		put_indent(out, indent, depth + 1);
		put_json_string(out, members[i]->key, strlen(members[i]->key));
		buf_str(out, indent ? ": " : ":");
		put_json(&members[i]->value, sorted, indent, depth + 1, out);
	}
	if (n->n)
		put_indent(out, indent, depth);
	buf_char(out, '}');
	free(members);
}

static void put_json(const struct node *n, bool sorted, bool indent, int depth, struct buf *out)
{
	switch (n->kind) {
	case NODE_NULL:
		buf_str(out, "null");
		break;
	case NODE_BOOL:
		buf_str(out, n->boolean ? "true" : "false");
		break;
	case NODE_NUMBER:
		buf_append(out, n->text, n->n);
		break;
	case NODE_STRING:
		put_json_string(out, n->text, n->n);
		break;
	case NODE_LIST:
		buf_char(out, '[');
		for (size_t i = 0; i < n->n; i++) {
			if (i)
				buf_char(out, ',');
			put_indent(out, indent, depth + 1);
			put_json(&n->list[i], sorted, indent, depth + 1, out);
		}
		if (n->n)
			put_indent(out, indent, depth);
		buf_char(out, ']');
		break;
	case NODE_MAP:
		put_json_map(n, sorted, indent, depth, out);
		break;
	}
}

void node_to_json(const struct node *n, bool sorted, bool indent, struct buf *out)
{
	put_json(n, sorted, indent, 0, out);
}

/* Words that read back as the same string without quotes. */
static bool is_plain_word(const char *s, size_t n)
{
	static const char *const typed[] = {"y",  "n",   "yes",	 "no",	  "on",
					    "off", "true", "false", "null"};

	if (!n || (!(s[0] >= 'a' && s[0] <= 'z') && !(s[0] >= 'A' && s[0] <= 'Z') && s[0] != '/'))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-", s[i]))
			return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
		if (!strcasecmp(typed[i], s))
			return false;
	}
	return true;
}

static void put_yaml_string(struct buf *out, const char *s, size_t n)
{
	if (is_plain_word(s, n))
		buf_append(out, s, n);
	else
		put_json_string(out, s, n);
}

static void put_yaml(const struct node *n, int depth, bool in_list, struct buf *out);

/* What stands behind "key:" or "-": a scalar on the same line, a collection below. */
static void put_yaml_value(const struct node *n, int depth, bool in_list, struct buf *out)
{
	bool collection = (n->kind == NODE_MAP || n->kind == NODE_LIST) && n->n;

	if (collection && !in_list) {
		buf_char(out, '\n');
		put_yaml(n, depth, false, out);
		return;
	}
	buf_char(out, ' ');
	if (collection) {
		put_yaml(n, depth, true, out);
		return;
	}
	if (n->kind == NODE_STRING)
		put_yaml_string(out, n->text, n->n);
	else
		put_json(n, false, false, 0, out);
	buf_char(out, '\n');
}

/* inline_first: the first line continues a "- ". */
static void put_yaml(const struct node *n, int depth, bool inline_first, struct buf *out)
{
	for (size_t i = 0; i < n->n; i++) {
		if (i || !inline_first)
			buf_printf(out, "%*s", depth * 2, "");
		if (n->kind == NODE_LIST) {
			buf_char(out, '-');
			put_yaml_value(&n->list[i], depth + 1, true, out);
		} else {
			put_yaml_string(out, n->map[i].key, strlen(n->map[i].key));
			buf_char(out, ':');
			put_yaml_value(&n->map[i].value, depth + 1, false, out);
		}
	}
}

void node_to_yaml(const struct node *n, struct buf *out)
{
	if ((n->kind == NODE_MAP || n->kind == NODE_LIST) && n->n) {
		put_yaml(n, 0, false, out);
		return;
	}
	if (n->kind == NODE_STRING)
		put_yaml_string(out, n->text, n->n);
	else
		put_json(n, false, false, 0, out);
	buf_char(out, '\n');
}
