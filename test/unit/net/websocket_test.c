/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's side of a WebSocket against frames by hand, whole and byte by byte; the key and its answer are RFC 6455's example.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "net/websocket.h"

#define ANSWER                                                                                                               \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"                                    \
	"sec-websocket-accept:  s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\nSec-WebSocket-Protocol: p\r\n\r\n"

struct fix {
	struct websocket ws;
	struct buf out;
	struct err e;
};

static void start(struct fix *f)
{
	static const char *const headers[] = {"Authorization: Bearer t"};
	struct websocket_request r = {.target = "/a?b=c",
				      .host = "h:1",
				      .user_agent = "u",
				      .protocol = "p",
				      .headers = headers,
				      .n_headers = 1};

	memcpy(r.nonce, "the sample nonce", sizeof(r.nonce));
	buf_init(&f->out, 1 << 24);
	websocket_init(&f->ws, &r, &f->out);
}

static void open_it(struct fix *f)
{
	start(f);
	assert_int_equal(websocket_receive(&f->ws, ANSWER, sizeof(ANSWER) - 1, &f->e), 0);
	assert_true(f->ws.open);
	buf_clear(&f->out);
}

static void stop(struct fix *f)
{
	websocket_fini(&f->ws);
	buf_fini(&f->out);
}

static void opens(void **state)
{
	struct fix f = {0};

	(void)state;
	start(&f);
	assert_string_equal(buf_cstr(&f.out),
			    "GET /a?b=c HTTP/1.1\r\nHost: h:1\r\nUser-Agent: u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: p\r\n"
			    "Authorization: Bearer t\r\n\r\n");
	for (size_t i = 0; i < sizeof(ANSWER) - 1; i++) {
		assert_false(f.ws.open);
		assert_int_equal(websocket_receive(&f.ws, &ANSWER[i], 1, &f.e), 0);
	}
	assert_true(f.ws.open);
	stop(&f);
}

static void refusal(const char *answer, enum err_code code, const char *words)
{
	struct fix f = {0};

	start(&f);
	assert_int_equal(websocket_receive(&f.ws, answer, strlen(answer), &f.e), -1);
	assert_int_equal(f.e.code, code);
	if (!strstr(f.e.text, words))
		fail_msg("%s: not %s", f.e.text, words);
	stop(&f);
}

static void refusals(void **state)
{
	(void)state;
	refusal("HTTP/1.1 403 Forbidden\r\n\r\nyou may not\n", ERR_REFUSED, "403 Forbidden: you may not");
	refusal("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", ERR_NOT_FOUND, "404");
	refusal("HTTP/1.1 500 X\r\n\r\n", ERR_IO, "500");
	refusal("SSH-2.0-x\r\n\r\n", ERR_SYNTAX, "no HTTP");
	refusal("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n"
		"Sec-WebSocket-Protocol: p\r\n\r\n", ERR_SYNTAX, "no WebSocket of ours");
	refusal("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
		"Sec-WebSocket-Protocol: q\r\n\r\n", ERR_REFUSED, "does not speak p");
}

static void endless_header(void **state)
{
	struct fix f = {0};
	int rc = 0;

	(void)state;
	start(&f);
	for (int i = 0; i < 10000 && !rc; i++)
		rc = websocket_receive(&f.ws, "X: y\r\n", 6, &f.e);
	assert_int_equal(rc, -1);
	assert_int_equal(f.e.code, ERR_LIMIT);
	stop(&f);
}

static int feed(struct fix *f, const void *p, size_t n, const uint8_t **msg, size_t *n_msg)
{
	assert_int_equal(websocket_receive(&f->ws, p, n, &f->e), 0);
	return websocket_next(&f->ws, msg, n_msg, &f->out, &f->e);
}

static void messages(void **state)
{
	static const uint8_t frames[] = {0x82, 3, 0, 'a', 'b', 0x89, 1, 'x', 0x02, 1, 1, 0x8a, 0, 0x80, 2, 'c', 'd', 0x88, 2, 3, 0xe8};
	const uint8_t *p;
	size_t n;
	struct fix f = {0};

	(void)state;
	open_it(&f);
	assert_int_equal(feed(&f, frames, sizeof(frames), &p, &n), 1);
	assert_int_equal(n, 3);
	assert_memory_equal(p, "\0ab", 3);
	assert_int_equal(websocket_next(&f.ws, &p, &n, &f.out, &f.e), 1);	/* past a ping, a pong in the middle, of two frames */
	assert_int_equal(n, 3);
	assert_memory_equal(p, "\1cd", 3);
	assert_int_equal(f.out.n, 2 + 4 + 1);
	assert_int_equal((uint8_t)f.out.p[0], 0x8a);
	assert_int_equal(websocket_next(&f.ws, &p, &n, &f.out, &f.e), 0);
	assert_true(f.ws.closed);
	assert_int_equal((uint8_t)f.out.p[7], 0x88);
	stop(&f);
	/* byte by byte */
	open_it(&f);
	for (size_t i = 0, got = 0; i < sizeof(frames); i++) {
		got += (size_t)feed(&f, frames + i, 1, &p, &n);
		assert_true(got <= 2 && (i + 1 < sizeof(frames) || got == 2));
	}
	stop(&f);
}

static void breaches(void **state)
{
	static const struct {
		uint8_t bytes[12];
		size_t n;
	} bad[] = {
	    {{0xc2, 0}, 2},				/* an extension's bit */
	    {{0x82, 0x80, 0, 0, 0, 0}, 6},		/* masked */
	    {{0x83, 0}, 2},				/* a kind that there is not */
	    {{0x80, 0}, 2},				/* goes on with nothing */
	    {{0x02, 0, 0x82, 0}, 4},			/* begins within another */
	    {{0x09, 0}, 2},				/* a ping in pieces */
	    {{0x89, 126, 0, 126}, 4},			/* a ping too long */
	    {{0x82, 127, 0, 0, 0, 0, 0, 0x40, 0, 1}, 10},	/* over the limit */
	    {{0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 1}, 10},
	};
	const uint8_t *p;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fix f = {0};

		open_it(&f);
		if (feed(&f, bad[i].bytes, bad[i].n, &p, &n) != -1)
			fail_msg("frame %zu was taken", i);
		stop(&f);
	}
}

/* What is sent, unmasked, is what was given, whatever form its length has. */
static void sends(void **state)
{
	static const size_t sizes[] = {0, 1, 124, 125, 126, 65534, 65535, 70000};
	static char data[70000];

	(void)state;
	memset(data, 'q', sizeof(data));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i] + 1, head = n <= 125 ? 2 : n <= 65535 ? 4 : 10;
		struct fix f = {0};
		const uint8_t *p;

		open_it(&f);
		websocket_send(&f.ws, 7, data, sizes[i], &f.out);
		p = (const uint8_t *)f.out.p;
		assert_int_equal(f.out.n, head + 4 + n);
		assert_int_equal(p[0], 0x82);
		assert_int_equal(p[1] & 0x80, 0x80);
		assert_int_equal(p[head + 4] ^ p[head], 7);
		for (size_t k = 1; k < n; k++)
			assert_int_equal(p[head + 4 + k] ^ p[head + k % 4], 'q');
		stop(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(opens),	cmocka_unit_test(refusals), cmocka_unit_test(endless_header),
	    cmocka_unit_test(messages), cmocka_unit_test(breaches), cmocka_unit_test(sends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
