#include "cli/cert_print.h"

#include <inttypes.h>
#include <time.h>

#include "base/json_write.h"
#include "config/value.h"

enum { DAY = 24 * 3600, MOMENT_TEXT = 32, WIDTH_MAX = 40 };

enum column { COLUMN_HOSTS, COLUMN_ISSUER, COLUMN_KEY, COLUMN_NOT_AFTER, COLUMN_DAYS, COLUMN_NEXT, COLUMN_N };

static const char *const titles[] = {
    [COLUMN_HOSTS] = "HOST",          [COLUMN_ISSUER] = "ISSUER",  [COLUMN_KEY] = "KEY",
    [COLUMN_NOT_AFTER] = "NOT AFTER", [COLUMN_DAYS] = "DAYS LEFT", [COLUMN_NEXT] = "NEXT RENEWAL",
};
_Static_assert(nitems(titles) == COLUMN_N, "every column has a title");

static const char *const sources[] = {
    [CERT_ACME] = "acme", [CERT_INTERNAL] = "internal", [CERT_FILE] = "file"};
_Static_assert(nitems(sources) == CERT_SOURCE_N, "every source has a name");

/* Text from outside */

/* A control character (C1 are two bytes) or what is no UTF-8: its length. 0: the character may be shown. */
static size_t steers(struct str s)
{
    size_t n = utf8_length(s);
    unsigned char c = (unsigned char)s.p[0];
    if (n == 0 || c < 0x20 || c == 0x7f)
        return 1;
    return c == 0xc2 && (unsigned char)s.p[1] < 0xa0 ? 2 : 0;
}

/* Line ends as `newline`, other characters that would steer a terminal as \xNN. */
static bool add_shown(struct buf *out, struct str text, const char *newline)
{
    bool ok = true;
    while (text.n > 0 && ok) {
        size_t bad = steers(text), n = bad > 0 ? bad : utf8_length(text);
        if (text.p[0] == '\n')
            ok = buf_add_str(out, str_of(newline));
        else if (bad == 0)
            ok = buf_add(out, text.p, n);
        for (size_t i = 0; i < bad && ok && text.p[0] != '\n'; i++)
            ok = buf_printf(out, "\\x%02x", (unsigned char)text.p[i]);
        text = str_skip(text, n);
    }
    return ok;
}

/* JSON is UTF-8: what is none becomes U+FFFD. */
static bool add_json(struct buf *out, struct str text)
{
    struct buf clean = {0};
    bool ok = true;
    while (text.n > 0 && ok) {
        size_t n = utf8_length(text);
        ok = n > 0 ? buf_add(&clean, text.p, n) : buf_add_str(&clean, STR("\xef\xbf\xbd"));
        text = str_skip(text, n > 0 ? n : 1);
    }
    ok = ok && json_write_text(out, buf_str(&clean));
    buf_done(&clean);
    return ok;
}

/* The first so many characters of 2026-11-20T14:05:09Z. */
enum precision { DAY_ONLY = 10, TO_MINUTE = 16, WHOLE = 20 };

static const char *moment(int64_t when, enum precision precision, char out[MOMENT_TEXT])
{
    time_t t = (time_t)when;
    struct tm utc;
    if (!gmtime_r(&t, &utc) || strftime(out, MOMENT_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc) != WHOLE)
        return "?"; /* no year of four digits */
    out[precision] = '\0';
    if (precision == TO_MINUTE)
        out[DAY_ONLY] = ' ';
    return out;
}

/* Whole ones; negative once it has expired. */
static int64_t days_left(const struct cert_line *line, int64_t now)
{
    int64_t left = line->not_after - now;
    return left >= 0 ? left / DAY : -((-left + DAY - 1) / DAY);
}

/* The table */

static bool add_hosts(struct buf *out, const struct site *site)
{
    bool ok = true;
    for (size_t i = 0; i < site->n_names && ok; i++)
        ok = (i == 0 || buf_add_str(out, STR(", "))) && buf_add_str(out, site->names[i]);
    return ok;
}

static bool add_issuer(struct buf *out, const struct cert_line *line)
{
    if (line->source != CERT_ACME)
        return buf_add_str(out, str_of(sources[line->source]));
    return line->there && line->issuer.n > 0 ? add_shown(out, line->issuer, " ") : buf_add_str(out, STR("-"));
}

static bool add_days(struct buf *out, const struct cert_line *line, int64_t now)
{
    if (!line->there)
        return buf_add_str(out, STR("-"));
    if (line->not_after <= now)
        return buf_add_str(out, STR("expired"));
    return buf_printf(out, "%" PRId64, days_left(line, now));
}

static bool add_next(struct buf *out, const struct cert_line *line, int64_t now)
{
    char text[MOMENT_TEXT];
    if (line->next == 0)
        return buf_add_str(out, STR("-"));
    if (line->next <= now)
        return buf_add_str(out, STR("now"));
    return buf_add_str(out, str_of(moment(line->next, TO_MINUTE, text)));
}

