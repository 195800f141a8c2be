/* SPDX-License-Identifier: Apache-2.0
 *
 * The mesh's certificates: of a running daemon with its rotation of roots, or from files.
 */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "base/scalar.h"
#include "ca/ca.h"
#include "ca/cert_info.h"
#include "ca/crl.h"
#include "ev/file.h"
#include "node/node.h"
#include "remote.h"

enum { FILE_MAX = 4 * 1024 * 1024 };

static const char *const actions[] = {"rotate", "pause", "resume", "abort"};

/* ---- texts ---- */

/* "5d", "3h", "12m", "40s" */
static const char *span(int64_t s, struct arena *a)
{
	static const struct {
		int64_t unit;
		char letter;
	} units[] = {{CERT_DAY_S, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	int64_t n = s < 0 ? -s : s;
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(units) && n < 2 * units[i].unit)
		i++;
	return arena_printf(a, "%s%lld%c", s < 0 ? "-" : "", (long long)(n / units[i].unit), units[i].letter);
}

/* Of a text or a number. */
static const char *text_or(const struct node *row, const char *key)
{
	const struct node *v = node_get(row, key);

	return v && (v->kind == NODE_STRING || v->kind == NODE_NUMBER) && *v->text ? v->text : "-";
}

/* How far a time of the answer is from now; "-" without one. */
static const char *from_now(const struct node *row, const char *key, int sign, struct arena *a)
{
	const char *text = node_text(row, key);
	int64_t ns;

	if (!text || scalar_time_ns(text, &ns))
		return "-";
	return span(sign * (ns / 1000000000 - (int64_t)time(NULL)), a);
}

static bool is_true(const struct node *row, const char *key)
{
	const struct node *v = node_get(row, key);

	return v && v->kind == NODE_BOOL && v->boolean;
}

/* ---- the daemon's answer ---- */

static void print_certs_head(void)
{
	printf("%-12s %-8s %-16s %-8s %6s %8s  %-32s  %-40s %s\n", "CERTIFICATE", "ROLE", "ID", "KEY", "AGE", "EXPIRES", "SERIAL", "SUBJECT",
	       "ISSUER");
}

static void print_cert(const struct node *row, const char *kind, struct arena *a)
{
	printf("%-12s %-8s %-16.16s %-8s %6s %8s  %-32s  %-40s %s\n", kind, text_or(row, "role"), text_or(row, "id"), text_or(row, "key"),
	       from_now(row, "notBefore", -1, a), from_now(row, "notAfter", 1, a), text_or(row, "serial"), text_or(row, "subject"),
	       text_or(row, "issuer"));
}

static void print_certs(const struct node *list, struct arena *a)
{
	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		print_cert(&list->list[i], text_or(&list->list[i], "kind"), a);
}

static void print_crl(const struct node *crl, struct arena *a)
{
	if (crl)
		printf("revoked: %s certificates on %s lists, the first out of date in %s\n", text_or(crl, "revoked"), text_or(crl, "lists"),
		       from_now(crl, "nextUpdate", 1, a));
}

static void print_rotation(const struct node *r, struct arena *a)
{
	const struct node *names = node_get(r, "waitsFor");

	printf("rotation: %s%s%s, bundle %s, issued from %s", text_or(r, "phase"), is_true(r, "paused") ? ", paused" : "",
	       is_true(r, "clockJumped") ? ", waiting since the clock has jumped" : "", text_or(r, "bundle"), text_or(r, "signer"));
	if (node_text(r, "next"))
		printf(", next %s: %s of %s connected proxies are behind, %s away", node_text(r, "next"), text_or(r, "behind"),
		       text_or(r, "connected"), text_or(r, "away"));
	if (node_text(r, "aborted"))
		printf(", aborted %s", node_text(r, "aborted"));
	if (node_text(r, "waitsUntil"))
		printf("; next step in %s at the earliest", from_now(r, "waitsUntil", 1, a));
	printf("\n");
	for (size_t i = 0; names && names->kind == NODE_LIST && i < names->n; i++)
		if (names->list[i].kind == NODE_STRING)
			printf("  waits for %s\n", names->list[i].text);
}

static void print_proxies(const struct node *list, struct arena *a)
{
	if (!list || list->kind != NODE_LIST || !list->n)
		return;
	printf("\n%-40s %-8s %-16s %6s %8s  %-32s  %s\n", "PROXY", "BUNDLE", "ROOT", "AGE", "EXPIRES", "SERIAL", "HOLDER");
	for (size_t i = 0; i < list->n; i++) {
		const struct node *row = &list->list[i];

		printf("%-40s %-8s %-16s %6s %8s  %-32s  %s\n", text_or(row, "proxy"), text_or(row, "state"), text_or(row, "root"),
		       from_now(row, "issued", -1, a), from_now(row, "expires", 1, a), text_or(row, "serial"), text_or(row, "holder"));
	}
}

/* CMD_FINDINGS when one of them is more than a hint. */
static int print_findings(const struct node *list, bool show)
{
	int status = CMD_OK;

	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const struct node *row = &list->list[i];

		if (strcmp(text_or(row, "severity"), diag_severity_name(DIAG_INFO)) != 0)
			status = CMD_FINDINGS;
		if (show)
			printf("%s%s: %s %s\n", i ? "" : "\n", text_or(row, "severity"), text_or(row, "code"), text_or(row, "message"));
	}
	return status;
}

