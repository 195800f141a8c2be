/* SPDX-License-Identifier: Apache-2.0 */
#include "net/websocket.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/must.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 1.3 */

enum { OP_CONTINUE = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };
enum { FIN = 0x80, MASKED = 0x80, CONTROL_MAX = 125, HEAD_MAX = 14 };

/* ---- opening ---- */

void websocket_init(struct websocket *ws, const struct websocket_request *r, struct buf *out)
{
	char key[32] = "", text[80];
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	*ws = (struct websocket){.protocol = r->protocol};
	memcpy(&ws->seed, r->nonce, sizeof(ws->seed));
	buf_init(&ws->in, WEBSOCKET_HEADER_MAX + WEBSOCKET_MESSAGE_MAX + HEAD_MAX);
	buf_init(&ws->message, WEBSOCKET_MESSAGE_MAX);
	base64_encode(BASE64_PLAIN, r->nonce, sizeof(r->nonce), key);
	snprintf(text, sizeof(text), "%s" GUID, key);
	must(EVP_Digest(text, strlen(text), digest, &n, EVP_sha1(), NULL) == 1);
	base64_encode(BASE64_PLAIN, digest, n, ws->accept);
	buf_printf(
	    out,
	    "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nUpgrade: websocket\r\nConnection: "
	    "Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: %s\r\n",
	    r->target, r->host, r->user_agent, key, r->protocol);
	for (size_t i = 0; i < r->n_headers; i++)
		buf_printf(out, "%s\r\n", r->headers[i]);
	buf_str(out, "\r\n");
}

void websocket_fini(struct websocket *ws)
{
	buf_fini(&ws->in);
	buf_fini(&ws->message);
}

/* The value of a header into out, without the space around it; "" if it is absent or too long. */
static void take_header(const char *head, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);

	*out = '\0';
	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
		const char *value, *end;

		line += 2;
		if (strncasecmp(line, name, n) != 0 || line[n] != ':')
			continue;
		value = line + n + 1;
		value += strspn(value, " \t");
		end = value + strcspn(value, "\r");
		while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		if ((size_t)(end - value) < size)
			snprintf(out, size, "%.*s", (int)(end - value), value);
		return;
	}
}

static int refuse(const char *head, unsigned status, const char *body, struct err *e)
{
	enum err_code code = status == 404		      ? ERR_NOT_FOUND
			     : status == 401 || status == 403 ? ERR_REFUSED
							      : ERR_IO;
	const char *first = memchr(head, ' ', strcspn(head, "\r"));

	return err_set(e, code, "the server answers %.*s%s%.*s",
		       first ? (int)strcspn(first + 1, "\r") : 0, first ? first + 1 : "",
		       *body ? ": " : "",
		       (int)(strcspn(body, "\n") < 160 ? strcspn(body, "\n") : 160), body);
}

static int open_with(struct websocket *ws, const char *head, const char *body, struct err *e)
{
	char upgrade[32], accept[64], protocol[128];
	unsigned status = 0;

	if (sscanf(head, "HTTP/1.%*1[01] %3u", &status) != 1)
		return err_set(e, ERR_SYNTAX, "the answer is no HTTP/1.1");
	if (status != 101)
		return refuse(head, status, body, e);
	take_header(head, "Upgrade", upgrade, sizeof(upgrade));
	take_header(head, "Sec-WebSocket-Accept", accept, sizeof(accept));
	take_header(head, "Sec-WebSocket-Protocol", protocol, sizeof(protocol));
	if (strcasecmp(upgrade, "websocket") != 0 || strcmp(accept, ws->accept) != 0)
		return err_set(e, ERR_SYNTAX, "the answer opens no WebSocket of ours");
	if (strcmp(protocol, ws->protocol) != 0)
		return err_set(e, ERR_REFUSED, "the server does not speak %s", ws->protocol);
	ws->open = true;
	return 0;
}

int websocket_receive(struct websocket *ws, const void *p, size_t n, struct err *e)
{
	const char *text, *end;
	char *head_end;

	buf_append(&ws->in, p, n);
	if (ws->in.failed)
		return err_set(e, ERR_LIMIT, "the server sends more than %d bytes at once",
			       WEBSOCKET_MESSAGE_MAX);
	if (ws->open)
		return 0;
	text = buf_cstr(&ws->in);
	end = strstr(text, "\r\n\r\n");
	if (!end && ws->in.n > WEBSOCKET_HEADER_MAX)
		return err_set(e, ERR_LIMIT, "the answer's header is longer than %d bytes",
			       WEBSOCKET_HEADER_MAX);
	if (!end)
		return 0;
	head_end = ws->in.p + (end - text) + 2;
	*head_end = '\0';
	if (open_with(ws, text, head_end + 2, e))
		return -1;
	buf_consume(&ws->in, (size_t)(head_end + 2 - ws->in.p));
	return 0;
}

