/* SPDX-License-Identifier: Apache-2.0 */
#include "model/object.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "model/check.h"
#include "model/kube.h"
#include "model/labels.h"
#include "model/traffic.h"

/* The metadata that counts. */
#define ROWS_object_meta(X, T)                                                                     \
	X(T, STR, name, "name", _, 0, "Name.")                                                     \
	X(T, STR, generate_name, "generateName", _, 0, "Prefix of a name that the server makes.")  \
	X(T, STR, ns, "namespace", _, 0, "Namespace.")                                             \
	X(T, STRMAP, labels, "labels", _, 0, "Labels.")                                            \
	X(T, STRMAP, annotations, "annotations", _, 0, "Annotations.")                             \
	X(T, TIME, created, "creationTimestamp", _, 0, "When it was made.")                        \
	X(T, STR, resource_version, "resourceVersion", _, 0, "Version of the server.")             \
	X(T, I64, generation, "generation", _, 0, "Counts changes of spec.")
SCHEMA_STRUCT(object_meta)
SCHEMA_TABLE_OPEN(object_meta, true)

enum { CANONICAL_MAX = 64 * 1024 * 1024, FINDINGS_MAX = 100 };

static check_fn *const checks[KIND_COUNT] = {
	[KIND_VIRTUAL_SERVICE] = check_virtual_service,
	[KIND_DESTINATION_RULE] = check_destination_rule,
	[KIND_GATEWAY] = check_gateway,
	[KIND_SERVICE_ENTRY] = check_service_entry,
	[KIND_WORKLOAD_ENTRY] = check_workload_entry,
	[KIND_WORKLOAD_GROUP] = check_workload_group,
	[KIND_SIDECAR] = check_sidecar,
	[KIND_PROXY_CONFIG] = check_proxy_config,
	[KIND_HTTP_ROUTE] = check_gwapi,
	[KIND_GRPC_ROUTE] = check_gwapi,
	[KIND_TCP_ROUTE] = check_gwapi,
	[KIND_TLS_ROUTE] = check_gwapi,
	[KIND_UDP_ROUTE] = check_gwapi,
	[KIND_GATEWAY_CLASS] = check_gwapi,
	[KIND_GWAPI_GATEWAY] = check_gwapi,
	[KIND_LISTENER_SET] = check_gwapi,
	[KIND_REFERENCE_GRANT] = check_gwapi,
	[KIND_BACKEND_TLS_POLICY] = check_gwapi,
	[KIND_BACKEND_TRAFFIC_POLICY] = check_gwapi,
	[KIND_INGRESS] = check_ingress,
	[KIND_INGRESS_CLASS] = check_ingress_class,
	[KIND_SERVICE] = check_service,
	[KIND_ENDPOINT_SLICE] = check_endpoint_slice,
	[KIND_POD] = check_pod,
	[KIND_SECRET] = check_secret,
	[KIND_CONFIG_MAP] = check_config_map,
	[KIND_PEER_AUTHENTICATION] = check_peer_authentication,
	[KIND_REQUEST_AUTHENTICATION] = check_request_authentication,
	[KIND_AUTHORIZATION_POLICY] = check_authorization_policy,
	[KIND_TELEMETRY] = check_telemetry,
	[KIND_WASM_PLUGIN] = check_wasm_plugin,
	[KIND_TRAFFIC_EXTENSION] = check_traffic_extension,
	[KIND_ENVOY_FILTER] = check_envoy_filter,
};

static const char *keep(struct diags *ds, const char *s)
{
	return s ? arena_strdup(ds->arena, s) : NULL;
}

/* Identity, as far as it can be read. False, with a finding, when the document is no object. */
static bool identify(const struct node *root, struct object_id *id, const char **api_version, struct diags *ds)
{
	const struct node *meta = node_get(root, "metadata");
	const char *name = node_text(meta, "name");

	*id = (struct object_id){.kind = -1};
	if (root->kind != NODE_MAP) {
		diag_add(ds, D_NOT_OBJECT, root->pos, "", "expected a Kubernetes object, found a %s",
			 node_kind_name(root->kind));
		return false;
	}
	*api_version = node_text(root, "apiVersion");
	id->kind_name = keep(ds, node_text(root, "kind"));
	id->name = keep(ds, name ? name : node_text(meta, "generateName"));
	id->ns = keep(ds, node_text(meta, "namespace"));
	if (!id->kind_name || !*id->kind_name) {
		diag_add(ds, D_NOT_OBJECT, root->pos, "", "kind is missing");
		return false;
	}
	if (!*api_version || !**api_version) {
		diag_add(ds, D_VERSION_MISSING, root->pos, "", "a %.100s without apiVersion is not read", id->kind_name);
		*api_version = "";
	}
	id->kind = kind_find(*api_version, id->kind_name);
	if (id->kind >= 0 && kind_info((enum kind)id->kind)->namespaced) {
		if (!id->ns || !*id->ns)
			id->ns = "default";
	} else if (id->kind >= 0) {
		id->ns = "";
	}
	if (id->kind >= 0 && kind_info((enum kind)id->kind)->nameless && (!id->name || !*id->name))
		id->name = "unnamed";
	return true;
}

