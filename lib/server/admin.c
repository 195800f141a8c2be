/* SPDX-License-Identifier: Apache-2.0
 *
 * What operators look at: readiness, metrics, and the debug pages, by istiod's names where istiod
 * has them. One table row a page gives the route and the line of the index. Secrets are shown by
 * hash only.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "server/server_int.h"
#include "server/version.h"
#include "store/store.h"
#include "xds/pbjson.h"

enum { BODY_MAX = 256 * 1024 * 1024 };

/* ---- answers ---- */

static void reply_buf(struct http_request *req, const char *type, struct buf *body)
{
	struct http_response resp = {.status = 200, .content_type = type, .body = *body};

	if (body->failed) {
		buf_fini(body);
		http_reply_text(req, 500, "the answer is larger than the limit\n");
		return;
	}
	http_reply(req, &resp);
}

void reply_json_value(struct http_request *req, json_t *value)
{
	char *text = json_dumps(value, JSON_INDENT(2));
	struct buf body;

	must(text && "out of memory");
	buf_init(&body, BODY_MAX);
	buf_str(&body, text);
	buf_char(&body, '\n');
	free(text);
	json_decref(value);
	reply_buf(req, "application/json", &body);
}

static void add(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, json_string(text ? text : ""));
}

/* Appends compact JSON text that another module made. */
static void add_raw(json_t *object, const char *key, struct buf *text)
{
	json_t *value = json_loads(buf_cstr(text), JSON_DECODE_ANY, NULL);

	json_object_set_new(object, key, value ? value : json_null());
	buf_fini(text);
}

static const struct snapshot *snapshot_or_reply(struct http_request *req)
{
	struct server *s = req->arg;
	const struct snapshot *snap = publisher_snapshot(s->pub);

	if (!snap)
		http_reply_text(req, 503, "the configuration is still being read\n");
	return snap;
}

/* ---- the snapshot ---- */

static json_t *strings(const struct strs *list)
{
	json_t *out = json_array();

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(out, json_string(list->v[i]));
	return out;
}

static const char *resolution_name(enum svc_resolution r)
{
	static const char *const names[] = {
	    [SVC_EDS] = "ClientSideLB",
	    [SVC_PASSTHROUGH] = "Passthrough",
	    [SVC_DNS] = "DNSLB",
	    [SVC_DNS_ROUND_ROBIN] = "DNSRoundRobinLB",
	    [SVC_DYNAMIC_DNS] = "DynamicDNS",
	    [SVC_ALIAS] = "Alias",
	};

	return names[r];
}

static json_t *ports_of(const struct svc *svc)
{
	json_t *out = json_array();

	for (size_t i = 0; i < svc->n_ports; i++)
		json_array_append_new(out, json_pack("{s:s?,s:i,s:s}", "name", svc->ports[i].name,
						     "port", (int)svc->ports[i].port, "protocol",
						     protocol_name(svc->ports[i].protocol)));
	return out;
}

static void registryz(struct http_request *req)
{
	const struct snapshot *snap = snapshot_or_reply(req);
	json_t *out;

	if (!snap)
		return;
	out = json_array();
	for (size_t i = 0; i < snap->n_svcs; i++) {
		const struct svc *svc = snap->svcs[i];
		json_t *row = json_object();

		add(row, "hostname", svc->host);
		add(row, "namespace", svc->ns);
		add(row, "registry", svc->is_kube ? "Kubernetes" : "External");
		add(row, "resolution", resolution_name(svc->resolution));
		json_object_set_new(row, "addresses", strings(&svc->addresses));
		json_object_set_new(row, "ports", ports_of(svc));
		json_object_set_new(row, "endpoints", json_integer((json_int_t)snap->eps[i]->n));
		json_array_append_new(out, row);
	}
	reply_json_value(req, out);
}

