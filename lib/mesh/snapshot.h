/* SPDX-License-Identifier: Apache-2.0
 *
 * struct snapshot: what the configuration means at one moment, for all proxies. Pure function of
 * the store's objects: snapshot_build reads nothing else, and a build from `prev` gives the same
 * as one from nothing (oracle O1). It is an array of *parts* (one service, one host's endpoints,
 * one VirtualService, ...): immutable blocks with own arena and refcount, shared with the
 * generation before where their inputs did not change (P6). Workers only read; counts change on
 * the loop thread.
 */
#ifndef MESH_SNAPSHOT_H
#define MESH_SNAPSHOT_H

#include "base/hash.h"
#include "model/labels.h"
#include "model/meshconf.h"
#include "model/object.h"
#include "store/object_set.h"

enum verdict_state {
	VERDICT_EFFECTIVE,
	VERDICT_PARTLY,		/* some fields are not in effect */
	VERDICT_UNATTACHED,	/* nothing refers to it, or what it refers to is absent */
	VERDICT_SHADOWED,	/* another object took its place */
	VERDICT_QUARANTINED,	/* invalid: out of force, or its last good form is */
};
enum { VERDICT_STATES = VERDICT_QUARANTINED + 1 };
const char *verdict_state_name(enum verdict_state s);	/* "Effective", ... */

/* What a pass found out about one object while it made a part. */
struct finding {
	const struct object *obj;
	enum verdict_state state;
	struct diag diag;
	struct finding *next;
};

/* The head of every part, and the first member of it. hash covers everything that a plan may read
 * through the part. The memory of a part, itself too, is its arena. */
struct part {
	int refs;			/* 0 until snapshot_adopt */
	struct hash128 hash;
	struct arena arena;
	const struct object *const *held;	/* objects that the part borrows from; [0] names it */
	size_t n_held;
	const struct finding *findings;
	struct part *next_fresh;	/* chain of the parts that a build made */
};

enum protocol {			/* istio-behaviour.md 4.3 */
	PROTO_UNSUPPORTED,	/* sniffed */
	PROTO_TCP, PROTO_UDP, PROTO_HTTP, PROTO_HTTP2, PROTO_GRPC, PROTO_GRPC_WEB, PROTO_HTTP_PROXY,
	PROTO_HTTPS, PROTO_TLS, PROTO_MONGO, PROTO_REDIS, PROTO_MYSQL, PROTO_HBONE,
};
enum protocol protocol_parse(const char *text);		/* "HTTP", "grpc-web", ... */
/* A Kubernetes service port: appProtocol, else name, else well-known numbers. */
enum protocol protocol_of_port(const char *l4, const char *app_protocol, const char *name, uint32_t port);
bool protocol_is_http(enum protocol p);		/* HTTP, HTTP2, HTTP_PROXY, GRPC, GRPC-Web */
bool protocol_is_http2(enum protocol p);	/* HTTP2, GRPC, GRPC-Web */
bool protocol_is_tcp(enum protocol p);		/* TCP, HTTPS, TLS, Mongo, Redis, MySQL */
const char *protocol_name(enum protocol p);

/* exportTo. */
struct visibility {
	bool all, none, own;
	struct strs ns;
};
bool visibility_sees(const struct visibility *v, const char *own_ns, const char *from_ns);
/* export_to, or when that is empty def, or when that is empty too: all. Lives in a. */
struct visibility visibility_of(const struct strs *export_to, const struct strs *def,
				const char *own_ns, struct arena *a);
/* Seen in its own namespace and nowhere else. */
bool visibility_is_private(const struct visibility *v, const char *own_ns);

enum svc_resolution {
	SVC_EDS,		/* client-side load balancing over known endpoints */
	SVC_PASSTHROUGH,	/* headless, or ServiceEntry NONE: original destination */
	SVC_DNS, SVC_DNS_ROUND_ROBIN, SVC_DYNAMIC_DNS,
	SVC_ALIAS,		/* ExternalName */
};

struct svc_port {
	uint32_t port;
	const char *name;
	enum protocol protocol;
	struct int_or_str target;	/* Kubernetes targetPort, or ServiceEntry's; neither = port */
};

