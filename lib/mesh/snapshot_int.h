/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the files that build a snapshot. Each stage decides, from what differs between prev's
 * objects and the new ones, which parts of prev stay; it makes the others. A stage owns one kind of
 * part and nothing else. Thread: pure.
 */
#ifndef MESH_SNAPSHOT_INT_H
#define MESH_SNAPSHOT_INT_H

#include "base/vec.h"
#include "mesh/snapshot.h"
#include "model/kube.h"

enum {
	VS_SPREAD_MAX = 100 * 1000,		/* routes that one VirtualService makes of its wildcards' services */
	PART_MEMORY_MAX = 64 * 1024 * 1024,	/* bytes that compiling one object may take */
	COMPILED_KINDS = KIND_ENDPOINT_SLICE + 1,	/* kinds that have verdicts come first */
};

struct builder {
	struct snapshot *s;
	const struct snapshot *prev;	/* or NULL */
	struct arena *arena;		/* of the snapshot */
	bool same[KIND_COUNT];		/* the list of a kind is prev's */
	bool same_mesh;			/* settings are prev's */
	bool same_svcs, same_vss, same_drs;	/* set by the stages: all pointers are prev's */
	bool rejudge;			/* a finding came or went: no verdict is prev's */
	VEC(struct quarantine) quarantined;
};

/* ---- parts (snapshot.c) ---- */

/* Opens the arena of a new part under a guard that limits it:
 *
 *	struct part_scope ps;
 *	if (part_begin(&ps))			// non-zero after the limit was hit
 *		return part_failed(b, &ps, obj);	// NULL; obj is quarantined
 *	x = part_alloc(&ps, struct x);		// begins with struct part
 *	...
 *	part_end(&ps, &x->part);		// hash, held and findings are set
 */
struct part_scope {
	struct arena arena;
	struct arena_guard guard;
};
#define part_begin(ps)                                                                             \
	(arena_init(&(ps)->arena, 0), arena_guard_limit(&(ps)->arena, &(ps)->guard, PART_MEMORY_MAX))
#define part_alloc(ps, type) ((type *)arena_alloc(&(ps)->arena, sizeof(type)))
void part_end(struct part_scope *ps, struct part *p);
void part_failed(struct builder *b, struct part_scope *ps, const struct object *obj);
void part_quarantine(struct builder *b, const struct object *obj);	/* PART_MEMORY_MAX was passed */
/* Another limit was. why lives in b->arena. */
void part_quarantine_for(struct builder *b, const struct object *obj, enum diag_code code, const char *why);
/* A stage that keeps all parts of a kind keeps what was quarantined of it, too. */
void part_keep_quarantined(struct builder *b, enum kind kind);
/* Enters p among the parts that this build made. */
void part_fresh(struct builder *b, struct part *p);
void part_free(struct part *p);		/* of a part that was not entered */
bool part_holds_same(const struct part *a, const struct part *b);
/* Adds a finding about obj, with memory of the part. */
void part_finding(struct arena *a, struct part *p, const struct object *obj, enum verdict_state state,
		  enum diag_code code, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 7, 8)));
/* The place of the finding is the object's first line: parts know no nodes. */

struct hash128 hash_strs(struct hash128 h, const struct strs *v);
struct hash128 hash_strmap(struct hash128 h, const struct strmap *m);
struct hash128 hash_visibility(struct hash128 h, const struct visibility *v);

/* Object lists of one stage's interest. */
const struct kind_list *builder_list(const struct builder *b, enum kind kind);

/* ---- stages, in this order ---- */
void gateway_stage(struct builder *b);		/* snapshot_gw.c: gateways */
void service_stage(struct builder *b);		/* service.c: svcs, kube, entries */
void endpoint_stage(struct builder *b);		/* endpoint.c: eps */
/* The endpoints of a svc, whose slices these are: a part that b has not taken. endpoint_set.c */
struct ep_set *endpoint_set_build(struct builder *b, const struct svc *svc, const struct object *const *slices, size_t n_slices);
void vs_stage(struct builder *b);		/* snapshot_vs.c */
struct vs_vec {
	VEC(struct vs *) v;
};
/* The vss of routes of the Gateway API; true: all are prev's. snapshot_gwapi.c, of vs_stage */
bool gwapi_stage(struct builder *b, struct vs_vec *out);
/* The vss of Ingresses; true: all are prev's. snapshot_ingress_vs.c, of vs_stage */
bool ingress_stage(struct builder *b, struct vs_vec *out);
/* A service has the host, or some host within it if it is a wildcard. snapshot_verdict.c */
bool snapshot_host_known(const struct snapshot *s, const char *host);
/* What the verdicts of an HTTPRoute or GRPCRoute say of its parents and backends; in a. */
const struct finding *gwapi_findings(const struct builder *b, const struct object *route, struct arena *a);
void rule_stage(struct builder *b);		/* rule.c */
void verdict_stage(struct builder *b);		/* snapshot_verdict.c */

/* ---- MeshConfig serviceEntryVisibility (visibility.c) ---- */
bool visibility_has_caps(const struct mesh_config *m);
/* How far the ServiceEntries of a namespace are seen at most. */
enum entry_visibility visibility_cap_of(const struct builder *b, const char *ns);
/* Narrows v; true: it was wider. */
bool visibility_narrow(struct visibility *v, enum entry_visibility cap, const char *own_ns);

/* ---- ServiceEntries by host (service.c) ---- */
struct entry_host {			/* one host of one ServiceEntry */
	const char *host;
	const struct object *obj;
	struct strs addresses;		/* that stand for its own where it has none */
};
/* Sets the addresses. v: by namespace, host, age. service_address.c */
void entry_addresses(struct entry_host *v, size_t n, struct arena *a);

/* ---- networks (network.c) ---- */
void network_stage(struct builder *b);		/* after services */
/* The network that MeshNetworks says of an address, or "". */
const char *network_of_address(const struct snapshot *s, const char *ip);

/* ---- delegation (snapshot_delegate.c) ---- */
/* Appends to out (which has room for all) the routes of delegate (of namespace ns) as seen through
 * root; routes of which a match fits none of the root's are left out and counted in *dropped. */
void delegate_merge(const struct http_route *root, const struct virtual_service *delegate,
		    const char *root_ns, const char *ns, const char *domain, struct http_route *out,
		    size_t *n_out, size_t *dropped, struct arena *a);

/* ---- pods by address (snapshot_pod.c) ---- */
struct pod_index {
	struct part part;
	struct pod_ip {
		const char *ip;
		const struct object *pod;
	} *v;				/* by ip */
	size_t n;
};
void pod_stage(struct builder *b);
/* The number of the container port with that name (of a protocol), or 0. */
uint32_t pod_port(const struct object *pod, const char *name);
/* Runs, or may: has not succeeded or failed. */
bool pod_is_live(const struct object *pod);
/* Its conditions do not say that it is unready: in a directory of manifests nobody writes them. */
bool pod_is_ready(const struct object *pod);
/* Does the selector take the WorkloadEntry, whose labels are those of its metadata, then those of its spec? */
bool workload_is_selected(const struct object *obj, const struct strmap *selector);
/* The status of the condition of that type, or NULL. */
const char *condition_status(const struct k_condition *v, size_t n, const char *type);
/* Name of the workload that made the pod, from its name and the labels that controllers put on. */
const char *pod_workload(const struct object *pod, struct arena *a);

/* ---- verdicts ---- */
struct verdict_list {
	struct part part;
	struct verdict *v;		/* parallel to the list of its kind */
	size_t n;
};

#endif
