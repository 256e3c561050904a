#include "proxy/path.h"

#include "base/err.h"

/* Percent-decodes s into out, which has room for s.n bytes. Returns the length, or -1 for a malformed escape or NUL. */
static long decode(struct str s, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            int high = i + 2 < s.n ? ascii_hex(s.p[i + 1]) : -1;
            int low = i + 2 < s.n ? ascii_hex(s.p[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0)
                return -1;
            c = (char)(high * 16 + low);
            i += 2;
        }
        out[n++] = c;
    }
    return (long)n;
}

static bool is_slash(char c)
{
    return c == '/' || c == '\\'; /* some servers take the one for the other */
}

/* Some segment is `..`, with or without `;params`. */
static bool climbs(struct str s)
{
    size_t at = 0;
    while (at < s.n) {
        size_t end = at;
        while (end < s.n && !is_slash(s.p[end]))
            end++;
        struct str segment = str_take(str_skip(s, at), end - at);
        if (str_eq(str_take(segment, str_find(segment, ';')), STR("..")))
            return true;
        at = end + 1;
    }
    return false;
}

/* Decoded twice: a server behind the next one may do that. A malformed second escape is no escape. */
static bool climbs_when_decoded_again(struct str s, struct arena *mem)
{
    if (str_find(s, '%') == s.n)
        return false;
    char *again = arena_alloc(mem, s.n);
    long n = again ? decode(s, again) : -1;
    return again == NULL || (n >= 0 && climbs(str_from(again, (size_t)n)));
}

static size_t drop_single_dots(char *p, size_t n)
{
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        bool starts = i > 0 && p[i - 1] == '/';
        bool ends = i + 1 == n || p[i + 1] == '/';
        if (p[i] == '.' && starts && ends) {
            i++; /* the dot and the slash behind it */
            continue;
        }
        p[out++] = p[i];
    }
    return out;
}

int path_read(struct str target, struct arena *mem, struct str *out)
{
    struct str path = str_take(target, str_find(target, '?'));
    char *decoded = arena_alloc(mem, path.n + 1);
    if (!decoded)
        return ERR_NOMEM;
    long n = decode(path, decoded);
    if (n < 0)
        return ERR_HTTP_TARGET;
    struct str once = str_from(decoded, (size_t)n);
    if (climbs(once) || climbs_when_decoded_again(once, mem))
        return ERR_HTTP_TARGET;
    *out = str_from(decoded, drop_single_dots(decoded, (size_t)n));
    return ERR_NONE;
}

bool path_match(struct str pattern, struct str path)
{
    size_t p = 0, s = 0, star = pattern.n, mark = 0;
    while (s < path.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            mark = s;
        } else if (p < pattern.n && pattern.p[p] == path.p[s]) {
            p++;
            s++;
        } else if (star < pattern.n) {
            p = star + 1;
            s = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}