/* One host of one Service, or of the ServiceEntries of one namespace that name it and agree in all
 * but ports and endpoints (part.held, oldest first). */
struct svc {
	struct part part;
	const struct object *obj;	/* KIND_SERVICE or KIND_SERVICE_ENTRY, held; the oldest */
	const char *host;		/* FQDN, lower case; may be a wildcard */
	const char *name, *ns;		/* name = of the Service, or the host */
	bool is_kube, headless, external;	/* external: MESH_EXTERNAL */
	enum svc_resolution resolution;
	struct strs addresses;		/* VIPs or CIDRs; empty = none (0.0.0.0) */
	struct strs allocated;		/* that stand for them at proxies that capture DNS: IPv4, IPv6 */
	const struct svc_port *ports;
	size_t n_ports;
	struct strmap selector;		/* pods (Service) or workloads (ServiceEntry) */
	uint64_t selector_bits;		/* labels_bits that all selectors of its objects have */
	struct strmap labels;
	struct visibility export_to;
	enum entry_visibility cap;	/* what MeshConfig made of it */
	struct strs subject_alt_names;
	const char *alias_of;		/* SVC_ALIAS: external name */
	int64_t created_ns;
	bool node_local;		/* internalTrafficPolicy: Local */
	bool persistent_session;	/* label istio.io/persistent-session: draining endpoints stay */
	bool publish_not_ready;
	bool by_node;			/* trafficDistribution looks at the caller's node */
	bool race_connect;		/* istio.io/connect-strategy: the first address that answers is used */
	struct strs accounts;		/* that its endpoints may have beside their own, whole */
};

enum ep_health { EP_HEALTHY, EP_UNHEALTHY, EP_DRAINING };

struct ep {
	/* IP, host name (DNS), unix:///path (then ports are only a mark), or "": behind its network's gateways */
	const char *address;
	struct strs more;		/* further addresses of its pod, for callers of both families */
	bool is_further;		/* for these: its address is among another endpoint's more */
	const uint32_t *ports;		/* by index of svc.ports; 0 = the endpoint has not this port */
	struct strmap labels;		/* of the pod or entry, and its topology (4.5) */
	const char *region, *zone, *subzone;	/* "" = unset */
	const char *network, *node;	/* "" = unset */
	const char *service_account;	/* whole: "spiffe://<td>/ns/<ns>/sa/<sa>"; "" = unset */
	const char *workload, *workload_ns;	/* "" = unset */
	uint32_t weight;
	enum ep_health health;
	bool mtls;			/* tlsMode istio */
};

/* The endpoints of one svc, sorted by address and port: same order every time. */
struct ep_set {
	struct part part;
	const struct ep *v;
	size_t n;
	const struct object *const *objs;	/* slices, pods, entries that it came from, held */
	size_t n_objs;
};

/* A Gateway, or what an Ingress (istio-behaviour.md 1.15) or one listener of the Gateway API (1.14) means as one. */
struct gw {
	struct part part;
	const struct object *obj;	/* KIND_GATEWAY, KIND_INGRESS, KIND_GWAPI_GATEWAY or KIND_LISTENER_SET, held */
	const struct object *home;	/* of the Gateway API: the Gateway, held; else obj. Secrets are its namespace's */
	const char *ns, *name;		/* what VirtualServices call it */
	const struct gateway *spec;
	size_t listener;		/* of the Gateway API: which one of obj */
	const char *client_cert;	/* SDS name of what is shown to backends, or NULL */
	const char *services;		/* comma separated hosts: proxies behind these serve it; NULL or, of the Gateway
					 * API, beside the selector */
	int64_t created_ns;		/* of an Ingress 0: it counts as older than any Gateway */
};

/* How routes are read: annotation internal.istio.io/route-semantics, or where they come from. */
enum route_semantics { ROUTE_PLAIN, ROUTE_INGRESS, ROUTE_GATEWAY };

/* A VirtualService, or the routes of the Gateway API for one host (HTTPRoutes or GRPCRoutes of one
 * namespace), or the rules of all Ingresses for one host; these have no spec of their own but that of nothing. */
