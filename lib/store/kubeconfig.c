/* SPDX-License-Identifier: Apache-2.0 */
#include "store/kubeconfig.h"

#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "base/vec.h"
#include "ev/file.h"

enum { FILE_MAX = 4 * 1024 * 1024, FILES_MAX = 32 };

/* ---- the file ---- */

#define ROWS_kc_cluster(X, T)                                                                      \
	X(T, STR, server, "server", _, 0, "URL of the API server.")                                \
	X(T, STR, server_name, "tls-server-name", _, 0, "Name in its certificate.")                \
	X(T, BOOL, insecure, "insecure-skip-tls-verify", _, 0, "Refused.")                         \
	X(T, STR, ca_file, "certificate-authority", _, 0, "Path of its authorities.")              \
	X(T, BYTES, ca, "certificate-authority-data", _, 0, "Its authorities.")                    \
	X(T, STR, proxy, "proxy-url", _, 0, "Proxy on the way.")
SCHEMA_STRUCT(kc_cluster)
SCHEMA_TABLE_OPEN(kc_cluster, true)

#define ROWS_kc_env(X, T) X(T, STR, name, "name", _, 0, "Name.") X(T, STR, value, "value", _, 0, "Value.")
SCHEMA_STRUCT(kc_env)
SCHEMA_TABLE_OPEN(kc_env, true)

#define ROWS_kc_exec(X, T)                                                                         \
	X(T, STR, api_version, "apiVersion", _, 0, "Of what it prints.")                           \
	X(T, STR, command, "command", _, 0, "Program.")                                            \
	X(T, STRS, args, "args", _, 0, "Arguments.")                                               \
	X(T, MSGS, env, "env", kc_env, 0, "Environment.")                                          \
	X(T, STR, install_hint, "installHint", _, 0, "Where to get it.")                           \
	X(T, BOOL, wants_cluster, "provideClusterInfo", _, 0, "It is told about the cluster.")     \
	X(T, STR, interactive, "interactiveMode", _, 0, "Never, IfAvailable or Always.")
SCHEMA_STRUCT(kc_exec)
SCHEMA_TABLE_OPEN(kc_exec, true)

#define ROWS_kc_user(X, T)                                                                         \
	X(T, STR, cert_file, "client-certificate", _, 0, "Path.")                                  \
	X(T, BYTES, cert, "client-certificate-data", _, 0, "Certificate.")                         \
	X(T, STR, key_file, "client-key", _, 0, "Path.")                                           \
	X(T, BYTES, key, "client-key-data", _, 0, "Key.")                                          \
	X(T, STR, token, "token", _, 0, "Bearer token.")                                           \
	X(T, STR, token_file, "tokenFile", _, 0, "Path of a token that rotates.")                  \
	X(T, STR, user, "username", _, 0, "User.")                                                 \
	X(T, STR, password, "password", _, 0, "Password.")                                         \
	X(T, MSG, exec, "exec", kc_exec, 0, "Program that gives credentials.")                     \
	X(T, NODE, provider, "auth-provider", _, 0, "Refused.")
SCHEMA_STRUCT(kc_user)
SCHEMA_TABLE_OPEN(kc_user, true)

#define ROWS_kc_context(X, T)                                                                      \
	X(T, STR, cluster, "cluster", _, 0, "Name of the cluster.")                                \
	X(T, STR, user, "user", _, 0, "Name of the user.")                                         \
	X(T, STR, ns, "namespace", _, 0, "Namespace.")
SCHEMA_STRUCT(kc_context)
SCHEMA_TABLE_OPEN(kc_context, true)

#define ROWS_kc_named_cluster(X, T)                                                                \
	X(T, STR, name, "name", _, 0, "Name.") X(T, MSG, cluster, "cluster", kc_cluster, 0, "Cluster.")
SCHEMA_STRUCT(kc_named_cluster)
SCHEMA_TABLE_OPEN(kc_named_cluster, true)
#define ROWS_kc_named_user(X, T)                                                                   \
	X(T, STR, name, "name", _, 0, "Name.") X(T, MSG, user, "user", kc_user, 0, "User.")
