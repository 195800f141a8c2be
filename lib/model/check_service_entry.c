/* SPDX-License-Identifier: Apache-2.0
 *
 * ServiceEntry and WorkloadEntry.
 */
#include <string.h>

#include "base/map.h"
#include "base/must.h"
#include "base/scalar.h"
#include "model/check_int.h"
#include "model/labels.h"

enum {
	PORT_NAME_MAX = 62,
	DNS_NAME_MAX = 253,	/* a longer one cannot be asked for: Envoy waits for its cluster ever after */
};

/* ---- endpoints ---- */

static void check_endpoint_ports(struct check *c, const struct where *w, const struct workload_entry *e)
{
	for (size_t i = 0; i < e->ports.n; i++) {
		const char *name = e->ports.v[i].key;

		if (!is_label(name, strlen(name)) || strlen(name) > PORT_NAME_MAX)
			wrong(c, AT(AT(w, "ports"), name), D_PORT_INVALID, "port name must be valid, not \"%s\"", name);
		check_port(c, AT(AT(w, "ports"), name), e->ports.v[i].value);
	}
}

void check_workload(struct check *c, const struct where *w, const struct workload_entry *e)
{
	const char *why;

	check_labels(c, AT(w, "labels"), &e->labels);
	check_endpoint_ports(c, w, e);
	if (!given(e->address)) {
		if (!given(e->network))
			wrong(c, w, D_ENDPOINT_INVALID, "address is required");
	} else if (is_unix(e->address)) {
		why = wrong_unix_path(e->address + strlen("unix://"));
		if (why)
			wrong(c, AT(w, "address"), D_ENDPOINT_INVALID, "%s: %s", e->address, why);
		if (e->ports.n)
			wrong(c, AT(w, "ports"), D_ENDPOINT_INVALID, "unix endpoint %s must not include ports", e->address);
	} else if (!scalar_is_ip(e->address) && (wrong_fqdn(e->address) || strlen(e->address) > DNS_NAME_MAX)) {
		wrong(c, AT(w, "address"), D_ENDPOINT_INVALID, "endpoint address \"%s\" is not a valid FQDN or an IP address", e->address);
	}
}

void check_workload_entry(struct check *c, const void *spec)
{
	check_workload(c, SPEC, spec);
}

/* ---- ServiceEntry ---- */

struct entry_check {
	struct check *c;
	const struct service_entry *se;
	struct map port_names;
};

static void check_ports(struct entry_check *e)
{
	const struct where *w = AT(SPEC, "ports");
	struct map numbers;

	map_init(&numbers, e->c->ds->arena);
	for (size_t i = 0; i < e->se->n_ports; i++) {
		const struct se_port *p = &e->se->ports[i];
		char number[16];

		snprintf(number, sizeof(number), "%u", p->number);
		if (map_set(&e->port_names, p->name, (void *)p))
			wrong(e->c, AT(ELEM(w, i), "name"), D_PORT_DUPLICATE, "service entry port name \"%s\" already defined", p->name);
		if (map_set(&numbers, number, (void *)p))
			wrong(e->c, AT(ELEM(w, i), "number"), D_PORT_DUPLICATE, "service entry port %u already defined", p->number);
		check_port_name(e->c, AT(ELEM(w, i), "name"), p->name);
		check_protocol(e->c, AT(ELEM(w, i), "protocol"), p->protocol);
		check_port(e->c, AT(ELEM(w, i), "number"), p->number);
		if (p->target_port)
			check_port(e->c, AT(ELEM(w, i), "targetPort"), p->target_port);
	}
}

static void check_entry_hosts(struct entry_check *e)
{
	const struct where *w = AT(SPEC, "hosts");

	for (size_t i = 0; i < e->se->hosts.n; i++) {
		if (!strcmp(e->se->hosts.v[i], "*"))
			wrong(e->c, ELEM(w, i), D_HOST_INVALID, "invalid host *");
		else
			check_host(e->c, ELEM(w, i), e->se->hosts.v[i]);
	}
}

static void check_addresses(struct entry_check *e)
{
	const struct service_entry *se = e->se;
	bool fixed = se->resolution == SE_RESOLUTION_NONE || se->resolution == SE_RESOLUTION_STATIC;
	bool network = false;

	for (size_t i = 0; i < se->addresses.n; i++) {
		network = network || strchr(se->addresses.v[i], '/');
		if (!is_ip_or_cidr(se->addresses.v[i]))
			wrong(e->c, ELEM(AT(SPEC, "addresses"), i), D_ENTRY_INVALID, "%s is not a valid CIDR block", se->addresses.v[i]);
	}
	if (network && !fixed)
		wrong(e->c, AT(SPEC, "addresses"), D_ENTRY_INVALID, "CIDR addresses are allowed only for NONE/STATIC resolution types");
}

