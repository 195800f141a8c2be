/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <string.h>

#include "base/scalar.h"
#include "node/node_int.h"
#include "node/schema.h"

/* JSON (RFC 8259) with places. jansson gives none, turns numbers into doubles, and keeps everything. */
struct json {
	struct node_reader *r;
	const char *p, *end, *line_start;
	uint32_t line;			/* 0: places are not wanted */
	const char *why;		/* the first error */
	const char *why_at;
};

static struct pos here(const struct json *j, const char *p)
{
	return j->line ? (struct pos){j->line, (uint32_t)(p - j->line_start) + 1} : (struct pos){0};
}

static bool fail(struct json *j, const char *p, const char *why)
{
	if (!j->why) {
		j->why = why;
		j->why_at = p;
	}
	return false;
}

static inline void skip_space(struct json *j)
{
	for (; j->p < j->end; j->p++) {
		if (*j->p == '\n') {
			j->line += j->line != 0;
			j->line_start = j->p + 1;
		} else if (*j->p != ' ' && *j->p != '\t' && *j->p != '\r') {
			return;
		}
	}
}

/* ---- strings: found and checked first, then copied ---- */

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

/* The length of the escape at p, which is a backslash; 0 if it is none. */
static size_t check_escape(struct json *j, const char *p)
{
	int c;

	if (j->end - p >= 2 && p[1] && strchr("\"\\/bfnrt", p[1]))
		return 2;
	if (j->end - p < 2 || p[1] != 'u')
		return fail(j, p + 1, "invalid escape in a string");
	c = hex4(p + 2, j->end);
	if (c <= 0)
		return fail(j, p + 2, c ? "invalid \\u escape" : "a string holds a NUL character");
	return 6;
}

/* The first of p[0..7] that is a quote, a backslash, a control character or above ASCII; 8 if none. */
static inline unsigned plain_bytes(const char *p)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t w, quote, slash, hit;

	memcpy(&w, p, sizeof(w));
	w = le64toh(w);
	quote = w ^ ones * '"';
	slash = w ^ ones * '\\';
	/* the borrow of a subtraction spoils only bytes behind the first hit */
	hit = (w | ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((w - ones * 0x20) & ~w)) & ones * 0x80;
	return hit ? (unsigned)__builtin_ctzll(hit) / 8 : 8;
}

/* A whole string at the opening quote: everything in it is checked. Gives the closing quote, or NULL. */
static const char *check_string(struct json *j, bool *escaped)
{
	const char *p = j->p + 1;

	*escaped = false;
	while (p < j->end) {
		size_t n = 1;

		if (j->end - p >= 8) {
			unsigned plain = plain_bytes(p);

			p += plain;
			if (plain == 8)
				continue;
		}
		if (*p == '"')
			return p;
		if (*p == '\\') {
			*escaped = true;
			n = check_escape(j, p);
		} else if ((unsigned char)*p < 0x20) {
			n = fail(j, p, "control character in a string");
		} else if ((unsigned char)*p >= 0x80) {
			n = scalar_utf8_len((const uint8_t *)p, (size_t)(j->end - p));
			if (!n)
				fail(j, p, "a string is not UTF-8");
		}
		if (!n)
			return NULL;
		p += n;
	}
	fail(j, j->p, "a string without end");
	return NULL;
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
static const char *copy_unicode(const char *p, const char *end, char **out)
{
	unsigned hi = (unsigned)hex4(p, end), c = hi;

	p += 4;
	if (hi >= 0xd800 && hi < 0xe000) {
		c = 0xfffd;
		if (hi < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
			int lo = hex4(p + 2, end);

			if (lo >= 0xdc00 && lo < 0xe000) {
				c = 0x10000 + ((hi & 0x3ff) << 10) + ((unsigned)lo & 0x3ff);
				p += 6;
			}
		}
	}
	*out = put_utf8(*out, c);
	return p;
}

/* The text between p and close, all of whose escapes are right. */
static const char *copy_string(struct json *j, const char *p, const char *close, bool escaped, size_t *n)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char *out = arena_alloc_raw(j->r->a, (size_t)(close - p) + 1), *w = out;

	if (!escaped) {
		memcpy(out, p, (size_t)(close - p));
		w += close - p;
		p = close;
	}
	while (p < close) {
		if (*p != '\\') {
			*w++ = *p++;
		} else if (p[1] == 'u') {
			p = copy_unicode(p + 2, close, &w);
		} else {
			*w++ = to[strchr(from, p[1]) - from];
			p += 2;
		}
	}
	*w = '\0';
	*n = (size_t)(w - out);
	return out;
}

