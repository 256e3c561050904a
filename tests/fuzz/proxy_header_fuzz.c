/*
 * Any bytes as a PROXY header. Two bytes choose where the input is cut: what is said of its beginning holds
 * for all of it.
 */
#include <stdlib.h>
#include <string.h>

#include "net/proxy_header.h"

enum { CHOICE = 2, V1_MAX = 107 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of its exact size, so that ASan sees a byte read too far. */
static enum proxy_header_verdict read_exactly(struct str in, struct proxy_header *h)
{
    char *copy = malloc(in.n > 0 ? in.n : 1);
    if (!copy)
        abort();
    if (in.n > 0)
        memcpy(copy, in.p, in.n);
    enum proxy_header_verdict v = proxy_header_read(str_from(copy, in.n), h);
    free(copy);
    return v;
}

static size_t longest(struct str in)
{
    return str_starts(in, STR("P")) ? V1_MAX : PROXY_HEADER_MAX;
}

static bool is_none(struct endpoint e)
{
    return e.ip.len == 0 && e.port == 0;
}

static bool same(struct endpoint a, struct endpoint b)
{
    return ip_eq(a.ip, b.ip) && a.port == b.port;
}

/* One line and nothing else. */
static void check_line(struct str line, const struct proxy_header *h)
{
    if (str_find(line, '\r') != line.n - 2 || str_find(line, '\n') != line.n - 1)
        abort();
    if (is_none(h->from) != str_starts(line, STR("PROXY UNKNOWN")))
        abort();
}

static void check_done(struct str in, const struct proxy_header *h)
{
    struct proxy_header again;
    if (h->why || h->len == 0 || h->len > in.n || h->len > longest(in))
        abort();
    if (is_none(h->from) != is_none(h->to) || (h->from.ip.len == 0) != (h->to.ip.len == 0))
        abort();
    /* No byte less makes it, and none more is needed. */
    if (read_exactly(str_take(in, h->len - 1), &again) != PROXY_HEADER_MORE)
        abort();
    if (read_exactly(str_take(in, h->len), &again) != PROXY_HEADER_DONE || again.len != h->len)
        abort();
    if (!same(again.from, h->from) || !same(again.to, h->to))
        abort();
    if (in.p[0] == 'P')
        check_line(str_take(in, h->len), h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header h, early;
    if (size < CHOICE)
        return 0;
    struct str in = str_from(data + CHOICE, size - CHOICE);
    enum proxy_header_verdict v = read_exactly(in, &h);
    enum proxy_header_verdict first = read_exactly(str_take(in, (size_t)data[0] << 8 | data[1]), &early);
    if (first != PROXY_HEADER_MORE && (first != v || early.len != h.len || early.why != h.why))
        abort();
    if (v == PROXY_HEADER_DONE)
        check_done(in, &h);
    else if ((v == PROXY_HEADER_REFUSED) != (h.why != NULL) || h.len != 0 || !is_none(h.from))
        abort();
    else if (v == PROXY_HEADER_MORE && in.n >= longest(in))
        abort();
    return 0;
}
