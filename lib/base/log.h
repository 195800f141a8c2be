/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon's log: one line an event on stderr, "<time> <level> <component> <text>" or, with
 * log_set_json, one JSON object. Secrets never get here (R10). Control characters in text, and what
 * else could break or turn its line, are escaped. Thread: any.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVEL_NONE };

void log_set_level(enum log_level level);
void log_set_json(bool json);
bool log_enabled(enum log_level level);

#define log_debug(component, ...) log_write(LOG_LEVEL_DEBUG, component, __VA_ARGS__)
#define log_info(component, ...) log_write(LOG_LEVEL_INFO, component, __VA_ARGS__)
#define log_warn(component, ...) log_write(LOG_LEVEL_WARN, component, __VA_ARGS__)
#define log_error(component, ...) log_write(LOG_LEVEL_ERROR, component, __VA_ARGS__)

/* Into out, of 9 bytes or more: as much as fits, for JSON's strings too; the length. */
size_t log_escape(char *out, size_t size, const char *text, bool json);
void log_write(enum log_level level, const char *component, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
