/* What the tests of the configuration share: parsing a text, and telling the result as one. */
#ifndef EDGE_TESTS_CONFIG_CASES_H
#define EDGE_TESTS_CONFIG_CASES_H

#include <stdbool.h>

#include "base/buf.h"
#include "config/parse.h"

/* The name of every text that the tests parse; it lies in a folder, so that relative paths show. */
#define CASE_FILE "etc/c"

struct config_case {
    const char *name;
    const char *text;
    const char *expected;
};

/* Fails the test unless the text is accepted without a warning. Free with snapshot_free(). */
struct snapshot *case_parse(const char *text);
/*
 * The errors of a text, one in a line: `LINE:COLUMN: message`. Whether source line and caret follow is
 * checked; snapshot and errors must exclude each other, warnings do not count. In static memory, until the next call.
 */
const char *case_errors(struct str text);
/* Fails the test unless exactly the expected errors, as case_errors() tells them, are found in each text. */
void case_refused(const struct config_case *rows, size_t n);
/* The warnings of a text that must be accepted, in the same form and the same memory. */
const char *case_warnings(const char *text);
/* A snapshot as text: addresses, sites, routes. In static memory, until the next call. */
const char *case_dump(const struct snapshot *s);

/*
 * Over a file of the source tree; fails the test if it cannot be read. Ends with a NUL that is not counted.
 */
void case_read(const char *path, struct buf *out);

#endif
