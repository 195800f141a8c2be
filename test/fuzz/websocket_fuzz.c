/* SPDX-License-Identifier: Apache-2.0
 *
 * What a server sends over a WebSocket: the size of pieces, then bytes. In pieces and whole the messages are the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "base/must.h"
#include "net/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ANSWER                                                                                                               \
	"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"                        \
	"Sec-WebSocket-Protocol: p\r\n\r\n"

struct course {
	struct hash128 messages;
	size_t n, bytes;
	bool failed, closed;
};

static struct course take(const uint8_t *p, size_t n, size_t piece, bool opened)
{
	struct websocket_request r = {.target = "/", .host = "h", .user_agent = "u", .protocol = "p"};
	struct course c = {0};
	struct websocket ws;
	struct buf out;
	struct err e;

	memcpy(r.nonce, "the sample nonce", sizeof(r.nonce));
	buf_init(&out, 64 * 1024 * 1024);
	websocket_init(&ws, &r, &out);
	if (opened)
		must(!websocket_receive(&ws, ANSWER, sizeof(ANSWER) - 1, &e) && ws.open);
	for (size_t at = 0; at < n && !c.failed; at += piece) {
		const uint8_t *msg;
		size_t len;
		int rc = websocket_receive(&ws, p + at, n - at < piece ? n - at : piece, &e);

		while (!rc && (rc = websocket_next(&ws, &msg, &len, &out, &e)) > 0) {
			must(len <= WEBSOCKET_MESSAGE_MAX);
			c.messages = hash_mix_bytes(c.messages, msg ? (const void *)msg : "", len);
			c.n++;
			c.bytes += len;
			rc = 0;
		}
		c.failed = rc < 0;
	}
	c.closed = ws.closed;
	websocket_fini(&ws);
	buf_fini(&out);
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct course whole, pieces;
	bool opened;

	if (size < 2)
		return 0;
	opened = data[0] & 1;
	whole = take(data + 1, size - 1, size, opened);
	pieces = take(data + 1, size - 1, 1 + (data[0] >> 1) % 64, opened);
	must(whole.n == pieces.n && whole.bytes == pieces.bytes && hash_equal(whole.messages, pieces.messages));
	must(!opened || (whole.failed == pieces.failed && whole.closed == pieces.closed));
	return 0;
}
