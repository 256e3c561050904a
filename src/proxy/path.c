#include "proxy/path.h"

#include "base/err.h"

static int escape(struct str s, size_t at)
{
    int high = at + 2 < s.n ? ascii_hex(s.p[at + 1]) : -1;
    int low = at + 2 < s.n ? ascii_hex(s.p[at + 2]) : -1;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Percent-decodes s into out, which has room for s.n bytes; *malformed: some escape is none, and was left as it is. */
static struct str decode(struct str s, char *out, bool *malformed)
{
    size_t n = 0;
    *malformed = false;
    for (size_t i = 0; i < s.n; i++) {
        int c = s.p[i] == '%' ? escape(s, i) : -1;
        *malformed |= s.p[i] == '%' && c < 0;
        out[n++] = c < 0 ? s.p[i] : (char)c;
        i += c < 0 ? 0 : 2;
    }
    return str_from(out, n);
}

static bool is_slash(char c)
{
    return c == '/' || c == '\\'; /* some servers take the one for the other */
}

/* Some segment is `..`, with or without `;params`, or a `.` that is one only for who drops its params. */
static bool climbs(struct str s)
{
    size_t at = 0;
    while (at < s.n) {
        size_t end = at;
        while (end < s.n && !is_slash(s.p[end]))
            end++;
        struct str segment = str_take(str_skip(s, at), end - at);
        struct str name = str_take(segment, str_find(segment, ';'));
        if (str_eq(name, STR("..")) || (str_eq(name, STR(".")) && segment.n > name.n))
            return true;
        at = end + 1;
    }
    return false;
}

/* The ASCII character that s begins with, written in more bytes than it needs (RFC 3629 section 3), or -1. */
static int overlong(struct str s)
{
    static const uint8_t leads[] = {0xc0, 0xe0, 0xf0, 0xf8, 0xfc};
    uint8_t lead = (uint8_t)s.p[0];
    size_t more = 0;
    uint32_t value = 0;
    for (size_t i = 0; i < nitems(leads); i++)
        if (lead == leads[i] || (i == 0 && lead == 0xc1))
            more = i + 1;
    if (more == 0 || s.n <= more)
        return -1;
    value = lead & 1;
    for (size_t i = 1; i <= more; i++) {
        if (((uint8_t)s.p[i] & 0xc0) != 0x80)
            return -1;
        value = value << 6 | ((uint8_t)s.p[i] & 0x3f);
    }
    return value < 0x80 ? (int)value : -1;
}

/* Careless decoders take C0 AE for a dot. Other overlong characters mislead nobody, and are letters in GBK and Shift JIS. */
static bool hides_structure(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        int c = overlong(str_skip(s, i));
        if (c == 0 || c == '.' || (c > 0 && is_slash((char)c)))
            return true;
    }
    return false;
}

/* What no reading of a path may hold. */
static bool is_ambiguous(struct str s)
{
    return str_find(s, '\0') < s.n || climbs(s) || hides_structure(s);
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
    bool malformed;
    if (!decoded)
        return ERR_NOMEM;
    struct str once = decode(path, decoded, &malformed);
    if (malformed || is_ambiguous(once))
        return ERR_HTTP_TARGET;
    /* A server behind the backend may decode again. There `%zz` is no escape, and hides none of the others. */
    if (str_find(once, '%') < once.n) {
        char *again = arena_alloc(mem, once.n);
        if (!again)
            return ERR_NOMEM;
        if (is_ambiguous(decode(once, again, &malformed)))
            return ERR_HTTP_TARGET;
    }
    *out = str_from(decoded, drop_single_dots(decoded, once.n));
    return ERR_NONE;
}

/* The character at *at as it is read, behind which *at then is; -1 at the end. */
static int next_char(struct str s, size_t *at)
{
    if (*at >= s.n)
        return -1;
    int c = s.p[*at] == '%' ? escape(s, *at) : -1;
    if (c < 0)
        return (unsigned char)s.p[(*at)++];
    *at += 3;
    return c;
}

/* Behind the segments `.`, if any begin there: they are no part of what is read. */
static size_t skip_dots(struct str target, size_t at)
{
    size_t end = at;
    while (next_char(target, &end) == '.' && next_char(target, &end) == '/')
        at = end;
    return at;
}

/* Where in the target the part ends that reads as the prefix; 0: it does not begin so. */
static size_t end_of_prefix(struct str target, struct str prefix)
{
    size_t at = 0;
    for (size_t i = 0; i < prefix.n; i++) {
        if (i > 0 && prefix.p[i - 1] == '/')
            at = skip_dots(target, at);
        if (next_char(target, &at) != (unsigned char)prefix.p[i])
            return 0;
    }
    return at;
}

int path_strip(struct str target, struct str prefix, struct arena *mem, struct str *out)
{
    size_t end = end_of_prefix(target, prefix);
    struct str rest = str_skip(target, end);
    *out = target;
    if (end == 0)
        return ERR_NONE;
    if (rest.n == 0 || rest.p[0] == '?') {
        *out = arena_printf(mem, "/%.*s", STR_ARG(rest));
        return out->p ? ERR_NONE : ERR_NOMEM;
    }
    if (rest.p[0] == '%' && is_slash((char)escape(rest, 0)))
        return ERR_HTTP_TARGET;
    if (rest.p[0] != '/')
        return ERR_NONE;
    /* `//host/` would be another server's. */
    while (rest.n > 1 && rest.p[1] == '/')
        rest = str_skip(rest, 1);
    *out = rest;
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
