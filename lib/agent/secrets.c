/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/secrets.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "ca/ca.h"
#include "ca/own_key.h"
#include "ca/trust.h"
#include "ev/file.h"
#include "xds/pbw.h"

enum { FILE_MAX = 1024 * 1024, QUIET_MS = 100, QUIET_MAX_MS = 1000, PARTS = 2 };

/* One secret: its encoded form, or nothing yet. */
struct secret {
	struct secrets *owner;
	char *name;
	uint8_t *bytes;			/* or NULL */
	size_t n;
	/* of files: [0] the certificate or the roots, [1] the key or NULL */
	char *path[PARTS];
	struct file_watch *watch[PARTS];
};

struct secrets {
	struct loop *loop;
	loop_fn *changed;
	void *arg;
	struct res_table table;
	struct bundle *bundle;
	VEC(struct secret *) all;	/* by name */
	size_t n_files;
	bool has_pair;
	uint64_t gen;
};

static const char cert_prefix[] = "file-cert:", root_prefix[] = "file-root:";

/* ---- the bundle ---- */

static void publish(struct secrets *s)
{
	struct compiled c = {.gen = ++s->gen};
	struct bundle *before = s->bundle;
	struct arena a;
	struct res_new *v;
	size_t n = 0;

	arena_init(&a, 0);
	v = arena_array(&a, struct res_new, s->all.n + 1);
	for (size_t i = 0; i < s->all.n; i++) {
		const struct secret *one = s->all.v[i];

		if (one->bytes)
			v[n++] = (struct res_new){.name = one->name, .inputs = hash_bytes(one->bytes, one->n), .bytes = one->bytes,
						  .len = one->n};
	}
	c.set[XDS_SDS].v = v;
	c.set[XDS_SDS].n = n;
	s->bundle = bundle_adopt(&s->table, &c, before);
	bundle_unref(&s->table, before);
	arena_fini(&a);
}

/* By name; made if it is missing. */
static struct secret *secret_of(struct secrets *s, const char *name)
{
	size_t at = 0;
	struct secret *one;

	while (at < s->all.n && strcmp(s->all.v[at]->name, name) < 0)
		at++;
	if (at < s->all.n && !strcmp(s->all.v[at]->name, name))
		return s->all.v[at];
	one = calloc(1, sizeof(*one));
	must(one && "out of memory");
	one->owner = s;
	one->name = strdup(name);
	must(one->name && "out of memory");
	(void)vec_push(&s->all, NULL);
	memmove(s->all.v + at + 1, s->all.v + at, (s->all.n - 1 - at) * sizeof(*s->all.v));
	s->all.v[at] = one;
	return one;
}

static void cleanse(uint8_t *p, size_t n)
{
	struct buf b = {.p = (char *)p, .size = n, .n = n};

	ca_cleanse(&b);
}

/* Either a pair, or a CA with its lists. */
static void encode(struct secret *one, struct ir_secret ir)
{
	struct arena a;
	struct pbw w;
	struct build_out out = {.arena = &a, .w = &w};

	ir.name = one->name;
	arena_init(&a, 0);
	pbw_init(&w, &a);
	build_secret(&ir, &out);
	cleanse(one->bytes, one->n);
	one->bytes = malloc(out.len);
	must(one->bytes && "out of memory");
	memcpy(one->bytes, out.bytes, out.len);
	one->n = out.len;
	arena_fini(&a);
}

void secrets_set_pair(struct secrets *s, const struct credential_pair *pair)
{
	encode(secret_of(s, "default"), (struct ir_secret){.cert_chain = pair->chain, .private_key = pair->key});
	encode(secret_of(s, "ROOTCA"), (struct ir_secret){.ca = pair->roots, .crl = pair->crl});
	s->has_pair = true;
	publish(s);
	s->changed(s->arg);
}

/* ---- files ---- */

static int check(const struct secret *one, struct buf text[PARTS], int64_t now_s, struct err *e)
{
	struct own_key_dates dates;
	const char *roots = buf_cstr(&text[0]), *joined;
	struct arena a;
	int status;

	if (one->path[1])
		return own_key_check(buf_cstr(&text[1]), buf_cstr(&text[0]), NULL, now_s, &dates, e);
	arena_init(&a, 0);
	status = trust_join_roots(&roots, 1, &a, &joined, e);
	arena_fini(&a);
	return status;
}

