#include "tls/duo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/rand.h"
#include "base/wipe.h"

const uint16_t duo_suites[DUO_SUITES] = {
    BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,       BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,       BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
};

struct str duo_file(const char *name)
{
    char path[256];
    char *text = malloc(16384);
    snprintf(path, sizeof path, "tests/tls/data/%s", name);
    FILE *f = fopen(path, "r");
    if (!f || !text)
        fail_msg("%s: not there; tests run in the top folder", path);
    size_t n = fread(text, 1, 16384, f);
    fclose(f);
    return str_from(text, n);
}

static int add(struct certs *certs, const char *chain, const char *key)
{
    struct str c = duo_file(chain), k = duo_file(key), why;
    int id = certs_add(certs, c, k, &why);
    if (id < 0)
        fail_msg("%s: %.*s", chain, STR_ARG(why));
    free((void *)(uintptr_t)c.p);
    free((void *)(uintptr_t)k.p);
    return id;
}

int duo_add_chain(struct certs *certs, const char *chain, const char *key)
{
    char chain_file[64], key_file[64];
    snprintf(chain_file, sizeof chain_file, "%s.pem", chain);
    snprintf(key_file, sizeof key_file, "%s.key", key);
    return add(certs, chain_file, key_file);
}

int duo_add(struct certs *certs, const char *name)
{
    return duo_add_chain(certs, name, name);
}

struct certs *duo_certs(void)
{
    struct certs *certs = certs_new();
    assert_non_null(certs);
    int ec = add(certs, "ec_chain.pem", "ec.key");
    assert_int_equal(certs_name(certs, STR("ec.test"), ec), 0);
    assert_int_equal(certs_name(certs, STR("*"), ec), 0);
    assert_int_equal(certs_name(certs, STR("rsa.test"), duo_add(certs, "rsa")), 0);
    assert_int_equal(certs_name(certs, STR("ec384.test"), duo_add(certs, "ec384")), 0);
    assert_int_equal(certs_name(certs, STR("rsa4096.test"), duo_add(certs, "rsa4096")), 0);
    return certs;
}

/* --- an X.509 engine that takes the first certificate's key as it is */

static struct duo_client *of(const br_x509_class *const *ctx)
{
    return (struct duo_client *)((uintptr_t)ctx - offsetof(struct duo_client, x509));
}

static void start_chain(const br_x509_class **ctx, const char *name)
{
    (void)name;
    of(ctx)->n_certs = 0;
}

static void start_cert(const br_x509_class **ctx, uint32_t length)
{
    (void)length;
    if (of(ctx)->n_certs == 0)
        br_x509_decoder_init(&of(ctx)->decoder, NULL, NULL);
}

static void append(const br_x509_class **ctx, const unsigned char *p, size_t n)
{
    if (of(ctx)->n_certs == 0)
        br_x509_decoder_push(&of(ctx)->decoder, p, n);
}

static void end_cert(const br_x509_class **ctx)
{
    of(ctx)->n_certs++;
}

static unsigned end_chain(const br_x509_class **ctx)
{
    return of(ctx)->n_certs > 0 ? 0 : BR_ERR_X509_EMPTY_CHAIN;
}

static const br_x509_pkey *get_pkey(const br_x509_class *const *ctx, unsigned *usages)
{
    if (usages)
        *usages = BR_KEYTYPE_SIGN | BR_KEYTYPE_KEYX;
    return br_x509_decoder_get_pkey(&of(ctx)->decoder);
}

static const br_x509_class believe = {
    .context_size = sizeof(void *),
    .start_chain = start_chain,
    .start_cert = start_cert,
    .append = append,
    .end_cert = end_cert,
    .end_chain = end_chain,
    .get_pkey = get_pkey,
};

/* The curves that the client offers are those of its key exchange; the certificate may be on another one. */
static uint32_t verify(const br_ec_impl *impl, const void *hash, size_t n, const br_ec_public_key *key,
                       const void *sig, size_t n_sig)
{
    (void)impl;
    return br_ecdsa_vrfy_asn1_get_default()(br_ec_get_default(), hash, n, key, sig, n_sig);
}

/* --- the client */

void duo_client_init(struct duo_client *c, uint16_t suite, int curve)
{
    br_x509_minimal_context unused;
    br_ssl_client_init_full(&c->ssl, &unused, NULL, 0);
    c->x509 = &believe;
    br_ssl_engine_set_x509(&c->ssl.eng, &c->x509);
    br_ssl_engine_set_versions(&c->ssl.eng, BR_TLS12, BR_TLS12);
    if (suite)
        br_ssl_engine_set_suites(&c->ssl.eng, &suite, 1);
    else
        br_ssl_engine_set_suites(&c->ssl.eng, duo_suites, DUO_SUITES);
    c->ec = *br_ec_get_default();
    if (curve)
        c->ec.supported_curves = (uint32_t)1 << curve;
    br_ssl_engine_set_ec(&c->ssl.eng, &c->ec);
    br_ssl_engine_set_ecdsa(&c->ssl.eng, verify);
    br_ssl_engine_set_buffer(&c->ssl.eng, c->wire, sizeof c->wire, 1);
}

