/* SPDX-License-Identifier: Apache-2.0
 *
 * Namespaces and their pods: who gets a proxy, and who runs as it.
 */
#include "analyze/analyze_int.h"

#include <string.h>
#include <strings.h>

#include "node/node.h"

enum { PROXY_UID = 1337 };

static const char injection_label[] = "istio-injection", revision_label[] = "istio.io/rev",
		  mode_label[] = "istio.io/dataplane-mode", inject_label[] = "sidecar.istio.io/inject";

/* The values of the injector that serves a revision, or NULL. */
static const struct node *injector_values(const struct analysis *n, const char *revision)
{
	const struct kind_list *maps = analysis_list(n, KIND_CONFIG_MAP);
	const char *name = revision && *revision && strcmp(revision, "default") != 0
			       ? arena_printf(n->a, "istio-sidecar-injector-%s", revision)
			       : "istio-sidecar-injector";

	for (size_t i = 0; i < maps->n; i++) {
		const char *values = strmap_get(&object_spec(maps->v[i], k_config_map)->data, "values");
		struct node_docs docs;
		struct diags quiet;

		if (strcmp(maps->v[i]->name, name) != 0 || !values)
			continue;
		diags_init(&quiet, n->a);
		docs = node_parse(values, strlen(values), 1, n->a, &quiet);
		return docs.n && !docs.v[0].bad ? docs.v[0].root : NULL;
	}
	return NULL;
}

static bool injects_by_default(const struct node *values)
{
	const struct node *webhook = values ? node_get(values, "sidecarInjectorWebhook") : NULL;
	const struct node *on = webhook ? node_get(webhook, "enableNamespacesByDefault") : NULL;

	return on && on->kind == NODE_BOOL && on->boolean;
}

static bool label_is(const struct object *o, const char *label, const char *value)
{
	const char *v = strmap_get(&o->labels, label);

	return v && !strcmp(v, value);
}

/* What its labels say about a namespace; true: its pods are to have sidecars. */
static bool judge_namespace(struct analysis *n, const struct object *ns)
{
	const char *injection = strmap_get(&ns->labels, injection_label), *rev = strmap_get(&ns->labels, revision_label);
	bool ambient = label_is(ns, mode_label, "ambient");
	int labels = (injection != NULL) + (rev != NULL) + ambient;

	if (injection && strcmp(injection, "enabled") != 0)
		return false;
	if (labels > 1) {
		analysis_add(n, ns, D_NAMESPACE_LABELS_CONFLICT, (struct pos){0}, "metadata.labels",
			     "the namespace has %d labels that say how its pods join the mesh", labels);
		return false;
	}
	if (!labels && injects_by_default(injector_values(n, NULL)))
		analysis_add(n, ns, D_INJECTED_BY_DEFAULT, (struct pos){0}, "metadata.labels",
			     "pods of the namespace get sidecars, as the injector enables namespaces by default");
	else if (!labels)
		analysis_add(n, ns, D_NAMESPACE_NOT_INJECTED, (struct pos){0}, "metadata.labels",
			     "pods of the namespace get no sidecars, and no label says that this is meant");
	return injection || rev;
}

static void judge_pod(struct analysis *n, const struct object *pod)
{
	const struct k_pod_spec *spec = analysis_pod(pod);
	const char *inject = strmap_get(&pod->labels, inject_label);

	if (!inject)
		inject = strmap_get(&pod->annotations, inject_label);
	if ((inject && !strcasecmp(inject, "false")) || spec->host_network || analysis_has_proxy(spec))
		return;
	analysis_add(n, pod, D_POD_WITHOUT_PROXY, (struct pos){0}, "spec.containers",
		     "its namespace is injected, and the pod has no container istio-proxy");
}

