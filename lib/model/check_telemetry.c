/* SPDX-License-Identifier: Apache-2.0
 *
 * Telemetry, WasmPlugin, TrafficExtension, EnvoyFilter.
 */
#include <string.h>

#include "base/map.h"
#include "base/must.h"
#include "model/check_int.h"

/* ---- Telemetry ---- */

static void check_tracing(struct check *c, const struct where *at, const struct telemetry_tracing *t)
{
	if (t->n_providers > 1)
		wrong(c, AT(at, "providers"), D_SETTING_IGNORED, "multiple providers are not supported: the first one counts");
	if (t->sampling.has)
		check_percent(c, AT(at, "randomSamplingPercentage"), t->sampling.v, D_POLICY_INVALID);
	for (size_t i = 0; i < t->n_custom_tags; i++) {
		const struct custom_tag *tag = &t->custom_tags[i];
		const char *why, *name = t->custom_tags_keys[i];

		if (!*name)
			wrong(c, AT(at, "customTags"), D_POLICY_INVALID, "a tag needs a name");
		if (!tag->literal && !tag->environment && !tag->header && !tag->formatter)
			wrong(c, AT(AT(at, "customTags"), name), D_POLICY_INVALID, "a tag is one of literal, environment, header, formatter");
		why = tag->formatter ? wrong_format(tag->formatter->value, false) : NULL;
		if (why)
			wrong(c, AT(AT(at, "customTags"), name), D_POLICY_INVALID, "the format goes wrong at \"%.100s\"", why);
	}
}

static void check_metrics(struct check *c, const struct where *at, const struct telemetry_metrics *m)
{
	if (m->reporting_interval.has)
		check_duration(c, AT(at, "reportingInterval"), &m->reporting_interval);
	for (size_t i = 0; i < m->n_overrides; i++) {
		const struct metric_override *o = &m->overrides[i];
		const struct where *here = ELEM(AT(at, "overrides"), i);

		if (o->match && o->match->custom_metric && !*o->match->custom_metric)
			wrong(c, AT(AT(here, "match"), "customMetric"), D_POLICY_INVALID, "the name of a metric must not be empty");
		for (size_t k = 0; k < o->n_tag_overrides; k++) {
			const struct tag_override *tag = &o->tag_overrides[k];
			const struct where *place = AT(AT(here, "tagOverrides"), o->tag_overrides_keys[k]);

			if (!*o->tag_overrides_keys[k])
				wrong(c, AT(here, "tagOverrides"), D_POLICY_INVALID, "a tag needs a name");
			if (tag->operation == TAG_UPSERT && !given(tag->value))
				wrong(c, place, D_POLICY_INVALID, "value must be set when operation is UPSERT");
			if (tag->operation == TAG_REMOVE && given(tag->value))
				wrong(c, place, D_POLICY_INVALID, "value must not be set when operation is REMOVE");
		}
	}
}

void check_telemetry(struct check *c, const void *spec)
{
	const struct telemetry *t = spec;

	check_attachment(c, t->selector, t->target_ref, t->target_refs, t->n_target_refs);
	if (t->n_tracing > 1)
		wrong(c, AT(SPEC, "tracing"), D_SETTING_IGNORED, "multiple tracing is not supported: the first one counts");
	for (size_t i = 0; i < t->n_tracing; i++)
		check_tracing(c, ELEM(AT(SPEC, "tracing"), i), &t->tracing[i]);
	for (size_t i = 0; i < t->n_metrics; i++)
		check_metrics(c, ELEM(AT(SPEC, "metrics"), i), &t->metrics[i]);
	for (size_t i = 0; i < t->n_access_logging; i++) {
		const struct log_filter *f = t->access_logging[i].filter;
		const char *why = f && given(f->expression) ? wrong_cel(f->expression) : NULL;

		if (why)
			wrong(c, AT(AT(ELEM(AT(SPEC, "accessLogging"), i), "filter"), "expression"), D_POLICY_INVALID,
			      "\"%.200s\" is no CEL expression: %s", f->expression, why);
	}
}

