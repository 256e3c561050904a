#include "net/proxy_header.h"

#include <string.h>

enum {
    V1_MAX = 107, /* with CRLF */
    V2_FIXED = 16,
    V2_LOCAL = 0x20, /* version and command */
    V2_PROXY = 0x21,
    V2_UNSPEC = 0x00, /* address family and protocol */
    V2_TCP4 = 0x11,
    V2_TCP6 = 0x21,
    V2_UNIX = 0x31,
    TLV_HEAD = 3,
    TLV_CRC32C = 0x03,
};

static enum proxy_header_verdict refuse(struct proxy_header *h, const char *why)
{
    *h = (struct proxy_header){.why = why};
    return PROXY_HEADER_REFUSED;
}

/* Version 1 (section 2.1) */

static struct str next_word(struct str *rest)
{
    struct str word = str_take(*rest, str_find(*rest, ' '));
    *rest = str_skip(*rest, word.n + 1);
    return word;
}

static bool parse_ip(struct str text, uint8_t len, struct ip *ip)
{
    struct ip read;
    if (!ip_parse(text, &read) || read.len != len)
        return false;
    *ip = ip_unmap(read);
    return true;
}

static bool parse_port(struct str text, uint16_t *port)
{
    uint64_t number;
    if (!str_to_u64(text, UINT16_MAX, &number) || (text.n > 1 && text.p[0] == '0'))
        return false;
    *port = (uint16_t)number;
    return true;
}

/* What stands between `PROXY ` and CRLF. */
static bool parse_line(struct str line, struct proxy_header *h)
{
    struct str family = next_word(&line);
    uint8_t len = str_eq(family, STR("TCP4")) ? 4 : 16;
    if (str_eq(family, STR("UNKNOWN")))
        return true;
    if (len == 16 && !str_eq(family, STR("TCP6")))
        return false;
    /* The last one is all that is left: a blank behind it is an error. */
    return parse_ip(next_word(&line), len, &h->from.ip) && parse_ip(next_word(&line), len, &h->to.ip) &&
           parse_port(next_word(&line), &h->from.port) && parse_port(line, &h->to.port);
}

static enum proxy_header_verdict read_v1(struct str in, size_t name, struct proxy_header *h)
{
    struct str window = str_take(in, V1_MAX);
    size_t cr = str_find(window, '\r'), lf = str_find(window, '\n');
    bool bare = lf < window.n ? cr + 1 != lf : cr + 1 < window.n;
    if (bare || (lf == window.n && window.n == V1_MAX))
        return refuse(h, "PROXY line without CRLF at its end");
    if (lf == window.n)
        return PROXY_HEADER_MORE;
    if (!parse_line(str_skip(str_take(window, cr), name), h))
        return refuse(h, "malformed PROXY line");
    h->len = lf + 1;
    return PROXY_HEADER_DONE;
}

/* Version 2 (section 2.2) */

static size_t get_u16(struct str s, size_t at)
{
    return (size_t)(uint8_t)s.p[at] << 8 | (uint8_t)s.p[at + 1];
}

/* Bytes of both addresses and their ports; SIZE_MAX: not the family of a stream. */
static size_t addresses_size(uint8_t family)
{
    switch (family) {
    case V2_UNSPEC: return 0;
    case V2_TCP4: return 12;
    case V2_TCP6: return 36;
    case V2_UNIX: return 216;
    default: return SIZE_MAX;
    }
}

static struct ip get_ip(struct str s, size_t at, uint8_t len)
{
    struct ip ip = {.len = len};
    memcpy(ip.bytes, s.p + at, len);
    return ip_unmap(ip);
}

/* Source, destination, their ports. */
static void get_addresses(struct str s, uint8_t family, struct proxy_header *h)
{
    uint8_t len = family == V2_TCP4 ? 4 : 16;
    if (family != V2_TCP4 && family != V2_TCP6)
        return;
    h->from = (struct endpoint){get_ip(s, 0, len), (uint16_t)get_u16(s, 2 * len)};
    h->to = (struct endpoint){get_ip(s, len, len), (uint16_t)get_u16(s, 2 * len + 2)};
}