static bool read_string(struct json *j, const char **text, size_t *n)
{
	bool escaped;
	const char *close = check_string(j, &escaped);

	if (!close)
		return false;
	*text = copy_string(j, j->p + 1, close, escaped, n);
	j->p = close + 1;
	return true;
}

/* ---- numbers and words ---- */

static const char *skip_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* The end of the number at j->p, or NULL. */
static const char *check_number(struct json *j)
{
	const char *p = j->p, *digits;

	if (p < j->end && *p == '-')
		p++;
	digits = p;
	p = skip_digits(p, j->end);
	if (p == digits || (*digits == '0' && p > digits + 1))
		goto invalid;
	if (p < j->end && *p == '.') {
		digits = ++p;
		p = skip_digits(p, j->end);
		if (p == digits)
			goto invalid;
	}
	if (p < j->end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < j->end && (*p == '+' || *p == '-'))
			p++;
		digits = p;
		p = skip_digits(p, j->end);
		if (p == digits)
			goto invalid;
	}
	return p;
invalid:
	fail(j, j->p, "invalid number");
	return NULL;
}

static bool read_number(struct json *j, struct node *out)
{
	const char *end = check_number(j);

	if (!end)
		return false;
	out->kind = NODE_NUMBER;
	out->n = (size_t)(end - j->p);
	out->text = arena_strndup(j->r->a, j->p, out->n);
	j->p = end;
	return true;
}

static bool read_word(struct json *j, struct node *out)
{
	static const struct {
		const char *text;
		enum node_kind kind;
		bool value;
	} words[] = {{"true", NODE_BOOL, true}, {"false", NODE_BOOL, false}, {"null", NODE_NULL, false}};

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(words[i].text);

		if ((size_t)(j->end - j->p) >= n && !memcmp(j->p, words[i].text, n)) {
			j->p += n;
			out->kind = words[i].kind;
			out->boolean = words[i].value;
			return true;
		}
	}
	return fail(j, j->p, "unexpected character");
}

/* ---- what is kept ---- */

static const struct node_keep whole = {.rest = NODE_REST_KEEP};

/* What becomes of a member's value. *child, for NODE_REST_KEEP, is what of it is kept; it may be *scratch. */
static enum node_rest find_keep(const struct node_keep *k, const char *key, size_t n, struct node_keep *scratch,
				const struct node_keep **child)
{
	const struct schema_field *f;

	*child = &whole;
	for (size_t i = 0; i < k->n; i++) {
		if (strncmp(k->keys[i].key, key, n) != 0 || k->keys[i].key[n])
			continue;
		if (k->keys[i].keep)
			*child = k->keys[i].keep;
		return k->keys[i].drop ? NODE_REST_DROP : NODE_REST_KEEP;
	}
	f = k->schema ? schema_find(k->schema, key, n) : NULL;
	if (!f)
		return k->rest;
	if (f->msg && f->msg->open && f->type != SCHEMA_MSGMAP) {
		*scratch = (struct node_keep){.schema = f->msg};
		*child = scratch;
	}
	return NODE_REST_KEEP;
}

/* ---- values ---- */

static bool enter(struct json *j, int depth)
{
	if (depth < NODE_DEPTH_MAX)
		return true;
	diag_add(j->r->ds, D_LIMIT_DEPTH, here(j, j->p), "", "more than %d levels", NODE_DEPTH_MAX);
	return fail(j, j->p, "values are nested too deeply");
}

/* Behind a member or an element: *more says whether another one follows. */
static bool next_member(struct json *j, bool is_map, bool *more)
{
	skip_space(j);
	if (j->p == j->end)
		return fail(j, j->p, "the text ends within a value");
	*more = *j->p == ',';
	if (!*more && *j->p != (is_map ? '}' : ']'))
		return fail(j, j->p, is_map ? "expected ',' or '}'" : "expected ',' or ']'");
	j->p++;
	return true;
}

/* The opening brace or bracket and, when nothing stands in it, the closing one. */
static bool is_empty_collection(struct json *j, bool is_map)
{
	j->p++;
	skip_space(j);
	if (j->p == j->end || *j->p != (is_map ? '}' : ']'))
		return false;
	j->p++;
	return true;
}