static int read_files(struct secret *one, struct err *e)
{
	struct buf text[PARTS];
	int status = 0;

	for (size_t i = 0; i < PARTS; i++) {
		buf_init(&text[i], FILE_MAX);
		if (!status && one->path[i])
			status = file_read(one->path[i], &text[i], e);
	}
	if (!status)
		status = check(one, text, loop_wall_ns(one->owner->loop) / 1000000000, e);
	if (!status && one->path[1])
		encode(one, (struct ir_secret){.cert_chain = buf_cstr(&text[0]), .private_key = buf_cstr(&text[1])});
	else if (!status)
		encode(one, (struct ir_secret){.ca = buf_cstr(&text[0])});
	for (size_t i = 0; i < PARTS; i++)
		ca_cleanse(&text[i]);
	return status;
}

static void reread(void *arg)
{
	struct secret *one = arg;
	struct err e;

	if (read_files(one, &e)) {
		log_warn("sds", "%s: %s%s", one->name, e.text, one->bytes ? "; what was there before stays" : "");
		return;
	}
	publish(one->owner);
	one->owner->changed(one->owner->arg);
}

static void watch_files(struct secret *one)
{
	struct err e;

	for (size_t i = 0; i < PARTS && one->path[i]; i++) {
		one->watch[i] = file_watch_open(one->owner->loop, one->path[i], QUIET_MS, QUIET_MAX_MS, reread, one, &e);
		if (!one->watch[i])
			log_error("sds", "%s is not watched: %s", one->path[i], e.text);
	}
}

static bool is_pair(const char *name)
{
	return !strncmp(name, cert_prefix, sizeof(cert_prefix) - 1);
}

bool secrets_is_file(const char *name)
{
	return is_pair(name) || !strncmp(name, root_prefix, sizeof(root_prefix) - 1);
}

/* "CERT~KEY", or one path. */
static bool is_absolute(const char *name)
{
	const char *rest = strchr(name, ':') + 1, *tilde = strchr(rest, '~');

	return *rest == '/' && (!is_pair(name) || (tilde && tilde[1] == '/'));
}

static void split_paths(struct secret *one)
{
	bool pair = is_pair(one->name);
	const char *rest = strchr(one->name, ':') + 1, *tilde = strchr(rest, '~');

	one->path[0] = pair ? strndup(rest, (size_t)(tilde - rest)) : strdup(rest);
	one->path[1] = pair ? strdup(tilde + 1) : NULL;
	must(one->path[0] && (!pair || one->path[1]));
}

void secrets_want(struct secrets *s, const char *name)
{
	struct secret *one;

	if (!secrets_is_file(name) || s->n_files == SECRETS_FILES_MAX)
		return;
	if (!is_absolute(name)) {
		log_warn("sds", "%s names no absolute paths", name);
		return;
	}
	one = secret_of(s, name);
	if (one->path[0])
		return;
	split_paths(one);
	s->n_files++;
	watch_files(one);
	reread(one);
}

/* ---- life ---- */

struct secrets *secrets_new(struct loop *l, loop_fn *changed, void *arg)
{
	struct secrets *s = calloc(1, sizeof(*s));

	must(s && "out of memory");
	*s = (struct secrets){.loop = l, .changed = changed, .arg = arg};
	res_table_init(&s->table);
	publish(s);
	return s;
}

void secrets_free(struct secrets *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->all.n; i++) {
		struct secret *one = s->all.v[i];

		for (size_t k = 0; k < PARTS; k++) {
			file_watch_close(one->watch[k]);
			free(one->path[k]);
		}
		cleanse(one->bytes, one->n);
		free(one->name);
		free(one);
	}
	vec_fini(&s->all);
	bundle_unref(&s->table, s->bundle);
	res_table_fini(&s->table);
	free(s);
}

bool secrets_has_pair(const struct secrets *s)
{
	return s->has_pair;
}

struct bundle *secrets_bundle(const struct secrets *s)
{
	return s->bundle;
}

struct res_table *secrets_table(struct secrets *s)
{
	return &s->table;
}
