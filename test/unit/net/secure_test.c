/* SPDX-License-Identifier: Apache-2.0
 *
 * A port with TLS and real sockets: HTTP/1.1 and HTTP/2 behind it, handshakes that end in all the wrong
 * places, a certificate that is renewed meanwhile.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../ca/make.h"
#include "ev/job.h"
#include "net/http_server.h"
#include "net/tls.h"

enum { BIG = 3000000, CROWD = 200 };

struct fixture {
	struct loop *loop;
	struct job_pool *jobs;
	struct http_server *server;
	EVP_PKEY *key;
	X509 *root;
	struct tls_ctx *ctx;
	size_t seen_cert;	/* bytes of the peer's certificate, by the last handler */
	bool seen_tls;
};

static void get_who(struct http_request *req)
{
	struct fixture *f = req->arg;

	f->seen_tls = req->from->is_tls;
	f->seen_cert = req->from->n_cert;
	http_reply_text(req, 200, req->peer);
}

static void get_big(struct http_request *req)
{
	struct http_response resp = {.status = 200, .content_type = "text/plain"};

	buf_init(&resp.body, BIG + 1);
	memset(buf_room(&resp.body, BIG), 'b', BIG);
	buf_added(&resp.body, BIG);
	http_reply(req, &resp);
}

static const struct http_entry routes[] = {{"GET", "/who", get_who}, {"GET", "/big", get_big}};

static char *pem_of(X509 *cert, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p, *text;
	long n;

	must((cert ? PEM_write_bio_X509(bio, cert) : PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) == 1);
	n = BIO_get_mem_data(bio, &p);
	text = strndup(p, (size_t)n);
	BIO_free(bio);
	return text;
}

/* The root serves as leaf too: its key is what the server has. */
static struct tls_ctx *make_ctx(struct fixture *f)
{
	char *cert = pem_of(f->root, NULL), *key = pem_of(NULL, f->key);
	const char *chain[] = {cert};
	const struct tls_identity id = {.chain = chain, .n_chain = 1, .key = key, .roots = cert};
	struct err e;
	struct tls_ctx *ctx = tls_ctx_new(&id, &e);

	must(ctx);
	free(cert);
	free(key);
	return ctx;
}

static int start(void **state, unsigned workers)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct http_server_opts o = {.bind = "127.0.0.1:0", .routes = routes, .n_routes = 2, .arg = f, .first_byte_ms = 1500};
	struct err e;

	f->loop = loop_new(&e);
	f->jobs = job_pool_new(f->loop, workers, &e);
	f->key = EVP_EC_gen("P-256");
	f->root = make_ca(f->key, NULL, NULL, "root", "critical,CA:TRUE", NULL, -NOW_S, 1000000);
	f->ctx = make_ctx(f);
	o.tls = f->ctx;
	o.jobs = f->jobs;
	f->server = http_server_open(f->loop, &o, &e);
	must(f->server);
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return start(state, 1);
}

static int setup_without_workers(void **state)
{
	return start(state, 0);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	http_server_free(f->server);
	job_pool_free(f->jobs);
	loop_free(f->loop);
	tls_ctx_unref(f->ctx);
	X509_free(f->root);
	EVP_PKEY_free(f->key);
	free(f);
	return 0;
}

static int dial(struct fixture *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(http_server_port(f->server)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	must(fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof(a)));
	must(!fcntl(fd, F_SETFL, O_NONBLOCK));
	return fd;
}

struct client {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

static struct client connect_to(struct fixture *f, const char *alpn, unsigned n, bool cert)
{
	struct client c = {.ctx = SSL_CTX_new(TLS_client_method()), .fd = dial(f)};

	c.ssl = SSL_new(c.ctx);
	SSL_set_fd(c.ssl, c.fd);
	SSL_set_connect_state(c.ssl);
	SSL_set_alpn_protos(c.ssl, (const uint8_t *)alpn, n);
	if (cert)
		must(SSL_use_certificate(c.ssl, f->root) == 1 && SSL_use_PrivateKey(c.ssl, f->key) == 1);
	return c;
}

static void leave(struct client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	close(c->fd);
}

/* 0 when the handshake is over, -1 when it failed. */
static int shake(struct fixture *f, struct client *c)
{
	for (int i = 0; i < 2000; i++) {
		int n = SSL_do_handshake(c->ssl);

		if (n == 1)
			return 0;
		if (SSL_get_error(c->ssl, n) != SSL_ERROR_WANT_READ)
			return -1;
		loop_turn(f->loop, 2);
	}
	return -1;
}

/* Sends and takes what comes until there is `want` or the end. */
static size_t ask(struct fixture *f, struct client *c, const char *text, size_t n, char *out, size_t want)
{
	size_t got = 0;

	must(!n || SSL_write(c->ssl, text, (int)n) == (int)n);
	for (int i = 0; i < 4000 && got < want; i++) {
		int r = SSL_read(c->ssl, out + got, (int)(want - got));

		if (r > 0)
			got += (size_t)r;
		else if (SSL_get_error(c->ssl, r) != SSL_ERROR_WANT_READ)
			break;
		else
			loop_turn(f->loop, 2);
	}
	return got;
}

/* The same for one answer of HTTP/1.1 with a length, and nothing behind it. */
static void ask_whole(struct fixture *f, struct client *c, const char *text, size_t n, char *out, size_t size)
{
	size_t got = 0, more;
	const char *length;

	memset(out, 0, size);
	for (; !strstr(out, "\r\n\r\n"); n = 0) {
		must(got < size - 1);
		more = ask(f, c, text, n, out + got, 1);
		assert_int_equal(more, 1);
		got += more;
	}
	length = strcasestr(out, "\r\nContent-Length: ");
	assert_non_null(length);
	more = strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
	must(more < size - got);
	assert_int_equal(ask(f, c, text, 0, out + got, more), more);
}

static void serves_http1(void **state)
{
	static const char who[] = "GET /who HTTP/1.1\r\nHost: x\r\n\r\n", big[] = "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	struct fixture *f = *state;
	char *out = calloc(1, BIG + 2000);
	struct client c = connect_to(f, "\10http/1.1", 9, true);
	size_t n;

	assert_int_equal(shake(f, &c), 0);
	for (int i = 0; i < 3; i++) {	/* one connection */
		ask_whole(f, &c, who, strlen(who), out, 2000);
		assert_int_equal(strncmp(out, "HTTP/1.1 200 OK\r\n", 17), 0);
		assert_true(f->seen_tls);
		assert_true(f->seen_cert > 100);
	}
	n = ask(f, &c, big, strlen(big), out, BIG + 2000);
	assert_true(n > BIG && n < BIG + 1000);
	assert_memory_equal(out + n - 4, "bbbb", 4);
	leave(&c);
	free(out);
}

static void serves_http2(void **state)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	struct fixture *f = *state;
	struct client c = connect_to(f, "\2h2\10http/1.1", 12, false);
	char out[100];