static json_t *endpoints_of(const struct svc *svc, const struct ep_set *eps)
{
	static const char *const health[] = {"HEALTHY", "UNHEALTHY", "DRAINING"};
	json_t *out = json_array();

	for (size_t i = 0; i < eps->n; i++) {
		const struct ep *e = &eps->v[i];
		json_t *row = json_object(), *ports = json_object();

		add(row, "address", e->address);
		for (size_t k = 0; k < svc->n_ports; k++) {
			if (e->ports[k])
				json_object_set_new(ports,
						    svc->ports[k].name ? svc->ports[k].name : "",
						    json_integer(e->ports[k]));
		}
		json_object_set_new(row, "ports", ports);
		add(row, "health", health[e->health]);
		add(row, "workload", e->workload);
		json_object_set_new(row, "locality",
				    json_sprintf("%s/%s/%s", e->region, e->zone, e->subzone));
		json_object_set_new(row, "weight", json_integer(e->weight));
		json_array_append_new(out, row);
	}
	return out;
}

static void endpointz(struct http_request *req)
{
	const struct snapshot *snap = snapshot_or_reply(req);
	json_t *out;

	if (!snap)
		return;
	out = json_array();
	for (size_t i = 0; i < snap->n_svcs; i++) {
		json_t *row = json_object();

		add(row, "svc", snap->svcs[i]->host);
		add(row, "namespace", snap->svcs[i]->ns);
		json_object_set_new(row, "ep", endpoints_of(snap->svcs[i], snap->eps[i]));
		json_array_append_new(out, row);
	}
	reply_json_value(req, out);
}

static json_t *finding(const struct diag *d)
{
	json_t *row = json_object();

	add(row, "code", diag_info(d->code)->id);
	add(row, "severity", diag_severity_name(d->severity));
	if (d->object.kind)
		json_object_set_new(row, "origin",
				    json_sprintf("%s %s/%s", d->object.kind,
						 d->object.ns ? d->object.ns : "",
						 d->object.name ? d->object.name : ""));
	if (d->object.file)
		json_object_set_new(
		    row, "place",
		    json_sprintf("%s:%u:%u", d->object.file, d->pos.line, d->pos.col));
	add(row, "path", d->path);
	add(row, "message", d->text);
	return row;
}

static json_t *findings(const struct diag *v, size_t n)
{
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(out, finding(&v[i]));
	return out;
}

/* Only what is no secret: names, labels, the verdict; the body unless it is a Secret's. */
static json_t *object_row(const struct server *s, const struct verdict *v, bool with_body)
{
	const struct object *o = v->obj;
	const struct kind_info *info = kind_info(o->kind);
	json_t *row = json_object();
	struct buf body;

	add(row, "kind", info->name);
	json_object_set_new(row, "apiVersion",
			    json_sprintf("%s%s%.*s", info->group, *info->group ? "/" : "",
					 (int)strcspn(info->versions, " "), info->versions));
	add(row, "namespace", o->ns);
	add(row, "name", o->name);
	if (o->file)
		json_object_set_new(row, "place", json_sprintf("%s:%u", o->file, o->pos.line));
	/* kept: what stands in the file now is invalid, and push_status says why */
	add(row, "verdict",
	    verdict_state_name(store_is_kept(s->store, o) ? VERDICT_QUARANTINED : v->state));
	json_object_set_new(row, "reasons", findings(v->why, v->n_why));
	json_object_set_new(row, "warnings", findings(o->diags, o->n_diags));
	if (with_body && o->kind != KIND_SECRET) {
		buf_init(&body, BODY_MAX);
		schema_to_json(info->schema, o->spec, &body);
		add_raw(row, *info->body ? info->body : "content", &body);
	}
	return row;
}

