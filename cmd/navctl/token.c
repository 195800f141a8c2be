/* SPDX-License-Identifier: Apache-2.0
 *
 * Join tokens: a file in the daemon's state directory, for whoever may write there; no daemon is
 * asked.
 */
#include "cmd.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/must.h"
#include "base/scalar.h"
#include "ca/join.h"
#include "ev/file.h"

static int parse_identity(const char *text, struct spiffe_id *id, struct arena *a, struct err *e)
{
	const char *slash = text ? strchr(text, '/') : NULL;

	if (!slash)
		return err_set(e, ERR_SYNTAX, "--identity is NAMESPACE/SERVICE-ACCOUNT");
	return spiffe_make("any", arena_strndup(a, text, (size_t)(slash - text)), slash + 1, id, e);
}

static int parse_ttl(const char *text, int64_t *seconds, struct err *e)
{
	int64_t ns;

	if (scalar_duration_ns(text ? text : "10m", &ns) || ns < 1000000000 ||
	    ns / 1000000000 > JOIN_TTL_MAX_S)
		return err_set(e, ERR_SYNTAX, "--ttl is a duration from 1s to 24h");
	*seconds = ns / 1000000000;
	return 0;
}

static int create(const char *state_dir, const struct spiffe_id *id, int64_t ttl_s, struct arena *a,
		  char token[JOIN_TEXT], struct err *e)
{
	uint8_t random[JOIN_RANDOM];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_errno(e, "no random bytes");
	if (file_make_dir(state_dir, 0700, e))
		return -1;
	return join_make(arena_printf(a, "%s/join", state_dir), id, time(NULL) + ttl_s, random,
			 token, e);
}

static int run(const struct args *args, struct arena *a)
{
	const char *form = args_get(args, "output"), *state_dir = args_get(args, "state-dir");
	char token[JOIN_TEXT];
	struct spiffe_id id;
	int64_t ttl_s;
	struct err e;

	if (args->n_operands != 1 || strcmp(args->operands[0], "create") || !state_dir) {
		fprintf(stderr, "navctl token: 'create' and --state-dir are needed\n");
		return CMD_USAGE;
	}
	if (parse_identity(args_get(args, "identity"), &id, a, &e) ||
	    parse_ttl(args_get(args, "ttl"), &ttl_s, &e)) {
		fprintf(stderr, "navctl token: %s\n", e.text);
		return CMD_USAGE;
	}
	if (create(state_dir, &id, ttl_s, a, token, &e)) {
		fprintf(stderr, "navctl token: %s\n", e.text);
		return CMD_FINDINGS;
	}
	if (form && !strcmp(form, "json"))
		printf("{\"token\":\"%s\",\"identity\":\"%s/%s\",\"ttlSeconds\":%lld}\n", token,
		       id.ns, id.sa, (long long)ttl_s);
	else
		printf("%s\n", token);
	return CMD_OK;
}

static const struct args_option options[] = {
    {"identity", 'i', "NS/SA", "Namespace and service account of the machine."},
    {"ttl", 0, "DURATION", "How long it is good; 10m, at most 24h."},
    {"state-dir", 0, "DIR", "The daemon's --state-dir; as the user whom the daemon runs as."},
    {"output", 'o', "text|json", "Form of the output."},
};

const struct cmd cmd_token = {
    .args = {.name = "navctl token",
	     .summary = "Make a join token for a machine without a cluster",
	     .operands = "create",
	     .text = "A token is good once, for a certificate of its identity: the machine sends "
		     "it with its certificate request, "
		     "as Authorization: Bearer TOKEN. The directory holds only a hash of it.",
	     .options = options,
	     .n_options = ARRAY_LEN(options),
	     .max_operands = 1},
    .run = run,
};
