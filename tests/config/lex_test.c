#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_cases.h"
#include "config/lex.h"

struct lex_run {
    struct report report;
    struct arena mem;
    struct lexer lexer;
};

static void start(struct lex_run *r, struct str text)
{
    *r = (struct lex_run){.report = {.file = "c", .text = text}};
    lex_init(&r->lexer, &r->report, &r->mem);
}

static void end(struct lex_run *r)
{
    report_done(&r->report);
    arena_done(&r->mem);
}

static size_t show(char *out, size_t room, struct token t)
{
    switch (t.kind) {
    case TOKEN_WORD:
        return (size_t)snprintf(out, room, t.quoted ? "%u:%u'%.*s' " : "%u:%u%.*s ", t.at.line, t.at.column,
                                STR_ARG(t.text));
    case TOKEN_BAD: return (size_t)snprintf(out, room, "%u:%u? ", t.at.line, t.at.column);
    case TOKEN_OPEN: return (size_t)snprintf(out, room, "{ ");
    case TOKEN_CLOSE: return (size_t)snprintf(out, room, "} ");
    case TOKEN_EOL: return (size_t)snprintf(out, room, "; ");
    default: return (size_t)snprintf(out, room, "%u:%u.", t.at.line, t.at.column);
    }
}

/* All tokens in a line: words with their place, ? for a bad one, ; for a line's end, . for the file's. */
static const char *tokens(const char *text)
{
    static char out[4096];
    struct lex_run run;
    size_t n = 0;
    struct token t;
    start(&run, str_of(text));
    do {
        t = lex_next(&run.lexer);
        n += show(out + n, sizeof out - n, t);
    } while (t.kind != TOKEN_END);
    end(&run);
    return out;
}

static void words(void **state)
{
    static const struct config_case rows[] = {
        {"nothing", "", "1:1."},
        {"blanks", " \t \n\n  ", "; ; 3:3."},
        {"two words", "ab cd", "1:1ab 1:4cd 1:6."},
        {"a tab is one column", "\tab\tcd", "1:2ab 1:5cd 1:7."},
        {"characters are counted, not bytes", "\xc3\xa4\xe2\x82\xac x", "1:1\xc3\xa4\xe2\x82\xac 1:4x 1:5."},
        {"CRLF", "ab\r\ncd\r\n", "1:1ab ; 2:1cd ; 3:1."},
        {"braces are tokens", "a{b}c", "1:1a { 1:3b } 1:5c 1:6."},
        {"braces alone", "{}{", "{ } { 1:4."},
        {"a comment", "a # b { }\nc", "1:1a ; 2:1c 2:2."},
        {"a comment at the start and the end", "#x\n#", "; 2:2."},
        {"no comment inside a word", "a#b", "1:1a#b 1:4."},
        {"a comment after a brace", "{#x\n}#", "{ ; } 2:3."},
        {"commas belong to words", "a,b ,c", "1:1a,b 1:5,c 1:7."},
        {"quotes", "a \"b c\" d", "1:1a 1:3'b c' 1:9d 1:10."},
        {"an empty one", "\"\"", "1:1'' 1:3."},
        {"braces and comments in quotes", "\"{ # }\"", "1:1'{ # }' 1:8."},
        {"escapes", "\"a\\\"b\\\\c\\d\"", "1:1'a\"b\\c\\d' 1:12."},
        {"an escaped backslash before the quote", "\"a\\\\\" b", "1:1'a\\' 1:7b 1:8."},
        {"a brace or comma may follow a quote", "\"a\"{\"b\",c", "1:1'a' { 1:5'b' 1:8,c 1:10."},
        {"a quote without its end", "\"ab\nc", "1:1? ; 2:1c 2:2."},
        {"the escape of the last quote", "\"ab\\\"", "1:1? 1:6."},
        {"a word behind a quote", "\"a\"b c", "1:1? 1:4b 1:6c 1:7."},
        {"a quote in a word", "a\"b\" c", "1:1? 1:6c 1:7."},
    };
    for (size_t i = 0; i < nitems(rows); i++)
        if (strcmp(tokens(rows[i].text), rows[i].expected) != 0)
            fail_msg("%s: %s", rows[i].name, tokens(rows[i].text));
}

static void lines(void **state)
{
    static const struct config_case rows[] = {
        {"to the end", "max-age=1; includeSubDomains\nx", "1:1max-age=1; includeSubDomains ; 2:1x 2:2."},
        {"trimmed", "  a b \t\r\nx", "1:3a b ; 2:1x 2:2."},
        {"quotes stay", "set X \"a  b\"", "1:1set X \"a  b\" 1:13."},
        {"the brace that closes the block", "a; b }", "1:1a; b } 1:7."},
        {"braces with a partner stay", "{\"a\":{}} }", "1:1{\"a\":{}} } 1:11."},
        {"a brace in quotes stays", "\"}\" }", "1:1\"}\" } 1:6."},
        {"a comment", "a b # c", "1:1a b 1:8."},
        {"no comment inside a word", "a#b", "1:1a#b 1:4."},
        {"nothing", " \nx", "; 2:1x 2:2."},
        {"only a comment", "# a", "1:4."},
        {"only the brace", " }", "} 1:3."},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        char out[256];
        struct lex_run run;
        start(&run, str_of(rows[i].text));
        struct token t = lex_line(&run.lexer);
        size_t n = show(out, sizeof out, t);
        while (t.kind != TOKEN_END) {
            t = lex_next(&run.lexer);
            n += show(out + n, sizeof out - n, t);
        }
        end(&run);
        if (strcmp(out, rows[i].expected) != 0)
            fail_msg("%s: %s", rows[i].name, out);
    }
}

static void long_words(void **state)
{
    static char text[TOKEN_MAX + 10];
    struct lex_run run;
    memset(text, 'a', sizeof text);
    start(&run, str_from(text, TOKEN_MAX));
    assert_int_equal(lex_next(&run.lexer).kind, TOKEN_WORD);
    end(&run);
    start(&run, str_from(text, TOKEN_MAX + 1));
    assert_int_equal(lex_next(&run.lexer).kind, TOKEN_BAD);
    assert_int_equal(lex_next(&run.lexer).kind, TOKEN_END);
    end(&run);
    text[0] = text[TOKEN_MAX + 5] = '"';
    start(&run, str_from(text, TOKEN_MAX + 6));
    assert_int_equal(lex_next(&run.lexer).kind, TOKEN_BAD);
    assert_int_equal(lex_next(&run.lexer).kind, TOKEN_END);
    end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(lines),
        cmocka_unit_test(long_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
