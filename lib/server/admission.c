/* SPDX-License-Identifier: Apache-2.0 */
#include "server/admission.h"

#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "model/object.h"

enum {
	NODES_MAX = 128 * 1024 * 1024, /* of one review */
	FINDINGS_MAX = 100,
	UID_MAX = 256,
	MESSAGE_ERRORS = 10, /* findings that the message tells of */
	PATH_SHOWN = 256,
	TEXT_SHOWN = 512,
	MESSAGE_MAX = 16 * 1024,
	/* beyond either the API server cuts or drops warnings */
	WARNING_MAX = 256,
	WARNINGS_MAX = 4096,
};

/* ---- what of a review is read ---- */

/* First everything but the object: what to read of that, its kind says. */
static const struct node_keep_key going_keys[] = {{.key = "deletionTimestamp"}};
static const struct node_keep going_keep = {.keys = going_keys, .n = ARRAY_LEN(going_keys)};
static const struct node_keep_key object_keys[] = {{.key = "metadata", .keep = &going_keep}};
static const struct node_keep object_head_keep = {.keys = object_keys, .n = ARRAY_LEN(object_keys)};
static const struct node_keep_key kind_keys[] = {{.key = "group"}, {.key = "version"}, {.key = "kind"}};
static const struct node_keep kind_keep = {.keys = kind_keys, .n = ARRAY_LEN(kind_keys)};
static const struct node_keep_key request_keys[] = {
    {.key = "uid"},
    {.key = "kind", .keep = &kind_keep},
    {.key = "subResource"},
    {.key = "operation"},
    {.key = "object", .keep = &object_head_keep},
};
static const struct node_keep request_keep = {.keys = request_keys, .n = ARRAY_LEN(request_keys)};
static const struct node_keep_key review_keys[] = {
    {.key = "apiVersion"},
    {.key = "kind"},
    {.key = "request", .keep = &request_keep},
};
static const struct node_keep review_keep = {.keys = review_keys, .n = ARRAY_LEN(review_keys)};

struct head {
	const char *uid;
	int kind;    /* enum kind, or -1: not ours */
	bool passes; /* unseen */
};

static bool is_text(const char *s, const char *want)
{
	return s && !strcmp(s, want);
}

static int request_kind(const struct node *request, struct arena *a)
{
	const struct node *k = node_get(request, "kind");
	const char *group = node_text(k, "group"), *version = node_text(k, "version");
	const char *kind = node_text(k, "kind");

	if (!version || !kind)
		return -1;
	if (!group || !*group)
		return kind_find(version, kind);
	return kind_find(arena_printf(a, "%s/%s", group, version), kind);
}

static int no_review(struct err *e, const char *why)
{
	return err_set(e, ERR_SYNTAX, "no AdmissionReview: %s", why);
}

static int read_head(const char *text, size_t n, struct arena *a, struct head *h, struct err *e)
{
	const struct node *root, *request;
	const char *operation;
	struct node_doc doc;
	struct diags ds;

	diags_init(&ds, a);
	doc = node_parse_json(text, n, &review_keep, a, &ds);
	if (doc.bad)
		return no_review(e, ds.v[0].code == D_SYNTAX ? ds.v[0].text : diag_info(ds.v[0].code)->title);
	root = doc.root;
	if (!is_text(node_text(root, "kind"), "AdmissionReview") ||
	    !is_text(node_text(root, "apiVersion"), "admission.k8s.io/v1"))
		return no_review(e, "kind and apiVersion are not AdmissionReview and admission.k8s.io/v1");
	request = node_get(root, "request");
	h->uid = node_text(request, "uid");
	if (!h->uid || !*h->uid || strlen(h->uid) > UID_MAX)
		return no_review(e, "request.uid is missing or too long");
	operation = node_text(request, "operation");
	if (!operation)
		return no_review(e, "request.operation is missing");
	h->kind = request_kind(request, a);
	h->passes = h->kind < 0 || (strcmp(operation, "CREATE") && strcmp(operation, "UPDATE"));
	h->passes |= node_text(request, "subResource") && *node_text(request, "subResource");
	h->passes |= node_text(node_get(node_get(request, "object"), "metadata"), "deletionTimestamp") != NULL;
	return 0;
}

/* ---- the verdict ---- */

static int judge(const char *text, size_t n, const struct head *h, struct arena *nodes,
		 struct admission_result *r, struct diags *ds, struct err *e)
{
	struct object_keep keep;
	const struct node_keep_key object_key = {.key = "object", .keep = &keep.root};
	const struct node_keep request = {.keys = &object_key, .n = 1};
	const struct node_keep_key request_key = {.key = "request", .keep = &request};
	const struct node_keep review = {.keys = &request_key, .n = 1};
	const struct node *object;
	struct object_id id;
	struct node_doc doc;
	struct object *o;

