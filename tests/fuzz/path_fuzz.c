/*
 * Paths and patterns: the first line is a pattern, the rest the path of a request. What is read holds nothing
 * that could climb, decoded once more too, and it is the same however the path is spelled.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/head.h"
#include "proxy/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool right)
{
    if (!right)
        abort();
}

/* As a careless server would decode: what is no escape stays. */
static void decode(struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%' && i + 2 < s.n && ascii_hex(s.p[i + 1]) >= 0 && ascii_hex(s.p[i + 2]) >= 0) {
            c = (char)(ascii_hex(s.p[i + 1]) * 16 + ascii_hex(s.p[i + 2]));
            i += 2;
        }
        check(buf_add(out, &c, 1));
    }
}

/* No `..` between any two of these, no NUL. A backslash is a slash, a `;` ends a name. */
static void check_flat(struct str s)
{
    size_t name = 0;
    check(str_find(s, '\0') == s.n);
    for (size_t i = 0; i <= s.n; i++) {
        if (i < s.n && s.p[i] != '/' && s.p[i] != '\\' && s.p[i] != ';')
            continue;
        bool begins = name == 0 || s.p[name - 1] != ';';
        check(!begins || !str_eq(str_take(str_skip(s, name), i - name), STR("..")));
        name = i + 1;
    }
}

/* Segment by segment; a `.` is left out, and at the end leaves the slash before it. */
static void drop_single_dots(struct str s, struct buf *out)
{
    for (;;) {
        struct str segment = str_take(s, str_find(s, '/'));
        bool last = segment.n == s.n;
        if (!str_eq(segment, STR(".")))
            check(buf_add_str(out, segment) && (last || buf_add(out, "/", 1)));
        if (last)
            return;
        s = str_skip(s, segment.n + 1);
    }
}

/* Every byte as an escape: another spelling of the same path. */
static void check_escaped(struct str read, struct arena *mem)
{
    struct buf escaped = {0};
    struct str again;
    for (size_t i = 0; i < read.n; i++)
        check(read.p[i] == '/' ? buf_add(&escaped, "/", 1)
                               : buf_printf(&escaped, i % 2 ? "%%%02x" : "%%%02X", (uint8_t)read.p[i]));
    check(path_read(buf_str(&escaped), mem, &again) == ERR_NONE && str_eq(again, read));
    buf_done(&escaped);
}

/* The plainest matcher: row by row, which path beginnings the pattern so far stands for. */
static bool matches(struct str pattern, struct str path)
{
    bool *at = calloc(path.n + 1, sizeof *at);
    check(at != NULL);
    at[0] = true;
    for (size_t p = 0; p < pattern.n; p++) {
        if (pattern.p[p] == '*') {
            for (size_t i = 1; i <= path.n; i++)
                at[i] |= at[i - 1];
            continue;
        }
        for (size_t i = path.n; i > 0; i--)
            at[i] = at[i - 1] && path.p[i - 1] == pattern.p[p];
        at[0] = false;
    }
    bool result = at[path.n];
    free(at);
    return result;
}

static void check_read(struct str target, struct str read, struct arena *mem)
{
    struct buf once = {0}, twice = {0}, plain = {0};
    decode(str_take(target, str_find(target, '?')), &once);
    decode(buf_str(&once), &twice);
    check_flat(buf_str(&once));
    check_flat(buf_str(&twice));
    check_flat(read);
    drop_single_dots(buf_str(&once), &plain);
    check(str_eq(read, buf_str(&plain)));
    check_escaped(read, mem);
    buf_done(&plain);
    buf_done(&once);
    buf_done(&twice);
}

/* Path of a request is `/…`, of the characters that a target may have. */
static bool is_path(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x21 || s.p[i] > 0x7e || s.p[i] == '#')
            return false;
    return s.n > 0 && s.n <= HEAD_MAX_TARGET && s.p[0] == '/';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena mem = {0};
    struct str in = str_from(data, size), read;
    struct str pattern = str_take(in, str_find(in, '\n'));
    struct str target = str_skip(in, pattern.n + 1);
    check(path_match(pattern, target) == matches(pattern, target));
    if (is_path(target) && path_read(target, &mem, &read) == ERR_NONE) {
        check_read(target, read, &mem);
        check(path_match(pattern, read) == matches(pattern, read));
    }
    arena_done(&mem);
    return 0;
}
