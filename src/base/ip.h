/* IP addresses and endpoints as values: parsed, compared and printed without a socket or a resolver. */
#ifndef EDGE_BASE_IP_H
#define EDGE_BASE_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct ip {
    uint8_t len; /* 4 or 16; 0: none */
    uint8_t bytes[16];
};

struct endpoint {
    struct ip ip;
    uint16_t port; /* host byte order */
};

enum { IP_TEXT = 48, ENDPOINT_TEXT = 56 }; /* room for the longest text and its NUL */

/* `192.0.2.1` or `2001:db8::1`, nothing else: no brackets, zone, blanks or leading zeros. */
bool ip_parse(struct str text, struct ip *out);
/* `192.0.2.1:80` or `[2001:db8::1]:80`. The port is 1 … 65535. */
bool endpoint_parse(struct str text, struct endpoint *out);
/* IPv4 mapped into IPv6 (::ffff:192.0.2.1) becomes IPv4. */
struct ip ip_unmap(struct ip ip);
bool ip_eq(struct ip a, struct ip b);
/* Return out. The text of "no address" is "-". */
char *ip_format(struct ip ip, char out[IP_TEXT]);
char *endpoint_format(struct endpoint e, char out[ENDPOINT_TEXT]);

#endif
