#include "config/edit.h"

#include "config/parse_int.h"

/* Bytes of a text: from `at` on, before `end`. */
struct span {
    size_t at, end;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool all_blank(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_blank(s.p[i]))
            return false;
    return true;
}

static struct str part(struct str text, struct span span)
{
    return str_take(str_skip(text, span.at), span.end - span.at);
}

/* Where the text begins: behind a byte order mark. */
static size_t text_start(struct str text)
{
    return str_starts(text, STR("\xef\xbb\xbf")) ? 3 : 0;
}

/* The begin of the line that `at` lies in. */
static size_t line_start(struct str text, size_t at)
{
    size_t first = text_start(text);
    while (at > first && text.p[at - 1] != '\n')
        at--;
    return at;
}

/* Its end, before the line feed. */
static size_t line_end(struct str text, size_t at)
{
    return at + str_find(str_skip(text, at), '\n');
}

/* Adding */

/* Behind the last line that holds something, with its line feed; text_start() if there is none. */
static size_t last_line_end(struct str text)
{
    size_t first = text_start(text), at = text.n;
    while (at > first && (is_blank(text.p[at - 1]) || text.p[at - 1] == '\n'))
        at--;
    if (at == first)
        return first;
    size_t end = line_end(text, at);
    return end < text.n ? end + 1 : end;
}

/* How lines end before `at`. */
static struct str newline_before(struct str text, size_t at)
{
    while (at > 0 && text.p[at - 1] != '\n')
        at--;
    return at > 1 && text.p[at - 2] == '\r' ? STR("\r\n") : STR("\n");
}

/* Without its last line feed if `open`. */
static bool add_lines(struct buf *out, struct str block, struct str newline, bool open)
{
    bool ok = true;
    while (block.n > 0 && ok) {
        size_t n = str_find(block, '\n');
        struct str line = str_take(block, n);
        block = str_skip(block, n + 1);
        ok = buf_add_str(out, line) && (open && block.n == 0 ? true : buf_add_str(out, newline));
    }
    return ok;
}

bool edit_add(struct str text, struct str block, struct buf *out)
{
    size_t at = last_line_end(text);
    struct str newline = newline_before(text, at);
    bool empty = text.n == text_start(text);
    /* The last line has no line feed: then the block's has none either, as a sign for edit_remove(). */
    bool open = !empty && at == text.n && text.p[at - 1] != '\n' && at > text_start(text);
    return buf_add_str(out, str_take(text, at)) && (!open || buf_add_str(out, newline)) &&
           (empty || buf_add_str(out, newline)) && add_lines(out, block, newline, open) &&
           buf_add_str(out, str_skip(text, at));
}

/* Removing */

static bool cut(struct str text, struct span gone, struct buf *out)
{
    return buf_add_str(out, str_take(text, gone.at)) && buf_add_str(out, str_skip(text, gone.end));
}

/* Something else stands in the first or the last line of the block. */
static struct span shared_lines(struct str text, struct span block)
{
    struct span after = {block.end, line_end(text, block.end)};
    struct span before = {line_start(text, block.at), block.at};
    if (!all_blank(part(text, after))) {
        while (is_blank(text.p[block.end]))
            block.end++;
    } else {
        while (block.at > before.at && is_blank(text.p[block.at - 1]))
            block.at--;
    }
    return block;
}

/* The line before the one that begins at `at` holds nothing. Not for the first one. */
static bool blank_before(struct str text, size_t at)
{
    return all_blank(part(text, (struct span){line_start(text, at - 1), at - 1}));
}

/* The whole lines of the block, and a blank one where two would meet. */
static struct span whole_lines(struct str text, struct span block)
{
    size_t first = text_start(text), end = line_end(text, block.end);
    struct span lines = {line_start(text, block.at), end < text.n ? end + 1 : end};
    bool last = lines.end == text.n, open = end == text.n;
    bool blank_after = last || all_blank(part(text, (struct span){lines.end, line_end(text, lines.end)}));
    if (lines.at > first && blank_after && blank_before(text, lines.at))
        lines.at = line_start(text, lines.at - 1);
    else if (lines.at == first && blank_after && !last)
        lines.end = line_end(text, lines.end) + (line_end(text, lines.end) < text.n);
    if (open && lines.at > first) {
        lines.at--;
        if (lines.at > first && text.p[lines.at - 1] == '\r')
            lines.at--;
    }
    return lines;
}

static struct span block_span(struct str text, struct span block)
{
    struct str before = part(text, (struct span){line_start(text, block.at), block.at});
    struct str after = part(text, (struct span){block.end, line_end(text, block.end)});
    return all_blank(before) && all_blank(after) ? whole_lines(text, block) : shared_lines(text, block);
}

