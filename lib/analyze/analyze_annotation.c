/* SPDX-License-Identifier: Apache-2.0
 *
 * Annotations of Istio's: known ones, the kinds that they are for, and the form of their values
 * (istio/api annotation, istio.io/docs/reference/config/annotations).
 */
#include "analyze/analyze_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "base/scalar.h"

typedef const char *value_fn(const char *value, struct arena *a);	/* what is wrong, or NULL */

static const char *check_bool(const char *value, struct arena *a)
{
	return scalar_is_bool(value) ? NULL : arena_printf(a, "\"%.100s\" is neither true nor false", value);
}

static const char *check_u32(const char *value, struct arena *a)
{
	int64_t v;

	return scalar_int(value, 0, UINT32_MAX, &v) ? arena_printf(a, "\"%.100s\" is no number", value) : NULL;
}

static const char *check_port(const char *value, struct arena *a)
{
	int64_t v;

	return scalar_int(value, 0, 65535, &v) ? arena_printf(a, "\"%.100s\" is no port", value) : NULL;
}

static const char *check_mode(const char *value, struct arena *a)
{
	if (!strcmp(value, "REDIRECT") || !strcmp(value, "TPROXY") || !strcmp(value, "NONE"))
		return NULL;
	return arena_printf(a, "\"%.100s\" is none of REDIRECT, TPROXY, NONE", value);
}

/* A list with commas; *item is the next element without spaces around it. False at the end. */
static bool next_item(const char **list, char *item, size_t size)
{
	size_t len = strcspn(*list, ","), skip = strspn(*list, " "), n;

	if (!**list)
		return false;
	n = len > skip ? len - skip : 0;
	if (n >= size)
		n = size - 1;
	memcpy(item, *list + (len > skip ? skip : len), n);
	item[n] = '\0';
	while (n && item[n - 1] == ' ')
		item[--n] = '\0';
	*list += len + ((*list)[len] == ',');
	return true;
}

static const char *check_ranges(const char *value, struct arena *a)
{
	char item[64];
	struct cidr c;

	while (next_item(&value, item, sizeof(item)))
		if (scalar_cidr(item, &c))
			return arena_printf(a, "\"%s\" is no range of addresses", item);
	return NULL;
}

static const char *check_all_or_ranges(const char *value, struct arena *a)
{
	return strcmp(value, "*") ? check_ranges(value, a) : NULL;
}

static const char *check_ports(const char *value, struct arena *a)
{
	char item[64];
	int64_t v;

	while (next_item(&value, item, sizeof(item)))
		if (scalar_int(item, 0, 65535, &v))
			return arena_printf(a, "\"%s\" is no port", item);
	return NULL;
}

static const char *check_all_or_ports(const char *value, struct arena *a)
{
	return strcmp(value, "*") ? check_ports(value, a) : NULL;
}

static const char *check_proxy_config(const char *value, struct arena *a)
{
	struct node_docs docs;
	struct diags ds;

	diags_init(&ds, a);
	docs = node_parse(value, strlen(value), 1, a, &ds);
	if (docs.n && docs.v[0].root && !ds.nerrors)
		schema_decode(&schema_proxy_config, docs.v[0].root, "", SCHEMA_LENIENT, a, &ds);
	for (size_t i = 0; i < ds.n; i++)
		if (ds.v[i].severity == DIAG_ERROR)
			return ds.v[i].text;
	return NULL;
}

