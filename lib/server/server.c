/* SPDX-License-Identifier: Apache-2.0 */
#include "server/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "ev/file.h"
#include "server/admission.h"
#include "server/server_int.h"
#include "server/version.h"
#include "store/store.h"

enum {
	MESH_FILE_MAX = 4 * 1024 * 1024,
	RESPONSE_MAX = 64 * 1024 * 1024,
	EXPIRE_EVERY_MS = 60 * 1000,
	DRAIN_POLL_MS = 20,
};

/* ---- configuration ---- */

static bool objects(void *arg, struct object_set *set)
{
	struct server *s = arg;

	if (!store_synced(s->store))
		return false;
	*set = *store_objects(s->store);
	object_set_ref(set);
	return true;
}

/* Each error once when it appears or changes, not again while it stays. */
static void log_findings(struct server *s)
{
	struct arena a;
	struct diags ds;
	struct hash128 h = {0};
	uint64_t version = store_findings_version(s->store);

	if (version == s->findings_version)
		return;
	s->findings_version = version;
	arena_init(&a, 0);
	diags_init(&ds, &a);
	store_findings(s->store, &ds);
	for (size_t i = 0; i < ds.n; i++) {
		if (ds.v[i].severity == DIAG_ERROR)
			h = hash_mix_str(h, diag_format(&ds.v[i], &a));
	}
	for (size_t i = 0; i < ds.n && !hash_equal(h, s->findings_hash); i++) {
		if (ds.v[i].severity == DIAG_ERROR)
			log_error("config", "%s", diag_format(&ds.v[i], &a));
	}
	if (ds.dropped && !hash_equal(h, s->findings_hash))
		log_error("config", "and %zu findings more; see /debug/push_status", ds.dropped);
	s->findings_hash = h;
	arena_fini(&a);
}

static void moved(void *arg, enum kind kind, const char *ns, const char *name)
{
	reporter_moved(((struct server *)arg)->reporter, kind, ns, name);
}

static void published(void *arg, struct snapshot *snap)
{
	reporter_published(((struct server *)arg)->reporter, snap);
}

static void store_changed(void *arg)
{
	struct server *s = arg;

	log_findings(s);
	publisher_changed(s->pub);
}

/* The file of --mesh-config; invalid: findings, and the settings before stay. */
static int read_mesh_config(struct server *s, struct err *e)
{
	struct arena a;
	struct diags ds;
	struct buf text;
	int status;

	buf_init(&text, MESH_FILE_MAX);
	arena_init(&a, 0);
	diags_init(&ds, &a);
	status = file_read(s->opts->mesh_config, &text, e);
	if (!status && store_set_mesh(s->store, buf_cstr(&text), text.n, s->opts->mesh_config, &ds))
		status = err_set(e, ERR_SYNTAX, "%s",
				 ds.n ? diag_format(&ds.v[0], &a) : s->opts->mesh_config);
	arena_fini(&a);
	buf_fini(&text);
	return status;
}

static int open_files(struct server *s, struct err *e)
{
	struct source_file_cfg cfg = {.loop = s->loop,
				      .pool = s->jobs,
				      .store = s->store,
				      .root = s->opts->config_dir,
				      .mode = SCHEMA_LENIENT,
				      .state = s->files_state,
				      .changed = store_changed,
				      .arg = s};

	return source_file_open(&cfg, &s->files, e);
}

static int open_kube(struct server *s, struct err *e)
{
	struct source_kube_cfg cfg = {.loop = s->loop,
				      .store = s->store,
				      .access = &s->access,
				      .root_namespace = ROOT_NAMESPACE,
				      .user_agent = "navarchd/1",
				      .state_dir = s->opts->state_dir,
				      .pool = s->jobs,
				      .changed = store_changed,
				      .moved = moved,
				      .arg = s};
	int rc;

	arena_init(&s->access_arena, 0);
	if (s->opts->kubeconfig)
		rc = kubeconfig_load(s->opts->kubeconfig, s->opts->kube_context, &s->access_arena, &s->access, e);
	else
		rc = kubeconfig_in_cluster(getenv("KUBERNETES_SERVICE_HOST"), getenv("KUBERNETES_SERVICE_PORT"), KUBE_POD_ACCOUNT,
					   &s->access_arena, &s->access, e);
	if (rc && !s->opts->kubeconfig)
		err_wrap(e, "neither --config-dir nor --kubeconfig is given, and");
	return rc ? rc : source_kube_open(&cfg, &s->kube, e);
}

