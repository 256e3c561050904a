/*
 * The record layer as a peer sees it who has the keys. The input is a list of pieces: kind, length, content; a piece is sealed as a
 * record of that type, or goes onto the wire as it is. Whatever comes, rec_open() must stay within the input and end.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tls/rec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RAW = 0x80, PLAIN_ROOM = 512 };

static void start(struct rec *r, uint8_t choice)
{
    static const enum aead_kind kinds[] = {AEAD_AES_128_GCM, AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305};
    struct rec_keys keys = {.kind = kinds[choice / 2 % 3], .sequence = 1};
    struct aead_impl impl;
    aead_impl_init(&impl);
    uint16_t version = choice % 2 ? TLS_1_3 : TLS_1_2;
    rec_half_init(&r->in, &impl, version, &keys);
    rec_half_init(&r->out, &impl, version, &keys);
    rec_start(r);
}

static size_t make_wire(struct rec *r, struct str in, uint8_t *wire)
{
    size_t n = 0;
    while (in.n >= 2) {
        uint8_t kind = (uint8_t)in.p[0];
        struct str piece = str_take(str_skip(in, 2), (uint8_t)in.p[1]);
        in = str_skip(in, 2 + piece.n);
        if (kind & RAW) {
            if (piece.n > 0)
                memcpy(wire + n, piece.p, piece.n);
            n += piece.n;
        } else {
            n += rec_seal(&r->out, (enum rec_type)kind, piece.p ? piece.p : "", piece.n, wire + n);
        }
    }
    return n;
}

static void receive(struct rec *r, uint8_t *wire, size_t n)
{
    uint8_t plain[PLAIN_ROOM];
    size_t at = 0;
    for (;;) {
        struct rec_got got = {.to = plain, .room = sizeof plain};
        bool ready = rec_ready(wire + at, n - at);
        enum rec_verdict v = rec_open(r, wire + at, n - at, &got);
        assert(v != REC_MORE || !ready);
        if (v == REC_MORE || v == REC_FAILED || v == REC_CLOSED) {
            assert((v == REC_FAILED) == (got.err != 0));
            return;
        }
        assert(got.used > REC_HEADER && got.used <= n - at && got.n <= REC_PLAIN);
        at += got.used;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rec r;
    if (size < 1)
        return 0;
    start(&r, data[0]);
    /* Of its exact size, so that a read behind the end is seen. */
    uint8_t *room = malloc(size * (1 + REC_OVERHEAD));
    if (!room)
        return 0;
    size_t n = make_wire(&r, str_from(data + 1, size - 1), room);
    uint8_t *wire = malloc(n > 0 ? n : 1);
    if (wire && n > 0) {
        memcpy(wire, room, n);
        receive(&r, wire, n);
    }
    free(wire);
    free(room);
    return 0;
}
