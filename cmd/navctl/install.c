/* SPDX-License-Identifier: Apache-2.0
 *
 * navarchd into a cluster, or up to date: the namespace, the CA, the keys of the cluster's tokens,
 * CRDs, and what deploy/kubernetes/base says. First all of it is tried by a dry run of the server;
 * what is there and was made by others is left, or told.
 */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "apply.h"
#include "base/base64.h"
#include "base/log.h"
#include "base/must.h"
#include "base/scalar.h"
#include "ca/ca.h"
#include "ev/file.h"
#include "model/crd.h"

#define NS   "istio-system"
#define CORE "/api/v1/namespaces/" NS

enum { READY_MS = 120000, KINDS_MS = 30000, POLL_MS = 250, CA_FILE_MAX = 1024 * 1024 };

struct install {
	struct applier ap;
	const struct args *args;
	struct arena *arena;
	bool has_namespace;
	const char *root; /* of the CA, base64; "" while there is none */
	int64_t timeout_ms;
	int64_t generation; /* of the Deployment */
};

static int64_t now_ms(const struct install *in)
{
	return loop_clock_ns(in->ap.cluster->loop) / 1000000;
}

static int one(struct install *in, const char *step, const struct manifest *m)
{
	if (*m->ns && !in->has_namespace) {
		apply_show_new(&in->ap, step, m);
		return 0;
	}
	return apply_object(&in->ap, step, m);
}

/* ---- namespace ---- */

/* As the base has it, and with a label by which `navctl uninstall --purge` knows that it is ours.
 */
static int do_namespace(struct install *in)
{
	struct manifest m =
	    manifest_of("{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"" NS
			"\",\"labels\":{" MANIFEST_OURS "}}}",
			in->arena);
	const struct node *there;
	struct err e;
	int rc = apply_get(&in->ap, m.target, &there, &e);

	if (rc < 0)
		return apply_fail(&in->ap, "namespace", "Namespace " NS, &e);
	if (!rc) {
		in->has_namespace = true;
		apply_report(&in->ap, "namespace", "Namespace " NS, "is there");
		return 0;
	}
	if (apply_object(&in->ap, "namespace", &m))
		return -1;
	in->has_namespace = !in->ap.dry;
	return 0;
}

/* ---- CA ---- */

static const char *base64(const char *p, size_t n, struct arena *a)
{
	char *out = arena_alloc(a, BASE64_SIZE(n) + 1);

	out[base64_encode(BASE64_PLAIN, (const uint8_t *)p, n, out)] = '\0';
	return out;
}

static int put_file(struct install *in, const char *dir, const char *file, const char *as,
		    struct buf *json, const char **text, struct err *e)
{
	struct buf b;
	int rc;

	buf_init(&b, CA_FILE_MAX);
	rc = file_read(arena_printf(in->arena, "%s/%s", dir, file), &b, e);
	if (!rc) {
		*text = base64(b.p ? b.p : "", b.n, in->arena);
		buf_printf(json, "%s\"%s\":\"%s\"", json->p[json->n - 1] == '{' ? "" : ",", as,
			   *text);
	}
	ca_cleanse(&b);
	return rc;
}

/* The names are those that Istio knows. A CA without intermediates is its own chain. */
static int put_ca(struct install *in, const char *dir, struct buf *json, struct err *e)
{
	const char *text;

	buf_str(json, "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":"
		      "\"cacerts\",\"namespace\":\"" NS "\",\"labels\":{" MANIFEST_OURS
		      "}},\"type\":\"Opaque\",\"data\":{");
	if (put_file(in, dir, "root-cert.pem", "root-cert.pem", json, &in->root, e) ||
	    put_file(in, dir, "ca-cert.pem", "ca-cert.pem", json, &text, e) ||
	    put_file(in, dir, "ca-key.pem", "ca-key.pem", json, &text, e))
		return -1;
	if (put_file(in, dir, "cert-chain.pem", "cert-chain.pem", json, &text, e) &&
	    (e->code != ERR_NOT_FOUND ||
	     put_file(in, dir, "ca-cert.pem", "cert-chain.pem", json, &text, e)))
		return -1;
	if (put_file(in, dir, "ca-crl.pem", "ca-crl.pem", json, &text, e) && e->code != ERR_NOT_FOUND)
		return -1;
	buf_str(json, "}}");
	return 0;
}

