/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metric.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

struct metric_series {
	struct metric_series *next; /* by label */
	char *label;		    /* or NULL */
	double value;		    /* histogram: sum */
	uint64_t count;
	uint64_t buckets[]; /* cumulative only when written */
};

void metrics_init(struct metrics *m, const struct metric_family *families, size_t n)
{
	*m = (struct metrics){.families = families, .n = n};
	m->series = calloc(n, sizeof(*m->series));
	must(m->series && "out of memory");
}

void metrics_fini(struct metrics *m)
{
	for (size_t i = 0; m->series && i < m->n; i++) {
		for (struct metric_series *s = m->series[i], *next; s; s = next) {
			next = s->next;
			free(s->label);
			free(s);
		}
	}
	free(m->series);
	*m = (struct metrics){0};
}

static int compare_label(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

/* The series, made if absent; NULL when the family is full. */
static struct metric_series *series_of(struct metrics *m, size_t family, const char *label)
{
	struct metric_series **at, *s;
	size_t n = 0;

	must(family < m->n && !label == !m->families[family].label);
	for (at = &m->series[family]; *at && compare_label((*at)->label, label) < 0;
	     at = &(*at)->next)
		n++;
	if (*at && compare_label((*at)->label, label) == 0)
		return *at;
	for (s = *at; s; s = s->next)
		n++;
	if (n >= METRIC_SERIES_MAX)
		return NULL;
	s = calloc(1, sizeof(*s) + m->families[family].n_buckets * sizeof(s->buckets[0]));
	must(s && "out of memory");
	if (label) {
		s->label = strdup(label);
		must(s->label && "out of memory");
	}
	s->next = *at;
	*at = s;
	return s;
}

void metric_add(struct metrics *m, size_t family, const char *label, double by)
{
	struct metric_series *s = series_of(m, family, label);

	if (s)
		s->value += by;
}

void metric_set(struct metrics *m, size_t family, const char *label, double value)
{
	struct metric_series *s = series_of(m, family, label);

	if (s)
		s->value = value;
}

void metric_observe(struct metrics *m, size_t family, const char *label, double value)
{
	const struct metric_family *f = &m->families[family];
	struct metric_series *s = series_of(m, family, label);

	must(f->kind == METRIC_HISTOGRAM);
	if (!s)
		return;
	s->value += value;
	s->count++;
	for (size_t i = 0; i < f->n_buckets; i++) {
		if (value <= f->buckets[i]) {
			s->buckets[i]++;
			break;
		}
	}
}

double metric_value(const struct metrics *m, size_t family, const char *label)
{
	for (const struct metric_series *s = m->series[family]; s; s = s->next) {
		if (compare_label(s->label, label) == 0)
			return m->families[family].kind == METRIC_HISTOGRAM ? (double)s->count
									    : s->value;
	}
	return 0;
}

static void write_escaped(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			buf_str(out, "\\n");
		else if (*s == '"' || *s == '\\')
			buf_printf(out, "\\%c", *s);
		else
			buf_char(out, *s);
	}
}

/* name{label="value",le="0.1"} ; le NULL = none */
static void write_name(struct buf *out, const struct metric_family *f, const char *suffix,
		       const struct metric_series *s, const char *le)
{
	buf_printf(out, "%s%s", f->name, suffix);
	if (!s->label && !le)
		return;
	buf_char(out, '{');
	if (s->label) {
		buf_printf(out, "%s=\"", f->label);
		write_escaped(out, s->label);
		buf_char(out, '"');
	}
	if (le)
		buf_printf(out, "%sle=\"%s\"", s->label ? "," : "", le);
	buf_char(out, '}');
}

static void write_histogram(struct buf *out, const struct metric_family *f,
			    const struct metric_series *s)
{
	uint64_t below = 0;
	char le[32];

	for (size_t i = 0; i < f->n_buckets; i++) {
		below += s->buckets[i];
		snprintf(le, sizeof(le), "%g", f->buckets[i]);
		write_name(out, f, "_bucket", s, le);
		buf_printf(out, " %llu\n", (unsigned long long)below);
	}
	write_name(out, f, "_bucket", s, "+Inf");
	buf_printf(out, " %llu\n", (unsigned long long)s->count);
	write_name(out, f, "_sum", s, NULL);
	buf_printf(out, " %.9g\n", s->value);
	write_name(out, f, "_count", s, NULL);
	buf_printf(out, " %llu\n", (unsigned long long)s->count);
}

void metrics_write(const struct metrics *m, struct buf *out)
{
	static const char *const kinds[] = {"counter", "gauge", "histogram"};

	for (size_t i = 0; i < m->n; i++) {
		const struct metric_family *f = &m->families[i];

		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name,
			   kinds[f->kind]);
		for (const struct metric_series *s = m->series[i]; s; s = s->next) {
			if (f->kind == METRIC_HISTOGRAM) {
				write_histogram(out, f, s);
				continue;
			}
			write_name(out, f, "", s, NULL);
			buf_printf(out, " %.17g\n", s->value);
		}
	}
}