/* Castagnoli's polynomial, bits reversed (RFC 9260 appendix A). No table: headers are short and few. */
static uint32_t crc32c(uint32_t crc, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        crc ^= (uint8_t)s.p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return crc;
}

/* Section 2.2.3: of the whole header, in which the checksum itself counts as zeros. */
static bool is_checksum(struct str header, size_t at)
{
    uint32_t crc = crc32c(UINT32_MAX, str_take(header, at));
    crc = ~crc32c(crc32c(crc, STR("\0\0\0\0")), str_skip(header, at + 4));
    return crc == ((uint32_t)get_u16(header, at) << 16 | get_u16(header, at + 2));
}

/* Section 2.2.1: type, length, value, up to the header's last byte. NULL, or what is wrong. */
static const char *check_tlvs(struct str header, size_t at)
{
    size_t checksum = 0; /* where it is */
    while (at < header.n) {
        struct str tlv = str_skip(header, at);
        if (tlv.n < TLV_HEAD || get_u16(tlv, 1) > tlv.n - TLV_HEAD)
            return "PROXY header with a TLV that is longer than the header";
        size_t size = TLV_HEAD + get_u16(tlv, 1);
        if (tlv.p[0] == TLV_CRC32C) {
            if (checksum > 0 || size != TLV_HEAD + 4)
                return "PROXY header with several checksums, or one of another size";
            checksum = at + TLV_HEAD;
        }
        at += size;
    }
    return checksum == 0 || is_checksum(header, checksum) ? NULL
                                                          : "PROXY header whose checksum does not match";
}

static enum proxy_header_verdict read_v2(struct str in, struct proxy_header *h)
{
    if (in.n < V2_FIXED)
        return PROXY_HEADER_MORE;
    uint8_t command = (uint8_t)in.p[12], family = (uint8_t)in.p[13];
    size_t announced = V2_FIXED + get_u16(in, 14), size = addresses_size(family);
    if (command != V2_LOCAL && command != V2_PROXY)
        return refuse(h, "PROXY header of an unknown version or command");
    if (announced > PROXY_HEADER_MAX)
        return refuse(h, "PROXY header too long");
    /* What a proxy says of a connection of its own is skipped unread, the family too. */
    if (command == V2_PROXY && size == SIZE_MAX)
        return refuse(h, "PROXY header of an unknown address family or protocol");
    if (command == V2_PROXY && size > announced - V2_FIXED)
        return refuse(h, "PROXY header too short for its addresses");
    if (in.n < announced)
        return PROXY_HEADER_MORE;
    if (command == V2_PROXY && family != V2_UNSPEC) {
        const char *why = check_tlvs(str_take(in, announced), V2_FIXED + size);
        if (why)
            return refuse(h, why);
        get_addresses(str_skip(in, V2_FIXED), family, h);
    }
    h->len = announced;
    return PROXY_HEADER_DONE;
}

/* s begins with `begin`, as far as it goes. */
static bool begins(struct str s, struct str begin)
{
    return str_eq(str_take(s, begin.n), str_take(begin, s.n));
}

enum proxy_header_verdict proxy_header_read(struct str in, struct proxy_header *out)
{
    struct str v1 = STR("PROXY "), v2 = STR("\r\n\r\n\0\r\nQUIT\n");
    *out = (struct proxy_header){0};
    if (in.n == 0)
        return PROXY_HEADER_MORE;
    if (begins(in, v1))
        return in.n < v1.n ? PROXY_HEADER_MORE : read_v1(in, v1.n, out);
    if (begins(in, v2))
        return read_v2(in, out);
    return refuse(out, "no PROXY header");
}
