/* A certificate chain from a CA: any bytes as PEM, and as the DER of one certificate. */
#include <assert.h>
#include <stdlib.h>

#include "acme/x509.h"
#include "base/pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct str chain)
{
    static const struct str name = STR("example.org");
    struct arena mem = {0};
    struct x509_facts facts;
    const char *why = NULL;
    if (x509_read(&mem, chain, &facts)) {
        for (size_t i = 0; i < facts.n_names; i++)
            assert(facts.names[i].p);
        assert(facts.serial.n >= 2 && facts.serial.n % 2 == 0);
    }
    const struct x509_wanted wanted = {STR(""), &name, 1};
    assert(x509_accept(chain, &wanted, &why) != X509_GOOD && why);
    arena_done(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf pem = {0};
    if (size > 65536)
        return 0;
    look(str_from(data, size));
    if (pem_write(&pem, "CERTIFICATE", str_from(data, size)))
        look(buf_str(&pem));
    buf_done(&pem);
    return 0;
}
