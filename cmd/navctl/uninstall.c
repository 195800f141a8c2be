/* SPDX-License-Identifier: Apache-2.0
 *
 * What `navctl install` made, away again: by its label. Proxies keep what they have.
 */
#include "cmd.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apply.h"
#include "base/must.h"

#define NS "istio-system"

/* The webhook first: else the API server asks somebody who is gone. What the Deployment needs goes
 * after it. */
static const char *const collections[] = {
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "/apis/apps/v1/namespaces/" NS "/deployments",
    "/apis/autoscaling/v2/namespaces/" NS "/horizontalpodautoscalers",
    "/apis/policy/v1/namespaces/" NS "/poddisruptionbudgets",
    "/apis/networking.k8s.io/v1/namespaces/" NS "/networkpolicies",
    "/api/v1/namespaces/" NS "/services",
    "/api/v1/namespaces/" NS "/configmaps",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/" NS "/rolebindings",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/" NS "/roles",
    "/api/v1/namespaces/" NS "/serviceaccounts",
};

/* With --purge: only what navctl made, which its labels say. */
static const struct {
	const char *collection, *query;
} purged[] = {
	{"/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
	 "labelSelector=app.kubernetes.io%2Fpart-of%3Dnavarch"},
	{"/api/v1/namespaces/" NS "/secrets", "labelSelector=" MANIFEST_OURS_QUERY},
};

/* What the replicas themselves made: by which they agreed who writes. */
#define LEASES	    "/apis/coordination.k8s.io/v1/namespaces/" NS "/leases"
#define LEASE_QUERY "fieldSelector=metadata.name%3Dnavarchd"

static int delete_object(struct applier *ap, const char *collection, const struct node *item)
{
	const struct node *meta = node_get(item, "metadata");
	const char *name = node_text(meta, "name"), *ns = node_text(meta, "namespace"),
		   *kind = strrchr(collection, '/') + 1;
	struct arena *a = ap->cluster->arena;
	const char *object =
	    arena_printf(a, "%s %s%s%s", kind, ns ? ns : "", ns ? "/" : "", name ? name : "");
	struct cluster_answer answer;
	struct err e;

	if (!name)
		return 0;
	if (!ap->dry &&
	    cluster_ask(ap->cluster, "DELETE",
			arena_printf(a, "%s/%s?propagationPolicy=Background", collection, name),
			&answer, &e) &&
	    answer.status != 404)
		return apply_fail(ap, "delete", object, &e);
	ap->changed++;
	apply_report(ap, "delete", object, ap->dry ? "would be deleted" : "deleted");
	return 0;
}

/* A kind that the server does not have has no objects. */
static int delete_all(struct applier *ap, const char *collection, const char *query)
{
	struct cluster_answer answer;
	const struct node *items;
	struct err e;
	int rc = 0;

	if (cluster_ask(
		ap->cluster, "GET",
		arena_printf(ap->cluster->arena, "%s?%s", collection, query),
		&answer, &e))
		return answer.status == 404
			   ? 0
			   : apply_fail(ap, "delete", strrchr(collection, '/') + 1, &e);
	items = node_get(answer.json, "items");
	for (size_t i = 0; items && items->kind == NODE_LIST && i < items->n; i++)
		rc = delete_object(ap, collection, &items->list[i]) || rc ? -1 : 0;
	return rc;
}

/* The namespace, if it is there because we made it, with whatever else is in it by now. */
static int delete_namespace(struct applier *ap)
{
	const struct node *there;
	struct err e;
	int rc = apply_get(ap, "/api/v1/namespaces/" NS, &there, &e);

	if (rc)
		return rc > 0 ? 0 : apply_fail(ap, "delete", "namespaces " NS, &e);
	if (!manifest_is_labelled(there, "app.kubernetes.io/managed-by", "navctl"))
		return 0;
	return delete_object(ap, "/api/v1/namespaces", there);
}

static int take_away(struct applier *ap, bool purge)
{
	int rc = 0;

	printf("%-10s %-66s %s\n", "STEP", "OBJECT", "RESULT");
	for (size_t i = 0; i < ARRAY_LEN(collections); i++)
		rc = delete_all(ap, collections[i], "labelSelector=" MANIFEST_LABEL) || rc ? -1 : 0;
	rc = delete_all(ap, LEASES, LEASE_QUERY) || rc ? -1 : 0;
	for (size_t i = 0; purge && i < ARRAY_LEN(purged); i++)
		rc = delete_all(ap, purged[i].collection, purged[i].query) || rc ? -1 : 0;
	if (purge)
		rc = delete_namespace(ap) || rc ? -1 : 0;
	if (!ap->changed && !rc)
		puts("there is nothing of navarchd's");
	return rc;
}

/* All VirtualServices and so on go with their CRDs. */
static bool is_meant(const struct args *args)
{
	char answer[16] = "";

	if (!args_has(args, "purge") || args_has(args, "yes") || args_has(args, "dry-run"))
		return true;
	if (!isatty(STDIN_FILENO)) {
		fprintf(stderr, "navctl uninstall: --purge takes away all objects of the mesh's "
				"kinds: say --yes\n");
		return false;
	}
	printf("All objects of the mesh's kinds, in all namespaces, the CA and the namespace " NS
	       " go too. Type yes: ");
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && !strcmp(answer, "yes\n");
}

static int run(const struct args *args, struct arena *a)
{
	struct cluster cluster = {0};
	struct applier ap = {.cluster = &cluster, .dry = args_has(args, "dry-run")};
	struct cluster_answer answer;
	struct err e;
	int status = CMD_USAGE;

	if (!is_meant(args))
		return CMD_USAGE;
	if (cluster_open(&cluster, args, a, &e)) {
		fprintf(stderr, "navctl uninstall: %s\n", e.text);
	} else if (cluster_ask(&cluster, "GET", "/version", &answer, &e)) {
		fprintf(stderr, "navctl uninstall: %s: %s\n", cluster.access.server, e.text);
		status = CMD_UNREACHABLE;
	} else {
		status = take_away(&ap, args_has(args, "purge")) ? CMD_FINDINGS : CMD_OK;
	}
	cluster_close(&cluster);
	return status;
}

static const struct args_option options[] = {
    {"dry-run", 0, NULL, "Say what would be deleted."},
    {"purge", 0, NULL,
     "Also the CRDs, the CA and the namespace that `navctl install` made, and with them all their "
     "objects."},
    {"yes", 'y', NULL, "Do not ask."},
    CLUSTER_OPTIONS,
};

const struct cmd cmd_uninstall = {
    .args = {.name = "navctl uninstall",
	     .summary = "Take navarchd out of a cluster",
	     .operands = "",
	     .text = "What bears its label goes. Left are the namespace, the CA, the CRDs and "
		     "their objects; proxies keep what they have.",
	     .options = options,
	     .n_options = ARRAY_LEN(options)},
    .run = run,
};
