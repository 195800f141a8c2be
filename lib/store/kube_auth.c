/* SPDX-License-Identifier: Apache-2.0 */
#include "store/kube_auth.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/log.h"
#include "base/must.h"
#include "base/scalar.h"
#include "ev/file.h"
#include "ev/process.h"

enum {
	SECRET_MAX = 1024 * 1024,
	EXEC_TIMEOUT_MS = 60000,
	EXEC_EVERY_MS = 5000,		/* a program that gives what the server refuses is not asked more often */
	EXPIRY_SLACK_MS = 10000,	/* credentials are not used so shortly before they end */
};

struct kube_auth {
	struct loop *loop;
	const struct kube_access *access;
	loop_fn *ready;
	void *arg;
	/* of the program */
	struct process *process;
	struct arena arena;		/* of what it gave */
	const char *token, *cert, *key;
	int64_t expires_ns;		/* wall clock; 0 = never */
	int64_t asked_ms;
	bool has, asked_once, failed;
	struct err why;
};

struct kube_auth *kube_auth_new(struct loop *l, const struct kube_access *access, loop_fn *ready, void *arg)
{
	struct kube_auth *auth = calloc(1, sizeof(*auth));

	must(auth && "out of memory");
	*auth = (struct kube_auth){.loop = l, .access = access, .ready = ready, .arg = arg};
	return auth;
}

void kube_auth_free(struct kube_auth *auth)
{
	if (!auth)
		return;
	process_cancel(auth->process);
	arena_fini(&auth->arena);
	free(auth);
}

/* ---- the program ---- */

#define ROWS_ec_status(X, T)                                                                       \
	X(T, STR, token, "token", _, 0, "Bearer token.")                                           \
	X(T, STR, cert, "clientCertificateData", _, 0, "PEM.")                                     \
	X(T, STR, key, "clientKeyData", _, 0, "PEM.")                                              \
	X(T, STR, expires, "expirationTimestamp", _, 0, "Until when.")
SCHEMA_STRUCT(ec_status)
SCHEMA_TABLE_OPEN(ec_status, true)
#define ROWS_ec_credential(X, T)                                                                   \
	X(T, STR, kind, "kind", _, 0, "ExecCredential.")                                           \
	X(T, STR, api_version, "apiVersion", _, 0, "As asked for.")                                \
	X(T, MSG, status, "status", ec_status, 0, "Credentials.")
SCHEMA_STRUCT(ec_credential)
SCHEMA_TABLE_OPEN(ec_credential, true)

/* 0 = never, which is what a year beyond our clock means. -1: no time. */
static int read_expiry(const char *text, int64_t *ns)
{
	*ns = 0;
	if (!text || !scalar_time_ns(text, ns))
		return 0;
	return strspn(text, "0123456789") == 4 && strncmp(text, "2262", 4) >= 0 ? 0 : -1;
}

static int take_output(struct kube_auth *auth, const struct buf *out, struct err *e)
{
	static const struct node none = {.kind = NODE_NULL};
	const struct ec_credential *c;
	struct node_doc doc;
	struct diags ds;

	arena_fini(&auth->arena);
	arena_init(&auth->arena, 0);
	auth->has = false;
	diags_init(&ds, &auth->arena);
	doc = node_parse_json(out->p ? out->p : "", out->n, NULL, &auth->arena, &ds);
	c = schema_decode(&schema_ec_credential, doc.root ? doc.root : &none, "", SCHEMA_LENIENT, &auth->arena, &ds);
	if (ds.nerrors || !c->kind || strcmp(c->kind, "ExecCredential") != 0 || !c->api_version ||
	    strcmp(c->api_version, auth->access->exec->api_version) != 0)
		return err_set(e, ERR_SYNTAX, "it prints no ExecCredential of %.80s", auth->access->exec->api_version);
	if (!c->status || (!c->status->token && !(c->status->cert && c->status->key)))
		return err_set(e, ERR_SYNTAX, "it gives neither a token nor a certificate with its key");
	auth->token = c->status->token;
	auth->cert = c->status->key ? c->status->cert : NULL;
	auth->key = c->status->cert ? c->status->key : NULL;
	if (read_expiry(c->status->expires, &auth->expires_ns))
		return err_set(e, ERR_SYNTAX, "it prints no ExecCredential: expirationTimestamp is no time");
	auth->has = true;
	return 0;
}

static void asked(void *arg, struct buf *out, const struct err *why)
{
	struct kube_auth *auth = arg;
	const char *hint = auth->access->exec->install_hint;
	struct err e;

	auth->process = NULL;
	if (why)
		e = *why;
	auth->failed = why || take_output(auth, out, &e);
	if (auth->failed) {
		err_wrap(&e, "%s", auth->access->exec->argv[0]);
		auth->why = e;
		log_warn("kube", "credentials: %s%s%s", e.text, hint ? "; " : "", hint ? hint : "");
	}
	auth->ready(auth->arg);
}

