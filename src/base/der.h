/* Reading DER (X.690): one element after the other, definite lengths only, never beyond the bytes that were given. */
#ifndef EDGE_BASE_DER_H
#define EDGE_BASE_DER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_OID = 0x06,
    DER_UTF8_STRING = 0x0c,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_PRIMITIVE_0 = 0x80, /* [0], primitive */
    DER_PRIMITIVE_2 = 0x82,
    DER_CONTEXT_0 = 0xa0, /* [0], constructed */
    DER_CONTEXT_1 = 0xa1,
    DER_CONTEXT_3 = 0xa3,
};

/* The tag of the next element, or -1 at the end. */
int der_peek(struct str in);
/* Takes the next element off *in: its content in *content. False when it is malformed or has another tag. */
bool der_take(struct str *in, int tag, struct str *content);
/* The same with header and content in *element, whatever its tag. */
bool der_take_whole(struct str *in, struct str *element);
/* An INTEGER that is not negative, without leading zeros: zero itself is empty. */
bool der_take_unsigned(struct str *in, struct str *number);
/* A BIT STRING of whole bytes. */
bool der_take_bits(struct str *in, struct str *bytes);

#endif
