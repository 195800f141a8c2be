/* SPDX-License-Identifier: Apache-2.0
 *
 * The rotation of roots on virtual time: who holds it up, what it waits for, what survives a restart.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ca/ca.h"
#include "ca/cert_info.h"
#include "ca/issued.h"
#include "ca/rotation.h"
#include "make.h"

enum { HOUR = 3600, DAY = 24 * HOUR, ROOTS = 3 };

struct fix {
	struct rotation r;
	struct arena a;
	struct {
		const char *pem;
		char id[CERT_ID + 1];
	} root[ROOTS];
	int64_t now_s, mono_s;
	struct rotation_peer peers[4];
	size_t n_peers;
	struct rotation_report report;
};

static int enter(void **state)
{
	static const char *const names[ROOTS] = {"old", "new", "third"};
	struct fix *f = calloc(1, sizeof(*f));

	must(f);
	arena_init(&f->a, 0);
	for (size_t i = 0; i < ROOTS; i++) {
		EVP_PKEY *key = EVP_EC_gen("P-256");
		X509 *cert = make_ca(key, NULL, NULL, names[i], "critical,CA:TRUE", "critical,keyCertSign,cRLSign", -100, 1000000);

		f->root[i].pem = cert_print(cert, &f->a);
		cert_id(cert, f->root[i].id);
		X509_free(cert);
		EVP_PKEY_free(key);
	}
	rotation_init(&f->r, false);
	f->now_s = NOW_S;
	f->mono_s = 1000;
	*state = f;
	return 0;
}

static int leave(void **state)
{
	struct fix *f = *state;

	rotation_fini(&f->r);
	arena_fini(&f->a);
	free(f);
	return 0;
}

/* The files have these roots, the first of which signs. */
static void files(struct fix *f, int signer, int other)
{
	const char *pem = other < 0 ? f->root[signer].pem : arena_printf(&f->a, "%s%s", f->root[signer].pem, f->root[other].pem);
	bool changed;
	struct err e;

	assert_int_equal(rotation_files(&f->r, pem, f->root[signer].id, f->now_s, &changed, &e), 0);
}

static bool issue_from(struct fix *f, const char *holder, const char *root, uint64_t bundle, int64_t life_s)
{
	static const uint8_t serial[TBS_SERIAL];

	return rotation_issued(&f->r, &(struct rotation_leaf){.holder = holder, .root = root, .bundle = bundle, .issued_s = f->now_s,
							      .until_s = f->now_s + life_s, .serial = serial});
}

static void issue(struct fix *f, const char *holder)
{
	issue_from(f, holder, f->r.s.signer, f->r.s.bundle, DAY);
}

static enum rotation_event pass(struct fix *f, int64_t seconds)
{
	f->now_s += seconds;
	f->mono_s += seconds;
	return rotation_step(&f->r, f->peers, f->n_peers, f->now_s, f->mono_s, &f->report);
}

static void connect(struct fix *f, const char *holder)
{
	f->peers[f->n_peers++] = (struct rotation_peer){.name = holder, .holder = holder};
}

static void assert_phase(struct fix *f, enum rotation_phase want)
{
	assert_string_equal(rotation_phase_name(rotation_phase(&f->r, f->now_s)), rotation_phase_name(want));
}

static void assert_signer(struct fix *f, int root)
{
	assert_string_equal(f->r.s.signer, f->root[root].id);
}

/* ---- one rotation ---- */

static void a_root_goes_from_step_to_step(void **state)
{
	struct fix *f = *state;

	files(f, 0, -1);
	assert_phase(f, ROTATION_STEADY);
	connect(f, "a/a@1");
	connect(f, "b/b@2");
	issue(f, "a/a@1");
	issue(f, "b/b@2");
	assert_int_equal(pass(f, HOUR), ROTATION_NOTHING);
	files(f, 1, -1);
	assert_phase(f, ROTATION_DISTRIBUTING);
	assert_int_equal(f->r.s.n, 2);
	assert_signer(f, 0);
	assert_int_equal(pass(f, HOUR), ROTATION_NOTHING);
	assert_int_equal(f->report.n_behind, 2);
	assert_string_equal(f->report.names[0], "a/a@1");
	issue(f, "a/a@1");
	assert_int_equal(pass(f, HOUR), ROTATION_NOTHING);
	assert_int_equal(f->report.n_behind, 1);
	assert_string_equal(f->report.names[0], "b/b@2");
	issue(f, "b/b@2");	/* the last leaf of the old root */
	assert_int_equal(pass(f, 1), ROTATION_SWITCHED);
	assert_signer(f, 1);
	assert_phase(f, ROTATION_DRAINING);
	issue(f, "a/a@1");
	assert_int_equal(pass(f, DAY - 1 + ROTATION_SKEW_S), ROTATION_NOTHING);
	assert_int_equal(f->r.s.n, 2);
	assert_int_equal(pass(f, 1), ROTATION_RETIRED);
	assert_int_equal(f->r.s.n, 1);
	assert_phase(f, ROTATION_STEADY);
}