static int print_page(struct buf *body, const char *form, struct arena *a)
{
	bool table = !form || !strcmp(form, "table");
	const struct node *root;
	struct node_docs docs;
	struct diags ds;

	diags_init(&ds, a);
	docs = node_parse(body->p, body->n, 1, a, &ds);
	root = docs.n ? docs.v[0].root : NULL;
	if (!node_get(root, "rotation")) {
		fprintf(stderr, "navctl certs: the daemon's answer is not what was expected\n");
		return CMD_UNREACHABLE;
	}
	if (!table) {
		remote_print_member(body, NULL, form, a);
		return print_findings(node_get(root, "findings"), false);
	}
	print_rotation(node_get(root, "rotation"), a);
	print_crl(node_get(root, "crl"), a);
	printf("\n");
	print_certs_head();
	print_certs(node_get(root, "roots"), a);
	print_certs(node_get(root, "chain"), a);
	print_certs(node_get(root, "nextChain"), a);
	print_proxies(node_get(root, "proxies"), a);
	return print_findings(node_get(root, "findings"), true);
}

static int ask(const struct args *args, const char *action, struct arena *a)
{
	const char *order;
	struct remote r;
	struct buf body;
	struct err e;
	int status;

	if (remote_open(&r, args, a, &e) || (action && r.n > 1)) {
		fprintf(stderr, "navctl certs: %s\n",
			r.n > 1 ? "an order is for one daemon, and the cluster has several: name it, --server HOST:PORT" : e.text);
		status = r.n > 1 ? CMD_USAGE : CMD_UNREACHABLE;
		remote_close(&r);
		return status;
	}
	buf_init(&body, (size_t)1 << 30);
	order = arena_printf(a, "{\"action\":\"%s%s\"}", action ? action : "", args_has(args, "without-away") ? "-without-away" : "");
	if (action ? remote_post(&r, remote_first(&r), "/v1/rotation", order, &body, &e)
		   : remote_get(&r, remote_first(&r), "/debug/certs", &body, &e)) {
		fprintf(stderr, "navctl certs: %s\n", e.text);
		status = action && e.code == ERR_REFUSED ? CMD_FINDINGS : CMD_UNREACHABLE;
	} else {
		status = print_page(&body, args_get(args, "output"), a);
		if (action) /* it was done; what stands is another question */
			status = status == CMD_FINDINGS ? CMD_OK : status;
	}
	buf_fini(&body);
	remote_close(&r);
	return status;
}

/* ---- files ---- */