/* ---- WasmPlugin, TrafficExtension ---- */

enum { SHA256_HEX = 64, LUA_MAX = 64 * 1024, NAME_MAX = 256 };

static bool has_known_scheme(const char *url)
{
	static const char *const schemes[] = {"http://", "https://", "oci://", "file://"};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (!strncmp(url, schemes[i], strlen(schemes[i])))
			return true;
	return !strstr(url, "://");
}

static void check_wasm(struct check *c, const struct where *at, const struct wasm_module *m)
{
	struct map seen;

	if (!has_known_scheme(m->url) || m->url[strcspn(m->url, " \t\r\n")])
		wrong(c, AT(at, "url"), D_PLUGIN_INVALID, "\"%.200s\" is no URL of http, https, oci or file", m->url);
	if (given(m->sha256) && (strlen(m->sha256) != SHA256_HEX || m->sha256[strspn(m->sha256, "0123456789abcdef")]))
		wrong(c, AT(at, "sha256"), D_PLUGIN_INVALID, "sha256 is %d lower-case hexadecimal digits", SHA256_HEX);
	if (m->plugin_name && (!*m->plugin_name || strlen(m->plugin_name) > NAME_MAX))
		wrong(c, AT(at, "pluginName"), D_PLUGIN_INVALID, "a name has 1 to %d characters", NAME_MAX);
	if (m->image_pull_secret && (!*m->image_pull_secret || strlen(m->image_pull_secret) > 253))
		wrong(c, AT(at, "imagePullSecret"), D_PLUGIN_INVALID, "the name of a Secret has 1 to 253 characters");
	map_init(&seen, c->ds->arena);
	for (size_t i = 0; m->vm_config && i < m->vm_config->n_env; i++) {
		const struct wasm_env *e = &m->vm_config->env[i];
		const struct where *here = ELEM(AT(AT(at, "vmConfig"), "env"), i);

		if (map_get(&seen, e->name))
			wrong(c, here, D_PLUGIN_INVALID, "duplicate env %.100s", e->name);
		map_set(&seen, e->name, (void *)e);
		if (e->value_from == ENV_HOST && given(e->value))
			wrong(c, here, D_PLUGIN_INVALID, "value may only be set when valueFrom is INLINE");
	}
}

static void check_matches(struct check *c, const struct plugin_match *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < m[i].n_ports; k++)
			check_port(c, AT(ELEM(AT(ELEM(AT(SPEC, "match"), i), "ports"), k), "number"), m[i].ports[k].number);
}

void check_wasm_plugin(struct check *c, const void *spec)
{
	const struct wasm_plugin *p = spec;
	const struct wasm_module m = {
		.url = p->url, .sha256 = p->sha256, .plugin_name = p->plugin_name,
		.image_pull_secret = p->image_pull_secret, .vm_config = p->vm_config,
	};

	check_attachment(c, p->selector, p->target_ref, p->target_refs, p->n_target_refs);
	check_wasm(c, SPEC, &m);
	check_matches(c, p->match, p->n_match);
}

void check_traffic_extension(struct check *c, const void *spec)
{
	const struct traffic_extension *t = spec;

	check_attachment(c, t->selector, t->target_ref, t->target_refs, t->n_target_refs);
	check_matches(c, t->match, t->n_match);
	if (!t->wasm && !t->lua)
		wrong(c, SPEC, D_PLUGIN_INVALID, "one of wasm and lua is needed");
	if (t->wasm)
		check_wasm(c, AT(SPEC, "wasm"), t->wasm);
	if (t->lua && strlen(t->lua->inline_code) > LUA_MAX)
		wrong(c, AT(AT(SPEC, "lua"), "inlineCode"), D_PLUGIN_INVALID, "a script has at most %d KiB", LUA_MAX >> 10);
}

/* ---- EnvoyFilter ---- */

