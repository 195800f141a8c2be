/* SPDX-License-Identifier: Apache-2.0
 *
 * Gateways of the Gateway API and ListenerSets: whose they are, what becomes of each listener, and which routes it takes
 * (istio-behaviour.md 1.14). Decided once a snapshot; what is compiled, verdicts and statuses read it here.
 * Thread: pure.
 */
#ifndef MESH_GWAPI_H
#define MESH_GWAPI_H

#include "mesh/snapshot.h"
#include "model/gwapi.h"
#include "model/traffic.h"

/* Why something is not so: a reason of the API ("NoMatchingParent") and a text; without a reason it is so. */
struct api_fault {
	const char *reason, *text;
};

/* On the pods of a Gateway: its name. */
#define API_GATEWAY_LABEL "gateway.networking.k8s.io/gateway-name"

/* Who looks after the Gateways of a class. */
enum api_controller {
	API_NOT_OURS,
	API_GATEWAY,		/* istio.io/gateway-controller */
	API_REMOTE,		/* istio.io/unmanaged-gateway: nothing is compiled */
	API_WAYPOINT,		/* istio.io/mesh-controller: nothing is compiled */
};

/* One listener. Texts live as long as the struct or its object. */
struct api_listener {
	const struct gwapi_listener *spec;
	size_t index;
	const char *gateway_name;	/* of the Gateway (of Istio) that it is compiled as, in the owner's namespace */
	const char *host;		/* "*" = any */
	struct strs namespaces;		/* whose routes may attach, sorted; "*" = everybody's */
	uint64_t kinds;			/* of routes that may attach: a bit for each enum kind */
	bool wrong_kinds;		/* allowedRoutes names one that it cannot take */
	struct api_fault conflict;	/* an earlier listener of the Gateway has its place */
	struct api_fault unsupported;	/* protocol, or certificates of clients */
	struct api_fault refs;		/* certificates */
	enum server_tls_mode tls_mode;
	struct strs certs;		/* SDS names */
	const char *ca;			/* SDS name, or NULL */
	bool insecure;			/* clients without a valid certificate are let in */
	struct hash128 hash;		/* of what is compiled of it */
};

/* What routes name as their parent: a Gateway of ours, or a ListenerSet of one. */
struct api_parent {
	const struct object *obj;
	const struct object *gateway;	/* obj, or that of the ListenerSet */
	enum api_controller controller;
	struct api_fault fault;		/* addresses that are no Hostname; a ListenerSet that the Gateway does not take */
	struct api_fault parameters;	/* of its infrastructure */
	struct api_fault client_cert;	/* of tls.backend */
	const char *client_cert_name;	/* its SDS name, or NULL */
	bool managed;			/* its pods are labelled with its name; else those behind `services` serve it */
	struct strs services;		/* hosts of its Services; none: it cannot be reached */
	struct api_listener *listeners;
	size_t n;
	size_t n_sets;			/* ListenerSets that it takes */
};

struct api_parents {
	struct part part;
	struct api_parent *v;		/* by object_compare */
	size_t n;
};

enum api_controller api_controller_of_class(const struct snapshot *s, const char *class_name);
enum api_controller api_controller_named(const char *controller_name);
/* NULL: no Gateway or ListenerSet of ours. */
const struct api_parent *api_parent_find(const struct snapshot *s, enum kind kind, const char *ns, const char *name);
const struct api_parent *api_parent_of(const struct snapshot *s, const struct object *obj);
/* It is in force: some proxy may listen for it. */
bool api_is_served(const struct api_parent *p, const struct api_listener *l);
/* It is there for routes, in force or not. */
bool api_takes_routes(const struct api_parent *p, const struct api_listener *l);
/* Why the listener does not take the route, which names its owner by ref. Texts are in a. */
struct api_fault api_refuses(const struct api_listener *l, const struct object *route, const struct gwapi_parent_ref *ref,
			     struct arena *a);
/* How many listeners of p take the route; if none does, why not. */
struct api_attachment {
	size_t n;
	struct api_fault fault;
};
struct api_attachment api_attach(const struct api_parent *p, const struct object *route, const struct gwapi_parent_ref *ref,
				 struct arena *a);
/* A listener of the same port and protocol has the route's host more narrowly, and alone has it. */
bool api_is_isolated(const struct api_parent *p, const struct api_listener *l, const char *host);

/* The kinds of routes that are compiled, in the order of enum kind. */
enum { API_ROUTE_KINDS = 4 };
extern const enum kind api_route_kinds[API_ROUTE_KINDS];

/* The parentRefs and hostnames of a route of any kind. */
const struct gwapi_parent_ref *api_route_parents(const struct object *route, size_t *n);
struct strs api_route_hosts(const struct object *route);
/* The Gateway or ListenerSet of ours that a parentRef names, or NULL. */
const struct api_parent *api_parent_named(const struct snapshot *s, const struct object *route,
					  const struct gwapi_parent_ref *ref);

#endif
