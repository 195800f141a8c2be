/* SPDX-License-Identifier: Apache-2.0
 *
 * What is laid into the mesh from outside: patches of Envoy's configuration, and webhooks.
 */
#include "analyze/analyze_int.h"

#include <string.h>

#include "base/scalar.h"
#include "model/extension.h"

/* ---- EnvoyFilter ---- */

static bool is_relative(enum patch_operation op)
{
	return op == PATCH_INSERT_BEFORE || op == PATCH_INSERT_AFTER || op == PATCH_MERGE || op == PATCH_REMOVE ||
	       op == PATCH_REPLACE;
}

static void judge_patch(struct analysis *n, const struct object *o, size_t i)
{
	const struct envoy_filter *spec = object_spec(o, envoy_filter);
	const struct config_patch *p = &spec->config_patches[i];
	const char *path = arena_printf(n->a, "spec.configPatches[%zu].patch.operation", i);
	const char *version = p->match && p->match->proxy ? p->match->proxy->proxy_version : NULL;
	bool is_route = p->apply_to == APPLY_ROUTE_CONFIGURATION || p->apply_to == APPLY_HTTP_ROUTE;
	enum patch_operation op = p->patch->operation;

	if (!spec->priority && is_relative(op))
		analysis_add(n, o, version && *version ? D_PATCH_RELATIVE_VERSION : D_PATCH_RELATIVE, p->patch->pos, path,
			     "%s is relative, and the EnvoyFilter has no priority", enum_name(&enum_desc_patch_operation, (int)op));
	if (op == PATCH_REPLACE && p->apply_to != APPLY_HTTP_FILTER && p->apply_to != APPLY_NETWORK_FILTER)
		analysis_add(n, o, D_PATCH_REPLACE_IGNORED, p->patch->pos, path, "REPLACE does not apply to %s",
			     enum_name(&enum_desc_apply_to, (int)p->apply_to));
	if (op == PATCH_ADD && is_route)
		analysis_add(n, o, D_PATCH_ADD_IGNORED, p->patch->pos, path, "ADD does not apply to %s",
			     enum_name(&enum_desc_apply_to, (int)p->apply_to));
	if (op == PATCH_REMOVE && is_route)
		analysis_add(n, o, D_PATCH_REMOVE_IGNORED, p->patch->pos, path, "REMOVE does not apply to %s",
			     enum_name(&enum_desc_apply_to, (int)p->apply_to));
}

void analyze_patches(struct analysis *n)
{
	const struct kind_list *list = analysis_list(n, KIND_ENVOY_FILTER);

	for (size_t i = 0; i < list->n; i++)
		for (size_t k = 0; k < object_spec(list->v[i], envoy_filter)->n_config_patches; k++)
			judge_patch(n, list->v[i], k);
}

/* ---- webhooks ---- */

/* The host of a URL, without brackets and port; NULL: it is none. */
static const char *host_of(const struct analysis *n, const char *url)
{
	const char *start = strstr(url, "://"), *end;

	if (!start || start == url || url[strcspn(url, " \\\t")])
		return NULL;
	start += strlen("://");
	if (*start == '[') {
		end = strchr(++start, ']');
		return end && end > start ? arena_strndup(n->a, start, (size_t)(end - start)) : NULL;
	}
	end = start + strcspn(start, ":/?#");
	return end > start ? arena_strndup(n->a, start, (size_t)(end - start)) : NULL;
}

static bool is_injector(const struct object *o)
{
	return !strncmp(o->name, "istio-sidecar-injector", strlen("istio-sidecar-injector"));
}

static bool is_validator(const struct object *o)
{
	return !strncmp(o->name, "istio-validator", strlen("istio-validator")) || !strcmp(o->name, "istiod-default-validator");
}

/* True: something was said of it; one finding an object says enough. */
static bool judge_address(struct analysis *n, const struct object *o, const struct k_webhook *w, size_t i)
{
	const char *path = arena_printf(n->a, "webhooks[%zu].clientConfig.url", i), *name = w->name ? w->name : "";
	const char *url = w->client ? w->client->url : NULL, *host = url ? host_of(n, url) : NULL;

	if (!url && w->client && w->client->service)
		return false;
	if (!url || !*url)
		analysis_add(n, o, D_WEBHOOK_ADDRESS, w->pos, path, "webhook %s names no address", name);
	else if (!host)
		analysis_add(n, o, D_WEBHOOK_ADDRESS, w->pos, path, "the address %s of webhook %s is no URL", url, name);
	else if (scalar_is_ip(host))
		analysis_add(n, o, D_WEBHOOK_ADDRESS_IP, w->pos, path, "the address %s of webhook %s is no name", host, name);
	else
		return false;
	return true;
}

