/* SPDX-License-Identifier: Apache-2.0
 *
 * A load of steps at a rate that does not wait for answers that are late, and a TLS client for steps to use.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <openssl/ssl.h>
#include <stdbool.h>

enum { LOAD_THREADS = 8 };

struct load {
	/* One of them, in one of the threads: when it was over, by load_now_s or load_arrived_s; 0: it failed. */
	double (*step)(void *arg, int thread, size_t number);
	void *arg;
	double rate, seconds;		/* rate: of all threads, a second */
};

/* Runs it and prints "name value" lines: per_s, failed, median_ms, p99_ms, seen_p99_ms. A step that begins late counts from when
 * it was due, if it is the answer before that was late; when its thread was free, and the machine woke it late, from when it
 * began. seen: always from when it was due, to when the thread had the answer. */
void load_run(const struct load *l);

/* The certificate and key may be NULL. */
SSL_CTX *load_tls(const char *roots, const char *cert, const char *key);
/* Connected to a port of the loopback, the handshake done. NULL: it was refused. `protocol`: "h2". Free it with load_close. */
SSL *load_connect(SSL_CTX *ctx, int port, const char *protocol);
void load_close(SSL *ssl);
/* When the kernel had what was read last, whenever its reader was woken; 0: nothing was. As load_now_s. */
double load_arrived_s(SSL *ssl);
double load_now_s(void);		/* since 1970 */

#endif
