/* SPDX-License-Identifier: Apache-2.0
 *
 * What operators see of the CA and tell it: /debug/certs, POST /v1/rotation; and GET /v1/roots, by which a workload
 * learns of a new root before its certificate is renewed, and proves that it has it.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "base/scalar.h"
#include "ca/cert_info.h"
#include "ca/crl.h"
#include "server/server_int.h"

static int64_t now_of(const struct server *s)
{
	return loop_wall_ns(s->loop) / 1000000000;
}

/* ---- who is connected ---- */

static enum rotation_ack ack_of(const struct client *c, const struct rotation *rotation)
{
	const struct rotation_root *root = rotation_root(rotation, *rotation->s.target ? rotation->s.target : rotation->s.signer);
	const struct res *r = NULL;
	enum session_hold hold = c->session ? session_holds(c->session, XDS_SDS, "ROOTCA", &r) : SESSION_NOT_ASKED;

	if (hold == SESSION_NOT_ASKED)
		return ROTATION_ACK_NONE;
	return hold == SESSION_HOLDS && root && memmem(r->bytes, r->len, root->pem, strlen(root->pem)) ? ROTATION_ACK_HAS
												       : ROTATION_ACK_WAITING;
}

/* Of those without an identity, only who has asked us for the roots. */
static bool fill_peer(const struct client *c, const struct rotation *rotation, struct arena *a, struct rotation_peer *out)
{
	bool known = c->caller && (c->caller->how == CALLER_CERT || c->caller->how == CALLER_TOKEN);
	char host[PEER_TEXT];

	if (!c->has_proxy)
		return false;
	*out = (struct rotation_peer){.ack = ack_of(c, rotation)};
	if (!known && out->ack == ROTATION_ACK_NONE)
		return false;
	out->name = arena_printf(a, "%s.%s", c->proxy.name, c->proxy.ns);
	if (known) {
		out->holder = issued_holder(&c->caller->id, peer_host(c->peer, host), arena_alloc(a, ISSUED_HOLDER));
		out->cert_from_s = c->caller->cert_from_s;
	}
	return true;
}

struct rotation_peer *certs_peers(void *arg, struct arena *a, size_t *n)
{
	struct server *s = arg;
	const struct rotation *rotation = roots_rotation(s->identity->roots);
	struct rotation_peer *out = arena_array(a, struct rotation_peer, s->n_clients + 1);

	*n = 0;
	for (const struct client *c = s->clients; c; c = c->next)
		*n += fill_peer(c, rotation, a, &out[*n]);
	return out;
}

/* ---- JSON ---- */

static json_t *time_value(int64_t seconds)
{
	char text[SCALAR_TIME];

	return seconds ? json_string(scalar_time_print(seconds, text)) : json_null();
}

static json_t *id_value(const char *id)
{
	return *id ? json_stringn(id, 16) : json_null();
}

static void put_cert(json_t *row, const struct cert_info *c)
{
	json_object_set_new(row, "id", id_value(c->id));
	json_object_set_new(row, "subject", json_string(c->subject));
	json_object_set_new(row, "issuer", json_string(c->issuer));
	json_object_set_new(row, "serial", json_string(c->serial));
	json_object_set_new(row, "key", json_string(c->key));
	json_object_set_new(row, "notBefore", time_value(c->from_s));
	json_object_set_new(row, "notAfter", time_value(c->until_s));
	if (c->uri)
		json_object_set_new(row, "uri", json_string(c->uri));
}

/* Each certificate of a text, as a row. */
static void put_certs(json_t *rows, const char *pem, const char *kind, const char *role, struct arena *a)
{
	struct cert_info *v;
	struct err e;
	size_t n;

	if (cert_info_read(pem, a, &v, &n, &e))
		return;
	for (size_t i = 0; i < n; i++) {
		json_t *row = json_pack("{s:s,s:s*}", "kind", kind, "role", role);

		put_cert(row, &v[i]);
		json_array_append_new(rows, row);
	}
}

