/* SPDX-License-Identifier: Apache-2.0 */
#include "server/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "base/vec.h"
#include "ca/join.h"
#include "ev/file.h"

enum {
	QUIET_MS = 200,
	PATIENCE_MS = 2000, /* of changes on disk */
	SERVER_TTL_S = 24 * 3600,
	RETRY_MS = 10 * 1000,
	WARN_BEFORE_S = 30 * 24 * 3600,
	KEY_MAX = 16 * 1024,
};

/* By which Istio's agents and this machine's clients call us. */
static const char *const own_names[] = {
    "istiod.istio-system.svc",
    "istiod.istio-system.svc.cluster.local",
    "istiod",
    "istiod-remote.istio-system.svc",
    "istio-pilot.istio-system.svc",
    "navarch.istio-system.svc",
    "navarchd",
    "localhost",
    "127.0.0.1",
    "::1",
};

static int64_t now_s(const struct identity *id)
{
	return loop_wall_ns(id->loop) / 1000000000;
}

static char *join_path(const char *dir, const char *name)
{
	char *path = NULL;

	must(asprintf(&path, "%s/%s", dir, name) >= 0);
	return path;
}

/* ---- the certificate of the secure port ---- */

static int make_context(struct identity *id, const struct ca_issued *cert, const char *key,
			struct err *e)
{
	const struct tls_identity tls = {.chain = cert->chain,
					 .n_chain = cert->n_chain - 1,
					 .key = key,
					 .roots = ca_roots(id->ca),
					 .crl = roots_crl(id->roots)};
	struct tls_ctx *ctx = tls_ctx_new(&tls, e);

	if (!ctx)
		return -1;
	tls_ctx_unref(id->tls);
	id->tls = ctx;
	return 0;
}

static int issue_own(struct identity *id, int64_t *half_life_ms, struct err *e)
{
	VEC(const char *) names = {0};
	uint8_t serial[TBS_SERIAL];
	struct ca_issued cert;
	struct buf key;
	struct arena a;
	int status;

	arena_init(&a, 0);
	buf_init(&key, KEY_MAX);
	for (size_t i = 0; i < ARRAY_LEN(own_names); i++)
		*vec_push(&names, &a) = own_names[i];
	for (size_t i = 0; i < id->opts.n_server_names; i++)
		*vec_push(&names, &a) = id->opts.server_names[i];
	if (loop_random(id->loop, serial, sizeof(serial)))
		status = err_set(e, ERR_IO, "no random bytes");
	else
		status = ca_issue_server(id->ca, names.v, names.n, SERVER_TTL_S, serial, now_s(id),
					 &a, &cert, &key, e) ||
				 make_context(id, &cert, buf_cstr(&key), e)
			     ? -1
			     : 0;
	if (!status)
		*half_life_ms = (cert.not_after_s - now_s(id)) * 500;
	ca_cleanse(&key);
	arena_fini(&a);
	return status;
}

static void renew(void *arg);

/* Replicas that began together do not renew together. */
static void renew_in(struct identity *id, int64_t ms)
{
	uint8_t random = 0;

	loop_random(id->loop, &random, sizeof(random));
	loop_timer_start(id->loop, &id->renew, ms - ms * random / 2560, renew, id);
}

static int renew_now(struct identity *id, struct err *e)
{
	int64_t half_life_ms;

	if (issue_own(id, &half_life_ms, e))
		return -1;
	renew_in(id, half_life_ms);
	return 0;
}

static void renew(void *arg)
{
	struct identity *id = arg;
	struct err e;

	join_sweep(id->join_dir, now_s(id), &e); /* there may be none */
	if (ca_expires_s(id->ca) - now_s(id) < WARN_BEFORE_S)
		log_warn("ca", "%s expires in %lld hours", ca_subject(id->ca),
			 (long long)(ca_expires_s(id->ca) - now_s(id)) / 3600);
	if (renew_now(id, &e)) {
		log_error("ca", "the certificate of the secure port cannot be renewed: %s", e.text);
		renew_in(id, RETRY_MS);
		return;
	}
	if (id->renewed)
		id->renewed(id->arg);
}

/* ---- the CA ---- */

static void ca_changed(void *arg)
{
	struct identity *id = arg;

	roots_reload(id->roots);
}

/* Another issuer, or other roots that are trusted. */
static void roots_changed(void *arg)
{
	struct identity *id = arg;

	id->ca = roots_ca(id->roots);
	renew(id);
}

