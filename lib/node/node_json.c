/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "node/node_int.h"

/* JSON (RFC 8259) with places. jansson gives none, and turns numbers into doubles. */
struct json {
	struct node_reader *r;
	const char *p, *end, *line_start;
	uint32_t line;
	const char *why;		/* the first error */
	struct pos why_pos;
};

static struct pos here(const struct json *j, const char *p)
{
	return (struct pos){j->line, (uint32_t)(p - j->line_start) + 1};
}

static bool fail(struct json *j, const char *p, const char *why)
{
	if (!j->why) {
		j->why = why;
		j->why_pos = here(j, p);
	}
	return false;
}

static void skip_space(struct json *j)
{
	for (; j->p < j->end; j->p++) {
		if (*j->p == '\n') {
			j->line++;
			j->line_start = j->p + 1;
		} else if (*j->p != ' ' && *j->p != '\t' && *j->p != '\r') {
			return;
		}
	}
}

static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];

		v <<= 4;
		if (c >= '0' && c <= '9')
			v |= c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v |= (c | 0x20) - 'a' + 10;
		else
			return -1;
	}
	return v;
}

static char *put_utf8(char *out, unsigned c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

/* \uXXXX at p (behind the "\u"); a half of a surrogate pair alone becomes U+FFFD. */
static const char *read_unicode(struct json *j, const char *p, char **out)
{
	int hi = hex4(p, j->end), lo;
	unsigned c = (unsigned)hi;

	if (hi <= 0) {
		fail(j, p, hi ? "invalid \\u escape" : "a string holds a NUL character");
		return NULL;
	}
	p += 4;
	if (hi >= 0xd800 && hi < 0xe000) {
		c = 0xfffd;
		if (hi < 0xdc00 && j->end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
			lo = hex4(p + 2, j->end);
			if (lo >= 0xdc00 && lo < 0xe000) {
				c = 0x10000 + (((unsigned)hi & 0x3ff) << 10) + ((unsigned)lo & 0x3ff);
				p += 6;
			}
		}
	}
	*out = put_utf8(*out, c);
	return p;
}

static const char *read_escape(struct json *j, const char *p, char **out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (p == j->end)
		return p;
	if (*p == 'u')
		return read_unicode(j, p + 1, out);
	at = strchr(from, *p);
	if (!at || !*at) {
		fail(j, p, "invalid escape in a string");
		return NULL;
	}
	*(*out)++ = to[at - from];
	return p + 1;
}

/* A string at the opening quote. */
static bool read_string(struct json *j, const char **text, size_t *n)
{
	const char *start = j->p + 1, *p = start, *close;
	char *out, *w;

	for (close = start; close < j->end && *close != '"'; close++) {
		if (*close == '\\')
			close++;
		else if ((unsigned char)*close < 0x20)
			return fail(j, close, "control character in a string");
	}
	if (close >= j->end)
		return fail(j, j->p, "a string without end");
	w = out = arena_alloc(j->r->a, (size_t)(close - start) + 1);
	while (p < close) {
		if (*p != '\\') {
			*w++ = *p++;
			continue;
		}
		p = read_escape(j, p + 1, &w);
		if (!p)
			return false;
	}
	*w = '\0';
	*text = out;
	*n = (size_t)(w - out);
	j->p = close + 1;
	return true;
}

static const char *skip_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

static bool read_number(struct json *j, struct node *out)
{
	const char *p = j->p, *digits;

	if (p < j->end && *p == '-')
		p++;
	digits = p;
	p = skip_digits(p, j->end);
	if (p == digits || (*digits == '0' && p > digits + 1))
		return fail(j, j->p, "invalid number");
	if (p < j->end && *p == '.') {
		digits = ++p;
		p = skip_digits(p, j->end);
		if (p == digits)
			return fail(j, j->p, "invalid number");
	}
	if (p < j->end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < j->end && (*p == '+' || *p == '-'))
			p++;
		digits = p;
		p = skip_digits(p, j->end);
		if (p == digits)
			return fail(j, j->p, "invalid number");
	}
	out->kind = NODE_NUMBER;
	out->n = (size_t)(p - j->p);
	out->text = arena_strndup(j->r->a, j->p, out->n);
	j->p = p;
	return true;
}

