/* SPDX-License-Identifier: Apache-2.0 */
#include "apply.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "diff.h"

enum { TEXT_MAX = 16 * 1024 * 1024 };

void apply_report(const struct applier *ap, const char *step, const char *object,
		  const char *result)
{
	if (ap->quiet)
		return;
	printf("%-10s %-66s %s\n", step, object, result);
	fflush(stdout);
}

const char *apply_name(const struct manifest *m, struct arena *a)
{
	return arena_printf(a, "%s %s%s%s", m->kind, m->ns, *m->ns ? "/" : "", m->name);
}

int apply_fail(struct applier *ap, const char *step, const char *object, const struct err *e)
{
	ap->failed++;
	printf("%-10s %-66s failed: %s\n", step, object, e->text);
	fflush(stdout);
	return -1;
}

int apply_get(struct applier *ap, const char *target, const struct node **out, struct err *e)
{
	struct cluster_answer answer;

	*out = NULL;
	if (!cluster_ask(ap->cluster, "GET", target, &answer, e)) {
		*out = answer.json;
		return *out ? 0 : err_set(e, ERR_SYNTAX, "the server's answer is no object");
	}
	return answer.status == 404 ? 1 : -1;
}

/* ---- what is shown ---- */

/* The server's own book-keeping says nothing of what an object is. */
static bool is_noise(const char *key, bool in_metadata)
{
	static const char *const meta[] = {"managedFields",	"resourceVersion", "uid",
					   "creationTimestamp", "generation",	   "selfLink"};

	if (!in_metadata)
		return !strcmp(key, "status");
	for (size_t i = 0; i < ARRAY_LEN(meta); i++)
		if (!strcmp(key, meta[i]))
			return true;
	return false;
}

static struct node without_noise(const struct node *map, bool in_metadata, struct arena *a)
{
	struct node out = *map;

	if (map->kind != NODE_MAP)
		return out;
	out.map = arena_array(a, struct node_member, map->n);
	out.n = 0;
	for (size_t i = 0; i < map->n; i++) {
		struct node_member m = map->map[i];

		if (is_noise(m.key, in_metadata))
			continue;
		if (!in_metadata && !strcmp(m.key, "metadata"))
			m.value = without_noise(&m.value, true, a);
		out.map[out.n++] = m;
	}
	return out;
}

/* A Secret's values are never shown; that one differs is, by their hashes. */
static void hide_values(struct node *root, struct arena *a)
{
	struct node *data = (struct node *)(uintptr_t)node_get(root, "data");
	struct node_member *v;

	if (!data || data->kind != NODE_MAP)
		return;
	v = arena_array(a, struct node_member, data->n);
	for (size_t i = 0; i < data->n; i++) {
		const char *text =
		    data->map[i].value.kind == NODE_STRING ? data->map[i].value.text : "";
		char hex[HASH_HEX_LEN + 1];

		v[i] = data->map[i];
		hash_hex(hash_bytes(text, strlen(text)), hex);
		v[i].value = (struct node){.kind = NODE_STRING,
					   .text = arena_printf(a, "(not shown; %.8s)", hex)};
		v[i].value.n = strlen(v[i].value.text);
	}
	data->map = v;
}

static const char *shown(const struct node *root, struct arena *a)
{
	const char *kind = node_text(root, "kind"), *text;
	struct node clean;
	struct buf json, yaml;
	struct diags ds;

	if (!root)
		return "";
	clean = without_noise(root, false, a);
	if (kind && !strcmp(kind, "Secret"))
		hide_values(&clean, a);
	/* by way of sorted JSON: two servers' order of members is no difference */
	buf_init(&json, TEXT_MAX);
	buf_init(&yaml, TEXT_MAX);
	node_to_json(&clean, true, false, &json);
	diags_init(&ds, a);
	text = arena_strdup(a, buf_cstr(&json));
	node_to_yaml(node_parse_json(text, strlen(text), NULL, a, &ds).root, &yaml);
	text = arena_strdup(a, buf_cstr(&yaml));
	buf_fini(&json);
	buf_fini(&yaml);
	return text;
}

static void show_difference(const struct applier *ap, const char *name, const struct node *old,
			    const struct node *now)
{
	struct arena *a = ap->cluster->arena;
	struct buf out;

	/* a new CRD is thousands of lines, which `navctl crds` prints */
	if (ap->quiet || (!old && !strcmp(node_text(now, "kind"), "CustomResourceDefinition")))
		return;
	buf_init(&out, TEXT_MAX);
	diff_unified(shown(old, a), shown(now, a), a, &out);
	if (out.n)
		printf("--- %s%s\n+++ %s\n%s", old ? name : "", old ? "" : "/dev/null", name,
		       buf_cstr(&out));
	buf_fini(&out);
}

void apply_show_new(struct applier *ap, const char *step, const struct manifest *m)
{
	const char *name = apply_name(m, ap->cluster->arena);

	ap->changed++;
	apply_report(ap, step, name, "would be created");
	show_difference(ap, name, NULL, m->root);
}

/* ---- one object ---- */

static const char *version_of(const struct node *root)
{
	const char *v = node_text(node_get(root, "metadata"), "resourceVersion");

	return v ? v : "";
}

/* Whether the server's answer to a dry run is another object than what stands. */
static bool differs(const struct applier *ap, const struct node *old, const struct node *now)
{
	struct arena *a = ap->cluster->arena;

	return !old || (ap->dry ? strcmp(shown(old, a), shown(now, a)) != 0
				: strcmp(version_of(old), version_of(now)) != 0);
}

static int send(struct applier *ap, const struct manifest *m, const struct node **out,
		struct err *e)
{
	struct arena *a = ap->cluster->arena;
	struct cluster_answer answer;
	struct buf body;
	int rc;

	buf_init(&body, TEXT_MAX);
	node_to_json(m->root, false, false, &body);
	rc =
	    cluster_send(ap->cluster, "PATCH",
			 arena_printf(a, "%s?fieldManager=" APPLY_MANAGER "%s%s", m->target,
				      ap->force ? "&force=true" : "", ap->dry ? "&dryRun=All" : ""),
			 "application/apply-patch+yaml", &body, &answer, e);
	explicit_bzero(body.p, body.n); /* it may be a Secret */
	buf_fini(&body);
	*out = answer.json;
	return rc ? rc : *out ? 0 : err_set(e, ERR_SYNTAX, "the server's answer is no object");
}

int apply_object(struct applier *ap, const char *step, const struct manifest *m)
{
	const char *name = apply_name(m, ap->cluster->arena), *would = ap->dry ? "would be " : "";
	const struct node *old, *now;
	struct err e;
	int there = apply_get(ap, m->target, &old, &e);

	if (there < 0 || send(ap, m, &now, &e))
		return apply_fail(ap, step, name, &e);
	if (!differs(ap, old, now)) {
		apply_report(ap, step, name, "unchanged");
		return 0;
	}
	ap->changed++;
	apply_report(
	    ap, step, name,
	    arena_printf(ap->cluster->arena, "%s%s", would, there ? "created" : "configured"));
	if (ap->dry)
		show_difference(ap, name, old, now);
	return 0;
}
