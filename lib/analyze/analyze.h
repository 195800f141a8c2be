/* SPDX-License-Identifier: Apache-2.0
 *
 * Analysis: what is likely a mistake in a set of objects although each of them is valid. Pure
 * functions over a snapshot, in a table of analyzers; the codes are Istio's own where its analyzers
 * report the same (istio-behaviour.md 8), else NAV06xx. A finding is about one object, with the place
 * of the message that it speaks of; the annotation galley.istio.io/analyze-suppress of an object
 * ("IST0101,NAV0601" or "*") silences it. What cannot be judged is not reported: without any Pod
 * nothing is said about selectors, without any service nothing about hosts. Thread: pure.
 */
#ifndef ANALYZE_ANALYZE_H
#define ANALYZE_ANALYZE_H

#include "mesh/snapshot.h"

/* Adds the findings of all analyzers to ds, in the order of the table. refused: invalid objects as
 * they are written (load_item.refused); they have no effect, but they are there, so nothing that
 * refers to one of them is said to refer to nothing. */
void analyze(const struct snapshot *s, struct object *const *refused, size_t n_refused, struct diags *ds);

/* The finding of analysis that says the same as the reason d of a verdict, among found; or NULL.
 * Whoever shows both leaves the reason out. */
const struct diag *analyze_same(const struct diags *found, const struct diag *d);

#endif
