#include "tls/hello.h"

#include <string.h>

#include "base/err.h"
#include "tls/rec.h"

enum {
    CLIENT_HELLO = 1,
    MESSAGE_HEADER = 4,
};

/* --- reading records */

static enum hello_verdict fail(struct hello_reader *r, int err)
{
    r->err = err;
    return HELLO_FAIL;
}

/* 0, or the alert for a record that cannot be part of a ClientHello. */
static int check_record(struct hello_reader *r)
{
    const uint8_t *h = r->header;
    r->left = (uint16_t)(h[3] << 8 | h[4]);
    if (h[0] != REC_HANDSHAKE)
        return ALERT_UNEXPECTED_MESSAGE;
    /* RFC 5246 appendix E.1: any {3, x}. */
    if (h[1] != 3)
        return ALERT_PROTOCOL_VERSION;
    if (r->left > REC_PLAIN)
        return ALERT_RECORD_OVERFLOW;
    /* RFC 5246 section 6.2.1: no empty fragments of handshake messages. */
    if (r->left == 0)
        return ALERT_UNEXPECTED_MESSAGE;
    if (r->message.len == 0)
        r->record_version = (uint16_t)(h[1] << 8 | h[2]);
    return 0;
}

/* Length of the whole message, or 0 while its header is not complete. */
static size_t message_size(const struct hello_reader *r)
{
    if (r->message.len < MESSAGE_HEADER)
        return 0;
    const uint8_t *m = buf_data(&r->message);
    return MESSAGE_HEADER + ((size_t)m[1] << 16 | (size_t)m[2] << 8 | m[3]);
}

/* After bytes were added: 0, or an alert. */
static int check_message(const struct hello_reader *r)
{
    if (buf_data(&r->message)[0] != CLIENT_HELLO)
        return ALERT_UNEXPECTED_MESSAGE;
    size_t size = message_size(r);
    if (size > HELLO_MAX)
        return ALERT_ILLEGAL_PARAMETER;
    /* Nothing may stand behind it in its record: the server's turn has come. */
    if (size > 0 && (r->message.len > size || (r->message.len == size && r->left > 0)))
        return ALERT_UNEXPECTED_MESSAGE;
    return 0;
}

static bool is_letter(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

enum hello_verdict hello_feed(struct hello_reader *r, struct str in, size_t *used, struct hello *out)
{
    *used = 0;
    while (*used < in.n) {
        if (r->left == 0) {
            r->header[r->n_header++] = (uint8_t)in.p[(*used)++];
            if (r->message.len == 0 && is_letter(r->header[0]))
                return HELLO_HTTP;
            if (r->n_header < sizeof r->header)
                continue;
            r->n_header = 0;
            int alert = check_record(r);
            if (alert)
                return fail(r, ERR_TLS + alert);
            continue;
        }
        size_t n = in.n - *used < r->left ? in.n - *used : r->left;
        if (!buf_add(&r->message, in.p + *used, n))
            return fail(r, ERR_NOMEM);
        *used += n;
        r->left = (uint16_t)(r->left - n);
        int alert = check_message(r);
        if (alert == 0 && r->message.len == message_size(r)) {
            alert = hello_parse(buf_str(&r->message), out);
            out->record_version = r->record_version;
            if (alert == 0)
                return HELLO_DONE;
        }
        if (alert)
            return fail(r, ERR_TLS + alert);
    }
    return HELLO_WAIT;
}

void hello_done(struct hello_reader *r)
{
    buf_done(&r->message);
}

/* --- parsing: a cursor that remembers that it once ran out of bytes */

struct cursor {
    struct str rest;
    bool bad;
};

static struct str take(struct cursor *c, size_t n)
{
    if (n > c->rest.n) {
        c->bad = true;
        c->rest.n = 0;
        return (struct str){"", 0};
    }
    struct str got = str_take(c->rest, n);
    c->rest = str_skip(c->rest, n);
    return got;
}

static unsigned take_number(struct cursor *c, size_t bytes)
{
    struct str s = take(c, bytes);
    unsigned v = 0;
    for (size_t i = 0; i < s.n; i++)
        v = v << 8 | (uint8_t)s.p[i];
    return v;
}

/* A vector whose length stands in front of it in so many bytes. */
static struct str take_vector(struct cursor *c, size_t length_bytes)
{
    return take(c, take_number(c, length_bytes));
}

/* The body is one vector of 2-byte values, at least one. */
static int parse_list(struct str body, size_t length_bytes, struct str *out)
{
    struct cursor c = {body, false};
    *out = take_vector(&c, length_bytes);
    return c.bad || c.rest.n > 0 || out->n < 2 || out->n % 2 ? ALERT_DECODE_ERROR : 0;
}

/* Letters, digits, hyphen and underscore in labels of 1 to 63 bytes. */
static bool valid_host(struct str name)
{
    size_t label = 0;
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if ((!ascii_alnum(name.p[i]) && name.p[i] != '-' && name.p[i] != '_') || ++label > 63) {
            return false;
        }
    }
    return label > 0;
}

