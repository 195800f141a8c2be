/* SPDX-License-Identifier: Apache-2.0
 *
 * The findings of `navctl analyze` in its three forms.
 */
#ifndef NAVCTL_ANALYZE_PRINT_H
#define NAVCTL_ANALYZE_PRINT_H

#include "base/buf.h"
#include "base/diag.h"

/* "Kind ns/name", "Kind name" without namespace, "" for a file. In a. */
const char *finding_origin(const struct diag *d, struct arena *a);

/* A table, grouped by object; findings of one object stand together in ds. */
void findings_to_text(const struct diags *ds, struct buf *out, struct arena *a);
/* [{"code","level","origin","path","message","file","line","column"}]: the last three where known. */
void findings_to_json(const struct diags *ds, struct buf *out, struct arena *a);
/* SARIF 2.1.0 (docs.oasis-open.org/sarif/sarif/v2.1.0), one run. */
void findings_to_sarif(const struct diags *ds, struct buf *out, struct arena *a);

#endif
