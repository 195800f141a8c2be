/* SPDX-License-Identifier: Apache-2.0
 *
 * Random manifests over a small world: three services in two namespaces, their endpoints, and all kinds
 * of objects that can refer to them, rightly or wrongly.
 */
#include "sim_config.h"

#include <stdio.h>

#include "base/must.h"

static const char *const names[] = {"red", "green", "blue"};
static const char *const spaces[] = {"one", "two"};

static const char *name(struct sim_random *r)
{
	return names[sim_below(r, ARRAY_LEN(names))];
}

static const char *space(struct sim_random *r)
{
	return spaces[sim_below(r, ARRAY_LEN(spaces))];
}

static void head(struct buf *out, const char *api, const char *kind, const char *ns, const char *obj, unsigned place)
{
	buf_printf(out, "apiVersion: %s\nkind: %s\nmetadata: {name: %s, namespace: %s, creationTimestamp: \"2024-01-01T00:00:%02uZ\"", api,
		   kind, obj, ns, place % 60);
}

static void service(struct sim_random *r, struct buf *out, unsigned place, const char *n, const char *ns)
{
	head(out, "v1", "Service", ns, n, place);
	buf_printf(out, "}\nspec:\n  clusterIP: %s%u\n  %sselector: {app: %s}\n  ports:\n  - {name: http, port: 80, targetPort: %u%s}\n",
		   sim_chance(r, 15) ? "None #" : "10.0.0.", place, sim_chance(r, 10) ? "# " : "", n, 8000 + (unsigned)sim_below(r, 2),
		   sim_chance(r, 20) ? ", appProtocol: tcp" : "");
	if (sim_chance(r, 50))
		buf_printf(out, "  - {name: tcp-db, port: %u}\n", 3306 + (unsigned)sim_below(r, 2));
	if (sim_chance(r, 20))
		buf_str(out, "  - {name: odd, port: 9999}\n");
}

static void slice(struct sim_random *r, struct buf *out, unsigned place, const char *n, const char *ns)
{
	unsigned count = (unsigned)sim_below(r, 4);

	head(out, "discovery.k8s.io/v1", "EndpointSlice", ns, n, place);
	buf_printf(out, ", labels: {kubernetes.io/service-name: %s}}\naddressType: IPv4\nports: [{name: http, port: 8000}, {name: tcp-db, port: 3306}]\n",
		   n);
	if (!count)
		buf_str(out, "endpoints: []\n");
	else
		buf_str(out, "endpoints:\n");
	for (unsigned i = 0; i < count; i++)
		buf_printf(out, "- {addresses: [10.1.%u.%u], conditions: {ready: %s}}\n", place, (unsigned)sim_below(r, 6),
			   sim_chance(r, 80) ? "true" : "false");
}

static void pod(struct sim_random *r, struct buf *out, unsigned place)
{
	char obj[32];

	snprintf(obj, sizeof(obj), "pod-%u", place);
	head(out, "v1", "Pod", spaces[place % 2], obj, place);
	buf_printf(out, ", labels: {app: %s, version: v%u%s}}\nspec: {containers: [{name: c, ports: [{containerPort: 8000}]}]}\n", name(r),
		   (unsigned)sim_below(r, 2), sim_chance(r, 50) ? ", security.istio.io/tlsMode: istio" : "");
	buf_printf(out, "status: {podIP: 10.1.%u.%u, phase: Running}\n", 6 + place % 6, (unsigned)sim_below(r, 6));
}

static void route_action(struct sim_random *r, struct buf *out)
{
	switch (sim_below(r, 6)) {
	case 0: buf_str(out, "    redirect: {uri: /elsewhere}\n"); break;
	case 1: buf_str(out, "    directResponse: {status: 418}\n"); break;
	case 2:
		buf_printf(out, "    route: [{destination: {host: %s, subset: v0}, weight: %u}, {destination: {host: %s.%s}, weight: %u}]\n",
			   name(r), (unsigned)sim_below(r, 100), name(r), space(r), 1 + (unsigned)sim_below(r, 100));
		break;
	default: buf_printf(out, "    route: [{destination: {host: %s.%s.svc.cluster.local}}]\n", name(r), space(r));
	}
}