static bool read_colon(struct json *j)
{
	skip_space(j);
	if (j->p == j->end || *j->p != ':')
		return fail(j, j->p, "expected ':' behind the key");
	j->p++;
	return true;
}

static const char *check_key(struct json *j, bool *escaped)
{
	skip_space(j);
	if (j->p < j->end && *j->p == '"')
		return check_string(j, escaped);
	fail(j, j->p, "expected a quoted key");
	return NULL;
}

static bool skip_value(struct json *j, int depth);

static bool skip_collection(struct json *j, int depth)
{
	bool is_map = *j->p == '{', more = true, escaped;

	if (!enter(j, depth))
		return false;
	if (is_empty_collection(j, is_map))
		return true;
	while (more) {
		if (is_map) {
			const char *close = check_key(j, &escaped);

			if (!close)
				return false;
			j->p = close + 1;
			if (!read_colon(j))
				return false;
		}
		if (!skip_value(j, depth + 1) || !next_member(j, is_map, &more))
			return false;
	}
	return true;
}

static bool skip_value(struct json *j, int depth)
{
	struct node word;
	const char *end;
	bool escaped;

	skip_space(j);
	if (j->p == j->end)
		return fail(j, j->p, "the text ends within a value");
	switch (*j->p) {
	case '{':
	case '[':
		return skip_collection(j, depth);
	case '"':
		end = check_string(j, &escaped);
		j->p = end ? end + 1 : j->p;
		return end != NULL;
	case 't':
	case 'f':
	case 'n':
		return read_word(j, &word);
	default:
		end = check_number(j);
		j->p = end ? end : j->p;
		return end != NULL;
	}
}

static bool read_value(struct json *j, int depth, const struct node_keep *keep, struct node *out);

/* One member of a map; *kept says whether m has it. */
static bool read_member(struct json *j, int depth, const struct node_keep *keep, struct node_member *m, bool *kept)
{
	const struct node_keep *child;
	struct node_keep scratch;
	enum node_rest what;
	bool escaped;
	const char *close = check_key(j, &escaped), *key = j->p + 1;
	size_t n;

	if (!close)
		return false;
	m->pos = here(j, j->p);
	n = (size_t)(close - key);
	if (escaped)
		key = copy_string(j, key, close, true, &n);
	j->p = close + 1;
	if (!read_colon(j))
		return false;
	what = find_keep(keep, key, n, &scratch, &child);
	*kept = what != NODE_REST_DROP;
	if (*kept)
		m->key = escaped ? key : arena_strndup(j->r->a, key, n);
	return what == NODE_REST_KEEP ? read_value(j, depth, child, &m->value) : skip_value(j, depth);
}

static bool read_collection(struct json *j, int depth, const struct node_keep *keep, struct node *out)
{
	bool is_map = *j->p == '{', more = true;
	size_t from = j->r->stack.n;
	struct pos pos = here(j, j->p);

	if (!enter(j, depth))
		return false;
	if (is_empty_collection(j, is_map))
		more = false;
	while (more) {
		struct node_member m = {0};
		bool kept = true;

		if (is_map ? !read_member(j, depth + 1, keep, &m, &kept) : !read_value(j, depth + 1, keep, &m.value))
			return false;
		if (kept)
			*vec_push(&j->r->stack, NULL) = m;
		if (!next_member(j, is_map, &more))
			return false;
	}
	node_reader_close(j->r, from, is_map, pos, out);
	return true;
}

static bool read_value(struct json *j, int depth, const struct node_keep *keep, struct node *out)
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
		return read_collection(j, depth, keep, out);
	case '"':
		out->kind = NODE_STRING;
		return read_string(j, &out->text, &out->n);
	case 't':
	case 'f':
	case 'n':
		return read_word(j, out);
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

		if (!read_value(&j, 0, &whole, doc.root)) {
			*why = j.why;
			*pos = here(&j, j.why_at);
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

bool node_read_kept(struct node_reader *r, const char *text, size_t len, const struct node_keep *keep,
		    struct node *out, const char **why, size_t *at)
{
	struct json j = {.r = r, .p = text, .end = text + len, .line_start = text};
	bool ok = read_value(&j, 0, keep ? keep : &whole, out);

	if (ok) {
		skip_space(&j);
		ok = j.p == j.end || fail(&j, j.p, "text behind the value");
	}
	*why = j.why;
	*at = ok ? len : (size_t)(j.why_at - text);
	return ok;
}
