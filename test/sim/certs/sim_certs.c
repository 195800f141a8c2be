/* SPDX-License-Identifier: Apache-2.0
 *
 * The simulator of certificates: the real CA, rotation and their files on virtual time, with workloads that renew, go
 * away, come back and die, orders in any order, a disk that is full, kills between any two calls of the kernel, and
 * power cuts. Oracles:
 *   O8   a certificate is of its caller and no other, has a new serial, ends within its issuer's life, and verifies
 *        against the bundle that it comes with
 *   S1   of any two workloads with living certificates each would take the other's
 *   S2   the root of each living certificate is trusted by the daemon
 *   S3   what is on disk can be started from
 *   S4   left alone, a rotation ends, with one root
 *
 * usage: sim_certs [--seeds N] [--first N] [--failures N (stop after)] [--seed N (verbose)]
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "ca/cert.h"
#include "ca/own_key.h"
#include "ca/pem.h"
#include "certs_disk.h"
#include "ev/file.h"
#include "server/roots.h"
#include "sim_ev.h"

enum { HOLDERS = 6, STEPS = 160, TTL_S = 600, SETTLE_MAX = 2000000, LATE_MS = 4000 };

#define STATE "state"
#define PLUGGED "plugged"

struct holder {
	struct spiffe_id id;
	char host[16], key[ISSUED_HOLDER];
	const char *own_key, *csr;
	bool connected, gone, sds, given_up;
	int64_t shown_s; /* when the certificate was issued that its stream has shown */
	/* what it holds */
	int64_t issued_s, until_s;
	char root[CERT_ID + 1];
	char *bundle;
	/* a request under way */
	struct ca *ca;
	uint64_t bundle_number;
	int64_t asked_s;
};

struct world {
	struct sim_random random;
	struct loop *loop;
	struct disk disk;
	struct roots *roots; /* NULL: down */
	bool plugged, verbose;
	unsigned boots;
	char boot_id[20];
	struct holder holder[HOLDERS];
	struct map serials;
	struct arena arena;
	const char *failed;
	char why[300];
};

