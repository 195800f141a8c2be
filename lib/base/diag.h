/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings: what is wrong (or will not take effect) in a user's object. A pass collects all of
 * them and goes on. Each has a stable code from base/codes.def: Istio's own (IST0101) where Istio
 * has one, ours (NAV0123) otherwise; retired codes are never used again. Every pass (parse,
 * decode, check, snapshot, analysis) and every surface (CLI, daemon, webhook, status) share this.
 * A finding and its texts live in the arena of its diags. Thread: one at a time.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"

enum diag_severity { DIAG_INFO, DIAG_WARNING, DIAG_ERROR };

/* D_<name> for each row of codes.def */
enum diag_code {
#define CODE(name, id, severity, title, cause, fix) D_##name,
#include "base/codes.def"
#undef CODE
	D_COUNT
};

struct diag_info {
	const char *id;		/* "NAV0123" */
	const char *name;	/* "ROUTE_WEIGHT_ZERO" */
	enum diag_severity severity;
	const char *title, *cause, *fix;	/* for `navctl explain` */
};

/* 1-based; 0 = unknown. */
struct pos {
	uint32_t line, col;
};

/* The object that a finding is about; kind NULL = about a file. All borrowed or arena memory. */
struct diag_object {
	const char *kind, *ns, *name;
	const char *file;	/* or NULL */
};

struct diag {
	enum diag_code code;
	enum diag_severity severity;
	struct diag_object object;
	struct pos pos;
	const char *path;	/* "spec.http[0].route", "" = the object itself */
	const char *text;
};

struct diags {
	struct arena *arena;
	struct diag *v;
	size_t n, cap;
	size_t limit;		/* 0 = 1,000; further findings are only counted */
	size_t dropped;
	size_t nerrors, nwarnings;	/* including dropped ones */
	struct diag_object object;	/* the object in hand; copied into each finding */
};

void diags_init(struct diags *ds, struct arena *arena);
/* Sets the object in hand; the strings must live as long as ds. */
void diags_object(struct diags *ds, struct diag_object object);
/* Adds a finding about the object in hand, at path. Severity comes from the code's row. */
void diag_add(struct diags *ds, enum diag_code code, struct pos pos, const char *path,
	      const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Copies a finding, with its texts, from another diags. */
void diags_copy(struct diags *ds, const struct diag *d);

const struct diag_info *diag_info(enum diag_code code);
/* By id or by name, case-insensitive; NULL if unknown. */
const struct diag_info *diag_info_find(const char *id);
const char *diag_severity_name(enum diag_severity s);	/* "info", "warning", "error" */

/* "file:line:col: error: NAV0123 Kind ns/name path: text", without newline. */
char *diag_format(const struct diag *d, struct arena *a);
/* The same, then the line of source (text of the whole file, or NULL) and a marker under it; no line of a Secret's document. */
void diag_print(FILE *out, const struct diag *d, const char *source);

#endif