/* The places of a name and of its neighbours in the list; `at` and `end` are equal where there is none. */
struct neighbours {
    struct span before, name, after;
};

/* Takes the next one; false if that is not `name`, and no more are wanted. */
static void take_name(struct neighbours *n, bool *found, bool match, struct span span)
{
    if (*found) {
        if (n->after.end == 0)
            n->after = span;
        return;
    }
    if (match)
        n->name = span;
    else
        n->before = span;
    *found = match;
}

static struct str bare_name(struct str name)
{
    return name.n > 1 && name.p[name.n - 1] == '.' ? str_take(name, name.n - 1) : name;
}

static struct neighbours find_name(struct str text, const struct site *site, struct str name)
{
    struct report report = {.text = part(text, (struct span){site->begin, site->end})};
    struct arena mem = {0};
    struct lexer lexer;
    struct neighbours n = {0};
    bool found = false, comma;
    lex_init(&lexer, &report, &mem);
    for (struct token t = lex_next(&lexer); t.kind == TOKEN_WORD || t.kind == TOKEN_EOL;
         t = lex_next(&lexer)) {
        struct token one;
        while (t.kind == TOKEN_WORD && parse_split(&t, &one, &comma)) {
            size_t at = (size_t)(one.text.p - text.p);
            struct span span = {at - t.quoted, at + one.text.n + t.quoted};
            take_name(&n, &found, str_ieq(bare_name(one.text), name), span);
        }
    }
    arena_done(&mem);
    report_done(&report);
    return n;
}

/*
 * The name and its comma. What stands between names in several lines may hold comments, and stays but for
 * that.
 */
static struct span name_span(struct str text, const struct neighbours *n)
{
    bool last = n->after.end == 0;
    struct span gap = last ? (struct span){n->before.end, n->name.at}
                           : (struct span){n->name.end, n->after.at};
    struct str between = part(text, gap);
    bool one_line = str_find(between, '\n') == between.n;
    if (last)
        return str_find(between, '#') < between.n ? n->name : (struct span){gap.at, n->name.end};
    if (one_line)
        return (struct span){n->name.at, gap.end};
    struct span gone = {n->name.at, gap.at + str_find(between, ',') + 1};
    size_t start = line_start(text, gone.at), end = line_end(text, gone.end);
    if (all_blank(part(text, (struct span){start, gone.at})) &&
        all_blank(part(text, (struct span){gone.end, end})))
        return (struct span){start, end + 1};
    return shared_lines(text, gone);
}

bool edit_remove(struct str text, const struct site *site, struct str name, struct buf *out)
{
    struct span block = {site->begin, site->end};
    if (site->n_names == 1)
        return cut(text, block_span(text, block), out);
    struct neighbours n = find_name(text, site, name);
    return cut(text, name_span(text, &n), out);
}

/* Words */

static bool needs_quotes(struct str word)
{
    if (word.n == 0 || word.p[0] == '#' || str_ends(word, STR(";")))
        return true;
    for (size_t i = 0; i < word.n; i++)
        if (is_blank(word.p[i]) || word.p[i] == '{' || word.p[i] == '}' || word.p[i] == '"')
            return true;
    return false;
}

static bool add_quoted(struct str word, struct buf *out)
{
    bool ok = buf_add(out, "\"", 1);
    for (size_t i = 0; i < word.n && ok; i++)
        ok = (word.p[i] != '"' && word.p[i] != '\\' ? true : buf_add(out, "\\", 1)) &&
             buf_add(out, &word.p[i], 1);
    return ok && buf_add(out, "\"", 1);
}

bool edit_word(struct str word, struct buf *out)
{
    return needs_quotes(word) ? add_quoted(word, out) : buf_add_str(out, word);
}

bool edit_name(struct str name, struct buf *out)
{
    return directive_find(name, IN_FILE) ? add_quoted(name, out) : edit_word(name, out);
}

/* What the snapshot tells */

const struct site *edit_find(const struct snapshot *s, struct str name)
{
    for (size_t i = 0; i < s->n_sites; i++)
        for (size_t j = 0; s->sites[i].line != 0 && j < s->sites[i].n_names; j++)
            if (str_ieq(s->sites[i].names[j], name))
                return &s->sites[i];
    return NULL;
}

bool edit_wants_internal(const struct snapshot *s, struct str name)
{
    bool tls = false;
    for (size_t i = 0; i < s->n_listens; i++)
        tls = tls || s->listens[i].tls;
    return tls && acme_is_public(s->acme_directory) && !str_eq(name, STR("*")) && check_is_private(name);
}