static void virtual_service(struct sim_random *r, struct buf *out, unsigned place)
{
	char obj[32];

	snprintf(obj, sizeof(obj), "vs-%u", place);
	head(out, "networking.istio.io/v1", "VirtualService", spaces[place % 2], obj, place);
	buf_printf(out, "}\nspec:\n  hosts: [%s%s]\n", name(r), sim_chance(r, 30) ? ".two.svc.cluster.local" : "");
	if (sim_chance(r, 40))
		buf_printf(out, "  gateways: [gw-%u%s]\n", (unsigned)sim_below(r, 2), sim_chance(r, 50) ? ", mesh" : "");
	if (sim_chance(r, 30))
		buf_str(out, sim_chance(r, 50) ? "  exportTo: [\".\"]\n" : "  exportTo: [one]\n");
	buf_str(out, "  http:\n");
	for (unsigned i = 0, n = 1 + (unsigned)sim_below(r, 3); i < n; i++) {
		buf_printf(out, "  - name: r%u\n", i);
		if (i + 1 < n)
			buf_printf(out, "    match: [{uri: {prefix: /p%u}}]\n", (unsigned)sim_below(r, 4));
		if (sim_chance(r, 30))
			buf_printf(out, "    timeout: %us\n", 1 + (unsigned)sim_below(r, 9));
		route_action(r, out);
	}
}

static void destination_rule(struct sim_random *r, struct buf *out, unsigned place)
{
	char obj[32];

	snprintf(obj, sizeof(obj), "dr-%u", place);
	head(out, "networking.istio.io/v1", "DestinationRule", spaces[place % 2], obj, place);
	buf_printf(out, "}\nspec:\n  host: %s%s\n  trafficPolicy: {loadBalancer: {simple: %s}}\n", sim_chance(r, 20) ? "'*'" : name(r),
		   "", sim_chance(r, 50) ? "ROUND_ROBIN" : "RANDOM");
	if (sim_chance(r, 70))
		buf_str(out, "  subsets: [{name: v0, labels: {version: v0}}, {name: v1, labels: {version: v1}}]\n");
	if (sim_chance(r, 20))
		buf_str(out, "  exportTo: [\".\"]\n");
}

static void gateway(struct sim_random *r, struct buf *out, unsigned place)
{
	char obj[32];

	snprintf(obj, sizeof(obj), "gw-%u", place % 2);
	head(out, "networking.istio.io/v1", "Gateway", "one", obj, place);
	buf_printf(out, "}\nspec:\n  selector: {istio: ingress}\n  servers:\n  - {port: {number: %u, name: http, protocol: HTTP}, hosts: [\"%s\"]}\n",
		   80 + (unsigned)sim_below(r, 2) * 8000, sim_chance(r, 50) ? "*" : "red.one.svc.cluster.local");
}

static void service_entry(struct sim_random *r, struct buf *out, unsigned place)
{
	static const char *const how[] = {"STATIC", "DNS", "DNS_ROUND_ROBIN", "NONE"};
	size_t kind = sim_below(r, 4);
	char obj[32];

	snprintf(obj, sizeof(obj), "se-%u", place);
	head(out, "networking.istio.io/v1", "ServiceEntry", spaces[place % 2], obj, place);
	buf_printf(out, "}\nspec:\n  hosts: [ext-%u.example.com]\n  resolution: %s\n  location: MESH_EXTERNAL\n  ports: [{number: %u, name: http, protocol: HTTP}]\n",
		   (unsigned)sim_below(r, 2), how[kind], 80 + (unsigned)sim_below(r, 2));
	if (kind < 3 && sim_chance(r, 40))
		buf_printf(out, "  workloadSelector: {labels: {app: %s}}\n", name(r));
	else if (kind == 0)
		buf_printf(out, "  endpoints: [{address: 192.0.2.%u}]\n", (unsigned)sim_below(r, 9));
	else if (kind && kind < 3 && sim_chance(r, 70))
		buf_printf(out, "  endpoints: [{address: back-%u.example.com}]\n", (unsigned)sim_below(r, 2));
}

