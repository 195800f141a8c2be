/* SPDX-License-Identifier: Apache-2.0
 *
 * The subcommands of navctl: one file and one row each. Exit codes: 0 ok, 1 findings, 2 usage,
 * 3 unreachable.
 */
#ifndef NAVCTL_CMD_H
#define NAVCTL_CMD_H

#include "base/args.h"

enum { CMD_OK = 0, CMD_FINDINGS = 1, CMD_USAGE = 2, CMD_UNREACHABLE = 3 };

/* Options were parsed by the row's table; operands are borrowed from argv; a lives until exit. */
typedef int cmd_fn(const struct args *args, struct arena *a);

struct cmd {
	struct args_command args;	/* args.name = "navctl <subcommand>" */
	cmd_fn *run;
};

/* One in each file; main.c has the table in the order of `navctl help`. */
extern const struct cmd cmd_validate, cmd_analyze, cmd_status, cmd_proxy_config, cmd_proxy_status, cmd_gateway_status, cmd_explain,
    cmd_route, cmd_test, cmd_crds, cmd_install, cmd_uninstall, cmd_token, cmd_certs, cmd_version, cmd_completion, cmd_man;

const struct cmd *const *cmd_table(size_t *n);
const char *cmd_short_name(const struct cmd *c);	/* "proxy-config" */

#endif
