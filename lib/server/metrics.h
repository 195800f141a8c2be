/* SPDX-License-Identifier: Apache-2.0
 *
 * The metrics of the daemon: one row each in metrics.def. Thread: loop.
 */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "base/metric.h"

enum metric_id {
#define METRIC(id, name, kind, label, buckets, help) M_##id,
#include "server/metrics.def"
#undef METRIC
	METRIC_COUNT
};

void server_metrics_init(struct metrics *m);

#endif