/* Files come first, so that what stands in both is as the directory says. */
static int open_sources(struct server *s, struct err *e)
{
	struct err why;

	if (s->opts->state_dir && file_make_dir(s->opts->state_dir, 0700, &why))
		log_warn("server", "%s: nothing is kept for the next start", why.text);
	if (s->opts->state_dir)
		s->files_state = arena_printf(&s->tables, "%s/files", s->opts->state_dir);
	if (s->opts->mesh_config && read_mesh_config(s, e))
		return -1;
	if (s->opts->config_dir && open_files(s, e))
		return -1;
	if (s->opts->kube && open_kube(s, e))
		return -1;
	store_changed(s);
	return 0;
}

/* ---- ports ---- */

struct port {
	enum port_id id;
	const char *name, *address;
	struct http_server **server;
	const struct http_entry *rows;
	size_t n_rows;
	const struct grpc_method *methods;
	size_t n_methods;
	struct tls_ctx *tls;
	size_t max_body; /* 0: the default */
};

static int open_port(struct server *s, const struct port *p, struct err *e)
{
	struct http_server_opts o = {
	    .bind = p->address,
	    .routes = p->rows,
	    .n_routes = p->n_rows,
	    .methods = p->methods,
	    .n_methods = p->n_methods,
	    .arg = s,
	    .port = p->id,
	    .admit_request = admit_request,
	    .admit_call = admit_call,
	    .tls = p->tls,
	    .jobs = s->jobs,
	    .max_body = p->methods ? XDS_REQUEST_MAX : p->max_body,
	};

	*p->server = http_server_open(s->loop, &o, e);
	if (!*p->server)
		return err_wrap(e, "%s at %s", p->name, p->address);
	log_info("server", "%s on %.*s:%u", p->name, (int)(strrchr(p->address, ':') - p->address),
		 p->address, http_server_port(*p->server));
	return 0;
}

struct table {
	const struct http_entry *rows;
	size_t n;
};

/* One table of several. */
static struct http_entry *join_routes(struct server *s, const struct table *tables, size_t n_tables, size_t *n)
{
	struct http_entry *all;

	*n = 0;
	for (size_t i = 0; i < n_tables; i++)
		*n += tables[i].n;
	all = arena_array(&s->tables, struct http_entry, *n);
	*n = 0;
	for (size_t i = 0; i < n_tables; i++) {
		memcpy(all + *n, tables[i].rows, tables[i].n * sizeof(*all));
		*n += tables[i].n;
	}
	return all;
}

static struct grpc_method *join_methods(struct server *s, size_t *n)
{
	struct grpc_method *all = arena_array(&s->tables, struct grpc_method, n_ads_methods + n_csr_methods);

	memcpy(all, ads_methods, n_ads_methods * sizeof(*all));
	memcpy(all + n_ads_methods, csr_methods, n_csr_methods * sizeof(*all));
	*n = n_ads_methods + n_csr_methods;
	return all;
}

static void use_roots(struct server *s)
{
	store_set_roots(s->store, ca_roots(s->identity->ca), roots_crl(s->identity->roots));
	if (store_commit(s->store))
		store_changed(s);
}

static void renewed(void *arg)
{
	struct server *s = arg;

	if (s->secure)
		http_server_set_tls(s->secure, s->identity->tls);
	if (s->webhook)
		http_server_set_tls(s->webhook, s->identity->tls);
	use_roots(s);
	reporter_roots_changed(s->reporter);
}

static int open_identity(struct server *s, struct err *e)
{
	if (!s->opts->secure_address && !s->opts->webhook_address)
		return 0;
	s->identity = identity_open(s->loop, s->opts->identity, renewed, s, e);
	if (!s->identity)
		return -1;
	roots_set_peers(s->identity->roots, certs_peers, s);
	if (s->kube)
		s->reviews = reviews_new(s->loop, source_kube_client(s->kube), &s->metrics);
	use_roots(s);
	return 0;
}

