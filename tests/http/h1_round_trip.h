/*
 * A head that the reader accepted can be written, and what was written reads as the same message. abort()
 * tells that it does not; used by tests and by fuzz targets.
 */
#ifndef EDGE_TESTS_H1_ROUND_TRIP_H
#define EDGE_TESTS_H1_ROUND_TRIP_H

#include <stdlib.h>

#include "base/buf.h"
#include "http/h1_read.h"
#include "http/h1_write.h"

static void round_trip_check(bool right)
{
    if (!right)
        abort();
}

static bool round_trip_connection_field(const struct head *h, struct str name)
{
    return h1_is_connection_field(name) || str_ieq(name, STR("TE")) || str_ieq(name, STR("Trailer")) ||
           (str_ieq(name, STR("Upgrade")) && !h->upgrade);
}

/* The end-to-end fields are the same, in the same order. */
static void round_trip_fields(const struct head *a, const struct head *b)
{
    size_t j = 0;
    for (size_t i = 0; i < a->n_fields; i++) {
        if (round_trip_connection_field(a, a->fields[i].name))
            continue;
        while (j < b->n_fields && round_trip_connection_field(a, b->fields[j].name))
            j++;
        round_trip_check(j < b->n_fields);
        round_trip_check(str_eq(a->fields[i].name, b->fields[j].name));
        round_trip_check(str_eq(a->fields[i].value, b->fields[j].value));
        j++;
    }
    for (; j < b->n_fields; j++)
        round_trip_check(round_trip_connection_field(a, b->fields[j].name));
}

/* The whole of it is one head. */
static void round_trip_scan(struct str in, void (*init)(struct h1_reader *r))
{
    struct h1_reader r;
    struct str piece;
    size_t used;
    init(&r);
    round_trip_check(h1_read(&r, (const uint8_t *)in.p, in.n, &used, &piece) == H1_HEAD);
    round_trip_check(used == in.n && piece.n == in.n);
}

static struct h1_how round_trip_how(const struct head *h)
{
    return (struct h1_how){.framing = h->framing,
                           .length = h->length,
                           .close = !h->keep_alive,
                           .keep = h->keep_alive,
                           .upgrade = h->upgrade};
}

static inline void round_trip_request(const struct head *original)
{
    struct arena mem = {0};
    struct buf out = {0};
    struct head h = *original, again;
    struct h1_how how = round_trip_how(&h);
    /* What the proxy does for HTTP/1.0. The largest head would not fit into itself any more. */
    round_trip_check(head_copy(&h, original, &mem) == 0);
    if (!head_find(&h, STR("Host")))
        round_trip_check(head_add(&h, &mem, STR("Host"), h.authority.n > 0 ? h.authority : STR("a")) == 0);
    round_trip_check(h1_write_request(&out, &h, &how) == 0);
    if (out.len <= HEAD_MAX_BYTES && h.n_fields < HEAD_MAX_FIELDS - 1) {
        round_trip_scan(buf_str(&out), h1_reader_init);
        round_trip_check(h1_parse_request(buf_str(&out), &again, &mem) == 0);
        round_trip_check(again.minor == 1 && again.keep_alive == h.keep_alive && again.upgrade == h.upgrade);
        round_trip_check(again.framing == h.framing && again.length == h.length);
        round_trip_check(str_eq(again.method, h.method) && str_eq(again.path, h.path));
        round_trip_check(h.authority.n == 0 || str_eq(again.authority, h.authority));
        round_trip_fields(&h, &again);
    }
    buf_done(&out);
    arena_done(&mem);
}

static inline void round_trip_response(const struct head *h, bool to_head)
{
    struct arena mem = {0};
    struct buf out = {0};
    struct head again;
    struct h1_how how = round_trip_how(h);
    round_trip_check(h1_write_response(&out, h, &how) == 0);
    if (out.len <= HEAD_MAX_BYTES && h->n_fields < HEAD_MAX_FIELDS - 1) {
        round_trip_scan(buf_str(&out), h1_reader_init_response);
        round_trip_check(h1_parse_response(buf_str(&out), to_head, &again, &mem) == 0);
        round_trip_check(again.status == h->status && str_eq(again.reason, h->reason));
        round_trip_check(again.framing == h->framing && again.length == h->length &&
                         again.no_body == h->no_body);
        round_trip_check(again.keep_alive == h->keep_alive && again.upgrade == h->upgrade);
        round_trip_fields(h, &again);
    }
    buf_done(&out);
    arena_done(&mem);
}

#endif
