/*
 * Certificates of both sides. The input is cut in two by its first byte: certificates in DER as a backend shows them, one behind the
 * other (two bytes of length, then the certificate), and a bundle; which is PEM as it stands, or DER that is put into PEM here.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/pem.h"
#include "base/rand.h"
#include "tls/chain.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return rand_init();
}

/* The next one off the front, by its two bytes of length. */
static struct str next(struct str *in)
{
    size_t n = in->n < 2 ? 0 : (size_t)(uint8_t)in->p[0] << 8 | (uint8_t)in->p[1];
    struct str piece = str_take(str_skip(*in, 2), n);
    *in = str_skip(*in, 2 + piece.n);
    return piece;
}

static void judge(struct str shown, const struct tls_trust *t, struct str name)
{
    struct chain c;
    unsigned usages = 0;
    assert(chain_init(&c, t, name, 1790000000));
    c.class->start_chain(&c.class, c.name);
    while (shown.n > 0) {
        struct str der = next(&shown);
        c.class->start_cert(&c.class, (uint32_t)der.n);
        if (der.n > 0)
            c.class->append(&c.class, (const uint8_t *)der.p, der.n);
        c.class->end_cert(&c.class);
    }
    unsigned error = c.class->end_chain(&c.class);
    const br_x509_pkey *key = c.class->get_pkey(&c.class, &usages);
    assert((error == 0) == (c.err == 0) && (error == 0) == (key != NULL));
    chain_done(&c);
}

static void judge_all(struct str shown, struct str pem)
{
    int err = 0;
    struct tls_trust *t = tls_trust_new(pem, &err);
    assert((t == NULL) == (err != 0));
    if (!t)
        return;
    judge(shown, t, STR("nas.test"));
    judge(shown, t, STR("10.0.0.9"));
    judge(shown, t, STR(""));
    tls_trust_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf pem = {0};
    if (size < 1 || size > 65536)
        return 0;
    struct str in = str_from(data + 1, size - 1);
    struct str shown = str_take(in, (size - 1) * data[0] / 255), bundle = str_skip(in, shown.n);
    judge_all(shown, STR(""));
    judge_all(shown, bundle);
    while (bundle.n > 0)
        (void)pem_write(&pem, "CERTIFICATE", next(&bundle));
    judge_all(shown, buf_str(&pem));
    buf_done(&pem);
    return 0;
}
