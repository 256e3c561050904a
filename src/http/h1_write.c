#include "http/h1_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "http/h1_int.h"

/* Room for what does not come from the head: version, status, blanks, framing and Connection, line ends. */
enum { FIXED = 256 };

bool h1_is_connection_field(struct str name)
{
    return str_ieq(name, STR("Connection")) || str_ieq(name, STR("Keep-Alive")) ||
           str_ieq(name, STR("Proxy-Connection")) || str_ieq(name, STR("Content-Length")) ||
           str_ieq(name, STR("Transfer-Encoding"));
}

/* A head is measured, then written in one go: so a failure leaves nothing behind. */
struct writer {
    char *at;
    const struct h1_how *how;
    bool request;
    bool upgrade;
    bool te;
};

static void put(struct writer *w, struct str s)
{
    if (s.n > 0)
        memcpy(w->at, s.p, s.n);
    w->at += s.n;
}

/* Adds to *total what the fields take at most; false if one of them would not be read as it was written. */
static bool measure_fields(const struct head *h, size_t *total)
{
    for (size_t i = 0; i < h->n_fields; i++) {
        const struct field *f = &h->fields[i];
        if (!h1_is_token(f->name) || !h1_is_value(f->value))
            return false;
        *total += f->name.n + f->value.n + 4;
    }
    return true;
}

static bool passes(struct writer *w, const struct field *f)
{
    if (h1_is_connection_field(f->name))
        return false;
    if (str_ieq(f->name, STR("Upgrade")))
        return w->upgrade;
    if (str_ieq(f->name, STR("Trailer")))
        return w->how->framing == FRAME_CHUNKED;
    if (!str_ieq(f->name, STR("TE")))
        return true;
    bool trailers = w->request && !w->te && str_ieq(f->value, STR("trailers"));
    w->te |= trailers;
    return trailers;
}

static void put_field(struct writer *w, const struct field *f)
{
    put(w, f->name);
    put(w, STR(": "));
    put(w, f->value);
    put(w, STR("\r\n"));
}

static void put_framing(struct writer *w)
{
    if (w->how->framing == FRAME_LENGTH)
        w->at += sprintf(w->at, "Content-Length: %" PRIu64 "\r\n", w->how->length);
    else if (w->how->framing == FRAME_CHUNKED)
        put(w, STR("Transfer-Encoding: chunked\r\n"));
}

static void put_connection(struct writer *w)
{
    const struct {
        bool on;
        struct str text;
    } options[] = {{w->how->close, STR("close")},
                   {w->how->keep && !w->how->close, STR("keep-alive")},
                   {w->upgrade, STR("upgrade")},
                   {w->te, STR("TE")}};
    struct str before = STR("Connection: ");
    bool any = false;
    for (size_t i = 0; i < nitems(options); i++) {
        if (!options[i].on)
            continue;
        put(w, before);
        put(w, options[i].text);
        before = STR(", ");
        any = true;
    }
    if (any)
        put(w, STR("\r\n"));
}

static void put_rest(struct writer *w, const struct head *h)
{
    for (size_t i = 0; i < h->n_fields; i++)
        if (passes(w, &h->fields[i]))
            put_field(w, &h->fields[i]);
    if (w->request || (h->status >= 200 && h->status != 204))
        put_framing(w);
    put_connection(w);
    put(w, STR("\r\n"));
}

static void finish(struct writer *w, struct buf *out, const uint8_t *begin)
{
    buf_added(out, (size_t)((const uint8_t *)w->at - begin));
}

/* A path of the reader's alphabet; `#` would end it early for some (RFC 9112 section 3.2). */
static bool is_path(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x21 || s.p[i] > 0x7e || s.p[i] == '#')
            return false;
    return s.n > 0 && (s.p[0] == '/' || str_eq(s, STR("*")));
}

int h1_write_request(struct buf *out, const struct head *h, const struct h1_how *how)
{
    size_t total = FIXED + h->method.n + h->path.n;
    if (!h1_is_token(h->method) || !is_path(h->path) || !measure_fields(h, &total))
        return -1;
    uint8_t *begin = buf_reserve(out, total);
    if (!begin)
        return -1;
    struct writer w = {.at = (char *)begin, .how = how, .request = true, .upgrade = how->upgrade};
    put(&w, h->method);
    put(&w, STR(" "));
    put(&w, h->path);
    put(&w, STR(" HTTP/1.1\r\n"));
    put_rest(&w, h);
    finish(&w, out, begin);
    return 0;
}

int h1_write_response(struct buf *out, const struct head *h, const struct h1_how *how)
{
    static const struct h1_how nothing = {.framing = FRAME_NONE};
    size_t total = FIXED + h->reason.n;
    if (h->status < 100 || h->status > 599 || !h1_is_value(h->reason) || !measure_fields(h, &total))
        return -1;
    uint8_t *begin = buf_reserve(out, total);
    if (!begin)
        return -1;
    struct writer w = {.at = (char *)begin, .how = how ? how : &nothing};
    w.upgrade = w.how->upgrade || h->status == 101;
    w.at += sprintf(w.at, "HTTP/1.1 %d ", h->status);
    put(&w, h->reason);
    put(&w, STR("\r\n"));
    put_rest(&w, h);
    finish(&w, out, begin);
    return 0;
}

int h1_write_chunk_begin(struct buf *out, size_t n)
{
    char line[24];
    int len = snprintf(line, sizeof line, "%zx\r\n", n);
    return n > 0 && buf_add(out, line, (size_t)len) ? 0 : -1;
}

int h1_write_chunk_end(struct buf *out)
{
    return buf_add_str(out, STR("\r\n")) ? 0 : -1;
}

int h1_write_last_chunk(struct buf *out, const struct head *trailers)
{
    static const struct head none;
    const struct head *h = trailers ? trailers : &none;
    size_t total = FIXED;
    if (!measure_fields(h, &total))
        return -1;
    uint8_t *begin = buf_reserve(out, total);
    if (!begin)
        return -1;
    struct writer w = {.at = (char *)begin};
    put(&w, STR("0\r\n"));
    for (size_t i = 0; i < h->n_fields; i++)
        if (!h1_fields_not_in_trailers(h->fields[i].name))
            put_field(&w, &h->fields[i]);
    put(&w, STR("\r\n"));
    finish(&w, out, begin);
    return 0;
}