struct list {
	struct arena *a;
	struct diags ds;
	const char *trust_domain;
	struct buf json;
	size_t n;
	bool table;
};

static const char *time_json(int64_t s, struct arena *a)
{
	return scalar_time_print(s, arena_alloc(a, SCALAR_TIME));
}

static void put_member(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, ",\"%s\":", key);
	node_text_to_json(text, out);
}

static void list_cert(struct list *l, const struct cert_info *c, const char *path)
{
	const char *kind = c->is_root ? "root" : c->is_ca ? "intermediate" : "workload";
	int64_t now_s = (int64_t)time(NULL);

	cert_info_check(c, kind, l->trust_domain, now_s, &l->ds);
	if (l->table) {
		printf("%-12s %-8s %-16.16s %-8s %6s %8s  %-32s  %-40s %s\n", kind, "-", c->id, c->key, span(now_s - c->from_s, l->a),
		       span(c->until_s - now_s, l->a), c->serial, c->subject, c->issuer);
		return;
	}
	buf_printf(&l->json, "%s{\"kind\":\"%s\",\"id\":\"%.16s\"", l->n++ ? "," : "", kind, c->id);
	put_member(&l->json, "file", path);
	put_member(&l->json, "subject", c->subject);
	put_member(&l->json, "issuer", c->issuer);
	put_member(&l->json, "serial", c->serial);
	put_member(&l->json, "key", c->key);
	put_member(&l->json, "notBefore", time_json(c->from_s, l->a));
	put_member(&l->json, "notAfter", time_json(c->until_s, l->a));
	if (c->uri)
		put_member(&l->json, "uri", c->uri);
	buf_char(&l->json, '}');
}

/* ERR_NOT_FOUND when there is no such file. */
static int list_file(struct list *l, const char *path, struct err *e)
{
	struct cert_info *v;
	struct buf text;
	size_t n;
	int status;

	buf_init(&text, FILE_MAX);
	status = file_read(path, &text, e);
	if (!status && cert_info_read(buf_cstr(&text), l->a, &v, &n, e))
		status = err_wrap(e, "%s", path);
	else if (!status && !n)
		status = err_set(e, ERR_SYNTAX, "%s: no certificate in it", path);
	buf_fini(&text);
	for (size_t i = 0; !status && i < n; i++)
		list_cert(l, &v[i], path);
	return status;
}

/* Whether the daemon would take the lists beside a CA. */
static int try_crl(const char *dir, const struct ca *ca, struct err *e)
{
	size_t n;
	const char *const *above = ca_above(ca, &n);
	struct buf text;
	int status;

	buf_init(&text, CRL_TEXT_MAX);
	status = ca_read_crl(dir, &text, e);
	if (!status && text.n)
		status = crl_check(buf_cstr(&text), ca_roots(ca), above, n, (int64_t)time(NULL), e);
	buf_fini(&text);
	return status ? err_wrap(e, "%s/ca-crl.pem", dir) : 0;
}

/* Its certificates, and whether the daemon would take it. */
static int list_dir(struct list *l, const char *dir, struct err *e)
{
	static const char *const names[] = {"root-cert.pem", "ca-cert.pem", "cert-chain.pem", "ca.crt", "tls.crt"};
	const struct ca_opts opts = {.trust_domain = l->trust_domain ? l->trust_domain : "cluster.local"};
	struct ca *ca;
	int status;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (list_file(l, arena_printf(l->a, "%s/%s", dir, names[i]), e) && e->code != ERR_NOT_FOUND)
			return -1;
	ca = ca_open(dir, &opts, (int64_t)time(NULL), e);
	if (!ca)
		return -1;
	status = try_crl(dir, ca, e);
	ca_unref(ca);
	return status;
}