static int open_secure(struct server *s, struct err *e)
{
	const struct table tables[] = {{rest_routes, n_rest_routes},
				       {csr_routes, n_csr_routes},
				       {certs_routes, n_certs_routes},
				       {certs_admin_routes, n_certs_admin_routes},
				       {admin_routes, n_admin_routes}};
	struct port port = {.id = PORT_SECURE, .name = "secure", .address = s->opts->secure_address, .server = &s->secure};

	if (!port.address)
		return 0;
	port.rows = join_routes(s, tables, ARRAY_LEN(tables), &port.n_rows);
	port.methods = join_methods(s, &port.n_methods);
	port.tls = s->identity->tls;
	return open_port(s, &port, e);
}

static int open_webhook(struct server *s, struct err *e)
{
	const struct port port = {.id = PORT_WEBHOOK,
				  .name = "webhook",
				  .address = s->opts->webhook_address,
				  .server = &s->webhook,
				  .rows = webhook_routes,
				  .n_rows = n_webhook_routes,
				  .tls = s->identity ? s->identity->tls : NULL,
				  .max_body = ADMISSION_REVIEW_MAX};

	return port.address ? open_port(s, &port, e) : 0;
}

static int open_ports(struct server *s, struct err *e)
{
	const struct table tables[] = {{certs_admin_routes, n_certs_admin_routes}, {admin_routes, n_admin_routes}};
	struct port ports[] = {
	    {.id = PORT_XDS,
	     .name = "xds",
	     .address = s->opts->xds_address,
	     .server = &s->xds,
	     .rows = rest_routes,
	     .n_rows = n_rest_routes,
	     .methods = ads_methods,
	     .n_methods = n_ads_methods},
	    {.id = PORT_ADMIN,
	     .name = "admin",
	     .address = s->opts->admin_address,
	     .server = &s->admin},
	    {.id = PORT_MONITOR,
	     .name = "metrics",
	     .address = s->opts->metrics_address,
	     .server = &s->monitor,
	     .rows = monitor_routes,
	     .n_rows = n_monitor_routes},
	};

	ports[1].rows = join_routes(s, tables, ARRAY_LEN(tables), &ports[1].n_rows);
	for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
		if (open_port(s, &ports[i], e))
			return -1;
	}
	return open_identity(s, e) || open_secure(s, e) || open_webhook(s, e) ? -1 : 0;
}

static int write_port_file(const struct server *s, struct err *e)
{
	const struct {
		const char *name;
		const struct http_server *server;
	} ports[] = {{"xds", s->xds}, {"secure", s->secure}, {"webhook", s->webhook}, {"admin", s->admin}, {"metrics", s->monitor}};
	char text[160];
	int n = 0;

	for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
		if (ports[i].server)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "%c\"%s\":%u", n ? ',' : '{', ports[i].name,
				      http_server_port(ports[i].server));
	}
	n += snprintf(text + n, sizeof(text) - (size_t)n, "}\n");
	must((size_t)n < sizeof(text));
	printf("%s", text);
	fflush(stdout);
	return s->opts->port_file ? file_replace(s->opts->port_file, text, (size_t)n, 0644, e) : 0;
}

/* ---- signals ---- */

/* xDS streams never end by themselves: they are ended evenly over half of the time that is left, so
 * that their clients do not all come back to another replica at once. */
static void drained(void *arg)
{
	struct server *s = arg;
	int64_t left_ms = s->stop_at_ms - loop_now_ms(s->loop);
	size_t turns = left_ms > 2 * DRAIN_POLL_MS ? (size_t)(left_ms / (2 * DRAIN_POLL_MS)) : 1;
	size_t n = s->n_clients / turns + 1;

	if ((!s->n_clients && reporter_is_idle(s->reporter)) || left_ms <= 0) {
		loop_stop(s->loop);
		return;
	}
	for (struct client *c = s->clients, *next; c && n; c = next) {
		next = c->next;
		if (!c->call || c->call->finished)
			continue;
		grpc_finish(c->call, GRPC_UNAVAILABLE, "the server is going away");
		n--;
	}
	loop_timer_start(s->loop, &s->drain, DRAIN_POLL_MS, drained, s);
}