/* The image that the injector gives to pods, or NULL. */
static const char *injected_image(const struct analysis *n, const struct object *ns)
{
	const struct node *values = injector_values(n, strmap_get(&ns->labels, revision_label));
	const struct node *global = values ? node_get(values, "global") : NULL;
	const struct node *proxy = global ? node_get(global, "proxy") : NULL;
	const char *image = proxy ? node_text(proxy, "image") : NULL;
	const char *hub = global ? node_text(global, "hub") : NULL, *tag = global ? node_text(global, "tag") : NULL;

	if (!image || strchr(image, '/'))
		return image;
	return hub && tag ? arena_printf(n->a, "%s/%s:%s", hub, image, tag) : NULL;
}

static void judge_images(struct analysis *n, const struct object *ns, size_t first, size_t count)
{
	const struct kind_list *pods = analysis_list(n, KIND_POD);
	const char *want = injected_image(n, ns), *names = NULL;

	for (size_t i = first; want && i < first + count; i++) {
		const struct k_pod_spec *spec = analysis_pod(pods->v[i]);

		if (strmap_get(&pods->v[i]->annotations, "sidecar.istio.io/proxyImage"))
			continue;
		for (size_t k = 0; k < spec->n_containers; k++) {
			const struct k_container *c = &spec->containers[k];

			if (c->name && !strcmp(c->name, "istio-proxy") && c->image && strcmp(c->image, want) != 0)
				names = names ? arena_printf(n->a, "%s, %s", names, pods->v[i]->name) : pods->v[i]->name;
		}
	}
	if (names)
		analysis_add(n, ns, D_PROXY_IMAGE_MISMATCH, (struct pos){0}, "",
			     "the injector has the image %s, these pods run another one: %s", want, names);
}

void analyze_namespaces(struct analysis *n)
{
	const struct kind_list *list = analysis_list(n, KIND_NAMESPACE), *pods = analysis_list(n, KIND_POD);

	for (size_t i = 0; i < list->n; i++) {
		const struct object *ns = list->v[i];
		size_t first, count;

		if (!strcmp(ns->name, "istio-system") || analysis_is_system(ns->name) || !judge_namespace(n, ns))
			continue;
		count = kind_list_range(pods, ns->name, &first);
		for (size_t k = first; k < first + count; k++)
			judge_pod(n, pods->v[k]);
		judge_images(n, ns, first, count);
	}
}

/* ---- users ---- */

static void judge_users(struct analysis *n, const struct object *o, const struct k_pod_spec *spec, const char *path)
{
	if (analysis_is_control_plane(o))
		return;
	if (spec->security && spec->security->run_as_user == PROXY_UID) {
		analysis_add(n, o, D_APPLICATION_UID, spec->security->pos, arena_printf(n->a, "%s.securityContext", path),
			     "user %d is the proxy's own", PROXY_UID);
		return;
	}
	for (size_t i = 0; i < spec->n_containers; i++) {
		const struct k_container *c = &spec->containers[i];

		if (!c->security || c->security->run_as_user != PROXY_UID ||
		    (c->name && (!strcmp(c->name, "istio-proxy") || !strcmp(c->name, "istio-operator"))))
			continue;
		analysis_add(n, o, D_APPLICATION_UID, c->security->pos,
			     arena_printf(n->a, "%s.containers[%zu].securityContext", path, i),
			     "container %s runs as user %d, which is the proxy's own", c->name ? c->name : "", PROXY_UID);
		return;		/* one an object says enough */
	}
}

void analyze_users(struct analysis *n)
{
	const struct kind_list *pods = analysis_list(n, KIND_POD), *list = analysis_list(n, KIND_DEPLOYMENT);

	for (size_t i = 0; i < pods->n; i++)
		judge_users(n, pods->v[i], analysis_pod(pods->v[i]), "spec");
	for (size_t i = 0; i < list->n; i++) {
		const struct k_deployment_spec *spec = object_spec(list->v[i], k_deployment)->spec;

		if (spec && spec->template && spec->template->spec)
			judge_users(n, list->v[i], spec->template->spec, "spec.template.spec");
	}
}
