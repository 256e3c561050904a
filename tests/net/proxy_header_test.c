/* PROXY headers, good and bad; the sections are those of haproxy's proxy-protocol.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/proxy_header.h"

struct row {
    const char *what, *header;
    const char *expect; /* `FROM TO` of a header that ends where the row does, `more`, or why it is refused */
};

#define TEN(x) x x x x x x x x x x

static const char bad_line[] = "malformed PROXY line";
static const char no_end[] = "PROXY line without CRLF at its end";

/* Section 2.1. */
static const struct row lines[] = {
    {"IPv4", "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1:56324 198.51.100.2:443"},
    {"IPv6", "PROXY TCP6 2001:db8::1 2001:DB8::2 56324 443\r\n", "[2001:db8::1]:56324 [2001:db8::2]:443"},
    {"the longest of TCP6",
     "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe 65535 "
     "65535\r\n",
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 [ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe]:65535"},
    {"IPv4 in IPv6 is IPv4", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 1 2\r\n",
     "192.0.2.1:1 198.51.100.2:2"},
    {"port 0", "PROXY TCP4 192.0.2.1 198.51.100.2 0 0\r\n", "192.0.2.1:0 198.51.100.2:0"},
    {"unknown, short", "PROXY UNKNOWN\r\n", "-:0 -:0"},
    {"unknown, with addresses", "PROXY UNKNOWN ::1 ::2 1 2\r\n", "-:0 -:0"},
    {"unknown, with anything", "PROXY UNKNOWN \x01\xff  TCP4\r\n", "-:0 -:0"},
    {"unknown, 107 bytes",
     "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
     "65535 65535\r\n",
     "-:0 -:0"},
    {"unknown, 108 bytes",
     "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
     "65535 655350\r\n",
     no_end},
    {"a line that does not end", "PROXY UNKNOWN " TEN("aaaaaaaaa") "aaa", no_end},
    {"bare LF", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n", no_end},
    {"bare CR", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\rx", no_end},
    {"CR in the line", "PROXY UNKNOWN a\rb\r\n", no_end},
    {"two CR", "PROXY UNKNOWN\r\r\n", no_end},
    {"nothing behind the name", "PROXY \r\n", bad_line},
    {"no blank behind the name", "PROXY\r\n", "no PROXY header"},
    {"small letters", "proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n", "no PROXY header"},
    {"a name that goes on", "PROXYS TCP4 192.0.2.1 198.51.100.2 1 2\r\n", "no PROXY header"},
    {"small family", "PROXY tcp4 192.0.2.1 198.51.100.2 1 2\r\n", bad_line},
    {"another family", "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n", bad_line},
    {"a family that goes on", "PROXY UNKNOWNS 1\r\n", bad_line},
    {"IPv6 in TCP4", "PROXY TCP4 ::1 ::1 1 2\r\n", bad_line},
    {"IPv4 in TCP6", "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n", bad_line},
    {"both families", "PROXY TCP6 ::1 198.51.100.2 1 2\r\n", bad_line},
    {"a host name", "PROXY TCP4 localhost 198.51.100.2 1 2\r\n", bad_line},
    {"a zero before an octet", "PROXY TCP4 192.0.2.01 198.51.100.2 1 2\r\n", bad_line},
    {"a zone", "PROXY TCP6 fe80::1%lo ::1 1 2\r\n", bad_line},
    {"brackets", "PROXY TCP6 [::1] [::1] 1 2\r\n", bad_line},
    {"a zero before a port", "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n", bad_line},
    {"two zeros as a port", "PROXY TCP4 192.0.2.1 198.51.100.2 1 00\r\n", bad_line},
    {"port 65536", "PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n", bad_line},
    {"a signed port", "PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n", bad_line},
    {"two blanks", "PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n", bad_line},
    {"a tab", "PROXY TCP4\t192.0.2.1 198.51.100.2 1 2\r\n", bad_line},
    {"a blank at the end", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n", bad_line},
    {"a word too many", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n", bad_line},
    {"a word too few", "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n", bad_line},
    {"the name alone", "PROXY", "more"},
    {"no LF yet", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r", "more"},
    {"a request without a header", "GET / HTTP/1.1\r\n", "no PROXY header"},
    {"TLS without a header", "\x16\x03\x01\x02", "no PROXY header"},
    {"an empty line", "\r\n\r\nGET / HTTP/1.1\r\n", "no PROXY header"},
};

#define TCP4        "c0000201 c6336402 dc04 01bb "
#define IPV6        "20010db8000000000000000000000001 20010db8000000000000000000000002 "
#define UNIX_SOCKET TEN("2f746d702f73") TEN("00000000") "2f746d702f732f73"

static const char bad_command[] = "PROXY header of an unknown version or command";
static const char bad_family[] = "PROXY header of an unknown address family or protocol";
static const char too_short[] = "PROXY header too short for its addresses";
static const char bad_tlv[] = "PROXY header with a TLV that is longer than the header";
static const char bad_checksums[] = "PROXY header with several checksums, or one of another size";
static const char wrong_checksum[] = "PROXY header whose checksum does not match";

/* Section 2.2, in hexadecimal and without the signature: version and command, family, length, the rest. */
static const struct row binaries[] = {
    {"IPv4", "21 11 000c" TCP4, "192.0.2.1:56324 198.51.100.2:443"},
    {"IPv6", "21 21 0024" IPV6 "dc04 01bb", "[2001:db8::1]:56324 [2001:db8::2]:443"},
    {"IPv4 in IPv6 is IPv4",
     "21 21 0024 00000000000000000000ffffc0000201 00000000000000000000ffffc6336402 0001 0000",
     "192.0.2.1:1 198.51.100.2:0"},
    {"unix sockets", "21 31 00d8" UNIX_SOCKET UNIX_SOCKET, "-:0 -:0"},
    {"unspecified", "21 00 0000", "-:0 -:0"},
    {"unspecified, skipped", "21 00 0003 030004", "-:0 -:0"},
    {"a health check", "20 00 0000", "-:0 -:0"},
    {"a health check, skipped with its addresses", "20 11 000c" TCP4, "-:0 -:0"},
    {"a health check of any family", "20 ff 0001 00", "-:0 -:0"},
    {"TLVs: ALPN, none, of AWS", "21 11 001d" TCP4 "01 0002 6832  04 0000  ea 0006 01 76706365 31",
     "192.0.2.1:56324 198.51.100.2:443"},
    {"a checksum at the end", "21 11 0018" TCP4 "04 0002 7878  03 0004 b93b57f8",
     "192.0.2.1:56324 198.51.100.2:443"},
    {"a checksum before others", "21 11 0017" TCP4 "03 0004 5d295edb  02 0001 61",
     "192.0.2.1:56324 198.51.100.2:443"},
    {"haproxy 2.6 with crc32c and unique-id",
     "21 11 0025 7f000001 7f000001 d58e b6c7  03 0004 f066b013  05 000f 313739353139363038322d36373332",
     "127.0.0.1:54670 127.0.0.1:46791"},
    {"haproxy 2.6, a health check with crc32c", "20 00 0007 03 0004 a9b87e8f", "-:0 -:0"},
    {"a wrong checksum", "21 11 0018" TCP4 "04 0002 7878  03 0004 b93b57f9", wrong_checksum},
    {"a right checksum and another port",
     "21 11 0017 c0000201 c6336402 dc04 01ba 03 0004 5d295edb 02 0001 61", wrong_checksum},
    {"a short checksum", "21 11 0012" TCP4 "03 0003 b93b57", bad_checksums},
    {"two checksums", "21 11 001a" TCP4 "03 0004 00000000 03 0004 00000000", bad_checksums},
    {"one byte of a TLV", "21 11 000d" TCP4 "04", bad_tlv},
    {"two bytes of a TLV", "21 11 000e" TCP4 "04 00", bad_tlv},
    {"a TLV longer than the header", "21 11 0010" TCP4 "04 0002 78", bad_tlv},
    {"version 1", "11 11 000c", bad_command},
    {"version 3", "31 11 000c", bad_command},
    {"command 2", "22 11 000c", bad_command},
    {"datagrams over IPv4", "21 12 000c", bad_family},
    {"datagrams over IPv6", "21 22 0024", bad_family},
    {"no protocol", "21 10 000c", bad_family},
    {"no family", "21 01 000c", bad_family},
    {"an unknown family", "21 41 000c", bad_family},
    {"too short for IPv4", "21 11 000b", too_short},
    {"too short for IPv6", "21 21 0023", too_short},
    {"too short for unix sockets", "21 31 00d7", too_short},
    {"longer than any", "21 11 0ff1", "PROXY header too long"},
    {"64 KiB to skip", "20 00 ffff", "PROXY header too long"},
    {"no length yet", "21 11 00", "more"},
    {"no addresses yet", "21 11 000c", "more"},
    {"one byte missing", "21 11 000d" TCP4, "more"},
};

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

/* Returns the length; blanks are skipped. */
static size_t from_hex(const char *hex, char *out)
{
    size_t n = 0, digits = 0;
    for (; *hex; hex++) {
        if (*hex == ' ')
            continue;
        out[n] = (char)((uint8_t)out[n] << 4 | ascii_hex(*hex));
        if (++digits % 2 == 0)
            n++;
    }
    return n;
}

/* In memory of its exact size, so that ASan sees a byte read too far. */
static enum proxy_header_verdict read_exactly(struct str in, struct proxy_header *h)
{
    char *copy = malloc(in.n > 0 ? in.n : 1);
    assert_non_null(copy);
    if (in.n > 0)
        memcpy(copy, in.p, in.n);
    enum proxy_header_verdict v = proxy_header_read(str_from(copy, in.n), h);
    free(copy);
    return v;
}

static const char *result(enum proxy_header_verdict v, const struct proxy_header *h, char out[128])
{
    char from[ENDPOINT_TEXT], to[ENDPOINT_TEXT];
    if (v == PROXY_HEADER_REFUSED)
        return h->why;
    if (v == PROXY_HEADER_MORE)
        return "more";
    snprintf(out, 128, "%s %s", endpoint_format(h->from, from), endpoint_format(h->to, to));
    return out;
}

static void check(const struct row *row, struct str in)
{
    struct proxy_header h;
    char text[128];
    enum proxy_header_verdict v = read_exactly(in, &h);
    if (strcmp(result(v, &h, text), row->expect) != 0)
        fail_msg("%s: %s", row->what, result(v, &h, text));
    assert_int_equal(h.len, v == PROXY_HEADER_DONE ? in.n : 0);
    /* Byte by byte: nothing is decided and then decided otherwise; a header is done with its last byte. */
    for (size_t n = 0; n < in.n; n++) {
        enum proxy_header_verdict early = read_exactly(str_take(in, n), &h);
        if (early == PROXY_HEADER_DONE || (early == PROXY_HEADER_REFUSED && v != early))
            fail_msg("%s: decided after %zu of %zu bytes", row->what, n, in.n);
    }
}

static void text_headers(void **state)
{
    for (size_t i = 0; i < nitems(lines); i++)
        check(&lines[i], str_of(lines[i].header));
}

static void binary_headers(void **state)
{
    char bytes[512];
    for (size_t i = 0; i < nitems(binaries); i++) {
        memcpy(bytes, signature, 12);
        check(&binaries[i], str_from(bytes, 12 + from_hex(binaries[i].header, bytes + 12)));
    }
}

/* What follows belongs to the connection, also when it looks like another header. */
static void what_follows_is_left(void **state)
{
    struct str in = STR("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\nPROXY TCP4 192.0.2.9 198.51.100.9 3 4\r\n");
    struct proxy_header h;
    char text[128];
    assert_int_equal(read_exactly(in, &h), PROXY_HEADER_DONE);
    assert_int_equal(h.len, in.n / 2);
    assert_string_equal(result(PROXY_HEADER_DONE, &h, text), "192.0.2.1:1 198.51.100.2:2");
}

static void the_longest_binary(void **state)
{
    static char bytes[PROXY_HEADER_MAX + 1];
    struct proxy_header h;
    memcpy(bytes, signature, 12);
    from_hex("20 00 0ff0", bytes + 12);
    assert_int_equal(read_exactly(str_from(bytes, PROXY_HEADER_MAX - 1), &h), PROXY_HEADER_MORE);
    assert_int_equal(read_exactly(str_from(bytes, sizeof bytes), &h), PROXY_HEADER_DONE);
    assert_int_equal(h.len, PROXY_HEADER_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_headers),
        cmocka_unit_test(binary_headers),
        cmocka_unit_test(what_follows_is_left),
        cmocka_unit_test(the_longest_binary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
