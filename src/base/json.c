#include "base/json.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_MAX_LENGTH = 256, COLUMN_TYPE = 0, COLUMN_VALUE = 1, COLUMN_COUNT = 2 };

struct json {
    sqlite3 *db;
    sqlite3_stmt *look; /* ?1 is bound to the parsed document for good, ?2 is the path */
};

/*
 * What SQLite leaves open: the depth (it allows 1000 levels, and its parser recurses), and NUL, raw or
 * escaped, which cuts its texts short. Anything else that is wrong is for json_valid().
 */
static bool within_limits(struct str text)
{
    size_t depth = 0;
    bool quoted = false;
    if (text.n > JSON_SIZE || str_find(text, '\0') < text.n)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (quoted && c == '\\') {
            if (str_starts(str_skip(text, i), STR("\\u0000")))
                return false;
            i++;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && (c == '[' || c == '{')) {
            if (++depth > JSON_DEPTH)
                return false;
        } else if (!quoted && (c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return true;
}

/* Parses once: later look-ups read SQLite's binary form. */
static bool load(struct json *j, struct str text)
{
    sqlite3_stmt *parse = NULL;
    bool good = false;
    if (sqlite3_prepare_v2(j->db, "SELECT jsonb(?1) WHERE json_valid(?1, 1)", -1, &parse, NULL) != SQLITE_OK)
        return false;
    if (sqlite3_bind_text(parse, 1, text.p ? text.p : "", (int)text.n, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(parse) == SQLITE_ROW)
        good = sqlite3_bind_value(j->look, 1, sqlite3_column_value(parse, 0)) == SQLITE_OK;
    sqlite3_finalize(parse);
    return good;
}

struct json *json_open(struct str text)
{
    static const char look[] = "SELECT json_type(?1, ?2), ?1 ->> ?2, json_array_length(?1, ?2)";
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY;
    struct json *j = within_limits(text) ? calloc(1, sizeof *j) : NULL;
    if (!j)
        return NULL;
    if (sqlite3_open_v2(":memory:", &j->db, flags, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(j->db, look, -1, &j->look, NULL) != SQLITE_OK || !load(j, text)) {
        json_close(j);
        return NULL;
    }
    return j;
}

void json_close(struct json *j)
{
    if (!j)
        return;
    sqlite3_finalize(j->look);
    sqlite3_close(j->db);
    free(j);
}

/* What stands at the path is the statement's row afterwards, until the next look. */
__attribute__((format(printf, 2, 0))) static bool look_at(struct json *j, const char *path, va_list ap)
{
    char text[PATH_MAX_LENGTH];
    sqlite3_reset(j->look);
    int n = vsnprintf(text, sizeof text, path, ap);
    return n > 0 && (size_t)n < sizeof text &&
           sqlite3_bind_text(j->look, 2, text, n, SQLITE_TRANSIENT) == SQLITE_OK &&
           sqlite3_step(j->look) == SQLITE_ROW && sqlite3_column_text(j->look, COLUMN_TYPE) != NULL;
}

static enum json_type type_of(struct json *j)
{
    static const struct {
        const char *name;
        enum json_type type;
    } rows[] = {
        {"null", JSON_NULL},   {"true", JSON_BOOL}, {"false", JSON_BOOL},  {"integer", JSON_NUMBER},
        {"real", JSON_NUMBER}, {"text", JSON_TEXT}, {"array", JSON_ARRAY}, {"object", JSON_OBJECT},
    };
    const char *name = (const char *)sqlite3_column_text(j->look, COLUMN_TYPE);
    for (size_t i = 0; name && i < nitems(rows); i++) {
        if (strcmp(name, rows[i].name) == 0)
            return rows[i].type;
    }
    return JSON_NONE;
}

enum json_type json_type(struct json *j, const char *path, ...)
{
    va_list ap;
    va_start(ap, path);
    enum json_type type = look_at(j, path, ap) ? type_of(j) : JSON_NONE;
    va_end(ap);
    return type;
}

struct str json_text(struct json *j, struct arena *mem, const char *path, ...)
{
    va_list ap;
    va_start(ap, path);
    bool found = look_at(j, path, ap) && type_of(j) == JSON_TEXT;
    va_end(ap);
    const void *text = found ? sqlite3_column_text(j->look, COLUMN_VALUE) : NULL;
    if (!text)
        return (struct str){NULL, 0};
    return arena_dup(mem, str_from(text, (size_t)sqlite3_column_bytes(j->look, COLUMN_VALUE)));
}

bool json_int(struct json *j, int64_t *out, const char *path, ...)
{
    va_list ap;
    va_start(ap, path);
    bool found = look_at(j, path, ap) && type_of(j) == JSON_NUMBER;
    va_end(ap);
    if (!found || sqlite3_column_type(j->look, COLUMN_VALUE) != SQLITE_INTEGER)
        return false;
    *out = sqlite3_column_int64(j->look, COLUMN_VALUE);
    return true;
}

bool json_is_true(struct json *j, const char *path, ...)
{
    va_list ap;
    va_start(ap, path);
    bool found = look_at(j, path, ap) && type_of(j) == JSON_BOOL;
    va_end(ap);
    return found && sqlite3_column_int(j->look, COLUMN_VALUE) == 1;
}

size_t json_count(struct json *j, const char *path, ...)
{
    va_list ap;
    va_start(ap, path);
    bool found = look_at(j, path, ap) && type_of(j) == JSON_ARRAY;
    va_end(ap);
    return found ? (size_t)sqlite3_column_int64(j->look, COLUMN_COUNT) : 0;
}