static void workload_entry(struct sim_random *r, struct buf *out, unsigned place)
{
	char obj[32];

	snprintf(obj, sizeof(obj), "we-%u", place);
	head(out, "networking.istio.io/v1", "WorkloadEntry", spaces[place % 2], obj, place);
	buf_printf(out, "}\nspec: {address: 10.1.%u.%u, labels: {app: %s, version: v%u}%s}\n", (unsigned)sim_below(r, 12),
		   (unsigned)sim_below(r, 6), name(r), (unsigned)sim_below(r, 2), sim_chance(r, 50) ? ", serviceAccount: vm" : "");
}

static void sidecar(struct sim_random *r, struct buf *out, unsigned place)
{
	char obj[32];

	snprintf(obj, sizeof(obj), "sidecar-%u", place);
	head(out, "networking.istio.io/v1", "Sidecar", "two", obj, place);
	buf_printf(out, "}\nspec:\n  egress:\n  - hosts: [\"%s/*\"]\n", sim_chance(r, 50) ? "." : space(r));
}

static void peer_authentication(struct sim_random *r, struct buf *out, unsigned place)
{
	static const char *const modes[] = {"UNSET", "DISABLE", "PERMISSIVE", "STRICT"};
	bool selects = sim_chance(r, 50);
	char obj[32];

	snprintf(obj, sizeof(obj), "peer-%u", place);
	head(out, "security.istio.io/v1", "PeerAuthentication", place == SIM_PEERS ? "istio-system" : spaces[place % 2], obj, place);
	buf_printf(out, "}\nspec:\n  mtls: {mode: %s}\n", modes[sim_below(r, 4)]);
	if (selects)
		buf_printf(out, "  selector: {matchLabels: {app: %s}}\n  portLevelMtls: {8000: {mode: %s}}\n", names[sim_below(r, 3)],
			   modes[sim_below(r, 4)]);
}

static const char *policy_space(unsigned place, unsigned first)
{
	return place == first ? "istio-system" : spaces[place % 2];
}

/* Of the whole namespace, of workloads, or of the pods of a Gateway. */
static void attachment(struct sim_random *r, struct buf *out)
{
	if (sim_chance(r, 40))
		buf_printf(out, "  selector: {matchLabels: {app: %s}}\n", name(r));
	else if (sim_chance(r, 40))
		buf_printf(out, "  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: api-%u}]\n", (unsigned)sim_below(r, 2));
}

static void request_authentication(struct sim_random *r, struct buf *out, unsigned place)
{
	char obj[32];

	snprintf(obj, sizeof(obj), "tokens-%u", place);
	head(out, "security.istio.io/v1", "RequestAuthentication", policy_space(place, SIM_TOKENS), obj, place);
	buf_str(out, "}\nspec:\n");
	attachment(r, out);
	buf_str(out, "  jwtRules:\n");
	for (unsigned i = 0, n = 1 + (unsigned)sim_below(r, 3); i < n; i++) {
		buf_printf(out, "  - issuer: %s.example.com\n    presence: %s\n", name(r), sim_chance(r, 20) ? "REQUIRED" : "OPTIONAL");
		if (sim_chance(r, 40))
			buf_printf(out, "    jwks: '{\"keys\": [{\"kty\": \"oct\", \"k\": \"c2Vj\", \"kid\": \"%s\"}]}'\n", name(r));
		else if (sim_chance(r, 80))	/* a service, a ServiceEntry, or a host that none may be known for */
			buf_printf(out, "    jwksUri: %s://%s%s/keys\n", sim_chance(r, 60) ? "http" : "https", sim_chance(r, 50) ? name(r) : "ext-0",
				   sim_chance(r, 50) ? ".one.svc.cluster.local" : ".example.com");
	}
}

static void authorization_policy(struct sim_random *r, struct buf *out, unsigned place)
{
	char obj[32];

	snprintf(obj, sizeof(obj), "policy-%u", place);
	head(out, "security.istio.io/v1", "AuthorizationPolicy", policy_space(place, SIM_POLICIES), obj, place);
	buf_printf(out, "}\nspec:\n  action: %s\n", sim_chance(r, 50) ? "DENY" : "ALLOW");
	attachment(r, out);
	buf_printf(out, "  rules: [{from: [{source: {requestPrincipals: [%s.example.com/*]}}], to: [{operation: {ports: [\"%u\"]}}]}]\n", name(r),
		   8000 + (unsigned)sim_below(r, 2));
}

