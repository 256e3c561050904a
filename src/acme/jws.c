#include "acme/jws.h"

#include <sodium.h>

#include "base/b64.h"
#include "base/json_write.h"

enum { COORDINATE = 32 };

bool jws_write_jwk(struct buf *out, const struct key *key)
{
    return buf_add_str(out, STR("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"")) &&
           b64_url_put(out, str_from(key->point + 1, COORDINATE)) && buf_add_str(out, STR("\",\"y\":\"")) &&
           b64_url_put(out, str_from(key->point + 1 + COORDINATE, COORDINATE)) &&
           buf_add_str(out, STR("\"}"));
}

struct str jws_thumbprint(struct arena *mem, const struct key *key)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    struct buf jwk = {0};
    struct str out = {NULL, 0};
    if (jws_write_jwk(&jwk, key)) {
        crypto_hash_sha256(hash, buf_data(&jwk), jwk.len);
        out = b64_url(mem, str_from(hash, sizeof hash));
    }
    buf_done(&jwk);
    return out;
}

/* The protected header (RFC 8555 section 6.2). */
static bool write_header(struct buf *out, const struct key *key, const struct jws *j)
{
    bool good = buf_add_str(out, STR("{\"alg\":\"ES256\","));
    if (j->kid.n > 0)
        good = good && buf_add_str(out, STR("\"kid\":")) && json_write_text(out, j->kid);
    else
        good = good && buf_add_str(out, STR("\"jwk\":")) && jws_write_jwk(out, key);
    if (j->nonce.n > 0)
        good = good && buf_add_str(out, STR(",\"nonce\":")) && json_write_text(out, j->nonce);
    return good && buf_add_str(out, STR(",\"url\":")) && json_write_text(out, j->url) &&
           buf_add_str(out, STR("}"));
}

/* Signed is `header.payload`, both in base64url (RFC 7515 section 5.1). */
bool jws_sign(struct buf *out, const struct key *key, const struct jws *j)
{
    uint8_t signature[KEY_RAW_SIGNATURE];
    struct buf header = {0}, input = {0};
    bool good = write_header(&header, key, j) && b64_url_put(&input, buf_str(&header));
    size_t dot = input.len;
    good = good && buf_add_str(&input, STR(".")) && b64_url_put(&input, j->payload);
    if (good) {
        struct str both = buf_str(&input);
        key_sign_raw(key, both, signature);
        good = buf_printf(out, "{\"protected\":\"%.*s\",\"payload\":\"%.*s\",\"signature\":\"",
                          STR_ARG(str_take(both, dot)), STR_ARG(str_skip(both, dot + 1))) &&
               b64_url_put(out, str_from(signature, sizeof signature)) && buf_add_str(out, STR("\"}"));
    }
    buf_done(&header);
    buf_done(&input);
    return good;
}
