/* SPDX-License-Identifier: Apache-2.0 */
#include "report/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "base/vec.h"
#include "report/condition.h"
#include "store/kube_target.h"

enum { BODY_MAX = 2 * 1024 * 1024, REFUSALS_SHOWN = 3 };

#define ISTIO_CONDITION	   "Reconciled"
#define ANALYSIS_CONDITION "PassedAnalysis"
#define OWN_CONDITION	   "NavarchVerdict"
#define ISTIO_DOCS	   "https://istio.io/latest/docs/reference/config/analysis/"

/* ---- what is to be said ---- */

struct finding_list {
	const struct diag **v;
	size_t n, cap;
};

static void add_findings(struct finding_list *to, const struct diag *v, size_t n, enum diag_severity severity, struct arena *a)
{
	for (size_t i = 0; i < n; i++) {
		bool twice = v[i].severity != severity;

		for (size_t k = 0; k < to->n && !twice; k++)
			twice = to->v[k]->code == v[i].code && !strcmp(to->v[k]->path, v[i].path) &&
				!strcmp(to->v[k]->text, v[i].text);
		if (!twice)
			*vec_push(to, a) = &v[i];
	}
}

static void collect(const struct status_input *in, struct arena *a, struct status *out)
{
	const struct store_claim *c = in->claim;
	struct finding_list all = {0};

	for (int severity = DIAG_ERROR; severity >= DIAG_INFO; severity--) {
		size_t before = all.n;

		add_findings(&all, c->diags, c->n_diags, (enum diag_severity)severity, a);
		if (in->verdict && !c->invalid)
			add_findings(&all, in->verdict->why, in->verdict->n_why, (enum diag_severity)severity, a);
		if (c->obj && !c->invalid)
			add_findings(&all, c->obj->diags, c->obj->n_diags, (enum diag_severity)severity, a);
		if (severity == DIAG_ERROR)
			out->n_errors = all.n - before;
		else if (severity == DIAG_WARNING)
			out->n_warnings = all.n - before;
	}
	out->findings = all.v;
	out->n_findings = all.n;
}

static void put_refusals(const struct status_input *in, struct buf *b)
{
	for (size_t i = 0; i < in->n_refusals && i < REFUSALS_SHOWN; i++)
		buf_printf(b, "%s%s refuses %s: %s", b->n ? "; " : "", in->refusals[i].proxy, in->refusals[i].resource,
			   in->refusals[i].text);
	if (in->n_refusals > REFUSALS_SHOWN)
		buf_printf(b, "; and %zu more", in->n_refusals - REFUSALS_SHOWN);
}

