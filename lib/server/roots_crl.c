/* SPDX-License-Identifier: Apache-2.0
 *
 * The lists of revoked certificates beside a plugged-in CA. What was good last is kept in <state>/ca-crl.pem and stays
 * in force when what comes is not: neither a damaged list nor a forgotten one may cut the mesh off.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "ca/crl.h"
#include "server/roots_int.h"

static int64_t now_s(const struct roots *r)
{
	return loop_wall_ns(r->loop) / 1000000000;
}

static char *copy(const char *text)
{
	char *out = text ? strdup(text) : NULL;

	must((out || !text) && "out of memory");
	return out;
}

static void set(char **to, const char *text)
{
	char *before = *to;

	*to = copy(text);
	free(before);
}

/* All that proxies trust or soon will, and what is issued from, or soon will be. */
static int check(const struct roots *r, const struct ca *files, const char *lists, int64_t at_s, struct err *e)
{
	const struct ca *const cas[] = {files, r->files, r->old};
	struct arena a;
	const char *roots;
	int status = 0;

	arena_init(&a, 0);
	roots = arena_printf(&a, "%s%s", ca_roots(files), rotation_bundle(&r->rotation, &a));
	for (size_t i = 0; i < ARRAY_LEN(cas) && !status; i++) {
		size_t n = 0;
		const char *const *above = cas[i] ? ca_above(cas[i], &n) : NULL;

		status = crl_check(lists, roots, above, n, at_s, e);
	}
	arena_fini(&a);
	return status;
}

static void keep(struct roots *r)
{
	struct err e;
	int status = r->crl ? file_replace(r->path.crl, r->crl, strlen(r->crl), 0644, &e) : file_remove(r->path.crl, &e);

	if (status && e.code != ERR_NOT_FOUND)
		log_error("ca", "%s; a restart would not know the revoked certificates", e.text);
}

static void use(struct roots *r, const char *lists)
{
	struct crl_info info = {0};
	struct err e;

	set(&r->crl_trouble, NULL);
	if (!r->crl == !lists && (!lists || !strcmp(r->crl, lists)))
		return;
	set(&r->crl, lists);
	keep(r);
	if (lists && !crl_read(lists, &info, &e))
		log_info("ca", "%zu revoked certificates on %zu lists are refused", info.n_revoked, info.n_lists);
	else
		log_info("ca", "no certificate is revoked");
}

/* In a; "" when the CA has none. NULL and an err: what is there is not taken. */
static const char *read_lists(const struct roots *r, const struct ca *files, struct arena *a, struct err *e)
{
	const char *lists = NULL;
	struct crl_info info;
	struct buf text;

	buf_init(&text, CRL_TEXT_MAX);
	if (!ca_read_crl(r->opts.ca_dir, &text, e)) {
		if (!text.n)
			lists = "";
		else if (!crl_read(buf_cstr(&text), &info, e))
			lists = crl_join(buf_cstr(&text), r->crl, now_s(r), a);
	}
	buf_fini(&text);
	return lists && *lists && check(r, files, lists, now_s(r), e) ? NULL : lists;
}

int roots_take_crl(struct roots *r, const struct ca *files, struct err *e)
{
	const char *lists;
	struct arena a;
	int status = 0;

	if (!r->opts.ca_dir)
		return 0;
	arena_init(&a, 0);
	lists = read_lists(r, files, &a, e);
	if (lists) {
		use(r, *lists ? lists : NULL);
	} else {
		log_error("ca", "%s/ca-crl.pem is not taken: %s; %s", r->opts.ca_dir, e->text,
			  r->crl ? "the lists before stay in force" : "no certificate is refused as revoked");
		set(&r->crl_trouble, e->text);
		if (r->crl)
			status = check(r, files, r->crl, 0, e);
	}
	arena_fini(&a);
	return status ? err_wrap(e, "by the lists that are in force") : 0;
}

void roots_load_crl(struct roots *r)
{
	struct crl_info info;
	struct buf text;
	struct err e;

	if (!r->opts.ca_dir)
		return;
	buf_init(&text, CRL_TEXT_MAX);
	if (!file_read(r->path.crl, &text, &e) && !crl_read(buf_cstr(&text), &info, &e))
		set(&r->crl, buf_cstr(&text));
	else if (e.code != ERR_NOT_FOUND)
		log_warn("ca", "%s: %s", r->path.crl, e.text);
	buf_fini(&text);
	if (!roots_take_crl(r, r->files, &e))
		return;
	log_error("ca", "%s; no certificate is refused as revoked", e.text);
	set(&r->crl, NULL);
}

const char *roots_crl(const struct roots *r)
{
	return r->crl;
}

const char *roots_crl_trouble(const struct roots *r)
{
	return r->crl_trouble;
}
