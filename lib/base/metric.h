/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters, gauges and histograms, declared by a table and exposed in Prometheus' text format.
 * A family has at most one label; series appear with their first value and are bounded, so that a
 * hostile label value cannot grow memory. Thread: one at a time.
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_family {
	const char *name, *help;
	enum metric_kind kind;
	const char *label;		/* name of the label, or NULL: one series */
	const double *buckets;		/* histogram: upper bounds, ascending */
	size_t n_buckets;
};

enum { METRIC_SERIES_MAX = 1000 };	/* of one family; further ones are not recorded */

struct metric_series;
struct metrics {
	const struct metric_family *families;
	size_t n;
	struct metric_series **series;	/* one list a family */
};

/* families is borrowed; a family is named by its index in all calls. */
void metrics_init(struct metrics *m, const struct metric_family *families, size_t n);
void metrics_fini(struct metrics *m);
/* label: its value, or NULL in a family without one. */
void metric_add(struct metrics *m, size_t family, const char *label, double by);
void metric_set(struct metrics *m, size_t family, const char *label, double value);
void metric_observe(struct metrics *m, size_t family, const char *label, double value);
double metric_value(const struct metrics *m, size_t family, const char *label);	/* 0 if absent; histogram: count */
/* Text format 0.0.4, series of a family by label. */
void metrics_write(const struct metrics *m, struct buf *out);

#endif
