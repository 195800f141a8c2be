/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "base/scalar.h"
#include "ev/file.h"
#include "server/version.h"

enum { CONFIG_MAX = 1024 * 1024, HOST_NAME_LEN = 256, OPERANDS_MAX = 4096 };

static const struct args_option options[] = {
    {"xds-address", 0, "HOST:PORT", "navarchd's secure port; discoveryAddress, else istiod.istio-system.svc:15012."},
    {"ca-address", 0, "URL", "Who signs; $CA_ADDR, else https:// at the address of xDS."},
    {"server-name", 0, "NAME", "The name in its certificate, when it is not HOST."},
    {"ca-file", 0, "FILE", "Whom to trust for that; /var/run/secrets/istio/root-cert.pem."},
    {"token-file", 0, "FILE", "A token that says who we are, read again each time."},
    {"join-token-file", 0, "FILE", "A join token (navctl token create), for the first certificate; the next are asked for with the one before."},
    {"cert-dir", 0, "DIR", "Keeps the pair: cert-chain.pem, key.pem, root-cert.pem. What is there is used while it is good. Else the key is in memory only."},
    {"ttl", 0, "DURATION", "Life of the certificate; $SECRET_TTL, else as the CA likes (24h)."},
    {"grace-ratio", 0, "NUMBER", "Part of its life that is left when it is renewed; $SECRET_GRACE_PERIOD_RATIO, else 0.5."},
    {"roots-every", 0, "DURATION", "How often it looks for other roots between renewals; 5m."},
    {"plaintext", 0, NULL, "For development: no certificate, xDS without TLS."},
    {"type", 0, "sidecar|router", "What the proxy is; sidecar."},
    {"ip", 0, "ADDRESS", "Of the workload; $INSTANCE_IP."},
    {"name", 0, "NAME", "Of the Pod or machine; $POD_NAME, else the host's."},
    {"namespace", 'n', "NS", "Its namespace; $POD_NAMESPACE, else default."},
    {"service-account", 0, "SA", "Its service account; $SERVICE_ACCOUNT, else default."},
    {"domain", 0, "DOMAIN", "DNS domain of the cluster; cluster.local."},
    {"label", 'l', "NAME=VALUE", "A label of the workload. May stand several times."},
    {"metadata", 0, "NAME=VALUE", "Node metadata, as ISTIO_META_NAME of the environment. May stand several times."},
    {"proxy-config", 0, "FILE", "ProxyConfig, YAML; $PROXY_CONFIG."},
    {"envoy", 0, "PATH", "Envoy's program; binaryPath, else envoy. 'none': only the certificate and its secrets."},
    {"envoy-log-level", 0, "LEVEL", "Envoy's; warning."},
    {"concurrency", 0, "N", "Envoy's worker threads; as the ProxyConfig says, else 2."},
    {"mark", 0, "N", "SO_MARK of connections of Envoy and the agent, where traffic capture knows them by it."},
    {"admin-address", 0, "HOST:PORT", "Envoy's admin port; 127.0.0.1:15000. Port 0 takes any."},
    {"status-address", 0, "HOST:PORT", "Health, metrics, /quitquitquit; :15020."},
    {"ready-address", 0, "HOST:PORT", "The same; :15021."},
    {"port-file", 0, "FILE", "Write the chosen ports of these two there, as a JSON list."},
    {"drain", 0, "DURATION", "At the end Envoy serves so long while its clients leave; terminationDrainDuration, else 5s."},
    {"drain-max", 0, "DURATION", "Requests that are under way then may take so long; 30s."},
    {"run-dir", 0, "DIR", "Sockets and files of this agent, made if missing; /var/run/navagent."},
    {"log-level", 0, "debug|info|warn|error", "Least level that is logged; info."},
    {"log-format", 0, "text|json", "Form of the log."},
    {"man", 0, NULL, "Print the manual page."},
    {"completion", 0, "bash|zsh|fish", "Print the completion script of a shell."},
    {"version", 0, NULL, "Print the version."},
};

const struct args_command navagent_command = {
    .name = "navagent",
    .summary = "The Navarch agent beside an Envoy",
    .operands = "[run -- PROGRAM [ARGUMENT...]]",
    .text = "Makes a key, gets and renews its certificate, serves both to Envoy on a Unix socket (SDS: default, ROOTCA, "
	    "file-cert:CERT~KEY, file-root:CA), writes Envoy's bootstrap, starts it and watches over it. "
	    "With run, PROGRAM is started when Envoy serves, and the agent ends with it and with its status. "
	    "Signals: SIGTERM and SIGINT drain and stop, twice at once; SIGUSR1 goes to Envoy (it opens its logs again).",
    .options = options,
    .n_options = ARRAY_LEN(options),
    .max_operands = OPERANDS_MAX,
};