static void read_boot_id(char out[ROTATION_BOOT])
{
	struct buf text;
	struct err e;

	buf_init(&text, ROTATION_BOOT);
	file_read("/proc/sys/kernel/random/boot_id", &text, &e);
	snprintf(out, ROTATION_BOOT, "%.*s", (int)strcspn(buf_cstr(&text), " \n"), buf_cstr(&text));
	buf_fini(&text);
}

static int open_roots(struct identity *id, struct err *e)
{
	const struct identity_opts *o = &id->opts;
	const struct roots_opts opts = {.state_dir = o->state_dir,
					.ca_dir = o->ca_dir,
					.trust_domain = o->trust_domain,
					.boot_id = id->boot_id,
					.shared = o->ca_shared};

	read_boot_id(id->boot_id);
	id->roots = roots_open(id->loop, &opts, roots_changed, id, e);
	if (!id->roots)
		return -1;
	id->ca = roots_ca(id->roots);
	return 0;
}

/* ---- tokens ---- */

static int read_rules(struct identity *id, struct err *e)
{
	struct token_rules *rules = token_rules_open(id->opts.token_rules, e);

	if (!rules)
		return -1;
	token_rules_free(id->rules);
	id->rules = rules;
	id->authn.rules = token_rules_get(rules, &id->authn.n_rules);
	return 0;
}

static void rules_changed(void *arg)
{
	struct identity *id = arg;
	struct err e;

	if (read_rules(id, &e))
		log_error("authn", "%s; the rules before stay in force", e.text);
	else
		log_info("authn", "tokens of %zu issuers are taken", id->authn.n_rules);
}

/* The directory of the file: key sets lie there too. */
static int watch_rules(struct identity *id, struct err *e)
{
	const char *slash = strrchr(id->opts.token_rules, '/');
	char *dir = slash ? strndup(id->opts.token_rules, (size_t)(slash - id->opts.token_rules))
			  : strdup(".");

	must(dir && "out of memory");
	id->rules_watch = file_watch_open(id->loop, *dir ? dir : "/", QUIET_MS, PATIENCE_MS,
					  rules_changed, id, e);
	free(dir);
	return id->rules_watch ? 0 : -1;
}

/* ---- life ---- */

static int take_state_dir(struct identity *id, struct err *e)
{
	const char *dir = id->opts.state_dir;
	char *path = join_path(dir, "lock");

	id->lock = file_make_dir(dir, 0700, e) ? -1 : file_lock(path, e);
	free(path);
	if (id->lock < 0 && e->code == ERR_REFUSED)
		return err_wrap(e, "each navarchd has a --state-dir of its own; replicas share --ca-dir");
	return id->lock < 0 ? -1 : 0;
}

static int open_all(struct identity *id, struct err *e)
{
	const struct identity_opts *o = &id->opts;

	if (trust_init(&id->authn.trust, o->trust_domain, o->aliases, o->n_aliases, e) || take_state_dir(id, e))
		return -1;
	id->join_dir = join_path(o->state_dir, "join");
	if (open_roots(id, e) || renew_now(id, e))
		return -1;
	if (o->ca_dir) {
		id->ca_watch =
		    file_watch_open(id->loop, o->ca_dir, QUIET_MS, PATIENCE_MS, ca_changed, id, e);
		if (!id->ca_watch)
			return -1;
	}
	if (o->token_rules && (read_rules(id, e) || watch_rules(id, e)))
		return -1;
	join_sweep(id->join_dir, now_s(id), e); /* there may be none */
	log_info("ca", "issuing for %s from %s, good until %lld", o->trust_domain,
		 ca_subject(id->ca), (long long)ca_expires_s(id->ca));
	return 0;
}

struct identity *identity_open(struct loop *l, const struct identity_opts *opts, loop_fn *renewed,
			       void *arg, struct err *e)
{
	struct identity *id = calloc(1, sizeof(*id));

	must(id && "out of memory");
	id->loop = l;
	id->lock = -1;
	id->opts = *opts;
	id->authz = (struct authz){opts->admins, opts->n_admins};
	buckets_init(&id->failures, 100, 20);
	buckets_init(&id->signatures, 50, 1);
	if (open_all(id, e)) {
		identity_close(id);
		return NULL;
	}
	id->renewed = renewed;
	id->arg = arg;
	return id;
}

void identity_close(struct identity *id)
{
	if (!id)
		return;
	loop_timer_stop(id->loop, &id->renew);
	file_watch_close(id->ca_watch);
	file_watch_close(id->rules_watch);
	token_rules_free(id->rules);
	tls_ctx_unref(id->tls);
	roots_close(id->roots);
	if (id->lock >= 0)
		close(id->lock);
	free(id->join_dir);
	free(id);
}
