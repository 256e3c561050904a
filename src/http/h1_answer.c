#include "http/h1_answer.h"

#include "base/err.h"
#include "http/exchange.h"
#include "http/h1_write.h"

static bool without_body(const struct head *req, const struct head *h)
{
    return method_is(req, STR("HEAD")) || h->status == 204 || h->status == 304;
}

/* What the head announces; that can be a length although nothing follows (HEAD, 304). */
static enum framing announced(const struct head *req, const struct head *h)
{
    if (h->status == 204)
        return FRAME_NONE;
    if (h->framing == FRAME_LENGTH)
        return FRAME_LENGTH;
    if (without_body(req, h))
        return FRAME_NONE;
    if (h->framing == FRAME_NONE)
        return FRAME_LENGTH; /* of 0: a client could not know else that there is no body */
    return req->minor > 0 ? FRAME_CHUNKED : FRAME_CLOSE;
}

bool h1_answer_needs_close(const struct head *req, const struct head *h)
{
    return announced(req, h) == FRAME_CLOSE;
}

int h1_answer_begin(struct h1_answer *a, struct buf *out, const struct head *req, const struct head *h,
                    bool close)
{
    struct h1_how how = {.framing = announced(req, h), .close = close, .keep = !close && req->minor == 0};
    how.length = h->framing == FRAME_LENGTH ? h->length : 0;
    a->framing = without_body(req, h) ? FRAME_NONE : how.framing;
    a->left = how.length;
    return h1_write_response(out, h, &how);
}

int h1_answer_page(struct buf *out, int err)
{
    struct head h = {0};
    struct arena mem = {0};
    int status = err_status(err);
    struct str text = http_error_text(&mem, status, str_of(err_text(err)));
    struct h1_how how = {.framing = FRAME_LENGTH, .length = text.n, .close = true};
    int rc = -1;
    if (text.p && http_answer_head(&h, &mem, status, text.n) == 0 && h1_write_response(out, &h, &how) == 0 &&
        buf_add_str(out, text))
        rc = 0;
    arena_done(&mem);
    return rc;
}