static void what_is_away_counts_until_it_expires(void **state)
{
	struct fix *f = *state;
	struct err e;

	files(f, 0, -1);
	issue(f, "gone/gone@9");
	files(f, 1, -1);
	assert_int_equal(pass(f, DAY - 1), ROTATION_NOTHING);
	assert_int_equal(f->report.n_away, 1);
	assert_string_equal(f->report.names[0], "gone/gone@9");
	assert_int_equal(pass(f, 2), ROTATION_SWITCHED);
	/* or until somebody says so */
	issue(f, "gone/gone@9");
	files(f, 2, -1);
	assert_int_equal(pass(f, HOUR), ROTATION_NOTHING);
	assert_int_equal(rotation_resume(&f->r, true, f->now_s, &e), 0);
	/* not of those that go now, or come back with another certificate */
	connect(f, "b/b@2");
	issue_from(f, "b/b@2", f->r.s.signer, 1, DAY);
	assert_int_equal(pass(f, 1), ROTATION_NOTHING);
	f->n_peers = 0;
	assert_int_equal(pass(f, 1), ROTATION_NOTHING);
	assert_string_equal(f->report.names[0], "b/b@2");
	issue(f, "b/b@2");
	assert_int_equal(pass(f, 1), ROTATION_SWITCHED);
}

static void what_a_proxy_shows_counts(void **state)
{
	struct fix *f = *state;

	files(f, 0, -1);
	connect(f, NULL);
	f->peers[0].name = "plain.ns";
	f->peers[0].ack = ROTATION_ACK_WAITING;
	files(f, 1, -1);
	assert_int_equal(pass(f, HOUR), ROTATION_NOTHING);
	assert_string_equal(f->report.names[0], "plain.ns");
	/* a certificate that another replica gave it: before the new root, then with it */
	f->peers[0] = (struct rotation_peer){.name = "x", .holder = "x/x@7", .cert_from_s = NOW_S - HOUR};
	assert_int_equal(pass(f, 1), ROTATION_NOTHING);
	f->peers[0].cert_from_s = NOW_S + ROTATION_SKEW_S + 1;
	assert_int_equal(pass(f, 1), ROTATION_SWITCHED);
	files(f, 2, -1);
	f->peers[0].ack = ROTATION_ACK_HAS;
	f->peers[0].cert_from_s = 0;
	assert_int_equal(pass(f, ROTATION_LEAST_S), ROTATION_SWITCHED);
}

/* What was asked before a step is answered after it: with the bundle before, from the issuer before. */
static void requests_under_way_are_waited_for(void **state)
{
	struct fix *f = *state;

	files(f, 0, -1);
	pass(f, 1);
	files(f, 1, -1);
	assert_int_equal(pass(f, ROTATION_LEAST_S - 1), ROTATION_NOTHING);
	assert_int_equal(pass(f, 1), ROTATION_SWITCHED);
	/* nothing that is known was ever issued from the old one */
	assert_int_equal(pass(f, ROTATION_LEAST_S - 1), ROTATION_NOTHING);
	issue_from(f, "late/late@3", f->root[0].id, 2, DAY);
	assert_int_equal(pass(f, DAY), ROTATION_NOTHING);
	assert_int_equal(f->r.s.n, 2);
	assert_int_equal(pass(f, ROTATION_SKEW_S + 1), ROTATION_RETIRED);
}