static const char *ca_dir(const struct install *in)
{
	return args_get(in->args, "ca-dir") ? args_get(in->args, "ca-dir") : "navarch-ca";
}

/* -1: e is set, or the step has failed and that was told (e is not set). */
static int send_ca(struct install *in, struct err *e)
{
	struct manifest m;
	struct buf json;
	int rc;

	buf_init(&json, 8 * CA_FILE_MAX);
	rc = put_ca(in, ca_dir(in), &json, e);
	if (!rc) {
		*e = (struct err){0};
		m = manifest_of(arena_strdup(in->arena, buf_cstr(&json)), in->arena);
		rc = one(in, "CA", &m);
	}
	ca_cleanse(&json);
	return rc;
}

/* Made in the directory unless one is there; then checked, and into the Secret. A dry run makes none. */
static int make_ca(struct install *in, struct err *e)
{
	struct ca_opts opts = {.trust_domain = "cluster.local"};
	uint8_t serial[TBS_SERIAL];
	struct ca *ca;

	if (loop_random(in->ap.cluster->loop, serial, sizeof(serial)))
		return err_set(e, ERR_IO, "no random bytes");
	ca = in->ap.dry ? ca_open(ca_dir(in), &opts, time(NULL), e)
			: ca_open_own(ca_dir(in), &opts, time(NULL), serial, e);
	if (!ca && in->ap.dry && e->code == ERR_NOT_FOUND) {
		apply_report(&in->ap, "CA", "Secret " NS "/cacerts", "would be created, of a new CA");
		return 0;
	}
	if (!ca)
		return -1;
	ca_unref(ca);
	if (send_ca(in, e))
		return -1;
	if (!in->ap.quiet)
		printf("%-10s its files are in %s: keep them, and keep ca-key.pem to yourself\n", "",
		       ca_dir(in));
	return 0;
}

/* Replicas issue from one CA. A CA that is there, Istio's too, is taken as it is, by either naming
 * of its files. */
static int do_ca(struct install *in)
{
	const struct node *secret, *data;
	struct err e = {0};
	int rc = in->has_namespace ? apply_get(&in->ap, CORE "/secrets/cacerts", &secret, &e) : 1;

	if (rc < 0)
		return apply_fail(&in->ap, "CA", "Secret " NS "/cacerts", &e);
	if (!rc) {
		data = node_get(secret, "data");
		in->root = node_text(data, "root-cert.pem") ? node_text(data, "root-cert.pem")
							    : node_text(data, "ca.crt");
		if (!in->root) {
			err_set(&e, ERR_SYNTAX, "it has neither root-cert.pem nor ca.crt");
			return apply_fail(&in->ap, "CA", "Secret " NS "/cacerts", &e);
		}
		apply_report(&in->ap, "CA", "Secret " NS "/cacerts", "is there");
		return 0;
	}
	if (make_ca(in, &e))
		return e.code ? apply_fail(&in->ap, "CA", "Secret " NS "/cacerts", &e) : -1;
	return 0;
}

/* ---- tokens ---- */

