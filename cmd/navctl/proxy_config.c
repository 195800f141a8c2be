/* SPDX-License-Identifier: Apache-2.0
 *
 * What a proxy gets: compiled here from a directory, or asked of a running daemon.
 */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "ev/file.h"
#include "mesh/proxy.h"
#include "remote.h"
#include "server/offline.h"
#include "xds/pbjson.h"

enum { OUTPUT_MAX = 1024 * 1024 * 1024, NODE_FILE_MAX = 16 * 1024 * 1024 };

/* "clusters" ... of the operand, or "cluster" as istioctl has it; -1 = all. */
static int wanted_type(const struct args *args)
{
	for (int t = 0; args->n_operands && t < XDS_TYPES; t++) {
		const char *name = xds_type_info((enum xds_type)t)->rest, *word = args->operands[0];
		size_t n = strlen(name);

		if (!strcmp(word, name) || (strlen(word) == n - 1 && !strncmp(word, name, n - 1)))
			return t;
	}
	return -1;
}

static int read_node(const char *path, struct arena *a, struct proxy *proxy, struct err *e)
{
	struct buf b;
	struct diags ds;
	struct node_docs docs;

	buf_init(&b, NODE_FILE_MAX);
	if (file_read(path, &b, e)) {
		buf_fini(&b);
		return -1;
	}
	diags_init(&ds, a);
	docs = node_parse(arena_strndup(a, b.p ? b.p : "", b.n), b.n, 1, a, &ds);
	buf_fini(&b);
	if (docs.n != 1 || !docs.v[0].root)
		return err_set(e, ERR_SYNTAX, "%s is not one JSON or YAML object", path);
	return proxy_from_file(docs.v[0].root, a, proxy, e);
}

/* Secrets are named, never shown. */
static void print_secret(const struct res_new *r, struct buf *out)
{
	char hex[HASH_HEX_LEN + 1];

	buf_printf(out, "{\"name\": \"%s\", \"version\": \"%s\"}", r->name,
		   hash_hex(hash_bytes(r->bytes, r->len), hex));
}

static void print_type(const struct compiled *c, enum xds_type t, struct buf *out)
{
	const char *message = xds_type_info(t)->message;
	const struct pb_msg *m = pb_type_find(message, strlen(message));
	struct err e;

	buf_printf(out, "\"%s\": [", xds_type_info(t)->rest);
	for (size_t i = 0; i < c->set[t].n; i++) {
		const struct res_new *r = &c->set[t].v[i];

		buf_str(out, i ? ",\n" : "\n");
		if (t == XDS_SDS)
			print_secret(r, out);
		else
			must(!pbjson_print(m, (struct pb_bytes){r->bytes, r->len}, PBJSON_INDENT,
					   out, &e));
	}
	buf_str(out, "]");
}

static void print_json(const struct compiled *c, int only, struct buf *out)
{
	bool first = true;

	buf_char(out, '{');
	for (int t = 0; t < XDS_TYPES; t++) {
		if (only >= 0 && only != t)
			continue;
		if (!first)
			buf_str(out, ",\n");
		first = false;
		print_type(c, (enum xds_type)t, out);
	}
	buf_str(out, "}\n");
}

static void print_table(const struct compiled *c, int only, struct buf *out)
{
	buf_printf(out, "%-5s %-70s %8s  %s\n", "TYPE", "NAME", "BYTES", "FROM");
	for (int t = 0; t < XDS_TYPES; t++) {
		for (size_t i = 0; i < c->set[t].n && (only < 0 || only == t); i++) {
			const struct res_new *r = &c->set[t].v[i];

			buf_printf(out, "%-5s %-70s %8zu ",
				   xds_type_info((enum xds_type)t)->short_name, r->name, r->len);
			for (size_t k = 0; k < r->n_origins && k < 3; k++)
				buf_printf(out, " %s %s/%s", kind_info(r->origins[k].kind)->name,
					   r->origins[k].ns, r->origins[k].name);
			if (r->n_origins > 3)
				buf_printf(out, " and %zu more", r->n_origins - 3);
			buf_char(out, '\n');
		}
	}
}

