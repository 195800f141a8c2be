/* SPDX-License-Identifier: Apache-2.0
 *
 * Many proxies that come at once by mutual TLS: sync_bench PORT ROOTS CERT KEY CLIENTS. CLIENTS is a file: for each client
 * the size of its first bytes of HTTP/2, four bytes, and the bytes, which ask for resources of four types by delta ADS.
 * Prints floor_s, until all handshakes are done by clients that want no more, and sync_s, until each of as many has got,
 * and acknowledged, something of every type; and how many failed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/must.h"
#include "load.h"

enum {
	CLIENTS_MAX = 10000, TYPES = 4, DEADLINE_S = 60, AT_ONCE = 256,	/* handshakes: a listener's backlog has an end */
	FRAME_HEAD = 9, DATA = 0, SETTINGS = 4, PING = 6, ACK = 1,
};

enum state { WAITING, SHAKING, RUNNING, DONE, FAILED };

struct client {
	const uint8_t *hello;
	uint32_t n_hello;
	enum state state;
	SSL *ssl;
	short wants;			/* POLLIN, POLLOUT */
	uint8_t *in;			/* frames that are not whole yet, of `room` bytes */
	size_t n_in, room;
	uint8_t *message;		/* of gRPC, the same */
	size_t n_message, message_room;
	char types[TYPES][128];
	int n_types;
};

struct swarm {
	SSL_CTX *ctx;
	int port;
	bool sync;			/* else handshakes only */
	struct client client[CLIENTS_MAX];
	size_t n, shaking, over, failed;
};

static void append(uint8_t **p, size_t *n, size_t *room, const uint8_t *more, size_t n_more)
{
	if (*n + n_more > *room) {
		*room = (*n + n_more) * 2;
		*p = realloc(*p, *room);
		must(*p);
	}
	memcpy(*p + *n, more, n_more);
	*n += n_more;
}

static uint32_t big_endian(const uint8_t *p, int n)
{
	uint32_t out = 0;

	for (int i = 0; i < n; i++)
		out = out << 8 | p[i];
	return out;
}

static void finish(struct swarm *s, struct client *c, enum state state)
{
	s->shaking -= c->state == SHAKING;
	s->failed += state == FAILED;
	s->over++;
	c->state = state;
}

/* Small, and to a peer that reads: it is taken at once. */
static void send_frame(struct client *c, uint8_t kind, uint8_t flags, uint32_t stream, const uint8_t *p, size_t n)
{
	uint8_t frame[1024] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, kind, flags, 0, 0, 0, (uint8_t)stream};

	must(n < sizeof(frame) - FRAME_HEAD);
	if (n)
		memcpy(frame + FRAME_HEAD, p, n);
	must(SSL_write(c->ssl, frame, (int)(FRAME_HEAD + n)) > 0);
}

static size_t varint(const uint8_t *p, size_t n, size_t *at)
{
	size_t out = 0;

	for (int shift = 0; *at < n && shift < 35; shift += 7) {
		uint8_t byte = p[(*at)++];

		out |= (size_t)(byte & 127) << shift;
		if (byte < 128)
			break;
	}
	return out;
}

static size_t put(uint8_t *out, int field, const uint8_t *p, size_t n)
{
	out[0] = (uint8_t)(field << 3 | 2);
	out[1] = (uint8_t)n;
	must(n < 128);
	memcpy(out + 2, p, n);
	return n + 2;
}

static void note_type(struct client *c, const uint8_t *url, size_t n)
{
	for (int i = 0; i < c->n_types; i++)
		if (!strncmp(c->types[i], (const char *)url, n) && !c->types[i][n])
			return;
	must(c->n_types < TYPES && n < sizeof(c->types[0]));
	memcpy(c->types[c->n_types++], url, n);
}

/* A DeltaDiscoveryResponse: type_url is its field 4, the nonce 5; in the request they are 2 and 6. */
static void on_response(struct client *c, const uint8_t *p, size_t n)
{
	uint8_t answer[5 + 300] = {0};
	size_t at = 0, len = 5;

	while (at < n) {
		size_t key = varint(p, n, &at), size = varint(p, n, &at);

		if ((key & 7) != 2)
			continue;
		must(size <= n - at);
		if (key >> 3 == 4) {
			note_type(c, p + at, size);
			len += put(answer + len, 2, p + at, size);
		} else if (key >> 3 == 5) {
			len += put(answer + len, 6, p + at, size);
		}
		at += size;
	}
	answer[4] = (uint8_t)(len - 5);
	must(len - 5 < 256);
	send_frame(c, DATA, 0, 1, answer, len);
}

static void on_data(struct client *c, const uint8_t *p, size_t n)
{
	size_t at = 0;

	append(&c->message, &c->n_message, &c->message_room, p, n);
	while (c->n_message - at >= 5 && c->n_message - at - 5 >= big_endian(c->message + at + 1, 4)) {
		uint32_t size = big_endian(c->message + at + 1, 4);

		on_response(c, c->message + at + 5, size);
		at += 5 + size;
	}
	memmove(c->message, c->message + at, c->n_message - at);
	c->n_message -= at;
}

