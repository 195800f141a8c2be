/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/must.h"

void world_open(struct world *w)
{
	struct err e;

	*w = (struct world){0};
	log_set_level(getenv("VERBOSE") ? LOG_LEVEL_INFO : LOG_LEVEL_NONE);
	arena_init(&w->arena, 0);
	w->loop = loop_new(&e);
	must(w->loop);
	w->api = fake_api_new(w->loop, "127.0.0.1:0");
	w->store = store_new("cluster.local", "istio-system");
	w->access.server = arena_printf(&w->arena, "http://127.0.0.1:%u", fake_api_port(w->api));
	w->access.proxy = "";
}

void world_register_kinds(struct world *w)
{
	static const char *const kinds[][2] = {
		{SERVICES, "Service"}, {PODS, "Pod"},	    {SECRETS, "Secret"},       {NAMESPACES, "Namespace"},
		{NODES, "Node"},       {MAPS, "ConfigMap"}, {SLICES, "EndpointSlice"}, {VIRTUAL, "VirtualService"},
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		fake_api_register(w->api, kinds[i][0], kinds[i][1]);
}

static void on_change(void *arg)
{
	(void)arg;
}

struct source_kube_cfg world_source_cfg(struct world *w)
{
	return (struct source_kube_cfg){.loop = w->loop,
					.store = w->store,
					.access = &w->access,
					.root_namespace = "istio-system",
					.user_agent = "navarch-test/1",
					.changed = on_change};
}

void world_close(struct world *w)
{
	source_kube_close(w->source);
	fake_api_free(w->api);
	store_free(w->store);
	loop_free(w->loop);
	arena_fini(&w->arena);
}