struct vs {
	struct part part;
	const struct object *obj;	/* held; of several routes or Ingresses the oldest */
	const char *name;		/* of the VirtualService; of routes "ns[~port]~host"; of an Ingress as Istio's */
	enum route_semantics semantics;
	const struct virtual_service *spec;
	struct strs hosts;		/* FQDN, lower case */
	struct strs gateways;		/* "mesh" or "ns/name"; never empty */
	struct visibility export_to;
	const struct http_route *http;	/* with delegates merged in, hosts and gateways of merged
					 * routes resolved; else spec->http */
	size_t n_http;
	const struct object *const *http_objs;	/* parallel to http: whose it is; NULL: all are obj's */
	const struct object *const *delegates;	/* that were merged in, held */
	size_t n_delegates;
};

/* The "ns/name" (or "mesh") that a VirtualService of namespace ns means by a gateway name. In a. */
const char *vs_resolve_gateway(const char *gateway, const char *ns, struct arena *a);

/* The consolidated DestinationRule of one (namespace, host) (istio-behaviour.md 3.2), with what BackendTLSPolicies say of it. */
struct dr {
	struct part part;
	const char *ns, *host;		/* host FQDN, may be a wildcard */
	const struct object *const *objs;	/* merged, oldest first, then policies; held; [0] names it */
	size_t n_objs;
	bool has_backend_tls;		/* TLS of it is that of BackendTLSPolicies */
	struct hash128 tls_inputs;	/* of these */
	const struct traffic_policy *policy;	/* or NULL */
	const struct subset *subsets;
	size_t n_subsets;
	struct visibility export_to;
	struct strmap workload_selector;
	bool has_selector;
	bool by_node;			/* a failoverPriority looks at the caller's node */
	struct hash128 routing;		/* of what HTTP routes read: the objects' names, session affinity */
};

/* One an object, produced by the pass that decided it (P3). */
struct verdict {
	const struct object *obj;
	enum verdict_state state;
	const struct diag *why;		/* reasons, may be none for Effective */
	size_t n_why;
};

/* An object that passed a limit. */
struct quarantine {
	const struct object *obj;
	enum diag_code code;
	const char *why;
};

/* Parts that only this folder reads (snapshot_int.h). */
struct pod_index;
struct verdict_list;
struct api_parents;		/* gwapi.h */

/* What leads into another network (istio-behaviour.md 4.5). */
struct network_gateway_at {
	const char *network, *address;
	uint32_t port;
	bool of_service;		/* a Service's here; else MeshNetworks names its address */
};
struct networks {
	const struct network_gateway_at *v;	/* by network, address, port */
	size_t n;			/* 0: networks do not count */
	bool by_node;			/* some are reached through nodes */
	uint32_t scale;			/* of weights, so that each network's gateways can share one endpoint's */
	struct hash128 hash;
};
/* The gateways of a network: [*first, *first + n). */
size_t networks_find(const struct networks *all, const char *network, size_t *first);

struct snapshot {
	int refs;
	uint64_t gen;
	struct arena arena;		/* the arrays below; parts have their own */
	struct object_set objects;	/* holds the lists */
	const struct mesh_config *mesh;
	const char *domain;

	struct svc **svcs;		/* by host, then precedence (Kubernetes first, older first) */
	struct ep_set **eps;		/* parallel to svcs; never NULL */
	size_t n_svcs;
	struct svc **kube;		/* the same svcs: of Services, by namespace and name */
	size_t n_kube;
	struct svc **entries;		/* of ServiceEntries, by namespace and host */
	size_t n_entries;
	struct vs **vss;		/* by age; no delegates */
	size_t n_vss;
	struct dr **drs;		/* by ns, then host; selector rules first */
	size_t n_drs;
	struct gw **gateways;		/* by age */
	struct api_parents *api;	/* Gateways of the Gateway API; never NULL */
	struct gw **gateways_by_name;	/* the same, by namespace and name */
	size_t n_gateways;
	const struct object *const *sidecars;	/* by age */
	size_t n_sidecars;
	const struct object *const *proxy_configs;	/* by age */
	size_t n_proxy_configs;
	const struct object *const *authz;	/* AuthorizationPolicies, by age */
	size_t n_authz;
	const struct object *const *authn;	/* RequestAuthentications, by age */
	size_t n_authn;
	const struct object *const *peers;	/* PeerAuthentications, by age */
	size_t n_peers;
	struct hash128 peer_hash;	/* of all of them */
	const struct verdict *verdicts;	/* one an object of the compiled kinds, by object_compare */
	size_t n_verdicts;
	size_t n_parts_built;		/* parts that were made anew; the rest is shared with prev */
	bool only_endpoints;		/* against prev: nothing but ep_sets differs (P7) */
	bool same_views;		/* and no proxy's view does; all that a view borrows is prev's own */
	const size_t *touched;		/* with only_endpoints: the svcs whose ep_set is not prev's, ascending */
	size_t n_touched;

