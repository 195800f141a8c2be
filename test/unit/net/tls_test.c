/* SPDX-License-Identifier: Apache-2.0
 *
 * The TLS core against OpenSSL's client, without sockets or clock; each direction cut into pieces of a
 * given size, down to one byte.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/ssl.h>

#include "../ca/make.h"
#include "base/buf.h"
#include "net/tls.h"

struct pki {
	EVP_PKEY *root_key, *server_key, *client_key, *other_key;
	X509 *root, *server, *client, *late, *other_root, *stranger;
	char *chain[1], *key, *roots;
	struct tls_ctx *ctx;
};

static char *text_of(BIO *bio)
{
	char *p, *text;
	long n = BIO_get_mem_data(bio, &p);

	text = strndup(p, (size_t)n);
	BIO_free(bio);
	return text;
}

static char *cert_text(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());

	must(PEM_write_bio_X509(bio, cert) == 1);
	return text_of(bio);
}

static struct tls_ctx *make_ctx(const struct pki *p)
{
	const struct tls_identity id = {.chain = (const char *const *)p->chain, .n_chain = 1, .key = p->key, .roots = p->roots};
	struct err e = {0};
	struct tls_ctx *ctx = tls_ctx_new(&id, &e);

	if (!ctx)
		fail_msg("%s", e.text);
	return ctx;
}

static int setup(void **state)
{
	struct pki *p = calloc(1, sizeof(*p));
	BIO *bio = BIO_new(BIO_s_mem());

	p->root_key = EVP_EC_gen("P-256");
	p->server_key = EVP_EC_gen("P-256");
	p->client_key = EVP_EC_gen("P-256");
	p->other_key = EVP_EC_gen("P-256");
	p->root = make_ca(p->root_key, NULL, NULL, "root", "critical,CA:TRUE", NULL, -1000, 1000000);
	p->other_root = make_ca(p->other_key, NULL, NULL, "root", "critical,CA:TRUE", NULL, -1000, 1000000);
	p->server = make_ca(p->server_key, p->root, p->root_key, "server", "CA:FALSE", NULL, -1000, 1000000);
	p->client = make_ca(p->client_key, p->root, p->root_key, "client", "CA:FALSE", NULL, -1000, 1000);
	p->late = make_ca(p->client_key, p->root, p->root_key, "late", "CA:FALSE", NULL, -1000, -1);
	p->stranger = make_ca(p->client_key, p->other_root, p->other_key, "client", "CA:FALSE", NULL, -1000, 1000);
	p->chain[0] = cert_text(p->server);
	p->roots = cert_text(p->root);
	must(PEM_write_bio_PrivateKey(bio, p->server_key, NULL, NULL, 0, NULL, NULL) == 1);
	p->key = text_of(bio);
	p->ctx = make_ctx(p);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pki *p = *state;
	EVP_PKEY *keys[] = {p->root_key, p->server_key, p->client_key, p->other_key};
	X509 *certs[] = {p->root, p->server, p->client, p->late, p->other_root, p->stranger};

	tls_ctx_unref(p->ctx);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		EVP_PKEY_free(keys[i]);
	for (size_t i = 0; i < ARRAY_LEN(certs); i++)
		X509_free(certs[i]);
	free(p->chain[0]);
	free(p->key);
	free(p->roots);
	free(p);
	return 0;
}

/* ---- two ends ---- */

struct link {
	SSL_CTX *client_ctx;
	SSL *client;
	BIO *to_client, *from_client;
	struct tls *server;
	struct buf plain;
	size_t cut;
	bool failed;
	struct err e;
	int tickets;
	SSL_SESSION *session;
};

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct link *l = SSL_get_app_data(ssl);

	l->tickets++;
	SSL_SESSION_free(l->session);
	l->session = session;
	return 1;
}

