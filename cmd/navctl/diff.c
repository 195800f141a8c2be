/* SPDX-License-Identifier: Apache-2.0 */
#include "diff.h"

#include <stdint.h>
#include <string.h>

#include "base/vec.h"

/* Texts that differ in more than that are shown as replaced as a whole. */
enum { CELLS_MAX = 16 * 1024 * 1024, AROUND = 3 };

struct line {
	const char *p;
	size_t n;
};
struct lines {
	VEC(struct line) v;
};

/* One line of the result: ' ', '-' or '+'. */
struct edit {
	char sign;
	struct line line;
	size_t old_at, new_at; /* lines before it */
};
struct edits {
	struct arena *arena;
	VEC(struct edit) v;
	size_t old_at, new_at;
};

static struct lines split(const char *text, struct arena *a)
{
	struct lines out = {0};

	while (*text) {
		size_t n = strcspn(text, "\n");

		*vec_push(&out.v, a) = (struct line){text, n};
		text += n + (text[n] == '\n');
	}
	return out;
}

static bool equal(const struct line *a, const struct line *b)
{
	return a->n == b->n && !memcmp(a->p, b->p, a->n);
}

static void put(struct edits *e, char sign, struct line line)
{
	*vec_push(&e->v, e->arena) = (struct edit){sign, line, e->old_at, e->new_at};
	e->old_at += sign != '+';
	e->new_at += sign != '-';
}

/* The longest common subsequence of what lies between equal heads and tails. */
static void put_middle(struct edits *e, const struct line *x, size_t n, const struct line *y,
		       size_t m)
{
	size_t wide = m + 1, i = 0, k = 0;
	uint32_t *best = NULL;

	if ((n + 1) * wide <= CELLS_MAX) {
		best = arena_array(e->arena, uint32_t, (n + 1) * wide);
		for (i = n; i-- > 0;)
			for (k = m; k-- > 0;) {
				uint32_t down = best[(i + 1) * wide + k],
					 right = best[i * wide + k + 1];

				best[i * wide + k] = equal(&x[i], &y[k])
							 ? best[(i + 1) * wide + k + 1] + 1
						     : down > right ? down
								    : right;
			}
		i = k = 0;
	}
	while (best && i < n && k < m) {
		if (equal(&x[i], &y[k])) {
			put(e, ' ', x[i++]);
			k++;
		} else if (best[(i + 1) * wide + k] >= best[i * wide + k + 1]) {
			put(e, '-', x[i++]);
		} else {
			put(e, '+', y[k++]);
		}
	}
	while (i < n)
		put(e, '-', x[i++]);
	while (k < m)
		put(e, '+', y[k++]);
}

static void compare(const struct lines *x, const struct lines *y, struct edits *e)
{
	size_t head = 0, tail = 0, least = x->v.n < y->v.n ? x->v.n : y->v.n;

	while (head < least && equal(&x->v.v[head], &y->v.v[head]))
		head++;
	while (tail < least - head && equal(&x->v.v[x->v.n - 1 - tail], &y->v.v[y->v.n - 1 - tail]))
		tail++;
	for (size_t i = 0; i < head; i++)
		put(e, ' ', x->v.v[i]);
	put_middle(e, x->v.v + head, x->v.n - head - tail, y->v.v + head, y->v.n - head - tail);
	for (size_t i = x->v.n - tail; i < x->v.n; i++)
		put(e, ' ', x->v.v[i]);
}

/* The first edit behind the piece that begins at `from`: the next difference is further away than
 * what is shown around. */
static size_t piece_end(const struct edits *e, size_t from)
{
	size_t last = from;

	for (size_t i = from; i < e->v.n && i <= last + 2 * AROUND; i++)
		if (e->v.v[i].sign != ' ')
			last = i;
	return last + 1 + AROUND < e->v.n ? last + 1 + AROUND : e->v.n;
}

static void put_piece(const struct edits *e, size_t from, size_t to, struct buf *out)
{
	size_t old_n = 0, new_n = 0;

	for (size_t i = from; i < to; i++) {
		old_n += e->v.v[i].sign != '+';
		new_n += e->v.v[i].sign != '-';
	}
	buf_printf(out, "@@ -%zu,%zu +%zu,%zu @@\n", e->v.v[from].old_at + (old_n > 0), old_n,
		   e->v.v[from].new_at + (new_n > 0), new_n);
	for (size_t i = from; i < to; i++)
		buf_printf(out, "%c%.*s\n", e->v.v[i].sign, (int)e->v.v[i].line.n,
			   e->v.v[i].line.p);
}

void diff_unified(const char *old_text, const char *new_text, struct arena *a, struct buf *out)
{
	struct lines x = split(old_text, a), y = split(new_text, a);
	struct edits e = {.arena = a};
	size_t shown = 0;

	compare(&x, &y, &e);
	for (size_t i = 0; i < e.v.n; i++) {
		size_t from, to;

		if (e.v.v[i].sign == ' ')
			continue;
		from = i > shown + AROUND ? i - AROUND : shown;
		to = piece_end(&e, i);
		put_piece(&e, from, to, out);
		shown = to;
		i = to - 1;
	}
}
