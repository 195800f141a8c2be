/* SPDX-License-Identifier: Apache-2.0
 *
 * Resources as JSON, from their wire bytes.
 */
#include "golden.h"

#include <string.h>

#include "base/must.h"
#include "xds/pbjson.h"

static const char *const keys[XDS_TYPES] = {"clusters", "endpoints", "listeners", "routes", "secrets", "names"};

static const struct pb_msg *message_of(const struct res *r)
{
	const char *name = xds_type_info(r->type)->message;
	const struct pb_msg *m = pb_type_find(name, strlen(name));

	must(m);
	return m;
}

/* '*' stands for any text, everything else for itself. */
static bool glob(const char *pattern, const char *text)
{
	for (; *pattern != '*'; pattern++, text++) {
		if (*pattern != *text)
			return false;
		if (!*pattern)
			return true;
	}
	for (pattern++;; text++) {
		if (glob(pattern, text))
			return true;
		if (!*text)
			return false;
	}
}

static bool is_shown(const struct strs *patterns, const char *name)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (glob(patterns->v[i], name))
			return true;
	return false;
}

static void append_indented(struct buf *out, const char *json, size_t n, const char *indent)
{
	const char *end = json + n;

	while (json < end) {
		const char *eol = memchr(json, '\n', (size_t)(end - json));
		size_t len = eol ? (size_t)(eol - json) + 1 : (size_t)(end - json);

		buf_str(out, indent);
		buf_append(out, json, len);
		json += len;
	}
	while (out->n && out->p[out->n - 1] == '\n')
		out->n--;
}

/* A private key's text becomes its hash. */
static void append_redacted(struct buf *out, const char *json, size_t n)
{
	const char *key = strstr(json, "\"privateKey\""), *at, *end;
	char hex[HASH_HEX_LEN + 1];

	at = key ? strstr(key, "\"inlineBytes\": \"") : NULL;
	at = at ? at : (key ? strstr(key, "\"inlineString\": \"") : NULL);
	if (!at) {
		append_indented(out, json, n, "    ");
		return;
	}
	at = strchr(at, ':') + 3;
	end = strchr(at, '"');
	append_indented(out, json, (size_t)(at - json), "    ");
	buf_printf(out, "hash of the key: %s\"", hash_hex(hash_bytes(at, (size_t)(end - at)), hex));
	append_indented(out, end + 1, n - (size_t)(end + 1 - json), "    ");
}

static int print_res(const struct res *r, bool redact, struct buf *out, struct err *e)
{
	struct buf json;
	int rc;

	buf_init(&json, GOLDEN_TEXT_MAX);
	rc = pbjson_print(message_of(r), (struct pb_bytes){r->bytes, r->len}, PBJSON_INDENT, &json, e);
	if (rc == 0 && redact && r->type == XDS_SDS)
		append_redacted(out, buf_cstr(&json), json.n);
	else if (rc == 0)
		append_indented(out, buf_cstr(&json), json.n, "    ");
	buf_fini(&json);
	return rc;
}

static int print_set(const struct res_set *s, const struct strs *show, struct buf *out, struct err *e)
{
	bool any = false;

	buf_printf(out, "  \"%s\": [", keys[s->type]);
	for (size_t i = 0; i < s->n; i++) {
		if (show && !is_shown(show, s->row[i].res->name))
			continue;
		buf_str(out, any ? ",\n" : "\n");
		any = true;
		if (print_res(s->row[i].res, show != NULL, out, e) < 0)
			return err_wrap(e, "%s", s->row[i].res->name);
	}
	buf_str(out, any ? "\n  ]" : "]");
	return 0;
}

static int print_sets(const struct golden_proxy *p, const struct bundle *b, struct buf *out, struct err *e)
{
	const char *sep = "{\n";

	for (int t = 0; t < XDS_TYPES; t++) {
		if (p && !p->shown[t])
			continue;
		buf_str(out, sep);
		sep = ",\n";
		if (print_set(b->set[t], p ? &p->show[t] : NULL, out, e) < 0)
			return -1;
	}
	buf_str(out, "\n}\n");
	return 0;
}

int golden_print(const struct golden_proxy *p, const struct bundle *b, struct buf *out, struct err *e)
{
	return print_sets(p, b, out, e);
}

int golden_print_all(const struct bundle *b, struct buf *out, struct err *e)
{
	return print_sets(NULL, b, out, e);
}

static int round_trip(const struct res *r, struct err *e)
{
	struct buf json;
	struct arena a;
	struct pb_bytes back = {0};
	int rc;

	arena_init(&a, 0);
	buf_init(&json, GOLDEN_TEXT_MAX);
	rc = pbjson_print(message_of(r), (struct pb_bytes){r->bytes, r->len}, 0, &json, e);
	if (rc == 0)
		rc = pbjson_parse(message_of(r), json.p, json.n, 0, &a, &back, e);
	if (rc == 0 && (back.n != r->len || memcmp(back.p, r->bytes, r->len) != 0))
		rc = err_set(e, ERR_REFUSED, "its JSON reads back as other bytes");
	if (rc < 0)
		err_wrap(e, "%s %s", xds_type_info(r->type)->short_name, r->name);
	buf_fini(&json);
	arena_fini(&a);
	return rc;
}

int golden_round_trip(const struct bundle *b, struct err *e)
{
	for (int t = 0; t < XDS_TYPES; t++)
		for (size_t i = 0; i < b->set[t]->n; i++)
			if (round_trip(b->set[t]->row[i].res, e) < 0)
				return -1;
	return 0;
}