static void begin(struct link *l, struct tls_ctx *ctx, int64_t now_s, size_t cut)
{
	*l = (struct link){.client_ctx = SSL_CTX_new(TLS_client_method()), .server = tls_new(ctx, now_s), .cut = cut};
	SSL_CTX_set_session_cache_mode(l->client_ctx, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(l->client_ctx, on_ticket);
	l->client = SSL_new(l->client_ctx);
	SSL_set_app_data(l->client, l);
	l->to_client = BIO_new(BIO_s_mem());
	l->from_client = BIO_new(BIO_s_mem());
	SSL_set_bio(l->client, l->to_client, l->from_client);
	SSL_set_connect_state(l->client);
	buf_init(&l->plain, 1 << 22);
}

static void show(struct link *l, X509 *cert, EVP_PKEY *key)
{
	must(SSL_use_certificate(l->client, cert) == 1 && SSL_use_PrivateKey(l->client, key) == 1);
}

static void offer(struct link *l, const char *protocols, unsigned n)
{
	must(!SSL_set_alpn_protos(l->client, (const uint8_t *)protocols, n));
}

static void end(struct link *l)
{
	SSL_SESSION_free(l->session);
	SSL_free(l->client);
	SSL_CTX_free(l->client_ctx);
	tls_free(l->server);
	buf_fini(&l->plain);
}

static void to_client(struct link *l, struct buf *out)
{
	if (out->n)
		BIO_write(l->to_client, out->p, (int)out->n);
	buf_fini(out);
}

/* Until neither has anything to say. */
static void carry(struct link *l)
{
	uint8_t bytes[4096];
	int n, idle = 0;

	while (idle < 2 && !l->failed) {
		char byte[1];

		SSL_do_handshake(l->client);
		SSL_peek(l->client, byte, 1);	/* takes tickets and alerts in */
		n = BIO_read(l->from_client, bytes, l->cut < sizeof(bytes) ? (int)l->cut : (int)sizeof(bytes));
		idle = n > 0 ? 0 : idle + 1;
		if (n > 0) {
			struct buf out;

			buf_init(&out, 1 << 20);
			l->failed = tls_receive(l->server, bytes, (size_t)n, &l->plain, &out, &l->e) != 0;
			to_client(l, &out);
		}
	}
	SSL_do_handshake(l->client);
	if (SSL_is_init_finished(l->client)) {
		char byte[1];

		SSL_peek(l->client, byte, 1);
	}
}

static const char h2_h1[] = "\2h2\10http/1.1";

static void handshakes(void **state)
{
	static const struct {
		int version;
		const char *offers;
		unsigned n;
		bool cert;
		size_t cut;
		const char *wants;	/* protocol; NULL: refused */
	} cases[] = {
		{TLS1_3_VERSION, h2_h1, 12, true, 4096, "h2"},
		{TLS1_3_VERSION, h2_h1, 12, true, 1, "h2"},
		{TLS1_3_VERSION, h2_h1 + 3, 9, false, 7, "http/1.1"},
		{TLS1_3_VERSION, "\10http/1.1\2h2", 12, false, 4096, "h2"},
		{TLS1_3_VERSION, NULL, 0, true, 4096, ""},
		{TLS1_2_VERSION, h2_h1, 12, true, 1, "h2"},
		{TLS1_2_VERSION, NULL, 0, false, 4096, ""},
		{TLS1_3_VERSION, "\3h2c", 4, true, 4096, NULL},
		{TLS1_2_VERSION, "\6spdy/3", 7, false, 4096, NULL},
		{TLS1_1_VERSION, h2_h1, 12, false, 4096, NULL},
	};
	const struct pki *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned char *der = NULL;
		struct link l;
		size_t n;

		begin(&l, p->ctx, NOW_S, cases[i].cut);
		SSL_set_security_level(l.client, 0);
		SSL_set_min_proto_version(l.client, cases[i].version);
		SSL_set_max_proto_version(l.client, cases[i].version);
		if (cases[i].offers)
			offer(&l, cases[i].offers, cases[i].n);
		if (cases[i].cert)
			show(&l, p->client, p->client_key);
		carry(&l);
		if (!cases[i].wants) {
			assert_false(tls_is_open(l.server));
			assert_true(l.failed);
			end(&l);
			continue;
		}
		if (!tls_is_open(l.server))
			fail_msg("case %zu: %s", i, l.e.text);
		assert_true(SSL_is_init_finished(l.client));
		assert_int_equal(l.tickets, 1);
		assert_string_equal(tls_protocol(l.server), cases[i].wants);
		if (cases[i].cert) {
			assert_int_equal(i2d_X509(p->client, &der), (tls_peer(l.server, &n), n));
			assert_memory_equal(tls_peer(l.server, &n), der, n);
			OPENSSL_free(der);
		} else {
			assert_null(tls_peer(l.server, &n));
		}
		end(&l);
	}
}

