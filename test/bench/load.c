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
	double ms[MOST / LOAD_THREADS];
	size_t n, failed;
};

double load_now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	const struct load *l = w->load;
	double began = load_now_s();

	for (size_t i = 0; w->n < MOST / LOAD_THREADS; i++) {
		size_t number = i * LOAD_THREADS + (size_t)w->first;
		double due = began + (double)number / l->rate;

		if (due > began + l->seconds || load_now_s() > began + l->seconds)
			break;
		if (due > load_now_s())
			usleep((useconds_t)((due - load_now_s()) * 1e6));
		if (l->step(l->arg, w->first, number))
			w->ms[w->n++] = (load_now_s() - due) * 1e3;
		else
			w->failed++;
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
	double *ms = calloc(MOST, sizeof(*ms)), began = load_now_s();
	size_t n = 0, failed = 0;

	must(workers && ms);
	for (int i = 0; i < LOAD_THREADS; i++) {
		workers[i].load = l;
		workers[i].first = i;
		must(!pthread_create(&workers[i].thread, NULL, run, &workers[i]));
	}
	for (int i = 0; i < LOAD_THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		memcpy(ms + n, workers[i].ms, workers[i].n * sizeof(*ms));
		n += workers[i].n;
		failed += workers[i].failed;
	}
	qsort(ms, n, sizeof(*ms), compare);
	printf("per_s %.0f\nfailed %zu\nmedian_ms %.2f\np99_ms %.2f\n", (double)n / (load_now_s() - began), failed, n ? ms[n / 2] : 0,
	       n ? ms[n * 99 / 100] : 0);
	free(workers);
	free(ms);
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
	SSL_set_fd(ssl, fd);
	if (!connect(fd, (struct sockaddr *)&a, sizeof(a)) && SSL_connect(ssl) == 1)
		return ssl;
	load_close(ssl);
	return NULL;
}

void load_close(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_free(ssl);
	close(fd);
}
