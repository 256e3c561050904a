#include "config/lex.h"

#include "config/value.h"

void lex_init(struct lexer *l, struct report *report, struct arena *mem)
{
    *l = (struct lexer){.rest = report->text, .at = {1, 1}, .report = report, .mem = mem};
}

/* Consumes n bytes of one line. */
static void advance(struct lexer *l, size_t n)
{
    for (size_t i = 0; i < n; i++)
        l->at.column += !utf8_continues(l->rest.p[i]);
    l->rest = str_skip(l->rest, n);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool ends_word(char c)
{
    return is_blank(c) || c == '\n' || c == '{' || c == '}';
}

static void skip_blanks(struct lexer *l)
{
    while (l->rest.n > 0 && is_blank(l->rest.p[0]))
        advance(l, 1);
    if (l->rest.n > 0 && l->rest.p[0] == '#')
        advance(l, str_find(l->rest, '\n'));
}

static struct token take(struct lexer *l, enum token_kind kind, size_t n)
{
    struct token t = {
        .kind = kind, .text = str_take(l->rest, n), .at = l->at, .offset = l->report->text.n - l->rest.n};
    advance(l, n);
    return t;
}

static struct token too_long(struct lexer *l, size_t n)
{
    report_error(l->report, l->at, "a word of more than %d bytes; is a quote or a line end missing?",
                 TOKEN_MAX);
    return take(l, TOKEN_BAD, n);
}

static struct token word(struct lexer *l)
{
    size_t n = 0;
    bool quote = false;
    for (; n < l->rest.n && !ends_word(l->rest.p[n]); n++)
        quote = quote || l->rest.p[n] == '"';
    if (n > TOKEN_MAX)
        return too_long(l, n);
    if (quote) {
        report_error(l->report, l->at,
                     "a quote inside a word; put quotes around the whole value, and write \\\" in it");
        return take(l, TOKEN_BAD, n);
    }
    return take(l, TOKEN_WORD, n);
}

/* Index of the closing quote in s, which begins with the opening one; s.n if the line ends before. */
static size_t closing_quote(struct str s, bool *escapes)
{
    *escapes = false;
    for (size_t i = 1; i < s.n && s.p[i] != '\n'; i++) {
        if (s.p[i] == '"')
            return i;
        if (s.p[i] == '\\' && i + 1 < s.n && (s.p[i + 1] == '"' || s.p[i + 1] == '\\')) {
            *escapes = true;
            i++;
        }
    }
    return s.n;
}

static struct str unescape(struct lexer *l, struct str s)
{
    char *p = arena_alloc(l->mem, s.n + 1);
    if (!p) {
        l->report->nomem = true;
        return STR("");
    }
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' && i + 1 < s.n && (s.p[i + 1] == '"' || s.p[i + 1] == '\\'))
            i++;
        p[n++] = s.p[i];
    }
    return str_from(p, n);
}

static struct token quoted(struct lexer *l)
{
    bool escapes;
    size_t end = closing_quote(l->rest, &escapes);
    if (end == l->rest.n) {
        report_error(l->report, l->at, "this quote is not closed in its line; add a `\"`");
        return take(l, TOKEN_BAD, str_find(l->rest, '\n'));
    }
    if (end > TOKEN_MAX)
        return too_long(l, end + 1);
    struct token t = take(l, TOKEN_WORD, end + 1);
    t.quoted = true;
    t.text = str_take(str_skip(t.text, 1), end - 1);
    if (escapes)
        t.text = unescape(l, t.text);
    if (l->rest.n > 0 && !ends_word(l->rest.p[0]) && l->rest.p[0] != ',') {
        report_error(l->report, l->at, "something follows the closing quote; leave a blank after it");
        t.kind = TOKEN_BAD;
    }
    return t;
}

struct token lex_next(struct lexer *l)
{
    skip_blanks(l);
    if (l->rest.n == 0)
        return take(l, TOKEN_END, 0);
    switch (l->rest.p[0]) {
    case '\n': {
        struct token t = take(l, TOKEN_EOL, 1);
        l->at = (struct place){t.at.line + 1, 1};
        return t;
    }
    case '{': return take(l, TOKEN_OPEN, 1);
    case '}': return take(l, TOKEN_CLOSE, 1);
    case '"': return quoted(l);
    default: return word(l);
    }
}

/* Where the rest of the line ends: at its end, a comment, or a brace whose partner does not stand in it. */
static size_t line_end(struct str s)
{
    size_t open = 0;
    bool in_quotes = false, blank = true;
    size_t i = 0;
    for (; i < s.n && s.p[i] != '\n'; i++) {
        char c = s.p[i];
        if (c == '"')
            in_quotes = !in_quotes;
        else if (!in_quotes && ((c == '#' && blank) || (c == '}' && open == 0)))
            break;
        else if (!in_quotes && c == '{')
            open++;
        else if (!in_quotes && c == '}')
            open--;
        blank = is_blank(c);
    }
    return i;
}

struct token lex_line(struct lexer *l)
{
    skip_blanks(l);
    size_t n = line_end(l->rest);
    while (n > 0 && is_blank(l->rest.p[n - 1]))
        n--;
    if (n > TOKEN_MAX)
        return too_long(l, n);
    return n > 0 ? take(l, TOKEN_WORD, n) : lex_next(l);
}