void duo_client_start(struct duo_client *c, const char *sni, bool resume)
{
    uint8_t entropy[32];
    rand_bytes(entropy, sizeof entropy);
    br_ssl_engine_inject_entropy(&c->ssl.eng, entropy, sizeof entropy);
    assert_int_equal(br_ssl_client_reset(&c->ssl, sni, resume), 1);
}

void duo_client_pull(struct duo_client *c, struct buf *out)
{
    size_t n = 0;
    const unsigned char *p;
    while ((p = br_ssl_engine_sendrec_buf(&c->ssl.eng, &n)) != NULL) {
        assert_true(buf_add(out, p, n));
        br_ssl_engine_sendrec_ack(&c->ssl.eng, n);
    }
}

void duo_client_push(struct duo_client *c, struct buf *in)
{
    size_t room = 0;
    unsigned char *p;
    while (in->len > 0 && (p = br_ssl_engine_recvrec_buf(&c->ssl.eng, &room)) != NULL) {
        size_t n = in->len < room ? in->len : room;
        memcpy(p, buf_data(in), n);
        br_ssl_engine_recvrec_ack(&c->ssl.eng, n);
        buf_take(in, n);
    }
}

/* --- both ends */

void duo_init(struct duo *d, struct duo_client *client, struct handshake_shared *shared)
{
    *d = (struct duo){.client = client, .piece = SIZE_MAX, .verdict = HANDSHAKE_WAIT};
    d->server.shared = shared;
    d->server.now = 1000;
}

bool duo_shake(struct duo *d)
{
    for (;;) {
        size_t used = 0, before = d->to_client.len;
        duo_client_pull(d->client, &d->to_server);
        size_t n = d->to_server.len < d->piece ? d->to_server.len : d->piece;
        if (d->verdict == HANDSHAKE_WAIT && n > 0) {
            struct str in = str_take(buf_str(&d->to_server), n);
            d->verdict = handshake_step(&d->server, in, &used, &d->to_client, &d->rec);
            buf_take(&d->to_server, used);
        }
        before = d->to_client.len;
        duo_client_push(d->client, &d->to_client);
        if (used == 0 && before == d->to_client.len)
            break;
    }
    return d->verdict == HANDSHAKE_DONE && br_ssl_engine_current_state(&d->client->ssl.eng) & BR_SSL_SENDAPP;
}

static void client_to_server(struct duo *d, size_t n)
{
    size_t room = 0, got_all = 0;
    for (size_t sent = 0; sent < n;) {
        unsigned char *p = br_ssl_engine_sendapp_buf(&d->client->ssl.eng, &room);
        assert_non_null(p);
        size_t piece = n - sent < room ? n - sent : room;
        for (size_t i = 0; i < piece; i++)
            p[i] = (uint8_t)(sent + i);
        br_ssl_engine_sendapp_ack(&d->client->ssl.eng, piece);
        br_ssl_engine_flush(&d->client->ssl.eng, 0);
        duo_client_pull(d->client, &d->to_server);
        sent += piece;
        while (d->to_server.len > 0) {
            struct rec_got got = {0};
            assert_int_equal(rec_open(&d->rec, buf_data(&d->to_server), d->to_server.len, &got),
                             REC_PLAINTEXT);
            for (size_t i = 0; i < got.n; i++)
                assert_int_equal(got.data[i], (uint8_t)(got_all + i));
            got_all += got.n;
            buf_take(&d->to_server, got.used);
        }
    }
    assert_int_equal(got_all, n);
}

static void server_to_client(struct duo *d, size_t n)
{
    uint8_t *plain = malloc(n), *sealed = malloc(rec_size(&d->rec, n));
    assert_true(plain && sealed);
    for (size_t i = 0; i < n; i++)
        plain[i] = (uint8_t)(i * 3);
    size_t put = rec_seal_data(&d->rec, plain, n, sealed), got = 0, room = 0;
    assert_int_equal(put, rec_size(&d->rec, n));
    assert_true(buf_add(&d->to_client, sealed, put));
    while (got < n) {
        duo_client_push(d->client, &d->to_client);
        const unsigned char *p = br_ssl_engine_recvapp_buf(&d->client->ssl.eng, &room);
        assert_non_null(p);
        assert_memory_equal(p, plain + got, room);
        got += room;
        br_ssl_engine_recvapp_ack(&d->client->ssl.eng, room);
    }
    free(plain);
    free(sealed);
}

void duo_talk(struct duo *d, size_t n)
{
    client_to_server(d, n);
    server_to_client(d, n);
}

void duo_done(struct duo *d)
{
    if (d->server.shared)
        handshake_done(&d->server);
    rec_done(&d->rec);
    buf_done(&d->to_client);
    buf_done(&d->to_server);
}