	assert_int_equal(shake(f, &c), 0);
	assert_true(ask(f, &c, preface, sizeof(preface) - 1, out, 9) == 9);
	assert_int_equal(out[3], 4);	/* SETTINGS */
	assert_int_equal(http_server_open_h2(f->server), 1);
	leave(&c);
	for (int i = 0; i < 100 && http_server_open_h2(f->server); i++)
		loop_turn(f->loop, 2);
	assert_int_equal(http_server_open_h2(f->server), 0);
	assert_int_equal(http_server_listener_stats(f->server)->open, 0);
}

static void refuses_what_is_no_handshake(void **state)
{
	struct fixture *f = *state;
	struct client c = connect_to(f, "\3h3c", 4, false);
	const struct http_server_stats *st = http_server_stats(f->server);
	int fd = dial(f);

	assert_int_equal(shake(f, &c), -1);
	leave(&c);
	must(write(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27) == 27);
	for (int i = 0; i < 500 && st->failed_handshakes < 2; i++)
		loop_turn(f->loop, 2);
	assert_int_equal(st->failed_handshakes, 2);
	close(fd);
}

/* By the hundred: silent ones are cut, ones that leave in the middle are forgotten, also by a busy worker. */
static void half_handshakes_cost_nothing(void **state)
{
	struct fixture *f = *state;
	const struct http_server_stats *st = http_server_stats(f->server);
	struct client crowd[CROWD], c;

	for (int i = 0; i < CROWD; i++) {
		crowd[i] = connect_to(f, "\2h2", 3, false);
		if (i % 2)
			SSL_do_handshake(crowd[i].ssl);	/* ClientHello, and no more */
		if (i % 4 == 3)
			leave(&crowd[i]);
	}
	c = connect_to(f, "\2h2", 3, false);
	assert_int_equal(shake(f, &c), 0);
	for (int i = 0; i < 6000 && st->failed_handshakes < CROWD; i++)
		loop_turn(f->loop, 2);
	assert_int_equal(st->failed_handshakes, CROWD);
	for (int i = 0; i < CROWD; i++)
		if (i % 4 != 3)
			leave(&crowd[i]);
	leave(&c);
}

/* What is under way when the server ends, ends with it. */
static void ends_in_the_middle(void **state)
{
	struct fixture *f = *state;
	struct client crowd[20];

	for (int i = 0; i < 20; i++) {
		crowd[i] = connect_to(f, i % 2 ? "\2h2" : "\10http/1.1", i % 2 ? 3 : 9, true);
		SSL_do_handshake(crowd[i].ssl);
	}
	for (int i = 0; i < 10; i++)
		loop_turn(f->loop, 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(shake(f, &crowd[i]), 0);
	http_server_free(f->server);
	f->server = NULL;
	for (int i = 0; i < 20; i++)
		leave(&crowd[i]);
}

static void renews_its_certificate(void **state)
{
	struct fixture *f = *state;
	struct client before = connect_to(f, "\2h2", 3, false), after;
	X509 *old = f->root, *first, *second;
	struct tls_ctx *ctx;

	assert_int_equal(shake(f, &before), 0);
	f->root = make_ca(f->key, NULL, NULL, "renewed", "critical,CA:TRUE", NULL, -NOW_S, 1000000);
	ctx = make_ctx(f);
	http_server_set_tls(f->server, ctx);
	tls_ctx_unref(ctx);
	after = connect_to(f, "\2h2", 3, false);
	assert_int_equal(shake(f, &after), 0);
	for (int i = 0; i < 500 && http_server_open_h2(f->server) < 2; i++)
		loop_turn(f->loop, 2);
	first = SSL_get1_peer_certificate(before.ssl);
	second = SSL_get1_peer_certificate(after.ssl);
	assert_int_equal(X509_cmp(first, old), 0);
	assert_int_equal(X509_cmp(second, f->root), 0);
	assert_int_equal(http_server_open_h2(f->server), 2);
	X509_free(first);
	X509_free(second);
	X509_free(old);
	leave(&before);
	leave(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(serves_http1, setup, teardown),
		cmocka_unit_test_setup_teardown(serves_http2, setup, teardown),
		cmocka_unit_test_setup_teardown(serves_http2, setup_without_workers, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_no_handshake, setup, teardown),
		cmocka_unit_test_setup_teardown(half_handshakes_cost_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(ends_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(renews_its_certificate, setup, teardown),
	};

	return cmocka_run_group_tests_name("net/secure", tests, NULL, NULL);
}