/* RFC 6066 section 3. */
static int parse_server_name(struct hello *h, struct str body)
{
    struct cursor c = {body, false};
    struct cursor list = {take_vector(&c, 2), false};
    if (c.bad || c.rest.n > 0 || list.rest.n == 0)
        return ALERT_DECODE_ERROR;
    while (list.rest.n > 0) {
        unsigned type = take_number(&list, 1);
        struct str name = take_vector(&list, 2);
        if (list.bad || name.n == 0)
            return ALERT_DECODE_ERROR;
        if (type != 0)
            continue;
        if (h->n_sni > 0)
            return ALERT_ILLEGAL_PARAMETER;
        if (name.p[name.n - 1] == '.')
            name.n--;
        if (name.n > HELLO_SNI || !valid_host(name))
            return ALERT_ILLEGAL_PARAMETER;
        for (size_t i = 0; i < name.n; i++)
            h->sni[i] = ascii_lower(name.p[i]);
        h->n_sni = name.n;
    }
    return 0;
}

/* RFC 7301 section 3.1. */
static int parse_alpn(struct hello *h, struct str body)
{
    struct cursor c = {body, false};
    h->alpn = take_vector(&c, 2);
    if (c.bad || c.rest.n > 0 || h->alpn.n < 2)
        return ALERT_DECODE_ERROR;
    struct cursor names = {h->alpn, false};
    while (names.rest.n > 0) {
        if (take_vector(&names, 1).n == 0)
            return ALERT_DECODE_ERROR;
    }
    return 0;
}

/* RFC 8422 section 5.1.2: uncompressed points must be among them. */
static int parse_point_formats(struct str body)
{
    struct cursor c = {body, false};
    struct str formats = take_vector(&c, 1);
    if (c.bad || c.rest.n > 0 || formats.n == 0)
        return ALERT_DECODE_ERROR;
    return memchr(formats.p, 0, formats.n) ? 0 : ALERT_ILLEGAL_PARAMETER;
}

/* RFC 6066 section 4. */
static int parse_max_fragment(struct hello *h, struct str body)
{
    if (body.n != 1)
        return ALERT_DECODE_ERROR;
    if (body.p[0] < 1 || body.p[0] > 4)
        return ALERT_ILLEGAL_PARAMETER;
    h->max_fragment = (uint16_t)(256 << body.p[0]);
    return 0;
}

/* RFC 5746 section 3.6: there was no handshake before this one. */
static int parse_renegotiation(struct str body)
{
    if (body.n == 0 || (size_t)(uint8_t)body.p[0] + 1 != body.n)
        return ALERT_DECODE_ERROR;
    return body.n == 1 ? 0 : ALERT_HANDSHAKE_FAILURE;
}