/* What a patch may match, by what it applies to. */
enum class { CLASS_LISTENER, CLASS_ROUTE, CLASS_CLUSTER, CLASS_ANY };

static const enum class class_of[] = {
	[APPLY_LISTENER] = CLASS_LISTENER, [APPLY_FILTER_CHAIN] = CLASS_LISTENER,
	[APPLY_NETWORK_FILTER] = CLASS_LISTENER, [APPLY_HTTP_FILTER] = CLASS_LISTENER,
	[APPLY_LISTENER_FILTER] = CLASS_LISTENER, [APPLY_ROUTE_CONFIGURATION] = CLASS_ROUTE,
	[APPLY_VIRTUAL_HOST] = CLASS_ROUTE, [APPLY_HTTP_ROUTE] = CLASS_ROUTE, [APPLY_CLUSTER] = CLASS_CLUSTER,
	[APPLY_EXTENSION_CONFIG] = CLASS_ANY, [APPLY_BOOTSTRAP] = CLASS_ANY, [APPLY_INVALID] = CLASS_ANY,
};

static void check_patch_match(struct check *c, const struct where *at, enum apply_to to, const struct config_match *m)
{
	bool waypoint = m->context == CONTEXT_WAYPOINT;

	if (waypoint ? m->listener || m->route_configuration || m->cluster : m->waypoint != NULL)
		wrong(c, at, D_PLUGIN_INVALID, "a waypoint match goes with the context WAYPOINT, and nothing else does");
	else if ((class_of[to] == CLASS_LISTENER && (m->route_configuration || m->cluster)) ||
		 (class_of[to] == CLASS_ROUTE && (m->listener || m->cluster)) ||
		 (class_of[to] == CLASS_CLUSTER && (m->listener || m->route_configuration)))
		wrong(c, at, D_PLUGIN_INVALID, "applyTo %s cannot have a match of another class",
		      enum_name(&enum_desc_apply_to, (int)to));
	if (m->proxy && given(m->proxy->proxy_version))
		check_regex(c, AT(AT(at, "proxy"), "proxyVersion"), m->proxy->proxy_version);
	if (m->waypoint && m->waypoint->port_number > 65535)
		check_port(c, AT(AT(at, "waypoint"), "portNumber"), m->waypoint->port_number);
	if (m->listener && m->listener->filter_chain && m->listener->filter_chain->filter &&
	    m->listener->filter_chain->filter->sub_filter && to != APPLY_HTTP_FILTER)
		wrong(c, AT(at, "listener"), D_PLUGIN_INVALID, "subFilter match can be used with applyTo HTTP_FILTER only");
}

static void check_config_patch(struct check *c, const struct where *at, const struct config_patch *p)
{
	if (p->apply_to == APPLY_INVALID)
		wrong(c, AT(at, "applyTo"), D_PLUGIN_INVALID, "applyTo is missing");
	if (p->match)
		check_patch_match(c, AT(at, "match"), p->apply_to, p->match);
	if (!p->patch || p->patch->operation == PATCH_INVALID)
		wrong(c, AT(at, "patch"), D_PLUGIN_INVALID, "a patch with an operation is missing");
	else if (p->patch->operation != PATCH_REMOVE && !p->patch->value)
		wrong(c, AT(at, "patch"), D_PLUGIN_INVALID, "value is missing: only REMOVE does without");
}

void check_envoy_filter(struct check *c, const void *spec)
{
	const struct envoy_filter *f = spec;

	if (f->workload_selector)
		check_selector(c, AT(AT(SPEC, "workloadSelector"), "labels"), &f->workload_selector->labels);
	check_attachment(c, NULL, NULL, f->target_refs, f->n_target_refs);
	if (f->workload_selector && f->n_target_refs)
		wrong(c, SPEC, D_ATTACHMENT_INVALID, "only one of targetRefs or workloadSelector can be set");
	for (size_t i = 0; i < f->n_config_patches; i++)
		check_config_patch(c, ELEM(AT(SPEC, "configPatches"), i), &f->config_patches[i]);
}
