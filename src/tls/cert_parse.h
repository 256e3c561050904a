/* The parts of a certificate that edge itself looks at (RFC 5280 section 4.1); pieces point into it. Nothing is verified here. */
#ifndef EDGE_TLS_CERT_PARSE_H
#define EDGE_TLS_CERT_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/str.h"
#include "tls/cert.h"

/* The public half of a key. */
struct cert_public {
    bool known; /* RSA, or EC on a curve of ours */
    enum cert_kind kind;
    int curve;        /* of BearSSL */
    struct str point; /* uncompressed */
    struct str n, e;  /* RSA */
};

enum cert_authority { CERT_AUTHORITY_UNSAID, CERT_AUTHORITY_YES, CERT_AUTHORITY_NO };

struct cert_parsed {
    struct str der;
    struct str issuer, subject; /* whole elements, compared as bytes */
    struct str not_before;      /* the rest of the validity from there on: see cert_parse_is_early() */
    struct cert_public public;
    struct str extensions; /* what stands behind the key */
    /* By cert_parse_extensions(). */
    enum cert_authority authority;
    struct str names; /* the content of subjectAltName's GeneralNames; empty: none */
};

/* Reads p->der. False: malformed. */
bool cert_parse(struct cert_parsed *p);
/* The same for what stands in the extensions, behind cert_parse(). */
bool cert_parse_extensions(struct cert_parsed *p);
/* The certificate is not valid yet; `wall` are seconds since 1970. */
bool cert_parse_is_early(const struct cert_parsed *p, int64_t wall);
/* The address is one of subjectAltName's. */
bool cert_parse_has_ip(const struct cert_parsed *p, struct ip ip);
/* Key and subject for BearSSL, pointing into the certificate. False when the key is of no known kind or of no sane size. */
bool cert_parse_key(const struct cert_parsed *p, br_x509_pkey *key);

/* An OBJECT IDENTIFIER's curve in BearSSL's numbers, or 0. */
int cert_curve(struct str oid);
bool cert_is_rsa(struct str oid);
bool cert_is_ec(struct str oid);
/* BearSSL's keys point to memory they never write. */
unsigned char *cert_bytes(struct str s);

#endif
