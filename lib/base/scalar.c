/* SPDX-License-Identifier: Apache-2.0 */
#include "base/scalar.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/must.h"

enum { LABEL_MAX = 63, NAME_MAX_LEN = 253 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The unit at *s, which moves behind it; 0 if there is none. */
static int64_t duration_unit(const char **s)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{"ns", 1}, {"us", 1000}, {"\xc2\xb5s", 1000}, {"\xce\xbcs", 1000}, {"ms", 1000000},
		{"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i].name);

		if (!strncmp(*s, units[i].name, n)) {
			*s += n;
			return units[i].ns;
		}
	}
	return 0;
}

/* One term, "1.5s". Digits behind the point that a nanosecond cannot hold are dropped. */
static int duration_term(const char **s, int64_t *ns)
{
	int64_t whole = 0, fraction = 0, scale = 1, unit, part;
	bool any = false;

	for (; is_digit(**s); ++*s, any = true)
		if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, **s - '0', &whole))
			return -1;
	if (**s == '.') {
		for (++*s; is_digit(**s); ++*s, any = true) {
			if (scale >= 1000000000000000)
				continue;
			fraction = fraction * 10 + (**s - '0');
			scale *= 10;
		}
	}
	if (!any)
		return -1;
	unit = duration_unit(s);
	if (!unit || __builtin_mul_overflow(whole, unit, &part))
		return -1;
	return __builtin_add_overflow(part, (int64_t)((__int128)fraction * unit / scale), ns) ? -1 : 0;
}

int scalar_duration_ns(const char *s, int64_t *ns)
{
	int64_t sum = 0, term;
	bool negative = *s == '-';

	if (*s == '-' || *s == '+')
		s++;
	if (!strcmp(s, "0")) {
		*ns = 0;
		return 0;
	}
	if (!*s)
		return -1;
	while (*s)
		if (duration_term(&s, &term) || __builtin_add_overflow(sum, term, &sum))
			return -1;
	*ns = negative ? -sum : sum;
	return 0;
}

int scalar_ip(const char *s, struct ip *out)
{
	struct ip ip = {.len = 4};

	if (inet_pton(AF_INET, s, ip.bytes) != 1) {
		ip.len = 16;
		if (inet_pton(AF_INET6, s, ip.bytes) != 1)
			return -1;
	}
	*out = ip;
	return 0;
}

bool scalar_is_ip(const char *s)
{
	struct ip ip;

	return scalar_ip(s, &ip) == 0;
}

int scalar_cidr(const char *s, struct cidr *out)
{
	const char *slash = strchr(s, '/');
	char text[INET6_ADDRSTRLEN];
	struct cidr c;
	int64_t len;

	if (!slash)
		slash = s + strlen(s);
	if ((size_t)(slash - s) >= sizeof(text))
		return -1;
	memcpy(text, s, (size_t)(slash - s));
	text[slash - s] = '\0';
	if (scalar_ip(text, &c.ip))
		return -1;
	len = c.ip.len * 8;
	/* "/08" is no prefix length: some read it as octal */
	if (*slash && ((slash[1] == '0' && slash[2]) || slash[1] == '-' || scalar_int(slash + 1, 0, len, &len)))
		return -1;
	c.prefix_len = (uint8_t)len;
	*out = c;
	return 0;
}

bool cidr_contains(const struct cidr *net, const struct ip *ip)
{
	unsigned whole = net->prefix_len / 8, rest = net->prefix_len % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	if (net->ip.len != ip->len || memcmp(net->ip.bytes, ip->bytes, whole))
		return false;
	return !rest || !((net->ip.bytes[whole] ^ ip->bytes[whole]) & mask);
}

char *ip_text(const struct ip *ip, char out[46])
{
	return (char *)(uintptr_t)inet_ntop(ip->len == 4 ? AF_INET : AF_INET6, ip->bytes, out, 46);
}

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || is_digit(c);
}

/* The length of the DNS-1123 label at s, up to a dot or the end; 0 if there is none. */
static size_t label_len(const char *s)
{
	size_t n = 0;

	while (is_label_char(s[n]) || s[n] == '-')
		n++;
	if (!n || n > LABEL_MAX || s[0] == '-' || s[n - 1] == '-' || (s[n] && s[n] != '.'))
		return 0;
	return n;
}

bool scalar_is_dns_label(const char *s)
{
	size_t n = label_len(s);

	return n && !s[n];
}

