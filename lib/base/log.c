/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/scalar.h"

/* Process-wide by nature: set once at start, then only read. */
static enum log_level level_now = LOG_LEVEL_INFO;
static bool json_now;

static const char *const names[] = {"debug", "info", "warn", "error"};

void log_set_level(enum log_level level)
{
	level_now = level;
}

void log_set_json(bool json)
{
	json_now = json;
}

bool log_enabled(enum log_level level)
{
	return level >= level_now;
}

/* Of the sequence of n bytes at s; n 0: a byte that is no UTF-8 stands for itself. */
static unsigned code_point(const unsigned char *s, size_t n)
{
	if (n == 2)
		return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
	if (n == 3)
		return (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
	return n == 4 ? 0x10000 : s[0];		/* none of those beyond is unsafe */
}

/* What no reader of a log may meet as it is: controls old and new, other line ends, what turns the direction of text. */
static bool is_unsafe(unsigned c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

size_t log_escape(char *out, size_t size, const char *text, bool json)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = 0, left = strlen(text), len;

	for (; left && n + 8 < size; s += len, left -= len) {
		unsigned c;

		len = scalar_utf8_len(s, left);
		c = code_point(s, len);
		if (!len || is_unsafe(c)) {
			n += (size_t)snprintf(out + n, size - n, "\\u%04x", c);
			len = len ? len : 1;
			continue;
		}
		if (json && (c == '"' || c == '\\'))
			out[n++] = '\\';
		memcpy(out + n, s, len);
		n += len;
	}
	out[n] = '\0';
	return n;
}

void log_write(enum log_level level, const char *component, const char *fmt, ...)
{
	char text[2048], safe[4096], line[4400], when[40];
	struct timespec now;
	struct tm tm;
	va_list ap;
	int n;

	if (!log_enabled(level) || level >= LOG_LEVEL_NONE)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_escape(safe, sizeof(safe), text, json_now);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(line, sizeof(line),
		     json_now ? "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"component\":\"%s\","
				"\"text\":\"%s\"}\n"
			      : "%s.%03ldZ %s %s: %s\n",
		     when, now.tv_nsec / 1000000, names[level], component, safe);
	/* one write a line, so that lines of two threads do not mix */
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}