/* A root of the files that nothing is issued from is only trusted; the old one that stays in them stays in the bundle. */
static void files_by_hand_in_three_edits(void **state)
{
	struct fix *f = *state;

	files(f, 0, -1);
	connect(f, "a/a@1");
	issue(f, "a/a@1");
	files(f, 0, 1);
	assert_phase(f, ROTATION_ANNOUNCED);
	assert_int_equal(pass(f, HOUR), ROTATION_NOTHING);
	assert_int_equal(f->report.n_behind, 1);
	issue(f, "a/a@1");
	assert_int_equal(pass(f, HOUR), ROTATION_NOTHING);
	assert_int_equal(f->report.n_behind, 0);
	files(f, 1, 0);
	assert_int_equal(pass(f, ROTATION_LEAST_S), ROTATION_SWITCHED);
	issue(f, "a/a@1");
	assert_phase(f, ROTATION_DRAINING);
	/* too early: it stays trusted all the same */
	files(f, 1, -1);
	assert_int_equal(pass(f, HOUR), ROTATION_NOTHING);
	assert_int_equal(f->r.s.n, 2);
	assert_int_equal(pass(f, DAY), ROTATION_RETIRED);
}

static void a_root_that_stays_in_the_files_is_kept(void **state)
{
	struct fix *f = *state;

	files(f, 0, -1);
	issue(f, "a/a@1");
	files(f, 1, 0);
	assert_int_equal(pass(f, 2 * DAY), ROTATION_SWITCHED);
	assert_int_equal(pass(f, 2 * DAY), ROTATION_NOTHING);
	assert_phase(f, ROTATION_STEADY);
	assert_int_equal(f->r.s.n, 2);
	files(f, 1, -1);
	assert_int_equal(pass(f, 1), ROTATION_RETIRED);
}

/* ---- orders ---- */

static void a_pause_holds_all_steps(void **state)
{
	struct fix *f = *state;
	struct err e;

	files(f, 0, -1);
	issue(f, "a/a@1");
	assert_int_equal(rotation_pause(&f->r, f->now_s, &e), -1);
	files(f, 1, -1);
	assert_int_equal(rotation_pause(&f->r, f->now_s, &e), 0);
	assert_int_equal(pass(f, 3 * DAY), ROTATION_NOTHING);
	assert_int_equal(rotation_resume(&f->r, false, f->now_s, &e), 0);
	assert_int_equal(pass(f, 1), ROTATION_SWITCHED);
	assert_int_equal(rotation_pause(&f->r, f->now_s, &e), 0);
	assert_int_equal(pass(f, 3 * DAY), ROTATION_NOTHING);
	assert_int_equal(f->r.s.n, 2);
	assert_int_equal(rotation_resume(&f->r, false, f->now_s, &e), 0);
	assert_int_equal(pass(f, 1), ROTATION_RETIRED);
	assert_int_equal(rotation_resume(&f->r, false, f->now_s, &e), -1);
}

static void an_abort_goes_back_before_the_switch(void **state)
{
	struct fix *f = *state;
	struct err e;

	files(f, 0, -1);
	issue(f, "a/a@1");
	assert_int_equal(rotation_abort(&f->r, f->now_s, &e), -1);
	files(f, 1, -1);
	assert_int_equal(rotation_abort(&f->r, f->now_s, &e), 0);
	assert_phase(f, ROTATION_STEADY);
	files(f, 1, -1);	/* read again: still refused */
	assert_int_equal(pass(f, 3 * DAY), ROTATION_NOTHING);
	assert_signer(f, 0);
	assert_int_equal(rotation_retry(&f->r, &e), 0);
	files(f, 1, -1);
	assert_phase(f, ROTATION_DISTRIBUTING);
	/* the old files are put back: nothing is left of it */
	files(f, 0, -1);
	assert_phase(f, ROTATION_STEADY);
	assert_int_equal(f->r.s.n, 1);
}

static void an_abort_after_the_switch_rotates_back(void **state)
{
	struct fix *f = *state;
	struct err e;

	files(f, 0, -1);
	connect(f, "a/a@1");
	issue(f, "a/a@1");
	files(f, 1, -1);
	issue(f, "a/a@1");
	assert_int_equal(pass(f, HOUR), ROTATION_SWITCHED);
	issue(f, "a/a@1");
	assert_int_equal(rotation_abort(&f->r, f->now_s, &e), 0);
	assert_int_equal(pass(f, ROTATION_LEAST_S), ROTATION_SWITCHED);
	assert_signer(f, 0);
	files(f, 1, -1);
	assert_signer(f, 0);
	assert_string_equal(f->r.s.target, "");
	assert_phase(f, ROTATION_DRAINING);
	assert_int_equal(pass(f, HOUR), ROTATION_NOTHING);
	files(f, 0, -1);
	assert_int_equal(pass(f, DAY), ROTATION_RETIRED);
	assert_int_equal(f->r.s.n, 1);
}

