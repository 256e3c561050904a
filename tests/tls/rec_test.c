#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/rand.h"
#include "tls/rec.h"

enum { ROOM = 40000 };

static const enum aead_kind kinds[] = {AEAD_AES_128_GCM, AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305};
static const uint16_t versions[] = {TLS_1_2, TLS_1_3};

/* A connection whose both directions have the same key, so that what it sends it can receive. */
struct loop {
    struct rec rec;
    struct aead_impl impl;
    uint8_t plain[ROOM], wire[ROOM];
};

static struct rec_keys make_keys(enum aead_kind kind)
{
    struct rec_keys k = {.kind = kind, .sequence = 1};
    for (int i = 0; i < AEAD_KEY; i++)
        k.key[i] = (uint8_t)(i * 7 + 1);
    for (int i = 0; i < AEAD_NONCE; i++)
        k.iv[i] = (uint8_t)(i + 0xa0);
    return k;
}

static void start(struct loop *l, const struct aead_impl *impl, enum aead_kind kind, uint16_t version)
{
    struct rec_keys keys = make_keys(kind);
    rec_half_init(&l->rec.in, impl, version, &keys);
    rec_half_init(&l->rec.out, impl, version, &keys);
    rec_start(&l->rec);
}

static int setup(void **state)
{
    /* As aligned as the key of libsodium's AES wants it. */
    struct loop *l = aligned_alloc(_Alignof(struct loop), sizeof *l);
    if (!l || rand_init() < 0)
        return -1;
    memset(l, 0, sizeof *l);
    rand_bytes(l->plain, sizeof l->plain);
    aead_impl_init(&l->impl);
    start(l, &l->impl, AEAD_CHACHA20_POLY1305, TLS_1_2);
    *state = l;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static const struct aead_impl portable = {false, &br_aes_ct64_ctr_vtable, br_ghash_ctmul64};

static void there_and_back(void **state)
{
    static const size_t sizes[] = {1, 2, 15, 16, 17, 255, 4096, 16383, 16384};
    struct loop *l = *state;
    uint8_t to[REC_PLAIN + 1];
    for (size_t i = 0; i < nitems(kinds) * nitems(versions); i++) {
        start(l, &l->impl, kinds[i % nitems(kinds)], versions[i / nitems(kinds)]);
        for (size_t k = 0; k < nitems(sizes) * 2; k++) {
            size_t size = sizes[k / 2], n = rec_seal(&l->rec.out, REC_DATA, l->plain, size, l->wire);
            assert_int_equal(n, rec_size(&l->rec, size));
            assert_int_equal(l->wire[0], REC_DATA);
            /* Every other time straight into the user's memory, as far as there is enough. */
            struct rec_got got = {.to = k % 2 ? to : NULL, .room = sizeof to};
            for (size_t cut = 0; cut < n; cut += n < 300 ? 1 : 997) {
                assert_int_equal(rec_open(&l->rec, l->wire, cut, &got), REC_MORE);
                assert_false(rec_ready(l->wire, cut));
            }
            assert_true(rec_ready(l->wire, n));
            assert_int_equal(rec_open(&l->rec, l->wire, n + 100, &got), REC_PLAINTEXT);
            assert_int_equal(got.used, n);
            assert_int_equal(got.n, size);
            assert_true((got.data == to) == (k % 2 == 1));
            assert_memory_equal(got.data, l->plain, size);
        }
    }
}

/* libsodium, BearSSL with the processor's AES and BearSSL without it must agree on every byte. */
static void implementations_agree(void **state)
{
    struct loop *l = *state;
    uint8_t other[ROOM];
    for (size_t i = 0; i < nitems(kinds) * nitems(versions); i++) {
        for (size_t size = 1; size < 300; size += size < 40 ? 1 : 37) {
            start(l, &portable, kinds[i % nitems(kinds)], versions[i / nitems(kinds)]);
            size_t n = rec_seal(&l->rec.out, REC_DATA, l->plain, size, other);
            start(l, &l->impl, kinds[i % nitems(kinds)], versions[i / nitems(kinds)]);
            assert_int_equal(rec_seal(&l->rec.out, REC_DATA, l->plain, size, l->wire), n);
            assert_memory_equal(l->wire, other, n);
        }
    }
}

/* The same record made by other code: BearSSL's record layer. */
static void as_bearssl_makes_it(void **state)
{
    struct loop *l = *state;
    struct rec_keys keys = make_keys(AEAD_AES_128_GCM);
    br_sslrec_gcm_context gcm;
    br_sslrec_out_gcm_vtable.init(&gcm.vtable.out, &br_aes_ct_ctr_vtable, keys.key, 16, br_ghash_ctmul32,
                                  keys.iv);
    br_sslrec_chapol_context chapol;
    br_sslrec_out_chapol_vtable.init(&chapol.vtable.out, br_chacha20_ct_run, br_poly1305_ctmul_run, keys.key,
                                     keys.iv);
    for (size_t kind = 0; kind < nitems(kinds); kind++) {
        if (kinds[kind] == AEAD_AES_256_GCM)
            br_sslrec_out_gcm_vtable.init(&gcm.vtable.out, &br_aes_ct_ctr_vtable, keys.key, 32,
                                          br_ghash_ctmul32, keys.iv);
        const br_sslrec_out_class **out = kinds[kind] == AEAD_CHACHA20_POLY1305
                                              ? (const br_sslrec_out_class **)(void *)&chapol.vtable.out
                                              : (const br_sslrec_out_class **)(void *)&gcm.vtable.out;
        start(l, &l->impl, kinds[kind], TLS_1_2);
        l->rec.out.sequence = 0;
        for (size_t round = 0; round < 5; round++) {
            uint8_t theirs[1000];
            size_t n = 100 + round;
            memcpy(theirs + 100, l->plain, n);
            const uint8_t *record = (*out)->encrypt(out, REC_DATA, TLS_1_2, theirs + 100, &n);
            assert_int_equal(rec_seal(&l->rec.out, REC_DATA, l->plain, 100 + round, l->wire), n);
            assert_memory_equal(l->wire, record, n);
        }
    }
}

/* RFC 8448 section 3: the server's first application data in the simple 1-RTT handshake. */
static void record_of_rfc8448(void **state)
{
    static const uint8_t key[] = {0x9f, 0x02, 0x28, 0x3b, 0x6c, 0x9c, 0x07, 0xef,
                                  0xc2, 0x6b, 0xb9, 0xf2, 0xac, 0x92, 0xe3, 0x56};
    static const uint8_t iv[] = {0xcf, 0x78, 0x2b, 0x88, 0xdd, 0x83, 0x54, 0x9a, 0xad, 0xf1, 0xe9, 0x84};
    static const uint8_t record[] = {0x17, 0x03, 0x03, 0x00, 0x43, 0x2e, 0x93, 0x7e, 0x11, 0xef, 0x4a, 0xc7,
                                     0x40, 0xe5, 0x38, 0xad, 0x36, 0x00, 0x5f, 0xc4, 0xa4, 0x69, 0x32, 0xfc,
                                     0x32, 0x25, 0xd0, 0x5f, 0x82, 0xaa, 0x1b, 0x36, 0xe3, 0x0e, 0xfa, 0xf9,
                                     0x7d, 0x90, 0xe6, 0xdf, 0xfc, 0x60, 0x2d, 0xcb, 0x50, 0x1a, 0x59, 0xa8,
                                     0xfc, 0xc4, 0x9c, 0x4b, 0xf2, 0xe5, 0xf0, 0xa2, 0x1c, 0x00, 0x47, 0xc2,
                                     0xab, 0xf3, 0x32, 0x54, 0x0d, 0xd0, 0x32, 0xe1, 0x67, 0xc2, 0x95, 0x5d};
    struct loop *l = *state;
    struct rec_keys keys = {.kind = AEAD_AES_128_GCM, .sequence = 1};
    memcpy(keys.key, key, sizeof key);
    memcpy(keys.iv, iv, sizeof iv);
    for (uint8_t i = 0; i < 50; i++)
        l->plain[i] = i;
    rec_half_init(&l->rec.out, &l->impl, TLS_1_3, &keys);
    rec_half_init(&l->rec.in, &portable, TLS_1_3, &keys);
    rec_start(&l->rec);
    assert_int_equal(rec_seal(&l->rec.out, REC_DATA, l->plain, 50, l->wire), 72);
    assert_memory_equal(l->wire, record, sizeof record);
    struct rec_got got = {0};
    assert_int_equal(rec_open(&l->rec, l->wire, 72, &got), REC_PLAINTEXT);
    assert_memory_equal(got.data, l->plain, 50);
}

static enum rec_verdict open_one(struct loop *l, size_t n, int *err)
{
    struct rec_got got = {0};
    enum rec_verdict v = rec_open(&l->rec, l->wire, n, &got);
    *err = got.err;
    return v;
}

static void tampered(void **state)
{
    struct loop *l = *state;
    for (size_t i = 0; i < nitems(kinds) * nitems(versions); i++) {
        uint16_t version = versions[i / nitems(kinds)];
        start(l, &l->impl, kinds[i % nitems(kinds)], version);
        size_t n = rec_seal(&l->rec.out, REC_DATA, l->plain, 33, l->wire);
        for (size_t at = 0; at < n; at++) {
            int err = 0;
            /* The length makes another record of it; what is not looked at in TLS 1.3 is covered by the tag all the same. */
            if (at == 3 || at == 4)
                continue;
            start(l, &l->impl, kinds[i % nitems(kinds)], version);
            l->rec.in.sequence = 1;
            rec_seal(&l->rec.out, REC_DATA, l->plain, 33, l->wire);
            l->wire[at] ^= 1;
            assert_int_equal(open_one(l, n, &err), REC_FAILED);
            int want = at == 0 ? (version == TLS_1_2 ? ALERT_BAD_RECORD_MAC : ALERT_UNEXPECTED_MESSAGE)
                       : at < 3 && version == TLS_1_2 ? ALERT_PROTOCOL_VERSION
                                                      : ALERT_BAD_RECORD_MAC;
            assert_int_equal(err, ERR_TLS + want);
        }
    }
}

static void out_of_order(void **state)
{
    struct loop *l = *state;
    for (size_t i = 0; i < nitems(kinds); i++) {
        int err = 0;
        start(l, &l->impl, kinds[i], TLS_1_2);
        rec_seal(&l->rec.out, REC_DATA, l->plain, 10, l->wire);
        size_t n = rec_seal(&l->rec.out, REC_DATA, l->plain, 10, l->wire);
        assert_int_equal(open_one(l, n, &err), REC_FAILED);
        assert_int_equal(err, ERR_TLS + ALERT_BAD_RECORD_MAC);
    }
}

static void sizes(void **state)
{
    static const struct {
        uint16_t version;
        enum aead_kind kind;
        unsigned length;
        int alert; /* 0: waits for the rest */
    } rows[] = {
        {TLS_1_2, AEAD_AES_256_GCM, 16384 + 24, 0},
        {TLS_1_2, AEAD_AES_256_GCM, 16384 + 25, ALERT_RECORD_OVERFLOW},
        {TLS_1_2, AEAD_AES_256_GCM, 24, 0},
        {TLS_1_2, AEAD_AES_256_GCM, 23, ALERT_BAD_RECORD_MAC},
        {TLS_1_2, AEAD_CHACHA20_POLY1305, 16384 + 16, 0},
        {TLS_1_2, AEAD_CHACHA20_POLY1305, 16384 + 17, ALERT_RECORD_OVERFLOW},
        {TLS_1_2, AEAD_CHACHA20_POLY1305, 15, ALERT_BAD_RECORD_MAC},
        {TLS_1_2, AEAD_CHACHA20_POLY1305, 0, ALERT_BAD_RECORD_MAC},
        {TLS_1_2, AEAD_CHACHA20_POLY1305, 65535, ALERT_RECORD_OVERFLOW},
        {TLS_1_3, AEAD_AES_128_GCM, 16384 + 256, 0},
        {TLS_1_3, AEAD_AES_128_GCM, 16384 + 257, ALERT_RECORD_OVERFLOW},
        {TLS_1_3, AEAD_AES_128_GCM, 16, ALERT_BAD_RECORD_MAC},
    };
    struct loop *l = *state;
    for (size_t i = 0; i < nitems(rows); i++) {
        int err = 0;
        start(l, &l->impl, rows[i].kind, rows[i].version);
        memcpy(l->wire,
               (const uint8_t[]){REC_DATA, 3, 3, (uint8_t)(rows[i].length >> 8), (uint8_t)rows[i].length}, 5);
        assert_int_equal(open_one(l, REC_HEADER, &err), rows[i].alert ? REC_FAILED : REC_MORE);
        assert_int_equal(err, rows[i].alert ? ERR_TLS + rows[i].alert : 0);
        if (rows[i].alert == ALERT_RECORD_OVERFLOW && rows[i].length > 16384 + 256)
            assert_true(rec_ready(l->wire, REC_HEADER));
    }
}

/* Sealed as this type, received: the verdict and the error. */
static enum rec_verdict receive(struct loop *l, enum rec_type type, struct str content, int *err)
{
    size_t n = rec_seal(&l->rec.out, type, content.p, content.n, l->wire);
    return open_one(l, n, err);
}

static void contents(void **state)
{
    static const struct {
        enum rec_type type;
        struct str content;
        enum rec_verdict verdict[2]; /* TLS 1.2, 1.3 */
        int err[2];
    } rows[] = {
        {REC_ALERT, STR("\x01\x00"), {REC_CLOSED, REC_CLOSED}, {0, 0}},
        {REC_ALERT, STR("\x02\x00"), {REC_CLOSED, REC_CLOSED}, {0, 0}},
        {REC_ALERT, STR("\x01\x5a"), {REC_IGNORED, REC_IGNORED}, {0, 0}},
        {REC_ALERT, STR("\x01\x64"), {REC_IGNORED, REC_FAILED}, {0, ERR_TLS_PEER + 100}},
        {REC_ALERT, STR("\x02\x14"), {REC_FAILED, REC_FAILED}, {ERR_TLS_PEER + 20, ERR_TLS_PEER + 20}},
        {REC_ALERT, STR("\x03\x14"), {REC_FAILED, REC_FAILED}, {ERR_TLS + 47, ERR_TLS + 47}},
        {REC_ALERT, STR("\x01"), {REC_FAILED, REC_FAILED}, {ERR_TLS + 50, ERR_TLS + 50}},
        {REC_ALERT, STR("\x01\x00\x00"), {REC_FAILED, REC_FAILED}, {ERR_TLS + 50, ERR_TLS + 50}},
        {REC_ALERT, STR(""), {REC_FAILED, REC_FAILED}, {ERR_TLS + 10, ERR_TLS + 10}},
        {REC_CCS, STR("\x01"), {REC_FAILED, REC_FAILED}, {ERR_TLS + 10, ERR_TLS + 10}},
        {REC_HANDSHAKE, STR(""), {REC_FAILED, REC_FAILED}, {ERR_TLS + 10, ERR_TLS + 10}},
        {REC_HANDSHAKE, STR("\x18\x00\x00\x01\x00"), {REC_FAILED, REC_MESSAGE}, {ERR_TLS + 10, 0}},
        {REC_HANDSHAKE, STR("\x01\x00\x00\x02\x03\x03"), {REC_REFUSED, REC_MESSAGE}, {0, 0}},
        {REC_HANDSHAKE, STR("\x01\x00\x00\x02\x03\x03\x00"), {REC_FAILED, REC_MESSAGE}, {ERR_TLS + 10, 0}},
        {REC_HANDSHAKE, STR("\x01\xff\xff\xff\x03\x03"), {REC_FAILED, REC_MESSAGE}, {ERR_TLS + 47, 0}},
        {REC_DATA, STR(""), {REC_IGNORED, REC_IGNORED}, {0, 0}},
        {(enum rec_type)24, STR("x"), {REC_FAILED, REC_FAILED}, {ERR_TLS + 10, ERR_TLS + 10}},
    };
    struct loop *l = *state;
    for (size_t i = 0; i < nitems(rows) * 2; i++) {
        int err = 0;
        start(l, &l->impl, AEAD_AES_256_GCM, versions[i % 2]);
        enum rec_verdict v = receive(l, rows[i / 2].type, rows[i / 2].content, &err);
        if (v != rows[i / 2].verdict[i % 2] || err != rows[i / 2].err[i % 2])
            fail_msg("row %zu, version %zu: verdict %d, error %x", i / 2, i % 2, v, (unsigned)err);
    }
}

/* A refused ClientHello may come in pieces, but nothing in between; and not again and again. */
static void renegotiation(void **state)
{
    struct loop *l = *state;
    int err = 0;
    assert_int_equal(receive(l, REC_HANDSHAKE, STR("\x01"), &err), REC_IGNORED);
    assert_int_equal(receive(l, REC_HANDSHAKE, STR("\x00\x00"), &err), REC_IGNORED);
    assert_int_equal(receive(l, REC_HANDSHAKE, STR("\x02\x03"), &err), REC_IGNORED);
    assert_int_equal(receive(l, REC_HANDSHAKE, STR("\x03"), &err), REC_REFUSED);
    assert_int_equal(receive(l, REC_DATA, STR("data"), &err), REC_PLAINTEXT);
    for (int i = 1; i < REC_WARNING_MAX; i++)
        assert_int_equal(receive(l, REC_HANDSHAKE, STR("\x01\x00\x00\x00"), &err), REC_REFUSED);
    assert_int_equal(receive(l, REC_HANDSHAKE, STR("\x01\x00\x00\x00"), &err), REC_FAILED);
    start(l, &l->impl, AEAD_AES_256_GCM, TLS_1_2);
    assert_int_equal(receive(l, REC_HANDSHAKE, STR("\x01\x00"), &err), REC_IGNORED);
    assert_int_equal(receive(l, REC_DATA, STR("data"), &err), REC_FAILED);
    assert_int_equal(err, ERR_TLS + ALERT_UNEXPECTED_MESSAGE);
}

/* What a server sends: an empty HelloRequest, and no other message. */
static void renegotiation_by_a_server(void **state)
{
    struct loop *l = *state;
    int err = 0;
    l->rec.asks = REC_HELLO_REQUEST;
    assert_int_equal(receive(l, REC_HANDSHAKE, STR("\x00\x00"), &err), REC_IGNORED);
    assert_int_equal(receive(l, REC_HANDSHAKE, STR("\x00\x00"), &err), REC_REFUSED);
    assert_int_equal(receive(l, REC_HANDSHAKE, STR("\x01\x00\x00\x00"), &err), REC_FAILED);
    assert_int_equal(err, ERR_TLS + ALERT_UNEXPECTED_MESSAGE);
    start(l, &l->impl, AEAD_AES_256_GCM, TLS_1_2);
    l->rec.asks = REC_HELLO_REQUEST;
    assert_int_equal(receive(l, REC_HANDSHAKE, STR("\x00\x00\x00\x01"), &err), REC_FAILED);
    assert_int_equal(err, ERR_TLS + ALERT_ILLEGAL_PARAMETER);
}

static void patience_is_limited(void **state)
{
    struct loop *l = *state;
    int err = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < REC_EMPTY_MAX; i++)
            assert_int_equal(receive(l, REC_DATA, STR(""), &err), REC_IGNORED);
        assert_int_equal(receive(l, REC_DATA, STR("x"), &err), REC_PLAINTEXT);
    }
    for (int i = 0; i < REC_EMPTY_MAX; i++)
        assert_int_equal(receive(l, REC_DATA, STR(""), &err), REC_IGNORED);
    assert_int_equal(receive(l, REC_DATA, STR(""), &err), REC_FAILED);
    assert_int_equal(err, ERR_TLS + ALERT_UNEXPECTED_MESSAGE);

    start(l, &l->impl, AEAD_AES_256_GCM, TLS_1_2);
    for (int i = 0; i < REC_WARNING_MAX; i++)
        assert_int_equal(receive(l, REC_ALERT, STR("\x01\x5a"), &err), REC_IGNORED);
    assert_int_equal(receive(l, REC_ALERT, STR("\x01\x5a"), &err), REC_FAILED);
}

