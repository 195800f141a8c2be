/* SPDX-License-Identifier: Apache-2.0
 *
 * Labels, selectors and host names: the rules that all kinds share (istio-behaviour.md 3.5).
 * Thread: pure.
 */
#ifndef MODEL_LABELS_H
#define MODEL_LABELS_H

#include "node/schema.h"

/* Every pair of selector stands in labels. An empty selector selects everything. */
bool labels_match(const struct strmap *selector, const struct strmap *labels);
bool labels_equal(const struct strmap *a, const struct strmap *b);
/* One expression of a label selector: In, NotIn, Exists or DoesNotExist. Another operator never holds. */
bool labels_expression_holds(const char *key, const char *op, const struct strs *values, const struct strmap *labels);
/* A bit for each pair: labels without all bits of a selector have not all of its pairs. It spares who looks for
 * the few objects that a selector takes the texts of most others. */
uint64_t labels_bits(const struct strmap *labels);

/* The FQDN of a host as written in an object of namespace ns: a name without '.' gets
 * ".<ns>.svc.<domain>" (".<ns>" where there is no cluster domain); addresses, "*" and names with '.' stay. Lower case. In a. */
const char *host_resolve(const char *host, const char *ns, const char *domain, struct arena *a);

/* Bidirectional wildcard match, as Istio's host.Name.Matches. */
bool host_matches(const char *a, const char *b);
/* Every host that a stands for, b stands for too. */
bool host_subset_of(const char *a, const char *b);
/* <0 when a is more specific: no wildcard before wildcard, longer before shorter, then by text. */
int host_compare_specific(const char *a, const char *b);
bool host_is_wildcard(const char *host);	/* begins with '*' */

#endif