/* Whose tokens are taken: the API server's own, by its keys of now. */
static int do_tokens(struct install *in)
{
	struct cluster_answer keys, conf;
	const char *issuer, *rules;
	struct manifest m;
	struct buf json;
	struct err e;

	if (cluster_ask(in->ap.cluster, "GET", "/openid/v1/jwks", &keys, &e) ||
	    cluster_ask(in->ap.cluster, "GET", "/.well-known/openid-configuration", &conf, &e))
		return apply_fail(&in->ap, "tokens", "the keys of the cluster's tokens", &e);
	issuer = node_text(conf.json, "issuer");
	if (!issuer) {
		err_set(&e, ERR_SYNTAX, "the API server names no issuer of its tokens");
		return apply_fail(&in->ap, "tokens", "the keys of the cluster's tokens", &e);
	}
	buf_init(&json, 4 * CA_FILE_MAX);
	node_text_to_json(issuer, &json);
	rules = arena_printf(
	    in->arena,
	    "[{\"issuer\": %s, \"jwksFile\": \"jwks.json\", \"audiences\": [\"istio-ca\"]}]\n",
	    buf_cstr(&json));
	buf_clear(&json);
	buf_str(&json,
		"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"navarchd-"
		"tokens\",\"namespace\":\"" NS "\","
		"\"labels\":{\"app.kubernetes.io/name\":\"navarchd\"}},\"data\":{\"jwks.json\":");
	node_text_to_json(keys.text, &json);
	buf_str(&json, ",\"rules.json\":");
	node_text_to_json(rules, &json);
	buf_str(&json, "}}");
	m = manifest_of(arena_strdup(in->arena, buf_cstr(&json)), in->arena);
	buf_fini(&json);
	return one(in, "tokens", &m);
}

/* ---- CRDs ---- */

/* A kind is of use a second after its CRD is there; until then the server answers 404, then 429. */
static int await_kinds(struct install *in)
{
	int64_t end_ms = now_ms(in) + KINDS_MS;
	struct cluster_answer answer;
	struct err e;

	for (int k = 0; k < KIND_COUNT; k++) {
		const struct kind_info *info = kind_info((enum kind)k);
		const char *target;

		if (!crd_has((enum kind)k))
			continue;
		target =
		    arena_printf(in->arena, "/apis/%s/%.*s/%s?limit=1", info->group,
				 (int)strcspn(info->versions, " "), info->versions, info->plural);
		while (cluster_ask(in->ap.cluster, "GET", target, &answer, &e)) {
			if ((answer.status != 404 && answer.status != 429) || now_ms(in) >= end_ms)
				return apply_fail(&in->ap, "CRDs", info->plural, &e);
			cluster_wait(in->ap.cluster, POLL_MS);
		}
	}
	return 0;
}

/* Those of others, Istio's own, stay as they are and are used. */
static int do_crds(struct install *in)
{
	size_t changed = in->ap.changed;
	struct manifests crds;

	manifests_crds(in->arena, &crds);
	for (size_t i = 0; i < crds.n; i++) {
		const char *name = apply_name(&crds.v[i], in->arena);
		bool force = in->ap.force;
		const struct node *there;
		struct err e;
		int rc = apply_get(&in->ap, crds.v[i].target, &there, &e);

		if (rc < 0)
			return apply_fail(&in->ap, "CRDs", name, &e);
		if (!rc && !manifest_is_labelled(there, "app.kubernetes.io/part-of", "navarch")) {
			apply_report(&in->ap, "CRDs", name, "is there, of another's making: left");
			continue;
		}
		in->ap.force = true; /* it is ours, by whatever tool it came */
		rc = apply_object(&in->ap, "CRDs", &crds.v[i]);
		in->ap.force = force;
		if (rc)
			return -1;
	}
	return in->ap.dry || in->ap.changed == changed ? 0 : await_kinds(in);
}

/* ---- the rest ---- */

