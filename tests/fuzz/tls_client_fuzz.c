/* A backend's side of a handshake, whatever it sends, in pieces that the first byte sizes. */
#include <assert.h>
#include <stdlib.h>

#include "base/rand.h"
#include "tls/bear12_client.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return rand_init();
}

static void shake(struct bear12_client *b, struct str in, size_t piece, struct buf *out)
{
    enum engine_verdict v = ENGINE_WAIT;
    struct rec rec;
    while (v == ENGINE_WAIT && in.n > 0) {
        size_t used = 0;
        struct str now = str_take(in, piece);
        v = bear12_client_step(b, now, &used, out, &rec);
        assert(used <= now.n && (v == ENGINE_FAIL) == (bear12_client_error(b) != 0));
        /* Without our randomness in it nobody can sign, nor know the keys. */
        assert(v != ENGINE_DONE);
        assert(v != ENGINE_WAIT || used == now.n);
        in = str_skip(in, used);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct client_sessions none;
    struct client_sessions sessions = none;
    struct aead_impl impl;
    struct buf out = {0};
    int err = 0;
    if (size < 1)
        return 0;
    aead_impl_init(&impl);
    void *shared = bear12_client_shared_new(&impl);
    struct tls_trust *all = tls_trust_new(STR(""), &err);
    struct bear12_client_setup setup = {.trust = all, .name = STR("nas.test"), .sessions = &sessions};
    struct bear12_client *b = shared && all ? bear12_client_new(shared, &setup, &out) : NULL;
    if (b)
        shake(b, str_from(data + 1, size - 1), (size_t)data[0] + 1, &out);
    bear12_client_free(b);
    bear12_client_shared_free(shared);
    tls_trust_free(all);
    buf_done(&out);
    return 0;
}
