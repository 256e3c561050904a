#include "config/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/value.h"

enum {
    MESSAGE_MAX = 600,
    QUOTE_MAX = 80,   /* bytes of a token in a message */
    WINDOW_MAX = 160, /* characters of a line that are shown */
    WINDOW_BEFORE = 100,
};

void report_done(struct report *r)
{
    arena_done(&r->mem);
}

struct str report_quote(struct str text)
{
    if (text.n <= QUOTE_MAX)
        return text;
    size_t n = QUOTE_MAX;
    while (n > 0 && utf8_continues(text.p[n]))
        n--;
    return str_take(text, n);
}

static bool line_is_not_text(const struct report *r, unsigned line)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->list[i].not_text && r->list[i].at.line == line)
            return true;
    return false;
}

__attribute__((format(printf, 3, 0))) static struct complaint *add(struct report *r, struct place at,
                                                                   const char *format, va_list ap)
{
    if (r->n == REPORT_MAX || line_is_not_text(r, at.line))
        return NULL;
    char message[MESSAGE_MAX];
    (void)vsnprintf(message, sizeof message, format, ap);
    struct str text = arena_dup(&r->mem, str_of(message));
    if (!text.p) {
        r->nomem = true;
        return NULL;
    }
    struct complaint *c = &r->list[r->n];
    *c = (struct complaint){.at = at, .text = text, .order = r->n};
    r->n++;
    return c;
}

void report_error(struct report *r, struct place at, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    (void)add(r, at, format, ap);
    va_end(ap);
    r->errors++;
}

void report_warning(struct report *r, struct place at, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    struct complaint *c = add(r, at, format, ap);
    va_end(ap);
    if (c)
        c->warning = true;
}

/* The first character of s, or the first byte if that begins none. NULL: fine. */
static const char *character_problem(struct str s, size_t *length)
{
    *length = utf8_length(s);
    if (*length == 0) {
        *length = 1;
        return "this is not UTF-8; save the file as UTF-8";
    }
    unsigned char c = (unsigned char)s.p[0];
    bool line_end = c == '\n' || (c == '\r' && s.n > 1 && s.p[1] == '\n');
    if (c == '\0')
        return "a NUL byte; this is not a text file, or it was damaged";
    if ((c < 0x20 && c != '\t' && !line_end) || c == 0x7f || (c == 0xc2 && (unsigned char)s.p[1] < 0xa0))
        return "a control character; remove it";
    return NULL;
}

void report_bytes(struct report *r)
{
    struct place at = {1, 1};
    bool told = false;
    size_t length;
    for (struct str rest = r->text; rest.n > 0; rest = str_skip(rest, length)) {
        const char *problem = character_problem(rest, &length);
        if (problem && !told) {
            size_t before = r->n;
            report_error(r, at, "%s", problem);
            if (r->n > before)
                r->list[before].not_text = true;
            told = true;
        }
        if (rest.p[0] == '\n') {
            at = (struct place){at.line + 1, 1};
            told = false;
        } else {
            at.column++;
        }
    }
}

static int compare(const void *left, const void *right)
{
    const struct complaint *a = left, *b = right;
    if (a->at.line != b->at.line)
        return a->at.line < b->at.line ? -1 : 1;
    if (a->at.column != b->at.column)
        return a->at.column < b->at.column ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* Nothing that a file holds may steer the terminal that shows a message. */
static bool print_clean(struct buf *out, struct str s)
{
    size_t length;
    bool ok = true;
    for (; s.n > 0 && ok; s = str_skip(s, length)) {
        bool bad = character_problem(s, &length) != NULL;
        ok = bad ? buf_add(out, "?", 1) : buf_add(out, s.p, length);
    }
    return ok;
}

static size_t character(struct str s)
{
    size_t length = utf8_length(s);
    return length > 0 ? length : 1;
}

/* Drops n characters. */
static struct str skip_characters(struct str s, size_t n)
{
    for (; n > 0 && s.n > 0; n--)
        s = str_skip(s, character(s));
    return s;
}

static bool print_caret(struct buf *out, struct str line, size_t column)
{
    bool ok = true;
    for (size_t i = 1; i < column; i++) {
        /* A tab under a tab, so that the caret stands right whatever a tab's width. */
        bool tab = line.n > 0 && line.p[0] == '\t';
        ok = ok && buf_add(out, tab ? "\t" : " ", 1);
        line = line.n > 0 ? str_skip(line, character(line)) : line;
    }
    return ok && buf_add_str(out, STR("^\n"));
}

static bool print_line(struct buf *out, struct str line, size_t column)
{
    if (column > WINDOW_MAX - WINDOW_BEFORE / 2) {
        size_t skip = column - WINDOW_BEFORE / 2;
        line = skip_characters(line, skip);
        column -= skip;
    }
    line = str_take(line, line.n - skip_characters(line, WINDOW_MAX).n);
    return print_clean(out, line) && buf_add(out, "\n", 1) && print_caret(out, line, column);
}

/* The text from the place on, where line begins, goes to the begin of the line `wanted`. */
static void move_to_line(struct str *rest, unsigned *line, unsigned wanted)
{
    for (; *line < wanted; (*line)++)
        *rest = str_skip(*rest, str_find(*rest, '\n') + 1);
}

static struct str first_line(struct str rest)
{
    struct str line = str_take(rest, str_find(rest, '\n'));
    return str_ends(line, STR("\r")) ? str_take(line, line.n - 1) : line;
}

bool report_print(struct report *r, struct buf *out)
{
    struct str rest = r->text;
    unsigned line = 1;
    bool ok = true;
    qsort(r->list, r->n, sizeof r->list[0], compare);
    for (size_t i = 0; i < r->n && ok; i++) {
        const struct complaint *c = &r->list[i];
        move_to_line(&rest, &line, c->at.line);
        ok = buf_printf(out, "%s:%u:%u: %s", r->file, c->at.line, c->at.column,
                        c->warning ? "warning: " : "") &&
             print_clean(out, c->text) && buf_add(out, "\n", 1) &&
             print_line(out, first_line(rest), c->at.column);
    }
    if (r->n == REPORT_MAX && ok)
        ok = buf_printf(out, "%s: these are the first %d; correct them to see the others\n", r->file,
                        REPORT_MAX);
    return ok;
}