static int do_base(struct install *in, const struct manifests *base)
{
	for (size_t i = 0; i < base->n; i++) {
		const struct manifest *m = &base->v[i];
		bool is_mesh = manifest_is_labelled(m->root, "app.kubernetes.io/component", "mesh");
		const struct node *there = NULL;
		struct err e;
		int rc = 1;

		if (!strcmp(m->kind, "Namespace"))
			continue;
		/* the settings of the mesh are their owner's, once they are there */
		if (is_mesh && in->has_namespace)
			rc = apply_get(&in->ap, m->target, &there, &e);
		if (rc < 0)
			return apply_fail(&in->ap, "navarchd", apply_name(m, in->arena), &e);
		if (there)
			apply_report(&in->ap, "navarchd", apply_name(m, in->arena), "is there");
		else if (one(in, "navarchd", m))
			return -1;
	}
	return 0;
}

/* What the API server trusts the webhook by: a daemon that runs keeps it up to date, for instance while roots change. */
static const char *bundle(struct install *in)
{
	const struct node *hook, *list;
	struct err e;
	const char *is = NULL;

	if (apply_get(&in->ap, "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/navarchd", &hook, &e))
		return in->root;
	list = node_get(hook, "webhooks");
	if (list && list->kind == NODE_LIST && list->n)
		is = node_text(node_get(&list->list[0], "clientConfig"), "caBundle");
	return is && *is ? is : in->root;
}

static int do_steps(struct install *in)
{
	struct manifest_values values = {.image = args_get(in->args, "image"),
					 .replicas = args_get(in->args, "replicas"),
					 .ca_bundle = ""};
	struct manifests base;

	if (do_namespace(in) || do_ca(in) || do_tokens(in) || do_crds(in))
		return -1;
	if (args_has(in->args, "prepare"))
		return 0;
	values.ca_bundle = bundle(in);
	manifests_base(&values, in->arena, &base);
	return do_base(in, &base);
}

/* ---- ready ---- */

static int64_t count_of(const struct node *root, const char *part, const char *key)
{
	const struct node *v = node_get(node_get(root, part), key);

	return v && v->kind == NODE_NUMBER ? strtoll(v->text, NULL, 10) : 0;
}

struct progress {
	int64_t wanted, updated, available;
	bool done;
};

static int look(struct install *in, struct progress *p, struct err *e)
{
	const struct node *d;

	if (apply_get(&in->ap, "/apis/apps/v1/namespaces/" NS "/deployments/navarchd", &d, e))
		return -1;
	*p = (struct progress){count_of(d, "spec", "replicas"),
			       count_of(d, "status", "updatedReplicas"),
			       count_of(d, "status", "availableReplicas"), false};
	p->done =
	    count_of(d, "status", "observedGeneration") >= count_of(d, "metadata", "generation") &&
	    p->updated >= p->wanted && p->available >= p->wanted &&
	    count_of(d, "status", "replicas") <= p->wanted;
	return 0;
}

static int await_ready(struct install *in)
{
	static const char object[] = "Deployment " NS "/navarchd";
	struct progress p, last = {.wanted = -1};
	int64_t end_ms = now_ms(in) + in->timeout_ms;
	struct err e;

	for (;;) {
		const char *text;

		if (look(in, &p, &e))
			return apply_fail(&in->ap, "ready", object, &e);
		text =
		    arena_printf(in->arena, "%lld of %lld replicas new, %lld ready",
				 (long long)p.updated, (long long)p.wanted, (long long)p.available);
		if (memcmp(&p, &last, sizeof(p)) != 0)
			apply_report(&in->ap, "ready", object, text);
		last = p;
		if (p.done)
			return 0;
		if (now_ms(in) >= end_ms) {
			err_set(&e, ERR_TIMEOUT, "after %lld s: %s",
				(long long)in->timeout_ms / 1000, text);
			return apply_fail(&in->ap, "ready", object, &e);
		}
		cluster_wait(in->ap.cluster, POLL_MS);
	}
}

/* ---- the command ---- */

/* What would fail half-way fails before anything is changed. */
static int rehearse(struct install *in)
{
	struct install trial = *in;
	int rc;

	trial.ap.dry = trial.ap.quiet = true;
	rc = do_steps(&trial);
	in->ap.failed = trial.ap.failed;
	return rc;
}