static const struct annotation {
	const char *name, *kinds;	/* "*": any */
	bool deprecated;
	value_fn *check;
} known[] = {
	{"alpha.istio.io/canonical-serviceaccounts", "Service", true, NULL},
	{"alpha.istio.io/identity", "Pod", true, NULL},
	{"alpha.istio.io/kubernetes-serviceaccounts", "Service", true, NULL},
	{"ambient.istio.io/bypass-inbound-capture", "Pod", false, check_bool},
	{"ambient.istio.io/dns-capture", "Pod", false, NULL},
	{"ambient.istio.io/redirection", "Pod", false, NULL},
	{"ambient.istio.io/waypoint-inbound-binding", "GatewayClass", false, NULL},
	{"galley.istio.io/analyze-suppress", "*", false, NULL},
	{"gateway.istio.io/controller-version", "Gateway", false, NULL},
	{"gateway.istio.io/name-override", "Gateway", false, NULL},
	{"gateway.istio.io/service-account", "Gateway", false, NULL},
	{"inject.istio.io/templates", "Pod", false, NULL},
	{"install.operator.istio.io/chart-owner", "*", false, NULL},
	{"install.operator.istio.io/owner-generation", "*", false, NULL},
	{"install.operator.istio.io/version", "*", false, NULL},
	{"internal.istio.io/parents", "*", false, NULL},
	{"istio.io/autoRegistrationGroup", "WorkloadEntry", false, NULL},
	{"istio.io/connectedAt", "WorkloadEntry", false, NULL},
	{"istio.io/disconnectedAt", "WorkloadEntry", false, NULL},
	{"istio.io/dry-run", "AuthorizationPolicy", false, NULL},
	{"istio.io/reroute-virtual-interfaces", "Pod", false, NULL},
	{"istio.io/rev", "Pod", false, NULL},
	{"istio.io/workloadController", "WorkloadEntry", false, NULL},
	{"kubernetes.io/ingress.class", "Ingress", false, NULL},
	{"networking.istio.io/address-type", "Gateway", false, NULL},
	{"networking.istio.io/exportTo", "Service", false, NULL},
	{"networking.istio.io/service-type", "Gateway", false, NULL},
	{"networking.istio.io/traffic-distribution", "Service, ServiceEntry, Namespace", false, NULL},
	{"prometheus.istio.io/merge-metrics", "Pod", false, check_bool},
	{"proxy.istio.io/config", "Pod", false, check_proxy_config},
	{"proxy.istio.io/overrides", "Pod", false, NULL},
	{"readiness.status.sidecar.istio.io/applicationPorts", "Pod", false, NULL},
	{"readiness.status.sidecar.istio.io/failureThreshold", "Pod", false, check_u32},
	{"readiness.status.sidecar.istio.io/initialDelaySeconds", "Pod", false, check_u32},
	{"readiness.status.sidecar.istio.io/periodSeconds", "Pod", false, check_u32},
	{"security.istio.io/autoMTLS", "Pod", false, NULL},
	{"sidecar.istio.io/agentLogLevel", "Pod", false, NULL},
	{"sidecar.istio.io/bootstrapOverride", "Pod", false, NULL},
	{"sidecar.istio.io/componentLogLevel", "Pod", false, NULL},
	{"sidecar.istio.io/controlPlaneAuthPolicy", "Pod", true, NULL},
	{"sidecar.istio.io/discoveryAddress", "Pod", true, NULL},
	{"sidecar.istio.io/enableCoreDump", "Pod", true, NULL},
	{"sidecar.istio.io/extraStatTags", "Pod", false, NULL},
	{"sidecar.istio.io/inject", "Pod", true, NULL},
	{"sidecar.istio.io/interceptionMode", "Pod", false, check_mode},
	{"sidecar.istio.io/logLevel", "Pod", false, NULL},
	{"sidecar.istio.io/nativeSidecar", "Pod", false, NULL},
	{"sidecar.istio.io/proxyCPU", "Pod", false, NULL},
	{"sidecar.istio.io/proxyCPULimit", "Pod", false, NULL},
	{"sidecar.istio.io/proxyImage", "Pod", false, NULL},
	{"sidecar.istio.io/proxyImageType", "Pod", false, NULL},
	{"sidecar.istio.io/proxyMemory", "Pod", false, NULL},
	{"sidecar.istio.io/proxyMemoryLimit", "Pod", false, NULL},
	{"sidecar.istio.io/rewriteAppHTTPProbers", "Pod", false, NULL},
	{"sidecar.istio.io/statsCompression", "Pod", false, NULL},
	{"sidecar.istio.io/statsHistogramBuckets", "Pod", false, NULL},
	{"sidecar.istio.io/statsInclusionPrefixes", "Pod", true, NULL},
	{"sidecar.istio.io/statsInclusionRegexps", "Pod", true, NULL},
	{"sidecar.istio.io/statsInclusionSuffixes", "Pod", true, NULL},
	{"sidecar.istio.io/status", "Pod", false, NULL},
	{"sidecar.istio.io/userVolume", "Pod", false, NULL},
	{"sidecar.istio.io/userVolumeMount", "Pod", false, NULL},
	{"status.sidecar.istio.io/port", "Pod", false, check_port},
	{"topology.istio.io/controlPlaneClusters", "Namespace", false, NULL},
	{"traffic.sidecar.istio.io/excludeInboundPorts", "Pod", false, check_ports},
	{"traffic.sidecar.istio.io/excludeInterfaces", "Pod", false, NULL},
	{"traffic.sidecar.istio.io/excludeOutboundIPRanges", "Pod", false, check_ranges},
	{"traffic.sidecar.istio.io/excludeOutboundPorts", "Pod", false, check_ports},
	{"traffic.sidecar.istio.io/includeInboundPorts", "Pod", false, check_all_or_ports},
	{"traffic.sidecar.istio.io/includeOutboundIPRanges", "Pod", false, check_all_or_ranges},
	{"traffic.sidecar.istio.io/includeOutboundPorts", "Pod", false, check_all_or_ports},
	{"traffic.sidecar.istio.io/kubevirtInterfaces", "Pod", true, NULL},
};

