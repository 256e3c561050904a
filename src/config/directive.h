/*
 * Every word that a configuration may hold is a row: where it stands, what it takes, its bounds, default and
 * meaning. The parser, the error messages, `edge help config` and the tests of the manual pages go over these
 * rows.
 */
#ifndef EDGE_CONFIG_DIRECTIVE_H
#define EDGE_CONFIG_DIRECTIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct parse;
struct statement;

/*
 * A set of places. IN_TIMEOUT and IN_SITE_TIMEOUT: as the name after `timeout`, outside of sites and in one.
 */
enum where {
    IN_FILE = 1,
    IN_ACME = 2,
    IN_SITE = 4,
    IN_BACKEND = 8,
    IN_TIMEOUT = 16,
    IN_SITE_TIMEOUT = 32,
};

enum { MANY_ARGUMENTS = 1000000 };

struct directive {
    const char *name;
    unsigned where;        /* enum where */
    const char *arguments; /* as the manual shows them */
    unsigned least, most;  /* how many there may be */
    /* Takes the value over. NULL: not supported in this release, which is an error and never ignored. */
    void (*set)(struct parse *p, const struct directive *row, const struct statement *s);
    size_t offset;       /* of the member that generic setters write */
    int64_t min, max;    /* of numbers and durations */
    const char *initial; /* the default, which the parser reads like a written value; "": none */
    const char *help;    /* one line */
    enum where block;    /* what its block holds; 0: it has none */
    bool action;         /* answers requests: may follow `route PATTERN` */
    bool line;           /* takes the rest of the line as it is */
    bool repeat;         /* may stand more than once in one place */
};

enum { MAX_DIRECTIVES = 64 };

const struct directive *directive_rows(size_t *n);
/* NULL if there is no such word in that place. */
const struct directive *directive_find(struct str name, enum where where);
/* The same for any place. */
const struct directive *directive_anywhere(struct str name);
/* The name nearest to a misspelled one, rather of that place than of another; NULL if none is near. */
const char *directive_nearest(struct str name, enum where where);

#endif
