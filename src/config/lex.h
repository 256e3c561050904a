/*
 * Text to tokens. Words are separated by blanks and braces; quotes (`"`, with `\"` and `\\` inside) keep both
 * in a word; `#` at the start of a token begins a comment. What is wrong goes to the report, and TOKEN_BAD
 * comes instead of a word.
 */
#ifndef EDGE_CONFIG_LEX_H
#define EDGE_CONFIG_LEX_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"
#include "config/report.h"

enum { TOKEN_MAX = 4096 };

enum token_kind { TOKEN_WORD, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_EOL, TOKEN_END, TOKEN_BAD };

struct token {
    enum token_kind kind;
    bool quoted;
    struct str text; /* lies in the file's text, or in mem when quotes had escapes */
    struct place at;
    size_t offset; /* of its first byte, a quote included, in the report's text */
};

struct lexer {
    struct str rest;
    struct place at; /* of rest's first byte */
    struct report *report;
    struct arena *mem;
};

void lex_init(struct lexer *l, struct report *report, struct arena *mem);
struct token lex_next(struct lexer *l);
/*
 * The rest of the line as one word, trimmed, quotes kept as they are. A comment and a brace that closes the
 * block end it; TOKEN_EOL if nothing is there.
 */
struct token lex_line(struct lexer *l);

#endif