static void fail(struct world *w, const char *oracle, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void fail(struct world *w, const char *oracle, const char *fmt, ...)
{
	va_list ap;

	if (w->failed)
		return;
	w->failed = oracle;
	va_start(ap, fmt);
	vsnprintf(w->why, sizeof(w->why), fmt, ap);
	va_end(ap);
}

static int64_t now_s(const struct world *w)
{
	return loop_wall_ns(w->loop) / 1000000000;
}

static void say(const struct world *w, const char *what, const struct holder *h)
{
	if (w->verbose)
		printf("%6lld %s %s\n", (long long)(now_s(w) - 1700000000), what, h ? h->key : "");
}

static bool lives(const struct world *w, const struct holder *h)
{
	return h->bundle && now_s(w) <= h->until_s;
}

/* ---- the daemon ---- */

static struct rotation_peer *peers(void *arg, struct arena *a, size_t *n)
{
	struct world *w = arg;
	struct rotation_peer *out = arena_array(a, struct rotation_peer, HOLDERS);
	const struct rotation *r = roots_rotation(w->roots);
	const struct rotation_root *root = rotation_root(r, *r->s.target ? r->s.target : r->s.signer);

	*n = 0;
	for (size_t i = 0; i < HOLDERS; i++) {
		struct holder *h = &w->holder[i];

		if (!h->connected)
			continue;
		out[*n] = (struct rotation_peer){.name = h->key, .holder = h->key, .cert_from_s = h->shown_s};
		if (h->sds)
			out[*n].ack = h->bundle && strstr(h->bundle, root->pem) ? ROTATION_ACK_HAS : ROTATION_ACK_WAITING;
		++*n;
	}
	return out;
}

static void start(struct world *w)
{
	const struct roots_opts o = {
	    .state_dir = STATE, .ca_dir = w->plugged ? PLUGGED : NULL, .trust_domain = "cluster.local", .boot_id = w->boot_id};
	struct err e;

	snprintf(w->boot_id, sizeof(w->boot_id), "boot-%u", w->boots);
	w->disk.steps_left = 0;
	must(!file_make_dir(STATE, 0700, &e) || w->disk.full); /* as lib/server/identity.c does */
	w->roots = roots_open(w->loop, &o, NULL, NULL, &e);
	if (!w->roots) {
		/* a full disk holds up a start, and nothing else does */
		if (!w->disk.full)
			fail(w, "S3", "it does not start: %s", e.text);
		return;
	}
	for (size_t i = 0; i < HOLDERS; i++) /* streams come anew, by the certificate of now */
		w->holder[i].shown_s = lives(w, &w->holder[i]) ? w->holder[i].issued_s : 0;
	roots_set_peers(w->roots, peers, w);
	say(w, "started", NULL);
	if (w->verbose)
		printf("files %.8s ca %.8s next %.8s\n", ca_root_id(roots_ca(w->roots)), roots_rotation(w->roots)->s.signer, roots_next(w->roots) ? ca_root_id(roots_next(w->roots)) : "-");
}

static void drop_requests(struct world *w)
{
	for (size_t i = 0; i < HOLDERS; i++) {
		ca_unref(w->holder[i].ca);
		w->holder[i].ca = NULL;
	}
}

static void stop(struct world *w)
{
	drop_requests(w);
	roots_close(w->roots);
	w->roots = NULL;
	say(w, "down", NULL);
}

/* With the machine, or alone. */
static void died(struct world *w)
{
	bool power = sim_chance(&w->random, 40);

	w->boots += power;
	disk_revive(&w->disk, power, &w->random);
	say(w, power ? "power cut" : "killed", NULL);
}

/* What it did after its last write nobody has seen. */
static bool was_killed(struct world *w)
{
	if (!w->disk.dead)
		return false;
	stop(w);
	died(w);
	return true;
}

/* ---- certificates ---- */

static void check_issued(struct world *w, const struct holder *h, const struct ca_issued *out)
{
	struct spiffe_id id;
	struct pem_block block;
	const char *p = out->chain[0];
	struct own_key_dates dates;
	struct err e;

	if (pem_next(&p, p + strlen(p), "CERTIFICATE", CERT_MAX, &w->arena, &block, &e) <= 0 || cert_identity(block.der, &id, &e))
		fail(w, "O8", "a certificate that is none: %s", e.text);
	else if (!spiffe_equal(&id, &h->id))
		fail(w, "O8", "%s got a certificate of %s/%s", h->key, id.ns, id.sa);
	if (map_set(&w->serials, out->serial, w))
		fail(w, "O8", "a serial stands twice");
	if (out->not_after_s > ca_expires_s(h->ca))
		fail(w, "O8", "a certificate outlives its issuer");
	if (own_key_check(h->own_key, out->chain[0], out->chain[out->n_chain - 1], now_s(w), &dates, &e))
		fail(w, "O8", "it does not verify against its own bundle: %s", e.text);
}

static void begin(struct world *w, struct holder *h)
{
	if (!w->roots || h->ca)
		return;
	h->ca = ca_ref(roots_ca(w->roots));
	h->bundle_number = roots_rotation(w->roots)->s.bundle;
	h->asked_s = now_s(w);
}

static void take(struct world *w, struct holder *h, const struct ca_issued *out)
{
	free(h->bundle);
	h->bundle = strdup(out->chain[out->n_chain - 1]);
	must(h->bundle);
	snprintf(h->root, sizeof(h->root), "%s", ca_root_id(h->ca));
	h->issued_s = h->asked_s;
	h->until_s = out->not_after_s;
	h->given_up = false;
	sim_note(w->loop, "issued", (uint64_t)h->until_s);
	say(w, "renewed", h);
}

static void finish(struct world *w, struct holder *h)
{
	struct ca_request r = {.id = &h->id, .csr = h->csr, .n_csr = strlen(h->csr), .ttl_s = TTL_S};
	struct issued line = {.issued_s = h->asked_s, .id = h->id, .bundle = h->bundle_number, .how = "token"};
	struct arena a;
	struct ca_issued out;
	struct err e;

	if (!h->ca)
		return;
	arena_init(&a, 0);
	must(!loop_random(w->loop, r.serial, sizeof(r.serial)));
	if (ca_issue(h->ca, &r, h->asked_s, &a, &out, &e)) {
		fail(w, "O8", "not issued: %s", e.text);
	} else {
		check_issued(w, h, &out);
		tbs_serial(r.serial, line.serial);
		line.until_s = out.not_after_s;
		snprintf(line.root, sizeof(line.root), "%.16s", ca_root_id(h->ca));
		snprintf(line.host, sizeof(line.host), "%s", h->host);
		roots_issued(w->roots, &line);
		if (!w->disk.dead)
			take(w, h, &out);
	}
	arena_fini(&a);
	ca_unref(h->ca);
	h->ca = NULL;
	was_killed(w);
}

/* ---- oracles ---- */

static bool trusts(const struct world *w, const char *bundle, const char *root_id)
{
	const struct rotation_root *root = rotation_root(roots_rotation(w->roots), root_id);

	return root && strstr(bundle, root->pem);
}

static void check(struct world *w)
{
	if (!w->roots || w->failed)
		return;
	for (size_t i = 0; i < HOLDERS && !w->failed; i++) {
		const struct holder *a = &w->holder[i];

		if (!lives(w, a))
			continue;
		if (!trusts(w, ca_roots(roots_ca(w->roots)), a->root))
			fail(w, "S2", "the root of %s, good for %lld s, is not trusted any more", a->key, (long long)(a->until_s - now_s(w)));
		for (size_t k = 0; k < HOLDERS && !w->failed; k++) {
			const struct holder *b = &w->holder[k];

			if (k == i || !lives(w, b) || a->given_up || b->given_up)
				continue;
			if (!trusts(w, b->bundle, a->root))
				fail(w, "S1", "%s would refuse %s", b->key, a->key);
		}
	}
}

/* ---- what happens ---- */

static void advance(struct world *w, int64_t ms)
{
	must(sim_run_until(w->loop, loop_now_ms(w->loop) + ms, SETTLE_MAX));
	w->disk.now_s = now_s(w);
	was_killed(w);
}

/* A root by hand, as an operator makes it, while the daemon looks and can write: when it cannot keep the key of the one
 * before, there is nothing to issue from but the new one. */
static void plug(struct world *w)
{
	const struct ca_opts opts = {.trust_domain = "cluster.local"};
	uint8_t serial[TBS_SERIAL];
	struct err e;
	struct ca *ca;

	w->disk.full = false;
	w->disk.steps_left = 0;
	must(!loop_random(w->loop, serial, sizeof(serial)));
	ca_remove("made", &e);
	ca = ca_open_own("made", &opts, now_s(w), serial, &e);
	must(ca);
	ca_unref(ca);
	disk_copy_dir(&w->disk, "made", PLUGGED);
}

static void give_up(struct world *w)
{
	for (size_t i = 0; i < HOLDERS; i++)
		if (!w->holder[i].connected)
			w->holder[i].given_up = true;
}

static void order(struct world *w)
{
	static const enum roots_order orders[] = {ROOTS_ROTATE, ROOTS_ROTATE, ROOTS_PAUSE, ROOTS_RESUME, ROOTS_RESUME_WITHOUT_AWAY, ROOTS_ABORT};
	enum roots_order o = orders[sim_below(&w->random, ARRAY_LEN(orders))];
	struct err e;

	if (!w->roots)
		return;
	if (o == ROOTS_RESUME_WITHOUT_AWAY) {
		advance(w, 1100); /* it has looked who is there */
		if (!w->roots)
			return;
		give_up(w);
	}
	if (!w->disk.full && sim_chance(&w->random, 25)) /* it is killed in the middle of it */
		w->disk.steps_left = 1 + (unsigned)sim_below(&w->random, 40);
	if (w->plugged && o == ROOTS_ROTATE && sim_chance(&w->random, 70)) {
		plug(w);
		roots_reload(w->roots);
		say(w, "other files", NULL);
	} else if (!roots_order(w->roots, o, &e) && w->verbose) {
		printf("%6lld order %d\n", (long long)(now_s(w) - 1700000000), (int)o);
	}
	sim_note(w->loop, "order", o);
	was_killed(w);
}

static void come_or_go(struct world *w, struct holder *h)
{
	if (h->gone)
		return;
	h->connected = !h->connected;
	if (!h->connected && sim_chance(&w->random, 20))
		h->gone = true;
	h->shown_s = lives(w, h) ? h->issued_s : 0;
	if (h->connected && (!lives(w, h) || sim_chance(&w->random, 30)))
		begin(w, h);
	sim_note(w->loop, "moves", h->connected);
	say(w, h->connected ? "came" : h->gone ? "died" : "went", h);
}

static void renew(struct world *w, struct holder *h)
{
	if (h->connected && (!lives(w, h) || now_s(w) - h->issued_s > TTL_S / 2 || sim_chance(&w->random, 2)))
		begin(w, h);
	if (h->connected && h->sds && w->roots && lives(w, h) && sim_chance(&w->random, 50)) {
		free(h->bundle);
		h->bundle = strdup(ca_roots(roots_ca(w->roots)));
		must(h->bundle);
	}
}

/* What could not be written is written before a kill can come: both together forget who holds what. */
static void fill(struct world *w, bool full)
{
	bool was_full = w->disk.full;

	w->disk.full = full;
	if (full || was_full)
		w->disk.steps_left = 0;
	if (was_full && !full)
		advance(w, 31000);
}

static void crash(struct world *w)
{
	fill(w, false);
	if (w->roots)
		stop(w);
	died(w);
}

static void act(struct world *w)
{
	struct holder *h = &w->holder[sim_below(&w->random, HOLDERS)];

	switch (sim_below(&w->random, 12)) {
	case 0: order(w); break;
	case 1: come_or_go(w, h); break;
	case 2:
		if (w->roots && sim_chance(&w->random, 30))
			crash(w);
		break;
	case 3: w->disk.steps_left = !w->disk.full && sim_chance(&w->random, 50) ? 1 + (unsigned)sim_below(&w->random, 60) : 0; break;
	case 4: fill(w, sim_chance(&w->random, 20)); break;
	case 5:
		if (w->roots)
			roots_reload(w->roots);
		was_killed(w);
		break;
	case 6: /* without a stream, as by hand */
		if (!h->connected && !h->gone)
			begin(w, h);
		break;
	default: break;
	}
	if (!w->roots && sim_chance(&w->random, 70))
		start(w);
	if (was_killed(w))
		start(w);
	for (size_t i = 0; i < HOLDERS; i++)
		renew(w, &w->holder[i]);
}

static void turn(struct world *w, bool quiet)
{
	if (!quiet)
		act(w);
	/* while requests are under way */
	if (!quiet && sim_chance(&w->random, 6))
		order(w);
	check(w);
	advance(w, (int64_t)sim_below(&w->random, LATE_MS));
	check(w);
	for (size_t i = 0; i < HOLDERS; i++)
		finish(w, &w->holder[i]);
	check(w);
	advance(w, (int64_t)sim_below(&w->random, quiet ? 30000 : 60000));
	check(w);
}

/* ---- one history ---- */

static void make_request(struct world *w, struct holder *h)
{
	struct buf key;
	struct err e;

	buf_init(&key, 16384);
	must(!own_key_make(&key, &w->arena, &h->csr, &e));
	h->own_key = arena_strdup(&w->arena, buf_cstr(&key));
	ca_cleanse(&key);
}

static void open_world(struct world *w, uint64_t seed, bool verbose)
{
	struct err e;

	*w = (struct world){.random = {seed}, .verbose = verbose};
	w->loop = sim_loop_new(&w->random);
	w->plugged = sim_chance(&w->random, 50);
	map_init(&w->serials, NULL);
	arena_init(&w->arena, 0);
	disk_use(&w->disk);
	for (size_t i = 0; i < HOLDERS; i++) {
		struct holder *h = &w->holder[i];
		char sa[16];

		snprintf(sa, sizeof(sa), "sa-%zu", i);
		snprintf(h->host, sizeof(h->host), "10.0.0.%zu", i + 1);
		must(!spiffe_make("cluster.local", "ns", sa, &h->id, &e));
		issued_holder(&h->id, h->host, h->key);
		make_request(w, h);
		h->sds = i == 0;
		h->connected = sim_chance(&w->random, 70);
	}
	if (w->plugged)
		plug(w);
	start(w);
}

static void close_world(struct world *w)
{
	if (w->roots)
		stop(w);
	for (size_t i = 0; i < HOLDERS; i++)
		free(w->holder[i].bundle);
	map_fini(&w->serials);
	arena_fini(&w->arena);
	loop_free(w->loop);
	disk_clear(&w->disk);
}

/* All that is alive is there, and nobody interferes. */
static void settle(struct world *w)
{
	const struct rotation *r;
	struct err e;

	w->disk.steps_left = 0;
	w->disk.full = false;
	if (!w->roots)
		start(w);
	if (!w->roots)
		return;
	roots_order(w->roots, ROOTS_RESUME, &e);
	for (size_t i = 0; i < HOLDERS; i++)
		w->holder[i].connected = !w->holder[i].gone;
	for (unsigned i = 0; i < 150 && !w->failed; i++) {
		for (size_t k = 0; k < HOLDERS; k++)
			renew(w, &w->holder[k]);
		turn(w, true);
	}
	if (w->failed)
		return;
	r = roots_rotation(w->roots);
	if (rotation_phase(r, now_s(w)) != ROTATION_STEADY)
		fail(w, "S4", "it ends in the phase %s", rotation_phase_name(rotation_phase(r, now_s(w))));
	else if (r->s.n != (*r->s.refused && w->plugged ? 2 : 1))
		fail(w, "S4", "%zu roots are left", r->s.n);
	else if (!*r->s.refused && disk_has(&w->disk, STATE "/ca-old/ca-key.pem"))
		fail(w, "S4", "the old key is left on disk");
	else if (disk_has(&w->disk, STATE "/ca-new/ca-key.pem"))
		fail(w, "S4", "a key that was never used is left on disk");
}

static void show(const struct world *w)
{
	const struct rotation *r = w->roots ? roots_rotation(w->roots) : NULL;

	disk_show(&w->disk);
	for (size_t i = 0; r && i < r->s.n; i++)
		printf("root %.8s%s%s until %lld promised %lld bundle %llu\n", r->s.root[i].id, r->s.root[i].wanted ? ", wanted" : "",
		       !strcmp(r->s.root[i].id, r->s.signer) ? ", signer" : "", (long long)(r->s.root[i].until_s - now_s(w)),
		       (long long)(r->s.root[i].promised_s - now_s(w)), (unsigned long long)r->s.root[i].bundle);
	if (r)
		printf("%s target %.8s previous %.8s refused %.8s\n", w->plugged ? "plugged" : "own", r->s.target, r->s.previous, r->s.refused);
}

static uint64_t run_seed(uint64_t seed, bool verbose, const char **failed, char why[300])
{
	struct world *w = malloc(sizeof(*w));
	uint64_t trace;

	must(w);
	open_world(w, seed, verbose);
	for (unsigned i = 0; i < STEPS && !w->failed; i++)
		turn(w, false);
	if (!w->failed)
		settle(w);
	trace = sim_trace(w->loop);
	if (verbose)
		show(w);
	close_world(w);
	*failed = w->failed;
	memcpy(why, w->why, sizeof(w->why));
	free(w);
	return trace;
}

int main(int argc, char **argv)
{
	uint64_t first = 1, n = 200, failures = 0, failures_max = 5, ran = 0;
	bool verbose = false;

	arena_keep_memory();
	log_set_level(LOG_LEVEL_NONE);
	for (int i = 1; i + 1 < argc; i += 2) {
		uint64_t value = strtoull(argv[i + 1], NULL, 10);

		if (!strcmp(argv[i], "--seeds"))
			n = value;
		else if (!strcmp(argv[i], "--first"))
			first = value;
		else if (!strcmp(argv[i], "--failures"))
			failures_max = value;
		else if (!strcmp(argv[i], "--seed"))
			first = value, n = 1, verbose = true;
	}
	if (verbose)
		log_set_level(LOG_LEVEL_INFO);
	for (uint64_t seed = first; seed < first + n && failures < failures_max; seed++, ran++) {
		const char *failed, *failed2;
		char why[300], why2[300];
		uint64_t trace = run_seed(seed, verbose, &failed, why);

		if (!failed && seed % 10 == 0 && trace != run_seed(seed, false, &failed2, why2)) {
			failed = "O11";
			snprintf(why, sizeof(why), "two runs of one seed have different traces");
		}
		if (failed) {
			failures++;
			printf("seed %llu: %s: %s\n", (unsigned long long)seed, failed, why);
		}
	}
	printf("%llu passed, %llu failed\n", (unsigned long long)(ran - failures), (unsigned long long)failures);
	return failures != 0;
}
