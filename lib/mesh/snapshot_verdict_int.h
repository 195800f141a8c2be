/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to snapshot_verdict.c and the files that judge one kind for it. Thread: pure.
 */
#ifndef MESH_SNAPSHOT_VERDICT_INT_H
#define MESH_SNAPSHOT_VERDICT_INT_H

#include "mesh/snapshot_int.h"

/* The verdicts of one kind in the making. */
struct judging {
	const struct builder *b;
	const struct kind_list *list;
	struct verdict_list *out;
	struct arena *arena;
	struct reason {
		const struct diag *diag;
		struct reason *next;
	} **reasons;		/* parallel to list, newest first */
};

/* A reason for obj's verdict, once; the worst state counts. path lives as long as g->arena. */
void verdict_judge(struct judging *g, const struct object *obj, enum verdict_state state, enum diag_code code,
		   const char *path, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
void verdict_raise(struct judging *g, const struct object *obj, enum verdict_state state);

void judge_merges(struct judging *g, enum kind kind);	/* what is merged into drs */
void judge_gateways(struct judging *g);		/* snapshot_gateway.c */
void judge_servers(struct judging *g, enum kind kind);	/* of Gateways, or of Ingresses: what others have */
void judge_ingresses(struct judging *g);	/* snapshot_ingress.c */
void judge_ingress_class(struct judging *g, const struct object *class);
void judge_api_gateways(struct judging *g);	/* snapshot_gwapi_verdict.c */
void judge_listener_sets(struct judging *g);
void judge_tls_policies(struct judging *g);
void judge_gateway_class(struct judging *g, const struct object *class);
void judge_ports(struct judging *g);		/* snapshot_port.c: of ServiceEntries */

/* VirtualServices against each other: what one loses to another (snapshot_contest.c). */
void verdict_contests(struct judging *g);

#endif