static void check_endpoints(struct entry_check *e)
{
	const struct service_entry *se = e->se;

	for (size_t i = 0; i < se->n_endpoints; i++) {
		const struct workload_entry *x = &se->endpoints[i];
		const struct where *at = ELEM(AT(SPEC, "endpoints"), i);

		check_workload(e->c, at, x);
		for (size_t k = 0; k < x->ports.n; k++) {
			if (!map_get(&e->port_names, x->ports.v[k].key))
				wrong(e->c, AT(AT(at, "ports"), x->ports.v[k].key), D_ENTRY_INVALID,
				      "endpoint port %s is not defined by the service entry", x->ports.v[k].key);
		}
		if (given(x->address) && is_unix(x->address)) {
			if (se->resolution != SE_RESOLUTION_STATIC)
				wrong(e->c, AT(at, "address"), D_ENDPOINT_INVALID, "unix endpoints need the resolution STATIC");
			else if (se->n_ports != 1)
				wrong(e->c, AT(at, "address"), D_ENTRY_INVALID, "exactly 1 service port required for unix endpoints");
		} else if (given(x->address) && se->resolution == SE_RESOLUTION_STATIC && !scalar_is_ip(x->address)) {
			wrong(e->c, AT(at, "address"), D_ENDPOINT_INVALID, "endpoint address \"%s\" is not a valid IP address", x->address);
		}
	}
}

/* Without endpoints the hosts themselves are what DNS resolves. */
static void check_dns(struct entry_check *e)
{
	const struct service_entry *se = e->se;
	const char *mode = enum_name(&enum_desc_se_resolution, (int)se->resolution);

	for (size_t i = 0; i < se->hosts.n && !se->n_endpoints && !se->workload_selector; i++) {
		if (strlen(se->hosts.v[i]) > DNS_NAME_MAX)
			wrong(e->c, ELEM(AT(SPEC, "hosts"), i), D_ENTRY_INVALID, "DNS takes names of at most %d characters", DNS_NAME_MAX);
		if (host_is_wildcard(se->hosts.v[i]))
			wrong(e->c, ELEM(AT(SPEC, "hosts"), i), D_ENTRY_INVALID,
			      "hosts must be FQDN if no endpoints are provided for resolution mode %s", mode);
	}
	if (se->resolution == SE_RESOLUTION_DNS_ROUND_ROBIN && se->n_endpoints > 1)
		wrong(e->c, AT(SPEC, "endpoints"), D_ENTRY_INVALID, "there must only be 0 or 1 endpoint for resolution mode %s", mode);
}

/* The proxy resolves whatever name is called, so the names must be open and in the request. */
static void check_dynamic_dns(struct entry_check *e)
{
	const struct service_entry *se = e->se;

	if (se->n_endpoints || se->workload_selector)
		wrong(e->c, AT(SPEC, "endpoints"), D_ENTRY_INVALID, "no endpoints should be provided for resolution type DYNAMIC_DNS");
	if (se->addresses.n)
		wrong(e->c, AT(SPEC, "addresses"), D_ENTRY_INVALID, "no addresses should be provided for resolution type DYNAMIC_DNS");
	if (se->location == SE_LOCATION_MESH_INTERNAL)
		wrong(e->c, AT(SPEC, "location"), D_ENTRY_INVALID, "resolution type DYNAMIC_DNS is for services outside of the mesh");
	for (size_t i = 0; i < se->hosts.n; i++) {
		if (!host_is_wildcard(se->hosts.v[i]))
			wrong(e->c, ELEM(AT(SPEC, "hosts"), i), D_ENTRY_INVALID, "hosts must be wildcards for resolution type DYNAMIC_DNS");
	}
	for (size_t i = 0; i < se->n_ports; i++) {
		const char *protocol = se->ports[i].protocol;
		int bits = given(protocol) ? protocol_find(protocol) : 0;

		if (bits >= 0 && !(bits & (PROTO_HTTP | PROTO_TLS)))
			wrong(e->c, AT(ELEM(AT(SPEC, "ports"), i), "protocol"), D_ENTRY_INVALID,
			      "resolution type DYNAMIC_DNS supports HTTP and TLS ports only");
	}
}