static const char *role_of(const struct rotation *r, const struct rotation_root *root)
{
	if (!strcmp(root->id, r->s.signer))
		return "signer";
	if (!strcmp(root->id, r->s.target))
		return "next";
	if (!strcmp(root->id, r->s.refused))
		return "aborted";
	return root->until_s ? "old" : "trusted";
}

static json_t *roots_value(struct roots *roots, struct arena *a)
{
	const struct rotation *r = roots_rotation(roots);
	json_t *rows = json_array();
	struct cert_info *v;
	struct err e;
	size_t n;

	for (size_t i = 0; i < r->s.n; i++) {
		const struct rotation_root *root = &r->s.root[i];
		json_t *row = json_pack("{s:s,s:s,s:b}", "kind", "root", "role", role_of(r, root), "inFiles", root->wanted);

		if (!cert_info_read(root->pem, a, &v, &n, &e) && n)
			put_cert(row, v);
		json_object_set_new(row, "trustedSince", time_value(root->since_s));
		json_object_set_new(row, "lastCertificateUntil", time_value(root->until_s));
		json_array_append_new(rows, row);
	}
	put_certs(rows, roots_left_out(roots), "root", "left out", a);
	return rows;
}

static json_t *chain_value(const struct ca *ca, struct arena *a)
{
	json_t *rows = json_array();
	size_t n;
	const char *const *above = ca_above(ca, &n);

	for (size_t i = 0; i < n; i++)
		put_certs(rows, above[i], "intermediate", NULL, a);
	return rows;
}

/* NULL: there is none. */
static json_t *crl_value(const struct roots *roots)
{
	const char *lists = roots_crl(roots);
	struct crl_info info = {0};
	struct err e;

	if (!lists || crl_read(lists, &info, &e))
		return NULL;
	return json_pack("{s:I,s:I,s:o}", "lists", (json_int_t)info.n_lists, "revoked", (json_int_t)info.n_revoked, "nextUpdate",
			 time_value(info.expires_s));
}

static json_t *proxy_value(const struct rotation_peer *p)
{
	char serial[2 * TBS_SERIAL + 1], root[17];
	json_t *row = json_pack("{s:s,s:s?,s:s}", "proxy", p->name, "holder", p->holder, "state",
				p->has ? "has it" : p->expired ? "expired" : "behind");

	if (!p->held)
		return row;
	for (size_t i = 0; i < TBS_SERIAL; i++)
		snprintf(serial + 2 * i, 3, "%02x", p->held->serial[i]);
	snprintf(root, sizeof(root), "%016llx", (unsigned long long)p->held->root);
	json_object_set_new(row, "serial", json_string(serial));
	json_object_set_new(row, "root", json_string(root));
	json_object_set_new(row, "issued", time_value(p->held->issued_s));
	json_object_set_new(row, "expires", time_value(p->held->until_s));
	return row;
}

/* ---- findings ---- */

static void check_pem(const char *pem, const char *what, struct server *s, struct diags *ds)
{
	struct cert_info *v;
	struct err e;
	size_t n;

	if (cert_info_read(pem, ds->arena, &v, &n, &e))
		return;
	for (size_t i = 0; i < n; i++)
		cert_info_check(&v[i], what, s->opts->identity->trust_domain, now_of(s), ds);
}

static void check_rotation(struct server *s, const struct rotation_report *report, struct diags *ds)
{
	const struct rotation *r = roots_rotation(s->identity->roots);
	enum rotation_phase phase = rotation_phase(r, now_of(s));
	const struct pos none = {0};

	if (phase == ROTATION_DISTRIBUTING && (report->n_behind || report->n_away))
		diag_add(ds, D_ROTATION_BEHIND, none, "", "%zu connected proxies have not got the new root, nor %zu that are away; the first: %s",
			 report->n_behind, report->n_away, report->n_names ? report->names[0] : "");
	if (r->s.paused)
		diag_add(ds, D_ROTATION_PAUSED, none, "", "the rotation is paused in the phase \"%s\"", rotation_phase_name(phase));
	if (report->held)
		diag_add(ds, D_ROTATION_CLOCK, none, "", "the clock has jumped by %lld s", (long long)r->off_s);
	if (phase == ROTATION_ANNOUNCED)
		diag_add(ds, D_ROTATION_NO_KEY, none, "", "of a root that is trusted there is no key; %zu proxies have not got it",
			 report->n_behind + report->n_away);
	if (*r->s.refused && roots_next(s->identity->roots))
		diag_add(ds, D_ROTATION_ABORTED, none, "", "the root %.16s of the CA's files is not issued from", r->s.refused);
}

