/* SPDX-License-Identifier: Apache-2.0 */
#include "base/regex.h"

#include <cstdio>
#include <cstring>
#include <new>
#include <re2/re2.h>
#include <string>

struct regex {
	re2::RE2 re;

	explicit regex(const char *pattern, const re2::RE2::Options &o) : re(pattern, o) {}
};

static re2::RE2::Options options()
{
	re2::RE2::Options o(re2::RE2::Quiet);

	/* as Envoy 1.40 reads patterns, bytes and not characters: it refuses \x{100} */
	o.set_encoding(re2::RE2::Options::EncodingLatin1);
	return o;
}

int regex_check(const char *pattern, char *why, size_t size)
{
	if (strlen(pattern) > REGEX_PATTERN_MAX) {
		snprintf(why, size, "longer than %d bytes", REGEX_PATTERN_MAX);
		return -1;
	}
	re2::RE2 re(pattern, options());
	if (!re.ok()) {
		snprintf(why, size, "%s", re.error().c_str());
		return -1;
	}
	if (size)
		why[0] = '\0';
	return 0;
}

int regex_program_size(const char *pattern)
{
	if (strlen(pattern) > REGEX_PATTERN_MAX)
		return -1;
	re2::RE2 re(pattern, options());
	return re.ok() ? re.ProgramSize() : -1;
}

struct regex *regex_new(const char *pattern)
{
	struct regex *r;

	if (strlen(pattern) > REGEX_PATTERN_MAX)
		return nullptr;
	r = new (std::nothrow) regex(pattern, options());
	if (r && !r->re.ok()) {
		delete r;
		return nullptr;
	}
	return r;
}

void regex_free(struct regex *re)
{
	delete re;
}

bool regex_full_match(const struct regex *re, const char *text)
{
	return re2::RE2::FullMatch(text, re->re);
}

bool regex_may_begin(const struct regex *re, char first)
{
	std::string low, high;
	re2::RE2 whole("^(?:" + re->re.pattern() + ")$", options());

	if (!whole.ok() || !whole.PossibleMatchRange(&low, &high, 16))
		return true;
	return high >= std::string(1, first) && (low.empty() || (unsigned char)low[0] <= (unsigned char)first);
}

void regex_replace_all(const struct regex *re, const char *text, const char *with, char *out, size_t size)
{
	std::string s(text);

	re2::RE2::GlobalReplace(&s, re->re, with);
	snprintf(out, size, "%s", s.c_str());
}
