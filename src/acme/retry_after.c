#include "acme/retry_after.h"

#include <time.h>

enum { FIXDATE = 29 };

static bool number(struct str value, size_t at, size_t digits, int *out)
{
    uint64_t n = 0;
    if (!str_to_u64(str_take(str_skip(value, at), digits), 9999, &n))
        return false;
    *out = (int)n;
    return true;
}

static int month(struct str name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++) {
        if (str_eq(name, str_from(names + (size_t)i * 3, 3)))
            return i;
    }
    return -1;
}

bool retry_after_date(struct str value, int64_t *seconds)
{
    struct tm tm = {0};
    int year = 0;
    if (value.n != FIXDATE || !str_starts(str_skip(value, 3), STR(", ")) || value.p[7] != ' ' ||
        value.p[11] != ' ' || value.p[16] != ' ' || value.p[19] != ':' || value.p[22] != ':' ||
        !str_ends(value, STR(" GMT")))
        return false;
    tm.tm_mon = month(str_take(str_skip(value, 8), 3));
    if (tm.tm_mon < 0 || !number(value, 5, 2, &tm.tm_mday) || !number(value, 12, 4, &year) ||
        !number(value, 17, 2, &tm.tm_hour) || !number(value, 20, 2, &tm.tm_min) ||
        !number(value, 23, 2, &tm.tm_sec))
        return false;
    if (tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return false;
    tm.tm_year = year - 1900;
    *seconds = timegm(&tm);
    return true;
}

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    }
    return s.n > 0;
}

int64_t retry_after_read(struct str value, int64_t now)
{
    uint64_t n = 0;
    int64_t wait = 0;
    value = str_trim(value);
    if (all_digits(value))
        wait = str_to_u64(value, RETRY_AFTER_MAX, &n) ? (int64_t)n : RETRY_AFTER_MAX;
    else if (retry_after_date(value, &wait))
        wait -= now;
    else
        return 0;
    if (wait < RETRY_AFTER_MIN)
        return RETRY_AFTER_MIN;
    return wait < RETRY_AFTER_MAX ? wait : RETRY_AFTER_MAX;
}
