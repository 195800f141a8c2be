/* SPDX-License-Identifier: Apache-2.0
 *
 * A load of certificate requests on a port: csr_bench PORT ROOTS TOKENS BODY RATE SECONDS. Over kept connections of
 * HTTP/1.1, one a thread; TOKENS is a file of bearer tokens, a line each, which take turns; BODY the JSON to send.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "load.h"

enum { REQUEST_MAX = 16 * 1024, ANSWER_MAX = 64 * 1024, TOKENS_MAX = 10000 };

struct target {
	SSL_CTX *ctx;
	int port;
	SSL *ssl[LOAD_THREADS];
	char *tokens[TOKENS_MAX], *body;
	size_t n_tokens;
};

static char *read_all(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t n = 0;

	must(f && getdelim(&text, &n, '\0', f) > 0);
	fclose(f);
	return text;
}

/* Reads one answer, with a Content-Length; whether it is a 200. */
static bool answered(SSL *ssl)
{
	char text[ANSWER_MAX + 1], *body, *length;
	size_t n = 0;

	for (;;) {
		int got = n < ANSWER_MAX ? SSL_read(ssl, text + n, (int)(ANSWER_MAX - n)) : -1;

		if (got <= 0)
			return false;
		n += (size_t)got;
		text[n] = '\0';
		body = strstr(text, "\r\n\r\n");
		length = body ? strcasestr(text, "\r\nContent-Length:") : NULL;
		if (length && n >= (size_t)(body + 4 - text) + (size_t)atol(length + 17))
			return !strncmp(text, "HTTP/1.1 200 ", 13);
	}
}

static double ask(void *arg, int thread, size_t number)
{
	struct target *t = arg;
	char request[REQUEST_MAX];
	int n = snprintf(request, sizeof(request), "POST /v1/certificates HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
			 "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", t->tokens[number % t->n_tokens], strlen(t->body), t->body);

	must(n > 0 && n < REQUEST_MAX);
	if (!t->ssl[thread])
		t->ssl[thread] = load_connect(t->ctx, t->port, "http/1.1");
	if (t->ssl[thread] && SSL_write(t->ssl[thread], request, n) == n && answered(t->ssl[thread]))
		return load_arrived_s(t->ssl[thread]);
	if (t->ssl[thread])
		load_close(t->ssl[thread]);
	t->ssl[thread] = NULL;
	return 0;
}

int main(int argc, char **argv)
{
	static struct target t;
	char *tokens, *save = NULL;

	must(argc == 7);
	t.ctx = load_tls(argv[2], NULL, NULL);
	t.port = atoi(argv[1]);
	tokens = read_all(argv[3]);
	t.body = read_all(argv[4]);
	for (char *one = strtok_r(tokens, "\n", &save); one && t.n_tokens < TOKENS_MAX; one = strtok_r(NULL, "\n", &save))
		t.tokens[t.n_tokens++] = one;
	must(t.n_tokens);
	load_run(&(struct load){.step = ask, .arg = &t, .rate = atof(argv[5]), .seconds = atof(argv[6])});
	for (int i = 0; i < LOAD_THREADS; i++)
		if (t.ssl[i])
			load_close(t.ssl[i]);
	SSL_CTX_free(t.ctx);
	free(tokens);
	free(t.body);
	return 0;
}
