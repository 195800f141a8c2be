/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/credential.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "ca/ca.h"
#include "ca/crl.h"
#include "ca/own_key.h"
#include "ev/file.h"

enum {
	KEY_MAX = 16 * 1024, TOKEN_MAX = 16 * 1024, PEM_MAX = 1024 * 1024,
	ANSWER_MAX = 2 * 1024 * 1024,
	CALL_MS = 20 * 1000,
	WHY_MAX = 200, PATH_ROOM = 4096, NAME_ROOM = 32,
};

/* A pair whose texts are its own. */
struct held {
	struct buf key, chain, roots, crl;
	struct credential_pair pair;
};

struct credential {
	struct credential_opts opts;
	struct loop *loop;
	struct http_client *client;
	struct renew renew;
	struct loop_timer timer;
	struct held *held;		/* or NULL */
	/* the request under way */
	struct http_call *call;
	struct held *next;		/* its key; chain and roots when they are here */
	struct http_whole got;
	struct credential_stats stats;
};

static struct held *held_new(void)
{
	struct held *h = calloc(1, sizeof(*h));

	must(h && "out of memory");
	buf_init(&h->key, KEY_MAX);
	buf_init(&h->chain, PEM_MAX);
	buf_init(&h->roots, PEM_MAX);
	buf_init(&h->crl, CRL_TEXT_MAX);
	return h;
}

static void held_free(struct held *h)
{
	if (!h)
		return;
	ca_cleanse(&h->key);
	buf_fini(&h->chain);
	buf_fini(&h->roots);
	buf_fini(&h->crl);
	free(h);
}

static struct renew_time now_of(const struct credential *c)
{
	return (struct renew_time){loop_now_ms(c->loop), loop_wall_ns(c->loop) / 1000000};
}

static uint32_t random_of(struct credential *c)
{
	uint32_t random = 0;

	if (loop_random(c->loop, &random, sizeof(random)))
		random = (uint32_t)loop_clock_ns(c->loop);	/* it only spreads requests */
	return random;
}

/* Sets the rest of h from its texts, if they fit together. */
static int settle(struct held *h, int64_t now_s, struct err *e)
{
	struct own_key_dates dates;
	struct crl_info info;

	if (h->key.failed || h->chain.failed || h->roots.failed || h->crl.failed)
		return err_set(e, ERR_LIMIT, "a key or certificates that are too long");
	if (h->crl.n && crl_read(buf_cstr(&h->crl), &info, e))
		return err_wrap(e, "revoked certificates");
	if (own_key_check(buf_cstr(&h->key), buf_cstr(&h->chain), buf_cstr(&h->roots), now_s, &dates, e))
		return -1;
	h->pair = (struct credential_pair){.key = buf_cstr(&h->key),
					   .chain = buf_cstr(&h->chain),
					   .roots = buf_cstr(&h->roots),
					   .crl = h->crl.n ? buf_cstr(&h->crl) : NULL,
					   .not_before_s = dates.not_before_s,
					   .not_after_s = dates.not_after_s};
	return 0;
}

/* ---- the directory ---- */

enum { KEY, CHAIN, ROOTS, CRL, PARTS }; /* the last one may be missing */

static const char *const part_names[PARTS] = {"key.pem", "cert-chain.pem", "root-cert.pem", "ca-crl.pem"};

static struct buf *part_of(struct held *h, size_t i)
{
	struct buf *const parts[PARTS] = {&h->key, &h->chain, &h->roots, &h->crl};

	return parts[i];
}

static void path_of(const struct credential *c, size_t part, char out[PATH_ROOM])
{
	snprintf(out, PATH_ROOM, "%s/%s", c->opts.cert_dir, part_names[part]);
}

/* What is of no use is said and left alone: the next certificate takes its place. */
static void load(struct credential *c)
{
	struct held *h = held_new();
	char path[PATH_ROOM];
	int status = 0;
	struct err e;

	for (size_t i = 0; i < PARTS && !status; i++) {
		path_of(c, i, path);
		status = file_read(path, part_of(h, i), &e);
		if (status && i == CRL && e.code == ERR_NOT_FOUND)
			status = 0;
	}
	if (!status)
		status = settle(h, loop_wall_ns(c->loop) / 1000000000, &e);
	if (!status) {
		c->held = h;
		renew_got(&c->renew, now_of(c), h->pair.not_after_s * 1000, random_of(c));
		return;
	}
	if (e.code != ERR_NOT_FOUND)
		log_warn("cert", "%s: not used: %s", c->opts.cert_dir, e.text);
	held_free(h);
}

static void save(struct credential *c, struct held *h)
{
	char path[PATH_ROOM];
	struct err e;

	for (size_t i = 0; i < PARTS; i++) {
		const struct buf *part = part_of(h, i);
		int status;

		path_of(c, i, path);
		status = i == CRL && !part->n ? file_remove(path, &e) : file_replace(path, part->p, part->n, i == KEY ? 0600 : 0644, &e);
		if (status && e.code != ERR_NOT_FOUND) {
			log_error("cert", "%s", e.text);
			return;
		}
	}
}

