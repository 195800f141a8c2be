/* SPDX-License-Identifier: Apache-2.0
 *
 * What objects of the Gateway API are told, against the fake API server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report_fix.h"

static void put_entrance(struct fix *f)
{
	fix_put(f, SERVICES, "{\"metadata\":{\"name\":\"web-istio\",\"namespace\":\"one\"},\"spec\":{\"clusterIP\":\"10.0.0.2\",\"ports\":"
			     "[{\"name\":\"http\",\"port\":80}],\"externalIPs\":[]},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":"
			     "\"192.0.2.1\"}]}}}");
}

static const char *status_json(struct fix *f, const struct node *n)
{
	struct buf text;
	const char *out;

	buf_init(&text, 65536);
	if (n)
		node_to_json(n, false, false, &text);
	out = arena_strdup(&f->w.arena, n ? buf_cstr(&text) : "{}");
	buf_fini(&text);
	return out;
}

/* As a user writes them: the status stays. */
static void put_gateway_with(struct fix *f, const char *class, const char *listeners, const char *more)
{
	const struct node *was = fix_get(f, GATEWAYS, "one", "web");

	fix_put(f, GATEWAYS, arena_printf(&f->w.arena, "{\"metadata\":{\"name\":\"web\",\"namespace\":\"one\"},\"spec\":{\"gatewayClassName\":"
						       "\"%s\",\"listeners\":[%s]%s},\"status\":%s}", class, listeners, more,
					  status_json(f, node_get(was, "status"))));
}

static void put_gateway(struct fix *f, const char *class, const char *listeners)
{
	put_gateway_with(f, class, listeners, "");
}

#define HTTP_LISTENER "{\"name\":\"http\",\"port\":80,\"protocol\":\"HTTP\"}"

static void put_route(struct fix *f, const char *parents, const char *host, const char *status)
{
	const struct node *was = fix_get(f, ROUTES, "one", "shop");

	fix_put(f, ROUTES, arena_printf(&f->w.arena, "{\"metadata\":{\"name\":\"shop\",\"namespace\":\"one\"},\"spec\":{\"parentRefs\":[%s],"
						     "\"hostnames\":[\"%s\"],\"rules\":[{\"backendRefs\":[{\"name\":\"a\",\"port\":80}]}]},"
						     "\"status\":%s}", parents, host,
					status ? status : status_json(f, node_get(was, "status"))));
}

#define AT_WEB	  "{\"group\":\"gateway.networking.k8s.io\",\"kind\":\"Gateway\",\"name\":\"web\"}"
#define AT_THEIRS "{\"group\":\"gateway.networking.k8s.io\",\"kind\":\"Gateway\",\"name\":\"theirs\"}"
#define THEIR_ENTRY                                                                                                              \
	"{\"parentRef\":" AT_THEIRS ",\"controllerName\":\"example.com/other\",\"conditions\":[{\"type\":\"Accepted\",\"status\":"        \
	"\"True\",\"reason\":\"Accepted\",\"message\":\"\",\"lastTransitionTime\":\"2020-01-01T00:00:00Z\"}]}"

static const struct node *list_of(struct fix *f, const char *resource, const char *name, const char *member)
{
	return node_get(node_get(fix_get(f, resource, "one", name), "status"), member);
}

static const struct node *condition_of(const struct node *conditions, const char *type)
{
	for (size_t i = 0; conditions && i < conditions->n; i++)
		if (!strcmp(node_text(&conditions->list[i], "type"), type))
			return &conditions->list[i];
	return NULL;
}

/* The route's entry of a controller. */
static const struct node *entry_of(struct fix *f, const char *controller)
{
	const struct node *parents = list_of(f, ROUTES, "shop", "parents");

	for (size_t i = 0; parents && i < parents->n; i++)
		if (!strcmp(node_text(&parents->list[i], "controllerName"), controller))
			return &parents->list[i];
	return NULL;
}

#define OURS   "istio.io/gateway-controller"
#define THEIRS "example.com/other"

static bool has_reason(const struct node *conditions, const char *type, const char *reason)
{
	const struct node *c = condition_of(conditions, type);

	return c && !strcmp(node_text(c, "reason"), reason);
}

static bool route_is(struct fix *f, const char *type, const char *reason)
{
	return has_reason(node_get(entry_of(f, OURS), "conditions"), type, reason);
}

static bool gateway_is(struct fix *f, const char *type, const char *reason)
{
	return has_reason(list_of(f, GATEWAYS, "web", "conditions"), type, reason);
}

static unsigned attached(struct fix *f, size_t listener)
{
	const struct node *l = list_of(f, GATEWAYS, "web", "listeners");

	return l && listener < l->n ? (unsigned)strtoul(node_get(&l->list[listener], "attachedRoutes")->text, NULL, 10) : 0;
}

static void begin(struct fix *f)
{
	fix_start(f);
	put_entrance(f);
	put_gateway(f, "istio", HTTP_LISTENER);
	put_route(f, AT_THEIRS "," AT_WEB, "shop.example.com", "{\"parents\":[" THEIR_ENTRY "]}");
	fix_begin(f);
	wait_for(&f->w, route_is(f, "Accepted", "Accepted") && attached(f, 0) == 1 && fix_is_quiet(f, 0));
}