SCHEMA_STRUCT(kc_named_user)
SCHEMA_TABLE_OPEN(kc_named_user, true)
#define ROWS_kc_named_context(X, T)                                                                \
	X(T, STR, name, "name", _, 0, "Name.") X(T, MSG, context, "context", kc_context, 0, "Context.")
SCHEMA_STRUCT(kc_named_context)
SCHEMA_TABLE_OPEN(kc_named_context, true)

#define ROWS_kc_config(X, T)                                                                       \
	X(T, STR, current, "current-context", _, 0, "Context that counts.")                        \
	X(T, MSGS, clusters, "clusters", kc_named_cluster, 0, "Clusters.")                         \
	X(T, MSGS, users, "users", kc_named_user, 0, "Users.")                                     \
	X(T, MSGS, contexts, "contexts", kc_named_context, 0, "Who at which cluster.")
SCHEMA_STRUCT(kc_config)
SCHEMA_TABLE_OPEN(kc_config, true)

struct kubeconfig {
	const char *file, *dir;
	const struct kc_config *config;
};

struct merged {
	struct kubeconfig v[FILES_MAX];
	size_t n;
};

static int parse(const char *text, size_t len, const char *file, const char *dir, struct arena *a, struct kubeconfig *out,
		 struct err *e)
{
	static const struct node none = {.kind = NODE_NULL};
	struct node_docs docs;
	struct diags ds;

	diags_init(&ds, a);
	docs = node_parse(text, len, 1, a, &ds);
	if (docs.n > 1)
		return err_set(e, ERR_SYNTAX, "%s holds more than one document", file);
	*out = (struct kubeconfig){file, dir, NULL};
	if (!ds.nerrors)
		out->config = schema_decode(&schema_kc_config, docs.n ? docs.v[0].root : &none, "", SCHEMA_LENIENT, a, &ds);
	if (!ds.nerrors)
		return 0;
	/* the text of a finding may quote a value, and a value may be a secret: only the place is told */
	return err_set(e, ERR_SYNTAX, "%s:%u: %s%s%s", file, ds.v[0].pos.line, diag_info(ds.v[0].code)->title,
		       *ds.v[0].path ? ", at " : "", ds.v[0].path);
}

/* ---- what counts ---- */

/* find_LIST(m, name, &at): the first of that name in the files, with the file it is of; or NULL. */
#define FINDER(list, member, type)                                                                 \
	static const struct type *find_##member(const struct merged *m, const char *name,          \
						const struct kubeconfig **at)                      \
	{                                                                                          \
		for (size_t i = 0; i < m->n; i++) {                                                \
			const struct kc_config *c = m->v[i].config;                                \
			for (size_t k = 0; k < c->n_##list; k++) {                                 \
				*at = &m->v[i];                                                    \
				if (name && c->list[k].name && !strcmp(c->list[k].name, name))     \
					return c->list[k].member;                                  \
			}                                                                          \
		}                                                                                  \
		return NULL;                                                                       \
	}
FINDER(clusters, cluster, kc_cluster)
FINDER(users, user, kc_user)
FINDER(contexts, context, kc_context)

static const char *path_of(const struct kubeconfig *at, const char *path, struct arena *a)
{
	return !path || !*path ? NULL : *path == '/' ? path : arena_printf(a, "%s/%s", at->dir, path);
}

static const char *text_of(const uint8_t *p, size_t n, struct arena *a)
{
	return n ? arena_strndup(a, (const char *)p, n) : NULL;
}

static const char *or_null(const char *text)
{
	return text && *text ? text : NULL;
}

static bool is_loopback(const char *server)
{
	static const char *const hosts[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		size_t n = strlen(hosts[i]);

		if (!strncmp(server, hosts[i], n) && (!server[n] || server[n] == ':' || server[n] == '/'))
			return true;
	}
	return false;
}

