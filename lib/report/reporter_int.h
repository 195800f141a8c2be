/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to reporter.c (who leads, what is due) and errand.c (how each is done). Thread: loop.
 */
#ifndef REPORT_REPORTER_INT_H
#define REPORT_REPORTER_INT_H

#include "base/map.h"
#include "report/gwapi.h"
#include "report/ingress.h"
#include "report/lease.h"
#include "report/reporter.h"
#include "report/status.h"
#include "report/trust.h"

/* A proxy refuses a resource that came from objects. */
struct refusal {
	struct refusal *next;
	uint64_t client;
	enum xds_type type;
	struct arena arena;		/* of it all */
	struct status_refusal said;	/* resource: the name */
	const char **keys;		/* errands of the objects */
	size_t n_keys;
};

/* One errand under way. */
struct trip {
	struct reporter *r;		/* NULL: free */
	const struct errand_type *type;
	char *key;
	struct kube_call *call;
	struct arena arena;		/* of the texts below */
	const char *target;		/* that is read, and patched */
	enum kind kind;			/* of an object that is told of */
	const char *ns, *name;
	uint64_t number;		/* of an event */
	bool tells;
	struct hash128 hash;		/* what, once the write is done */
	struct event_about *event;	/* to be noted then, or NULL */
};

/* Kinds of them; a row of errand.c's table each. */
enum {
	ERRAND_STATUS, ERRAND_INGRESS, ERRAND_GWAPI, ERRAND_EVENT, ERRAND_WEBHOOK, ERRAND_ROOT, ERRAND_CRL,
	REPORT_ERRANDS
};

/* What a kind of errand met last. */
struct report_trouble {
	char *text;
	int64_t told_ms;		/* to the log */
	bool lasts;
};

struct reporter {
	struct reporter_cfg cfg;
	struct lease *lease;
	struct kube_call *lease_call;	/* or NULL */
	bool closing, leads, stopping;
	struct outbox *outbox;
	struct event_book *events;
	struct gwapi_book *gwapi;
	struct trip trips[OUTBOX_OPEN_MAX];
	struct map told;		/* key -> struct hash128, heap: what the cluster has been told */
	struct snapshot *snap;		/* held, or NULL */
	struct hash128 addresses;	/* of snap's ingress gateway */
	const struct kind_list *namespaces;	/* held, or NULL: that were looked at */
	struct refusal *refusals;
	size_t n_refusals;
	struct loop_timer lease_timer, work_timer, look_timer, audit_timer, webhook_timer;
	struct loop_task work;
	struct report_trouble trouble[REPORT_ERRANDS];
	uint64_t written[REPORT_ERRANDS], unchanged;
};

/* ---- errand.c ---- */

/* "s/<kind>/<ns>/<name>" (of an Ingress "i/...", of the Gateway API "g/..."), "r/<ns>", "c/<ns>", "w", "e/<number>" */
const char *errand_object_key(enum kind kind, const char *ns, const char *name, struct arena *a);
const char *errand_map_key(const struct trust_map *m, const char *ns, struct arena *a);
const char *errand_event_key(uint64_t number, struct arena *a);
#define ERRAND_WEBHOOK_KEY "w"

/* Starts what the outbox gave; key is copied. */
void errand_start(struct reporter *r, const char *key);
void errand_cancel_all(struct reporter *r);

/* The status that is due now. False: there is nothing to say, or not yet. */
bool report_status_of(const struct reporter *r, enum kind kind, const char *ns, const char *name, struct arena *a,
		      struct status *out);
/* The addresses that the Ingress is to be told now, in a. False: nothing is known of it (yet). */
bool report_addresses_of(const struct reporter *r, const char *ns, const char *name, struct arena *a,
			 struct ingress_addresses *out);
/* What the object of the Gateway API is to be told now, or NULL: it is not for us to tell of, or not known yet. */
const struct gwapi_said *report_gwapi_of(const struct reporter *r, enum kind kind, const char *ns, const char *name);
/* Something is to be said of the object that the cluster has not been told yet; key: of its errand. */
bool report_is_due(const struct reporter *r, enum kind kind, const char *ns, const char *name, const char *key);
void report_tell(struct reporter *r, const char *key, struct hash128 hash);
void report_work(struct reporter *r);	/* soon: there is, or may be, something to do */

#endif
