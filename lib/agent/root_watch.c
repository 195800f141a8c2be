/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/root_watch.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"

enum { ANSWER_MAX = 2 * 1024 * 1024, TRUSTED_MAX = 2 * 1024 * 1024, CALL_MS = 20 * 1000, SOON_MS = 1000 };

struct root_watch {
	struct loop *loop;
	struct http_client *client;
	struct credential *credential;
	struct root_watch_opts opts;
	struct loop_timer timer;
	struct http_call *call; /* or NULL */
	struct http_whole got;
	uint64_t had; /* number of the bundle that was taken over last; 0: none yet */
};

static void look(void *arg);

static void look_in(struct root_watch *w, int64_t ms)
{
	uint8_t random = 0;

	loop_random(w->loop, &random, sizeof(random)); /* it only spreads requests */
	loop_timer_start(w->loop, &w->timer, ms - ms * random / 1024, look, w);
}

static bool is_same(const char *a, const char *b)
{
	return !a == !b && (!a || !strcmp(a, b));
}

/* Whether there was another bundle. */
static bool take(struct root_watch *w, json_t *answer, struct err *e)
{
	const char *roots = json_string_value(json_object_get(answer, "roots"));
	const char *crl = json_string_value(json_object_get(answer, "crl"));
	json_int_t bundle = json_integer_value(json_object_get(answer, "bundle"));
	const struct credential_pair *pair = credential_get(w->credential);
	bool is_new;

	*e = (struct err){0};
	if (!roots || bundle <= 0) {
		err_set(e, ERR_SYNTAX, "the answer about roots is none");
		return false;
	}
	if (pair && (!is_same(pair->roots, roots) || !is_same(pair->crl, crl)) && credential_set_roots(w->credential, roots, crl, e))
		return false;
	is_new = w->had != (uint64_t)bundle;
	w->had = (uint64_t)bundle;
	return is_new;
}

/* A control plane that is away is told of by whoever renews. */
static void on_ended(void *arg, const struct err *why)
{
	struct root_watch *w = arg;
	json_t *answer = NULL;
	bool is_new = false;
	struct err e;

	w->call = NULL;
	if (!why && w->got.answer.status == 200 && !w->got.body.failed) {
		answer = json_loadb(w->got.body.p ? w->got.body.p : "", w->got.body.n, JSON_REJECT_DUPLICATES, NULL);
		is_new = take(w, answer, &e);
		if (!is_new && e.code)
			log_warn("cert", "the roots stay as they are: %s", e.text);
	}
	json_decref(answer);
	look_in(w, is_new ? SOON_MS : w->opts.every_ms);
}

static const struct http_call_events events = {.ended = on_ended};

static void ask(struct root_watch *w, const struct credential_pair *pair)
{
	struct http_tls tls = {.server_name = w->opts.server_name, .cert = pair->chain, .key = pair->key};
	struct buf trusted;
	char url[700];
	struct err e;

	buf_init(&trusted, TRUSTED_MAX);
	snprintf(url, sizeof(url), "%s/v1/roots", w->opts.url);
	if (w->had)
		snprintf(url + strlen(url), 40, "?have=%llu", (unsigned long long)w->had);
	if (!credential_trusted(w->credential, &trusted, &e)) {
		tls.ca = buf_cstr(&trusted);
		w->call = http_call_start(w->client, &(struct http_call_opts){.method = "GET",
									      .url = url,
									      .tls = &tls,
									      .proxy = "",
									      .total_ms = CALL_MS,
									      .events = &events,
									      .whole = &w->got,
									      .arg = w});
	}
	buf_fini(&trusted);
}

static void look(void *arg)
{
	struct root_watch *w = arg;
	const struct credential_pair *pair = credential_get(w->credential);

	if (pair && !w->call && credential_state(w->credential) == RENEW_GOOD)
		ask(w, pair);
	if (!w->call)
		look_in(w, pair ? w->opts.every_ms : SOON_MS);
}

struct root_watch *root_watch_new(struct loop *l, struct http_client *client, struct credential *credential,
				  const struct root_watch_opts *o)
{
	struct root_watch *w = calloc(1, sizeof(*w));

	must(w && "out of memory");
	*w = (struct root_watch){.loop = l, .client = client, .credential = credential, .opts = *o};
	if (!w->opts.every_ms)
		w->opts.every_ms = ROOT_WATCH_MS;
	buf_init(&w->got.body, ANSWER_MAX);
	look_in(w, w->opts.every_ms);
	return w;
}

void root_watch_free(struct root_watch *w)
{
	if (!w)
		return;
	loop_timer_stop(w->loop, &w->timer);
	http_call_cancel(w->call);
	buf_fini(&w->got.body);
	free(w);
}
