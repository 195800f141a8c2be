/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/metric.h"

enum { CONNECTED, PUSHES, TOOK };

static const double bounds[] = {0.1, 1};
static const struct metric_family families[] = {
    [CONNECTED] = {"pilot_xds", "Connected clients.", METRIC_GAUGE, NULL, NULL, 0},
    [PUSHES] = {"pilot_xds_pushes", "Responses sent.", METRIC_COUNTER, "type", NULL, 0},
    [TOOK] = {"took_seconds", "Duration.", METRIC_HISTOGRAM, NULL, bounds, 2},
};

static void text_format(void **state)
{
	struct metrics m;
	struct buf out;

	(void)state;
	metrics_init(&m, families, 3);
	buf_init(&out, 10000);
	metric_set(&m, CONNECTED, NULL, 7);
	metric_add(&m, PUSHES, "lds", 2);
	metric_add(&m, PUSHES, "cds\"\n", 1);
	metric_observe(&m, TOOK, NULL, 0.05);
	metric_observe(&m, TOOK, NULL, 0.5);
	metric_observe(&m, TOOK, NULL, 5);
	metrics_write(&m, &out);
	assert_string_equal(buf_cstr(&out),
			    "# HELP pilot_xds Connected clients.\n# TYPE pilot_xds gauge\npilot_xds 7\n"
			    "# HELP pilot_xds_pushes Responses sent.\n# TYPE pilot_xds_pushes counter\n"
			    "pilot_xds_pushes{type=\"cds\\\"\\n\"} 1\npilot_xds_pushes{type=\"lds\"} 2\n"
			    "# HELP took_seconds Duration.\n# TYPE took_seconds histogram\n"
			    "took_seconds_bucket{le=\"0.1\"} 1\ntook_seconds_bucket{le=\"1\"} 2\n"
			    "took_seconds_bucket{le=\"+Inf\"} 3\ntook_seconds_sum 5.55\ntook_seconds_count 3\n");
	assert_int_equal((int)metric_value(&m, TOOK, NULL), 3);
	buf_fini(&out);
	metrics_fini(&m);
}

static void series_are_bounded(void **state)
{
	struct metrics m;
	char label[32];

	(void)state;
	metrics_init(&m, families, 3);
	for (int i = 0; i < METRIC_SERIES_MAX + 10; i++) {
		snprintf(label, sizeof(label), "%06d", i);
		metric_add(&m, PUSHES, label, 1);
	}
	assert_int_equal((int)metric_value(&m, PUSHES, "000999"), 1);
	assert_int_equal((int)metric_value(&m, PUSHES, "001000"), 0);
	metrics_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_format),
	    cmocka_unit_test(series_are_bounded),
	};

	return cmocka_run_group_tests_name("base/metric", tests, NULL, NULL);
}