/* TLS 1.3: zeros behind the type are padding; nothing but padding is an error, and so is too much of anything. */
static void padding(void **state)
{
    struct loop *l = *state;
    int err = 0;
    for (size_t pad = 0; pad <= 256 - 17; pad++) {
        struct aead_context c = {.n_ad = REC_HEADER};
        size_t n = REC_PLAIN + 1 + pad;
        start(l, &l->impl, AEAD_AES_128_GCM, TLS_1_3);
        memcpy(c.nonce, l->rec.in.iv, sizeof c.nonce);
        c.nonce[11] ^= 1;
        l->plain[REC_PLAIN] = REC_DATA;
        memset(l->plain + REC_PLAIN + 1, 0, pad);
        memcpy(l->wire, (const uint8_t[]){REC_DATA, 3, 3, (uint8_t)((n + 16) >> 8), (uint8_t)(n + 16)}, 5);
        memcpy(c.ad, l->wire, REC_HEADER);
        aead_seal(&l->rec.out.aead, &c, l->plain, n, l->wire + REC_HEADER);
        assert_int_equal(open_one(l, REC_HEADER + n + 16, &err), REC_PLAINTEXT);
    }
    start(l, &l->impl, AEAD_AES_128_GCM, TLS_1_3);
    assert_int_equal(receive(l, (enum rec_type)0, STR("\0\0\0"), &err), REC_FAILED);
    assert_int_equal(err, ERR_TLS + ALERT_UNEXPECTED_MESSAGE);
}

