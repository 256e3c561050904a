/*
 * What is wrong with a configuration: complaints are collected while it is read, then printed in the order of
 * the text. Beyond REPORT_MAX they are only counted, so that a file of rubbish gives a bounded answer.
 */
#ifndef EDGE_CONFIG_REPORT_H
#define EDGE_CONFIG_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum { REPORT_MAX = 100 };

/* Both count from 1; columns count characters, a tab is one. */
struct place {
    unsigned line, column;
};

struct complaint {
    struct place at;
    bool warning;
    bool not_text; /* the line cannot be decoded: nothing else is said about it */
    struct str text;
    size_t order; /* of complaints at one place the first stays the first */
};

/* Caller's memory: set file and text, all else zero. report_done() frees. */
struct report {
    const char *file;
    struct str text;
    struct arena mem;
    struct complaint list[REPORT_MAX];
    size_t n;
    size_t errors; /* all of them, those that were not kept included */
    bool nomem;
};

void report_done(struct report *r);
/* The message has the form "what is wrong; what to do". */
void report_error(struct report *r, struct place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void report_warning(struct report *r, struct place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Complains about every line that holds something else than printable UTF-8. */
void report_bytes(struct report *r);
/* FILE:LINE:COLUMN: message, the line, a caret. False when memory is out. */
bool report_print(struct report *r, struct buf *out);

/* A text from the configuration as messages quote it: not too long. */
struct str report_quote(struct str text);

#endif
