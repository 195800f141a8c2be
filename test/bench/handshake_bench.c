/* SPDX-License-Identifier: Apache-2.0
 *
 * A load of TLS handshakes on a port: handshake_bench PORT ROOTS CERT KEY RATE SECONDS. Full handshakes
 * with a client's certificate, evenly RATE a second from several threads; each connection is closed when
 * it stands. Prints "name value" lines.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"

enum { THREADS = 4, MOST = 100000 };

struct load {
	SSL_CTX *ctx;
	uint16_t port;
	double rate, seconds;
};

struct worker {
	pthread_t thread;
	const struct load *load;
	int first;		/* of every THREADS handshakes */
	double ms[MOST / THREADS];
	size_t n, failed;
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool shake(const struct load *l)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(l->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	static const uint8_t h2[] = "\2h2";
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *ssl = SSL_new(l->ctx);
	bool ok;
	char byte;

	must(fd >= 0 && ssl);
	SSL_set_alpn_protos(ssl, h2, 3);
	SSL_set_fd(ssl, fd);
	/* the first record of the server's says that it is content with our certificate */
	ok = !connect(fd, (struct sockaddr *)&a, sizeof(a)) && SSL_connect(ssl) == 1 && SSL_peek(ssl, &byte, 1) == 1;
	SSL_free(ssl);
	close(fd);
	return ok;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	const struct load *l = w->load;
	double began = now_s();

	for (size_t i = 0; w->n < MOST / THREADS; i++) {
		double due = began + (double)(i * THREADS + (size_t)w->first) / l->rate, before;

		if (due > began + l->seconds)
			break;
		if (due > now_s())
			usleep((useconds_t)((due - now_s()) * 1e6));
		before = now_s();
		if (shake(l))
			w->ms[w->n++] = (now_s() - before) * 1e3;
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

int main(int argc, char **argv)
{
	struct worker *workers = calloc(THREADS, sizeof(*workers));
	struct load l = {.ctx = SSL_CTX_new(TLS_client_method())};
	double *ms = calloc(MOST, sizeof(*ms)), began;
	size_t n = 0, failed = 0;

	must(argc == 7 && workers && ms && l.ctx);
	l.port = (uint16_t)atoi(argv[1]);
	l.rate = atof(argv[5]);
	l.seconds = atof(argv[6]);
	SSL_CTX_set_verify(l.ctx, SSL_VERIFY_PEER, NULL);
	must(SSL_CTX_load_verify_locations(l.ctx, argv[2], NULL) == 1 && SSL_CTX_use_certificate_chain_file(l.ctx, argv[3]) == 1 &&
	     SSL_CTX_use_PrivateKey_file(l.ctx, argv[4], SSL_FILETYPE_PEM) == 1);
	began = now_s();
	for (int i = 0; i < THREADS; i++) {
		workers[i].load = &l;
		workers[i].first = i;
		must(!pthread_create(&workers[i].thread, NULL, run, &workers[i]));
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		memcpy(ms + n, workers[i].ms, workers[i].n * sizeof(*ms));
		n += workers[i].n;
		failed += workers[i].failed;
	}
	qsort(ms, n, sizeof(*ms), compare);
	printf("per_s %.0f\nfailed %zu\nmedian_ms %.2f\np99_ms %.2f\n", (double)n / (now_s() - began), failed, n ? ms[n / 2] : 0,
	       n ? ms[n * 99 / 100] : 0);
	SSL_CTX_free(l.ctx);
	free(workers);
	free(ms);
	return 0;
}
