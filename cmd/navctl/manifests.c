/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests.h"

#include <ctype.h>
#include <string.h>

#include "base/must.h"
#include "base/vec.h"
#include "model/crd.h"

enum { CRD_MAX = 4 * 1024 * 1024 };

/* deploy/kubernetes/embed.py */
extern const char kube_base[];
extern const size_t kube_base_n;

/* ---- paths ---- */

/* "NetworkPolicy" -> "networkpolicies": all of our kinds are so regular. */
static const char *plural(const char *kind, struct arena *a)
{
	char *out = arena_strdup(a, kind);
	size_t n = strlen(out);

	for (size_t i = 0; i < n; i++)
		out[i] = (char)tolower((unsigned char)out[i]);
	if (out[n - 1] == 'y')
		return arena_printf(a, "%.*sies", (int)n - 1, out);
	return arena_printf(a, "%ss", out);
}

static struct manifest describe(const struct node *root, struct arena *a)
{
	const struct node *meta = node_get(root, "metadata");
	const char *api = node_text(root, "apiVersion"), *ns = node_text(meta, "namespace");
	struct manifest m = {.root = root,
			     .kind = node_text(root, "kind"),
			     .ns = ns ? ns : "",
			     .name = node_text(meta, "name")};

	must(api && m.kind && m.name);
	m.collection = arena_printf(a, "/%s/%s%s%s/%s", strchr(api, '/') ? "apis" : "api", api,
				    *m.ns ? "/namespaces/" : "", m.ns, plural(m.kind, a));
	m.target = arena_printf(a, "%s/%s", m.collection, m.name);
	return m;
}

struct manifest manifest_of(const char *json, struct arena *a)
{
	struct diags ds;
	struct node_doc doc;

	diags_init(&ds, a);
	doc = node_parse_json(json, strlen(json), NULL, a, &ds);
	must(doc.root);
	return describe(doc.root, a);
}

/* ---- the base ---- */

static void set(const struct node *root, const char *path, const char *text)
{
	struct node *at =
	    (struct node *)(uintptr_t)node_at(root, path); /* the tree is ours alone */

	must(at != root && (at->kind == NODE_STRING || at->kind == NODE_NUMBER));
	at->text = text;
	at->n = strlen(text);
}

static void fill_in(const struct node *root, const char *kind, const struct manifest_values *v)
{
	if (!strcmp(kind, "ValidatingWebhookConfiguration"))
		set(root, "webhooks[0].clientConfig.caBundle", v->ca_bundle);
	if (strcmp(kind, "Deployment") != 0)
		return;
	set(root, "spec.template.spec.containers[0].image", v->image);
	if (v->replicas)
		set(root, "spec.replicas", v->replicas);
}

void manifests_base(const struct manifest_values *values, struct arena *a, struct manifests *out)
{
	struct diags ds;
	struct node_docs docs;

	diags_init(&ds, a);
	docs = node_parse(kube_base, kube_base_n, 1, a, &ds);
	must(!ds.nerrors);
	*out = (struct manifests){.v = arena_array(a, struct manifest, docs.n)};
	for (size_t i = 0; i < docs.n; i++) {
		fill_in(docs.v[i].root, node_text(docs.v[i].root, "kind"), values);
		out->v[out->n++] = describe(docs.v[i].root, a);
	}
}

void manifests_crds(struct arena *a, struct manifests *out)
{
	*out = (struct manifests){.v = arena_array(a, struct manifest, KIND_COUNT)};
	for (int k = 0; k < KIND_COUNT; k++) {
		struct buf json;

		if (!crd_has((enum kind)k))
			continue;
		buf_init(&json, CRD_MAX);
		crd_build((enum kind)k, &json);
		out->v[out->n++] = manifest_of(arena_strdup(a, buf_cstr(&json)), a);
		buf_fini(&json);
	}
}

bool manifest_is_labelled(const struct node *root, const char *label, const char *value)
{
	const char *text = node_text(node_get(node_get(root, "metadata"), "labels"), label);

	return text && !strcmp(text, value);
}