/* As given, or in the environment, or in the ProxyConfig, or otherwise; each of the last three may be NULL. */
static const char *get(const struct args *args, const char *name, const char *env, const char *configured, const char *otherwise)
{
	const char *value = args_get(args, name);

	if (!value && env)
		value = getenv(env);
	if (!value || !*value)
		value = configured;
	return value && *value ? value : otherwise;
}

/* A string or a number of the ProxyConfig, or NULL. */
static const char *configured(const struct node *config, const char *name)
{
	const struct node *value = config ? node_get(config, name) : NULL;

	return value && (value->kind == NODE_STRING || value->kind == NODE_NUMBER) ? value->text : NULL;
}

static int read_config(const struct args *args, const struct node **out, struct arena *a, struct err *e)
{
	const char *path = args_get(args, "proxy-config"), *env = getenv("PROXY_CONFIG");
	struct node_docs docs;
	struct diags ds;
	struct buf text;
	int status = 0;

	*out = NULL;
	if (!path && (!env || !*env))
		return 0;
	buf_init(&text, CONFIG_MAX);
	diags_init(&ds, a);
	if (path)
		status = file_read(path, &text, e);
	else
		buf_str(&text, env);
	if (!status) {
		docs = node_parse(arena_strndup(a, buf_cstr(&text), text.n), text.n, 1, a, &ds);
		if (text.failed || docs.n != 1 || docs.v[0].bad || !docs.v[0].root || docs.v[0].root->kind != NODE_MAP)
			status = err_set(e, ERR_SYNTAX, "the ProxyConfig is no YAML map");
		else
			*out = docs.v[0].root;
	}
	buf_fini(&text);
	return status;
}

static int read_duration(const char *name, const char *text, int64_t *ms, struct err *e)
{
	int64_t ns;

	if (scalar_duration_ns(text, &ns) || ns < 0)
		return err_set(e, ERR_SYNTAX, "--%s is a duration like 5s", name);
	*ms = ns / 1000000;
	return 0;
}

/* "HOST:PORT" or "[v6]:PORT" */
static int split_address(const char *text, const char *name, const char **host, unsigned *port, struct arena *a, struct err *e)
{
	const char *colon = strrchr(text, ':');
	int64_t number;
	size_t n;

	if (!colon || colon == text || scalar_int(colon + 1, 0, 65535, &number))
		return err_set(e, ERR_SYNTAX, "--%s is HOST:PORT", name);
	n = (size_t)(colon - text);
	*host = *text == '[' && n > 2 ? arena_strndup(a, text + 1, n - 2) : arena_strndup(a, text, n);
	*port = (unsigned)number;
	return 0;
}

static int fill_credential(const struct args *args, const char *xds, struct credential_opts *o, struct arena *a, struct err *e)
{
	const char *ttl = get(args, "ttl", "SECRET_TTL", NULL, NULL);
	const char *ratio = get(args, "grace-ratio", "SECRET_GRACE_PERIOD_RATIO", NULL, "0.5");
	int64_t ttl_ms = 0;
	char *end;

	if (args_has(args, "plaintext"))
		return 0;
	*o = (struct credential_opts){
	    .url = get(args, "ca-address", "CA_ADDR", NULL, arena_printf(a, "https://%s", xds)),
	    .server_name = args_get(args, "server-name"),
	    .ca_file = get(args, "ca-file", NULL, NULL, "/var/run/secrets/istio/root-cert.pem"),
	    .token_file = args_get(args, "token-file"),
	    .join_token_file = args_get(args, "join-token-file"),
	    .cert_dir = args_get(args, "cert-dir"),
	    .left = strtod(ratio, &end),
	};
	if (!strstr(o->url, "://"))		/* as $CA_ADDR has it */
		o->url = arena_printf(a, "https://%s", o->url);
	if (*end || !(o->left > 0 && o->left < 1))
		return err_set(e, ERR_SYNTAX, "--grace-ratio is a number between 0 and 1");
	if (ttl && (read_duration("ttl", ttl, &ttl_ms, e) || ttl_ms < 1000))
		return err_set(e, ERR_SYNTAX, "--ttl is a duration of a second or more");
	o->ttl_s = ttl_ms / 1000;
	return 0;
}

static int fill_roots(const struct args *args, int64_t *every_ms, struct err *e)
{
	const char *every = args_get(args, "roots-every");

	*every_ms = 0;
	if (every && (read_duration("roots-every", every, every_ms, e) || *every_ms < 1000))
		return err_set(e, ERR_SYNTAX, "--roots-every is a duration of a second or more");
	return 0;
}

static const char *host_name(struct arena *a)
{
	char name[HOST_NAME_LEN] = "localhost";

	gethostname(name, sizeof(name) - 1);
	return arena_strdup(a, name);
}

