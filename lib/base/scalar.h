/* SPDX-License-Identifier: Apache-2.0
 *
 * One parser for each scalar that users write. Each returns 0, or -1 without touching *out; the
 * caller reports. Thread: pure.
 */
#ifndef BASE_SCALAR_H
#define BASE_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Go durations ("1h2m3.5s", "8ms", "-1.5s", "100us", "100µs", "5ns", "0") and protobuf's ("3s"). */
int scalar_duration_ns(const char *s, int64_t *ns);

/* An IPv4 or IPv6 address; bytes in network order. */
struct ip {
	uint8_t bytes[16];
	uint8_t len;	/* 4 or 16 */
};
int scalar_ip(const char *s, struct ip *out);
bool scalar_is_ip(const char *s);
/* "10.0.0.0/8" or a bare address (full length). The host bits may be set; they are kept. */
struct cidr {
	struct ip ip;
	uint8_t prefix_len;
};
int scalar_cidr(const char *s, struct cidr *out);
bool cidr_contains(const struct cidr *net, const struct ip *ip);
/* Canonical text ("10.0.0.0", "2001:db8::1"); out holds at least 46 bytes. Returns out. */
char *ip_text(const struct ip *ip, char out[46]);

/* DNS-1123 label (<= 63) and subdomain (<= 253); the wildcard form allows one leading "*." or "*". */
bool scalar_is_dns_label(const char *s);
bool scalar_is_dns_name(const char *s);
bool scalar_is_wildcard_dns_name(const char *s);
/* Valid UTF-8 without NUL. */
bool scalar_is_utf8(const char *p, size_t n);
/* The length of the sequence at p (Unicode table 3-7: nothing overlong, no surrogate), or 0; left > 0. */
size_t scalar_utf8_len(const uint8_t *p, size_t left);
/* RFC 3339 time to seconds since 1970 and nanoseconds ordered together as ns. */
int scalar_time_ns(const char *s, int64_t *ns);
/* Seconds since 1970 to RFC 3339, UTC, without a fraction. Returns out. */
enum { SCALAR_TIME = 32 };
char *scalar_time_print(int64_t seconds, char out[SCALAR_TIME]);
/* The same of nanoseconds, with so many digits (1 to 9) of a fraction: "2026-01-02T03:04:05.000600Z". Nothing is before 1970. */
char *scalar_time_print_ns(int64_t ns, int digits, char out[SCALAR_TIME]);
/* The name of a gRPC status ("NOT_FOUND") to its number. */
int scalar_grpc_status(const char *s, uint32_t *out);
/* true or false as Go's strconv writes and reads them. */
bool scalar_is_bool(const char *s);
bool scalar_is_true(const char *s);	/* one of its words for true */
/* Decimal text to integer within [min, max]; refuses signs other than '-', spaces, empty text. */
int scalar_int(const char *s, int64_t min, int64_t max, int64_t *out);
/* The bytes of base64 text, of which out holds n / 4 * 3 + 3; their number, or -1. Strict is what Go and
 * Kubernetes read: RFC 4648, padded, line ends anywhere. Else as proto3 JSON has it: both alphabets, with
 * or without padding. */
ptrdiff_t scalar_base64(const char *s, size_t n, bool strict, uint8_t *out);

#endif