/* ---- one request ---- */

static void look(void *arg);

static void wait(struct credential *c)
{
	loop_timer_start(c->loop, &c->timer, renew_wait_ms(&c->renew, now_of(c)), look, c);
}

static void fail(struct credential *c, const struct err *why)
{
	static const char *const have[] = {
	    [RENEW_NONE] = "there is none yet", [RENEW_GOOD] = "the one before stays", [RENEW_EXPIRED] = "the one before has expired"};

	c->stats.failed++;
	log_warn("cert", "no new certificate: %s; %s", why->text, have[credential_state(c)]);
	held_free(c->next);
	c->next = NULL;
	renew_failed(&c->renew, now_of(c), c->got.answer.retry_after_ms, random_of(c));
	wait(c);
}

static int take_text(json_t *value, struct buf *out, struct err *e)
{
	if (!json_is_string(value))
		return err_set(e, ERR_SYNTAX, "the answer lacks certificates");
	buf_append(out, json_string_value(value), json_string_length(value));
	return 0;
}

static int take_answer(json_t *root, struct held *h, struct err *e)
{
	json_t *chain = json_object_get(root, "chain"), *crl = json_object_get(root, "crl"), *one;
	size_t i;

	json_array_foreach(chain, i, one)
		if (take_text(one, &h->chain, e))
			return -1;
	return take_text(json_object_get(root, "roots"), &h->roots, e) || (crl && take_text(crl, &h->crl, e)) ? -1 : 0;
}

/* What a problem report says, as far as it is one. */
static int refused(const struct credential *c, json_t *root, struct err *e)
{
	const char *detail = json_string_value(json_object_get(root, "detail"));

	return err_set(e, ERR_REFUSED, "%s answers %u%s%.*s", c->opts.url, c->got.answer.status, detail ? ": " : "", WHY_MAX,
		       detail ? detail : "");
}

static int read_answer(struct credential *c, struct err *e)
{
	json_t *root;
	int status;

	if (c->got.body.failed)
		return err_set(e, ERR_LIMIT, "the answer is longer than %d bytes", ANSWER_MAX);
	root = json_loadb(c->got.body.p ? c->got.body.p : "", c->got.body.n, JSON_REJECT_DUPLICATES, NULL);
	if (c->got.answer.status != 200)
		status = refused(c, root, e);
	else
		status = take_answer(root, c->next, e) || settle(c->next, loop_wall_ns(c->loop) / 1000000000, e) ? -1 : 0;
	json_decref(root);
	return status;
}

static void on_ended(void *arg, const struct err *why)
{
	struct credential *c = arg;
	struct held *before = c->held;
	struct err e;

	c->call = NULL;
	if (why || read_answer(c, &e)) {
		fail(c, why ? why : &e);
		return;
	}
	c->held = c->next;
	c->next = NULL;
	renew_got(&c->renew, now_of(c), c->held->pair.not_after_s * 1000, random_of(c));
	log_info("cert", "a certificate for %lld s is here", (long long)(c->held->pair.not_after_s - loop_wall_ns(c->loop) / 1000000000));
	if (c->opts.cert_dir)
		save(c, c->held);
	c->opts.changed(c->opts.arg);
	held_free(before);
	wait(c);
}

static const struct http_call_events events = {.ended = on_ended};

/* "Authorization: Bearer <what stands in the file>" */
static int read_token(const char *path, struct buf *out, struct err *e)
{
	static const char head[] = "Authorization: Bearer ";

	buf_str(out, head);
	if (file_read(path, out, e))
		return -1;
	while (out->n && isspace((unsigned char)out->p[out->n - 1]))
		out->n--;
	for (size_t i = sizeof(head) - 1; i < out->n; i++)
		if (out->p[i] <= ' ' || out->p[i] > '~')
			return err_set(e, ERR_SYNTAX, "%s is no token", path);
	return out->n == sizeof(head) - 1 ? err_set(e, ERR_SYNTAX, "%s is empty", path) : 0;
}

static int prove(struct credential *c, struct http_tls *tls, struct buf *header, struct err *e)
{
	if (c->opts.token_file)
		return read_token(c->opts.token_file, header, e);
	if (credential_state(c) == RENEW_GOOD) {
		tls->cert = c->held->pair.chain;
		tls->key = c->held->pair.key;
		return 0;
	}
	if (c->opts.join_token_file)
		return read_token(c->opts.join_token_file, header, e);
	return err_set(e, ERR_REFUSED, "there is no certificate that is good, and no token");
}

static char *print_body(const struct credential *c, const char *request)
{
	json_t *body = json_pack("{s:s}", "csr", request);
	char *text;

	must(body && "out of memory");
	if (c->opts.ttl_s)
		json_object_set_new(body, "ttlSeconds", json_integer(c->opts.ttl_s));
	text = json_dumps(body, JSON_COMPACT);
	must(text && "out of memory");
	json_decref(body);
	return text;
}

