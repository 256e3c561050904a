#include "config/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/ip.h"

enum { HOST_MAX = 253, LABEL_MAX = 63 };

struct unit {
    const char *name;
    int64_t size;
};

/* The largest first: formatting takes the first that divides. */
static const struct unit durations[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit sizes[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"k", 1 << 10}, {"", 1}};

/* text is a number and, in either case if `fold`, the name of a unit. */
static bool parse_units(struct str text, const struct unit *units, bool fold, uint64_t *out)
{
    size_t digits = 0;
    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    struct str name = str_skip(text, digits);
    for (size_t i = 0; i < nitems(durations); i++) {
        struct str unit = str_of(units[i].name);
        if (fold ? !str_ieq(name, unit) : !str_eq(name, unit))
            continue;
        uint64_t value;
        if (!str_to_u64(str_take(text, digits), (uint64_t)(INT64_MAX / units[i].size), &value))
            return false;
        *out = value * (uint64_t)units[i].size;
        return true;
    }
    return false;
}
_Static_assert(nitems(durations) == nitems(sizes), "parse_units() goes over both");

static void format_units(uint64_t value, const struct unit *units, char *out, size_t room)
{
    size_t i = 0;
    while (i + 1 < nitems(durations) && (value == 0 || value % (uint64_t)units[i].size != 0))
        i++;
    (void)snprintf(out, room, "%" PRIu64 "%s", value / (uint64_t)units[i].size, units[i].name);
}

bool duration_parse(struct str text, msec *out)
{
    uint64_t value;
    if (!parse_units(text, durations, false, &value))
        return false;
    *out = (msec)value;
    return true;
}

char *duration_format(msec value, char out[DURATION_TEXT])
{
    format_units((uint64_t)value, durations, out, DURATION_TEXT);
    return out;
}

bool size_parse(struct str text, uint64_t *out)
{
    return parse_units(text, sizes, true, out);
}

char *size_format(uint64_t value, char out[SIZE_TEXT])
{
    format_units(value, sizes, out, SIZE_TEXT);
    return out;
}

static const char *label_problem(struct str label)
{
    if (label.n == 0)
        return "a part between two dots is empty; correct the name";
    if (label.n > LABEL_MAX)
        return "a part between two dots is longer than 63 characters; correct the name";
    if (label.p[0] == '-' || label.p[label.n - 1] == '-')
        return "a part of a host name does not begin or end with `-`; correct the name";
    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];
        if ((unsigned char)c >= 0x80)
            return "a host name is ASCII; write the form that begins with `xn--`";
        if (c == '*')
            return "`*` stands for a whole first part only; write `*.example.org`";
        if (!ascii_alnum(c) && c != '-' && c != '_')
            return "a host name has letters, digits, `-` and `.` only; correct the name";
    }
    return NULL;
}

/* What people paste instead of a host name. */
static const char *paste_problem(struct str name)
{
    struct ip ip;
    struct endpoint endpoint;
    if (str_find(name, '/') < name.n)
        return "a site is named by a host name alone; leave out `http://` and any path";
    if (ip_parse(name, &ip) || endpoint_parse(name, &endpoint) || (name.n > 0 && name.p[0] == '['))
        return "an address is no host name; write the name, or `*` for requests without one";
    if (str_find(name, ':') < name.n)
        return "a host name has no port here; `http` and `https` outside of the sites set the ports";
    return NULL;
}

const char *host_problem(struct str name)
{
    if (str_eq(name, STR("*")))
        return NULL;
    const char *problem = paste_problem(name);
    if (problem)
        return problem;
    if (name.n > HOST_MAX)
        return "a host name has at most 253 characters; correct the name";
    struct str rest = str_starts(name, STR("*.")) ? str_skip(name, 2) : name;
    for (;;) {
        size_t dot = str_find(rest, '.');
        problem = label_problem(str_take(rest, dot));
        if (problem || dot == rest.n)
            return problem;
        rest = str_skip(rest, dot + 1);
    }
}

bool utf8_continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* The lowest second byte rules out overlong forms, the highest surrogates and what lies above U+10FFFF. */
static bool second_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0: return second >= 0xa0;
    case 0xed: return second < 0xa0;
    case 0xf0: return second >= 0x90;
    case 0xf4: return second < 0x90;
    default: return true;
    }
}

size_t utf8_length(struct str s)
{
    if (s.n == 0)
        return 0;
    unsigned char c = (unsigned char)s.p[0];
    if (c < 0x80)
        return 1;
    size_t n = c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
    if (n == 0 || n > s.n || !second_fits(c, (unsigned char)s.p[1]))
        return 0;
    for (size_t i = 1; i < n; i++)
        if (!utf8_continues(s.p[i]))
            return 0;
    return n;
}