static void gateway_parent(struct sim_random *r, struct buf *out)
{
	unsigned number = (unsigned)sim_below(r, 2);

	buf_printf(out, "}\nspec:\n  parentRefs: [{kind: %s-%u, namespace: %s%s}]\n",
		   sim_chance(r, 80) ? "Gateway, name: api" : "ListenerSet, name: set", number, sim_chance(r, 90) ? "one" : "two",
		   sim_chance(r, 30) ? ", sectionName: a" : sim_chance(r, 20) ? ", port: 80" : "");
	if (sim_chance(r, 50))
		buf_printf(out, "  hostnames: [%s.example.com]\n", name(r));
	buf_str(out, "  rules:\n");
}

static void http_route(struct sim_random *r, struct buf *out, unsigned place)
{
	char obj[32];

	snprintf(obj, sizeof(obj), "route-%u", place);
	head(out, "gateway.networking.k8s.io/v1", place % 4 ? "HTTPRoute" : "GRPCRoute", spaces[place % 2], obj, place);
	if (sim_chance(r, 40))
		gateway_parent(r, out);
	else if (sim_chance(r, 80))
		buf_printf(out, "}\nspec:\n  parentRefs: [{group: '', kind: Service, name: %s, namespace: %s%s}]\n  rules:\n", name(r),
			   space(r), sim_chance(r, 30) ? ", port: 80" : "");
	else
		buf_printf(out, "}\nspec:\n  parentRefs: [{group: networking.istio.io, kind: ServiceEntry, name: se-%u}]\n  rules:\n",
			   30 + (unsigned)sim_below(r, 4));
	for (unsigned i = 0, n = 1 + (unsigned)sim_below(r, 3); i < n; i++) {
		buf_printf(out, "  - name: r%u\n", i);
		if (sim_chance(r, 60))
			buf_printf(out, "    matches: [{headers: [{name: h, value: p%u}]}]\n", (unsigned)sim_below(r, 4));
		buf_printf(out, "    backendRefs: [{name: %s, namespace: %s, port: 80, weight: %u}, {name: %s, port: 80}]\n", name(r), space(r),
			   (unsigned)sim_below(r, 3), name(r));
	}
}

static void tcp_route(struct sim_random *r, struct buf *out, unsigned place)
{
	char obj[32];

	snprintf(obj, sizeof(obj), "tcp-%u", place);
	head(out, "gateway.networking.k8s.io/v1", "TCPRoute", spaces[place % 2], obj, place);
	if (sim_chance(r, 40))
		buf_printf(out, "}\nspec:\n  parentRefs: [{name: api-%u, namespace: one}]\n", (unsigned)sim_below(r, 2));
	else
		buf_printf(out, "}\nspec:\n  parentRefs: [{group: '', kind: Service, name: %s, namespace: %s%s}]\n", name(r), space(r),
			   sim_chance(r, 50) ? ", port: 3306" : "");
	buf_printf(out, "  rules: [{backendRefs: [{name: %s, port: 3306}, {name: %s, namespace: %s, port: 3306, weight: %u}]}]\n", name(r),
		   name(r), space(r), (unsigned)sim_below(r, 3));
}

static void listener(struct sim_random *r, struct buf *out, const char *section)
{
	static const char *const from[] = {"Same", "All", "Selector, selector: {matchLabels: {color: red}}"};

	buf_printf(out, "  - {name: %s, port: %u, protocol: %s", section, 80 + (unsigned)sim_below(r, 2), sim_chance(r, 80) ? "HTTP" : "TCP");
	buf_printf(out, ", allowedRoutes: {namespaces: {from: %s}}}\n", from[sim_below(r, 3)]);
}

static void api_gateway(struct sim_random *r, struct buf *out, unsigned place)
{
	char obj[32];

	snprintf(obj, sizeof(obj), "api-%u", place % 2);
	head(out, "gateway.networking.k8s.io/v1", "Gateway", "one", obj, place);
	buf_printf(out, "}\nspec:\n  gatewayClassName: %s\n  allowedListeners: {namespaces: {from: %s}}\n",
		   sim_chance(r, 90) ? "istio" : "other", sim_chance(r, 50) ? "All" : "Same");
	if (sim_chance(r, 20))
		buf_printf(out, "  addresses: [{type: Hostname, value: %s}]\n", name(r));
	buf_str(out, "  listeners:\n");
	listener(r, out, "a");
	if (sim_chance(r, 50))
		listener(r, out, "b");
}

