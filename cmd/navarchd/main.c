/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/args.h"
#include "base/log.h"
#include "base/scalar.h"
#include "server/identity.h"
#include "server/server.h"
#include "server/version.h"

static const struct args_option options[] = {
    {"config-dir", 'c', "DIR", "Manifests to serve (*.yaml, *.yml, *.json), watched for changes."},
    {"kubeconfig", 'k', "FILE", "API server to serve from; several files with ':' between. Without it and --config-dir: the Pod's own."},
    {"context", 0, "NAME", "Context of the kubeconfig; the current one."},
    {"mesh-config", 'm', "FILE", "MeshConfig; else the ConfigMap istio (--revision: istio-NAME) of the root namespace, else defaults."},
    {"write-back", 0, "auto|on|off",
     "Tell the API server what became of its objects: statuses, events, the root of the mesh; one replica at a time does. auto, the default: "
     "as a Pod, and not with --kubeconfig."},
    {"lease", 0, "NAME", "The Lease in istio-system that says which replica writes; navarchd, with --revision navarchd-NAME."},
    {"webhook-config", 0, "NAME",
     "The ValidatingWebhookConfiguration whose caBundle is kept at the root of the mesh, with --webhook-address; navarchd. Empty: none."},
    {"domain", 0, "DOMAIN", "DNS domain of the cluster; cluster.local."},
    {"revision", 0, "NAME",
     "Objects whose label istio.io/rev has another name are not ours; of several control planes in a cluster. Mesh settings are in the ConfigMap istio-NAME, and of the name default in istio."},
    {"xds-address", 0, "HOST:PORT", "xDS, plaintext: gRPC and REST; 127.0.0.1:15010. Port 0 takes any."},
    {"secure-address", 0, "HOST:PORT",
     "TLS: xDS, certificates (Istio's service and POST /v1/certificates), debug pages for administrators; :15012 is usual. Off unless given."},
    {"webhook-address", 0, "HOST:PORT",
     "HTTPS: POST /validate for an API server's ValidatingWebhookConfiguration; :15017 is usual. Off unless given."},
    {"state-dir", 0, "DIR",
     "Made if missing; keep it. The last good objects, Secrets too, for a start without the directory or API server; with --secure-address "
     "or --webhook-address our own root CA, join tokens, the log of certificates."},
    {"ca-dir", 0, "DIR", "A CA to plug in: root-cert.pem, ca-cert.pem, ca-key.pem, cert-chain.pem, ca-crl.pem if there is one; read again when it changes."},
    {"ca-shared", 0, NULL, "Other replicas issue from the same --ca-dir: a change of root also waits until all certificates from before it have run out."},
    {"trust-domain", 0, "DOMAIN", "Trust domain of the mesh; cluster.local."},
    {"trust-domain-alias", 0, "DOMAIN", "Another name of it, whose certificates are taken too. May stand several times."},
    {"token-rules", 0, "FILE", "Whose tokens are taken: a list of {issuer, jwksFile, audiences}; read again when it changes."},
    {"server-name", 0, "NAME", "A further name or address in the certificate of the ports with TLS. May stand several times."},
    {"admin-identity", 0, "NS/SA", "Who may see the debug pages over the secure port; NS/* for all of a namespace. May stand several times."},
    {"admin-address", 0, "HOST:PORT", "Debug pages; 127.0.0.1:8080."},
    {"metrics-address", 0, "HOST:PORT", "Metrics, health and version; 127.0.0.1:15014."},
    {"port-file", 0, "FILE", "Write the chosen ports there, as JSON."},
    {"workers", 0, "N", "Threads that compile, beside the loop; 1."},
    {"drain", 0, "DURATION", "Time for clients to go at SIGTERM; 5s."},
    {"log-level", 0, "debug|info|warn|error", "Least level that is logged; info."},
    {"log-format", 0, "text|json", "Form of the log."},
    {"man", 0, NULL, "Print the manual page."},
    {"completion", 0, "bash|zsh|fish", "Print the completion script of a shell."},
    {"version", 0, NULL, "Print the version."},
};

static const struct args_command command = {
    .name = "navarchd",
    .summary = "The Navarch service-mesh control plane",
    .operands = "",
    .text = "Signals: SIGTERM and SIGINT drain and stop, SIGHUP reads the configuration again.",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
};

static const char *get_or(const struct args *args, const char *name, const char *otherwise)
{
	const char *value = args_get(args, name);

	return value ? value : otherwise;
}

static void set_log(const struct args *args)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	const char *level = get_or(args, "log-level", "info");

	for (int i = 0; i < 4; i++) {
		if (!strcmp(level, levels[i]))
			log_set_level((enum log_level)i);
	}
	log_set_json(!strcmp(get_or(args, "log-format", "text"), "json"));
}