static void print_yaml(const struct compiled *c, int only, struct buf *out, struct arena *a)
{
	struct buf json;
	struct diags ds;
	struct node_docs docs;

	buf_init(&json, OUTPUT_MAX);
	print_json(c, only, &json);
	diags_init(&ds, a);
	docs = node_parse(json.p, json.n, 1, a, &ds);
	if (docs.n && docs.v[0].root)
		node_to_yaml(docs.v[0].root, out);
	buf_fini(&json);
}

static int print(const struct compiled *c, const struct args *args, struct arena *a)
{
	const char *form = args_get(args, "output");
	int only = wanted_type(args);
	struct buf out;

	buf_init(&out, OUTPUT_MAX);
	if (form && !strcmp(form, "json"))
		print_json(c, only, &out);
	else if (form && !strcmp(form, "yaml"))
		print_yaml(c, only, &out, a);
	else
		print_table(c, only, &out);
	fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
	return CMD_OK;
}

static int compare_switches(const void *a, const void *b)
{
	return strcmp(((const struct str_pair *)a)->key, ((const struct str_pair *)b)->key);
}

/* "A=b,C=d"; a name alone turns it on. */
static struct strmap parse_switches(const char *text, struct arena *a)
{
	struct str_pair *v = arena_array(a, struct str_pair, text ? strlen(text) : 0);
	size_t n = 0, len;

	for (const char *p = text; p && *p; p += len + (p[len] == ',')) {
		const char *equals = memchr(p, '=', len = strcspn(p, ","));
		size_t name = equals ? (size_t)(equals - p) : len;

		v[n++] = (struct str_pair){arena_strndup(a, p, name),
					   equals ? arena_strndup(a, equals + 1, len - name - 1) : "true"};
	}
	if (n)
		qsort(v, n, sizeof(*v), compare_switches);
	return (struct strmap){.v = v, .n = n};
}

static int offline(const struct args *args, struct arena *a)
{
	const char *dir = args_get(args, "config-dir"), *node_file = args_get(args, "node-file");
	struct offline_opts opts = {.paths = &dir,
				    .n_paths = 1,
				    .mesh_config = args_get(args, "mesh-config"),
				    .domain = args_get(args, "cluster-domain"),
				    .revision = args_get(args, "revision"),
				    .mode = SCHEMA_LENIENT};
	const struct compiled *c;
	struct offline o;
	struct proxy proxy;
	struct err e;
	int status = CMD_USAGE;

	if (!node_file) {
		fprintf(stderr, "navctl proxy-config: --config-dir needs --node-file, the proxy to "
				"compile for\n");
		return CMD_USAGE;
	}
	if (offline_init(&o, &opts, &e) || read_node(node_file, a, &proxy, &e)) {
		fprintf(stderr, "navctl proxy-config: %s\n", e.text);
	} else {
		proxy.switches = parse_switches(args_get(args, "set-feature"), a);
		c = offline_compile(&o, &proxy, a);
		if (c->broken)
			fprintf(
			    stderr,
			    "navctl proxy-config: internal error, the set is inconsistent: %s\n",
			    c->broken);
		for (size_t i = 0; i < o.findings.n; i++) {
			if (o.findings.v[i].severity == DIAG_ERROR)
				offline_print(&o, &o.findings.v[i], stderr);
		}
		status = print(c, args, a);
	}
	offline_fini(&o);
	return status;
}

/* As daemons know proxies: "POD.NAMESPACE"; a POD alone is of --namespace, or of the context. */
static const char *proxy_id(const struct args *args, const char *proxy, const struct remote *r)
{
	const char *ns = args_get(args, "namespace");

	if (strchr(proxy, '.') || (!ns && !r->in_cluster))
		return proxy;
	return arena_printf(r->arena, "%s.%s", proxy, ns ? ns : r->cluster.access.ns);
}