static bool is_current(const struct kube_auth *auth)
{
	return auth->has && (!auth->expires_ns ||
			     loop_wall_ns(auth->loop) < auth->expires_ns - (int64_t)EXPIRY_SLACK_MS * 1000000);
}

static enum kube_auth_state ask(struct kube_auth *auth, struct err *e)
{
	struct process_opts o = {.argv = auth->access->exec->argv,
				 .env = auth->access->exec->env,
				 .timeout_ms = EXEC_TIMEOUT_MS,
				 .out_max = SECRET_MAX,
				 .ended = asked,
				 .arg = auth};

	if (is_current(auth))
		return KUBE_AUTH_READY;
	if (auth->process)
		return KUBE_AUTH_WAITING;
	if (auth->failed || (auth->asked_once && loop_now_ms(auth->loop) < auth->asked_ms + EXEC_EVERY_MS)) {
		*e = auth->why;
		if (!auth->failed)
			err_set(e, ERR_REFUSED, "%s: asked just now", auth->access->exec->argv[0]);
		auth->failed = false;	/* the next one asks again */
		return KUBE_AUTH_FAILED;
	}
	auth->asked_ms = loop_now_ms(auth->loop);
	auth->asked_once = true;
	auth->process = process_start(auth->loop, &o, e);
	return auth->process ? KUBE_AUTH_WAITING : KUBE_AUTH_FAILED;
}

void kube_auth_refused(struct kube_auth *auth)
{
	auth->has = false;
}

/* ---- files ---- */

/* The text of a file, without the space around it; NULL and e if it cannot be read. */
static const char *read_secret(const char *path, struct arena *a, struct err *e)
{
	const char *text = NULL;
	struct buf b;

	buf_init(&b, SECRET_MAX);
	if (!file_read(path, &b, e)) {
		while (b.n && (unsigned char)b.p[b.n - 1] <= ' ')
			b.n--;
		text = arena_strndup(a, b.p ? b.p : "", b.n);
		if (!*text || strlen(text) != b.n) {
			err_set(e, ERR_SYNTAX, "%.200s is empty or holds a NUL character", path);
			text = NULL;
		}
	}
	if (b.p)
		explicit_bzero(b.p, b.n);
	buf_fini(&b);
	return text;
}

/* The text, or what stands in the file; both absent is fine. */
static int take_text(const char *text, const char *file, struct arena *a, const char **out, struct err *e)
{
	*out = text;
	if (!text && file)
		*out = read_secret(file, a, e);
	return !*out && file ? -1 : 0;
}

static const char *basic(const struct kube_access *access, struct arena *a)
{
	const char *plain = arena_printf(a, "%s:%s", access->user, access->password);
	size_t n = strlen(plain);
	char *out = arena_alloc(a, BASE64_SIZE(n) + 1);

	out[base64_encode(BASE64_PLAIN, (const uint8_t *)plain, n, out)] = '\0';
	return arena_printf(a, "Authorization: Basic %s", out);
}

/* A token with a line break in it would be another header. */
static bool is_token(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s == '\x7f')
			return false;
	return true;
}

enum kube_auth_state kube_auth_fill(struct kube_auth *auth, struct arena *a, struct kube_credentials *out, struct err *e)
{
	const struct kube_access *access = auth->access;
	const char *token;

	*out = (struct kube_credentials){.tls.server_name = access->server_name};
	if (take_text(access->ca, access->ca_file, a, &out->tls.ca, e) ||
	    take_text(access->cert, access->cert_file, a, &out->tls.cert, e) ||
	    take_text(access->key, access->key_file, a, &out->tls.key, e) ||
	    take_text(access->token, access->token_file, a, &token, e))
		return KUBE_AUTH_FAILED;
	if (!token && access->exec) {
		enum kube_auth_state state = ask(auth, e);

		if (state != KUBE_AUTH_READY)
			return state;
		token = auth->token;
		out->tls.cert = auth->cert ? auth->cert : out->tls.cert;
		out->tls.key = auth->key ? auth->key : out->tls.key;
	}
	if (token && !is_token(token)) {
		err_set(e, ERR_SYNTAX, "the bearer token has a character that no token has");
		return KUBE_AUTH_FAILED;
	}
	if (token)
		out->header = arena_printf(a, "Authorization: Bearer %s", token);
	else if (access->user)
		out->header = basic(access, a);
	return KUBE_AUTH_READY;
}