static void check_crl(struct server *s, struct diags *ds)
{
	const char *lists = roots_crl(s->identity->roots), *trouble = roots_crl_trouble(s->identity->roots);
	struct crl_info info = {0};
	const struct pos none = {0};
	int64_t left_s;
	struct err e;

	if (trouble)
		diag_add(ds, D_CRL_REFUSED, none, "", "ca-crl.pem is not taken: %s", trouble);
	if (!lists || crl_read(lists, &info, &e) || !info.expires_s)
		return;
	left_s = info.expires_s - now_of(s);
	if (left_s <= 0)
		diag_add(ds, D_CRL_EXPIRED, none, "", "a list of revoked certificates is out of date since %lld hours",
			 (long long)(-left_s / 3600));
	else if (left_s < info.life_s / 4)
		diag_add(ds, D_CRL_EXPIRES_SOON, none, "", "a list of revoked certificates is good for %lld hours more",
			 (long long)(left_s / 3600));
}

static void find_all(struct server *s, const struct rotation_report *report, struct diags *ds)
{
	const struct rotation *r = roots_rotation(s->identity->roots);
	size_t n;
	const char *const *above = ca_above(s->identity->ca, &n);

	for (size_t i = 0; i < r->s.n; i++)
		check_pem(r->s.root[i].pem, "root", s, ds);
	check_pem(roots_left_out(s->identity->roots), "left out root", s, ds);
	for (size_t i = 0; i < n; i++)
		check_pem(above[i], "intermediate", s, ds);
	check_crl(s, ds);
	check_rotation(s, report, ds);
}

static json_t *findings_value(const struct diags *ds)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < ds->n; i++)
		json_array_append_new(rows, json_pack("{s:s,s:s,s:s}", "code", diag_info(ds->v[i].code)->id, "severity",
						      diag_severity_name(ds->v[i].severity), "message", ds->v[i].text));
	return rows;
}

/* Each day, and when something is new. */
void certs_warn(struct server *s)
{
	struct rotation_report report;
	struct rotation_peer *peers;
	struct hash128 h;
	struct arena a;
	struct diags ds;
	size_t n;

	if (!s->identity)
		return;
	arena_init(&a, 0);
	diags_init(&ds, &a);
	peers = certs_peers(s, &a, &n);
	rotation_look(roots_rotation(s->identity->roots), peers, n, now_of(s), &report);
	find_all(s, &report, &ds);
	h = hash_mix_u64((struct hash128){0}, (uint64_t)(now_of(s) / CERT_DAY_S));
	for (size_t i = 0; i < ds.n; i++)
		h = hash_mix_u64(h, ds.v[i].code);
	for (size_t i = 0; i < ds.n && !hash_equal(h, s->certs_hash); i++)
		log_warn("ca", "%s %s", diag_info(ds.v[i].code)->id, ds.v[i].text);
	s->certs_hash = h;
	arena_fini(&a);
}

/* ---- the page ---- */

static json_t *names_value(const struct rotation_report *report)
{
	json_t *out = json_array();

	for (size_t i = 0; i < report->n_names; i++)
		json_array_append_new(out, json_string(report->names[i]));
	return out;
}

static json_t *rotation_value(const struct server *s, const struct rotation_report *report)
{
	const struct rotation *r = roots_rotation(s->identity->roots);
	json_t *out = json_pack("{s:s,s:b,s:b,s:b,s:I,s:I,s:I,s:I}", "phase", rotation_phase_name(rotation_phase(r, now_of(s))),
				"paused", r->s.paused, "clockJumped", report->held, "shared", r->shared, "bundle",
				(json_int_t)r->s.bundle, "connected", (json_int_t)report->n_peers, "behind",
				(json_int_t)report->n_behind, "away", (json_int_t)report->n_away);

	json_object_set_new(out, "signer", id_value(r->s.signer));
	json_object_set_new(out, "next", id_value(r->s.target));
	json_object_set_new(out, "aborted", id_value(r->s.refused));
	json_object_set_new(out, "switched", time_value(r->s.switched_s));
	json_object_set_new(out, "waitsUntil", time_value(report->not_before_s));
	json_object_set_new(out, "waitsFor", names_value(report));
	return out;
}

