/* SPDX-License-Identifier: Apache-2.0
 *
 * What the statuses of the Gateway API's objects would say, of files.
 */
#include "cmd.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "mesh/gwapi_status.h"
#include "server/offline.h"

enum { OUTPUT_MAX = 1024 * 1024 * 1024 };

static void put_object(struct buf *b, const struct api_status *st)
{
	const struct object *o = st->obj;
	const struct kind_info *info = kind_info(o->kind);

	buf_printf(b, "{\"apiVersion\":\"%s/%.*s\",\"kind\":\"%s\",\"metadata\":{", info->group, (int)strcspn(info->versions, " "),
		   info->versions, info->name);
	node_member_to_json("", "name", o->name, b);
	if (*o->ns)
		node_member_to_json(",", "namespace", o->ns, b);
	buf_str(b, "},\"status\":");
	api_status_to_json(st, b);
	buf_char(b, '}');
}

static void to_json(const struct api_statuses *all, struct buf *b)
{
	const char *before = "\n";

	buf_str(b, "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[");
	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].has_refs && !all->v[i].n_refs)
			continue;
		buf_str(b, before);
		before = ",\n";
		put_object(b, &all->v[i]);
	}
	buf_str(b, "]}\n");
}

static int run(const struct args *args, struct arena *a)
{
	const char *form = args_get(args, "output"), *domain = args_get(args, "cluster-domain"), **files;
	struct offline_opts opts = {.mesh_config = args_get(args, "mesh-config"),
				    .domain = domain ? domain : "cluster.local",
				    .revision = args_get(args, "revision"),
				    .mode = SCHEMA_LENIENT};
	struct api_statuses all;
	struct offline o = {0};
	struct buf out;
	struct err e;
	int status = CMD_USAGE;

	opts.n_paths = args_all(args, "filename", &files, a);
	opts.paths = files;
	if (!opts.n_paths) {
		fprintf(stderr, "navctl gateway-status: name a file with --filename\n");
		return CMD_USAGE;
	}
	buf_init(&out, OUTPUT_MAX);
	if (offline_init(&o, &opts, &e)) {
		fprintf(stderr, "navctl gateway-status: %s\n", e.text);
	} else {
		api_statuses_build(o.snap, true, a, &all);
		if (form && !strcmp(form, "json"))
			to_json(&all, &out);
		else
			api_statuses_to_text(&all, &out);
		fwrite(out.p, 1, out.n, stdout);
		status = CMD_OK;
	}
	buf_fini(&out);
	offline_fini(&o);
	return status;
}

static const struct args_option options[] = {
    {"filename", 'f', "FILE", "A file, a directory, or - for standard input; repeatable."},
    {"mesh-config", 'm', "FILE", "MeshConfig, laid over the defaults."},
    {"cluster-domain", 0, "DOMAIN", "DNS domain of the cluster; cluster.local, unless given."},
    {"revision", 0, "NAME", "Only objects of this revision (label istio.io/rev), and those of none."},
    {"output", 'o', "text|json", "Form of the output."},
};

const struct cmd cmd_gateway_status = {
    .args = {.name = "navctl gateway-status",
	     .summary = "Show the statuses of Gateways, ListenerSets and routes of the Gateway API",
	     .operands = "",
	     .text = "What GatewayClasses, Gateways, ListenerSets, HTTPRoutes, GRPCRoutes, TCPRoutes and TLSRoutes of the files would be "
		     "told. A Gateway's own Service counts as deployed.",
	     .options = options,
	     .n_options = ARRAY_LEN(options)},
    .run = run,
};