static void configz(struct http_request *req)
{
	const struct snapshot *snap = snapshot_or_reply(req);
	const char *kind = http_query(req, "kind"), *ns = http_query(req, "namespace"),
		   *name = http_query(req, "name"), *body = http_query(req, "body");
	json_t *out;

	if (!snap)
		return;
	out = json_array();
	for (size_t i = 0; i < snap->n_verdicts; i++) {
		const struct object *o = snap->verdicts[i].obj;

		if ((kind && strcmp(kind, kind_info(o->kind)->name)) || (ns && strcmp(ns, o->ns)) ||
		    (name && strcmp(name, o->name)))
			continue;
		json_array_append_new(out, object_row(req->arg, &snap->verdicts[i], !body || strcmp(body, "no") != 0));
	}
	reply_json_value(req, out);
}

static void mesh(struct http_request *req)
{
	const struct snapshot *snap = snapshot_or_reply(req);
	struct buf body;

	if (!snap)
		return;
	buf_init(&body, BODY_MAX);
	schema_to_json(&schema_mesh_config, snap->mesh, &body);
	buf_char(&body, '\n');
	reply_buf(req, "application/json", &body);
}

/* ---- clients ---- */

static const char *proxy_type_name(enum proxy_type t)
{
	static const char *const names[] = {"sidecar", "router", "waypoint", "grpc"};

	return names[t];
}

static const char *sync_name(enum sync_state s)
{
	static const char *const names[] = {[SYNC_NOT_SUBSCRIBED] = "NOT SENT",
					    [SYNC_SYNCED] = "SYNCED",
					    [SYNC_WAITING] = "STALE",
					    [SYNC_REJECTED] = "REJECTED"};

	return names[s];
}

static const char *const type_words[XDS_TYPES] = {[XDS_CDS] = "cluster",
						  [XDS_EDS] = "endpoint",
						  [XDS_LDS] = "listener",
						  [XDS_RDS] = "route",
						  [XDS_SDS] = "secret",
						  [XDS_NDS] = "names"};

static void add_type_status(json_t *row, const struct client *c, enum xds_type t)
{
	struct session_status st;
	char key[64];

	client_status(c, t, &st);
	snprintf(key, sizeof(key), "%s_sent", type_words[t]);
	add(row, key, st.sent);
	snprintf(key, sizeof(key), "%s_acked", type_words[t]);
	add(row, key, st.acked);
	snprintf(key, sizeof(key), "%s_state", type_words[t]);
	add(row, key, sync_name(st.state));
	if (st.waiting_since_ms) {
		snprintf(key, sizeof(key), "%s_waiting_ms", type_words[t]);
		json_object_set_new(
		    row, key, json_integer(loop_now_ms(c->server->loop) - st.waiting_since_ms));
	}
	if (st.reject_text) {
		snprintf(key, sizeof(key), "%s_rejected", type_words[t]);
		add(row, key, st.reject_text);
	}
}

static void syncz(struct http_request *req)
{
	struct server *s = req->arg;
	json_t *out = json_array();

	for (const struct client *c = s->clients; c; c = c->next) {
		json_t *row;

		if (!c->has_proxy)
			continue;
		row = json_object();
		add(row, "cluster_id", c->proxy.cluster_id);
		json_object_set_new(row, "proxy",
				    json_sprintf("%s.%s", c->proxy.name, c->proxy.ns));
		add(row, "proxy_type", proxy_type_name(c->proxy.type));
		add(row, "proxy_version", c->user_agent);
		add(row, "istio_version", c->proxy.version);
		add(row, "protocol", c->protocol);
		for (int t = 0; t < XDS_TYPES; t++)
			add_type_status(row, c, (enum xds_type)t);
		json_array_append_new(out, row);
	}
	reply_json_value(req, out);
}

static json_t *watched(const struct client *c)
{
	json_t *out = json_object();

	for (int t = 0; t < XDS_TYPES; t++) {
		struct session_status st;

		client_status(c, (enum xds_type)t, &st);
		if (st.state != SYNC_NOT_SUBSCRIBED)
			json_object_set_new(
			    out, xds_type_info((enum xds_type)t)->short_name,
			    json_pack("{s:I,s:I,s:I,s:I,s:I}", "names", (json_int_t)st.n_names,
				      "sent", (json_int_t)st.n_sent, "acked",
				      (json_int_t)st.n_acked, "rejected", (json_int_t)st.n_rejected,
				      "bytes", (json_int_t)st.bytes_sent));
	}
	return out;
}