static void stop(void *arg)
{
	struct server *s = arg;

	if (s->stopping) {
		loop_stop(s->loop); /* asked twice: at once */
		return;
	}
	log_info("server", "stopping; %zu clients have %d ms to go", s->n_clients,
		 s->opts->drain_ms);
	s->stopping = true;
	s->stop_at_ms = loop_now_ms(s->loop) + s->opts->drain_ms;
	http_server_drain(s->xds, s->opts->drain_ms / 2);
	if (s->secure)
		http_server_drain(s->secure, s->opts->drain_ms / 2);
	if (s->webhook)
		http_server_drain(s->webhook, s->opts->drain_ms / 2);
	rest_expire(s, true);
	reporter_stop(s->reporter);
	drained(s);
}

static void reload(void *arg)
{
	struct server *s = arg;
	struct err e;

	log_info("server", "reading the configuration again");
	if (s->opts->mesh_config && read_mesh_config(s, &e))
		log_error("config", "%s; the settings before stay", e.text);
	if (s->files)
		source_file_reload(s->files);
	if (s->kube)
		source_kube_reload(s->kube);
	if (store_commit(s->store))
		store_changed(s);
}

static int catch_signals(struct server *s, struct err *e)
{
	return loop_signal(s->loop, SIGTERM, stop, s, e) ||
		       loop_signal(s->loop, SIGINT, stop, s, e) ||
		       loop_signal(s->loop, SIGHUP, reload, s, e)
		   ? -1
		   : 0;
}

static void expire(void *arg)
{
	struct server *s = arg;

	rest_expire(s, false);
	certs_warn(s);
	loop_timer_start(s->loop, &s->expire, EXPIRE_EVERY_MS, expire, s);
}

/* ---- life ---- */

static int start(struct server *s, struct err *e)
{
	struct publish_source source = {.arg = s, .objects = objects, .published = published};

	s->loop = loop_new(e);
	if (!s->loop || catch_signals(s, e))
		return -1;
	s->jobs = job_pool_new(s->loop, s->opts->workers, e);
	if (!s->jobs)
		return -1;
	s->started_ms = loop_now_ms(s->loop);
	s->pub = publisher_new(s->loop, s->jobs, &s->metrics, &source);
	s->store = store_new(s->opts->domain, ROOT_NAMESPACE);
	store_set_revision(s->store, s->opts->revision);
	if (open_sources(s, e) || open_ports(s, e) || write_back_open(s, e) || write_port_file(s, e))
		return -1;
	expire(s);
	return 0;
}

static void end(struct server *s)
{
	if (s->loop) {
		loop_timer_stop(s->loop, &s->drain);
		loop_timer_stop(s->loop, &s->expire);
		rest_expire(s, true);
	}
	http_server_free(s->xds);
	http_server_free(s->secure);
	http_server_free(s->webhook);
	s->secure = s->webhook = NULL;
	http_server_free(s->admin);
	http_server_free(s->monitor);
	reporter_close(s->reporter);
	source_file_close(s->files);
	reviews_free(s->reviews);
	source_kube_close(s->kube);
	job_pool_free(s->jobs);
	identity_close(s->identity);
	arena_fini(&s->tables);
	publisher_free(s->pub);
	store_free(s->store);
	arena_fini(&s->access_arena);
	loop_free(s->loop);
	metrics_fini(&s->metrics);
	buf_fini(&s->scratch);
}

int server_run(const struct server_opts *opts, struct err *e)
{
	struct server s = {.opts = opts};
	int status;

	ca_protect_memory();
	server_metrics_init(&s.metrics);
	buf_init(&s.scratch, RESPONSE_MAX);
	log_info("server", "navarchd %s, configuration from %s%s%s", version_text(), opts->config_dir ? opts->config_dir : "",
		 opts->config_dir && opts->kube ? " and " : "", opts->kube ? "Kubernetes" : "");
	status = start(&s, e);
	if (!status)
		loop_run(s.loop);
	end(&s);
	if (!status)
		log_info("server", "stopped");
	return status;
}
