/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include <stdio.h>
#include <string.h>

#include "node/node.h"
#include "remote.h"

enum { OUTPUT_MAX = 1 << 30 };

/* ---- text ---- */

static void print_replicas(const struct status *st)
{
	puts("CONTROL PLANE");
	for (size_t i = 0; i < st->replicas.n; i++) {
		const struct status_replica *r = &st->replicas.v[i];

		if (r->trouble) {
			printf("  %-40s %s\n", r->name, r->trouble);
			continue;
		}
		printf("  %-40s %-24s %-9s %zu proxies, %zu in sync", r->name, r->version,
		       r->ready ? "ready" : "not ready", r->proxies, r->in_sync);
		puts(r->restored_s ? ", serves what it had on disk" : "");
	}
}

static size_t count_state(const struct status *st, const char *state)
{
	size_t n = 0;

	for (size_t i = 0; i < st->watches.n; i++)
		n += !strcmp(st->watches.v[i].state, state);
	return n;
}

/* What is synced or not there needs no word. */
static void print_watches(const struct status *st)
{
	printf("\nWATCHES\n  %zu synced, %zu absent, %zu forbidden, %zu still being read\n",
	       count_state(st, "synced"), count_state(st, "absent"), count_state(st, "forbidden"),
	       count_state(st, "reading"));
	for (size_t i = 0; i < st->watches.n; i++) {
		const struct status_watch *w = &st->watches.v[i];

		if (!w->held &&
		    (!strcmp(w->state, "absent") || (!w->trouble && !strcmp(w->state, "synced"))))
			continue;
		printf("  %-9s %s%s%s%s%s: %s\n", w->state, w->kind, w->name ? " " : "",
		       w->name ? w->ns : "", w->name ? "/" : "", w->name ? w->name : "",
		       w->trouble ? w->trouble
		       : w->held  ? "a list lacks many; they stay for now"
				  : "");
	}
}

static void print_object(const struct status_object *o)
{
	printf("  %-12s %s %s%s%s", o->verdict, o->kind, o->ns, *o->ns ? "/" : "", o->name);
	puts("");
	for (size_t i = 0; i < o->n_why; i++)
		printf("      %s %s%s%s\n", o->why[i].code, o->why[i].path,
		       *o->why[i].path ? ": " : "", o->why[i].text);
}

static void print_objects(const struct status *st)
{
	printf("%sOBJECTS\n ", st->replicas.n ? "\n" : "");
	for (int i = 0; i < VERDICT_STATES; i++)
		printf("%s %zu %s", i ? "," : "", st->counts[i],
		       verdict_state_name((enum verdict_state)i));
	puts("");
	for (size_t i = 0; i < st->objects.n; i++)
		print_object(&st->objects.v[i]);
	for (size_t i = 0; i < st->findings.n; i++)
		print_object(&st->findings.v[i]);
}

static void print_late(const struct status *st)
{
	if (st->late.n)
		puts("\nPROXIES NOT IN SYNC");
	for (size_t i = 0; i < st->late.n; i++)
		printf("  %-40s %s\n", st->late.v[i].name, st->late.v[i].what);
}

void status_print_text(const struct status *st)
{
	if (st->replicas.n)
		print_replicas(st);
	if (st->watches.n)
		print_watches(st);
	print_objects(st);
	print_late(st);
}

/* ---- JSON ---- */

static void put(struct buf *out, const char *before, const char *text)
{
	if (!text)
		return;
	buf_str(out, before);
	node_text_to_json(text, out);
}

static void put_object(struct buf *out, const struct status_object *o)
{
	put(out, "{\"kind\":", o->kind);
	put(out, ",\"namespace\":", *o->ns ? o->ns : NULL);
	put(out, ",\"name\":", o->name);
	put(out, ",\"place\":", o->place);
	put(out, ",\"verdict\":", o->verdict);
	buf_str(out, ",\"reasons\":[");
	for (size_t i = 0; i < o->n_why; i++) {
		put(out, i ? ",{\"code\":" : "{\"code\":", o->why[i].code);
		put(out, ",\"level\":", o->why[i].level);
		put(out, ",\"path\":", o->why[i].path);
		put(out, ",\"message\":", o->why[i].text);
		buf_char(out, '}');
	}
	buf_str(out, "]}");
}

static void put_replicas(struct buf *out, const struct status *st)
{
	for (size_t i = 0; i < st->replicas.n; i++) {
		const struct status_replica *r = &st->replicas.v[i];

		put(out, i ? ",{\"name\":" : "{\"name\":", r->name);
		put(out, ",\"trouble\":", r->trouble);
		if (!r->trouble) {
			put(out, ",\"version\":", r->version);
			buf_printf(
			    out,
			    ",\"ready\":%s,\"uptimeSeconds\":%lld,\"proxies\":%zu,\"inSync\":%zu",
			    r->ready ? "true" : "false", (long long)r->uptime_s, r->proxies,
			    r->in_sync);
		}
		if (r->restored_s)
			buf_printf(out, ",\"servesGenerationOf\":%lld", (long long)r->restored_s);
		buf_char(out, '}');
	}
}

static void put_watches(struct buf *out, const struct status *st)
{
	for (size_t i = 0; i < st->watches.n; i++) {
		const struct status_watch *w = &st->watches.v[i];

		put(out, i ? ",{\"kind\":" : "{\"kind\":", w->kind);
		put(out, ",\"namespace\":", w->name ? w->ns : NULL);
		put(out, ",\"name\":", w->name);
		put(out, ",\"state\":", w->state);
		put(out, ",\"trouble\":", w->trouble);
		buf_printf(out, ",\"objects\":%lld,\"held\":%lld}", (long long)w->objects,
			   (long long)w->held);
	}
}

void status_print_json(const struct status *st, const char *form, struct arena *a)
{
	struct buf out;

	buf_init(&out, OUTPUT_MAX);
	buf_str(&out, "{\"controlPlane\":[");
	put_replicas(&out, st);
	buf_str(&out, "],\"watches\":[");
	put_watches(&out, st);
	buf_str(&out, "],\"verdicts\":{");
	for (int i = 0; i < VERDICT_STATES; i++)
		buf_printf(&out, "%s\"%s\":%zu", i ? "," : "",
			   verdict_state_name((enum verdict_state)i), st->counts[i]);
	buf_str(&out, "},\"objects\":[");
	for (size_t i = 0; i < st->objects.n + st->findings.n; i++) {
		if (i)
			buf_char(&out, ',');
		put_object(&out, i < st->objects.n ? &st->objects.v[i]
						   : &st->findings.v[i - st->objects.n]);
	}
	buf_str(&out, "],\"proxiesNotInSync\":[");
	for (size_t i = 0; i < st->late.n; i++) {
		put(&out, i ? ",{\"proxy\":" : "{\"proxy\":", st->late.v[i].name);
		put(&out, ",\"replica\":", st->late.v[i].replica);
		put(&out, ",\"what\":", st->late.v[i].what);
		buf_char(&out, '}');
	}
	buf_str(&out, "]}");
	remote_print_member(&out, "", form, a);
	buf_fini(&out);
}