/* The daemon's own dump, whole or one member of it: the proxy is connected to one of them. */
static int ask(struct remote *r, const struct args *args, const char *proxy)
{
	struct arena *a = r->arena;
	const char *path = arena_printf(a, "/debug/config_dump?proxyID=%s", remote_escape(proxy_id(args, proxy, r), a));
	struct err e = {0}, first = {0};

	for (size_t i = 0; i < r->n; i++) {
		struct buf body;

		buf_init(&body, OUTPUT_MAX);
		if (!remote_get(r, &r->v[i], path, &body, &e)) {
			int type = wanted_type(args);

			remote_print_member(&body, type < 0 ? NULL : xds_type_info((enum xds_type)type)->rest, args_get(args, "output"), a);
			buf_fini(&body);
			return CMD_OK;
		}
		buf_fini(&body);
		if (!first.code || first.code == ERR_NOT_FOUND)
			first = e;
	}
	fprintf(stderr, "navctl proxy-config: %s\n", first.text);
	return first.code == ERR_NOT_FOUND ? CMD_FINDINGS : CMD_UNREACHABLE;
}

static int live(const struct args *args, struct arena *a)
{
	const char *proxy = args->n_operands == 2 ? args->operands[1] : args_get(args, "proxy");
	int status = CMD_UNREACHABLE;
	struct remote r;
	struct err e;

	if (!proxy) {
		fprintf(stderr, "navctl proxy-config: name a proxy: --proxy POD.NAMESPACE; 'navctl "
				"proxy-status' lists them\n");
		return CMD_USAGE;
	}
	if (remote_open(&r, args, a, &e))
		fprintf(stderr, "navctl proxy-config: %s\n", e.text);
	else
		status = ask(&r, args, proxy);
	remote_close(&r);
	return status;
}

static int run(const struct args *args, struct arena *a)
{
	if (args->n_operands && wanted_type(args) < 0 && strcmp(args->operands[0], "all")) {
		fprintf(stderr,
			"navctl proxy-config: clusters, listeners, routes, endpoints, secrets, names or "
			"all, not '%s'\n",
			args->operands[0]);
		return CMD_USAGE;
	}
	return args_has(args, "config-dir") ? offline(args, a) : live(args, a);
}

static const struct args_option options[] = {
    {"config-dir", 'c', "DIR", "Compile from these manifests, without a daemon."},
    {"node-file", 'n', "FILE",
     "The proxy, as JSON: type, id, namespace, ips, labels, metadata, dns_domain."},
    {"mesh-config", 'm', "FILE", "MeshConfig, laid over the defaults."},
    {"cluster-domain", 0, "DOMAIN",
     "DNS domain of the cluster; cluster.local, or none without Kubernetes Services."},
    {"revision", 0, "NAME", "Only objects of this revision (label istio.io/rev), and those of none."},
    {"set-feature", 0, "NAME=VALUE,...",
     "Switches of istiod that change what a proxy gets (PILOT_HTTP10=true); others have no effect."},
    REMOTE_OPTIONS,
    {"namespace", 0, "NS", "Of a proxy that is named without; the context's."},
    {"proxy", 'p', "POD.NAMESPACE", "The proxy to ask about."},
    {"output", 'o', "table|json|yaml", "Form of the output."},
};

const struct cmd cmd_proxy_config = {
    .args = {.name = "navctl proxy-config",
	     .summary = "Show the Envoy configuration of a proxy, from files or from a daemon",
	     .operands = "[clusters|listeners|routes|endpoints|secrets|names|all] [POD.NAMESPACE]",
	     .options = options,
	     .n_options = ARRAY_LEN(options),
	     .max_operands = 2},
    .run = run,
};
