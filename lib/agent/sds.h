/* SPDX-License-Identifier: Apache-2.0
 *
 * Envoy's secret server, on a Unix socket that only our user may open: SDS state of the world and delta, over the
 * sessions of xds/session. Who asks for the workload's certificate before there is one waits; files are
 * served from the start. Thread: loop.
 */
#ifndef AGENT_SDS_H
#define AGENT_SDS_H

#include "agent/secrets.h"

struct sds;

struct sds *sds_open(struct loop *l, struct secrets *secrets, const char *path, struct err *e);
void sds_close(struct sds *s);		/* NULL is fine */
void sds_changed(struct sds *s);	/* the secrets have */
size_t sds_open_streams(const struct sds *s);

#endif
