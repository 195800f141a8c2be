/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger of who holds what, from the log of certificates.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "server/roots_int.h"

enum { FILE_MAX = ROOTS_LOG_MAX + 64 * 1024 };

static void replay_line(struct roots *r, const char *line, size_t n, int64_t now_s)
{
	char holder[ISSUED_HOLDER];
	struct issued i;
	struct err e;

	if (issued_parse(line, n, &i, &e) || i.until_s + ROTATION_SKEW_S < now_s)
		return;
	rotation_issued(&r->rotation, &(struct rotation_leaf){.holder = issued_holder(&i.id, i.host, holder),
							       .root = i.root,
							       .bundle = i.bundle,
							       .issued_s = i.issued_s,
							       .until_s = i.until_s,
							       .serial = i.serial});
}

/* One that is not there, or cannot be read, is only less that is known: the promises stand in the state. */
static void replay_file(struct roots *r, const char *path, int64_t now_s)
{
	struct buf text;
	struct err e;

	buf_init(&text, FILE_MAX);
	if (file_read(path, &text, &e)) {
		if (e.code != ERR_NOT_FOUND)
			log_warn("ca", "%s; who holds its certificates is not known", e.text);
	}
	for (const char *p = text.p, *end = text.p + text.n; text.n && p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		if (!nl)
			break;
		replay_line(r, p, (size_t)(nl - p), now_s);
		p = nl + 1;
	}
	buf_fini(&text);
}

void roots_replay(struct roots *r)
{
	int64_t now_s = loop_wall_ns(r->loop) / 1000000000;
	char path[ROOTS_PATH + 16];

	for (int i = ROOTS_LOG_KEEP; i; i--) {
		snprintf(path, sizeof(path), "%s.%d", r->path.log, i);
		if (file_exists(path))
			replay_file(r, path, now_s);
	}
	replay_file(r, r->path.log, now_s);
}