static void judge_service(struct analysis *n, const struct object *o, const struct k_webhook *w, size_t i)
{
	const struct k_webhook_service *s = w->client ? w->client->service : NULL;

	if (!n->has_services || !s || !s->name || !s->ns || analysis_object(n, KIND_SERVICE, s->ns, s->name))
		return;
	analysis_add(n, o, D_WEBHOOK_SERVICE_MISSING, w->pos, arena_printf(n->a, "webhooks[%zu].clientConfig.service", i),
		     "webhook %s calls the Service %s/%s, which does not exist", w->name ? w->name : "", s->ns, s->name);
}

static void each_webhook(struct analysis *n, enum kind kind)
{
	const struct kind_list *list = analysis_list(n, kind);

	for (size_t i = 0; i < list->n; i++) {
		const struct k_webhook_configuration *c = object_spec(list->v[i], k_webhook_configuration);
		bool said = false;

		if (!is_injector(list->v[i]) && !is_validator(list->v[i]))
			continue;
		for (size_t k = 0; k < c->n_webhooks; k++) {
			said = said || judge_address(n, list->v[i], &c->webhooks[k], k);
			judge_service(n, list->v[i], &c->webhooks[k], k);
		}
	}
}

void analyze_webhooks(struct analysis *n)
{
	each_webhook(n, KIND_MUTATING_WEBHOOK);
	each_webhook(n, KIND_VALIDATING_WEBHOOK);
}

/* ---- image: auto ---- */

static bool is_injected(const struct analysis *n, const char *ns, const struct strmap *labels)
{
	static const struct strmap none;
	const struct kind_list *list = analysis_list(n, KIND_MUTATING_WEBHOOK);
	const struct object *space = analysis_object(n, KIND_NAMESPACE, "", ns);

	for (size_t i = 0; i < list->n; i++) {
		const struct k_webhook_configuration *c = object_spec(list->v[i], k_webhook_configuration);

		for (size_t k = 0; k < c->n_webhooks; k++)
			if (label_selector_holds(c->webhooks[k].namespaces, space ? &space->labels : &none) &&
			    label_selector_holds(c->webhooks[k].objects, labels))
				return true;
	}
	return false;
}

static void judge_image(struct analysis *n, const struct object *o, const struct k_pod_spec *spec,
			const struct strmap *labels, const char *path)
{
	for (size_t i = 0; i < spec->n_containers; i++) {
		const struct k_container *c = &spec->containers[i];

		if (!c->image || strcmp(c->image, "auto") != 0 || is_injected(n, o->ns, labels))
			continue;
		analysis_add(n, o, o->kind == KIND_POD ? D_POD_IMAGE_AUTO : D_DEPLOYMENT_IMAGE_AUTO, c->pos,
			     arena_printf(n->a, "%s.containers[%zu].image", path, i),
			     "container %s has the image auto, and no injection webhook selects it", c->name ? c->name : "");
		return;
	}
}

void analyze_images(struct analysis *n)
{
	static const struct strmap none;
	const struct kind_list *pods = analysis_list(n, KIND_POD), *list = analysis_list(n, KIND_DEPLOYMENT);

	if (!analysis_list(n, KIND_MUTATING_WEBHOOK)->n)
		return;
	for (size_t i = 0; i < pods->n; i++)
		judge_image(n, pods->v[i], analysis_pod(pods->v[i]), &pods->v[i]->labels, "spec");
	for (size_t i = 0; i < list->n; i++) {
		const struct k_deployment_spec *spec = object_spec(list->v[i], k_deployment)->spec;
		const struct k_pod_template *t = spec ? spec->template : NULL;

		if (t && t->spec)
			judge_image(n, list->v[i], t->spec, t->metadata ? &t->metadata->labels : &none, "spec.template.spec");
	}
}