static void adsz(struct http_request *req)
{
	struct server *s = req->arg;
	json_t *clients = json_array();

	for (const struct client *c = s->clients; c; c = c->next) {
		json_t *row = json_object();

		add(row, "connectionId", client_connection_id(c, req->arena));
		json_object_set_new(row, "connectedMsAgo",
				    json_integer(loop_now_ms(s->loop) - c->connected_ms));
		add(row, "address", c->peer);
		add(row, "protocol", c->protocol);
		json_object_set_new(row, "watches", watched(c));
		json_array_append_new(clients, row);
	}
	reply_json_value(req, json_pack("{s:I,s:o}", "totalClients", (json_int_t)s->n_clients, "clients",
				   clients));
}

/* By whole node id, by "pod.namespace", or by pod name when that is unique enough: the first. */
static struct client *find_proxy(struct server *s, const char *id)
{
	char name[512];

	for (struct client *c = s->clients; c; c = c->next) {
		if (!c->has_proxy)
			continue;
		snprintf(name, sizeof(name), "%s.%s", c->proxy.name, c->proxy.ns);
		if (!strcmp(id, c->proxy.id) || !strcmp(id, name) || !strcmp(id, c->proxy.name))
			return c;
	}
	return NULL;
}

static struct bundle *bundle_or_reply(struct http_request *req)
{
	const char *id = http_query(req, "proxyID");
	struct client *c = id ? find_proxy(req->arg, id) : NULL;

	if (!id)
		http_reply_text(req, 400,
				"name a proxy: ?proxyID=POD.NAMESPACE; /debug/syncz lists them\n");
	else if (!c)
		http_reply_text(req, 404, "no such proxy is connected; /debug/syncz lists them\n");
	else if (!publisher_bundle(&c->sub))
		http_reply_text(req, 503, "nothing is compiled for it yet\n");
	else
		return publisher_bundle(&c->sub);
	return NULL;
}

static void print_resource(const struct res *r, struct buf *out)
{
	const char *message = xds_type_info(r->type)->message;
	struct err e;

	if (r->type == XDS_SDS) {
		json_t *name = json_string(r->name);
		char *text = json_dumps(name, JSON_ENCODE_ANY);

		buf_printf(out, "{\"name\":%s,\"version\":\"%s\"}", text ? text : "\"\"",
			   r->version);
		free(text);
		json_decref(name);
		return;
	}
	if (pbjson_print(pb_type_find(message, strlen(message)),
			 (struct pb_bytes){r->bytes, r->len}, PBJSON_INDENT, out, &e))
		out->failed = true;
}

static void config_dump(struct http_request *req)
{
	struct bundle *b = bundle_or_reply(req);
	struct buf body;

	if (!b)
		return;
	buf_init(&body, BODY_MAX);
	for (int t = 0; t < XDS_TYPES; t++) {
		buf_printf(&body, "%s\"%s\": [", t ? ",\n" : "{",
			   xds_type_info((enum xds_type)t)->rest);
		for (size_t i = 0; i < b->set[t]->n; i++) {
			buf_str(&body, i ? ",\n" : "\n");
			print_resource(b->set[t]->row[i].res, &body);
		}
		buf_char(&body, ']');
	}
	buf_str(&body, "}\n");
	reply_buf(req, "application/json", &body);
}

