/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/must.h"
#include "store/kube_watch_int.h"

/* The frame of a page that has come whole. Why it is none, or NULL. */
static const char *take_page(struct kube_watch *w, int64_t now_ms)
{
	const char *why, *version, *token;
	const struct node *frame, *meta;

	frame = kube_watch_parse(w, w->list.frame.p, w->list.frame.n, NULL, &why);
	meta = frame ? node_get(frame, "metadata") : NULL;
	version = frame ? kube_watch_version_of(frame) : NULL;
	token = node_text(meta, "continue");
	if (!version || !*version || !node_get(frame, "items"))
		return "the answer is no list";
	buf_clear(&w->token);
	if (token && *token) {
		buf_str(&w->token, token);
		return w->token.failed ? "the token of the next page is too long" : NULL;
	}
	kube_watch_end_list(w, now_ms, frame);
	return NULL;
}

static void list_failed(struct kube_watch *w, int64_t now_ms, const char *why)
{
	if (w->mode == LIST_STREAM && w->status == 200 && ++w->stream_failures >= STREAM_FAILURES)
		w->no_stream = true;
	kube_watch_drop_list(w);
	kube_watch_to_list(w);
	kube_watch_back_off(w, now_ms, why);
}

/* A server that is older than lists by stream takes the request for a watch and never marks the end. */
static void no_end_mark(struct kube_watch *w, int64_t now_ms)
{
	w->no_stream = true;
	list_failed(w, now_ms, "the list has no end mark");
}

static void end_page(struct kube_watch *w, int64_t now_ms, const char *why)
{
	if (!why && !json_list_is_whole(&w->list))
		why = "the list is cut";
	if (!why)
		why = take_page(w, now_ms);
	if (why)
		list_failed(w, now_ms, why);
}

static void end_watch(struct kube_watch *w, int64_t now_ms, const struct err *why)
{
	bool silent = w->stats.events == w->events_before;

	if (w->gone_410) {
		kube_watch_to_list(w);
		/* all kinds of a server that was restarted come here at once */
		kube_watch_wait_about(w, now_ms, KUBE_BACKOFF_MS);
		return;
	}
	if (w->not_before_ms > now_ms)	/* it ended with an error that was told */
		return;
	if (silent && why && why->code == ERR_TIMEOUT && ++w->silent_watches >= SILENT_WATCHES)
		kube_watch_to_list(w);
	if (!silent)
		w->silent_watches = 0;
	if (now_ms - w->began_ms >= KUBE_BACKOFF_MAX_MS)
		w->failures = 0;
	if (why && why->code != ERR_TIMEOUT && why->code != ERR_CANCELLED)
		kube_watch_back_off(w, now_ms, why->text);
	else if (now_ms - w->began_ms < SHORT_WATCH_MS && !w->list_done)
		kube_watch_back_off(w, now_ms, "watches end at once");
	else
		kube_watch_all_is_well(w);
}

/* 404: the kind, or this version of it, is not there. */
static void end_missing(struct kube_watch *w, int64_t now_ms)
{
	kube_watch_drop_list(w);
	kube_watch_to_list(w);
	w->at_api = (w->at_api + 1) % w->n_api;
	if (w->at_api)			/* the next version, at once */
		return;
	if (w->absent_since_ms < 0)
		w->absent_since_ms = now_ms;
	w->forbidden_since_ms = -1;
	w->state = KUBE_ABSENT;
	kube_watch_tell_trouble(w, "the server does not have this kind");
	if (now_ms - w->absent_since_ms >= KUBE_VANISHED_MS && !w->vanished) {
		w->vanished = true;
		w->cfg.events->vanished(w->cfg.arg);
	}
	kube_watch_wait_about(w, now_ms, KUBE_ABSENT_RETRY_MS);
}

static void end_forbidden(struct kube_watch *w, int64_t now_ms, const char *why)
{
	kube_watch_drop_list(w);
	if (w->mode != WATCH)
		kube_watch_to_list(w);
	if (w->forbidden_since_ms < 0)
		w->forbidden_since_ms = now_ms;
	w->state = KUBE_FORBIDDEN;
	kube_watch_tell_trouble(w, why);
	/* soon at first: a young server does not have its roles yet */
	kube_watch_wait_about(w, now_ms,
			      now_ms - w->forbidden_since_ms < KUBE_FORBIDDEN_GRACE_MS ? KUBE_BACKOFF_MS * 2 : KUBE_ABSENT_RETRY_MS);
}

/* The text of an answer that is none, for people. */
static const char *refusal(struct kube_watch *w)
{
	const char *why, *message;
	const struct node *status = kube_watch_parse(w, w->line.p ? w->line.p : "", w->line.n, NULL, &why);

	message = status ? node_text(status, "message") : NULL;
	return arena_printf(&w->scratch, "status %u%s%.200s", w->status, message ? ": " : "", message ? message : "");
}

static void end_refused(struct kube_watch *w, int64_t now_ms)
{
	bool pages;

	switch (w->status) {
	case 400:
	case 422:
		if (w->mode != LIST_STREAM)
			break;
		w->no_stream = true;
		kube_watch_drop_list(w);
		kube_watch_to_list(w);
		return;
	case 403:
		end_forbidden(w, now_ms, refusal(w));
		return;
	case 404:
		end_missing(w, now_ms);
		return;
	case 410:
		/* pages that outlive the server's memory: all in one then */
		pages = w->mode == LIST_PAGES && w->token.n;
		kube_watch_drop_list(w);
		kube_watch_to_list(w);
		w->no_limit = pages;
		kube_watch_wait_about(w, now_ms, KUBE_BACKOFF_MS);
		return;
	default:
		break;
	}
	if (w->mode == WATCH)
		kube_watch_back_off(w, now_ms, refusal(w));
	else
		list_failed(w, now_ms, refusal(w));
}

void kube_watch_ended(struct kube_watch *w, int64_t now_ms, const struct err *why)
{
	struct arena_mark mark = arena_mark(&w->scratch);

	must(w->open);
	w->open = false;
	if (w->status && w->status != 200)
		end_refused(w, now_ms);
	else if (w->mode == LIST_PAGES)
		end_page(w, now_ms, why ? why->text : NULL);
	else if (w->mode == LIST_STREAM && (w->no_mark || (why && why->code == ERR_TIMEOUT && w->status == 200)))
		no_end_mark(w, now_ms);
	else if (w->mode == LIST_STREAM)
		list_failed(w, now_ms,
			    w->gone_410 ? "the list ends with 410" : why ? why->text : "the list ends before its end mark");
	else
		end_watch(w, now_ms, why);
	arena_rewind(&w->scratch, mark);
	buf_clear(&w->line);
}