/* Keys beside apiVersion, kind, metadata, status and the body, where the body is not the object itself. */
static void check_top_level(const struct node *root, const struct kind_info *info, enum schema_mode mode,
			    struct diags *ds)
{
	static const char *const known[] = {"apiVersion", "kind", "metadata", "status"};

	for (size_t i = 0; *info->body && i < root->n; i++) {
		const struct node_member *m = &root->map[i];
		bool found = !strcmp(m->key, info->body);

		for (size_t k = 0; k < ARRAY_LEN(known); k++)
			found = found || !strcmp(m->key, known[k]);
		if (!found)
			diag_add(ds, mode == SCHEMA_STRICT ? D_FIELD_UNKNOWN : D_FIELD_IGNORED, m->pos, "",
				 "unknown field \"%.100s\"", m->key);
	}
}

/* Writes what of an open kind is read: a change of anything else is no change (P6). */
static void put_known(const struct schema *s, const struct node *n, struct buf *out)
{
	if (n->kind != NODE_MAP || !s->open) {
		node_to_json(n, true, false, out);
		return;
	}
	for (size_t i = 0; i < s->n; i++) {
		const struct schema_field *f = &s->fields[i];
		const struct node *value = node_get(n, f->name);

		if (!value || value->kind == NODE_NULL)
			continue;
		buf_printf(out, "%zu:", i);
		if (f->type == SCHEMA_MSG) {
			put_known(f->msg, value, out);
		} else if (f->type == SCHEMA_MSGS && value->kind == NODE_LIST) {
			for (size_t k = 0; k < value->n; k++) {
				put_known(f->msg, &value->list[k], out);
				buf_char(out, ',');
			}
		} else {
			node_to_json(value, true, false, out);
		}
		buf_char(out, ';');
	}
}

static void hash_map(struct hash128 *h, const struct strmap *m)
{
	*h = hash_mix_u64(*h, m->n);
	for (size_t i = 0; i < m->n; i++)
		*h = hash_mix_str(hash_mix_str(*h, m->v[i].key), m->v[i].value);
}

static struct hash128 hash_object(const struct object *o, const struct node *body, const struct node *status,
				  struct diags *ds)
{
	struct buf canonical;
	struct hash128 h;

	buf_init(&canonical, CANONICAL_MAX);
	if (body)
		put_known(kind_info(o->kind)->schema, body, &canonical);
	if (status) {
		buf_char(&canonical, ' ');
		put_known(kind_status(o->kind), status, &canonical);
	}
	h = hash_bytes(canonical.p, canonical.n);
	if (canonical.failed)
		diag_add(ds, D_LIMIT_SIZE, o->pos, "", "the object has more than %d MiB", CANONICAL_MAX >> 20);
	buf_fini(&canonical);
	h = hash_mix_u64(h, (uint64_t)o->kind);
	h = hash_mix_str(hash_mix_str(h, o->ns), o->name);
	h = hash_mix_u64(h, (uint64_t)o->created_ns);
	hash_map(&h, &o->labels);
	hash_map(&h, &o->annotations);
	return h;
}

static void read_meta(struct object *o, const struct node *root, const struct object_id *id,
		      enum schema_mode mode, struct diags *ds)
{
	static const struct node none = {.kind = NODE_NULL};
	const struct node *meta = node_get(root, "metadata");
	const struct object_meta *m = schema_decode(&schema_object_meta, meta ? meta : &none, "metadata", mode,
						    &o->arena, ds);

	o->ns = arena_strdup(&o->arena, id->ns);
	o->ns_implied = *o->ns && (!m->ns || !*m->ns);
	o->name = arena_strdup(&o->arena, id->name);
	o->labels = m->labels;
	o->annotations = m->annotations;
	o->created_ns = m->created;
	o->resource_version = m->resource_version;
	o->generation = m->generation;
	if (*o->name && !scalar_is_dns_name(o->name) && !m->generate_name)
		diag_add(ds, D_METADATA_INVALID, node_at(root, "metadata.name")->pos, "metadata.name",
			 "\"%.260s\" is no name: lower-case letters, digits, '-' and '.'", o->name);
	if (*o->ns && !scalar_is_dns_label(o->ns))
		diag_add(ds, D_METADATA_INVALID, node_at(root, "metadata.namespace")->pos, "metadata.namespace",
			 "\"%.260s\" is no namespace: lower-case letters, digits and '-'", o->ns);
}

