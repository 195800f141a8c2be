/* SPDX-License-Identifier: Apache-2.0
 *
 * What the API server is told (lib/report): as whom we write, what of the daemon it is about, and what an operator sees
 * of it.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "server/server_int.h"

static const char *roots(void *arg)
{
	struct server *s = arg;

	return s->identity ? ca_roots(s->identity->ca) : NULL;
}

static const char *crl(void *arg)
{
	struct server *s = arg;

	return s->identity ? roots_crl(s->identity->roots) : NULL;
}

static bool refuses(void *arg, uint64_t client, enum xds_type type, const char *name)
{
	const struct server *s = arg;

	for (const struct client *c = s->clients; c; c = c->next)
		if (c->id == client)
			return c->session && session_refuses(c->session, type, name);
	return false;
}

/* A Pod's name is its own, whichever process in it asks; elsewhere two may run on one machine. */
static const char *name_self(struct server *s, struct err *e)
{
	char host[256] = "";
	uint64_t random;

	if (s->opts->pod_name && *s->opts->pod_name)
		return s->opts->pod_name;
	if (loop_random(s->loop, &random, sizeof(random))) {
		err_set(e, ERR_IO, "no random bytes");
		return NULL;
	}
	gethostname(host, sizeof(host) - 1);
	return arena_printf(&s->tables, "%s_%016llx", host, (unsigned long long)random);
}

int write_back_open(struct server *s, struct err *e)
{
	struct reporter_cfg cfg = {.loop = s->loop,
				   .jobs = s->jobs,
				   .source = s->kube,
				   .store = s->store,
				   .ns = ROOT_NAMESPACE,
				   .lease = s->opts->lease,
				   .revision = s->opts->revision,
				   .roots = roots,
				   .crl = crl,
				   .publishes = s->opts->secure_address != NULL,
				   .refuses = refuses,
				   .arg = s};

	if (!s->kube || !s->opts->write_back)
		return 0;
	cfg.client = source_kube_client(s->kube);
	if (!cfg.lease)		/* two revisions do not stand for each other */
		cfg.lease = s->opts->revision && strcmp(s->opts->revision, "default") != 0
				    ? arena_printf(&s->tables, "navarchd-%s", s->opts->revision)
				    : "navarchd";
	cfg.identity = name_self(s, e);
	if (s->opts->webhook_address && *s->opts->webhook_config)
		cfg.webhook = s->opts->webhook_config;
	s->reporter = cfg.identity ? reporter_open(&cfg, e) : NULL;
	return s->reporter ? 0 : -1;
}

void write_back_metrics(struct server *s)
{
	struct reporter_stats st;

	if (!s->reporter)
		return;
	reporter_stats(s->reporter, &st);
	metric_set(&s->metrics, M_REPORT_LEADS, NULL, st.leads);
	metric_set(&s->metrics, M_REPORT_WAITING, NULL, (double)(st.outbox.waiting + st.outbox.open));
	metric_set(&s->metrics, M_REPORT_WRITES, "statuses", (double)st.statuses);
	metric_set(&s->metrics, M_REPORT_WRITES, "ingresses", (double)st.ingresses);
	metric_set(&s->metrics, M_REPORT_WRITES, "gateway_api", (double)st.gwapi_statuses);
	metric_set(&s->metrics, M_REPORT_WRITES, "events", (double)st.events.sent);
	metric_set(&s->metrics, M_REPORT_WRITES, "webhooks", (double)st.webhooks);
	metric_set(&s->metrics, M_REPORT_WRITES, "configmaps", (double)st.maps);
	metric_set(&s->metrics, M_REPORT_FAILURES, "conflict", (double)st.outbox.conflicts);
	metric_set(&s->metrics, M_REPORT_FAILURES, "refused", (double)st.outbox.refused);
	metric_set(&s->metrics, M_REPORT_FAILURES, "trouble", (double)st.outbox.troubles);
	metric_set(&s->metrics, M_REPORT_FAILURES, "event_dropped", (double)st.events.dropped);
}

void write_back_page(struct http_request *req)
{
	struct server *s = req->arg;
	struct reporter_stats st;

	if (!s->reporter) {
		reply_json_value(req, json_pack("{s:b}", "writes", 0));
		return;
	}
	reporter_stats(s->reporter, &st);
	reply_json_value(req, json_pack("{s:b,s:b,s:s,s:s,s:s?,s:{s:I,s:I,s:I,s:I,s:I,s:I},s:I,s:{s:I,s:I,s:b},s:{s:I,s:I,s:I},s:{s:I,s:I,s:I}}",
				   "writes", 1, "leads", st.leads, "identity", st.identity, "holder", st.holder, "trouble",
				   st.trouble, "written", "statuses", (json_int_t)st.statuses, "ingresses",
				   (json_int_t)st.ingresses, "gatewayApi", (json_int_t)st.gwapi_statuses, "events", (json_int_t)st.events.sent, "webhooks", (json_int_t)st.webhooks, "configMaps",
				   (json_int_t)st.maps, "unchanged", (json_int_t)st.unchanged, "pending", "waiting",
				   (json_int_t)st.outbox.waiting, "underWay", (json_int_t)st.outbox.open, "paused",
				   st.outbox.paused, "failed", "conflicts", (json_int_t)st.outbox.conflicts, "refused",
				   (json_int_t)st.outbox.refused, "troubles", (json_int_t)st.outbox.troubles, "events", "noted",
				   (json_int_t)st.events.noted, "dropped", (json_int_t)st.events.dropped, "refusals",
				   (json_int_t)st.refusals));
}
