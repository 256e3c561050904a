#include "config/parse.h"

#include <stdlib.h>
#include <string.h>

#include "config/parse_int.h"

/* Memory */

void *parse_zalloc(struct parse *p, struct arena *mem, size_t count, size_t size)
{
    void *m = arena_zalloc(mem, count, size);
    if (!m)
        p->broken = true;
    return m;
}

struct str parse_dup(struct parse *p, struct str s)
{
    struct str copy = arena_dup(&p->snapshot->mem, s);
    if (!copy.p)
        p->broken = true;
    return copy;
}

struct str parse_lower(struct parse *p, struct str s)
{
    char *copy = arena_cstr(&p->snapshot->mem, s);
    p->broken = p->broken || !copy;
    for (size_t i = 0; copy && i < s.n; i++)
        copy[i] = ascii_lower(copy[i]);
    return (struct str){copy, copy ? s.n : 0};
}

void *parse_grow(struct parse *p, void *array, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return array;
    size_t larger = *cap > 0 ? *cap * 2 : 4;
    void *m = parse_zalloc(p, &p->mem, larger, size);
    if (!m)
        return NULL;
    if (n > 0)
        memcpy(m, array, n * size);
    *cap = larger;
    return m;
}

/* Tokens */

static void advance(struct parse *p)
{
    p->token = lex_next(&p->lexer);
}

static bool ends_statement(enum token_kind kind)
{
    return kind == TOKEN_EOL || kind == TOKEN_CLOSE || kind == TOKEN_END;
}

/* The token is an opening brace: goes behind its partner. */
static void skip_block(struct parse *p)
{
    struct place open = p->token.at;
    size_t depth = 0;
    do {
        depth += p->token.kind == TOKEN_OPEN;
        depth -= p->token.kind == TOKEN_CLOSE;
        advance(p);
    } while (depth > 0 && p->token.kind != TOKEN_END);
    if (depth > 0)
        report_error(&p->report, open, "this `{` is never closed; add a `}`");
}

/* After an error: on to where the next statement begins. */
static void resync(struct parse *p)
{
    while (!ends_statement(p->token.kind)) {
        if (p->token.kind == TOKEN_OPEN) {
            skip_block(p);
            return;
        }
        advance(p);
    }
}

static void add_arg(struct parse *p, struct statement *s, struct token token)
{
    struct token *args = parse_grow(p, p->args, s->n_args, &p->args_cap, sizeof *args);
    if (!args)
        return;
    p->args = s->args = args;
    args[s->n_args++] = token;
}

/* A list of names goes on in the next line when this one ends with a comma. */
static bool names_go_on(struct parse *p, const struct statement *s)
{
    const struct token *last = s->n_args > 0 ? &s->args[s->n_args - 1] : &s->name;
    return p->token.kind == TOKEN_EOL && !last->quoted && str_ends(last->text, STR(","));
}

/* The token is the first word, and row what it means, NULL: it names a site. False: resync() was done. */
static bool read_statement(struct parse *p, const struct directive *row, struct statement *s)
{
    *s = (struct statement){.name = p->token, .args = p->args};
    p->token = row && row->line ? lex_line(&p->lexer) : lex_next(&p->lexer);
    while (p->token.kind == TOKEN_WORD || (!row && names_go_on(p, s))) {
        if (p->token.kind == TOKEN_WORD)
            add_arg(p, s, p->token);
        advance(p);
    }
    if (p->token.kind != TOKEN_BAD)
        return !p->broken;
    resync(p);
    return false;
}

/* Directives */

bool statement_fits(struct parse *p, const struct directive *row, const struct statement *s)
{
    const struct token *last = s->n_args > 0 ? &s->args[s->n_args - 1] : &s->name;
    if (!row->line && !last->quoted && str_ends(last->text, STR(";"))) {
        ERROR_AT(
            p, *last,
            "a directive ends with its line and not with `;`; remove that, or put the value into quotes");
        return false;
    }
    if (s->n_args >= row->least && s->n_args <= row->most)
        return true;
    const char *what = s->n_args < row->least ? "misses a value" : "has too many values";
    const char *hint = s->n_args < row->least ? "" : ", with quotes around a value that has blanks";
    ERROR_AT(p, s->n_args > row->most ? s->args[row->most] : s->name, "`%s` %s; write `%s%s%s`%s", row->name,
             what, row->name, row->arguments[0] ? " " : "", row->arguments, hint);
    return false;
}

bool statement_repeats(struct parse *p, const struct directive *row, struct token name)
{
    size_t n;
    unsigned *line = &p->seen[row - directive_rows(&n)];
    if (*line != 0 && !row->repeat) {
        ERROR_AT(p, name, "`%.*s` was given in line %u already; remove one of them", QUOTE(name), *line);
        return true;
    }
    *line = name.at.line;
    return false;
}

