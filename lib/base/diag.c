/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"

static const struct diag_info infos[D_COUNT] = {
#define CODE(name, id, severity, title, cause, fix)                                                \
	[D_##name] = {id, #name, DIAG_##severity, title, cause, fix},
#include "base/codes.def"
#undef CODE
};

enum { LIMIT_DEFAULT = 1000 };

void diags_init(struct diags *ds, struct arena *arena)
{
	*ds = (struct diags){.arena = arena};
}

void diags_object(struct diags *ds, struct diag_object object)
{
	ds->object = object;
}

static struct diag *add(struct diags *ds, enum diag_severity severity)
{
	ds->nerrors += severity == DIAG_ERROR;
	ds->nwarnings += severity == DIAG_WARNING;
	if (ds->n >= (ds->limit ? ds->limit : LIMIT_DEFAULT)) {
		ds->dropped++;
		return NULL;
	}
	if (ds->n == ds->cap) {
		size_t cap = ds->cap ? ds->cap * 2 : 8;
		struct diag *v = arena_array(ds->arena, struct diag, cap);

		if (ds->n)
			memcpy(v, ds->v, ds->n * sizeof(*v));
		ds->v = v;
		ds->cap = cap;
	}
	return &ds->v[ds->n++];
}

void diag_add(struct diags *ds, enum diag_code code, struct pos pos, const char *path,
	      const char *fmt, ...)
{
	struct diag *d = add(ds, diag_info(code)->severity);
	va_list ap;

	if (!d)
		return;
	*d = (struct diag){
	    .code = code,
	    .severity = diag_info(code)->severity,
	    .object = ds->object,
	    .pos = pos,
	    .path = arena_strdup(ds->arena, path),
	};
	va_start(ap, fmt);
	d->text = arena_vprintf(ds->arena, fmt, ap);
	va_end(ap);
}

static const char *copy_or_null(struct arena *a, const char *s)
{
	return s ? arena_strdup(a, s) : NULL;
}

void diags_copy(struct diags *ds, const struct diag *from)
{
	struct diag *d = add(ds, from->severity);

	if (!d)
		return;
	*d = *from;
	d->object = (struct diag_object){
	    .kind = copy_or_null(ds->arena, from->object.kind),
	    .ns = copy_or_null(ds->arena, from->object.ns),
	    .name = copy_or_null(ds->arena, from->object.name),
	    .file = copy_or_null(ds->arena, from->object.file),
	};
	d->path = arena_strdup(ds->arena, from->path);
	d->text = arena_strdup(ds->arena, from->text);
}

const struct diag_info *diag_info(enum diag_code code)
{
	must(code < D_COUNT);
	return &infos[code];
}

const struct diag_info *diag_info_find(const char *id)
{
	for (size_t i = 0; i < D_COUNT; i++) {
		if (!strcasecmp(infos[i].id, id) || !strcasecmp(infos[i].name, id))
			return &infos[i];
	}
	return NULL;
}

const char *diag_severity_name(enum diag_severity s)
{
	return s == DIAG_ERROR ? "error" : s == DIAG_WARNING ? "warning" : "info";
}

char *diag_format(const struct diag *d, struct arena *a)
{
	const struct diag_object *o = &d->object;
	const char *place = "", *who = "", *path = d->path;

	if (o->file && d->pos.line)
		place = arena_printf(a, "%s:%u:%u: ", o->file, d->pos.line, d->pos.col);
	else if (o->file)
		place = arena_printf(a, "%s: ", o->file);
	if (o->kind)
		who = arena_printf(a, "%s %s%s%s", o->kind, o->ns && *o->ns ? o->ns : "",
				   o->ns && *o->ns ? "/" : "", o->name ? o->name : "");
	return arena_printf(a, "%s%s: %s %s%s%s%s%s", place, diag_severity_name(d->severity),
			    diag_info(d->code)->id, who, *who && *path ? " " : "", path,
			    *who || *path ? ": " : "", d->text);
}

/* Does the text say "kind: Secret" anywhere, in YAML or in JSON? */
static bool has_secret(const char *text, const char *end)
{
	static const char between[] = " \t\"':", word[] = "Secret";

	for (const char *at = text; (at = memmem(at, (size_t)(end - at), word, strlen(word))); at++) {
		const char *before = at;
		bool colon = false;

		while (before > text && strchr(between, before[-1]))
			colon |= *--before == ':';
		if (colon && before - text >= 4 && !memcmp(before - 4, "kind", 4) && !isalnum((unsigned char)at[strlen(word)]))
			return true;
	}
	return false;
}

/* Of the document, between lines that begin with "---", that a line stands in. */
static bool is_secrets_line(const char *source, const char *line)
{
	const char *begin = source, *end;

	for (const char *at = source; (at = strstr(at, "\n---")) && at < line; at++)
		begin = at;
	end = strstr(line, "\n---");
	return has_secret(begin, end ? end : line + strlen(line));
}

static void print_marker(FILE *out, const struct pos pos, const char *source)
{
	const char *line = source, *end;
	size_t col = pos.col ? pos.col - 1 : 0;

	for (uint32_t i = 1; i < pos.line && line; i++) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line)
		return;
	end = strchr(line, '\n');
	if (!end)
		end = line + strlen(line);
	if (end - line > 400 || (size_t)(end - line) < col)
		return;
	if (is_secrets_line(source, line)) {
		fputs("(a line of a Secret is not shown)\n", out);
		return;
	}
	fprintf(out, "%.*s\n", (int)(end - line), line);
	for (size_t i = 0; i < col; i++)
		fputc(line[i] == '\t' ? '\t' : ' ', out);
	fputs("^\n", out);
}

void diag_print(FILE *out, const struct diag *d, const char *source)
{
	struct arena a;

	arena_init(&a, 0);
	fprintf(out, "%s\n", diag_format(d, &a));
	arena_fini(&a);
	if (source && d->pos.line)
		print_marker(out, d->pos, source);
}