	const char *default_network;	/* of endpoints that name none; "" = none */
	struct networks networks;
	bool has_node_local;		/* a caller's node counts for some svc or rule */
	const struct quarantine *quarantined;	/* objects without a part, beside those of ep_sets */
	size_t n_quarantined;
	size_t widest_vs;		/* most HTTP routes of a VirtualService with a wildcard in the mesh */
	struct pod_index *pods;
	struct verdict_list **verdict_lists;	/* one a compiled kind */
	struct part *fresh;		/* parts that this build made, until adoption */
	bool adopted;
};

/* A new snapshot with one ref, holding nothing yet: parts that are new have refs 0, and those of
 * prev are borrowed, until snapshot_adopt. Pure. prev may be NULL, is adopted, and stays alive until
 * the adoption; so does objects. NULL only on lack of memory. */
struct snapshot *snapshot_build(const struct snapshot *prev, const struct object_set *objects);
void snapshot_adopt(struct snapshot *s);	/* loop: takes all references */
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s);	/* NULL is fine; adopted or not */

/* A host of a ServiceEntry gets addresses where it has none. */
bool entry_is_allocated(const struct object *entry, const char *host);
/* All svcs of a host: [*first, *first + n). */
size_t snapshot_svcs_of(const struct snapshot *s, const char *host, size_t *first);
/* svcs of one namespace within kube or entries: [*first, *first + n). */
size_t snapshot_svcs_in(struct svc *const *v, size_t n, const char *ns, size_t *first);
const struct object *snapshot_object(const struct snapshot *s, enum kind kind, const char *ns, const char *name);
const struct verdict *snapshot_verdict(const struct snapshot *s, const struct object *obj);
/* The Gateway of that name, be it of an Ingress, or NULL. */
const struct gw *snapshot_gateway(const struct snapshot *s, const char *ns, const char *name);
bool snapshot_judges(enum kind kind);		/* its objects have verdicts */
/* Those of one kind within verdicts: [*first, *first + n). */
size_t snapshot_verdicts_of(const struct snapshot *s, enum kind kind, size_t *first);
/* The verdicts of a kind are the same ones; prev may be NULL. */
bool snapshot_same_verdicts(const struct snapshot *prev, const struct snapshot *s, enum kind kind);
/* The pod with that address (not a hostNetwork one), or NULL. */
const struct object *snapshot_pod_of_ip(const struct snapshot *s, const char *ip);

/* ---- places of pods and entries ---- */

/* The number of a service's port at a pod, 0 when the pod has not the named port. */
uint32_t svc_port_at_pod(const struct svc_port *port, const struct object *pod);
/* Locality of a pod or entry: its label, else what the node says. Parts are "" or in a. */
struct locality {
	const char *region, *zone, *subzone;
};
struct locality locality_parse(const char *text, char separator, struct arena *a);
struct locality locality_of_pod(const struct snapshot *s, const struct object *pod, struct arena *a);
/* The name of the cluster that the objects come from. */
#define OWN_CLUSTER "Kubernetes"
/* labels with the topology of their owner, as Istio adds it; "" = unset. */
struct strmap labels_augment(const struct strmap *labels, struct locality l, const char *network,
			     const char *cluster, const char *node, struct arena *a);
const char *network_of(const struct snapshot *s, const struct strmap *labels);

#endif