static void what_is_shown_must_hold(void **state)
{
	const struct pki *p = *state;
	const struct {
		X509 *cert;
		const char *wants;
	} cases[] = {{p->stranger, "certificate"}, {p->late, "expired"}};

	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			struct link l;

			begin(&l, p->ctx, NOW_S, 4096);
			SSL_set_max_proto_version(l.client, version);
			show(&l, cases[i].cert, p->client_key);
			carry(&l);
			assert_true(l.failed);
			assert_false(tls_is_open(l.server));
			if (!strstr(l.e.text, cases[i].wants))
				fail_msg("case %zu: %s", i, l.e.text);
			end(&l);
		}
}

static void revoked_clients_are_refused(void **state)
{
	const struct pki *p = *state;
	char *named = make_crl(p->root, p->root_key, p->client, -10, 1000, NULL), *none = make_crl(p->root, p->root_key, NULL, -10, 1000, NULL);
	char *past = make_crl(p->root, p->root_key, p->client, -10, -5, NULL), *strange = make_crl(p->other_root, p->other_key, NULL, -10, 1000, NULL);
	const struct {
		const char *lists;
		bool refused;
	} cases[] = {{named, true}, {none, false}, {past, true}, {strange, false}};
	struct tls_identity id = {.chain = (const char *const *)p->chain, .n_chain = 1, .key = p->key, .roots = p->roots};
	struct link before;
	struct err e;

	begin(&before, p->ctx, NOW_S, 4096);
	show(&before, p->client, p->client_key);
	carry(&before);
	assert_true(tls_is_open(before.server));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tls_ctx *ctx;
		struct link l;

		id.crl = cases[i].lists;
		ctx = tls_ctx_new(&id, &e);
		assert_non_null(ctx);
		assert_int_equal(tls_is_revoked(before.server, ctx), cases[i].refused);
		begin(&l, ctx, NOW_S, 4096);
		show(&l, p->client, p->client_key);
		carry(&l);
		if (l.failed != cases[i].refused || (l.failed && !strstr(l.e.text, "revoked")))
			fail_msg("case %zu: %s", i, l.failed ? l.e.text : "is let in");
		end(&l);
		tls_ctx_unref(ctx);
	}
	id.crl = "";
	assert_null(tls_ctx_new(&id, &e));
	end(&before);
	free(named);
	free(none);
	free(past);
	free(strange);
}

static bool resumes(const struct pki *p, struct tls_ctx *ctx, SSL_SESSION *session, int64_t now_s, bool *refused)
{
	struct link l;
	bool resumed;
	size_t n;

	begin(&l, ctx, now_s, 4096);
	show(&l, p->client, p->client_key);
	SSL_set_session(l.client, session);
	carry(&l);
	*refused = l.failed;
	resumed = tls_is_open(l.server) && tls_is_resumed(l.server);
	if (resumed)	/* who it is, is known from the ticket */
		assert_non_null(tls_peer(l.server, &n));
	end(&l);
	return resumed;
}