/* A word that means something, but not in this place. */
static void misplaced_directive(struct parse *p, const struct directive *row, struct token name)
{
    if (row->where & IN_SITE)
        ERROR_AT(p, name, "`%s` cannot stand here; write it into a site: `HOST { %s ... }`", row->name,
                 row->name);
    else if (row->where & IN_FILE)
        ERROR_AT(p, name, "`%s` cannot stand here; write it outside of the sites", row->name);
    else if (row->where & IN_TIMEOUT)
        ERROR_AT(p, name, "`%s` is a time limit; write `timeout %s DURATION`", row->name, row->name);
    else
        ERROR_AT(p, name, "`%s` cannot stand here; write it into the block of `%s`", row->name,
                 row->where & IN_ACME ? "acme" : "proxy");
}

static void unknown_directive(struct parse *p, struct token name, enum where where)
{
    const struct directive *elsewhere = directive_anywhere(name.text);
    const char *near = directive_nearest(name.text, where);
    if (elsewhere && !name.quoted)
        misplaced_directive(p, elsewhere, name);
    else if (near)
        ERROR_AT(p, name, "unknown directive `%.*s`; did you mean `%s`?", QUOTE(name), near);
    else
        ERROR_AT(p, name, "unknown directive `%.*s`; `edge help config` lists all", QUOTE(name));
}

static size_t read_block(struct parse *p, enum where where, struct statement *next);

/* The token is where the block may begin. */
static void read_directive_block(struct parse *p, const struct directive *row, bool wanted)
{
    if (p->token.kind != TOKEN_OPEN)
        return;
    /* `route` has one only where a `proxy` follows it. */
    if (row->block && wanted && (row->block != IN_BACKEND || p->upstream)) {
        struct statement none = {.n_args = 0};
        (void)read_block(p, row->block, &none);
        return;
    }
    if (wanted)
        ERROR_AT(p, p->token, "`%s`%s has no block; remove the `{` and its `}`", row->name,
                 row->block ? " without `proxy`" : "");
    skip_block(p);
}

static void read_directive(struct parse *p, const struct directive *row)
{
    struct statement s;
    if (!read_statement(p, row, &s))
        return;
    size_t before = p->report.errors;
    if (!row->set)
        ERROR_AT(p, s.name, "`%s` is not supported yet; remove it", row->name);
    else if (!statement_repeats(p, row, s.name) && statement_fits(p, row, &s))
        row->set(p, row, &s);
    read_directive_block(p, row, p->report.errors == before);
    p->route = NULL;
    if (row->block != IN_BACKEND)
        return;
    if (p->upstream && p->report.errors == before && !p->broken)
        upstream_finish(p);
    p->upstream = NULL;
}

/* The word looks like a site that begins because the brace before it was forgotten. */
static bool begins_site(struct parse *p, enum where where, const struct statement *s)
{
    bool host = str_find(s->name.text, '.') < s->name.text.n || str_eq(s->name.text, STR("*"));
    return where == IN_SITE && host && p->token.kind == TOKEN_OPEN && !s->name.quoted;
}

/* An unknown word in a block. True: a new site begins with *s. */
static bool read_unknown(struct parse *p, enum where where, struct statement *s)
{
    if (!read_statement(p, NULL, s))
        return false;
    if (begins_site(p, where, s)) {
        ERROR_AT(p, s->name, "a site begins inside the block of another; close that with a `}` first");
        return true;
    }
    unknown_directive(p, s->name, where);
    resync(p);
    return false;
}

/*
 * The token is the opening brace. *next is the head of the site that begins when the closing one was
 * forgotten, else empty. Returns the offset behind the closing brace.
 */
static size_t read_block(struct parse *p, enum where where, struct statement *next)
{
    unsigned seen[MAX_DIRECTIVES] = {0}, *outer = p->seen;
    struct token open = p->token;
    bool reopened = false;
    p->seen = seen;
    advance(p);
    while (!reopened && p->token.kind != TOKEN_CLOSE && p->token.kind != TOKEN_END && !p->broken) {
        if (p->token.kind == TOKEN_EOL) {
            advance(p);
        } else if (p->token.kind == TOKEN_WORD) {
            const struct directive *row = p->token.quoted ? NULL : directive_find(p->token.text, where);
            if (row)
                read_directive(p, row);
            else
                reopened = read_unknown(p, where, next);
        } else {
            if (p->token.kind == TOKEN_OPEN)
                ERROR_AT(p, p->token,
                         "a `{` without a directive before it, in its line; remove it or move it up");
            resync(p);
        }
    }
    if (p->token.kind == TOKEN_END)
        ERROR_AT(p, open, "this `{` is never closed; add a `}`");
    size_t end = p->token.offset + p->token.text.n;
    if (p->token.kind == TOKEN_CLOSE)
        advance(p);
    p->seen = outer;
    if (!reopened)
        next->name = (struct token){.kind = TOKEN_END};
    return end;
}

/* Sites */

static void read_site(struct parse *p, struct statement *s)
{
    do {
        size_t before = p->report.errors, first = s->name.offset;
        struct draft *d = parse_site_names(p, s);
        if (!d) {
            skip_block(p);
            return;
        }
        *s = (struct statement){.name = {.kind = TOKEN_END}};
        p->site = d;
        d->site.begin = p->mark + first;
        d->site.end = p->mark + read_block(p, IN_SITE, s);
        d->errors = p->report.errors - before;
        p->site = NULL;
    } while (s->name.kind == TOKEN_WORD && !p->broken);
}

