/*
 * One line per event on standard error, with the priority prefix that journald reads (`<3>`) when it is not a terminal.
 * error: a person must act. warn: degraded. info: one line per lifecycle step. debug: off unless switched on.
 * errno survives every call. Never pass a secret.
 */
#ifndef EDGE_BASE_LOG_H
#define EDGE_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* Names the role in every line ("worker 0"); the text is kept by reference. */
void log_init(const char *role, enum log_level up_to);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* log_error() and exit(1): for what cannot happen and for start-up failures that leave nothing to serve. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
