/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose tokens are taken: a file of YAML or JSON.
 *
 *	- issuer: https://kubernetes.default.svc.cluster.local
 *	  jwksFile: /var/run/navarch/jwks.json	# beside the file unless absolute
 *	  audiences: [istio-ca]			# the default
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "ev/file.h"
#include "node/node.h"
#include "server/identity.h"

enum { RULES_FILE_MAX = 64 * 1024, RULES_MAX = 32 };

struct token_rules {
	struct jwt_issuer v[RULES_MAX];
	struct jwks *keys[RULES_MAX];
	size_t n;
	struct arena a;
};

static const char *const default_audiences[] = {"istio-ca"};

static int take_audiences(const struct node *list, struct arena *a, struct jwt_issuer *r,
			  struct err *e)
{
	const char **v;

	r->audiences = default_audiences;
	r->n_audiences = 1;
	if (!list)
		return 0;
	if (list->kind != NODE_LIST || !list->n)
		return err_set(e, ERR_SYNTAX, "audiences is a list of one or more texts");
	v = arena_array(a, const char *, list->n);
	for (size_t i = 0; i < list->n; i++) {
		if (list->list[i].kind != NODE_STRING)
			return err_set(e, ERR_SYNTAX, "audiences is a list of one or more texts");
		v[i] = list->list[i].text;
	}
	r->audiences = v;
	r->n_audiences = list->n;
	return 0;
}

static struct jwks *read_keys(const char *rules_path, const char *name, struct arena *a,
			      struct err *e)
{
	const char *slash = strrchr(rules_path, '/');
	const char *path =
	    *name == '/' || !slash
		? name
		: arena_printf(a, "%.*s/%s", (int)(slash - rules_path), rules_path, name);
	struct jwks *keys = NULL;
	struct buf text;

	buf_init(&text, JWKS_MAX);
	if (!file_read(path, &text, e)) {
		keys = jwks_parse(text.p ? text.p : "", text.n, e);
		if (!keys)
			err_wrap(e, "%s", path);
	}
	buf_fini(&text);
	return keys;
}

static int take_rule(struct token_rules *r, const struct node *row, const char *path, struct err *e)
{
	static const char *const known[] = {"issuer", "audiences", "jwksFile"};
	struct jwt_issuer *rule = &r->v[r->n];

	if (row->kind != NODE_MAP)
		return err_set(e, ERR_SYNTAX, "not a map of issuer, audiences, jwksFile");
	for (size_t i = 0; i < row->n; i++) {
		bool found = false;

		for (size_t k = 0; k < ARRAY_LEN(known); k++)
			found = found || !strcmp(row->map[i].key, known[k]);
		if (!found)
			return err_set(e, ERR_SYNTAX, "unknown member \"%.60s\"", row->map[i].key);
	}
	rule->issuer = node_text(row, "issuer");
	if (!rule->issuer || !*rule->issuer || !node_text(row, "jwksFile"))
		return err_set(e, ERR_SYNTAX, "issuer and jwksFile are needed");
	if (take_audiences(node_get(row, "audiences"), &r->a, rule, e))
		return -1;
	r->keys[r->n] = read_keys(path, node_text(row, "jwksFile"), &r->a, e);
	if (!r->keys[r->n])
		return -1;
	rule->keys = r->keys[r->n++];
	return 0;
}

static int take_all(struct token_rules *r, const char *path, const char *text, size_t n,
		    struct err *e)
{
	struct node_docs docs;
	struct diags ds;
	const struct node *root;

	diags_init(&ds, &r->a);
	docs = node_parse(text, n, 1, &r->a, &ds);
	root = docs.n ? docs.v[0].root : NULL;
	if (ds.nerrors)
		return err_set(e, ERR_SYNTAX, "%s", diag_format(&ds.v[0], &r->a));
	if (docs.n != 1 || !root || root->kind != NODE_LIST || root->n > RULES_MAX)
		return err_set(e, ERR_SYNTAX, "not one list of at most %d rules", RULES_MAX);
	for (size_t i = 0; i < root->n; i++)
		if (take_rule(r, &root->list[i], path, e))
			return err_wrap(e, "rule %zu", i + 1);
	return 0;
}

struct token_rules *token_rules_open(const char *path, struct err *e)
{
	struct token_rules *r = calloc(1, sizeof(*r));
	struct buf text;
	int status;

	must(r && "out of memory");
	arena_init(&r->a, 0);
	buf_init(&text, RULES_FILE_MAX);
	status = file_read(path, &text, e);
	if (!status) {
		status = take_all(r, path, buf_cstr(&text), text.n, e);
		if (status)
			err_wrap(e, "%s", path);
	}
	buf_fini(&text);
	if (!status)
		return r;
	token_rules_free(r);
	return NULL;
}

void token_rules_free(struct token_rules *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < RULES_MAX; i++)
		jwks_free(r->keys[i]);
	arena_fini(&r->a);
	free(r);
}

const struct jwt_issuer *token_rules_get(const struct token_rules *r, size_t *n)
{
	*n = r ? r->n : 0;
	return r ? r->v : NULL;
}
