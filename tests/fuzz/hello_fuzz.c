/*
 * The ClientHello parser: any bytes as a message, and the same bytes as records in cuts that the input chooses. What it accepts must
 * be consistent.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tls/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct hello *h)
{
    struct str sni = hello_sni(h), body;
    assert(sni.n <= HELLO_SNI && (sni.n == 0 || sni.p[sni.n - 1] != '.'));
    for (size_t i = 0; i < sni.n; i++)
        assert(sni.p[i] == ascii_lower(sni.p[i]) && sni.p[i] > ' ');
    assert(h->session_id.n <= 32 && h->random.n == 32 && h->suites.n % 2 == 0);
    assert(h->alpn.n == 0 || !hello_alpn(h, STR("")));
    (void)hello_offers(h, 0x0303);
    (void)hello_extension(h, 0xffff, &body);
}

/* The first byte of the input sizes the segments. */
static enum hello_verdict feed(struct hello_reader *r, struct str in, size_t segment, struct hello *h)
{
    enum hello_verdict v = HELLO_WAIT;
    size_t used = 0;
    for (; v == HELLO_WAIT && in.n > 0; in = str_skip(in, used))
        v = hello_feed(r, str_take(in, segment), &used, h);
    return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hello h;
    if (size < 1)
        return 0;
    struct str in = str_from(data + 1, size - 1);
    if (hello_parse(in, &h) == 0)
        look(&h);
    struct hello_reader cut = {0}, whole = {0};
    enum hello_verdict v = feed(&cut, in, (size_t)data[0] + 1, &h);
    if (v == HELLO_DONE)
        look(&h);
    assert(feed(&whole, in, SIZE_MAX, &h) == v && cut.err == whole.err);
    hello_done(&cut);
    hello_done(&whole);
    return 0;
}
