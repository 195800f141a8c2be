/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/must.h"
#include "node/node_int.h"
#include "node/yaml_scalar.h"

enum { REPAIRS_MAX = 32, REPAIR_SIZE_MAX = 64 * 1024 };

struct anchor {
	const struct node *node;	/* NULL while it is being read */
	size_t count;			/* nodes that an alias of it stands for */
	int height;
};

struct yaml {
	struct node_reader *r;
	yaml_parser_t parser;
	yaml_event_t event;
	struct map anchors;
	size_t aliased;
	bool stop;			/* an error was reported; the document ends here */
};

static struct pos mark_pos(const struct yaml *y, const yaml_mark_t *m)
{
	return (struct pos){y->r->first_line + (uint32_t)m->line, (uint32_t)m->column + 1};
}

static struct pos event_pos(const struct yaml *y)
{
	return mark_pos(y, &y->event.start_mark);
}

static bool next_event(struct yaml *y)
{
	const yaml_parser_t *p = &y->parser;

	yaml_event_delete(&y->event);
	if (yaml_parser_parse(&y->parser, &y->event))
		return true;
	y->stop = true;
	diag_add(y->r->ds, D_SYNTAX, mark_pos(y, p->problem ? &p->problem_mark : &p->mark), "", "%s%s%s",
		 p->context ? p->context : "", p->context ? ": " : "", p->problem ? p->problem : "out of memory");
	return false;
}

static bool fail(struct yaml *y, enum diag_code code, struct pos pos, const char *why)
{
	diag_add(y->r->ds, code, pos, "", "%s", why);
	y->stop = true;
	return false;
}

/* The short form of a core tag ("str"), "" for any other, NULL without tag. */
static const char *core_tag(const yaml_char_t *tag)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	const char *s = (const char *)tag;

	if (!s)
		return NULL;
	return strncmp(s, prefix, sizeof(prefix) - 1) ? "" : s + sizeof(prefix) - 1;
}

static bool read_scalar(struct yaml *y, struct node *out)
{
	const char *text = (const char *)y->event.data.scalar.value;
	size_t n = y->event.data.scalar.length;
	const char *tag = core_tag(y->event.data.scalar.tag);
	bool plain = y->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	*out = (struct node){.pos = event_pos(y)};
	if (memchr(text, 0, n))
		return fail(y, D_NOT_UTF8, out->pos, "a string holds a NUL character");
	if (tag ? !strcmp(tag, "int") || !strcmp(tag, "float") || !strcmp(tag, "bool") || !strcmp(tag, "null") : plain) {
		if (yaml_scalar_plain(text, n, y->r->a, out))
			return true;
		return fail(y, D_SYNTAX, out->pos, "the number has no JSON form");
	}
	out->kind = NODE_STRING;
	out->n = n;
	out->text = arena_strndup(y->r->a, text, n);
	return true;
}

/* Keys of JSON are texts: a number or boolean stands as its JSON form. */
static bool read_key(struct yaml *y, struct node_member *m)
{
	struct node key;

	m->pos = event_pos(y);
	if (y->event.type == YAML_ALIAS_EVENT) {
		const struct anchor *a = map_get(&y->anchors, (const char *)y->event.data.alias.anchor);

		if (!a || !a->node || a->node->kind != NODE_STRING)
			return fail(y, D_SYNTAX, m->pos, "an alias as key that is no text");
		m->key = a->node->text;
		return true;
	}
	if (y->event.type != YAML_SCALAR_EVENT)
		return fail(y, D_SYNTAX, m->pos, "a map or list cannot be a key");
	if (!read_scalar(y, &key))
		return false;
	if (key.kind == NODE_NULL)
		return fail(y, D_SYNTAX, m->pos, "null cannot be a key");
	m->key = key.kind == NODE_BOOL ? (key.boolean ? "true" : "false") : key.text;
	if (y->event.data.scalar.anchor) {
		struct anchor *a = arena_new(y->r->a, struct anchor);

		*a = (struct anchor){.node = arena_copy(y->r->a, &key, sizeof(key)), .count = 1};
		map_set(&y->anchors, (const char *)y->event.data.scalar.anchor, a);
	}
	return true;
}

