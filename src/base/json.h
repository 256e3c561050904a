/*
 * Reading JSON (RFC 8259) with SQLite's JSON functions over a database in memory. A value is named by a
 * path in their notation, given as a format: json_text(j, mem, "$.authorizations[%zu]", i). Paths come from
 * the program, never from outside.
 *
 * Strict: no JSON5, at most JSON_SIZE bytes and JSON_DEPTH levels, no NUL in a text. Of two members with
 * one name the first counts. A text may hold control characters and bytes that are not UTF-8: whoever shows
 * it takes care.
 */
#ifndef EDGE_BASE_JSON_H
#define EDGE_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum { JSON_SIZE = 1 << 20, JSON_DEPTH = 32 };

enum json_type { JSON_NONE, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

struct json;

/* NULL: it is not JSON, beyond the limits, or memory is out. The text may go once this returns. */
struct json *json_open(struct str text);
/* NULL allowed. */
void json_close(struct json *j);

/* JSON_NONE: nothing there. */
enum json_type json_type(struct json *j, const char *path, ...) __attribute__((format(printf, 2, 3)));
/* In mem, with a NUL behind it. p is NULL when no text is there or memory is out. */
struct str json_text(struct json *j, struct arena *mem, const char *path, ...)
    __attribute__((format(printf, 3, 4)));
/* False when no whole number that fits is there. */
bool json_int(struct json *j, int64_t *out, const char *path, ...) __attribute__((format(printf, 3, 4)));
/* True only where `true` stands. */
bool json_is_true(struct json *j, const char *path, ...) __attribute__((format(printf, 2, 3)));
/* The number of an array's elements; 0 when no array is there. */
size_t json_count(struct json *j, const char *path, ...) __attribute__((format(printf, 2, 3)));

#endif