static json_t *page(struct server *s, struct arena *a)
{
	struct roots *roots = s->identity->roots;
	const struct ca *next = roots_next(roots);
	struct rotation_report report;
	json_t *proxies = json_array(), *out;
	struct diags ds;
	size_t n;
	struct rotation_peer *peers = certs_peers(s, a, &n);

	rotation_look(roots_rotation(roots), peers, n, now_of(s), &report);
	report.not_before_s = rotation_waits_until(roots_rotation(roots));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(proxies, proxy_value(&peers[i]));
	diags_init(&ds, a);
	find_all(s, &report, &ds);
	out = json_pack("{s:s,s:o,s:o,s:o,s:o*,s:o,s:o}", "trustDomain", s->opts->identity->trust_domain, "rotation",
			rotation_value(s, &report), "roots", roots_value(roots, a), "chain",
			chain_value(s->identity->ca, a), "crl", crl_value(roots), "proxies", proxies, "findings", findings_value(&ds));
	if (next)
		json_object_set_new(out, "nextChain", chain_value(next, a));
	return out;
}

void debug_certs(struct http_request *req)
{
	struct server *s = req->arg;

	if (!s->identity)
		http_reply_text(req, 404, "there is no CA here: it comes with --secure-address or --webhook-address\n");
	else
		reply_json_value(req, page(s, req->arena));
}

/* ---- orders ---- */

static const struct {
	const char *name;
	enum roots_order order;
} orders[] = {
    {"rotate", ROOTS_ROTATE}, {"pause", ROOTS_PAUSE},
    {"resume", ROOTS_RESUME}, {"resume-without-away", ROOTS_RESUME_WITHOUT_AWAY},
    {"abort", ROOTS_ABORT},
};

/* A page of another site can make a browser send forms, but not JSON, nor anything without saying where it is from. */
static bool is_from_a_page(const struct http_request *req)
{
	const char *type = http_header(req, "content-type");

	return http_header(req, "origin") || !type || strcmp(type, "application/json") != 0;
}

static void post_rotation(struct http_request *req)
{
	struct server *s = req->arg;
	json_t *root = json_loadb((const char *)req->body, req->n_body, JSON_REJECT_DUPLICATES, NULL);
	const char *action = json_string_value(json_object_get(root, "action"));
	const struct caller *who = req->caller;
	char id[SPIFFE_TEXT];
	size_t i = 0;
	struct err e;

	while (action && i < ARRAY_LEN(orders) && strcmp(orders[i].name, action))
		i++;
	if (is_from_a_page(req)) {
		reply_problem(req, 415, "Unsupported Media Type", "send application/json, and no Origin");
	} else if (!s->identity) {
		reply_problem(req, 404, "Not Found", "there is no CA here");
	} else if (!action || i == ARRAY_LEN(orders)) {
		reply_problem(req, 400, "Bad Request", "the body is {\"action\": \"rotate|pause|resume|resume-without-away|abort\"}");
	} else {
		log_warn("ca", "rotation: %s, as %s of %s says", action, who->how == CALLER_NONE ? "somebody" : spiffe_print(&who->id, id),
			 req->peer);
		if (roots_order(s->identity->roots, orders[i].order, &e))
			reply_problem(req, e.code == ERR_REFUSED ? 409 : 500, e.code == ERR_REFUSED ? "Conflict" : "Internal Server Error",
				      e.text);
		else
			reply_json_value(req, page(s, req->arena));
	}
	json_decref(root);
}