static const struct node *find_body(const struct node *root, const struct kind_info *info)
{
	return *info->body ? node_get(root, info->body) : root;
}

static const struct node *find_status(const struct node *root, enum kind kind)
{
	const struct node *status = kind_status(kind) ? node_get(root, "status") : NULL;

	return status && status->kind == NODE_MAP ? status : NULL;
}

/* Not what the user wrote: what cannot be read of it counts for nothing, and is no finding. */
static const void *read_status(const struct node *status, enum kind kind, struct arena *a)
{
	struct diags unsaid;

	diags_init(&unsaid, a);
	return schema_decode(kind_status(kind), status, "status", SCHEMA_LENIENT, a, &unsaid);
}

/* An API server's are not kept (object_keep). */
static const struct said_status *read_said(const struct node *root, enum kind kind, struct arena *a)
{
	static const bool is_read[KIND_COUNT] = {
		[KIND_SERVICE] = true, [KIND_SERVICE_ENTRY] = true, [KIND_AUTHORIZATION_POLICY] = true,
		[KIND_GWAPI_GATEWAY] = true, [KIND_HTTP_ROUTE] = true, [KIND_GRPC_ROUTE] = true,
	};
	const struct node *status = is_read[kind] ? node_get(root, "status") : NULL;
	struct diags unsaid;

	if (!status || status->kind != NODE_MAP || (!node_get(status, "conditions") && !node_get(status, "parents")))
		return NULL;
	diags_init(&unsaid, a);
	return schema_decode(&schema_said_status, status, "status", SCHEMA_LENIENT, a, &unsaid);
}

/* True if what is wrong, if anything, are the rules of the kind: the schema was satisfied. */
static bool fill(struct object *o, const struct node *root, const struct object_id *id, enum schema_mode mode,
		 struct diags *ds)
{
	static const struct node none = {.kind = NODE_NULL};
	const struct kind_info *info = kind_info(o->kind);
	const struct node *body = find_body(root, info), *status = find_status(root, o->kind);
	size_t errors = ds->nerrors;
	bool readable;

	read_meta(o, root, id, mode, ds);
	check_top_level(root, info, mode, ds);
	o->spec = schema_decode(info->schema, body ? body : &none, info->body, mode, &o->arena, ds);
	if (status)
		o->status = read_status(status, o->kind, &o->arena);
	o->said = read_said(root, o->kind, &o->arena);
	readable = ds->nerrors == errors;
	if (checks[o->kind] && readable) {
		struct check c = {.obj = o, .root = root, .mode = mode, .ds = ds};

		checks[o->kind](&c, o->spec);
	}
	if (info->pending && ds->nerrors == errors)
		diag_add(ds, D_KIND_PENDING, o->pos, "", "%s is checked, but has no effect here", info->name);
	o->label_bits = labels_bits(&o->labels);
	if (o->kind == KIND_WORKLOAD_ENTRY)
		o->label_bits |= labels_bits(&object_spec(o, workload_entry)->labels);
	o->hash = hash_object(o, body, status, ds);
	return readable;
}

/* The object keeps the warnings it was accepted with; its findings are not of one arena with ds. */
static void keep_findings(struct object *o, const struct diags *ds, size_t first)
{
	struct diags own;

	diags_init(&own, &o->arena);
	own.limit = FINDINGS_MAX;
	for (size_t i = first; i < ds->n; i++) {
		diags_copy(&own, &ds->v[i]);
		o->partly = o->partly || ds->v[i].code == D_FIELD_NOT_IN_EFFECT ||
			    ds->v[i].code == D_KIND_PENDING;
	}
	o->diags = own.v;
	o->n_diags = own.n;
}

/* Under a guard of the object's arena: a limit that is hit ends the object, not the process. */
static __attribute__((noinline)) int decode_guarded(struct object *o, const struct node *root,
						    const struct object_id *id, enum schema_mode mode,
						    const char *file, bool *readable, struct diags *ds)
{
	struct arena_guard g;
	size_t first = ds->n;

	if (arena_guard(&o->arena, &g))
		return -1;
	o->file = file ? arena_strdup(&o->arena, file) : NULL;
	*readable = fill(o, root, id, mode, ds);
	keep_findings(o, ds, first);
	arena_unguard(&o->arena, &g);
	return 0;
}

