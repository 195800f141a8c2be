/* SPDX-License-Identifier: Apache-2.0
 *
 * The core of the validating webhook: the bytes of an AdmissionReview to the bytes of its answer. The
 * object is held against the rules of `navctl validate`, no more and no less: an unknown field is an
 * error. Errors refuse the object, warnings go along with either answer. What passes unseen: what is
 * deleted, what waits for its finalizers (it must be able to go), a subresource (status), and kinds that
 * are not ours. Nothing is kept, so that a dry run is as any other. Sources: admission.k8s.io/v1,
 * kube-facts.md 6. Thread: pure.
 */
#ifndef SERVER_ADMISSION_H
#define SERVER_ADMISSION_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"

enum {
	ADMISSION_REVIEW_MAX = 6 * 1024 * 1024,	/* an UPDATE carries the object twice */
	ADMISSION_ANSWER_MAX = 64 * 1024,	/* the cap that answer needs */
};

struct admission_result {
	bool allowed;
	int kind;		/* enum kind, or -1: passed unseen */
	const char *ns, *name;	/* "" if unseen or unreadable */
	size_t n_errors;
	const struct diag *first;	/* error, or NULL */
};

/* Writes the answer, of which result tells; its texts are in a. -1, ERR_SYNTAX: text is no
 * AdmissionReview that can be answered; err holds nothing of it. */
int admission_review(const char *text, size_t n, struct buf *answer, struct admission_result *result,
		     struct arena *a, struct err *e);

#endif