static bool is_istios(const char *name)
{
	static const char domain[] = "istio.io";
	size_t n = strcspn(name, "/");

	return !strcmp(name, "kubernetes.io/ingress.class") ||
	       (n >= strlen(domain) && !strncmp(name + n - strlen(domain), domain, strlen(domain)));
}

static int compare_name(const void *key, const void *row)
{
	return strcmp(key, ((const struct annotation *)row)->name);
}

static bool is_for(const char *kinds, const char *kind)
{
	size_t n = strlen(kind);

	for (const char *p = kinds; (p = strstr(p, kind)); p += n)
		if ((p == kinds || p[-1] == ' ') && (!p[n] || p[n] == ','))
			return true;
	return *kinds == '*';
}

static void judge(struct analysis *n, const struct object *o, const char *kind)
{
	const struct strmap *annotations = &o->annotations;

	for (size_t i = 0; i < annotations->n; i++) {
		const char *name = annotations->v[i].key, *wrong;
		const struct annotation *a;
		const char *path = arena_printf(n->a, "metadata.annotations.%s", name);

		if (!is_istios(name))
			continue;
		a = bsearch(name, known, ARRAY_LEN(known), sizeof(known[0]), compare_name);
		if (!a) {
			analysis_add(n, o, D_ANNOTATION_UNKNOWN, (struct pos){0}, path, "no annotation has the name %s", name);
			continue;
		}
		if (a->deprecated && !strmap_get(&o->labels, name))
			analysis_add(n, o, D_ANNOTATION_DEPRECATED, (struct pos){0}, path, "%s is deprecated%s", name,
				     strcmp(name, "sidecar.istio.io/inject") ? "" : "; use the label of that name");
		wrong = a->check && is_for(a->kinds, kind) ? a->check(annotations->v[i].value, n->a) : NULL;
		if (!is_for(a->kinds, kind))
			analysis_add(n, o, D_ANNOTATION_MISPLACED, (struct pos){0}, path, "%s is for %s only", name, a->kinds);
		else if (wrong)
			analysis_add(n, o, D_ANNOTATION_INVALID, (struct pos){0}, path, "%s", wrong);
	}
}

void analyze_annotations(struct analysis *n)
{
	static const enum kind kinds[] = {KIND_NAMESPACE, KIND_SERVICE, KIND_POD, KIND_DEPLOYMENT};

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		const struct kind_list *list = analysis_list(n, kinds[k]);

		for (size_t i = 0; i < list->n; i++)
			judge(n, list->v[i], kind_info(kinds[k])->name);
	}
}
