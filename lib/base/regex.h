/* SPDX-License-Identifier: Apache-2.0
 *
 * Regular expressions with RE2, the engine that Envoy itself uses, so that "valid" and "matches"
 * mean the same here and there. Linear in the text; memory of a pattern is bounded. Thread: pure.
 */
#ifndef BASE_REGEX_H
#define BASE_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { REGEX_PATTERN_MAX = 1024 };

struct regex;

/* 0, or -1 with the reason in why (size bytes, always terminated). */
int regex_check(const char *pattern, char *why, size_t size);
/* Instructions of the compiled program, what Envoy's re2.max_program_size limits; -1 if invalid. */
int regex_program_size(const char *pattern);
struct regex *regex_new(const char *pattern);	/* NULL if invalid */
void regex_free(struct regex *re);		/* NULL is fine */
bool regex_full_match(const struct regex *re, const char *text);
/* False if no text that begins with `first` matches in full; true if one may. "" counts as none. */
bool regex_may_begin(const struct regex *re, char first);
/* text with every match replaced, into out (size bytes, cut and always terminated); "\1" in `with` is
 * the first group, as RE2 has it. With an invalid `with` nothing is replaced. */
void regex_replace_all(const struct regex *re, const char *text, const char *with, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