static void resource(struct http_request *req)
{
	const char *type = http_query(req, "type"), *name = http_query(req, "name");
	struct bundle *b = bundle_or_reply(req);
	const struct res *r = NULL;
	struct buf text;
	json_t *out, *origins;

	if (!b)
		return;
	for (int t = 0; type && name && t < XDS_TYPES; t++) {
		if (!strcmp(type, xds_type_info((enum xds_type)t)->rest) ||
		    !strcmp(type, xds_type_info((enum xds_type)t)->short_name))
			r = res_set_find(b->set[t], name);
	}
	if (!r) {
		http_reply_text(req, 404,
				"no such resource: "
				"?type=clusters|endpoints|listeners|routes|secrets|names&name=NAME\n");
		return;
	}
	buf_init(&text, BODY_MAX);
	print_resource(r, &text);
	origins = json_array();
	for (size_t i = 0; i < r->n_origins; i++)
		json_array_append_new(origins,
				      json_sprintf("%s %s/%s", kind_info(r->origins[i].kind)->name,
						   r->origins[i].ns, r->origins[i].name));
	out = json_pack("{s:s,s:s,s:I,s:o}", "name", r->name, "version", r->version, "bytes",
			(json_int_t)r->len, "from", origins);
	add_raw(out, "resource", &text);
	reply_json_value(req, out);
}

/* What is wrong now: findings of the files, and what clients refuse. */
static void push_status(struct http_request *req)
{
	struct server *s = req->arg;
	json_t *rejects = json_array();
	struct diags ds;

	for (const struct client *c = s->clients; c; c = c->next) {
		for (int t = 0; t < XDS_TYPES; t++) {
			struct session_status st;

			client_status(c, (enum xds_type)t, &st);
			if (st.reject_text && st.state == SYNC_REJECTED)
				json_array_append_new(
				    rejects,
				    json_pack("{s:s,s:s,s:s}", "proxy", c->proxy.id, "type",
					      xds_type_info((enum xds_type)t)->short_name, "error",
					      st.reject_text));
		}
	}
	diags_init(&ds, req->arena);
	store_findings(s->store, &ds);
	reply_json_value(req,
		    json_pack("{s:o,s:o}", "findings", findings(ds.v, ds.n), "rejected", rejects));
}

static void timings(struct http_request *req)
{
	static const char *const phases[LOOP_PHASES] = {"ingest", "rebuild", "push", "flush",
							"reap"};
	struct server *s = req->arg;
	struct publish_timings t;
	json_t *loop = json_object();

	publisher_timings(s->pub, &t);
	for (int i = 0; i < LOOP_PHASES; i++)
		json_object_set_new(loop, phases[i],
				    json_real((double)loop_stats(s->loop)->phase_ns[i] / 1e9));
	reply_json_value(req, json_pack("{s:I,s:f,s:I,s:f,s:I,s:I,s:s?,s:I,s:I,s:o,s:f}", "generations",
				   (json_int_t)t.generations, "snapshotSeconds",
				   (double)t.snapshot_ns / 1e9, "partsBuilt", (json_int_t)t.n_parts,
				   "compileSeconds", (double)t.compile_ns / 1e9, "views",
				   (json_int_t)t.n_views, "resourcesBuilt", (json_int_t)t.n_built,
				   "broken", t.broken, "resources",
				   (json_int_t)publisher_table(s->pub)->n, "resourceBytes",
				   (json_int_t)publisher_table(s->pub)->n_bytes, "loopPhaseSeconds",
				   loop, "longestTurnSeconds",
				   (double)loop_stats(s->loop)->longest_turn_ns / 1e9));
}

/* ---- readiness, version, metrics ---- */

/* Ready as well while what an earlier run saved is served: if not, a mesh without its API server would lose its
 * control plane too. */
static void ready(struct http_request *req)
{
	struct server *s = req->arg;

	if (s->stopping)
		http_reply_text(req, 503, "stopping\n");
	else if (!publisher_snapshot(s->pub))
		http_reply_text(req, 503, "the configuration is still being read\n");
	else if (store_restored_s(s->store))
		http_reply_text(req, 200, "ready, with the generation on disk\n");
	else
		http_reply_text(req, 200, "ready\n");
}

static void healthz(struct http_request *req)
{
	http_reply_text(req, 200, "ok\n");
}

static void version(struct http_request *req)
{
	reply_json_value(req, json_pack("{s:s}", "version", version_text()));
}

