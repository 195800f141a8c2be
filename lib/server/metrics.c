/* SPDX-License-Identifier: Apache-2.0 */
#include "server/metrics.h"

static const double seconds[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 3, 5, 10};

#define BUCKETS_SECONDS seconds, sizeof(seconds) / sizeof(seconds[0])
#define BUCKETS_NONE	NULL, 0

static const struct metric_family families[METRIC_COUNT] = {
#define METRIC(id, name, kind, label, buckets, help)                                               \
	[M_##id] = {name, help, METRIC_##kind, label, BUCKETS_##buckets},
#include "server/metrics.def"
#undef METRIC
};

void server_metrics_init(struct metrics *m)
{
	metrics_init(m, families, METRIC_COUNT);
}