/* ---- clocks ---- */

static void jump(struct fix *f, int64_t seconds)
{
	f->now_s += seconds;
	rotation_step(&f->r, f->peers, f->n_peers, f->now_s, f->mono_s, &f->report);
}

static void a_clock_that_jumps_decides_nothing(void **state)
{
	struct fix *f = *state;
	struct err e;

	files(f, 0, -1);
	issue(f, "a/a@1");
	files(f, 1, -1);
	issue(f, "a/a@1");
	assert_int_equal(pass(f, HOUR), ROTATION_SWITCHED);
	jump(f, 10 * 365 * (int64_t)DAY);
	assert_true(f->report.held);
	assert_int_equal(pass(f, HOUR), ROTATION_NOTHING);
	assert_int_equal(f->r.s.n, 2);
	jump(f, -10 * 365 * (int64_t)DAY);
	assert_false(f->report.held);
	assert_int_equal(pass(f, HOUR), ROTATION_NOTHING);
	assert_int_equal(f->r.s.n, 2);
	/* one that stays is believed in the end, or when an operator says so */
	jump(f, 30 * DAY);
	assert_int_equal(pass(f, DAY - 2), ROTATION_NOTHING);
	assert_int_equal(rotation_resume(&f->r, false, f->now_s, &e), 0);
	assert_int_equal(pass(f, 1), ROTATION_RETIRED);
	jump(f, -DAY);
	assert_true(f->report.held);
	pass(f, DAY);
	assert_false(f->report.held);
}

/* ---- replicas ---- */

static void a_replica_waits_for_what_others_issued(void **state)
{
	struct fix *f = *state;

	rotation_fini(&f->r);
	rotation_init(&f->r, true);
	files(f, 0, -1);
	connect(f, "a/a@1");
	issue(f, "a/a@1");
	files(f, 1, -1);
	issue(f, "a/a@1");
	assert_int_equal(pass(f, DAY), ROTATION_NOTHING);
	issue(f, "a/a@1");
	assert_int_equal(f->report.n_behind, 0);
	assert_int_equal(pass(f, ROTATION_SPREAD_S - 1), ROTATION_NOTHING);
	assert_int_equal(pass(f, 1), ROTATION_SWITCHED);
	issue(f, "a/a@1");
	/* another replica may issue from the old root for as long as this one did */
	assert_int_equal(pass(f, DAY), ROTATION_NOTHING);
	assert_int_equal(pass(f, ROTATION_SPREAD_S), ROTATION_RETIRED);
}

/* ---- what is on disk ---- */

static struct buf print(const struct rotation *r)
{
	struct buf text;

	buf_init(&text, ROTATION_TEXT_MAX);
	rotation_print(r, &text);
	buf_cstr(&text);
	return text;
}

static void restart(struct fix *f)
{
	struct buf text = print(&f->r), again;
	struct err e;

	rotation_fini(&f->r);
	rotation_init(&f->r, false);
	assert_int_equal(rotation_parse(&f->r, text.p, text.n, &e), 0);
	again = print(&f->r);
	assert_string_equal(text.p, again.p);
	rotation_replayed(&f->r);
	buf_fini(&text);
	buf_fini(&again);
}

/* Without the log, too, what was promised is kept. */
static void a_restart_forgets_nothing(void **state)
{
	struct fix *f = *state;
	struct err e;

	files(f, 0, -1);
	assert_true(issue_from(f, "a/a@1", f->r.s.signer, f->r.s.bundle, DAY));
	f->now_s++;
	assert_false(issue_from(f, "a/a@1", f->r.s.signer, f->r.s.bundle, DAY));	/* within the promise */
	files(f, 1, -1);
	restart(f);
	assert_phase(f, ROTATION_DISTRIBUTING);
	assert_int_equal(rotation_pause(&f->r, f->now_s, &e), 0);
	restart(f);
	assert_true(f->r.s.paused);
	assert_int_equal(rotation_resume(&f->r, true, f->now_s, &e), 0);
	restart(f);
	assert_int_equal(pass(f, ROTATION_LEAST_S), ROTATION_SWITCHED);
	restart(f);
	assert_signer(f, 1);
	assert_phase(f, ROTATION_DRAINING);
	assert_int_equal(pass(f, DAY), ROTATION_NOTHING);
	assert_int_equal(pass(f, HOUR), ROTATION_RETIRED);
	restart(f);
	assert_int_equal(f->r.s.n, 1);
}