bool scalar_is_dns_name(const char *s)
{
	if (strnlen(s, NAME_MAX_LEN + 1) > NAME_MAX_LEN)
		return false;
	for (;;) {
		size_t n = label_len(s);

		if (!n)
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

bool scalar_is_wildcard_dns_name(const char *s)
{
	if (!strcmp(s, "*"))
		return true;
	if (strnlen(s, NAME_MAX_LEN + 1) > NAME_MAX_LEN)
		return false;
	return scalar_is_dns_name(!strncmp(s, "*.", 2) ? s + 2 : s);
}

size_t scalar_utf8_len(const uint8_t *p, size_t left)
{
	uint8_t lo = 0x80, hi = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return p[0] != 0;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (left < n || p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool scalar_is_utf8(const char *p, size_t n)
{
	const uint8_t *s = (const uint8_t *)p;

	for (size_t i = 0; i < n;) {
		size_t len = scalar_utf8_len(s + i, n - i);

		if (!len)
			return false;
		i += len;
	}
	return true;
}

/* n digits at *s, which moves behind them and the character `then` (0: none); -1 if they are not there. */
static int digits(const char **s, int n, char then)
{
	int v = 0;

	for (; n; n--, ++*s) {
		if (!is_digit(**s))
			return -1;
		v = v * 10 + (**s - '0');
	}
	if (then && *(*s)++ != then)
		return -1;
	return v;
}

static int month_days(int year, int month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Days from 1970-01-01 in the Gregorian calendar, counted from March so that the leap day is last. */
static int64_t days_since_1970(int year, int month, int day)
{
	int64_t y = year - (month <= 2), era_year, day_of_year;

	era_year = y + 800;	/* positive for all years that RFC 3339 can write */
	day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era_year * 365 + era_year / 4 - era_year / 100 + era_year / 400 + day_of_year - 719468 - 292194;
}

/* "Z" or "+01:30", in seconds; false if it is none. */
static bool time_offset(const char **s, int64_t *offset)
{
	int hours, minutes, sign;

	if (**s == 'Z' || **s == 'z') {
		++*s;
		*offset = 0;
		return true;
	}
	if (**s != '+' && **s != '-')
		return false;
	sign = *(*s)++ == '-' ? -1 : 1;
	hours = digits(s, 2, ':');
	minutes = hours < 0 ? -1 : digits(s, 2, 0);
	if (minutes < 0 || hours > 23 || minutes > 59)
		return false;
	*offset = sign * (hours * 3600 + minutes * 60);
	return true;
}

int scalar_time_ns(const char *s, int64_t *ns)
{
	int year, month, day, hour = -1, minute = -1, second = -1;
	int64_t fraction = 0, scale = 1000000000, offset, sum;

	year = digits(&s, 4, '-');
	month = year < 0 ? -1 : digits(&s, 2, '-');
	day = month < 0 ? -1 : digits(&s, 2, 0);
	if (day < 1 || month < 1 || month > 12 || day > month_days(year, month))
		return -1;
	if (*s != 'T' && *s != 't')
		return -1;
	s++;
	hour = digits(&s, 2, ':');
	minute = hour < 0 ? -1 : digits(&s, 2, ':');
	second = minute < 0 ? -1 : digits(&s, 2, 0);
	if (second < 0 || hour > 23 || minute > 59 || second > 60)
		return -1;
	if (*s == '.') {
		if (!is_digit(*++s))
			return -1;
		for (; is_digit(*s); s++) {
			scale /= 10;
			fraction += (*s - '0') * scale;
		}
	}
	if (!time_offset(&s, &offset) || *s)
		return -1;
	sum = days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
	if (__builtin_mul_overflow(sum, 1000000000, &sum) || __builtin_add_overflow(sum, fraction, &sum))
		return -1;
	*ns = sum;
	return 0;
}

char *scalar_time_print(int64_t seconds, char out[SCALAR_TIME])
{
	static const int64_t first = -62135596800, last = 253402300799; /* of the years 1 to 9999 */
	time_t t = (time_t)(seconds < first ? first : seconds > last ? last : seconds);
	struct tm tm;

	must(gmtime_r(&t, &tm));
	must(strftime(out, SCALAR_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm));
	return out;
}

char *scalar_time_print_ns(int64_t ns, int digits, char out[SCALAR_TIME])
{
	char fraction[10];
	size_t n;

	must(digits >= 1 && digits <= 9);
	ns = ns < 0 ? 0 : ns;
	snprintf(fraction, sizeof(fraction), "%09d", (int)(ns % 1000000000));
	n = strlen(scalar_time_print(ns / 1000000000, out)) - 1;	/* without the Z */
	snprintf(out + n, SCALAR_TIME - n, ".%.*sZ", digits, fraction);
	return out;
}

int scalar_int(const char *s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = *s == '-';
	int64_t v = 0;

	if (negative)
		s++;
	if (!*s)
		return -1;
	for (; *s; s++) {
		int digit = *s - '0';

		if (!is_digit(*s) || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, negative ? -digit : digit, &v))
			return -1;
	}
	if (v < min || v > max)
		return -1;
	*out = v;
	return 0;
}

int scalar_grpc_status(const char *s, uint32_t *out)
{
	static const char *const names[] = {	/* by number */
		"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
		"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
		"UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
	};

	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(names[i], s)) {
			*out = i;
			return 0;
		}
	}
	return -1;
}

/* What a character of base64 stands for; 0: nothing. */
enum { DIGIT = 128, URL = 64 };	/* bits beside the value; URL: of the alphabet of URLs alone */
static const uint8_t base64_digits[256] = {
#define D(c, v) [c] = DIGIT | (v)
	D('A', 0), D('B', 1), D('C', 2), D('D', 3), D('E', 4), D('F', 5), D('G', 6), D('H', 7), D('I', 8), D('J', 9),
	D('K', 10), D('L', 11), D('M', 12), D('N', 13), D('O', 14), D('P', 15), D('Q', 16), D('R', 17), D('S', 18),
	D('T', 19), D('U', 20), D('V', 21), D('W', 22), D('X', 23), D('Y', 24), D('Z', 25), D('a', 26), D('b', 27),
	D('c', 28), D('d', 29), D('e', 30), D('f', 31), D('g', 32), D('h', 33), D('i', 34), D('j', 35), D('k', 36),
	D('l', 37), D('m', 38), D('n', 39), D('o', 40), D('p', 41), D('q', 42), D('r', 43), D('s', 44), D('t', 45),
	D('u', 46), D('v', 47), D('w', 48), D('x', 49), D('y', 50), D('z', 51), D('0', 52), D('1', 53), D('2', 54),
	D('3', 55), D('4', 56), D('5', 57), D('6', 58), D('7', 59), D('8', 60), D('9', 61), D('+', 62), D('/', 63),
	D('-', URL | 62), D('_', URL | 63),
#undef D
};

/* Whole groups of four digits, as far as there is nothing else; returns their number. */
static size_t base64_groups(const char *s, size_t n, uint8_t *out)
{
	size_t groups = 0;

	for (; n - 4 * groups >= 4; groups++, s += 4, out += 3) {
		uint32_t a = base64_digits[(uint8_t)s[0]], b = base64_digits[(uint8_t)s[1]];
		uint32_t c = base64_digits[(uint8_t)s[2]], d = base64_digits[(uint8_t)s[3]];
		uint32_t bits = (a << 18) + (b << 12) + (c << 6) + d - (((DIGIT << 6) + DIGIT) << 12) - (DIGIT << 6) - DIGIT;

		if (!(a & b & c & d & DIGIT) || (a | b | c | d) & URL)
			break;
		out[0] = (uint8_t)(bits >> 16);
		out[1] = (uint8_t)(bits >> 8);
		out[2] = (uint8_t)bits;
	}
	return groups;
}

ptrdiff_t scalar_base64(const char *s, size_t n, bool strict, uint8_t *out)
{
	size_t digits = 4 * base64_groups(s, n, out), pads = 0, bytes = digits / 4 * 3;
	uint32_t bits = 0;

	for (size_t i = digits; i < n; i++) {
		uint8_t digit = base64_digits[(uint8_t)s[i]];

		if (digit && !pads && !(strict && digit & URL)) {
			bits = bits << 6 | (digit & 63);
			if (++digits % 4 != 1)
				out[bytes++] = (uint8_t)(bits >> (6 - 2 * (digits - 1) % 8));
		} else if (s[i] == '=') {
			pads++;
		} else if (!strict || (s[i] != '\n' && s[i] != '\r')) {
			return -1;
		}
	}
	if (digits % 4 == 1 || pads > 2 || ((strict || pads) && (digits + pads) % 4 != 0))
		return -1;
	return (ptrdiff_t)bytes;
}

bool scalar_is_bool(const char *s)
{
	static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};

	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (!strcmp(s, no[i]))
			return true;
	return scalar_is_true(s);
}

bool scalar_is_true(const char *s)
{
	static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (!strcmp(s, yes[i]))
			return true;
	return false;
}