/* ?have=N: the caller has taken over the bundle of that number. */
static void get_roots(struct http_request *req)
{
	struct server *s = req->arg;
	struct rotation *r = roots_rotation(s->identity->roots);
	const char *have = http_query(req, "have");
	const struct caller *who = req->caller;
	char holder[ISSUED_HOLDER], host[PEER_TEXT];

	if (have)
		rotation_has(r, issued_holder(&who->id, peer_host(req->peer, host), holder), strtoull(have, NULL, 10));
	reply_json_value(req, json_pack("{s:I,s:s,s:s*}", "bundle", (json_int_t)r->s.bundle, "roots", ca_roots(s->identity->ca), "crl",
					roots_crl(s->identity->roots)));
}

const struct http_entry certs_routes[] = {{"GET", "/v1/roots", get_roots}};
const size_t n_certs_routes = ARRAY_LEN(certs_routes);
const struct http_entry certs_admin_routes[] = {{"POST", "/v1/rotation", post_rotation}};
const size_t n_certs_admin_routes = ARRAY_LEN(certs_admin_routes);

/* ---- metrics ---- */

static void count_leaf(const char *key, void *value, void *arg)
{
	const struct rotation_holder *h = value;
	int64_t *first_s = arg;

	(void)key;
	if (!*first_s || h->until_s < *first_s)
		*first_s = h->until_s;
}

static int64_t first_expiry(const char *pem, struct arena *a, int64_t first_s)
{
	struct cert_info *v;
	struct err e;
	size_t n;

	if (cert_info_read(pem, a, &v, &n, &e))
		return first_s;
	for (size_t i = 0; i < n; i++)
		if (!first_s || v[i].until_s < first_s)
			first_s = v[i].until_s;
	return first_s;
}

static size_t count_certs(const char *pem, struct arena *a)
{
	struct cert_info *v;
	struct err e;
	size_t n;

	return cert_info_read(pem, a, &v, &n, &e) ? 0 : n;
}

static void gauge_expiry(struct server *s, const char *what, int64_t at_s)
{
	if (at_s)
		metric_set(&s->metrics, M_CERT_EXPIRY_SECONDS, what, (double)(at_s - now_of(s)));
}

void certs_gauge(struct server *s, struct arena *a)
{
	struct rotation *r = roots_rotation(s->identity->roots);
	enum rotation_phase phase = rotation_phase(r, now_of(s));
	int64_t intermediate_s = 0, leaf_s = 0, root_s = first_expiry(ca_root(s->identity->ca), a, 0);
	struct rotation_report report;
	struct crl_info crl;
	struct err e;
	size_t n;
	const char *const *above = ca_above(s->identity->ca, &n);
	struct rotation_peer *peers;

	for (size_t i = 0; i < n; i++)
		intermediate_s = first_expiry(above[i], a, intermediate_s);
	map_each(&r->holders, count_leaf, &leaf_s);
	peers = certs_peers(s, a, &n);
	rotation_look(r, peers, n, now_of(s), &report);
	metric_set(&s->metrics, M_ROOT_EXPIRY, NULL, (double)root_s);
	metric_set(&s->metrics, M_ROOTS, "trusted", (double)r->s.n);
	metric_set(&s->metrics, M_ROOTS, "left_out", (double)count_certs(roots_left_out(s->identity->roots), a));
	gauge_expiry(s, "root", root_s);
	gauge_expiry(s, "intermediate", intermediate_s);
	gauge_expiry(s, "workload", leaf_s);
	if (roots_crl(s->identity->roots) && !crl_read(roots_crl(s->identity->roots), &crl, &e))
		gauge_expiry(s, "crl", crl.expires_s);
	for (int p = 0; p < ROTATION_PHASES; p++)
		metric_set(&s->metrics, M_ROTATION_PHASE, rotation_phase_name((enum rotation_phase)p), p == (int)phase);
	metric_set(&s->metrics, M_ROTATION_PROXIES, "has", (double)(report.n_peers - report.n_behind));
	metric_set(&s->metrics, M_ROTATION_PROXIES, "behind", (double)report.n_behind);
	metric_set(&s->metrics, M_ROTATION_PROXIES, "away", (double)report.n_away);
	metric_set(&s->metrics, M_ROTATION_PAUSED, NULL, r->s.paused || report.held);
}
