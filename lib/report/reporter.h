/* SPDX-License-Identifier: Apache-2.0
 *
 * struct reporter: tells the cluster what became of its objects. Every replica serves; the one that holds the Lease also
 * writes: statuses of Istio's kinds and of the Gateway API, addresses of Ingresses, Events of what is bad, the caBundle of
 * our webhook, the mesh's root (and its CA's lists of revoked certificates) in every namespace. Each write is an errand
 * (outbox.h): read what is there, see what is due, patch it for the version that was read. What is there already is not
 * written, so that a new leader writes nothing anew; what is gone is let go. Nothing here has an effect on what is served.
 * Thread: loop.
 */
#ifndef REPORT_REPORTER_H
#define REPORT_REPORTER_H

#include "mesh/snapshot.h"
#include "report/event.h"
#include "report/outbox.h"
#include "store/kube_call.h"
#include "store/source_kube.h"
#include "xds/res.h"

struct reporter;

enum {
	REPORT_REFUSALS_MAX = 1000,	/* of proxies, remembered */
	REPORT_LOOK_MS = 2000,		/* whether they last */
	REPORT_AUDIT_MS = 1800000,	/* everything is looked at again, whoever changed it */
	REPORT_WEBHOOK_MS = 10000,	/* the webhook is: whoever applies its configuration anew takes its caBundle back */
};

struct reporter_cfg {
	struct loop *loop;
	struct job_pool *jobs;		/* borrowed, as are the next three */
	struct kube_client *client;
	const struct source_kube *source;
	const struct store *store;
	const char *identity;		/* of this replica: the Pod's name */
	const char *ns, *lease;		/* of the Lease */
	/* Of several control planes: our name, and we tell of its own objects only; NULL or "default": of all that are ours,
	 * which others' may be. */
	const char *revision;
	const char *webhook;		/* ValidatingWebhookConfiguration, or NULL */
	/* The roots of the mesh, PEM, or NULL: no CA; its lists of revoked certificates, or NULL. publishes: as ConfigMaps of
	 * each namespace too. */
	const char *(*roots)(void *arg);
	const char *(*crl)(void *arg);
	bool publishes;
	/* That client still refuses that resource. */
	bool (*refuses)(void *arg, uint64_t client, enum xds_type type, const char *name);
	void *arg;
};

/* NULL and an err: no random bytes. */
struct reporter *reporter_open(const struct reporter_cfg *cfg, struct err *e);
void reporter_close(struct reporter *r);	/* before what it borrows; NULL is fine */
/* Writes nothing more, and gives the Lease back. reporter_is_idle: that is done, or there was none. */
void reporter_stop(struct reporter *r);
bool reporter_is_idle(const struct reporter *r);

/* What happened; NULL is fine. */
void reporter_published(struct reporter *r, struct snapshot *s);
void reporter_moved(struct reporter *r, enum kind kind, const char *ns, const char *name);
void reporter_roots_changed(struct reporter *r);
void reporter_refused(struct reporter *r, uint64_t client, const char *proxy, const struct res *res, const char *text);

/* For status pages and metrics. */
struct reporter_stats {
	bool leads;
	const char *identity, *holder;	/* of the Lease, "" = not known */
	const char *trouble;		/* why writing does not succeed, or NULL */
	struct outbox_stats outbox;
	struct event_stats events;
	uint64_t statuses, ingresses, gwapi_statuses, webhooks, maps;	/* written */
	uint64_t unchanged;		/* looked at: as they should be */
	size_t refusals;
};
void reporter_stats(const struct reporter *r, struct reporter_stats *out);

#endif