static void listener_set(struct sim_random *r, struct buf *out, unsigned place)
{
	char obj[32];

	snprintf(obj, sizeof(obj), "set-%u", place % 2);
	head(out, "gateway.networking.k8s.io/v1", "ListenerSet", spaces[place % 2], obj, place);
	buf_printf(out, "}\nspec:\n  parentRef: {name: api-%u, namespace: one}\n  listeners:\n", (unsigned)sim_below(r, 2));
	listener(r, out, "a");
}

static void reference_grant(struct sim_random *r, struct buf *out, unsigned place)
{
	char obj[32];

	snprintf(obj, sizeof(obj), "grant-%u", place);
	head(out, "gateway.networking.k8s.io/v1beta1", "ReferenceGrant", spaces[place % 2], obj, place);
	buf_printf(out, "}\nspec:\n  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: %s}]\n", space(r));
	buf_str(out, "  to: [{group: '', kind: Service");
	if (sim_chance(r, 50))
		buf_printf(out, ", name: %s", name(r));
	buf_str(out, "}]\n");
}

static void tls_policy(struct sim_random *r, struct buf *out, unsigned place)
{
	char obj[32];

	snprintf(obj, sizeof(obj), "tls-%u", place);
	head(out, "gateway.networking.k8s.io/v1", "BackendTLSPolicy", "one", obj, place);
	buf_printf(out, "}\nspec:\n  targetRefs: [{group: '', kind: Service, name: %s%s}]\n", name(r),
		   sim_chance(r, 40) ? ", sectionName: tcp-db" : "");
	buf_printf(out, "  validation: {%s, hostname: h%u.example.com}\n",
		   sim_chance(r, 70) ? "wellKnownCACertificates: System"
				     : "caCertificateRefs: [{group: '', kind: ConfigMap, name: ca}]",
		   (unsigned)sim_below(r, 2));
}

/* The kind of a place is its own, whatever is drawn. */
static void gateway_api(struct sim_random *r, struct buf *out, unsigned place)
{
	unsigned i = place - SIM_GATEWAY_API;

	if (i < 2)
		api_gateway(r, out, place);
	else if (i < 4)
		listener_set(r, out, place);
	else if (i < 7)
		reference_grant(r, out, place);
	else if (i < 9)
		tls_policy(r, out, place);
	else if (i < 11)
		buf_printf(out, "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {color: %s}}\n", spaces[i % 2], name(r));
	else
		buf_printf(out, "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: istio}\n"
				"spec: {controllerName: %s}\n",
			   sim_chance(r, 80) ? "istio.io/gateway-controller" : "example.com/other");
}

static void draw(struct sim_random *r, unsigned place, struct buf *out)
{
	if (place < SIM_SLICES)
		service(r, out, place, names[place % 3], spaces[place / 3]);
	else if (place < SIM_SLICES_END)
		slice(r, out, place, names[place % 3], spaces[(place - 6) / 3]);
	else if (place < 18)
		pod(r, out, place);
	else if (place < 24)
		virtual_service(r, out, place);
	else if (place < 28)
		destination_rule(r, out, place);
	else if (place < 30)
		gateway(r, out, place);
	else if (place < 34)
		service_entry(r, out, place);
	else if (place < 36)
		sidecar(r, out, place);
	else if (place < SIM_PEERS)
		workload_entry(r, out, place);
	else if (place < SIM_ROUTES)
		peer_authentication(r, out, place);
	else if (place < SIM_TCP_ROUTES)
		http_route(r, out, place);
	else if (place < SIM_GATEWAY_API)
		tcp_route(r, out, place);
	else if (place < SIM_TOKENS)
		gateway_api(r, out, place);
	else if (place < SIM_POLICIES)
		request_authentication(r, out, place);
	else
		authorization_policy(r, out, place);
}

void sim_manifest(struct sim_random *r, unsigned place, struct buf *out)
{
	size_t at = out->n;

	must(place < SIM_PLACES);
	draw(r, place, out);
	if (sim_chance(r, 6))		/* a broken edit */
		out->n = at + (out->n - at) / 2 + sim_below(r, 1 + (out->n - at) / 2);
}
