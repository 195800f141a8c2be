/* SPDX-License-Identifier: Apache-2.0
 *
 * Where would this request go? Walked through what the proxy would get, without one running.
 */
#include "cmd.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "traffic.h"

enum { OUTPUT_MAX = 1024 * 1024 * 1024 };

/* "Name: value" */
static int read_headers(const struct args *args, struct arena *a, struct strmap *out, struct err *e)
{
	const char **given;
	size_t n = args_all(args, "header", &given, a);
	struct str_pair *v = arena_array(a, struct str_pair, n);

	for (size_t i = 0; i < n; i++) {
		const char *colon = strchr(given[i], ':');

		if (!colon || colon == given[i])
			return err_set(e, ERR_SYNTAX, "--header: \"%.60s\" is not NAME: VALUE", given[i]);
		v[i].key = arena_strndup(a, given[i], (size_t)(colon - given[i]));
		v[i].value = colon + 1 + strspn(colon + 1, " \t");
	}
	*out = (struct strmap){.v = v, .n = n};
	return 0;
}

static int read_claims(const char *text, struct arena *a, const struct node **out, struct err *e)
{
	struct diags ds;
	struct node_docs docs;

	if (!text)
		return 0;
	diags_init(&ds, a);
	docs = node_parse(text, strlen(text), 1, a, &ds);
	if (docs.n != 1 || !docs.v[0].root || docs.v[0].bad || docs.v[0].root->kind != NODE_MAP)
		return err_set(e, ERR_SYNTAX, "--claims: \"%.60s\" is no JSON object", text);
	*out = docs.v[0].root;
	return 0;
}

static int print_one(struct traffic *t, const struct traffic_request *q, bool json, struct buf *out, bool *served,
		     struct err *e)
{
	struct arena a;
	struct walk w;
	int failed;

	arena_init(&a, 0);
	failed = traffic_walk(t, q, &a, &w, e);
	if (!failed) {
		if (json)
			traffic_print_json(t, &w, out);
		else
			traffic_print_text(t, &w, out);
		if (json)
			buf_char(out, '\n');
		*served = *served && traffic_is_served(&w);
	}
	arena_fini(&a);
	return failed;
}

/* A list of requests; each may say who sends it. */
static int print_batch(struct traffic *t, const struct traffic_request *base, const char *path, struct buf *out,
		       bool *served, struct err *e)
{
	const struct node *list = traffic_read_file(path, t->arena, e);

	if (!list)
		return -1;
	if (list->kind != NODE_LIST)
		return err_set(e, ERR_SYNTAX, "%s: not a list of requests", path);
	for (size_t i = 0; i < list->n; i++) {
		struct traffic_request q = *base;

		if (traffic_read_request(&list->list[i], t->arena, &q, e) ||
		    print_one(t, &q, true, out, served, e))
			return err_wrap(e, "%s, request %zu", path, i);
	}
	return 0;
}

static int route(struct traffic *t, const struct args *args, struct arena *a, struct buf *out, bool *served, struct err *e)
{
	const char *form = args_get(args, "output"), *batch = args_get(args, "requests");
	struct traffic_request q = {.from = args_get(args, "from"),
				    .to = args_get(args, "to"),
				    .url = args->n_operands ? args->operands[0] : NULL,
				    .method = args_get(args, "method"),
				    .sni = args_get(args, "sni"),
				    .peer = args_get(args, "peer"),
				    .client_ip = args_get(args, "client-ip")};

	if (q.from && q.to)
		return err_set(e, ERR_SYNTAX, "--from and --to are two ends: what leaves one, or what arrives at the other");
	if (!q.url == !batch)
		return err_set(e, ERR_SYNTAX, "a URL or --requests FILE is needed");
	if (read_headers(args, a, &q.headers, e) || read_claims(args_get(args, "claims"), a, &q.claims, e) ||
	    traffic_open(t, args, a, e))
		return -1;
	return batch ? print_batch(t, &q, batch, out, served, e)
		     : print_one(t, &q, form && !strcmp(form, "json"), out, served, e);
}

static int run(const struct args *args, struct arena *a)
{
	struct traffic t = {0};
	bool served = true;
	struct buf out;
	struct err e;
	int status = CMD_USAGE;

	buf_init(&out, OUTPUT_MAX);
	if (route(&t, args, a, &out, &served, &e))
		fprintf(stderr, "navctl route: %s\n", e.text);
	else
		status = served ? CMD_OK : CMD_FINDINGS;
	fwrite(out.n ? out.p : "", 1, out.n, stdout);
	buf_fini(&out);
	traffic_close(&t);
	return status;
}

static const struct args_option options[] = {
    {"config-dir", 'c', "DIR", "The manifests; may be given several times."},
    {"from", 'f', "WHO",
     "Who sends: gateway/NAME, a pod (POD.NAMESPACE) or labels ([NAMESPACE/]app=NAME,...)."},
    {"to", 't', "WHO", "The workload where it arrives, instead: through its inbound listeners. A port of its Service "
		       "stands for the workload's own."},
    {"node-file", 'n', "FILE", "The proxy of the sender, as for proxy-config, instead of --from."},
    {"method", 0, "METHOD", "GET unless given."},
    {"header", 'H', "NAME: VALUE", "A request header; may be given several times. Host replaces the URL's."},
    {"claims", 0, "JSON",
     "A good token says so: {\"iss\": ISSUER, \"sub\": ...}. Of one in a header signature and times are not checked."},
    {"sni", 0, "NAME", "Server name of TLS; the URL's host unless given."},
    {"peer", 0, "NS/SA", "Who the client is by its certificate of the mesh (or a SPIFFE id): what it sends is mutual TLS."},
    {"client-ip", 0, "IP", "Address of the client, for policies that ask for it."},
    {"requests", 0, "FILE", "A YAML or JSON list of requests ({url, method, headers, claims, sni, peer, clientIp, from}; - is standard "
			    "input): one line of JSON each."},
    {"mesh-config", 'm', "FILE", "MeshConfig, laid over the defaults."},
    {"cluster-domain", 0, "DOMAIN", "DNS domain of the cluster; cluster.local, or none without Kubernetes Services."},
    {"revision", 0, "NAME", "Only objects of this revision (label istio.io/rev), and those of none."},
    {"output", 'o', "text|json", "Form of the output."},
};

const struct cmd cmd_route = {
    .args = {.name = "navctl route",
	     .summary = "Show where a request would go, step by step, and which objects say so",
	     .operands = "[URL]",
	     .text = "The URL is http, https, tcp or tls, as http://reviews:9080/path. Exit code 0: it gets somewhere (a "
		     "cluster, a redirect, an answer below 400); 1: it is refused or answered with an error.",
	     .options = options,
	     .n_options = ARRAY_LEN(options),
	     .max_operands = 1},
    .run = run,
};