static int run_with(struct install *in)
{
	bool wait = !in->ap.dry && !args_has(in->args, "prepare") && !args_has(in->args, "no-wait");

	printf("%-10s %-66s %s\n", "STEP", "OBJECT", "RESULT");
	if (!in->ap.dry && rehearse(in)) {
		puts("nothing was changed");
		return CMD_FINDINGS;
	}
	if (do_steps(in)) {
		puts("what is above stands; run it again when the reason is gone");
		return CMD_FINDINGS;
	}
	return wait && await_ready(in) ? CMD_FINDINGS : CMD_OK;
}

static int check(const struct args *args, struct install *in, struct err *e)
{
	const char *timeout = args_get(args, "timeout"), *replicas = args_get(args, "replicas"),
		   *image = args_get(args, "image");
	int64_t ns, n;

	if (!image == !args_has(args, "prepare"))
		return err_set(e, ERR_SYNTAX,
			       "name the image, --image REGISTRY/navarchd:TAG, or --prepare");
	if (image && (!*image || image[strcspn(image, " \t\n\"'")]))
		return err_set(e, ERR_SYNTAX, "'%.100s' is no image", image);
	if (replicas && scalar_int(replicas, 0, 100, &n))
		return err_set(e, ERR_SYNTAX, "--replicas is a number up to 100, not '%.20s'",
			       replicas);
	if (timeout && (scalar_duration_ns(timeout, &ns) || ns <= 0))
		return err_set(e, ERR_SYNTAX, "--timeout: '%.50s' is no duration", timeout);
	in->timeout_ms = timeout ? ns / 1000000 : READY_MS;
	return 0;
}

static int run(const struct args *args, struct arena *a)
{
	struct install in = {.args = args, .arena = a, .root = ""};
	struct cluster cluster = {0};
	struct cluster_answer answer;
	struct err e;
	int status = CMD_USAGE;

	in.ap = (struct applier){.cluster = &cluster,
				 .dry = args_has(args, "dry-run"),
				 .force = args_has(args, "force")};
	ca_protect_memory();
	if (check(args, &in, &e) || cluster_open(&cluster, args, a, &e)) {
		fprintf(stderr, "navctl install: %s\n", e.text);
	} else if (cluster_ask(&cluster, "GET", "/version", &answer, &e)) {
		fprintf(stderr, "navctl install: %s: %s\n", cluster.access.server, e.text);
		status = CMD_UNREACHABLE;
	} else {
		status = run_with(&in);
	}
	cluster_close(&cluster);
	return status;
}

static const struct args_option options[] = {
    {"image", 0, "IMAGE", "The image of navarchd: what `make image` made, in a registry of yours."},
    {"dry-run", 0, NULL, "Show what would become of each object, and change nothing."},
    {"prepare", 0, NULL,
     "Only what the rest needs: namespace, CA, keys of tokens, CRDs; for kustomize and Helm."},
    {"replicas", 0, "N", "Replicas; 2."},
    {"ca-dir", 0, "DIR",
     "Where the files of the CA are, or are made, if the cluster has none; navarch-ca."},
    {"force", 0, NULL, "Take fields that another tool owns."},
    {"no-wait", 0, NULL, "Do not wait for the replicas."},
    {"timeout", 0, "DURATION", "How long to wait for the replicas; 2m."},
    CLUSTER_OPTIONS,
};

const struct cmd cmd_install = {
    .args = {.name = "navctl install",
	     .summary = "Install navarchd into a cluster, or bring it up to date",
	     .operands = "",
	     .text = "Into the namespace istio-system, by server-side apply. A CA, CRDs and mesh "
		     "settings that are there stay. Before "
		     "anything is changed the server is asked whether all of it would go through; "
		     "then each step is told, and the "
		     "replicas are waited for. Exit code 1: a step has failed.",
	     .options = options,
	     .n_options = ARRAY_LEN(options)},
    .run = run,
};