enum object_outcome object_decode(const struct node *root, enum schema_mode mode, const char *file,
				  struct object **out, struct object_id *id, struct diags *ds)
{
	size_t errors = ds->nerrors;
	const char *api_version;
	bool readable = false;
	struct object *o;

	*out = NULL;
	diags_object(ds, (struct diag_object){.file = file});
	if (root->kind == NODE_NULL || (root->kind == NODE_MAP && !root->n))
		return *id = (struct object_id){.kind = -1}, OBJECT_SKIPPED;
	if (!identify(root, id, &api_version, ds))
		return OBJECT_INVALID;
	diags_object(ds, (struct diag_object){id->kind_name, id->ns, id->name, file});
	if (id->kind < 0) {
		if (*api_version)
			diag_add(ds, D_KIND_UNKNOWN, root->pos, "", "%.100s %.100s is not read here", api_version,
				 id->kind_name);
		return OBJECT_SKIPPED;
	}
	if (!id->name || !*id->name) {
		diag_add(ds, D_NOT_OBJECT, root->pos, "metadata", "metadata.name is missing");
		return OBJECT_INVALID;
	}
	o = calloc(1, sizeof(*o));
	must(o);
	o->refs = 1;
	o->kind = (enum kind)id->kind;
	o->pos = root->pos;
	arena_init(&o->arena, OBJECT_MEMORY_MAX);
	if (decode_guarded(o, root, id, mode, file, &readable, ds))
		diag_add(ds, D_LIMIT_MEMORY, root->pos, "", "the object needs more than %d MiB",
			 OBJECT_MEMORY_MAX >> 20);
	if (ds->nerrors > errors && !readable) {
		object_unref(o);
		return OBJECT_INVALID;
	}
	*out = o;
	return ds->nerrors > errors ? OBJECT_INVALID : OBJECT_OK;
}

const struct node *object_list_items(const struct node *root)
{
	const char *kind = node_text(root, "kind");
	const struct node *items = node_get(root, "items");
	size_t n = kind ? strlen(kind) : 0;

	if (n < 4 || strcmp(kind + n - 4, "List") != 0 || !items || items->kind != NODE_LIST)
		return NULL;
	return items;
}

static const struct node_keep_key annotation_keys[] = {
	{.key = "kubectl.kubernetes.io/last-applied-configuration", .drop = true},
};
static const struct node_keep annotation_keep = {annotation_keys, ARRAY_LEN(annotation_keys), .rest = NODE_REST_KEEP};
static const struct node_keep_key meta_keys[] = {{.key = "annotations", .keep = &annotation_keep}, {.key = "uid"}};
static const struct node_keep meta_keep = {meta_keys, ARRAY_LEN(meta_keys), .schema = &schema_object_meta};

void object_keep(enum kind kind, struct object_keep *out)
{
	const struct kind_info *info = kind_info(kind);
	bool whole_is_body = !*info->body;
	size_t n = 0;

	out->keys[n++] = (struct node_keep_key){.key = "apiVersion"};
	out->keys[n++] = (struct node_keep_key){.key = "kind"};
	out->keys[n++] = (struct node_keep_key){.key = "metadata", .keep = &meta_keep};
	if (!whole_is_body) {
		out->keys[n++] = (struct node_keep_key){.key = info->body};
		out->status = (struct node_keep){.schema = kind_status(kind)};
		out->keys[n++] = (struct node_keep_key){.key = "status", .keep = &out->status, .drop = !out->status.schema};
	}
	out->root = (struct node_keep){.keys = out->keys,
				       .n = n,
				       .schema = whole_is_body ? info->schema : NULL,
				       .rest = whole_is_body ? NODE_REST_DROP : NODE_REST_NAME};
}

struct object *object_ref(struct object *o)
{
	o->refs++;
	return o;
}

void object_unref(struct object *o)
{
	struct arena arena;

	if (!o || --o->refs)
		return;
	arena = o->arena;
	free(o);
	arena_fini(&arena);
}

int object_compare(const struct object *a, const struct object *b)
{
	int c;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	c = strcmp(a->ns, b->ns);
	return c ? c : strcmp(a->name, b->name);
}

int object_compare_age(const struct object *a, const struct object *b)
{
	int c;

	if (a->created_ns != b->created_ns)
		return a->created_ns < b->created_ns ? -1 : 1;
	c = strcmp(a->name, b->name);
	return c ? c : strcmp(a->ns, b->ns);
}