static void gauge_ports(struct server *s)
{
	const struct {
		const char *name;
		struct http_server *server;
	} ports[] = {{"xds", s->xds}, {"admin", s->admin}, {"metrics", s->monitor}, {"secure", s->secure}, {"webhook", s->webhook}};

	for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
		const struct http_server_stats *st;

		if (!ports[i].server)
			continue;
		st = http_server_stats(ports[i].server);

		metric_set(&s->metrics, M_CONNECTIONS, ports[i].name,
			   (double)http_server_listener_stats(ports[i].server)->open);
		if (ports[i].server != s->xds)
			continue;
		for (int r = 0; r < H2_REFUSALS; r++)
			metric_set(&s->metrics, M_HTTP_REFUSED, h2_refusal_name((enum h2_refusal)r),
				   (double)st->h2.refused[r]);
		metric_set(&s->metrics, M_HTTP_REFUSED, "request", (double)st->refused_requests);
		metric_set(&s->metrics, M_HTTP_REFUSED, "memory", (double)st->refused_memory);
		metric_set(&s->metrics, M_HTTP_REFUSED, "slow", (double)st->cut_slow);
		metric_set(&s->metrics, M_HTTP_REFUSED, "connection_limit",
			   (double)http_server_listener_stats(s->xds)->refused);
	}
}

static void gauge_identity(struct server *s, struct arena *a)
{
	const struct http_server *const ports[] = {s->secure, s->webhook};
	uint64_t ok = 0, failed = 0, refused = 0;

	if (!s->identity)
		return;
	for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
		const struct http_server_stats *st = ports[i] ? http_server_stats(ports[i]) : NULL;

		ok += st ? st->handshakes : 0;
		failed += st ? st->failed_handshakes : 0;
		refused += st ? st->refused_handshakes : 0;
	}
	certs_gauge(s, a);
	metric_set(&s->metrics, M_CA_EXPIRY, NULL, (double)ca_expires_s(s->identity->ca));
	metric_set(&s->metrics, M_HANDSHAKES, "ok", (double)ok);
	metric_set(&s->metrics, M_HANDSHAKES, "failed", (double)failed);
	metric_set(&s->metrics, M_HANDSHAKES, "refused", (double)refused);
}

static double disk_age_s(const struct server *s)
{
	int64_t saved_s = store_restored_s(s->store), now_s = loop_wall_ns(s->loop) / 1000000000;

	return saved_s && now_s > saved_s ? (double)(now_s - saved_s) : saved_s != 0;
}

/* Values that are kept elsewhere are taken over when somebody asks. */
static void refresh_metrics(struct server *s, struct arena *a)
{
	static const char *const phases[LOOP_PHASES] = {"ingest", "rebuild", "push", "flush",
							"reap"};
	struct sent_count sent[XDS_TYPES];
	const struct res_table *table = publisher_table(s->pub);
	struct diags ds;

	memcpy(sent, s->sent, sizeof(sent));
	for (const struct client *c = s->clients; c; c = c->next)
		client_count_sent(c, sent);
	for (int t = 0; t < XDS_TYPES; t++) {
		metric_set(&s->metrics, M_XDS_PUSHES, xds_type_info((enum xds_type)t)->rest,
			   (double)sent[t].responses);
		metric_set(&s->metrics, M_XDS_PUSH_BYTES, xds_type_info((enum xds_type)t)->rest,
			   (double)sent[t].bytes);
	}
	for (int i = 0; i < LOOP_PHASES; i++)
		metric_set(&s->metrics, M_PHASE_SECONDS, phases[i],
			   (double)loop_stats(s->loop)->phase_ns[i] / 1e9);
	metric_set(&s->metrics, M_RESOURCES, NULL, (double)table->n);
	metric_set(&s->metrics, M_RESOURCE_BYTES, NULL, (double)table->n_bytes);
	metric_set(&s->metrics, M_VIEWS, NULL, (double)publisher_views(s->pub));
	diags_init(&ds, a);
	store_findings(s->store, &ds);
	metric_set(&s->metrics, M_CONFIG_FINDINGS, NULL, (double)ds.nerrors);
	metric_set(&s->metrics, M_UPTIME, NULL,
		   (double)(loop_now_ms(s->loop) - s->started_ms) / 1000);
	metric_set(&s->metrics, M_INFO, version_text(), 1);
	metric_set(&s->metrics, M_DISK_AGE, NULL, disk_age_s(s));
	gauge_ports(s);
	gauge_identity(s, a);
	gauge_kube(s);
	write_back_metrics(s);
}