static void sequence_runs_out(void **state)
{
    struct loop *l = *state;
    int err = 0;
    l->rec.in.sequence = l->rec.out.sequence = UINT64_MAX - 1;
    size_t n = rec_seal(&l->rec.out, REC_DATA, l->plain, 10, l->wire);
    assert_int_equal(open_one(l, n, &err), REC_PLAINTEXT);
    assert_int_equal(rec_seal(&l->rec.out, REC_DATA, l->plain, 10, l->wire), 0);
    assert_int_equal(rec_seal_data(&l->rec, l->plain, 10, l->wire), 0);
    start(l, &l->impl, AEAD_CHACHA20_POLY1305, TLS_1_2);
    n = rec_seal(&l->rec.out, REC_DATA, l->plain, 10, l->wire);
    l->rec.in.sequence = UINT64_MAX;
    assert_int_equal(open_one(l, n, &err), REC_FAILED);
    assert_int_equal(err, ERR_TLS + ALERT_INTERNAL_ERROR);
}

static void small_fragments(void **state)
{
    struct loop *l = *state;
    l->rec.max_plain = 512;
    size_t n = rec_seal_data(&l->rec, l->plain, 10000, l->wire), got_all = 0, at = 0;
    assert_int_equal(n, rec_size(&l->rec, 10000));
    while (at < n) {
        struct rec_got got = {0};
        assert_int_equal(rec_open(&l->rec, l->wire + at, n - at, &got), REC_PLAINTEXT);
        assert_true(got.n <= 512);
        assert_memory_equal(got.data, l->plain + got_all, got.n);
        got_all += got.n;
        at += got.used;
    }
    assert_int_equal(got_all, 10000);
}

