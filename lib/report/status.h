/* SPDX-License-Identifier: Apache-2.0
 *
 * What the status of an object says: from the one verdict (P3) and its findings to Istio's status.conditions,
 * validationMessages and observedGeneration, and from these and the status that is there to the patch that is due, if
 * any. Three conditions are ours; all others are handed back as they were:
 *   Reconciled      True while the mesh runs what the object says; reason: the verdict, or Rejected (by a proxy)
 *   PassedAnalysis  True without errors and warnings
 *   NavarchVerdict  True when all of it is in effect; reason: the verdict; message: each finding with its code
 * Source: istio.io/latest/docs/reference/config/config-status, meta/v1beta1/istio-status. Thread: pure.
 */
#ifndef REPORT_STATUS_H
#define REPORT_STATUS_H

#include "mesh/snapshot.h"
#include "store/store.h"

/* That a proxy refuses what came from the object. */
struct status_refusal {
	const char *proxy, *resource, *text;
};

struct status_input {
	const struct store_claim *claim;
	const struct verdict *verdict;	/* or NULL: the object is in no snapshot, for it is invalid */
	const struct status_refusal *refusals;
	size_t n_refusals;
	int64_t generation;		/* that claim and verdict speak of */
};

struct status {
	enum verdict_state state;
	bool rejected;
	bool kept;			/* invalid, and its last good form is in force */
	const struct diag **findings;	/* errors first, none twice; borrowed from the input */
	size_t n_findings, n_errors, n_warnings;
	int64_t generation;
	const char *reason;		/* "Effective", ..., "Rejected" */
	const char *message;		/* findings with their codes, one line; "" = none */
	struct hash128 hash;		/* of everything that is written */
};

enum { STATUS_MESSAGE_MAX = 1000, STATUS_MESSAGES_MAX = 20 };

void status_build(const struct status_input *in, struct arena *a, struct status *out);
/* A user must know: invalid, or rejected by a proxy. */
bool status_is_bad(const struct status *s);

/* The object as the server has it (root): true when a patch is due, which is then in out (a merge patch of the status
 * subresource that holds for this resourceVersion only). news: what is bad was not there yet. wall_ns: for times of
 * transition. */
bool status_patch(const struct status *s, const struct node *root, int64_t wall_ns, struct buf *out, bool *news);

#endif
