#include "base/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool ip_parse(struct str text, struct ip *out)
{
    char copy[IP_TEXT];
    if (text.n == 0 || text.n >= sizeof copy || memchr(text.p, '\0', text.n))
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    struct ip ip = {0};
    if (inet_pton(AF_INET, copy, ip.bytes) == 1)
        ip.len = 4;
    else if (inet_pton(AF_INET6, copy, ip.bytes) == 1)
        ip.len = 16;
    else
        return false;
    *out = ip;
    return true;
}

bool endpoint_parse(struct str text, struct endpoint *out)
{
    struct endpoint e = {0};
    struct str host, port;
    if (text.n > 0 && text.p[0] == '[') {
        size_t end = str_find(text, ']');
        if (end + 1 >= text.n || text.p[end + 1] != ':')
            return false;
        host = str_take(str_skip(text, 1), end - 1);
        port = str_skip(text, end + 2);
    } else {
        size_t colon = str_find(text, ':');
        host = str_take(text, colon);
        port = str_skip(text, colon + 1);
    }
    uint64_t number;
    if (!ip_parse(host, &e.ip) || !str_to_u64(port, 65535, &number) || number == 0)
        return false;
    if ((e.ip.len == 16) != (text.p[0] == '['))
        return false;
    e.port = (uint16_t)number;
    *out = e;
    return true;
}

struct ip ip_unmap(struct ip ip)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (ip.len != 16 || memcmp(ip.bytes, mapped, sizeof mapped) != 0)
        return ip;
    struct ip v4 = {.len = 4};
    memcpy(v4.bytes, ip.bytes + 12, 4);
    return v4;
}

bool ip_eq(struct ip a, struct ip b)
{
    return a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0;
}

char *ip_format(struct ip ip, char out[IP_TEXT])
{
    if (ip.len == 0 || !inet_ntop(ip.len == 4 ? AF_INET : AF_INET6, ip.bytes, out, IP_TEXT))
        memcpy(out, "-", 2);
    return out;
}

char *endpoint_format(struct endpoint e, char out[ENDPOINT_TEXT])
{
    char text[IP_TEXT];
    snprintf(out, ENDPOINT_TEXT, e.ip.len == 16 ? "[%s]:%u" : "%s:%u", ip_format(e.ip, text), e.port);
    return out;
}