/* Up to so many bytes, and no part of a character. */
static const char *cut(struct buf *b, size_t max, struct arena *a)
{
	const char *text = buf_cstr(b);
	size_t n = b->n;

	if (n > max) {
		for (n = max; n && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
			;
		return arena_printf(a, "%.*s...", (int)n, text);
	}
	return arena_strdup(a, text);
}

static const char *message_of(const struct status_input *in, const struct status *s, struct arena *a)
{
	struct buf b;
	const char *text;

	buf_init(&b, BODY_MAX);
	if (s->kept)
		buf_str(&b, "the last good form stays in force");
	put_refusals(in, &b);
	for (size_t i = 0; i < s->n_findings && b.n <= STATUS_MESSAGE_MAX; i++) {
		const struct diag *d = s->findings[i];

		buf_printf(&b, "%s%s %s%s%s", b.n ? "; " : "", diag_info(d->code)->id, d->path, *d->path ? ": " : "", d->text);
	}
	text = cut(&b, STATUS_MESSAGE_MAX, a);
	buf_fini(&b);
	return text;
}

void status_build(const struct status_input *in, struct arena *a, struct status *out)
{
	*out = (struct status){.state = in->verdict ? in->verdict->state : VERDICT_QUARANTINED,
			       .rejected = in->n_refusals > 0,
			       .generation = in->generation};
	if (in->claim->invalid) {
		out->state = VERDICT_QUARANTINED;
		out->kept = in->claim->obj != NULL;
	}
	collect(in, a, out);
	out->reason = out->rejected && out->state != VERDICT_QUARANTINED ? "Rejected" : verdict_state_name(out->state);
	out->message = message_of(in, out, a);
	out->hash = hash_mix_str(hash_bytes(out->reason, strlen(out->reason)), out->message);
	out->hash = hash_mix_u64(out->hash, (uint64_t)out->generation);
	for (size_t i = 0; i < out->n_findings; i++)
		out->hash = hash_mix_u64(out->hash, (uint64_t)out->findings[i]->code);
}

bool status_is_bad(const struct status *s)
{
	return s->state == VERDICT_QUARANTINED || s->rejected;
}

/* ---- how it is written ---- */

static const char *analysis_message(const struct status *s, struct arena *a)
{
	if (!s->n_errors && !s->n_warnings)
		return "";
	return arena_printf(a, "%zu Error%s and %zu Warning%s found. See validationMessages field for details", s->n_errors,
			    s->n_errors == 1 ? "" : "s", s->n_warnings, s->n_warnings == 1 ? "" : "s");
}

static void put_conditions(struct buf *b, const struct status *s, const struct node *old, const char *now, struct arena *a)
{
	bool runs = !s->rejected && s->state != VERDICT_QUARANTINED && s->state != VERDICT_SHADOWED;
	bool passed = !s->n_errors && !s->n_warnings;
	const struct condition own[] = {
		{ISTIO_CONDITION, runs, s->reason, s->message},
		{ANALYSIS_CONDITION, passed, passed ? "noErrorsFound" : "errorsFound", analysis_message(s, a)},
		{OWN_CONDITION, s->state == VERDICT_EFFECTIVE && !s->rejected, s->reason, s->message},
	};

	conditions_put(b, own, ARRAY_LEN(own), s->generation, old, now);
}

static void put_messages(struct buf *b, const struct status *s)
{
	static const char *const levels[] = {[DIAG_INFO] = "INFO", [DIAG_WARNING] = "WARNING", [DIAG_ERROR] = "ERROR"};

	buf_char(b, '[');
	for (size_t i = 0; i < s->n_findings && i < STATUS_MESSAGES_MAX; i++) {
		const struct diag_info *info = diag_info(s->findings[i]->code);

		buf_printf(b, "%s{\"type\":{\"code\":\"%s\"},\"level\":\"%s\"", i ? "," : "", info->id,
			   levels[s->findings[i]->severity]);
		if (!strncmp(info->id, "IST", 3))	/* Istio's pages have small letters */
			buf_printf(b, ",\"documentationUrl\":\"" ISTIO_DOCS "ist%s/\"", info->id + 3);
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

/* What the three fields should be, as one map. A member that is null is not to be there. */
static void put_fields(struct buf *b, const struct status *s, const struct node *old, int64_t wall_ns, struct arena *a)
{
	char now[SCALAR_TIME];

	buf_str(b, "{\"conditions\":");
	put_conditions(b, s, node_get(old, "conditions"), scalar_time_print(wall_ns / 1000000000, now), a);
	buf_str(b, ",\"validationMessages\":");
	if (s->n_findings)
		put_messages(b, s);
	else
		buf_str(b, "null");
	buf_str(b, ",\"observedGeneration\":");
	if (s->generation)
		buf_printf(b, "%" PRId64, s->generation);
	else
		buf_str(b, "null");
	buf_char(b, '}');
}

/* Those of others are as they were, however many they are. */
static bool has_conditions(const struct node *is, const struct node *want)
{
	static const char *const own[] = {ISTIO_CONDITION, ANALYSIS_CONDITION, OWN_CONDITION};

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		const struct node *c = condition_find(is, own[i]);

		if (!c || !node_equal(c, condition_find(want, own[i])))
			return false;
	}
	return true;
}

static bool has_fields(const struct node *old, const struct node *wanted)
{
	if (!has_conditions(node_get(old, "conditions"), node_get(wanted, "conditions")))
		return false;
	for (size_t i = 0; i < wanted->n; i++) {
		const struct node *is = node_get(old, wanted->map[i].key), *want = &wanted->map[i].value;

		if (!strcmp(wanted->map[i].key, "conditions"))
			continue;
		if (want->kind == NODE_NULL ? is && is->kind != NODE_NULL : !is || !node_equal(is, want))
			return false;
	}
	return true;
}

static bool was_said(const struct status *s, const struct node *old)
{
	const struct node *c = condition_find(node_get(old, "conditions"), OWN_CONDITION);
	const char *reason = node_text(c, "reason"), *message = node_text(c, "message");

	return reason && message && !strcmp(reason, s->reason) && !strcmp(message, s->message);
}

bool status_patch(const struct status *s, const struct node *root, int64_t wall_ns, struct buf *out, bool *news)
{
	const struct node *old = node_get(root, "status"), *wanted;
	const char *version = node_text(node_get(root, "metadata"), "resourceVersion");
	struct arena a;
	struct diags ds;
	struct buf fields;
	bool due;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	buf_init(&fields, BODY_MAX);
	put_fields(&fields, s, old, wall_ns, &a);
	wanted = node_parse_json(buf_cstr(&fields), fields.n, NULL, &a, &ds).root;
	due = wanted && !fields.failed && !has_fields(old, wanted);
	*news = status_is_bad(s) && !was_said(s, old);
	if (due) {
		kube_patch_begin_status(out, version);
		buf_append(out, fields.p, fields.n);
		buf_char(out, '}');
	}
	buf_fini(&fields);
	arena_fini(&a);
	return due;
}