static void tells_gateways_and_routes(void **state)
{
	const struct node *address;
	uint64_t written;
	struct fix f;

	(void)state;
	begin(&f);
	assert_true(gateway_is(&f, "Programmed", "Programmed") && gateway_is(&f, "Accepted", "Accepted"));
	address = list_of(&f, GATEWAYS, "web", "addresses");
	assert_int_equal(address->n, 1);
	assert_string_equal(node_text(&address->list[0], "value"), "192.0.2.1");
	assert_true(route_is(&f, "ResolvedRefs", "ResolvedRefs"));
	assert_string_equal(node_text(node_get(entry_of(&f, THEIRS), "parentRef"), "name"), "theirs");
	written = fix_stats(&f, 0).gwapi_statuses;
	assert_int_equal(written, 2);
	/* no backend of that name any more: the time of another condition stays, the Gateway is told nothing */
	fake_api_delete(f.w.api, SERVICES, "one", "a");
	wait_for(&f.w, route_is(&f, "ResolvedRefs", "BackendNotFound") && fix_is_quiet(&f, 0));
	assert_int_equal(fix_stats(&f, 0).gwapi_statuses, written + 1);
	/* the Gateway cannot be reached any more */
	fake_api_delete(f.w.api, SERVICES, "one", "web-istio");
	wait_for(&f.w, gateway_is(&f, "Programmed", "AddressNotAssigned") && fix_is_quiet(&f, 0));
	assert_null(list_of(&f, GATEWAYS, "web", "addresses"));
	fix_stop(&f);
}

/* Entries and conditions of others are as they were; ours go with their reason. */
static void leaves_others_alone(void **state)
{
	uint64_t written;
	struct fix f;

	(void)state;
	begin(&f);
	put_route(&f, AT_THEIRS, "shop.example.com", NULL);
	wait_for(&f.w, !entry_of(&f, OURS) && attached(&f, 0) == 0 && fix_is_quiet(&f, 0));
	assert_non_null(entry_of(&f, THEIRS));
	put_route(&f, AT_THEIRS "," AT_WEB, "shop.example.com", NULL);
	wait_for(&f.w, entry_of(&f, OURS) && attached(&f, 0) == 1 && fix_is_quiet(&f, 0));
	/* a Gateway that changes hands is the other's to tell of; so is the route at it */
	written = fix_stats(&f, 0).gwapi_statuses;
	put_gateway(&f, "theirs", HTTP_LISTENER);
	wait_for(&f.w, !entry_of(&f, OURS) && fix_is_quiet(&f, 0));
	assert_int_equal(fix_stats(&f, 0).gwapi_statuses, written + 1);
	assert_true(gateway_is(&f, "Programmed", "Programmed"));
	fix_stop(&f);
}

/* Who leads next finds all as it should be; times stay while a status does. */
static void is_written_once(void **state)
{
	const char *since;
	struct fix f;

	(void)state;
	begin(&f);
	since = node_text(condition_of(node_get(entry_of(&f, OURS), "conditions"), "Accepted"), "lastTransitionTime");
	fix_close_reporter(&f, 0);
	fix_open_reporter(&f, 0);
	wait_for(&f.w, fix_is_quiet(&f, 0) && fix_stats(&f, 0).unchanged >= 2);
	assert_int_equal(fix_stats(&f, 0).gwapi_statuses, 0);
	put_route(&f, AT_THEIRS "," AT_WEB, "other.example.com", NULL);
	wait_for(&f.w, fix_stats(&f, 0).gwapi_statuses == 1 && fix_is_quiet(&f, 0));
	assert_string_equal(node_text(condition_of(node_get(entry_of(&f, OURS), "conditions"), "Accepted"), "lastTransitionTime"), since);
	/* of two listeners the first has the port; the route is at that one */
	put_gateway(&f, "istio", HTTP_LISTENER ",{\"name\":\"two\",\"port\":80,\"protocol\":\"TCP\"}");
	wait_for(&f.w, gateway_is(&f, "Accepted", "ListenersNotValid") && fix_is_quiet(&f, 0));
	assert_int_equal(list_of(&f, GATEWAYS, "web", "listeners")->n, 2);
	assert_true(has_reason(node_get(&list_of(&f, GATEWAYS, "web", "listeners")->list[1], "conditions"), "Conflicted", "ProtocolConflict"));
	assert_int_equal(attached(&f, 0), 1);
	/* a condition that is of some Gateways only goes with what it is about */
	put_gateway_with(&f, "istio", HTTP_LISTENER, ",\"allowedListeners\":{\"namespaces\":{\"from\":\"Same\"}}");
	wait_for(&f.w, gateway_is(&f, "AttachedListenerSets", "NoListenersAttached") && fix_is_quiet(&f, 0));
	put_gateway(&f, "istio", HTTP_LISTENER);
	wait_for(&f.w, !condition_of(list_of(&f, GATEWAYS, "web", "conditions"), "AttachedListenerSets") && fix_is_quiet(&f, 0));
	assert_true(gateway_is(&f, "Accepted", "Accepted"));
	fix_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_gateways_and_routes),
		cmocka_unit_test(leaves_others_alone),
		cmocka_unit_test(is_written_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
