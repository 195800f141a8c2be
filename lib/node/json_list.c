/* SPDX-License-Identifier: Apache-2.0 */
#include "node/json_list.h"

#include <string.h>

enum { DEPTH_MAX = 1000 };		/* of brackets; the parser of elements has the real limit */

/* What a byte outside of strings does. */
enum { PLAIN, COMMA, SPACE, QUOTE, OPEN, CLOSE };

static const unsigned char roles[256] = {
	['"'] = QUOTE, ['{'] = OPEN, ['['] = OPEN, ['}'] = CLOSE, [']'] = CLOSE, [','] = COMMA,
	[' '] = SPACE, ['\t'] = SPACE, ['\n'] = SPACE, ['\r'] = SPACE,
};

void json_list_init(struct json_list *l)
{
	*l = (struct json_list){0};
	buf_init(&l->frame, JSON_LIST_FRAME_MAX);
	buf_init(&l->item, JSON_LIST_ITEM_MAX);
}

void json_list_fini(struct json_list *l)
{
	buf_fini(&l->frame);
	buf_fini(&l->item);
}

/* Whether what the frame ends with makes a '[' at depth 1 the list of the elements. */
static bool frame_announces_items(const struct buf *frame)
{
	static const char key[] = "\"items\"";
	size_t n = frame->n;
	bool colon = false;

	while (n && (roles[(unsigned char)frame->p[n - 1]] == SPACE || (!colon && frame->p[n - 1] == ':'))) {
		n--;
		colon = colon || frame->p[n] == ':';
	}
	return colon && n >= sizeof(key) - 1 && !memcmp(frame->p + n - (sizeof(key) - 1), key, sizeof(key) - 1);
}

/* Behind the string that p is in, or end. */
static const char *skip_string(struct json_list *l, const char *p, const char *end)
{
	while (p < end) {
		if (l->escape) {
			l->escape = false;
			p++;
			continue;
		}
		while (p < end && *p != '"' && *p != '\\')
			p++;
		if (p == end)
			break;
		if (*p++ == '"') {
			l->in_string = false;
			break;
		}
		l->escape = true;
	}
	return p;
}

static void item_ends(struct json_list *l, const char *from, const char *to, json_list_fn *fn, void *arg)
{
	if (!l->item.n && !l->item.failed) {
		fn(arg, from, (size_t)(to - from));
	} else {
		buf_append(&l->item, from, (size_t)(to - from));
		if (l->item.failed)
			fn(arg, NULL, 0);
		else
			fn(arg, l->item.p, l->item.n);
	}
	buf_clear(&l->item);
	l->item.failed = false;
	l->in_item = false;
}

/* Past one byte outside of strings. */
static void step(struct json_list *l, int role)
{
	l->in_string = role == QUOTE;
	l->depth += role == OPEN ? 1 : role == CLOSE ? -1 : 0;
	l->failed = l->failed || l->depth > DEPTH_MAX;
}

/* To the next bracket or quote within an element. */
static const char *skip_plain(const char *p, const char *end)
{
	while (p < end && roles[(unsigned char)*p] <= SPACE)
		p++;
	return p;
}

/* Between "items":[ and its ], where it stops. */
static const char *feed_items(struct json_list *l, const char *p, const char *end, json_list_fn *fn, void *arg)
{
	const char *from = p;

	while (p < end && !l->failed) {
		int role;

		if (l->in_string) {
			p = skip_string(l, p, end);
			continue;
		}
		role = roles[(unsigned char)*p];
		if (l->depth == 2 && (role == COMMA || role == CLOSE)) {
			if (l->in_item)
				item_ends(l, from, p, fn, arg);
			l->in_items = role == COMMA;
			if (!l->in_items)
				return p;
		} else if (!l->in_item && role != SPACE) {
			l->in_item = true;
			from = p;
		}
		if (l->in_item)
			step(l, role);
		p++;
		if (l->depth > 2 && !l->in_string)
			p = skip_plain(p, end);
	}
	if (l->in_item)
		buf_append(&l->item, from, (size_t)(end - from));
	return p;
}

/* Around the elements; stops behind the '[' that begins them. */
static const char *feed_frame(struct json_list *l, const char *p, const char *end)
{
	while (p < end && !l->failed && !l->in_items) {
		const char *to = p + 1;

		if (l->in_string) {
			to = skip_string(l, p, end);
		} else {
			int role = roles[(unsigned char)*p];

			l->failed = role != SPACE && (l->ended || (l->depth == 0 && *p != '{'));
			l->in_items = *p == '[' && l->depth == 1 && frame_announces_items(&l->frame);
			step(l, role);
			l->ended = l->ended || (role == CLOSE && l->depth == 0);
		}
		buf_append(&l->frame, p, (size_t)(to - p));
		p = to;
		l->failed = l->failed || l->frame.failed;
	}
	return p;
}

int json_list_feed(struct json_list *l, const char *p, size_t n, json_list_fn *fn, void *arg)
{
	const char *end = p + n;

	while (p < end && !l->failed)
		p = l->in_items ? feed_items(l, p, end, fn, arg) : feed_frame(l, p, end);
	return l->failed ? -1 : 0;
}

bool json_list_is_whole(const struct json_list *l)
{
	return l->ended && !l->failed;
}