static void on_bytes(struct client *c)
{
	size_t at = 0;

	while (c->n_in - at >= FRAME_HEAD && c->n_in - at - FRAME_HEAD >= big_endian(c->in + at, 3)) {
		const uint8_t *frame = c->in + at, *payload = frame + FRAME_HEAD;
		uint32_t size = big_endian(frame, 3);

		if (frame[3] == DATA)
			on_data(c, payload, size);
		else if ((frame[3] == SETTINGS || frame[3] == PING) && !(frame[4] & ACK))
			send_frame(c, frame[3], ACK, 0, payload, frame[3] == PING ? size : 0);
		at += FRAME_HEAD + size;
	}
	memmove(c->in, c->in + at, c->n_in - at);
	c->n_in -= at;
}

/* What OpenSSL waits for, or that it failed. */
static void want(struct swarm *s, struct client *c, int result)
{
	int why = SSL_get_error(c->ssl, result);

	if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		finish(s, c, FAILED);
	c->wants = why == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
}

static void receive(struct swarm *s, struct client *c)
{
	uint8_t bytes[16 * 1024];
	int got;

	while ((got = SSL_read(c->ssl, bytes, sizeof(bytes))) > 0) {
		if (!s->sync) {		/* the server's first record: it is content with our certificate */
			finish(s, c, DONE);
			return;
		}
		append(&c->in, &c->n_in, &c->room, bytes, (size_t)got);
		on_bytes(c);
		if (c->n_types == TYPES && c->state == RUNNING)
			finish(s, c, DONE);
	}
	if (c->state == RUNNING)
		want(s, c, got);
}

static void step(struct swarm *s, struct client *c)
{
	int result;

	if (c->state == SHAKING) {
		result = SSL_connect(c->ssl);
		if (result != 1) {
			want(s, c, result);
			return;
		}
		s->shaking--;
		c->state = RUNNING;
		c->wants = POLLIN;
		if (s->sync)
			must(SSL_write(c->ssl, c->hello, (int)c->n_hello) == (int)c->n_hello);
	}
	receive(s, c);
}

static void begin(struct swarm *s, struct client *c)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	must(fd >= 0 && (!connect(fd, (struct sockaddr *)&a, sizeof(a)) || errno == EINPROGRESS));
	c->ssl = SSL_new(s->ctx);
	must(c->ssl);
	SSL_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_set_alpn_protos(c->ssl, (const uint8_t *)"\2h2", 3);
	SSL_set_fd(c->ssl, fd);
	c->state = SHAKING;
	c->wants = POLLOUT;
	s->shaking++;
}

static double run(struct swarm *s)
{
	static struct pollfd fds[CLIENTS_MAX];
	double began = load_now_s();
	size_t next = 0;

	s->shaking = s->over = s->failed = 0;
	while (s->over < s->n && load_now_s() < began + DEADLINE_S) {
		while (next < s->n && s->shaking < AT_ONCE)
			begin(s, &s->client[next++]);
		for (size_t i = 0; i < next; i++)
			fds[i] = (struct pollfd){.fd = s->client[i].state < DONE ? SSL_get_fd(s->client[i].ssl) : -1, .events = s->client[i].wants};
		must(poll(fds, next, 1000) >= 0);
		for (size_t i = 0; i < next; i++)
			if (fds[i].revents)
				step(s, &s->client[i]);
	}
	return load_now_s() - began;
}

static void reset(struct swarm *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct client *c = &s->client[i];

		if (c->ssl)
			load_close(c->ssl);
		free(c->in);
		free(c->message);
		*c = (struct client){.hello = c->hello, .n_hello = c->n_hello};
	}
}

static void read_clients(struct swarm *s, const char *path)
{
	FILE *f = fopen(path, "r");
	uint8_t size[4];

	must(f);
	while (fread(size, 4, 1, f) == 1) {
		uint32_t n = big_endian(size, 4);
		uint8_t *bytes = malloc(n);

		must(bytes && s->n < CLIENTS_MAX && fread(bytes, n, 1, f) == 1);
		s->client[s->n++] = (struct client){.hello = bytes, .n_hello = n};
	}
	fclose(f);
}

int main(int argc, char **argv)
{
	static struct swarm s;
	double took;

	must(argc == 6);
	s.ctx = load_tls(argv[2], argv[3], argv[4]);
	s.port = atoi(argv[1]);
	read_clients(&s, argv[5]);
	took = run(&s);
	printf("floor_s %.3f\nfloor_failed %zu\n", took, s.failed);
	reset(&s);
	s.sync = true;
	took = run(&s);
	printf("sync_s %.3f\nin_sync %zu\n", took, s.over - s.failed);
	reset(&s);
	for (size_t i = 0; i < s.n; i++)
		free((void *)(uintptr_t)s.client[i].hello);
	SSL_CTX_free(s.ctx);
	return 0;
}