static void alerts(void **state)
{
    struct loop *l = *state;
    struct buf out = {0};
    struct rec_got got = {0};
    assert_true(rec_alert(&l->rec.out, ALERT_FATAL, ALERT_BAD_RECORD_MAC, &out));
    assert_int_equal(rec_open(&l->rec, buf_data(&out), out.len, &got), REC_FAILED);
    assert_int_equal(got.err, ERR_TLS_PEER + ALERT_BAD_RECORD_MAC);
    buf_take(&out, out.len);
    assert_true(rec_alert_clear(0x0302, ALERT_FATAL, ALERT_PROTOCOL_VERSION, &out));
    assert_true(str_eq(buf_str(&out), STR("\x15\x03\x02\x00\x02\x02\x46")));
    buf_done(&out);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(there_and_back),
        CASE(implementations_agree),
        CASE(as_bearssl_makes_it),
        CASE(record_of_rfc8448),
        CASE(tampered),
        CASE(out_of_order),
        CASE(sizes),
        CASE(contents),
        CASE(renegotiation),
        CASE(renegotiation_by_a_server),
        CASE(patience_is_limited),
        CASE(padding),
        CASE(sequence_runs_out),
        CASE(small_fragments),
        CASE(alerts),
    };
    return cmocka_run_group_tests_name("tls/rec", tests, NULL, NULL);
}
