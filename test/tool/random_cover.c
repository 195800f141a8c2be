/* SPDX-License-Identifier: Apache-2.0 */
#include "random_cover.h"

#include <stdio.h>
#include <string.h>

#include "random_draw.h"
#include "random_pools.h"

void cover_init(struct cover *c)
{
	map_init(&c->drawn, NULL);
	map_init(&c->passed, NULL);
}

void cover_fini(struct cover *c)
{
	map_fini(&c->drawn);
	map_fini(&c->passed);
}

static void count_field(const char *key, void *value, void *arg)
{
	map_set(arg, key, value);
}

void cover_end(struct cover *c, bool passed)
{
	if (passed)
		map_each(&c->drawn, count_field, &c->passed);
	map_fini(&c->drawn);
	map_init(&c->drawn, NULL);
}

/* ---- the report ---- */

struct report {
	const struct cover *cover;
	struct map seen;	/* tables */
	size_t n_fields, n_shown, n_faults;
};

static const char *reason_of(const char *key)
{
	for (const struct random_excuse *e = random_excuses; e->field; e++)
		if (!strcmp(e->field, key))
			return e->why;
	return NULL;
}

static void report_table(struct report *r, const struct schema *s);

static void report_field(struct report *r, const struct schema *s, const struct schema_field *f)
{
	char key[128];
	const char *why = reason_of(random_field_key(s, f, key));

	r->n_fields++;
	if (map_get(&r->cover->passed, key)) {
		r->n_shown++;
		r->n_faults += why != NULL;
		if (why)
			printf("%s is drawn, and there is a reason why not: %s\n", key, why);
	} else {
		r->n_faults += !why;
		printf("%s: never drawn%s%s\n", key, why ? ": " : "", why ? why : "");
	}
	/* values that are given as a whole are not of the tables */
	if (f->msg && !random_rule_of(s, f)->raw && !why)
		report_table(r, f->msg);
}

static void report_table(struct report *r, const struct schema *s)
{
	if (map_set(&r->seen, s->name, r))
		return;
	for (size_t i = 0; i < s->n; i++)
		report_field(r, s, &s->fields[i]);
}

size_t cover_report(const struct cover *c, const struct schema *const *tables, size_t n)
{
	struct report r = {.cover = c};

	map_init(&r.seen, NULL);
	for (size_t i = 0; i < n; i++)
		report_table(&r, tables[i]);
	map_fini(&r.seen);
	printf("%zu of %zu fields drawn\n", r.n_shown, r.n_fields);
	return r.n_faults;
}
