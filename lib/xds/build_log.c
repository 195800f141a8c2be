/* SPDX-License-Identifier: Apache-2.0
 *
 * Access logs.
 */
#include "xds/build_int.h"

#include <stdlib.h>

#include "pb/accesslog.h"
#include "pb/core.h"
#include "pb/wkt.h"

static int compare_members(const void *a, const void *b)
{
	return strcmp(((const struct node_member *)b)->key, ((const struct node_member *)a)->key);
}

/* A map of formats, nested as users wrote it; keys in descending order. */
static void write_formats(struct build_out *out, struct w_struct m, const struct node *map)
{
	struct node_member *members = arena_copy(out->arena, map->map, map->n * sizeof(*members));

	qsort(members, map->n, sizeof(*members), compare_members);
	for (size_t i = 0; i < map->n; i++) {
		const struct node *v = &members[i].value;

		if (v->kind == NODE_MAP) {
			struct w_struct inner = w_struct_struct_begin(m);

			write_formats(out, inner, v);
			w_struct_struct_end(m, inner, members[i].key);
		} else if (v->kind == NODE_STRING || v->kind == NODE_NUMBER) {
			w_struct_string(m, members[i].key, v->text);
		}
	}
}

static void write_log_format(struct build_out *out, struct w_substitution_format_string m, const struct ir_access_log *log)
{
	if (log->text) {
		struct w_data_source text = w_substitution_format_string_text_format_source_begin(m);

		w_data_source_inline_string(text, log->text);
		w_substitution_format_string_text_format_source_end(m, text);
	}
	w_substitution_format_string_omit_empty_values(m, log->omit_empty);
	if (!log->text) {
		struct w_struct json = w_substitution_format_string_json_format_begin(m);

		write_formats(out, json, log->json);
		w_substitution_format_string_json_format_end(m, json);
	}
}

static void write_log_body(struct build_out *out, struct w_access_log m, const struct ir_access_log *log)
{
	struct w_any any = w_access_log_typed_config_begin(m);
	struct w_file_access_log file = w_file_access_log_any_begin(any);
	struct w_substitution_format_string format = w_file_access_log_log_format_begin(file);

	write_log_format(out, format, log);
	w_file_access_log_log_format_end(file, format);
	w_file_access_log_path(file, log->path);
	any = w_file_access_log_any_end(file);
	w_access_log_typed_config_end(m, any);
}

void build_log(struct build_out *out, struct w_access_log m, const struct ir_access_log *log, bool only_unrouted)
{
	write_log_body(out, m, log);
	if (only_unrouted) {
		struct w_access_log_filter filter = w_access_log_filter_begin(m);
		struct w_response_flag_filter flags = w_access_log_filter_response_flag_filter_begin(filter);

		w_response_flag_filter_flags(flags, "NR");
		w_access_log_filter_response_flag_filter_end(filter, flags);
		w_access_log_filter_end(m, filter);
	}
	w_access_log_name(m, "envoy.access_loggers.file");
}
