/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "base/arena.h"
#include "base/args.h"
#include "base/log.h"
#include "base/must.h"
#include "base/scalar.h"
#include "ev/file.h"
#include "server/version.h"

static const struct args_option options[] = {
    {"ca-address", 0, "URL", "Who signs: https://HOST:PORT of navarchd's secure port; $CA_ADDR, else https://istiod.istio-system.svc:15012."},
    {"server-name", 0, "NAME", "The name in its certificate, when it is not HOST."},
    {"ca-file", 0, "FILE", "Whom to trust for that; /var/run/secrets/istio/root-cert.pem."},
    {"token-file", 0, "FILE", "A token that says who we are, read again each time."},
    {"join-token-file", 0, "FILE", "A join token (navctl token create), for the first certificate; the next are asked for with the one before."},
    {"cert-dir", 0, "DIR", "Keeps the pair: cert-chain.pem, key.pem, root-cert.pem. What is there is used while it is good. Else the key is in memory only."},
    {"ttl", 0, "DURATION", "Life of the certificate; $SECRET_TTL, else as the CA likes (24h)."},
    {"grace-ratio", 0, "NUMBER", "Part of its life that is left when it is renewed; $SECRET_GRACE_PERIOD_RATIO, else 0.5."},
    {"run-dir", 0, "DIR", "Sockets and files of this agent, made if missing; /var/run/navagent."},
    {"log-level", 0, "debug|info|warn|error", "Least level that is logged; info."},
    {"log-format", 0, "text|json", "Form of the log."},
    {"man", 0, NULL, "Print the manual page."},
    {"version", 0, NULL, "Print the version."},
};

static const struct args_command command = {
    .name = "navagent",
    .summary = "The Navarch agent beside an Envoy",
    .operands = "",
    .text = "Makes a key, gets and renews its certificate, and serves both to Envoy on a Unix socket (SDS: default, ROOTCA, "
	    "file-cert:CERT~KEY, file-root:CA). Signals: SIGTERM and SIGINT stop.",
    .options = options,
    .n_options = ARRAY_LEN(options),
};

/* As given, or in the environment, or otherwise; the last two may be NULL. */
static const char *get(const struct args *args, const char *name, const char *env, const char *otherwise)
{
	const char *value = args_get(args, name);

	if (!value && env)
		value = getenv(env);
	return value && *value ? value : otherwise;
}

static void set_log(const struct args *args)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	const char *level = get(args, "log-level", NULL, "info");

	for (int i = 0; i < 4; i++)
		if (!strcmp(level, levels[i]))
			log_set_level((enum log_level)i);
	log_set_json(!strcmp(get(args, "log-format", NULL, "text"), "json"));
}

static int fill_credential(const struct args *args, struct credential_opts *o, struct err *e)
{
	const char *ttl = get(args, "ttl", "SECRET_TTL", NULL), *ratio = get(args, "grace-ratio", "SECRET_GRACE_PERIOD_RATIO", "0.5");
	int64_t ttl_ns = 0;
	char *end;

	*o = (struct credential_opts){
	    .url = get(args, "ca-address", "CA_ADDR", "https://istiod.istio-system.svc:15012"),
	    .server_name = args_get(args, "server-name"),
	    .ca_file = get(args, "ca-file", NULL, "/var/run/secrets/istio/root-cert.pem"),
	    .token_file = args_get(args, "token-file"),
	    .join_token_file = args_get(args, "join-token-file"),
	    .cert_dir = args_get(args, "cert-dir"),
	    .left = strtod(ratio, &end),
	};
	if (*end || !(o->left > 0 && o->left < 1))
		return err_set(e, ERR_SYNTAX, "--grace-ratio is a number between 0 and 1");
	if (ttl && (scalar_duration_ns(ttl, &ttl_ns) || ttl_ns < 1000000000))
		return err_set(e, ERR_SYNTAX, "--ttl is a duration of a second or more");
	o->ttl_s = ttl_ns / 1000000000;
	return 0;
}

static int run(const struct args *args, struct arena *a)
{
	const char *run_dir = get(args, "run-dir", NULL, "/var/run/navagent");
	struct agent_opts opts = {.sds_socket = arena_printf(a, "%s/sds.sock", run_dir)};
	struct err e;

	set_log(args);
	if (fill_credential(args, &opts.credential, &e)) {
		fprintf(stderr, "navagent: %s\n", e.text);
		return 2;
	}
	if (file_make_dir(run_dir, 0700, &e) || agent_run(&opts, &e)) {
		fprintf(stderr, "navagent: %s\n", e.text);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct arena a;
	struct args args;
	struct err e;
	int status = 0;

	arena_init(&a, 0);
	if (args_parse(&command, argc - 1, argv + 1, &a, &args, &e)) {
		fprintf(stderr, "navagent: %s\n", e.text);
		status = 2;
	} else if (args.help) {
		args_print_help(stdout, &command);
	} else if (args_has(&args, "man")) {
		args_print_man(stdout, &command);
	} else if (args_has(&args, "version")) {
		printf("navagent %s\n", version_text());
	} else {
		status = run(&args, &a);
	}
	arena_fini(&a);
	return status;
}
