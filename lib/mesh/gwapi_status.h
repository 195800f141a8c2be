/* SPDX-License-Identifier: Apache-2.0
 *
 * What the statuses of the Gateway API's objects say: conditions with the reasons of the API's own specification, at whatever
 * Istio does where that leaves it open (istio-behaviour.md 1.14). A pure function of the snapshot, and of nothing else: times
 * of transition, and what other controllers wrote, are the writer's. Thread: pure.
 */
#ifndef MESH_GWAPI_STATUS_H
#define MESH_GWAPI_STATUS_H

#include "base/buf.h"
#include "mesh/gwapi.h"

#define API_CONTROLLER_NAME "istio.io/gateway-controller"

struct api_condition {
	const char *type, *reason, *message;
	bool is_true;
};

enum { API_CONDITIONS_MAX = 5 };
struct api_conditions {
	struct api_condition v[API_CONDITIONS_MAX];
	size_t n;
};

struct api_listener_status {
	const char *name;
	uint64_t kinds;			/* supportedKinds: a bit for each enum kind */
	size_t attached_routes;
	struct api_conditions conditions;
};

/* Of a route at one parent, of a policy for one ancestor. Texts are as the object has them; NULL = absent. */
struct api_ref_status {
	const char *group, *kind, *ns, *name, *section_name;
	struct opt_u32 port;
	const char *controller;
	struct api_conditions conditions;
};

struct api_status {
	const struct object *obj;	/* its generation is what was looked at */
	struct api_conditions conditions;
	bool has_listeners;		/* a Gateway or ListenerSet */
	const struct api_listener_status *listeners;
	size_t n_listeners;
	struct strs addresses;		/* IP addresses and host names */
	size_t attached_sets;		/* ListenerSets of a Gateway */
	bool has_refs;			/* a route or policy: conditions stand in these, and none of its own */
	const struct api_ref_status *refs;
	size_t n_refs;
};

/* One for each object of ours, and for each route, which has no ref where it is at nothing of ours. In the order of
 * object_compare within a kind. */
struct api_statuses {
	const struct api_status *v;
	size_t n;
};

/* deployed: a Gateway's own Service counts as there, as in a directory of manifests nobody writes it. In a. */
void api_statuses_build(const struct snapshot *s, bool deployed, struct arena *a, struct api_statuses *out);
/* The value of "status", as JSON, but for lastTransitionTime. */
void api_status_to_json(const struct api_status *st, struct buf *out);
/* One line a condition, for people. */
void api_statuses_to_text(const struct api_statuses *all, struct buf *out);

#endif