static int finish(struct list *l)
{
	int status = CMD_OK;

	if (!l->table)
		printf("{\"certificates\":[%s],\"findings\":[", buf_cstr(&l->json));
	for (size_t i = 0; i < l->ds.n; i++) {
		const struct diag *d = &l->ds.v[i];
		struct buf text;

		status = d->severity == DIAG_INFO ? status : CMD_FINDINGS;
		if (l->table) {
			printf("%s%s: %s %s\n", i ? "" : "\n", diag_severity_name(d->severity), diag_info(d->code)->id, d->text);
			continue;
		}
		buf_init(&text, FILE_MAX);
		node_text_to_json(d->text, &text);
		printf("%s{\"code\":\"%s\",\"severity\":\"%s\",\"message\":%s}", i ? "," : "", diag_info(d->code)->id,
		       diag_severity_name(d->severity), buf_cstr(&text));
		buf_fini(&text);
	}
	if (!l->table)
		printf("]}\n");
	return status;
}

static int look(const struct args *args, struct arena *a)
{
	const char *dir = args_get(args, "ca-dir"), *form = args_get(args, "output");
	struct list l = {.a = a, .trust_domain = args_get(args, "trust-domain"), .table = !form || !strcmp(form, "table")};
	int status = 0;
	struct err e;

	diags_init(&l.ds, a);
	buf_init(&l.json, (size_t)1 << 28);
	if (l.table)
		print_certs_head();
	for (size_t i = 0; i < args->n_operands && !status; i++)
		status = list_file(&l, args->operands[i], &e);
	if (!status && dir)
		status = list_dir(&l, dir, &e);
	if (!status) {
		status = finish(&l);
	} else {
		fprintf(stderr, "navctl certs: %s\n", e.text);
		finish(&l);
		status = CMD_FINDINGS;
	}
	buf_fini(&l.json);
	return status;
}

/* ---- the command ---- */

static int usage(const char *text)
{
	fprintf(stderr, "navctl certs: %s\n", text);
	return CMD_USAGE;
}

static int run(const struct args *args, struct arena *a)
{
	const char *form = args_get(args, "output"), *action = NULL;
	bool offline = args_has(args, "ca-dir");

	for (size_t i = 0; args->n_operands && i < ARRAY_LEN(actions); i++)
		if (!strcmp(args->operands[0], actions[i]))
			action = actions[i];
	if (args_has(args, "without-away") && (!action || strcmp(action, "resume")))
		return usage("--without-away is of resume");
	if (action && (offline || args->n_operands > 1))
		return usage("an order is for one daemon, and stands alone");
	offline = offline || (args->n_operands && !action);
	if (offline && args_has(args, "server"))
		return usage("either files or --server");
	if (offline && form && !strcmp(form, "yaml"))
		return usage("files are listed as table or json");
	return offline ? look(args, a) : ask(args, action, a);
}

static const struct args_option options[] = {
    REMOTE_OPTIONS,
    {"ca-dir", 0, "DIR", "No daemon: a CA as one plugs it in; looked at, and tried as the daemon would."},
    {"trust-domain", 0, "DOMAIN", "With files: the mesh's, which they are checked against."},
    {"without-away", 0, NULL, "With resume: do not wait for those that are not connected and hold a living certificate."},
    {"output", 'o', "table|json|yaml", "Form of the output."},
};

const struct cmd cmd_certs = {
    .args = {.name = "navctl certs",
	     .summary = "Show the mesh's certificates; rotate its roots",
	     .operands = "[rotate|pause|resume|abort | FILE...]",
	     .text = "Without operands: the daemon's roots and chain, how far a rotation of roots is and which proxies it waits for, and "
		     "what each proxy holds. With files or --ca-dir no daemon is asked. The exit code is 1 when there is a warning: something "
		     "has expired, or will within 30 days; proxies are behind; a trust domain is another one.\n\n"
		     "rotate makes another root of the daemon's own, or goes on to that of --ca-dir after an abort; pause stops before the next "
		     "step, resume goes on; abort goes back to the root before.",
	     .options = options,
	     .n_options = ARRAY_LEN(options),
	     .max_operands = 100},
    .run = run,
};
