/* Rows of messages for h1_*_test.c: each is read whole, in every split into two, and byte by byte. */
#ifndef EDGE_TESTS_H1_ROWS_H
#define EDGE_TESTS_H1_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "http/h1_transcript.h"

struct row {
    int err; /* 0: every message is accepted */
    const char *name;
    struct str in;
    const char *seen; /* the brief transcript; NULL: only err counts */
};

/* A literal with its length, as it may hold NUL. */
#define RAW(literal)                   \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }

enum row_kind { ROW_REQUEST, ROW_RESPONSE, ROW_TO_HEAD };

static struct transcript row_transcript(enum row_kind kind)
{
    return (struct transcript){.response = kind != ROW_REQUEST, .to_head = kind == ROW_TO_HEAD};
}

static void row_compare(const struct row *row, enum row_kind kind, struct str whole, size_t first,
                        size_t then)
{
    struct transcript t = row_transcript(kind);
    t.exact = then == 1;
    transcript_run(&t, row->in, first, then);
    if (!str_eq(whole, buf_str(&t.full)))
        fail_msg("%s: split at %zu, then every %zu: %.*s instead of %.*s", row->name, first, then,
                 STR_ARG(buf_str(&t.full)), STR_ARG(whole));
    transcript_done(&t);
}

static void row_check(const struct row *row, enum row_kind kind)
{
    struct transcript t = row_transcript(kind);
    transcript_run(&t, row->in, row->in.n, 1);
    if (t.err != row->err)
        fail_msg("%s: %x instead of %x (%.*s)", row->name, (unsigned)t.err, (unsigned)row->err,
                 STR_ARG(buf_str(&t.brief)));
    if (row->seen && !str_eq(str_of(row->seen), buf_str(&t.brief)))
        fail_msg("%s: %.*s instead of %s", row->name, STR_ARG(buf_str(&t.brief)), row->seen);
    /* Each split of a long one would take minutes; its boundaries have tests of their own. */
    size_t step = row->in.n < 1000 ? 1 : row->in.n / 16 + 1;
    for (size_t at = 1; at < row->in.n; at += step)
        row_compare(row, kind, buf_str(&t.full), at, row->in.n);
    row_compare(row, kind, buf_str(&t.full), 1, row->in.n < 1000 ? 1 : 331);
    transcript_done(&t);
}

static inline void row_check_all(const struct row *rows, size_t n, enum row_kind kind)
{
    for (size_t i = 0; i < n; i++)
        row_check(&rows[i], kind);
}

#endif
