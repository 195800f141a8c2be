/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking a running daemon: its admin API over HTTP.
 */
#ifndef NAVCTL_REMOTE_H
#define NAVCTL_REMOTE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* GET http://<server><path>; server NULL: 127.0.0.1:8080. -1: unreachable (ERR_IO), or an answer that is
 * not 200 (ERR_NOT_FOUND for 404), with the server's own words. */
int remote_get(const char *server, const char *path, struct buf *body, struct err *e);
/* POST of a JSON text. ERR_REFUSED also for 409: what is asked does not fit what is going on. */
int remote_post(const char *server, const char *path, const char *json, struct buf *body, struct err *e);
const char *remote_escape(const char *text, struct arena *a);
/* Prints a JSON answer as JSON or YAML ("yaml"); member NULL or "all": the whole. */
void remote_print_member(struct buf *json, const char *member, const char *form, struct arena *a);

#endif