static int take_server(const char *server, const char *file, struct arena *a, struct kube_access *out, struct err *e)
{
	size_t n = server ? strlen(server) : 0;

	if (!n)
		return err_set(e, ERR_SYNTAX, "%s: the cluster has no server", file);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)server[i] <= ' ' || server[i] == '\x7f' || server[i] == '@')
			return err_set(e, ERR_SYNTAX, "%s: the server's URL has a character that no URL may have", file);
	if (strncmp(server, "https://", 8) != 0 && !is_loopback(server))
		return err_set(e, ERR_REFUSED, "%s: %.100s is not https, and not of this machine", file, server);
	while (n && server[n - 1] == '/')
		n--;
	out->server = arena_strndup(a, server, n);
	return 0;
}

static int take_cluster(const struct kc_cluster *c, const struct kubeconfig *at, struct arena *a, struct kube_access *out,
			struct err *e)
{
	if (c->insecure)
		return err_set(e, ERR_REFUSED, "%s: insecure-skip-tls-verify is not obeyed; give certificate-authority-data", at->file);
	if (take_server(c->server, at->file, a, out, e))
		return -1;
	out->server_name = or_null(c->server_name);
	out->proxy = or_null(c->proxy);
	out->ca = text_of(c->ca, c->n_ca, a);
	out->ca_file = out->ca ? NULL : path_of(at, c->ca_file, a);
	return 0;
}

/* What the program is told of what is wanted of it. */
static const char *exec_info(const struct kc_exec *x, const struct kube_access *access, struct arena *a)
{
	struct buf out;
	const char *text;

	buf_init(&out, FILE_MAX);
	buf_str(&out, "KUBERNETES_EXEC_INFO={\"kind\":\"ExecCredential\",\"apiVersion\":");
	node_text_to_json(x->api_version, &out);
	buf_str(&out, ",\"spec\":{\"interactive\":false");
	if (x->wants_cluster) {
		buf_str(&out, ",\"cluster\":{\"server\":");
		node_text_to_json(access->server, &out);
		buf_str(&out, "}");
	}
	buf_str(&out, "}}");
	text = arena_strdup(a, buf_cstr(&out));
	buf_fini(&out);
	return text;
}

static int take_exec(const struct kc_exec *x, const struct kubeconfig *at, struct arena *a, struct kube_access *out,
		     struct err *e)
{
	struct kube_exec *exec = arena_new(a, struct kube_exec);
	VEC(const char *) argv = {0}, env = {0};

	if (!x->command || !*x->command)
		return err_set(e, ERR_SYNTAX, "%s: exec has no command", at->file);
	if (!x->api_version || strncmp(x->api_version, "client.authentication.k8s.io/v1", 31) != 0)
		return err_set(e, ERR_SYNTAX, "%s: exec has an apiVersion that is not read here", at->file);
	if (x->interactive && !strcmp(x->interactive, "Always"))
		return err_set(e, ERR_REFUSED, "%s: exec wants a terminal, and a daemon has none", at->file);
	/* a name is looked up in PATH, a path is of the file's folder */
	*vec_push(&argv, a) = strchr(x->command, '/') ? path_of(at, x->command, a) : x->command;
	for (size_t i = 0; i < x->args.n; i++)
		*vec_push(&argv, a) = x->args.v[i];
	*vec_push(&argv, a) = NULL;
	for (size_t i = 0; i < x->n_env; i++)
		if (x->env[i].name && *x->env[i].name && !strchr(x->env[i].name, '='))
			*vec_push(&env, a) = arena_printf(a, "%s=%s", x->env[i].name, x->env[i].value ? x->env[i].value : "");
	*vec_push(&env, a) = exec_info(x, out, a);
	*vec_push(&env, a) = NULL;
	*exec = (struct kube_exec){argv.v, env.v, x->api_version, or_null(x->install_hint)};
	out->exec = exec;
	return 0;
}

static int take_user(const struct kc_user *u, const struct kubeconfig *at, struct arena *a, struct kube_access *out,
		     struct err *e)
{
	if (u->provider)
		return err_set(e, ERR_REFUSED, "%s: auth-provider is not read; kubectl has replaced it by exec", at->file);
	out->cert = text_of(u->cert, u->n_cert, a);
	out->key = text_of(u->key, u->n_key, a);
	out->cert_file = out->cert ? NULL : path_of(at, u->cert_file, a);
	out->key_file = out->key ? NULL : path_of(at, u->key_file, a);
	/* a file rotates, so it counts before a token that was written down once */
	out->token_file = path_of(at, u->token_file, a);
	out->token = out->token_file ? NULL : or_null(u->token);
	out->user = or_null(u->user);
	out->password = u->password ? u->password : "";
	if ((out->cert || out->cert_file) != (out->key || out->key_file))
		return err_set(e, ERR_SYNTAX, "%s: a client certificate needs its key, and a key its certificate", at->file);
	return u->exec ? take_exec(u->exec, at, a, out, e) : 0;
}