static void send_request(struct credential *c, const char *request, const struct http_tls *tls, struct buf *header)
{
	const char *headers[2] = {"Content-Type: application/json", buf_cstr(header)};
	char url[1024], *body = print_body(c, request);

	snprintf(url, sizeof(url), "%s/v1/certificates", c->opts.url);
	c->call = http_call_start(c->client, &(struct http_call_opts){
						 .method = "POST",
						 .url = url,
						 .headers = headers,
						 .n_headers = header->n ? 2 : 1,
						 .body = body,
						 .n_body = strlen(body),
						 .tls = tls,
						 .proxy = "",
						 .total_ms = CALL_MS,
						 .events = &events,
						 .whole = &c->got,
						 .arg = c,
					     });
	free(body);
}

/* Who may be the CA: whom the file names, which may be as old as this machine, and the roots that came with our last
 * certificate, of which one may be new. */
int credential_trusted(const struct credential *c, struct buf *out, struct err *e)
{
	if (file_read(c->opts.ca_file, out, e))
		return -1;
	if (c->held)
		buf_printf(out, "\n%s", c->held->pair.roots);
	return out->failed ? err_set(e, ERR_LIMIT, "%s is too long", c->opts.ca_file) : 0;
}

static int ask(struct credential *c, struct err *e)
{
	struct http_tls tls = {.server_name = c->opts.server_name};
	struct buf header, ca;
	const char *request;
	struct arena a;
	int status;

	arena_init(&a, 0);
	buf_init(&header, TOKEN_MAX);
	buf_init(&ca, 2 * PEM_MAX);
	c->next = held_new();
	c->got.answer.retry_after_ms = -1; /* until it is asked */
	status = credential_trusted(c, &ca, e) || prove(c, &tls, &header, e) ||
			 own_key_make(&c->next->key, &a, &request, e)
		     ? -1
		     : 0;
	if (!status) {
		tls.ca = buf_cstr(&ca);
		send_request(c, request, &tls, &header);
	}
	ca_cleanse(&header);
	buf_fini(&ca);
	arena_fini(&a);
	return status;
}

static void look(void *arg)
{
	struct credential *c = arg;
	struct err e;

	if (!renew_wait_ms(&c->renew, now_of(c))) {
		renew_asked(&c->renew);
		c->stats.asked++;
		if (ask(c, &e)) {
			fail(c, &e);
			return;
		}
	}
	wait(c);
}

/* ---- life ---- */

struct credential *credential_open(struct loop *l, struct http_client *client, const struct credential_opts *o, struct err *e)
{
	struct credential *c;

	if (strncmp(o->url, "https://", 8) || strlen(o->url) > 512) {
		err_set(e, ERR_SYNTAX, "the CA's address is a URL https://HOST:PORT");
		return NULL;
	}
	if (o->cert_dir && strlen(o->cert_dir) > PATH_ROOM - NAME_ROOM) {
		err_set(e, ERR_LIMIT, "%.100s...: too long a path", o->cert_dir);
		return NULL;
	}
	if (o->cert_dir && file_make_dir(o->cert_dir, 0700, e))
		return NULL;
	c = calloc(1, sizeof(*c));
	must(c && "out of memory");
	*c = (struct credential){.opts = *o, .loop = l, .client = client};
	buf_init(&c->got.body, ANSWER_MAX);
	renew_init(&c->renew, o->left);
	if (o->cert_dir)
		load(c);
	loop_timer_start(l, &c->timer, 0, look, c);
	return c;
}

void credential_close(struct credential *c)
{
	if (!c)
		return;
	loop_timer_stop(c->loop, &c->timer);
	http_call_cancel(c->call);
	held_free(c->held);
	held_free(c->next);
	buf_fini(&c->got.body);
	free(c);
}

int credential_set_roots(struct credential *c, const char *roots, const char *crl, struct err *e)
{
	struct held *h = held_new(), *before = c->held;

	must(before);
	buf_append(&h->key, before->key.p, before->key.n);
	buf_append(&h->chain, before->chain.p, before->chain.n);
	buf_str(&h->roots, roots);
	if (crl)
		buf_str(&h->crl, crl);
	if (settle(h, loop_wall_ns(c->loop) / 1000000000, e)) {
		held_free(h);
		return -1;
	}
	c->held = h;
	log_info("cert", "other roots are trusted, or other certificates revoked");
	if (c->opts.cert_dir)
		save(c, h);
	c->opts.changed(c->opts.arg);
	held_free(before);
	return 0;
}

const struct credential_pair *credential_get(const struct credential *c)
{
	return c->held ? &c->held->pair : NULL;
}

enum renew_state credential_state(const struct credential *c)
{
	return renew_state(&c->renew, now_of(c));
}

const struct credential_stats *credential_stats(const struct credential *c)
{
	return &c->stats;
}