	object_keep((enum kind)h->kind, &keep);
	doc = node_parse_json(text, n, &review, nodes, ds);
	if (doc.bad) /* keys that stand twice, too large: the object's own faults */
		return 0;
	object = node_get(node_get(doc.root, "request"), "object");
	if (!object)
		return no_review(e, "request.object is missing");
	object_decode(object, SCHEMA_STRICT, NULL, &o, &id, ds);
	object_unref(o);
	if (id.kind != h->kind)
		return no_review(e, "request.object is not of request.kind");
	r->ns = id.ns;
	r->name = id.name ? id.name : "";
	return 0;
}

/* ---- the answer ---- */

/* At most max bytes of text, as UTF-8 in one line: findings quote what users wrote, cut anywhere. */
static void put_line(struct buf *out, const char *text, size_t max)
{
	size_t left = strlen(text), step;

	for (; left; text += step, left -= step) {
		step = scalar_utf8_len((const uint8_t *)text, left);
		if ((step ? step : 1) > max)
			break;
		if (!step || (unsigned char)*text < 0x20 || *text == 0x7f)
			buf_char(out, step ? ' ' : '?');
		else
			buf_append(out, text, step);
		step = step ? step : 1;
		max -= step;
	}
}

static void put_finding(struct buf *out, const struct diag *d)
{
	buf_printf(out, "%s ", diag_info(d->code)->id);
	if (*d->path) {
		put_line(out, d->path, PATH_SHOWN);
		buf_str(out, ": ");
	}
	put_line(out, d->text, TEXT_SHOWN);
}

/* A line an error: code, place, what; cause and fix. */
static void put_status(struct buf *out, const struct diags *ds)
{
	struct buf message;
	size_t n = 0;

	buf_init(&message, MESSAGE_MAX);
	for (size_t i = 0; i < ds->n && n < MESSAGE_ERRORS; i++) {
		const struct diag_info *info = diag_info(ds->v[i].code);

		if (ds->v[i].severity != DIAG_ERROR)
			continue;
		if (n++)
			buf_char(&message, '\n');
		put_finding(&message, &ds->v[i]);
		buf_printf(&message, " (%s Fix: %s)", info->cause, info->fix);
	}
	if (ds->nerrors > n)
		buf_printf(&message, "\nand %zu errors more", ds->nerrors - n);
	must(!message.failed);
	buf_str(out, ",\"status\":{\"status\":\"Failure\",\"code\":422,\"reason\":\"Invalid\",\"message\":");
	node_text_to_json(buf_cstr(&message), out);
	buf_char(out, '}');
	buf_fini(&message);
}

static void put_warnings(struct buf *out, const struct diags *ds)
{
	size_t room = WARNINGS_MAX;
	struct buf whole, line;
	bool first = true;

	buf_init(&whole, MESSAGE_MAX);
	buf_init(&line, MESSAGE_MAX);
	for (size_t i = 0; i < ds->n; i++) {
		if (ds->v[i].severity != DIAG_WARNING)
			continue;
		buf_clear(&whole);
		buf_clear(&line);
		put_finding(&whole, &ds->v[i]);
		put_line(&line, buf_cstr(&whole), WARNING_MAX);
		if (line.n > room)
			break;
		room -= line.n;
		buf_str(out, first ? ",\"warnings\":[" : ",");
		node_text_to_json(buf_cstr(&line), out);
		first = false;
	}
	if (!first)
		buf_char(out, ']');
	buf_fini(&whole);
	buf_fini(&line);
}

static void put_answer(struct buf *out, const char *uid, const struct diags *ds)
{
	buf_str(out, "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"response\":{\"uid\":");
	node_text_to_json(uid, out);
	buf_printf(out, ",\"allowed\":%s", ds->nerrors ? "false" : "true");
	if (ds->nerrors)
		put_status(out, ds);
	put_warnings(out, ds);
	buf_str(out, "}}\n");
	must(!out->failed);
}

static const struct diag *first_error(const struct diags *ds)
{
	for (size_t i = 0; i < ds->n; i++)
		if (ds->v[i].severity == DIAG_ERROR)
			return &ds->v[i];
	return NULL;
}

int admission_review(const char *text, size_t n, struct buf *answer, struct admission_result *result,
		     struct arena *a, struct err *e)
{
	struct arena nodes;
	struct diags ds;
	struct head h = {.kind = -1};
	int status;

	arena_init(&nodes, NODES_MAX);
	diags_init(&ds, a);
	ds.limit = FINDINGS_MAX;
	status = read_head(text, n, &nodes, &h, e);
	if (!status) {
		*result = (struct admission_result){.kind = h.passes ? -1 : h.kind, .ns = "", .name = ""};
		status = h.passes ? 0 : judge(text, n, &h, &nodes, result, &ds, e);
	}
	if (!status) {
		put_answer(answer, h.uid, &ds);
		result->allowed = !ds.nerrors;
		result->n_errors = ds.nerrors;
		result->first = first_error(&ds);
	}
	arena_fini(&nodes);
	return status;
}
