#include "proxy/proxy_header.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* IPv4 stays what it is even if it came in by an IPv6 socket; a pair of one each is told as IPv6. */
static bool same_family(struct ip *a, struct ip *b)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    *a = ip_unmap(*a);
    *b = ip_unmap(*b);
    if (a->len == 0 || b->len == 0)
        return false;
    struct ip *v4 = a->len == b->len ? NULL : a->len == 4 ? a : b;
    if (v4) {
        struct ip wide = {.len = 16};
        memcpy(wide.bytes, mapped, sizeof mapped);
        memcpy(wide.bytes + sizeof mapped, v4->bytes, 4);
        *v4 = wide;
    }
    return true;
}

static size_t version_1(struct endpoint client, struct endpoint local, uint8_t out[PROXY_HEADER_MAX])
{
    char from[IP_TEXT], to[IP_TEXT];
    int n = snprintf((char *)out, PROXY_HEADER_MAX, "PROXY UNKNOWN\r\n");
    if (same_family(&client.ip, &local.ip))
        n = snprintf((char *)out, PROXY_HEADER_MAX, "PROXY %s %s %s %u %u\r\n",
                     client.ip.len == 4 ? "TCP4" : "TCP6", ip_format(client.ip, from),
                     ip_format(local.ip, to), client.port, local.port);
    return (size_t)n;
}

static size_t put_port(uint8_t *out, uint16_t port)
{
    out[0] = (uint8_t)(port >> 8);
    out[1] = (uint8_t)port;
    return 2;
}

static size_t version_2(struct endpoint client, struct endpoint local, uint8_t out[PROXY_HEADER_MAX])
{
    static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 'Q', 'U', 'I', 'T', 0x0a};
    enum { LOCAL_COMMAND = 0x20, PROXY_COMMAND = 0x21, UNSPEC = 0, TCP4 = 0x11, TCP6 = 0x21, HEAD = 16 };
    bool known = same_family(&client.ip, &local.ip);
    size_t n = HEAD, width = client.ip.len;
    memcpy(out, signature, sizeof signature);
    out[12] = client.ip.len == 0 ? LOCAL_COMMAND : PROXY_COMMAND;
    out[13] = !known ? UNSPEC : width == 4 ? TCP4 : TCP6;
    if (known) {
        memcpy(out + n, client.ip.bytes, width);
        memcpy(out + n + width, local.ip.bytes, width);
        n += 2 * width;
        n += put_port(out + n, client.port);
        n += put_port(out + n, local.port);
    }
    (void)put_port(out + 14, (uint16_t)(n - HEAD));
    return n;
}

size_t proxy_header(unsigned version, struct endpoint client, struct endpoint local,
                    uint8_t out[PROXY_HEADER_MAX])
{
    return version == 1 ? version_1(client, local, out) : version_2(client, local, out);
}