static bool read_alias(struct yaml *y, int depth, struct node *out, int *height)
{
	const char *name = (const char *)y->event.data.alias.anchor;
	const struct anchor *a = map_get(&y->anchors, name);
	struct pos pos = event_pos(y);

	if (!a) {
		diag_add(y->r->ds, D_SYNTAX, pos, "", "unknown anchor '%s'", name);
		y->stop = true;
		return false;
	}
	if (!a->node)
		return fail(y, D_LIMIT_ALIAS, pos, "an alias within the value that it names");
	y->aliased += a->count;
	if (y->aliased > NODE_ALIASED_MAX)
		return fail(y, D_LIMIT_ALIAS, pos, "excessive aliasing: aliases stand for too many values");
	if (depth + a->height > NODE_DEPTH_MAX)
		return fail(y, D_LIMIT_DEPTH, pos, "values are nested too deeply");
	if (!node_reader_count(y->r, a->count, pos)) {
		y->stop = true;
		return false;
	}
	*out = *a->node;
	*height = a->height;
	return true;
}

static bool read_node(struct yaml *y, int depth, struct node *out, int *height);

static bool has_key(const struct node_reader *r, size_t from, const char *key)
{
	for (size_t i = from; i < r->stack.n; i++) {
		if (!strcmp(r->stack.v[i].key, key))
			return true;
	}
	return false;
}

/* "<<": the members of a map, or of maps in a list, that the map does not have itself. */
static bool merge(struct yaml *y, size_t from, const struct node *value)
{
	struct node_reader *r = y->r;

	if (value->kind == NODE_LIST) {
		for (size_t i = 0; i < value->n; i++) {
			if (value->list[i].kind != NODE_MAP || !merge(y, from, &value->list[i]))
				return fail(y, D_SYNTAX, value->pos, "map merge requires maps");
		}
		return true;
	}
	if (value->kind != NODE_MAP)
		return fail(y, D_SYNTAX, value->pos, "map merge requires a map or a list of maps");
	if (value->n > 1000)
		return fail(y, D_LIMIT_COUNT, value->pos, "a merged map may have 1000 members");
	for (size_t i = 0; i < value->n; i++) {
		if (!has_key(r, from, value->map[i].key))
			*vec_push(&r->stack, NULL) = value->map[i];
	}
	return true;
}