/* Logged, and killed before it was handed out: its holder may have what it had before, until it shows the new one. */
static void what_was_logged_last_may_not_have_arrived(void **state)
{
	struct fix *f = *state;
	int64_t issued_s;

	files(f, 0, -1);
	issue(f, "a/a@1");
	issue(f, "b/b@2");
	files(f, 1, -1);
	f->now_s += HOUR;
	issue(f, "b/b@2");
	f->now_s += ROTATION_HANDED_S + 1;
	issue(f, "a/a@1");
	f->now_s++;
	issue(f, "a/a@1"); /* once more: it had no answer */
	issue(f, "c/c@3"); /* its first: there is nothing old that it could have */
	issued_s = f->now_s;
	rotation_replayed(&f->r);
	assert_int_equal(pass(f, ROTATION_LEAST_S), ROTATION_NOTHING);
	assert_int_equal(f->report.n_away, 1);
	assert_string_equal(f->report.names[0], "a/a@1");
	connect(f, "a/a@1");
	f->peers[0].cert_from_s = issued_s - HOUR;
	assert_int_equal(pass(f, 1), ROTATION_NOTHING);
	f->peers[0].cert_from_s = issued_s;
	assert_int_equal(pass(f, 1), ROTATION_SWITCHED);
}

static void damage_is_seen(void **state)
{
	struct fix *f = *state;
	struct rotation other;
	struct buf text;
	struct err e;

	files(f, 0, 1);
	text = print(&f->r);
	rotation_init(&other, false);
	for (size_t i = 0; i < text.n; i++) {
		text.p[i] ^= 1;
		assert_int_equal(rotation_parse(&other, text.p, text.n, &e), -1);
		text.p[i] ^= 1;
	}
	for (size_t n = 0; n < text.n; n += 7) {
		char *part = arena_strndup(&f->a, text.p, n);

		assert_int_equal(rotation_parse(&other, part, n, &e), -1);
	}
	assert_int_equal(other.s.n, 0);
	assert_int_equal(rotation_parse(&other, text.p, text.n, &e), 0);
	rotation_fini(&other);
	buf_fini(&text);
}

static void lines_of_the_log(void **state)
{
	struct issued i = {.issued_s = NOW_S, .until_s = NOW_S + DAY, .serial = {0x7f, 1, 0xff}, .bundle = 3, .how = "certificate",
			   .root = "0123456789abcdef", .host = "[2001:db8::1]"}, back;
	char line[ISSUED_LINE], holder[ISSUED_HOLDER];
	struct err e;
	int n;

	(void)state;
	assert_int_equal(spiffe_make("cluster.local", "ns", "sa", &i.id, &e), 0);
	n = issued_print(&i, line);
	assert_int_equal(line[n - 1], '\n');
	assert_int_equal(issued_parse(line, (size_t)n - 1, &back, &e), 0);
	assert_memory_equal(back.serial, i.serial, sizeof(i.serial));
	assert_true(spiffe_equal(&back.id, &i.id));
	assert_int_equal(back.issued_s, i.issued_s);
	assert_int_equal(back.until_s, i.until_s);
	assert_int_equal(back.bundle, 3);
	assert_string_equal(back.root, i.root);
	assert_string_equal(issued_holder(&back.id, back.host, holder), "ns/sa@[2001:db8::1]");
	for (int k = 0; k < n - 2; k++)	/* cut short, it is none */
		if (line[k] == ' ')
			assert_int_equal(issued_parse(line, (size_t)k, &back, &e), -1);
}

/* ---- findings ---- */

