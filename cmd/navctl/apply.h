/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects into a cluster, by server-side apply: the server merges, and says who else owns a field.
 * One line a step.
 */
#ifndef NAVCTL_APPLY_H
#define NAVCTL_APPLY_H

#include "cluster.h"
#include "manifests.h"

#define APPLY_MANAGER "navarch-install" /* as install.sh had it: a field's owner stays the same */

struct applier {
	struct cluster *cluster;
	bool dry;   /* the server answers what would be, and keeps nothing; differences are shown */
	bool quiet; /* nothing is printed but what fails */
	bool force; /* fields of other owners are taken */
	size_t changed, failed;
};

/* "<step> <Kind ns/name> <result>" */
void apply_report(const struct applier *ap, const char *step, const char *object,
		  const char *result);
const char *apply_name(const struct manifest *m, struct arena *a); /* "Kind ns/name" */

/* The object as it stands: 0; 1: it is not there; -1. */
int apply_get(struct applier *ap, const char *target, const struct node **out, struct err *e);
/* -1: the step has failed, and that was told. */
int apply_object(struct applier *ap, const char *step, const struct manifest *m);
/* What would be made, of which the server cannot be asked: its namespace is not there yet. */
void apply_show_new(struct applier *ap, const char *step, const struct manifest *m);
/* It is left as it is, or is not there: 1. */
int apply_fail(struct applier *ap, const char *step, const char *object, const struct err *e);

#endif