static int fill_bootstrap(const struct args *args, const char *xds, struct bootstrap_opts *o, struct arena *a, struct err *e)
{
	const char *mark = args_get(args, "mark"), *port = configured(o->proxy_config, "proxyAdminPort");
	int64_t number = 0;
	const char **v;

	o->type = get(args, "type", NULL, NULL, "sidecar");
	o->ip = get(args, "ip", "INSTANCE_IP", NULL, NULL);
	o->name = get(args, "name", "POD_NAME", NULL, NULL);
	o->name = o->name ? o->name : host_name(a);
	o->ns = get(args, "namespace", "POD_NAMESPACE", NULL, "default");
	o->service_account = get(args, "service-account", "SERVICE_ACCOUNT", NULL, "default");
	o->domain = get(args, "domain", NULL, NULL, "cluster.local");
	o->cluster = configured(o->proxy_config, "serviceCluster");
	o->env = (const char *const *)environ;
	o->version = version_text();
	o->n_labels = args_all(args, "label", &v, a);
	o->labels = v;
	o->n_metadata = args_all(args, "metadata", &v, a);
	o->metadata = v;
	if (!o->ip || !scalar_is_ip(o->ip))
		return err_set(e, ERR_SYNTAX, "--ip (or $INSTANCE_IP) is needed: the workload's address");
	if (mark && scalar_int(mark, 1, INT32_MAX, &number))
		return err_set(e, ERR_SYNTAX, "--mark is a number");
	o->mark = (int)number;
	if (split_address(xds, "xds-address", &o->xds_host, &o->xds_port, a, e))
		return -1;
	if (!args_has(args, "plaintext"))
		o->server_name = get(args, "server-name", NULL, NULL, o->xds_host);
	return split_address(get(args, "admin-address", NULL, port ? arena_printf(a, "127.0.0.1:%s", port) : NULL, "127.0.0.1:15000"),
			     "admin-address", &o->admin_host, &o->admin_port, a, e);
}

static int fill_envoy(const struct args *args, const struct node *config, struct envoy_opts *o, struct err *e)
{
	const char *concurrency = get(args, "concurrency", NULL, configured(config, "concurrency"), "2");
	int64_t n;

	o->binary = get(args, "envoy", NULL, configured(config, "binaryPath"), "envoy");
	if (!strcmp(o->binary, "none"))
		o->binary = NULL;
	o->log_level = get(args, "envoy-log-level", NULL, NULL, "warning");
	if (scalar_int(concurrency, 0, 1024, &n))
		return err_set(e, ERR_SYNTAX, "--concurrency is a number from 0, one for each CPU, to 1024");
	o->concurrency = n ? concurrency : NULL;
	return read_duration("drain", get(args, "drain", NULL, configured(config, "terminationDrainDuration"), "5s"), &o->drain_ms, e) ||
			       read_duration("drain-max", get(args, "drain-max", NULL, NULL, "30s"), &o->drain_max_ms, e)
		       ? -1
		       : 0;
}

/* "run", a program and its arguments. */
static int fill_app(const struct args *args, const char *const **out, struct arena *a, struct err *e)
{
	const char **argv = arena_array(a, const char *, args->n_operands + 1);

	if (!args->n_operands)
		return 0;
	if (strcmp(args->operands[0], "run") || args->n_operands < 2)
		return err_set(e, ERR_SYNTAX, "operands are: run -- PROGRAM [ARGUMENT...]");
	memcpy(argv, args->operands + 1, (args->n_operands - 1) * sizeof(*argv));
	*out = argv;
	return 0;
}

int options_fill(const struct args *args, struct agent_opts *out, struct arena *a, struct err *e)
{
	const char **binds = arena_array(a, const char *, 2), *xds, *port;

	*out = (struct agent_opts){.run_dir = get(args, "run-dir", NULL, NULL, "/var/run/navagent"), .binds = binds, .n_binds = 2,
				   .port_file = args_get(args, "port-file")};
	if (fill_app(args, &out->app, a, e) || read_config(args, &out->bootstrap.proxy_config, a, e))
		return -1;
	xds = get(args, "xds-address", NULL, configured(out->bootstrap.proxy_config, "discoveryAddress"), "istiod.istio-system.svc:15012");
	port = configured(out->bootstrap.proxy_config, "statusPort");
	binds[0] = get(args, "status-address", NULL, port ? arena_printf(a, ":%s", port) : NULL, ":15020");
	binds[1] = get(args, "ready-address", NULL, NULL, ":15021");
	return fill_bootstrap(args, xds, &out->bootstrap, a, e) || fill_credential(args, xds, &out->credential, a, e) || fill_roots(args, &out->roots_every_ms, e) ||
			       fill_envoy(args, out->bootstrap.proxy_config, &out->envoy, e)
		       ? -1
		       : 0;
}
