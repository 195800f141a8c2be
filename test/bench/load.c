/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"

enum { MOST = 100000 };

struct worker {
	pthread_t thread;
	const struct load *load;
	int first;		/* of every LOAD_THREADS steps */
	double ms[MOST / LOAD_THREADS], seen_ms[MOST / LOAD_THREADS];
	size_t n, failed;
};

double load_now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);	/* as the kernel's time stamps */
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	const struct load *l = w->load;
	double began = load_now_s(), over = began;

	for (size_t i = 0; w->n < MOST / LOAD_THREADS; i++) {
		size_t number = i * LOAD_THREADS + (size_t)w->first;
		double due = began + (double)number / l->rate, from = due;

		if (due > began + l->seconds || load_now_s() > began + l->seconds)
			break;
		if (due > load_now_s())
			usleep((useconds_t)((due - load_now_s()) * 1e6));
		if (over <= due)
			from = load_now_s();
		over = l->step(l->arg, w->first, number);
		if (over > 0) {
			w->seen_ms[w->n] = (load_now_s() - due) * 1e3;
			w->ms[w->n++] = (over - from) * 1e3;
		} else {
			w->failed++;
			over = load_now_s();
		}
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

void load_run(const struct load *l)
{
	struct worker *workers = calloc(LOAD_THREADS, sizeof(*workers));
	double *ms = calloc(MOST, sizeof(*ms)), *seen_ms = calloc(MOST, sizeof(*seen_ms)), began = load_now_s();
	size_t n = 0, failed = 0;

	must(workers && ms && seen_ms);
	for (int i = 0; i < LOAD_THREADS; i++) {
		workers[i].load = l;
		workers[i].first = i;
		must(!pthread_create(&workers[i].thread, NULL, run, &workers[i]));
	}
	for (int i = 0; i < LOAD_THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		memcpy(ms + n, workers[i].ms, workers[i].n * sizeof(*ms));
		memcpy(seen_ms + n, workers[i].seen_ms, workers[i].n * sizeof(*seen_ms));
		n += workers[i].n;
		failed += workers[i].failed;
	}
	qsort(ms, n, sizeof(*ms), compare);
	qsort(seen_ms, n, sizeof(*seen_ms), compare);
	printf("per_s %.0f\nfailed %zu\nmedian_ms %.2f\np99_ms %.2f\nseen_p99_ms %.2f\n", (double)n / (load_now_s() - began), failed,
	       n ? ms[n / 2] : 0, n ? ms[n * 99 / 100] : 0, n ? seen_ms[n * 99 / 100] : 0);
	free(workers);
	free(ms);
	free(seen_ms);
}

SSL_CTX *load_tls(const char *roots, const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	must(ctx);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	must(SSL_CTX_load_verify_locations(ctx, roots, NULL) == 1);
	if (cert)
		must(SSL_CTX_use_certificate_chain_file(ctx, cert) == 1 && SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1);
	return ctx;
}

/* ---- a socket whose reads say when what they give had come ---- */

static int stamped_read(BIO *bio, char *p, int n)
{
	char control[256];
	struct iovec io = {p, (size_t)n};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg((int)(intptr_t)BIO_get_app_data(bio), &m, 0);
	struct timespec stamp;

	for (struct cmsghdr *c = got > 0 ? CMSG_FIRSTHDR(&m) : NULL; c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS)
			continue;
		memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
		*(double *)BIO_get_data(bio) = (double)stamp.tv_sec + (double)stamp.tv_nsec / 1e9;
	}
	return (int)got;
}

static int plain_write(BIO *bio, const char *p, int n)
{
	return (int)send((int)(intptr_t)BIO_get_app_data(bio), p, (size_t)n, MSG_NOSIGNAL);
}

static long control(BIO *bio, int command, long number, void *p)
{
	(void)bio;
	(void)number;
	(void)p;
	return command == BIO_CTRL_FLUSH;
}

static int end(BIO *bio)
{
	free(BIO_get_data(bio));
	return 1;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static void make_method(void)
{
	method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stamped");
	must(method && BIO_meth_set_read(method, stamped_read) && BIO_meth_set_write(method, plain_write) &&
	     BIO_meth_set_ctrl(method, control) && BIO_meth_set_destroy(method, end));
}

static void use_socket(SSL *ssl, int fd)
{
	BIO *bio;
	int on = 1;

	pthread_once(&once, make_method);
	bio = BIO_new(method);
	must(bio && !setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)));
	BIO_set_data(bio, calloc(1, sizeof(double)));
	BIO_set_app_data(bio, (void *)(intptr_t)fd);
	BIO_set_init(bio, 1);
	must(BIO_get_data(bio));
	SSL_set_bio(ssl, bio, bio);
}

double load_arrived_s(SSL *ssl)
{
	return *(double *)BIO_get_data(SSL_get_rbio(ssl));
}

SSL *load_connect(SSL_CTX *ctx, int port, const char *protocol)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	SSL *ssl = SSL_new(ctx);
	uint8_t alpn[16];
	size_t n = strlen(protocol);

	must(fd >= 0 && ssl && n < sizeof(alpn));
	alpn[0] = (uint8_t)n;
	memcpy(alpn + 1, protocol, n);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	SSL_set_alpn_protos(ssl, alpn, (unsigned)n + 1);
	use_socket(ssl, fd);
	if (!connect(fd, (struct sockaddr *)&a, sizeof(a)) && SSL_connect(ssl) == 1)
		return ssl;
	load_close(ssl);
	return NULL;
}

void load_close(SSL *ssl)
{
	int fd = SSL_get_fd(ssl); /* of a socket that another one made */

	if (fd < 0)
		fd = (int)(intptr_t)BIO_get_app_data(SSL_get_rbio(ssl));
	SSL_free(ssl);
	close(fd);
}
