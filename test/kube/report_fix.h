/* SPDX-License-Identifier: Apache-2.0
 *
 * What is written back: a world (world.h) whose snapshots two reporters tell the cluster of.
 */
#ifndef TEST_KUBE_REPORT_FIX_H
#define TEST_KUBE_REPORT_FIX_H

#include "report/reporter.h"
#include "wait.h"
#include "world.h"

#define RULES	  "/apis/networking.istio.io/v1/destinationrules"
#define INGRESSES "/apis/networking.k8s.io/v1/ingresses"
#define CLASSES	  "/apis/networking.k8s.io/v1/ingressclasses"
#define GATEWAYS  "/apis/gateway.networking.k8s.io/v1/gateways"
#define ROUTES	  "/apis/gateway.networking.k8s.io/v1/httproutes"
#define EVENTS	  "/api/v1/events"
#define LEASES	  "/apis/coordination.k8s.io/v1/leases"
#define HOOKS	  "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"

enum { REPLICAS = 2 };

struct fix {
	struct world w;
	struct job_pool *jobs;		/* in the loop */
	struct snapshot *snap;
	struct kube_client *client[REPLICAS];
	struct reporter *reporter[REPLICAS];
	const char *roots, *crl, *revision;	/* revision: of the reporters; or NULL */
	bool refuses;			/* every proxy, every resource */
	int changes;
};

/* The namespace "one" with the Service "a" is there; the source is not open yet. */
void fix_start(struct fix *f);
void fix_open_source(struct fix *f);
void fix_open_reporter(struct fix *f, int i);
void fix_close_reporter(struct fix *f, int i);
void fix_stop(struct fix *f);
/* Source and first reporter, which leads and has nothing left to do. */
void fix_begin(struct fix *f);

void fix_put(struct fix *f, const char *resource, const char *json);
const struct node *fix_get(struct fix *f, const char *resource, const char *ns, const char *name);	/* or NULL */
struct reporter_stats fix_stats(const struct fix *f, int i);
bool fix_is_quiet(const struct fix *f, int i);		/* it leads, and nothing waits or is under way */

#endif
