/* SPDX-License-Identifier: Apache-2.0
 *
 * What each connected proxy was sent, acknowledged and refused.
 */
#include "cmd.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
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

static int print_table(const struct buf *body, struct arena *a)
{
	struct diags ds;
	struct node_docs docs;

	diags_init(&ds, a);
	docs = node_parse(body->p, body->n, 1, a, &ds);
	if (!docs.n || !docs.v[0].root || docs.v[0].root->kind != NODE_LIST) {
		fprintf(stderr,
			"navctl proxy-status: the daemon's answer is not what was expected\n");
		return CMD_UNREACHABLE;
	}
	printf("%-40s %-8s %-6s %-9s %-9s %-9s %-9s %-9s %s\n", "PROXY", "TYPE", "VIA", "CDS",
	       "LDS", "EDS", "RDS", "SDS", "VERSION");
	for (size_t i = 0; i < docs.v[0].root->n; i++)
		print_row(&docs.v[0].root->list[i]);
	return CMD_OK;
}

static int run(const struct args *args, struct arena *a)
{
	const char *form = args_get(args, "output");
	struct buf body;
	struct err e;
	int status = CMD_OK;

	buf_init(&body, (size_t)1 << 30);
	if (remote_get(args_get(args, "server"), "/debug/syncz", &body, &e)) {
		fprintf(stderr, "navctl proxy-status: %s\n", e.text);
		status = CMD_UNREACHABLE;
	} else if (form && strcmp(form, "table")) {
		remote_print_member(&body, NULL, form, a);
	} else {
		status = print_table(&body, a);
	}
	buf_fini(&body);
	return status;
}

static const struct args_option options[] = {
    {"server", 's', "HOST:PORT", "The daemon's admin port; 127.0.0.1:8080."},
    {"output", 'o', "table|json|yaml", "Form of the output."},
};

const struct cmd cmd_proxy_status = {
    .args = {.name = "navctl proxy-status",
	     .summary = "Show what each connected proxy was sent, acknowledged and refused",
	     .operands = "",
	     .options = options,
	     .n_options = ARRAY_LEN(options)},
    .run = run,
};