static size_t findings(const struct cert_info *c, const char *domain, int64_t now_s, struct arena *a, enum diag_code *first)
{
	struct diags ds;

	diags_init(&ds, a);
	cert_info_check(c, "root", domain, now_s, &ds);
	*first = ds.n ? ds.v[0].code : D_COUNT;
	return ds.n;
}

static void certificates_are_told_weeks_ahead(void **state)
{
	struct fix *f = *state;
	struct cert_info c = {.subject = "s", .from_s = NOW_S, .until_s = NOW_S + 3650 * (int64_t)DAY}, *v;
	enum diag_code code;
	struct err e;
	size_t n;

	assert_int_equal(cert_info_read(f->root[0].pem, &f->a, &v, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_string_equal(v[0].id, f->root[0].id);
	assert_string_equal(v[0].key, "EC 256");
	assert_true(v[0].is_ca && v[0].is_root);
	assert_int_equal(v[0].until_s, NOW_S + 1000000);
	assert_int_equal(findings(&c, NULL, NOW_S, &f->a, &code), 0);
	assert_int_equal(findings(&c, NULL, c.until_s - 31 * (int64_t)DAY, &f->a, &code), 0);
	assert_int_equal(findings(&c, NULL, c.until_s - 30 * (int64_t)DAY, &f->a, &code), 1);
	assert_int_equal(code, D_CERT_EXPIRES_SOON);
	assert_int_equal(cert_info_step(&c, c.until_s - 8 * (int64_t)DAY), 14);
	assert_int_equal(findings(&c, NULL, c.until_s, &f->a, &code), 1);
	assert_int_equal(code, D_CERT_EXPIRED);
	assert_int_equal(findings(&c, NULL, c.from_s - 1, &f->a, &code), 1);
	assert_int_equal(code, D_CERT_NOT_YET);
	c.uri = "spiffe://other.mesh/ns/a/sa/b";
	assert_int_equal(findings(&c, "cluster.local", NOW_S, &f->a, &code), 1);
	assert_int_equal(code, D_CERT_TRUST_DOMAIN);
	assert_int_equal(findings(&c, "other.mesh", NOW_S, &f->a, &code), 0);
}

/* The log of a machine that went down may lack lines: whoever may stand in them is waited for. */
static void a_machine_that_starts_anew_waits(void **state)
{
	static const struct {
		const char *boot_id;
		bool waits;
	} cases[] = {{"one", false}, {"", false}, {"two", true}};
	struct fix *f = *state;

	files(f, 0, -1);
	issue(f, "a/a@1");
	assert_false(rotation_booted(&f->r, "one"));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rotation again;
		struct buf text;
		bool changed;
		struct err e;

		rotation_init(&again, false);
		buf_init(&text, ROTATION_TEXT_MAX);
		rotation_print(&f->r, &text);
		assert_int_equal(rotation_parse(&again, buf_cstr(&text), text.n, &e), 0);
		assert_int_equal(rotation_booted(&again, cases[i].boot_id), cases[i].waits);
		rotation_replayed(&again);
		assert_int_equal(rotation_files(&again, f->root[1].pem, f->root[1].id, f->now_s, &changed, &e), 0);
		rotation_look(&again, NULL, 0, f->now_s + DAY, &f->report);
		assert_int_equal(f->report.n_away, cases[i].waits);
		rotation_look(&again, NULL, 0, f->now_s + DAY + HOUR, &f->report);
		assert_int_equal(f->report.n_away, 0);
		rotation_fini(&again);
		buf_fini(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_machine_that_starts_anew_waits, enter, leave),
#define T(name) cmocka_unit_test_setup_teardown(name, enter, leave)
	    T(a_root_goes_from_step_to_step),
	    T(what_is_away_counts_until_it_expires),
	    T(what_a_proxy_shows_counts),
	    T(requests_under_way_are_waited_for),
	    T(files_by_hand_in_three_edits),
	    T(a_root_that_stays_in_the_files_is_kept),
	    T(a_pause_holds_all_steps),
	    T(an_abort_goes_back_before_the_switch),
	    T(an_abort_after_the_switch_rotates_back),
	    T(a_clock_that_jumps_decides_nothing),
	    T(a_replica_waits_for_what_others_issued),
	    T(a_restart_forgets_nothing),
	    T(what_was_logged_last_may_not_have_arrived),
	    T(damage_is_seen),
	    T(lines_of_the_log),
	    T(certificates_are_told_weeks_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
