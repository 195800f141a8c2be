/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* Appends s with control characters (and, for JSON, quotes) escaped; stops at the end of out. */
static size_t escape(char *out, size_t size, const char *s, bool json)
{
	size_t n = 0;

	for (; *s && n + 8 < size; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f)
			n += (size_t)snprintf(out + n, size - n, "\\u%04x", c);
		else if (json && (c == '"' || c == '\\'))
			n += (size_t)snprintf(out + n, size - n, "\\%c", c);
		else
			out[n++] = (char)c;
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
	escape(safe, sizeof(safe), text, json_now);
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
