/*
 * What the reader makes of a run of bytes, as text: the same text whatever the split. Used by tests and fuzz
 * targets.
 *
 *   brief   one line to compare by eye:  `POST /p host L5 ku "hello" .`
 *           N none, L length, C chunked, X until close; k keep-alive, e expect, u upgrade, b no body
 *           `.` ends a message, `!NAME` is the error that ended it all, `|` an end of input between two messages
 *   full    the same with every field and trailer
 */
#ifndef EDGE_TESTS_H1_TRANSCRIPT_H
#define EDGE_TESTS_H1_TRANSCRIPT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/h1_read.h"

struct transcript {
    bool response;
    bool to_head;
    bool exact; /* feed from memory of the exact size, so that ASan sees a byte read too far */
    /* Called with each head that was accepted; may be NULL. */
    void (*each)(const struct head *h);

    struct buf full, brief;
    int err;
    size_t messages; /* complete ones */
    bool in_body;
    struct h1_reader reader;
    struct arena mem;
};

static void transcript_done(struct transcript *t)
{
    buf_done(&t->full);
    buf_done(&t->brief);
    arena_done(&t->mem);
}

static void transcript_both(struct transcript *t, struct str s)
{
    if (!buf_add_str(&t->full, s) || !buf_add_str(&t->brief, s))
        abort();
}

static void transcript_fail(struct transcript *t, int err)
{
    char text[16];
    snprintf(text, sizeof text, "!%x", (unsigned)err);
    t->err = err;
    transcript_both(t, str_of(text));
}

static void transcript_fields(struct transcript *t, const struct head *h)
{
    for (size_t i = 0; i < h->n_fields; i++)
        if (!buf_printf(&t->full, "{%zu:", h->fields[i].name.n) ||
            !buf_add_str(&t->full, h->fields[i].name) ||
            !buf_printf(&t->full, "=%zu:", h->fields[i].value.n) ||
            !buf_add_str(&t->full, h->fields[i].value) || !buf_add_str(&t->full, STR("}")))
            abort();
}

static void transcript_head(struct transcript *t, struct str piece)
{
    struct head h;
    char text[64];
    int err = t->response ? h1_parse_response(piece, t->to_head, &h, &t->mem)
                          : h1_parse_request(piece, &h, &t->mem);
    if (err) {
        transcript_fail(t, err);
        return;
    }
    if (t->response) {
        snprintf(text, sizeof text, "%d", h.status);
        transcript_both(t, str_of(text));
        transcript_both(t, h.reason.n > 0 ? STR(" ") : STR(""));
        transcript_both(t, h.reason);
    } else {
        transcript_both(t, h.method);
        transcript_both(t, STR(" "));
        transcript_both(t, h.path);
        transcript_both(t, h.authority.n > 0 ? STR(" ") : STR(""));
        transcript_both(t, h.authority);
    }
    snprintf(text, sizeof text, " %c", "NLCX"[h.framing]);
    transcript_both(t, str_of(text));
    if (h.framing == FRAME_LENGTH) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)h.length);
        transcript_both(t, str_of(text));
    }
    snprintf(text, sizeof text, " %s%s%s%s%s", h.keep_alive ? "k" : "", h.expect_continue ? "e" : "",
             h.upgrade ? "u" : "", h.no_body ? "b" : "", h.minor == 0 ? "0" : "");
    transcript_both(t, str_of(text));
    transcript_both(t, STR(" "));
    transcript_fields(t, &h);
    if (t->each)
        t->each(&h);
    if (t->response && h.status == 101)
        h1_reader_raw(&t->reader);
    else
        h1_reader_body(&t->reader, &h);
}

static void transcript_end(struct transcript *t, struct str raw)
{
    struct head trailers;
    if (t->in_body)
        transcript_both(t, STR("\" "));
    t->in_body = false;
    int err = h1_parse_trailers(raw, &trailers, &t->mem);
    if (err) {
        transcript_fail(t, err);
        return;
    }
    transcript_fields(t, &trailers);
    transcript_both(t, STR(". "));
    t->messages++;
}

/* Everything that can be read from these bytes; returns how many were used. */
static size_t transcript_feed(struct transcript *t, const uint8_t *p, size_t n)
{
    size_t total = 0, used;
    struct str piece;
    while (!t->err) {
        enum h1_event event = h1_read(&t->reader, p + total, n - total, &used, &piece);
        total += used;
        if (used > n || total > n)
            abort();
        if (event == H1_MORE)
            break;
        if (event == H1_HEAD)
            transcript_head(t, piece);
        else if (event == H1_END)
            transcript_end(t, piece);
        else if (event == H1_FAIL)
            transcript_fail(t, t->reader.err);
        else {
            if (piece.n == 0)
                abort();
            transcript_both(t, t->in_body ? STR("") : STR("\""));
            transcript_both(t, piece);
            t->in_body = true;
        }
    }
    return total;
}

/* Gives `in` to the reader: `first` bytes, then `then` more at a time, then the end of the connection. */
static void transcript_run(struct transcript *t, struct str in, size_t first, size_t then)
{
    const uint8_t *p = (const uint8_t *)in.p;
    size_t used = 0;
    if (t->response)
        h1_reader_init_response(&t->reader);
    else
        h1_reader_init(&t->reader);
    for (size_t fed = first < in.n ? first : in.n; !t->err;) {
        if (t->exact && fed > used) {
            uint8_t *copy = malloc(fed - used);
            if (!copy)
                abort();
            memcpy(copy, p + used, fed - used);
            used += transcript_feed(t, copy, fed - used);
            free(copy);
        } else {
            used += transcript_feed(t, p + used, fed - used);
        }
        if (fed == in.n)
            break;
        fed = then < in.n - fed ? fed + then : in.n;
    }
    if (t->err)
        return;
    enum h1_event event = h1_read_eof(&t->reader, in.n - used);
    if (event == H1_END)
        transcript_end(t, (struct str){NULL, 0});
    else if (event == H1_FAIL)
        transcript_fail(t, t->reader.err);
    else
        transcript_both(t, STR("|"));
}

#endif