/* A ticket does not carry past a changed trust, nor past the certificate's end. */
static void cve_2022_21654_tickets_do_not_outlive_trust(void **state)
{
	const struct pki *p = *state;
	struct tls_ctx *renewed = make_ctx(p);
	bool refused;
	struct link l;

	begin(&l, p->ctx, NOW_S, 4096);
	show(&l, p->client, p->client_key);
	carry(&l);
	assert_non_null(l.session);
	assert_int_equal(SSL_SESSION_get_max_early_data(l.session), 0);
	assert_true(resumes(p, p->ctx, l.session, NOW_S, &refused));
	assert_false(resumes(p, renewed, l.session, NOW_S, &refused));
	assert_false(refused);
	assert_false(resumes(p, p->ctx, l.session, NOW_S + 1000, &refused));
	assert_true(refused);
	end(&l);
	tls_ctx_unref(renewed);
}

/* A client of TLS 1.2 may not make us do the handshake again and again. */
static void renegotiation_is_refused(void **state)
{
	const struct pki *p = *state;
	struct link l;

	begin(&l, p->ctx, NOW_S, 4096);
	SSL_set_max_proto_version(l.client, TLS1_2_VERSION);
	carry(&l);
	assert_true(tls_is_open(l.server));
	SSL_renegotiate(l.client);
	carry(&l);
	assert_false(SSL_is_init_finished(l.client));
	end(&l);
}

static void bytes_go_both_ways(void **state)
{
	enum { N = 300000 };
	const struct pki *p = *state;
	uint8_t *bytes = malloc(N), *got = malloc(N);
	struct buf out;
	struct link l;
	struct err e;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < N; i++)
		bytes[i] = (uint8_t)(i * 7);
	begin(&l, p->ctx, NOW_S, 1000);
	carry(&l);
	assert_int_equal(SSL_write(l.client, bytes, N), N);
	carry(&l);
	assert_int_equal(l.plain.n, N);
	assert_memory_equal(l.plain.p, bytes, N);
	buf_init(&out, 1 << 20);
	assert_int_equal(tls_send(l.server, bytes, N, &out, &e), 0);
	to_client(&l, &out);
	while ((r = SSL_read(l.client, got + n, (int)(N - n))) > 0)
		n += (size_t)r;
	assert_int_equal(n, N);
	assert_memory_equal(got, bytes, N);
	assert_false(tls_has_ended(l.server));
	SSL_shutdown(l.client);
	carry(&l);
	assert_true(tls_has_ended(l.server));
	assert_false(l.failed);
	end(&l);
	free(bytes);
	free(got);
}

static void garbage_is_refused(void **state)
{
	static const char *const bytes[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
					    "\x16\x03\x01\xff\xff\x01", "\x15\x03\x03\x00\x02\x02\x28"};
	const struct pki *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
		struct tls *t = tls_new(p->ctx, NOW_S);
		struct buf plain, out;
		struct err e;

		buf_init(&plain, 1 << 20);
		buf_init(&out, 1 << 20);
		assert_int_equal(tls_receive(t, bytes[i], i == 2 ? 6 : i == 3 ? 7 : strlen(bytes[i]), &plain, &out, &e), -1);
		assert_int_equal(plain.n, 0);
		assert_int_equal(tls_receive(t, "x", 1, &plain, &out, &e), -1);
		buf_fini(&plain);
		buf_fini(&out);
		tls_free(t);
	}
}

static void contexts_are_checked(void **state)
{
	const struct pki *p = *state;
	struct tls_identity id = {.chain = (const char *const *)p->chain, .n_chain = 1, .key = p->key, .roots = p->roots};
	struct tls_identity bad[4] = {id, id, id, id};
	char *other = cert_text(p->client);
	struct err e;

	bad[0].chain = (const char *const[]){other};
	bad[1].key = "";
	bad[2].roots = "";
	bad[3].n_chain = 0;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_null(tls_ctx_new(&bad[i], &e));
		assert_int_equal(e.code, ERR_SYNTAX);
	}
	free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(handshakes, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_shown_must_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(revoked_clients_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(cve_2022_21654_tickets_do_not_outlive_trust, setup, teardown),
		cmocka_unit_test_setup_teardown(renegotiation_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(bytes_go_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(garbage_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(contexts_are_checked, setup, teardown),
	};

	return cmocka_run_group_tests_name("net/tls", tests, NULL, NULL);
}