/* ---- frames ---- */

static void put_frame(struct websocket *ws, unsigned opcode, const uint8_t *first, const uint8_t *p,
		      size_t n, struct buf *out)
{
	size_t total = n + (first != NULL);
	uint8_t mask[4];
	char *room;

	ws->seed = ws->seed * 1664525u + 1013904223u;
	memcpy(mask, &ws->seed, sizeof(mask));
	buf_char(out, (char)(FIN | opcode));
	if (total <= CONTROL_MAX) {
		buf_char(out, (char)(MASKED | total));
	} else if (total <= 0xffff) {
		buf_char(out, (char)(MASKED | 126));
		buf_append(out, (uint8_t[]){(uint8_t)(total >> 8), (uint8_t)total}, 2);
	} else {
		buf_char(out, (char)(MASKED | 127));
		for (int shift = 56; shift >= 0; shift -= 8)
			buf_char(out, (char)((uint64_t)total >> shift));
	}
	buf_append(out, mask, sizeof(mask));
	room = buf_room(out, total ? total : 1);
	if (!room)
		return;
	for (size_t i = 0; i < total; i++)
		room[i] = (char)((first ? i ? p[i - 1] : *first : p[i]) ^ mask[i % 4]);
	buf_added(out, total);
}

void websocket_send(struct websocket *ws, uint8_t channel, const void *p, size_t n, struct buf *out)
{
	put_frame(ws, OP_BINARY, &channel, p, n, out);
}

void websocket_end(struct websocket *ws, struct buf *out)
{
	static const uint8_t normal[] = {1000 >> 8, 1000 & 0xff};

	if (!ws->closed)
		put_frame(ws, OP_CLOSE, NULL, normal, sizeof(normal), out);
	ws->closed = true;
}

struct frame {
	unsigned opcode;
	bool fin;
	const uint8_t *p;
	size_t n, whole; /* bytes of payload, and with the head */
};

/* 1, or 0 when it is not here yet. */
static int read_frame(const struct websocket *ws, struct frame *f, struct err *e)
{
	const uint8_t *p = (const uint8_t *)ws->in.p;
	uint64_t n;
	size_t head = 2;

	if (ws->in.n < head)
		return 0;
	f->opcode = p[0] & 15;
	f->fin = p[0] & FIN;
	n = p[1] & 127;
	if ((p[0] & 0x70) || (p[1] & MASKED))
		return err_set(e, ERR_SYNTAX,
			       "the server sends a frame of an extension, or a masked one");
	if (f->opcode >= OP_CLOSE && (n > CONTROL_MAX || !f->fin))
		return err_set(e, ERR_SYNTAX, "the server sends a control frame that is none");
	if (n >= 126) {
		size_t more = n == 126 ? 2 : 8;

		head += more;
		if (ws->in.n < head)
			return 0;
		n = 0;
		for (size_t i = 0; i < more; i++)
			n = n << 8 | p[2 + i];
	}
	if (n > WEBSOCKET_MESSAGE_MAX)
		return err_set(e, ERR_LIMIT, "the server sends a frame of more than %d bytes",
			       WEBSOCKET_MESSAGE_MAX);
	f->p = p + head;
	f->n = (size_t)n;
	f->whole = head + (size_t)n;
	return ws->in.n >= f->whole;
}

static int take_data(struct websocket *ws, const struct frame *f, struct err *e)
{
	bool more = f->opcode == OP_CONTINUE;

	if (f->opcode > OP_BINARY || more != (ws->opcode != 0))
		return err_set(e, ERR_SYNTAX,
			       "the server sends a frame of the kind %u where none can be",
			       f->opcode);
	if (!more) {
		buf_clear(&ws->message);
		ws->opcode = f->opcode;
	}
	buf_append(&ws->message, f->p, f->n);
	if (ws->message.failed)
		return err_set(e, ERR_LIMIT, "the server sends a message of more than %d bytes",
			       WEBSOCKET_MESSAGE_MAX);
	if (f->fin)
		ws->opcode = 0;
	return f->fin;
}

int websocket_next(struct websocket *ws, const uint8_t **p, size_t *n, struct buf *out,
		   struct err *e)
{
	struct frame f = {0};
	int rc = 0;

	while (ws->open && !ws->closed && !rc) {
		rc = read_frame(ws, &f, e);
		if (rc <= 0)
			return rc;
		rc = 0;
		if (f.opcode == OP_PING)
			put_frame(ws, OP_PONG, NULL, f.p, f.n, out);
		else if (f.opcode == OP_CLOSE)
			websocket_end(ws, out);
		else if (f.opcode != OP_PONG)
			rc = take_data(ws, &f, e);
		buf_consume(&ws->in, f.whole);
	}
	*p = (const uint8_t *)ws->message.p;
	*n = ws->message.n;
	return rc;
}