static int fill_identity(const struct args *args, struct arena *a, struct identity_opts *o, struct err *e)
{
	const char **v;

	if (!args_has(args, "state-dir"))
		return err_set(e, ERR_SYNTAX, "--secure-address and --webhook-address need --state-dir");
	*o = (struct identity_opts){
	    .state_dir = args_get(args, "state-dir"),
	    .ca_dir = args_get(args, "ca-dir"),
	    .ca_shared = args_has(args, "ca-shared"),
	    .trust_domain = get_or(args, "trust-domain", "cluster.local"),
	    .token_rules = args_get(args, "token-rules"),
	};
	o->n_aliases = args_all(args, "trust-domain-alias", &v, a);
	o->aliases = v;
	o->n_server_names = args_all(args, "server-name", &v, a);
	o->server_names = v;
	o->n_admins = args_all(args, "admin-identity", &v, a);
	o->admins = v;
	for (size_t i = 0; i < o->n_admins; i++)
		if (!strchr(o->admins[i], '/'))
			return err_set(e, ERR_SYNTAX, "--admin-identity is NAMESPACE/SERVICE-ACCOUNT");
	return 0;
}

static int fill_write_back(const struct args *args, struct server_opts *o, struct err *e)
{
	const char *when = get_or(args, "write-back", "auto");
	bool on = !strcmp(when, "on");

	if (!on && strcmp(when, "auto") != 0 && strcmp(when, "off") != 0)
		return err_set(e, ERR_SYNTAX, "--write-back is auto, on or off");
	if (on && !o->kube)
		return err_set(e, ERR_SYNTAX, "--write-back on needs an API server: --kubeconfig, or a Pod");
	o->write_back = on || (!strcmp(when, "auto") && o->kube && !o->kubeconfig);
	o->pod_name = getenv("POD_NAME");
	o->lease = args_get(args, "lease");
	o->webhook_config = get_or(args, "webhook-config", "navarchd");
	return 0;
}

static int fill(const struct args *args, struct server_opts *o, struct err *e)
{
	int64_t workers = 1, drain_ns = 5000000000;

	if (args_has(args, "context") && !args_has(args, "kubeconfig"))
		return err_set(e, ERR_SYNTAX, "--context is of a --kubeconfig");
	if (args_has(args, "workers") && scalar_int(args_get(args, "workers"), 0, 64, &workers))
		return err_set(e, ERR_SYNTAX, "--workers is a number from 0 to 64");
	if (args_has(args, "drain") && (scalar_duration_ns(args_get(args, "drain"), &drain_ns) || drain_ns < 0))
		return err_set(e, ERR_SYNTAX, "--drain is a duration like 5s");
	if (args_has(args, "revision") && !scalar_is_dns_label(args_get(args, "revision")))
		return err_set(e, ERR_SYNTAX, "--revision is a name: lower-case letters, digits and '-'");
	*o = (struct server_opts){
	    .config_dir = args_get(args, "config-dir"),
	    .kube = args_has(args, "kubeconfig") || !args_has(args, "config-dir"),
	    .kubeconfig = args_get(args, "kubeconfig"),
	    .state_dir = args_get(args, "state-dir"),
	    .kube_context = args_get(args, "context"),
	    .mesh_config = args_get(args, "mesh-config"),
	    .domain = get_or(args, "domain", "cluster.local"),
	    .revision = args_get(args, "revision"),
	    .xds_address = get_or(args, "xds-address", "127.0.0.1:15010"),
	    .secure_address = args_get(args, "secure-address"),
	    .webhook_address = args_get(args, "webhook-address"),
	    .admin_address = get_or(args, "admin-address", "127.0.0.1:8080"),
	    .metrics_address = get_or(args, "metrics-address", "127.0.0.1:15014"),
	    .port_file = args_get(args, "port-file"),
	    .workers = (unsigned)workers,
	    .drain_ms = (int)(drain_ns / 1000000),
	};
	return fill_write_back(args, o, e);
}

static int run(const struct args *args, struct arena *a)
{
	struct identity_opts identity;
	struct server_opts opts;
	struct err e;

	set_log(args);
	if (fill(args, &opts, &e) ||
	    ((opts.secure_address || opts.webhook_address) && fill_identity(args, a, &identity, &e))) {
		fprintf(stderr, "navarchd: %s\n", e.text);
		return 2;
	}
	opts.identity = &identity;
	if (server_run(&opts, &e)) {
		fprintf(stderr, "navarchd: %s\n", e.text);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct arena a;
	struct args args;
	struct err e;
	int status = 0;

	arena_keep_memory();
	arena_init(&a, 0);
	if (args_parse(&command, argc - 1, argv + 1, &a, &args, &e)) {
		fprintf(stderr, "navarchd: %s\n", e.text);
		status = 2;
	} else if (args.help) {
		args_print_help(stdout, &command);
	} else if (args_has(&args, "man")) {
		args_print_man(stdout, &command);
	} else if (args_has(&args, "completion")) {
		args_print_completion(stdout, &command, args_get(&args, "completion"));
	} else if (args_has(&args, "version")) {
		printf("navarchd %s\n", version_text());
	} else {
		status = run(&args, &a);
	}
	arena_fini(&a);
	return status;
}
