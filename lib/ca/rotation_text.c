/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of a rotation as a text: a line with version, length and checksum, then a line a value, and each root's
 * certificate behind its line.
 */
#include "ca/rotation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "ca/pem.h"

enum { FORMAT_VERSION = 1, HEADER_MAX = 128 };
#define HEADER_FORMAT "navarch-rotation %u %20zu %s\n"

/* ---- writing ---- */

static const char *or_none(const char *id)
{
	return *id ? id : "-";
}

static void put_body(const struct rotation_state *s, struct buf *out)
{
	buf_printf(out, "signer %s\ntarget %s\nprevious %s\nrefused %s\n", or_none(s->signer), or_none(s->target),
		   or_none(s->previous), or_none(s->refused));
	buf_printf(out, "bundle %llu\nswitched %lld\nlongest %lld\ngap %lld\npaused %d\n", (unsigned long long)s->bundle,
		   (long long)s->switched_s, (long long)s->longest_s, (long long)s->gap_s, s->paused);
	if (*s->boot)
		buf_printf(out, "boot %s\n", s->boot);
	for (size_t i = 0; i < s->n; i++) {
		const struct rotation_root *r = &s->root[i];

		buf_printf(out, "root %s %llu %lld %lld %lld %d\n%s", r->id, (unsigned long long)r->bundle, (long long)r->since_s,
			   (long long)r->until_s, (long long)r->promised_s, r->wanted, r->pem);
	}
}

void rotation_print(const struct rotation *r, struct buf *out)
{
	char hex[HASH_HEX_LEN + 1];
	struct buf body;

	buf_init(&body, ROTATION_TEXT_MAX);
	put_body(&r->s, &body);
	buf_printf(out, HEADER_FORMAT, FORMAT_VERSION, body.n, hash_hex(hash_bytes(body.p, body.n), hex));
	buf_append(out, body.p, body.n);
	out->failed = out->failed || body.failed;
	buf_fini(&body);
}

/* ---- reading ---- */

static const char *check(const char *text, size_t n, struct err *e)
{
	const char *nl = memchr(text, '\n', n < HEADER_MAX ? n : HEADER_MAX), *body = nl ? nl + 1 : NULL;
	char want[HEADER_MAX], hex[HASH_HEX_LEN + 1];
	size_t len = body ? n - (size_t)(body - text) : 0;

	if (!body || strncmp(text, "navarch-rotation ", 17)) {
		err_set(e, ERR_SYNTAX, "no state of a rotation");
		return NULL;
	}
	snprintf(want, sizeof(want), HEADER_FORMAT, FORMAT_VERSION, len, hash_hex(hash_bytes(body, len), hex));
	if (strlen(want) == (size_t)(body - text) && !memcmp(want, text, strlen(want)))
		return body;
	err_set(e, ERR_SYNTAX, "of another version, not whole, or damaged");
	return NULL;
}

static bool read_id(const char *text, const char *key, char out[CERT_ID + 1])
{
	size_t n = strlen(key), len = strcspn(text, "\n");

	if (len <= n + 1 || strncmp(text, key, n) != 0 || text[n] != ' ' || len - n - 1 > CERT_ID)
		return false;
	snprintf(out, CERT_ID + 1, "%.*s", (int)(len - n - 1), text + n + 1);
	if (!strcmp(out, "-"))
		*out = '\0';
	return true;
}

/* One line that is no root's. */
static bool read_line(const char *line, struct rotation_state *s)
{
	unsigned long long bundle;
	long long value;

	if (read_id(line, "signer", s->signer) || read_id(line, "target", s->target) || read_id(line, "previous", s->previous) ||
	    read_id(line, "refused", s->refused))
		return true;
	if (sscanf(line, "bundle %llu", &bundle) == 1)
		s->bundle = bundle;
	else if (sscanf(line, "switched %lld", &value) == 1)
		s->switched_s = value;
	else if (sscanf(line, "longest %lld", &value) == 1)
		s->longest_s = value;
	else if (sscanf(line, "gap %lld", &value) == 1)
		s->gap_s = value;
	else if (sscanf(line, "paused %lld", &value) == 1)
		s->paused = value;
	else if (sscanf(line, "boot %39s", s->boot) != 1)
		return false;
	return true;
}

static bool read_root(const char **p, const char *end, struct rotation_state *s, struct arena *a, struct err *e)
{
	struct rotation_root *r = &s->root[s->n];
	unsigned long long bundle;
	long long since, until, promised;
	struct pem_block block;
	int wanted;

	if (s->n == ROTATION_ROOTS_MAX ||
	    sscanf(*p, "root %64s %llu %lld %lld %lld %d", r->id, &bundle, &since, &until, &promised, &wanted) != 6)
		return false;
	*p = (const char *)memchr(*p, '\n', (size_t)(end - *p)) + 1;
	if (pem_next(p, end, "CERTIFICATE", CERT_MAX, a, &block, e) <= 0)
		return false;
	r->bundle = bundle;
	r->since_s = since;
	r->until_s = until;
	r->promised_s = promised;
	r->wanted = wanted;
	r->pem = pem_print("CERTIFICATE", block.der, a);
	s->n++;
	return true;
}

static bool has_root(const struct rotation_state *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->root[i].id, id))
			return true;
	return false;
}

int rotation_parse(struct rotation *r, const char *text, size_t n, struct err *e)
{
	const char *p = check(text, n, e), *end = text + n;
	struct rotation_state s = {0};

	while (p && p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		if (!strncmp(p, "root ", 5) && nl && read_root(&p, end, &s, &r->arena, e)) {
			p += p < end && *p == '\n';
		} else if (nl && *p != '\n' && read_line(p, &s)) {
			p = nl + 1;
		} else {
			return err_set(e, ERR_SYNTAX, "a line that is not understood");
		}
	}
	if (!p)
		return -1;
	if (!has_root(&s, s.signer) || (*s.target && !has_root(&s, s.target)) || s.longest_s <= 0)
		return err_set(e, ERR_SYNTAX, "a root that is named is not there");
	r->s = s;
	return 0;
}