static bool read_word(struct json *j, const char *word, struct node *out, enum node_kind kind, bool value)
{
	size_t n = strlen(word);

	if ((size_t)(j->end - j->p) < n || memcmp(j->p, word, n) != 0)
		return fail(j, j->p, "unexpected character");
	j->p += n;
	out->kind = kind;
	out->boolean = value;
	return true;
}

static bool read_value(struct json *j, int depth, struct node *out);

/* "key": of a member. */
static bool read_key(struct json *j, struct node_member *m)
{
	size_t n;

	skip_space(j);
	m->pos = here(j, j->p);
	if (j->p == j->end || *j->p != '"')
		return fail(j, j->p, "expected a quoted key");
	if (!read_string(j, &m->key, &n))
		return false;
	skip_space(j);
	if (j->p == j->end || *j->p != ':')
		return fail(j, j->p, "expected ':' behind the key");
	j->p++;
	return true;
}

static bool read_collection(struct json *j, int depth, struct node *out)
{
	bool is_map = *j->p == '{';
	char close = is_map ? '}' : ']';
	size_t from = j->r->stack.n;
	struct pos pos = here(j, j->p);

	if (depth >= NODE_DEPTH_MAX) {
		diag_add(j->r->ds, D_LIMIT_DEPTH, pos, "", "more than %d levels", NODE_DEPTH_MAX);
		return fail(j, j->p, "values are nested too deeply");
	}
	j->p++;
	skip_space(j);
	if (j->p < j->end && *j->p == close) {
		j->p++;
		node_reader_close(j->r, from, is_map, pos, out);
		return true;
	}
	for (;;) {
		struct node_member m = {0};

		if ((is_map && !read_key(j, &m)) || !read_value(j, depth + 1, &m.value))
			return false;
		*vec_push(&j->r->stack, NULL) = m;
		skip_space(j);
		if (j->p == j->end)
			return fail(j, j->p, "the text ends within a value");
		if (*j->p == close)
			break;
		if (*j->p != ',')
			return fail(j, j->p, is_map ? "expected ',' or '}'" : "expected ',' or ']'");
		j->p++;
	}
	j->p++;
	node_reader_close(j->r, from, is_map, pos, out);
	return true;
}

static bool read_value(struct json *j, int depth, struct node *out)
{
	skip_space(j);
	*out = (struct node){.pos = here(j, j->p)};
	if (!node_reader_count(j->r, 1, out->pos))
		return fail(j, j->p, "too many values");
	if (j->p == j->end)
		return fail(j, j->p, "the text ends within a value");
	switch (*j->p) {
	case '{':
	case '[':
		return read_collection(j, depth, out);
	case '"':
		out->kind = NODE_STRING;
		return read_string(j, &out->text, &out->n);
	case 't':
		return read_word(j, "true", out, NODE_BOOL, true);
	case 'f':
		return read_word(j, "false", out, NODE_BOOL, false);
	case 'n':
		return read_word(j, "null", out, NODE_NULL, false);
	default:
		return read_number(j, out);
	}
}

/* JSON values may follow each other, as kubectl takes them. */
bool node_read_json(struct node_reader *r, const char *text, size_t len, const char **why, struct pos *pos)
{
	struct json j = {.r = r, .p = text, .end = text + len, .line_start = text, .line = r->first_line};
	size_t errors = r->ds->nerrors;

	if (len >= 3 && !memcmp(text, "---", 3))
		j.p += 3;
	skip_space(&j);
	while (j.p < j.end) {
		struct node_doc doc = {.root = arena_new(r->a, struct node), .pos = here(&j, j.p)};

		if (!read_value(&j, 0, doc.root)) {
			*why = j.why;
			*pos = j.why_pos;
			doc.root = NULL;
			*vec_push(&r->docs, NULL) = doc;
			/* a limit has its finding already, and YAML has the same limits */
			return r->ds->nerrors > errors;
		}
		*vec_push(&r->docs, NULL) = doc;
		skip_space(&j);
	}
	return true;
}