static void metrics(struct http_request *req)
{
	struct server *s = req->arg;
	struct buf body;

	refresh_metrics(s, req->arena);
	buf_init(&body, BODY_MAX);
	metrics_write(&s->metrics, &body);
	reply_buf(req, "text/plain; version=0.0.4; charset=utf-8", &body);
}

/* ---- the tables ---- */

static void debug_index(struct http_request *req);

/* X(path, handler, the line of the index) */
#define PAGES(X)                                                                                   \
	X("/debug/statusz", statusz, "version, verdicts counted, and what is watched of the API server") \
	X("/debug/registryz", registryz, "services, with ports and the number of endpoints")       \
	X("/debug/endpointz", endpointz, "endpoints of every service")                             \
	X("/debug/configz", configz,                                                               \
	  "objects with their verdicts and reasons (?kind=, ?namespace=, ?name=, ?body=no)")                 \
	X("/debug/syncz", syncz, "what each proxy was sent, acknowledged and refused")             \
	X("/debug/adsz", adsz, "connected clients and what they watch")                            \
	X("/debug/config_dump", config_dump, "all resources of one proxy (?proxyID=)")             \
	X("/debug/resource", resource,                                                             \
	  "one resource and the objects it came from (?proxyID=, ?type=, ?name=)")                 \
	X("/debug/push_status", push_status,                                                       \
	  "what is wrong now: findings, and refusals of proxies")                                  \
	X("/debug/certs", debug_certs, "the CA: its certificates, the rotation of roots by proxy, what will expire")   \
	X("/debug/report", write_back_page, "what the API server is told: who leads, what waits")  \
	X("/debug/mesh", mesh, "the mesh configuration in force")                                  \
	X("/debug/timings", timings, "what the last generation cost, and the loop's phases")

static const struct {
	const char *path, *doc;
} pages[] = {
#define X(path, handler, doc) {path, doc},
    PAGES(X)
#undef X
};

static void debug_index(struct http_request *req)
{
	struct buf body;

	buf_init(&body, BODY_MAX);
	buf_str(
	    &body,
	    "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Navarch debug</title>"
	    "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:50em;margin:2em "
	    "auto;padding:0 1em}"
	    "td{padding:.2em 1em .2em 0;vertical-align:top}</style><h1>Navarch</h1><table>");
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		buf_printf(&body, "<tr><td><a href=\"%s\">%s</a><td>%s", pages[i].path,
			   pages[i].path, pages[i].doc);
	buf_str(&body, "<tr><td><a href=\"/ready\">/ready</a><td>whether the configuration is read "
		       "and served</table></html>\n");
	reply_buf(req, "text/html; charset=utf-8", &body);
}

const struct http_entry admin_routes[] = {
#define X(path, handler, doc) {"GET", path, handler},
    PAGES(X)
#undef X
	{"GET", "/debug", debug_index},
    {"GET", "/debug/", debug_index},
    {"GET", "/ready", ready},
};
const size_t n_admin_routes = ARRAY_LEN(admin_routes);

const struct http_entry monitor_routes[] = {
    {"GET", "/metrics", metrics},
    {"GET", "/version", version},
    {"GET", "/healthz", healthz},
    {"GET", "/ready", ready},
};
const size_t n_monitor_routes = ARRAY_LEN(monitor_routes);