static int parse_extension(struct hello *h, unsigned type, struct str body)
{
    switch (type) {
    case EXTENSION_SERVER_NAME: return parse_server_name(h, body);
    case EXTENSION_MAX_FRAGMENT_LENGTH: return parse_max_fragment(h, body);
    case EXTENSION_SUPPORTED_GROUPS: return parse_list(body, 2, &h->groups);
    case EXTENSION_EC_POINT_FORMATS: return parse_point_formats(body);
    case EXTENSION_SIGNATURE_ALGORITHMS: return parse_list(body, 2, &h->signatures);
    case EXTENSION_ALPN: return parse_alpn(h, body);
    case EXTENSION_SUPPORTED_VERSIONS: return parse_list(body, 1, &h->versions);
    case EXTENSION_RENEGOTIATION_INFO: return parse_renegotiation(body);
    default: return 0;
    }
}

static int parse_extensions(struct hello *h)
{
    uint8_t seen[65536 / 8] = {0}; /* a list to search would let a client make us compare millions of times */
    struct cursor c = {h->extensions, false};
    while (c.rest.n > 0) {
        unsigned type = take_number(&c, 2);
        struct str body = take_vector(&c, 2);
        if (c.bad)
            return ALERT_DECODE_ERROR;
        if (seen[type / 8] & 1U << type % 8)
            return ALERT_ILLEGAL_PARAMETER;
        seen[type / 8] |= (uint8_t)(1U << type % 8);
        int alert = parse_extension(h, type, body);
        if (alert)
            return alert;
    }
    return 0;
}

int hello_parse(struct str message, struct hello *out)
{
    *out = (struct hello){.message = message, .record_version = TLS_1_0};
    struct cursor m = {message, false};
    unsigned type = take_number(&m, 1);
    struct cursor c = {take_vector(&m, 3), false};
    if (type != CLIENT_HELLO)
        return ALERT_UNEXPECTED_MESSAGE;
    out->version = (uint16_t)take_number(&c, 2);
    out->random = take(&c, 32);
    out->session_id = take_vector(&c, 1);
    out->suites = take_vector(&c, 2);
    struct str compression = take_vector(&c, 1);
    if (m.bad || m.rest.n > 0 || c.bad || out->session_id.n > 32 || out->suites.n < 2 || out->suites.n % 2 ||
        compression.n == 0)
        return ALERT_DECODE_ERROR;
    if (c.rest.n > 0) {
        out->extensions = take_vector(&c, 2);
        if (c.bad || c.rest.n > 0)
            return ALERT_DECODE_ERROR;
    }
    /* RFC 5246 section 7.4.1.2: "no compression" must be among them. */
    if (!memchr(compression.p, 0, compression.n))
        return ALERT_ILLEGAL_PARAMETER;
    return parse_extensions(out);
}

/* --- questions */

bool hello_lists(struct str list, uint16_t value)
{
    for (size_t i = 0; i + 1 < list.n; i += 2) {
        if (((uint8_t)list.p[i] << 8 | (uint8_t)list.p[i + 1]) == value)
            return true;
    }
    return false;
}

bool hello_offers(const struct hello *h, uint16_t version)
{
    if (h->versions.p)
        return hello_lists(h->versions, version);
    /* RFC 8446 section 4.2.1: without the extension TLS 1.3 is not offered, whatever the number says. */
    return version < TLS_1_3 && h->version >= version;
}

bool hello_alpn(const struct hello *h, struct str protocol)
{
    struct cursor c = {h->alpn, false};
    while (c.rest.n > 0) {
        if (str_eq(take_vector(&c, 1), protocol))
            return true;
    }
    return false;
}

bool hello_extension(const struct hello *h, uint16_t type, struct str *body)
{
    struct cursor c = {h->extensions, false};
    while (c.rest.n > 0) {
        unsigned found = take_number(&c, 2);
        *body = take_vector(&c, 2);
        if (found == type)
            return true;
    }
    return false;
}

struct str hello_sni(const struct hello *h)
{
    return (struct str){h->sni, h->n_sni};
}
