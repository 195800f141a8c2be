/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze_print.h"

#include <string.h>

#include "node/node.h"
#include "server/version.h"

const char *finding_origin(const struct diag *d, struct arena *a)
{
	const struct diag_object *o = &d->object;
	const char *ns = o->ns ? o->ns : "";

	return o->kind ? arena_printf(a, "%s %s%s%s", o->kind, ns, *ns ? "/" : "", o->name ? o->name : "") : "";
}

/* ---- text ---- */

static void put_row(struct buf *out, const struct diag *d, struct arena *a)
{
	const char *place = d->pos.line ? arena_printf(a, "%u:%u", d->pos.line, d->pos.col) : "-";

	buf_printf(out, "  %-8s %-8s %-8s %s%s%s\n", diag_severity_name(d->severity), diag_info(d->code)->id, place, d->path,
		   *d->path ? ": " : "", d->text);
}

void findings_to_text(const struct diags *ds, struct buf *out, struct arena *a)
{
	const char *last = NULL;

	for (size_t i = 0; i < ds->n; i++) {
		const struct diag *d = &ds->v[i];
		const char *origin = finding_origin(d, a), *file = d->object.file ? d->object.file : "";
		const char *head = *origin && *file ? arena_printf(a, "%s (%s)", origin, file) : *origin ? origin : file;

		if (!last || strcmp(last, head) != 0)
			buf_printf(out, "%s%s\n", last ? "\n" : "", head);
		put_row(out, d, a);
		last = head;
	}
}

/* ---- JSON ---- */

static void put(struct buf *out, const char *before, const char *s)
{
	struct node n = {.kind = NODE_STRING, .text = s, .n = strlen(s)};

	buf_str(out, before);
	node_to_json(&n, false, false, out);
}

void findings_to_json(const struct diags *ds, struct buf *out, struct arena *a)
{
	buf_char(out, '[');
	for (size_t i = 0; i < ds->n; i++) {
		const struct diag *d = &ds->v[i];

		put(out, i ? ",\n{\"code\":" : "\n{\"code\":", diag_info(d->code)->id);
		put(out, ",\"level\":", diag_severity_name(d->severity));
		put(out, ",\"origin\":", finding_origin(d, a));
		put(out, ",\"path\":", d->path);
		put(out, ",\"message\":", d->text);
		if (d->object.file) {
			put(out, ",\"file\":", d->object.file);
			buf_printf(out, ",\"line\":%u,\"column\":%u", d->pos.line, d->pos.col);
		}
		buf_char(out, '}');
	}
	buf_str(out, "]\n");
}

/* ---- SARIF ---- */

static const char *sarif_level(enum diag_severity s)
{
	return s == DIAG_INFO ? "note" : diag_severity_name(s);
}

static void put_rules(const struct diags *ds, struct buf *out)
{
	bool used[D_COUNT] = {false}, first = true;

	for (size_t i = 0; i < ds->n; i++)
		used[ds->v[i].code] = true;
	for (size_t i = 0; i < D_COUNT; i++) {
		const struct diag_info *info = diag_info((enum diag_code)i);

		if (!used[i])
			continue;
		put(out, first ? "\n{\"id\":" : ",\n{\"id\":", info->id);
		put(out, ",\"name\":", info->name);
		put(out, ",\"shortDescription\":{\"text\":", info->title);
		put(out, "},\"fullDescription\":{\"text\":", info->cause);
		put(out, "},\"help\":{\"text\":", info->fix);
		put(out, "},\"defaultConfiguration\":{\"level\":", sarif_level(info->severity));
		buf_str(out, "}}");
		first = false;
	}
}

static void put_result(const struct diag *d, struct buf *out, struct arena *a)
{
	const char *origin = finding_origin(d, a);

	put(out, "{\"ruleId\":", diag_info(d->code)->id);
	put(out, ",\"level\":", sarif_level(d->severity));
	put(out, ",\"message\":{\"text\":", arena_printf(a, "%s%s%s", d->path, *d->path ? ": " : "", d->text));
	buf_str(out, "},\"locations\":[{");
	if (d->object.file) {
		put(out, "\"physicalLocation\":{\"artifactLocation\":{\"uri\":", d->object.file);
		buf_char(out, '}');
		if (d->pos.line)
			buf_printf(out, ",\"region\":{\"startLine\":%u,\"startColumn\":%u}", d->pos.line,
				   d->pos.col ? d->pos.col : 1);
		buf_char(out, '}');
	}
	if (*origin) {
		put(out, d->object.file ? ",\"logicalLocations\":[{\"fullyQualifiedName\":"
					: "\"logicalLocations\":[{\"fullyQualifiedName\":", origin);
		buf_str(out, "}]");
	}
	buf_str(out, "}]}");
}

void findings_to_sarif(const struct diags *ds, struct buf *out, struct arena *a)
{
	buf_str(out, "{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{\"tool\":"
		     "{\"driver\":{\"name\":\"navctl\"");
	put(out, ",\"version\":", version_text());
	buf_str(out, ",\"rules\":[");
	put_rules(ds, out);
	buf_str(out, "]}},\"results\":[");
	for (size_t i = 0; i < ds->n; i++) {
		buf_str(out, i ? ",\n" : "\n");
		put_result(&ds->v[i], out, a);
	}
	buf_str(out, "]}]}\n");
}