static bool add_cell(struct buf *out, const struct cert_line *line, enum column column, int64_t now)
{
    char text[MOMENT_TEXT];
    switch (column) {
    case COLUMN_HOSTS: return add_hosts(out, line->site);
    case COLUMN_ISSUER: return add_issuer(out, line);
    case COLUMN_KEY: return buf_add_str(out, str_of(line->key ? line->key : "-"));
    case COLUMN_NOT_AFTER:
        return buf_add_str(out, str_of(line->there ? moment(line->not_after, DAY_ONLY, text) : "-"));
    case COLUMN_DAYS: return add_days(out, line, now);
    case COLUMN_NEXT: return add_next(out, line, now);
    case COLUMN_N: break;
    }
    return true;
}

/* In characters. */
static size_t width_of(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += !utf8_continues(s.p[i]);
    return n;
}

/* One long list of hosts must not push everything else to the right. */
static bool find_widths(const struct cert_list *l, int64_t now, size_t widths[COLUMN_N])
{
    struct buf cell = {0};
    bool ok = true;
    for (int c = 0; c < COLUMN_N; c++) {
        widths[c] = width_of(str_of(titles[c]));
        for (size_t i = 0; i < l->n && ok; i++) {
            buf_take(&cell, cell.len);
            ok = add_cell(&cell, &l->lines[i], (enum column)c, now);
            size_t width = width_of(buf_str(&cell));
            if (width > widths[c])
                widths[c] = width < WIDTH_MAX ? width : WIDTH_MAX;
        }
    }
    buf_done(&cell);
    return ok;
}

/* The cell that was added from `start` on gets blanks behind it, unless it is the last one. */
static bool finish_cell(struct buf *out, size_t start, int column, const size_t widths[COLUMN_N])
{
    size_t width = width_of(str_skip(buf_str(out), start));
    if (column + 1 == COLUMN_N)
        return buf_add_str(out, STR("\n"));
    return buf_printf(out, "%*s", width < widths[column] ? (int)(widths[column] - width) + 2 : 2, "");
}

static bool add_error(struct buf *out, const struct cert_line *line)
{
    char text[MOMENT_TEXT];
    bool ok = true;
    if (line->failures > 0)
        ok = buf_printf(out, "    failed %u %s, last %s UTC:\n", line->failures,
                        line->failures == 1 ? "time" : "times", moment(line->last_try, TO_MINUTE, text));
    if (line->error.n > 0 && ok)
        ok = buf_add_str(out, STR("    ")) && add_shown(out, line->error, "\n    ") &&
             buf_add_str(out, STR("\n"));
    return ok;
}

bool cert_print_table(const struct cert_list *l, int64_t now, struct buf *out)
{
    size_t widths[COLUMN_N];
    bool ok = find_widths(l, now, widths);
    for (int c = 0; c < COLUMN_N && ok; c++) {
        size_t start = out->len;
        ok = buf_add_str(out, str_of(titles[c])) && finish_cell(out, start, c, widths);
    }
    for (size_t i = 0; i < l->n && ok; i++) {
        for (int c = 0; c < COLUMN_N && ok; c++) {
            size_t start = out->len;
            ok = add_cell(out, &l->lines[i], (enum column)c, now) && finish_cell(out, start, c, widths);
        }
        ok = ok && add_error(out, &l->lines[i]);
    }
    return ok;
}

/* JSON */

/* An empty text is null. */
static bool add_text(struct buf *out, const char *name, struct str text)
{
    return buf_printf(out, ",\"%s\":", name) &&
           (text.n > 0 ? add_json(out, text) : buf_add_str(out, STR("null")));
}

static bool add_moment(struct buf *out, const char *name, bool known, int64_t when)
{
    char text[MOMENT_TEXT];
    return add_text(out, name, known ? str_of(moment(when, WHOLE, text)) : STR(""));
}

static bool add_object(struct buf *out, const struct cert_line *line, int64_t now)
{
    bool there = line->there, ok = buf_add_str(out, STR("{\"hosts\":["));
    for (size_t i = 0; i < line->site->n_names && ok; i++)
        ok = (i == 0 || buf_add_str(out, STR(","))) && add_json(out, line->site->names[i]);
    ok = ok && buf_printf(out, "],\"source\":\"%s\"", sources[line->source]) &&
         add_text(out, "issuer", line->issuer) && add_text(out, "serial", line->serial) &&
         add_text(out, "key", str_of(line->key ? line->key : "")) &&
         add_moment(out, "not_before", there, line->not_before) &&
         add_moment(out, "not_after", there, line->not_after);
    if (there)
        ok = ok && buf_printf(out, ",\"days_left\":%" PRId64, days_left(line, now));
    else
        ok = ok && buf_add_str(out, STR(",\"days_left\":null"));
    return ok && add_moment(out, "next_renewal", line->next != 0, line->next > now ? line->next : now) &&
           buf_printf(out, ",\"failures\":%u", line->failures) &&
           add_moment(out, "last_try", line->last_try != 0, line->last_try) &&
           add_text(out, "last_error", line->error) && buf_add_str(out, STR("}"));
}

bool cert_print_json(const struct cert_list *l, int64_t now, struct buf *out)
{
    bool ok = buf_add_str(out, STR("["));
    for (size_t i = 0; i < l->n && ok; i++)
        ok = buf_add_str(out, i == 0 ? STR("\n") : STR(",\n")) && add_object(out, &l->lines[i], now);
    return ok && buf_add_str(out, l->n > 0 ? STR("\n]\n") : STR("]\n"));
}