static bool is_merge_key(const struct yaml *y)
{
	return y->event.type == YAML_SCALAR_EVENT && y->event.data.scalar.length == 2 &&
	       !memcmp(y->event.data.scalar.value, "<<", 2) &&
	       y->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* Merges wait until the map's own members are known. */
static bool read_members(struct yaml *y, int depth, size_t from, int *height)
{
	VEC(struct node) merges = {0};
	struct node_reader *r = y->r;
	int h;

	while (next_event(y) && y->event.type != YAML_MAPPING_END_EVENT) {
		struct node_member m = {0};
		bool is_merge = is_merge_key(y);

		if (!read_key(y, &m) || !next_event(y) || !read_node(y, depth, &m.value, &h))
			return false;
		if (is_merge)
			*vec_push(&merges, r->a) = m.value;
		else
			*vec_push(&r->stack, NULL) = m;
		*height = h + 1 > *height ? h + 1 : *height;
	}
	for (size_t i = 0; !y->stop && i < merges.n; i++) {
		if (!merge(y, from, &merges.v[i]))
			return false;
	}
	return !y->stop;
}

static bool read_elements(struct yaml *y, int depth, int *height)
{
	int h;

	while (next_event(y) && y->event.type != YAML_SEQUENCE_END_EVENT) {
		struct node_member m = {0};

		if (!read_node(y, depth, &m.value, &h))
			return false;
		*vec_push(&y->r->stack, NULL) = m;
		*height = h + 1 > *height ? h + 1 : *height;
	}
	return !y->stop;
}

static bool read_collection(struct yaml *y, int depth, bool is_map, struct node *out, int *height)
{
	size_t from = y->r->stack.n;
	struct pos pos = event_pos(y);

	if (depth >= NODE_DEPTH_MAX)
		return fail(y, D_LIMIT_DEPTH, pos, "values are nested too deeply");
	*height = 1;
	if (is_map ? !read_members(y, depth + 1, from, height) : !read_elements(y, depth + 1, height))
		return false;
	node_reader_close(y->r, from, is_map, pos, out);
	return true;
}

static struct anchor *new_anchor(struct yaml *y, const yaml_char_t *name)
{
	struct anchor *a;

	if (!name)
		return NULL;
	a = arena_new(y->r->a, struct anchor);
	map_set(&y->anchors, (const char *)name, a);
	return a;
}

/* The node that begins with the event in hand. */
static bool read_node(struct yaml *y, int depth, struct node *out, int *height)
{
	size_t before = y->r->count;
	struct anchor *a = NULL;
	bool ok;

	*height = 0;
	if (y->event.type == YAML_ALIAS_EVENT)
		return read_alias(y, depth, out, height);
	if (!node_reader_count(y->r, 1, event_pos(y))) {
		y->stop = true;
		return false;
	}
	if (y->event.type == YAML_SCALAR_EVENT) {
		a = new_anchor(y, y->event.data.scalar.anchor);
		ok = read_scalar(y, out);
	} else if (y->event.type == YAML_MAPPING_START_EVENT) {
		a = new_anchor(y, y->event.data.mapping_start.anchor);
		ok = read_collection(y, depth, true, out, height);
	} else if (y->event.type == YAML_SEQUENCE_START_EVENT) {
		a = new_anchor(y, y->event.data.sequence_start.anchor);
		ok = read_collection(y, depth, false, out, height);
	} else {
		return fail(y, D_SYNTAX, event_pos(y), "unexpected end");
	}
	if (ok && a) {
		a->node = arena_copy(y->r->a, out, sizeof(*out));
		a->count = y->r->count - before;
		a->height = *height;
	}
	return ok;
}

static void read_documents(struct yaml *y)
{
	struct node_reader *r = y->r;
	int height;

	while (next_event(y) && y->event.type != YAML_STREAM_END_EVENT) {
		struct node_doc doc = {0};

		if (y->event.type != YAML_DOCUMENT_START_EVENT)
			continue;
		map_init(&y->anchors, r->a);
		y->aliased = 0;
		doc.root = arena_new(r->a, struct node);
		if (next_event(y) && !read_node(y, 0, doc.root, &height))
			y->stop = true;
		if (y->stop)
			break;
		doc.pos = doc.root->pos;
		if (doc.root->kind != NODE_NULL)
			*vec_push(&r->docs, NULL) = doc;
	}
	if (y->stop)
		*vec_push(&r->docs, NULL) = (struct node_doc){.pos = {r->first_line, 1}};
}

/* libyaml refuses a plain scalar in flow context that ends in ':' ("[001:db8::]"), which go-yaml
 * takes. Scans for such errors and quotes the scalars; NULL if there is nothing to repair. */
static char *repair(const char *text, size_t len, size_t *new_len)
{
	yaml_parser_t *p = calloc(1, sizeof(*p));
	yaml_event_t event;
	size_t from, to;
	char *out = NULL;
	bool done = false;

	must(p);
	if (!yaml_parser_initialize(p)) {
		free(p);
		return NULL;
	}
	yaml_parser_set_encoding(p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(p, (const unsigned char *)text, len);
	while (!done && yaml_parser_parse(p, &event)) {
		done = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	if (!done && p->problem && !strcmp(p->problem, "found unexpected ':'")) {
		/* marks count characters; these are bytes as long as the text is ASCII before them */
		from = p->context_mark.index;
		to = p->problem_mark.index;
		while (to < len && !strchr(",[]{}\n\"' #", text[to]))
			to++;
		if (from < to && to <= len && !memchr(text + from, '"', to - from) && !memchr(text + from, '\\', to - from)) {
			out = malloc(len + 3);
			must(out);
			memcpy(out, text, from);
			out[from] = '"';
			memcpy(out + from + 1, text + from, to - from);
			out[to + 1] = '"';
			memcpy(out + to + 2, text + to, len - to);
			out[len + 2] = '\0';
			*new_len = len + 2;
		}
	}
	yaml_parser_delete(p);
	free(p);
	return out;
}

static bool is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] >= 0x80)
			return false;
	}
	return true;
}

/* True when text holds what repair looks for at all: cheap, so that other texts pay nothing. */
static bool may_need_repair(const char *text, size_t len)
{
	if (len > REPAIR_SIZE_MAX)
		return false;
	for (size_t i = 1; i < len; i++) {
		if (text[i - 1] == ':' && text[i] && strchr(",?[]{}", text[i]))
			return is_ascii(text, len);
	}
	return false;
}

void node_yaml_free(struct yaml *y)
{
	if (!y)
		return;
	yaml_event_delete(&y->event);
	yaml_parser_delete(&y->parser);
	free(y);
}

void node_read_yaml(struct node_reader *r, const char *text, size_t len)
{
	struct yaml *y = calloc(1, sizeof(*y));

	must(y);
	must(yaml_parser_initialize(&y->parser));
	y->r = r;
	r->yaml = y;
	for (int i = 0; i < REPAIRS_MAX && may_need_repair(text, len); i++) {
		char *better = repair(text, len, &len);

		if (!better)
			break;
		free(r->repaired);
		r->repaired = better;
		text = better;
	}
	yaml_parser_set_encoding(&y->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y->parser, (const unsigned char *)text, len);
	read_documents(y);
	node_yaml_free(y);
	r->yaml = NULL;
}
