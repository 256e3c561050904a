#include "http/exchange.h"

#include <time.h>

#include "base/err.h"

void xchg_consumed(struct exchange *x, size_t n)
{
    if (x->state != XCHG_GONE && n > 0)
        x->ops->consumed(x, n);
}

size_t xchg_interim(struct exchange *x, const struct head *h)
{
    return x->state == XCHG_WAIT_HEAD && x->req.minor > 0 ? x->ops->interim(x, h) : 0;
}

void xchg_head(struct exchange *x, struct head *h)
{
    if (x->state != XCHG_WAIT_HEAD)
        return;
    x->status = h->status;
    x->state = XCHG_WAIT_END;
    x->ops->head(x, h);
}

void xchg_body(struct exchange *x, struct str data)
{
    if ((x->state != XCHG_WAIT_END && x->state != XCHG_TUNNEL) || data.n == 0)
        return;
    x->body_out += data.n;
    x->ops->body(x, data);
}

void xchg_end(struct exchange *x, const struct head *trailers)
{
    if (x->state != XCHG_WAIT_END && x->state != XCHG_TUNNEL)
        return;
    x->ops->end(x, trailers);
}

void xchg_tunnel(struct exchange *x, struct head *h)
{
    if (x->state != XCHG_WAIT_HEAD)
        return;
    x->status = h->status;
    x->state = XCHG_TUNNEL;
    x->ops->tunnel(x, h);
}

void xchg_reset(struct exchange *x, int why)
{
    if (x->state == XCHG_WAIT_HEAD)
        xchg_error_page(x, err_status(why), str_of(err_text(why)));
    else if (x->state != XCHG_GONE && x->state != XCHG_ANSWERED)
        x->ops->reset(x, why);
}

void xchg_deadline(struct exchange *x, msec ms)
{
    if (x->state != XCHG_GONE)
        x->ops->deadline(x, ms);
}

void xchg_limits(struct exchange *x, const struct xchg_limits *limits)
{
    if (x->state != XCHG_GONE)
        x->ops->limits(x, limits);
}

/* Answers of edge itself */

struct str http_reason(int status)
{
    switch (status) {
    case 100: return STR("Continue");
    case 101: return STR("Switching Protocols");
    case 200: return STR("OK");
    case 204: return STR("No Content");
    case 301: return STR("Moved Permanently");
    case 302: return STR("Found");
    case 303: return STR("See Other");
    case 304: return STR("Not Modified");
    case 307: return STR("Temporary Redirect");
    case 308: return STR("Permanent Redirect");
    case 400: return STR("Bad Request");
    case 401: return STR("Unauthorized");
    case 403: return STR("Forbidden");
    case 404: return STR("Not Found");
    case 405: return STR("Method Not Allowed");
    case 408: return STR("Request Timeout");
    case 410: return STR("Gone");
    case 413: return STR("Content Too Large");
    case 414: return STR("URI Too Long");
    case 417: return STR("Expectation Failed");
    case 421: return STR("Misdirected Request");
    case 429: return STR("Too Many Requests");
    case 431: return STR("Request Header Fields Too Large");
    case 500: return STR("Internal Server Error");
    case 501: return STR("Not Implemented");
    case 502: return STR("Bad Gateway");
    case 503: return STR("Service Unavailable");
    case 504: return STR("Gateway Timeout");
    case 505: return STR("HTTP Version Not Supported");
    default: return STR("Unknown");
    }
}

/* IMF-fixdate of RFC 9110 section 5.6.7. strftime's names are English: edge never sets a locale. */
static struct str http_date(struct arena *mem)
{
    time_t now = (time_t)clock_wall();
    struct tm tm;
    char text[32];
    gmtime_r(&now, &tm);
    size_t n = strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    return arena_dup(mem, str_from(text, n));
}

int http_answer_head(struct head *h, struct arena *mem, int status, size_t length)
{
    h->minor = 1;
    h->status = status;
    h->reason = http_reason(status);
    h->framing = status == 204 || status == 304 ? FRAME_NONE : FRAME_LENGTH;
    h->length = length;
    struct str date = http_date(mem);
    if (!date.p || head_add(h, mem, STR("Date"), date) < 0)
        return -1;
    if (length == 0)
        return 0;
    return head_add(h, mem, STR("Content-Type"), STR("text/plain; charset=utf-8"));
}

struct str http_error_text(struct arena *mem, int status, struct str why)
{
    struct str reason = http_reason(status);
    if (why.n == 0)
        return arena_printf(mem, "%d %.*s\n", status, STR_ARG(reason));
    return arena_printf(mem, "%d %.*s\n%.*s.\n", status, STR_ARG(reason), STR_ARG(why));
}

void xchg_answer(struct exchange *x, int status, struct field extra, struct str text)
{
    struct head h = {0};
    if (x->state != XCHG_WAIT_HEAD)
        return;
    if (http_answer_head(&h, &x->mem, status, text.n) < 0 ||
        (extra.name.n > 0 && head_add(&h, &x->mem, extra.name, extra.value) < 0)) {
        x->ops->reset(x, ERR_NOMEM);
        return;
    }
    xchg_head(x, &h);
    xchg_body(x, text);
    xchg_end(x, NULL);
}

void xchg_error_page(struct exchange *x, int status, struct str why)
{
    xchg_answer(x, status, (struct field){0}, http_error_text(&x->mem, status, why));
}