/* A word that is no directive, and no brace behind it. */
static void headless(struct parse *p, struct statement *s)
{
    struct str word = s->name.text;
    while (p->token.kind == TOKEN_EOL)
        advance(p);
    if (p->token.kind == TOKEN_OPEN) {
        ERROR_AT(p, p->token, "the `{` of a site stands in the line of its names; move it up");
        read_site(p, s);
    } else if (s->name.quoted || str_find(word, '.') < word.n) {
        ERROR_AT(p, s->name, "`%.*s` has no block; write `%.*s { proxy ADDRESS:PORT }`", QUOTE(s->name),
                 QUOTE(s->name));
    } else {
        unknown_directive(p, s->name, IN_FILE);
    }
}

static void read_top(struct parse *p)
{
    /* A quoted word is a host name even where it is spelled like a directive. */
    const struct directive *row = p->token.quoted ? NULL : directive_find(p->token.text, IN_FILE);
    if (row) {
        read_directive(p, row);
        return;
    }
    struct statement s;
    if (!read_statement(p, NULL, &s))
        return;
    if (p->token.kind == TOKEN_OPEN)
        read_site(p, &s);
    else
        headless(p, &s);
}

/* What is no word, outside of all blocks. */
static void read_between(struct parse *p)
{
    switch (p->token.kind) {
    case TOKEN_EOL: advance(p); break;
    case TOKEN_CLOSE:
        ERROR_AT(p, p->token, "a `}` without its `{`; remove it");
        advance(p);
        break;
    case TOKEN_OPEN:
        ERROR_AT(p, p->token, "a block without a name; write the host name before the `{`");
        skip_block(p);
        break;
    default: resync(p); break;
    }
}

static void set_default(struct parse *p, const struct directive *row)
{
    struct token value = {.kind = TOKEN_WORD, .text = str_of(row->initial), .at = NOWHERE};
    struct statement s = {.name = value, .args = &value, .n_args = 1};
    row->set(p, row, &s);
}

/* Defaults come from the rows, through the same setters as what is written. */
static void set_defaults(struct parse *p)
{
    size_t n;
    const struct directive *rows = directive_rows(&n);
    for (size_t i = 0; i < n; i++)
        if ((rows[i].where & (IN_FILE | IN_ACME | IN_TIMEOUT)) && rows[i].initial[0] != '\0' &&
            rows[i].set != set_listen)
            set_default(p, &rows[i]);
}

/*
 * The lists of addresses are not replaced but added to: their defaults come in the end, and only when there
 * was none.
 */
static void default_listens(struct parse *p)
{
    size_t n;
    const struct directive *rows = directive_rows(&n);
    for (size_t i = 0; i < n; i++)
        if (rows[i].set == set_listen && p->seen[i] == 0 && !p->broken)
            set_default(p, &rows[i]);
}

static void read_file(struct parse *p)
{
    unsigned seen[MAX_DIRECTIVES] = {0};
    p->seen = seen;
    advance(p);
    while (p->token.kind != TOKEN_END && !p->broken) {
        if (p->token.kind == TOKEN_WORD)
            read_top(p);
        else
            read_between(p);
    }
    default_listens(p);
    p->seen = NULL;
}

static struct str folder_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash ? str_from(file, (size_t)(slash - file) + 1) : STR("");
}

static void parse_text(struct parse *p)
{
    if (p->report.text.n > MAX_TEXT) {
        p->report.text = STR("");
        report_error(&p->report, (struct place){1, 1},
                     "the file is larger than 1 MiB; this is no configuration of edge");
        return;
    }
    p->listens_end = &p->listens;
    p->upstreams_end = &p->upstreams;
    report_bytes(&p->report);
    lex_init(&p->lexer, &p->report, &p->mem);
    set_defaults(p);
    read_file(p);
    check_finish(p);
}

struct snapshot *config_parse(const char *file, struct str text, struct buf *errors)
{
    struct snapshot *result = NULL;
    struct parse *p = calloc(1, sizeof *p);
    if (!p)
        goto out;
    if (str_starts(text, STR("\xef\xbb\xbf"))) /* the byte order mark of some editors */
        p->mark = 3;
    p->report.file = file;
    p->report.text = str_skip(text, p->mark);
    p->folder = folder_of(file);
    p->snapshot = calloc(1, sizeof *p->snapshot);
    p->broken = !p->snapshot;
    if (p->snapshot)
        parse_text(p);
    p->broken = p->broken || p->report.nomem || !report_print(&p->report, errors);
    if (!p->broken && p->report.errors == 0) {
        result = p->snapshot;
        p->snapshot = NULL;
    }
out:
    if (!p || p->broken)
        (void)buf_printf(errors, "%s:1:1: out of memory; free some and try again\n\n^\n", file);
    if (p) {
        snapshot_free(p->snapshot);
        report_done(&p->report);
        arena_done(&p->mem);
    }
    free(p);
    return result;
}
