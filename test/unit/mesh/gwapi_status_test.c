/* SPDX-License-Identifier: Apache-2.0
 *
 * Statuses of the Gateway API: what golden cases cannot show, as there every Service is there and lines are for people.
 */
#include "snapshot_fixture.h"

#include "mesh/gwapi_status.h"

#define GATEWAY                                                                                                        \
	"apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: web, namespace: a, generation: 7}\n"  \
	"spec: {gatewayClassName: istio, listeners: [{name: http, port: 80, protocol: HTTP}]%s}\n"

static const struct api_status *find(const struct api_statuses *all, enum kind kind)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].obj->kind == kind)
			return &all->v[i];
	return NULL;
}

static const struct api_condition *condition(const struct api_conditions *c, const char *type)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].type, type) == 0)
			return &c->v[i];
	fail_msg("no condition %s", type);
	return NULL;
}

/* Where the Gateway's Service is, and what it is. */
static void reachable(void **state)
{
	static const struct {
		const char *addresses, *service;
		bool deployed;
		const char *reason, *address;
	} rows[] = {
		{"", NULL, true, "Programmed", "web-istio.a.svc.cluster.local"},
		{"", NULL, false, "AddressNotAssigned", NULL},
		{"", "web-istio\nspec: {type: ClusterIP", false, "Programmed", "web-istio.a.svc.cluster.local"},
		{"", "web-istio\nspec: {type: LoadBalancer", true, "AddressNotAssigned", NULL},
		{"", "web-istio\nstatus: {loadBalancer: {ingress: [{ip: 192.0.2.7}]}}\nspec: {type: LoadBalancer", false, "Programmed",
		 "192.0.2.7"},
		{"", "web-istio\nstatus: {loadBalancer: {ingress: [{hostname: lb.example.com}]}}\nspec: {type: LoadBalancer", false,
		 "Programmed", "lb.example.com"},
		{", addresses: [{type: IPAddress, value: 192.0.2.9}]", NULL, true, "Programmed", "web-istio.a.svc.cluster.local"},
		{", addresses: [{type: Hostname, value: edge}]", NULL, true, "AddressNotUsable", NULL},
		{", addresses: [{type: Hostname, value: edge}]", "edge\nspec: {type: ClusterIP", false, "Programmed",
		 "edge.a.svc.cluster.local"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct api_status *st;
		struct api_statuses all;
		struct fixture f;

		fixture_init(&f);
		fixture_add(&f, arena_printf(&f.arena, GATEWAY, rows[i].addresses));
		if (rows[i].service)
			fixture_add(&f, arena_printf(&f.arena, "apiVersion: v1\nkind: Service\nmetadata:\n  namespace: a\n  name: %s, "
							       "clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]}\n",
						     rows[i].service));
		fixture_build(&f);
		api_statuses_build(f.s, rows[i].deployed, &f.arena, &all);
		st = find(&all, KIND_GWAPI_GATEWAY);
		assert_string_equal(condition(&st->conditions, "Programmed")->reason, rows[i].reason);
		assert_int_equal(condition(&st->conditions, "Programmed")->is_true, strcmp(rows[i].reason, "Programmed") == 0);
		assert_int_equal(st->addresses.n, rows[i].address != NULL);
		if (rows[i].address)
			assert_string_equal(st->addresses.v[0], rows[i].address);
		fixture_fini(&f);
	}
}

static void as_json(void **state)
{
	struct api_statuses all;
	struct fixture f;
	struct buf b;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, arena_printf(&f.arena, GATEWAY, ""));
	fixture_add(&f, "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: b}\n"
			"spec: {parentRefs: [{name: web, namespace: a, sectionName: http, port: 80}, {name: other, kind: Mesh}]}\n");
	fixture_build(&f);
	api_statuses_build(f.s, true, &f.arena, &all);
	assert_int_equal(all.n, 2);
	buf_init(&b, 1 << 20);
	api_status_to_json(find(&all, KIND_HTTP_ROUTE), &b);
	assert_string_equal(buf_cstr(&b),
			    "{\"parents\":[{\"parentRef\":{\"name\":\"web\",\"namespace\":\"a\",\"sectionName\":\"http\",\"port\":80},"
			    "\"controllerName\":\"istio.io/gateway-controller\",\"conditions\":["
			    "{\"type\":\"Accepted\",\"status\":\"False\",\"reason\":\"NotAllowedByListeners\","
			    "\"message\":\"listener http takes no route of namespace b\"},"
			    "{\"type\":\"ResolvedRefs\",\"status\":\"True\",\"reason\":\"ResolvedRefs\","
			    "\"message\":\"all references are resolved\"}]}]}");
	b.n = 0;
	api_status_to_json(find(&all, KIND_GWAPI_GATEWAY), &b);
	assert_non_null(strstr(buf_cstr(&b), "\"observedGeneration\":7"));
	assert_non_null(strstr(buf_cstr(&b), "\"supportedKinds\":[{\"group\":\"gateway.networking.k8s.io\",\"kind\":\"HTTPRoute\"},"));
	assert_non_null(strstr(buf_cstr(&b), "\"attachedRoutes\":0"));
	assert_non_null(strstr(buf_cstr(&b),
			       "\"addresses\":[{\"type\":\"Hostname\",\"value\":\"web-istio.a.svc.cluster.local\"}]"));
	buf_fini(&b);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reachable),
		cmocka_unit_test(as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