/* Several hosts on a TCP port cannot be told apart once the host is resolved. */
static void check_differentiable(struct entry_check *e)
{
	const struct service_entry *se = e->se;

	if (se->resolution == SE_RESOLUTION_NONE || se->hosts.n < 2)
		return;
	for (size_t i = 0; i < se->n_ports; i++) {
		int bits = given(se->ports[i].protocol) ? protocol_find(se->ports[i].protocol) : 0;

		if (!(bits & (PROTO_HTTP | PROTO_TLS))) {
			wrong(e->c, ELEM(AT(SPEC, "ports"), i), D_ENTRY_INVALID, "multiple hosts not allowed with non-HTTP, non-TLS ports");
			return;
		}
	}
}

void check_service_entry(struct check *c, const void *spec)
{
	struct entry_check e = {.c = c, .se = spec};
	const struct service_entry *se = spec;

	map_init(&e.port_names, c->ds->arena);
	check_entry_hosts(&e);
	check_addresses(&e);
	check_ports(&e);
	check_endpoints(&e);
	if (se->workload_selector && se->n_endpoints)
		wrong(c, SPEC, D_ENTRY_INVALID, "only one of WorkloadSelector or Endpoints is allowed in Service Entry");
	if (se->workload_selector) {
		check_selector(c, AT(AT(SPEC, "workloadSelector"), "labels"), &se->workload_selector->labels);
		if (!se->workload_selector->labels.n)
			wrong(c, AT(SPEC, "workloadSelector"), D_SETTING_HEAVY,
			      "workload selector specified without labels, will be applied to all workloads of the namespace");
		if (se->resolution == SE_RESOLUTION_NONE)
			wrong(c, AT(SPEC, "workloadSelector"), D_SETTING_IGNORED,
			      "workloadSelector should not be set when resolution mode is NONE");
	}
	if (se->resolution == SE_RESOLUTION_NONE && se->n_endpoints)
		wrong(c, AT(SPEC, "endpoints"), D_ENTRY_INVALID, "no endpoints should be provided for resolution type none");
	if (se->resolution == SE_RESOLUTION_DNS || se->resolution == SE_RESOLUTION_DNS_ROUND_ROBIN)
		check_dns(&e);
	if (se->resolution == SE_RESOLUTION_DYNAMIC_DNS)
		check_dynamic_dns(&e);
	check_differentiable(&e);
	check_export_to(c, &se->export_to, EXPORT_TO_NONE_ALLOWED);
}

/* ---- WorkloadGroup ---- */

static void check_probe(struct check *c, const struct readiness_probe *p)
{
	const struct where *at = AT(SPEC, "probe");
	const struct {
		const char *name;
		int32_t value;
	} counts[] = {
		{"initialDelaySeconds", p->initial_delay_s}, {"timeoutSeconds", p->timeout_s},
		{"periodSeconds", p->period_s}, {"successThreshold", p->success_threshold},
		{"failureThreshold", p->failure_threshold},
	};

	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		check_non_negative(c, AT(at, counts[i].name), counts[i].value);
	if (p->http_get) {
		const char *scheme = p->http_get->scheme;

		check_port(c, AT(AT(at, "httpGet"), "port"), p->http_get->port);
		if (given(scheme) && strcmp(scheme, "HTTP") != 0 && strcmp(scheme, "HTTPS") != 0)
			wrong(c, AT(AT(at, "httpGet"), "scheme"), D_PROBE_INVALID, "\"%.100s\" is neither HTTP nor HTTPS", scheme);
		for (size_t i = 0; i < p->http_get->n_http_headers; i++)
			if (!given(p->http_get->http_headers[i].name))
				wrong(c, ELEM(AT(AT(at, "httpGet"), "httpHeaders"), i), D_PROBE_INVALID, "a header needs a name");
	}
	if (p->tcp_socket)
		check_port(c, AT(AT(at, "tcpSocket"), "port"), p->tcp_socket->port);
	if (p->grpc)
		check_port(c, AT(AT(at, "grpc"), "port"), p->grpc->port);
	if (!p->http_get && !p->tcp_socket && !p->exec && !p->grpc)
		wrong(c, at, D_PROBE_INVALID, "a probe needs one of httpGet, tcpSocket, exec, grpc");
}

/* The template's address comes with the workload: it may be absent, as in Istio. */
void check_workload_group(struct check *c, const void *spec)
{
	const struct workload_group *g = spec;

	if (g->metadata)
		check_labels(c, AT(AT(SPEC, "metadata"), "labels"), &g->metadata->labels);
	check_labels(c, AT(AT(SPEC, "template"), "labels"), &g->template->labels);
	if (g->probe)
		check_probe(c, g->probe);
}
