/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "server/version.h"

static void set_log(const struct args *args)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	const char *level = args_get(args, "log-level"), *format = args_get(args, "log-format");

	for (int i = 0; level && i < 4; i++)
		if (!strcmp(level, levels[i]))
			log_set_level((enum log_level)i);
	log_set_json(format && !strcmp(format, "json"));
}

static int run(const struct args *args, struct arena *a)
{
	struct agent_opts opts;
	struct err e;
	int status, app_status = 0;

	set_log(args);
	status = options_fill(args, &opts, a, &e) ? 2 : agent_run(&opts, &app_status, &e) ? 1 : 0;
	if (status)
		fprintf(stderr, "navagent: %s\n", e.text);
	return status ? status : app_status;
}

int main(int argc, char **argv)
{
	struct arena a;
	struct args args;
	struct err e;
	int status = 0;

	arena_init(&a, 0);
	if (args_parse(&navagent_command, argc - 1, argv + 1, &a, &args, &e)) {
		fprintf(stderr, "navagent: %s\n", e.text);
		status = 2;
	} else if (args.help) {
		args_print_help(stdout, &navagent_command);
	} else if (args_has(&args, "man")) {
		args_print_man(stdout, &navagent_command);
	} else if (args_has(&args, "completion")) {
		args_print_completion(stdout, &navagent_command, args_get(&args, "completion"));
	} else if (args_has(&args, "version")) {
		printf("navagent %s\n", version_text());
	} else {
		status = run(&args, &a);
	}
	arena_fini(&a);
	return status;
}