static int choose(const struct merged *m, const char *wanted, struct arena *a, struct kube_access *out, struct err *e)
{
	const struct kubeconfig *at = NULL;
	const struct kc_context *context;
	const struct kc_cluster *cluster;
	const struct kc_user *user;

	*out = (struct kube_access){.ns = "default"};
	for (size_t i = 0; i < m->n && !wanted; i++)
		wanted = or_null(m->v[i].config->current);
	if (!wanted)
		return err_set(e, ERR_NOT_FOUND, "%s has no current-context", m->v[0].file);
	context = find_context(m, wanted, &at);
	if (!context)
		return err_set(e, ERR_NOT_FOUND, "%s has no context %.100s", m->v[0].file, wanted);
	cluster = find_cluster(m, context->cluster, &at);
	if (!cluster)
		return err_set(e, ERR_NOT_FOUND, "%s: the context %.100s has no cluster", m->v[0].file, wanted);
	if (take_cluster(cluster, at, a, out, e))
		return -1;
	user = find_user(m, context->user, &at);
	if (user && take_user(user, at, a, out, e))
		return -1;
	out->context = wanted;
	if (or_null(context->ns))
		out->ns = context->ns;
	return 0;
}

int kubeconfig_parse(const char *text, size_t len, const char *file, const char *dir, const char *context, struct arena *a,
		     struct kube_access *out, struct err *e)
{
	struct merged m = {.n = 1};

	return parse(text, len, file, dir, a, &m.v[0], e) ? -1 : choose(&m, context, a, out, e);
}

static const char *folder_of(const char *file, struct arena *a)
{
	const char *slash = strrchr(file, '/');

	return !slash ? "." : slash == file ? "/" : arena_strndup(a, file, (size_t)(slash - file));
}

static int load_file(struct merged *m, const char *path, struct arena *a, struct err *e)
{
	struct buf text;
	int rc;

	buf_init(&text, FILE_MAX);
	rc = file_read(path, &text, e);
	if (!rc && m->n == FILES_MAX)
		rc = err_set(e, ERR_LIMIT, "more than %d kubeconfig files", FILES_MAX);
	if (!rc)
		rc = parse(buf_cstr(&text), text.n, path, folder_of(path, a), a, &m->v[m->n], e);
	m->n += rc == 0;
	buf_fini(&text);
	return rc;
}

int kubeconfig_load(const char *paths, const char *context, struct arena *a, struct kube_access *out, struct err *e)
{
	struct merged m = {.n = 0};

	for (const char *p = paths; *p;) {
		size_t n = strcspn(p, ":");

		if (n && load_file(&m, arena_strndup(a, p, n), a, e) && e->code != ERR_NOT_FOUND)
			return -1;
		p += n + (p[n] == ':');
	}
	if (!m.n)
		return err_set(e, ERR_NOT_FOUND, "no kubeconfig at %.200s", paths);
	return choose(&m, context, a, out, e);
}

int kubeconfig_in_cluster(const char *host, const char *port, const char *root, struct arena *a, struct kube_access *out,
			  struct err *e)
{
	bool v6 = host && strchr(host, ':');

	if (!host || !*host || !port || !*port)
		return err_set(e, ERR_NOT_FOUND, "this is no Pod: KUBERNETES_SERVICE_HOST and _PORT are not set");
	*out = (struct kube_access){
	    .ca_file = arena_printf(a, "%s/ca.crt", root),
	    .token_file = arena_printf(a, "%s/token", root),
	    .ns = "default",
	    .context = "in-cluster",
	};
	return take_server(arena_printf(a, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port), "KUBERNETES_SERVICE_HOST",
			   a, out, e);
}
