/* SPDX-License-Identifier: Apache-2.0
 *
 * What each connected proxy was sent, acknowledged and refused.
 */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/vec.h"
#include "node/node.h"
#include "remote.h"

static const char *const types[] = {"cluster", "listener", "endpoint", "route", "secret"};

static const char *text_or(const struct node *row, const char *key)
{
	const char *text = node_text(row, key);

	return text && *text ? text : "-";
}

static void print_row(const struct node *row)
{
	printf("%-40s %-8s %-6s", text_or(row, "proxy"), text_or(row, "proxy_type"),
	       text_or(row, "protocol"));
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		char key[64];

		snprintf(key, sizeof(key), "%s_state", types[i]);
		printf(" %-9s", text_or(row, key));
	}
	printf(" %s\n", text_or(row, "proxy_version"));
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		char key[64];

		snprintf(key, sizeof(key), "%s_rejected", types[i]);
		if (node_text(row, key))
			printf("    %s rejected: %s\n", types[i], node_text(row, key));
	}
}

/* All rows of all daemons, by proxy: each proxy is connected to one of them. */
struct rows {
	VEC(const struct node *) v;
};

static int compare_rows(const void *a, const void *b)
{
	return strcmp(text_or(*(const struct node *const *)a, "proxy"), text_or(*(const struct node *const *)b, "proxy"));
}

static int gather(struct remote *r, struct rows *rows, struct err *e)
{
	size_t asked = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct node *list = remote_json(r, &r->v[i], "/debug/syncz", e);

		if (!list) {
			fprintf(stderr, "navctl proxy-status: %s\n", e->text);
			continue;
		}
		asked++;
		for (size_t k = 0; list->kind == NODE_LIST && k < list->n; k++)
			*vec_push(&rows->v, r->arena) = &list->list[k];
	}
	if (rows->v.n)
		qsort(rows->v.v, rows->v.n, sizeof(rows->v.v[0]), compare_rows);
	return asked == r->n ? 0 : -1;
}

static bool is_wanted(const struct args *args, const struct node *row)
{
	const char *name = text_or(row, "proxy");
	size_t n;

	if (!args->n_operands)
		return true;
	n = strlen(args->operands[0]);
	/* POD.NAMESPACE, or POD alone */
	return !strncmp(name, args->operands[0], n) && (!name[n] || name[n] == '.');
}

static void print_table(const struct rows *rows)
{
	printf("%-40s %-8s %-6s %-9s %-9s %-9s %-9s %-9s %s\n", "PROXY", "TYPE", "VIA", "CDS",
	       "LDS", "EDS", "RDS", "SDS", "VERSION");
	for (size_t i = 0; i < rows->v.n; i++)
		print_row(rows->v.v[i]);
}

static void print_json(const struct rows *rows, const char *form, struct arena *a)
{
	struct node list = {.kind = NODE_LIST, .n = rows->v.n};
	struct buf out;

	list.list = arena_array(a, struct node, rows->v.n);
	for (size_t i = 0; i < rows->v.n; i++)
		list.list[i] = *rows->v.v[i];
	buf_init(&out, (size_t)1 << 30);
	node_to_json(&list, false, true, &out);
	remote_print_member(&out, NULL, form, a);
	if (strcmp(form, "yaml") != 0)
		putchar('\n');
	buf_fini(&out);
}

static int run(const struct args *args, struct arena *a)
{
	const char *form = args_get(args, "output");
	struct rows rows = {0}, wanted = {0};
	struct remote r;
	struct err e;
	int status = CMD_UNREACHABLE;

	if (remote_open(&r, args, a, &e)) {
		fprintf(stderr, "navctl proxy-status: %s\n", e.text);
	} else {
		status = gather(&r, &rows, &e) ? CMD_UNREACHABLE : CMD_OK;
		for (size_t i = 0; i < rows.v.n; i++)
			if (is_wanted(args, rows.v.v[i]))
				*vec_push(&wanted.v, a) = rows.v.v[i];
		if (form && strcmp(form, "table") != 0)
			print_json(&wanted, form, a);
		else if (status == CMD_OK || rows.v.n)
			print_table(&wanted);
		if (status == CMD_OK && args->n_operands && !wanted.v.n) {
			fprintf(stderr, "navctl proxy-status: no proxy %s is connected\n", args->operands[0]);
			status = CMD_FINDINGS;
		}
	}
	remote_close(&r);
	return status;
}

static const struct args_option options[] = {
    REMOTE_OPTIONS,
    {"output", 'o', "table|json|yaml", "Form of the output."},
};

const struct cmd cmd_proxy_status = {
    .args = {.name = "navctl proxy-status",
	     .summary = "Show what each connected proxy was sent, acknowledged and refused",
	     .operands = "[POD[.NAMESPACE]]",
	     .options = options,
	     .n_options = ARRAY_LEN(options),
	     .max_operands = 1},
    .run = run,
};
