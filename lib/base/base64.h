/* SPDX-License-Identifier: Apache-2.0
 *
 * Base64 (RFC 4648), strict: one text for each sequence of bytes. No spaces, no line breaks, no
 * bits behind the end. Thread: pure.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum base64_form {
	BASE64_PLAIN, /* '+', '/', padded */
	BASE64_URL,   /* '-', '_', without padding: JWT */
};

#define BASE64_SIZE(n) (((n) + 2) / 3 * 4) /* characters for n bytes, padded */

/* The number of bytes written to out, which holds at least n / 4 * 3 + 2; -1 when the text is none.
 */
ssize_t base64_decode(enum base64_form form, const char *text, size_t n, uint8_t *out);
/* Writes no NUL; returns the number of characters, at most BASE64_SIZE(n). */
size_t base64_encode(enum base64_form form, const uint8_t *p, size_t n, char *out);

#endif
