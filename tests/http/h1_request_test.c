/* Request lines, targets, hosts and the lines of a head. Framing and connection: h1_framing_test.c. */
#include "http/h1_rows.h"

/* The rest of a good request. */
#define HOST "Host: a\r\n"
#define END  "\r\n"

static const struct row request_lines_rows[] = {
    {0, "plain", RAW("GET / HTTP/1.1\r\n" HOST END), "GET / a N k . |"},
    {0, "HTTP/1.0", RAW("GET / HTTP/1.0\r\n" HOST END), "GET / a N 0 . |"},
    {0, "HTTP/1.0 without Host", RAW("GET /x HTTP/1.0\r\n" END), "GET /x N 0 . |"},
    {0, "any token is a method", RAW("x!#$%&'*+-.^_`|~9Z / HTTP/1.1\r\n" HOST END), NULL},
    {0, "WebDAV", RAW("PROPFIND /dav/ HTTP/1.1\r\n" HOST END), "PROPFIND /dav/ a N k . |"},
    {0, "methods have case", RAW("get / HTTP/1.1\r\n" HOST END), "get / a N k . |"},
    {0, "connect in lower case is no CONNECT", RAW("connect / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_METHOD, "CONNECT", RAW("CONNECT a:443 HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_METHOD, "CONNECT with a path", RAW("CONNECT / HTTP/1.1\r\n" HOST END), NULL},
    {0, "method of 64",
     RAW("AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_METHOD, "method of 65",
     RAW("AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDDE / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "no method", RAW(" / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "blank before the method", RAW(" GET / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "tab before the method", RAW("\tGET / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "method with a colon", RAW("GE:T / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "method with a slash", RAW("GE/T / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "method with a parenthesis", RAW("G(T / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "method with a NUL", RAW("GE\0T / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "method with UTF-8", RAW("G\xc3\x89T / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "two blanks before the target", RAW("GET  / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "two blanks before the version", RAW("GET /  HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "blank in the target", RAW("GET /a b HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "blank after the version", RAW("GET / HTTP/1.1 \r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "tab for a blank", RAW("GET\t/ HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_VERSION, "tab before the version", RAW("GET /\tHTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "only a method", RAW("GET\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "method and blank", RAW("GET \r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "a field line first", RAW(HOST "GET / HTTP/1.1\r\n" END), NULL},
    {ERR_HTTP_SYNTAX, "version without digits", RAW("GET / HTTP/\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "version without minor", RAW("GET / HTTP/1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "version with a comma", RAW("GET / HTTP/1,1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "version of two digits", RAW("GET / HTTP/1.10\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "version with leading zero", RAW("GET / HTTP/01.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "version with a sign", RAW("GET / HTTP/1.+1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "version with a letter", RAW("GET / HTTP/1.x\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "http in lower case", RAW("GET / http/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "another protocol", RAW("GET / ICAP/1.0\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "RTSP", RAW("OPTIONS * RTSP/1.0\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "HTTPS/1.1", RAW("GET / HTTPS/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_VERSION, "HTTP/0.9", RAW("GET /\r\n" END), NULL},
    {ERR_HTTP_VERSION, "HTTP/0.9 by name", RAW("GET / HTTP/0.9\r\n" HOST END), NULL},
    {ERR_HTTP_VERSION, "HTTP/0.9 and a blank line only", RAW("GET /\r\n\r\n"), NULL},
    {ERR_HTTP_VERSION, "HTTP/1.2", RAW("GET / HTTP/1.2\r\n" HOST END), NULL},
    {ERR_HTTP_VERSION, "HTTP/1.9", RAW("GET / HTTP/1.9\r\n" HOST END), NULL},
    {ERR_HTTP_VERSION, "HTTP/2.0", RAW("GET / HTTP/2.0\r\n" HOST END), NULL},
    {ERR_HTTP_VERSION, "HTTP/3.7", RAW("GET / HTTP/3.7\r\n" HOST END), NULL},
    {ERR_HTTP_VERSION, "preface of HTTP/2", RAW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), NULL},
    {ERR_HTTP_SYNTAX, "a response", RAW("HTTP/1.1 200 OK\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "TLS, at its first byte", RAW("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03"), NULL},
    {ERR_HTTP_SYNTAX, "frame of HTTP/2, at its first byte", RAW("\0\0\x12\x04\0"), "!301"},
    {ERR_HTTP_SYNTAX, "PROXY header of version 2, at its first bytes", RAW("\r\n\r\n\0\r\nQUIT\n"), "!301"},
    {ERR_HTTP_SYNTAX, "PROXY header of version 1", RAW("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" END), NULL},
    {ERR_HTTP_SYNTAX, "garbage of the upper half", RAW("\xff\xfe"), "!301"},
    {ERR_HTTP_SYNTAX, "method with DEL", RAW("GE\x7fT / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "method with a comma", RAW("GET,POST / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "method in quotes", RAW("\"GET\" / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_METHOD, "CONNECT with an absolute URL", RAW("CONNECT http://a/ HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_METHOD, "CONNECT with an asterisk", RAW("CONNECT * HTTP/1.1\r\n" HOST END), NULL},
    {ERR_CLOSED, "cut in the request line", RAW("GET / HT"), "!102"},
    {ERR_CLOSED, "cut in a field", RAW("GET / HTTP/1.1\r\nHost: "), NULL},
    {ERR_CLOSED, "cut before the last LF", RAW("GET / HTTP/1.1\r\n" HOST "\r"), NULL},
    {0, "nothing", RAW(""), "|"},
};

static void request_lines(void **state)
{
    row_check_all(request_lines_rows, nitems(request_lines_rows), ROW_REQUEST);
}

static const struct row blank_lines_rows[] = {
    {0, "one before", RAW("\r\nGET / HTTP/1.1\r\n" HOST END), "GET / a N k . |"},
    {0, "four before", RAW("\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST END), "GET / a N k . |"},
    {0, "only blank lines", RAW("\r\n\r\n"), "|"},
    {ERR_HTTP_SYNTAX, "five before", RAW("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "LF before", RAW("\nGET / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "CR before", RAW("\rGET / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "CR CR LF before", RAW("\r\r\nGET / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "blank and CRLF before", RAW(" \r\nGET / HTTP/1.1\r\n" HOST END), NULL},
    {ERR_CLOSED, "half a blank line", RAW("\r\n\r"), "!102"},
    {0, "between requests", RAW("GET /1 HTTP/1.1\r\n" HOST END "\r\n\r\nGET /2 HTTP/1.1\r\n" HOST END),
     "GET /1 a N k . GET /2 a N k . |"},
    {0, "counted anew for each request",
     RAW("\r\n\r\n\r\n\r\nGET /1 HTTP/1.1\r\n" HOST END "\r\n\r\n\r\n\r\nGET /2 HTTP/1.1\r\n" HOST END),
     "GET /1 a N k . GET /2 a N k . |"},
    {ERR_HTTP_SYNTAX, "five between requests",
     RAW("GET /1 HTTP/1.1\r\n" HOST END "\r\n\r\n\r\n\r\n\r\nGET /2 HTTP/1.1\r\n" HOST END),
     "GET /1 a N k . !301"},
    {0, "after a body",
     RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n" END "hi\r\nGET /2 HTTP/1.1\r\n" HOST END),
     "POST / a L2 k \"hi\" . GET /2 a N k . |"},
};

static void blank_lines(void **state)
{
    row_check_all(blank_lines_rows, nitems(blank_lines_rows), ROW_REQUEST);
}

static const struct row targets_rows[] = {
    {0, "query", RAW("GET /a?b=c&d HTTP/1.1\r\n" HOST END), "GET /a?b=c&d a N k . |"},
    {0, "left as it came", RAW("GET /%7ea/../b//c;d HTTP/1.1\r\n" HOST END), "GET /%7ea/../b//c;d a N k . |"},
    {0, "what browsers leave unescaped", RAW("GET /?q={|}^`\"<>[]\\ HTTP/1.1\r\n" HOST END), NULL},
    {0, "two slashes are a path", RAW("GET //b/c HTTP/1.1\r\n" HOST END), "GET //b/c a N k . |"},
    {ERR_HTTP_TARGET, "fragment", RAW("GET /a#b HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "control", RAW("GET /a\x01 HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "NUL", RAW("GET /a\0b HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "tab", RAW("GET /a\tb HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "CR", RAW("GET /a\rb HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "vertical tab", RAW("GET /a\vb HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "DEL", RAW("GET /a\x7f HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "UTF-8", RAW("GET /\xc3\xa9 HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "no slash", RAW("GET a HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "only a query", RAW("GET ?a HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "authority form", RAW("GET a:80 HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "backslash first", RAW("GET \\a HTTP/1.1\r\n" HOST END), NULL},
    {0, "asterisk", RAW("OPTIONS * HTTP/1.1\r\n" HOST END), "OPTIONS * a N k . |"},
    {0, "OPTIONS with a path", RAW("OPTIONS /a HTTP/1.1\r\n" HOST END), "OPTIONS /a a N k . |"},
    {ERR_HTTP_TARGET, "asterisk without OPTIONS", RAW("GET * HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "asterisk and more", RAW("OPTIONS *a HTTP/1.1\r\n" HOST END), NULL},
    {0, "absolute", RAW("GET http://b/c?d HTTP/1.1\r\n" HOST END), "GET /c?d b N k . |"},
    {0, "absolute, https, port", RAW("GET https://b:8443/c HTTP/1.1\r\n" HOST END), "GET /c b:8443 N k . |"},
    {0, "scheme without case", RAW("GET hTTp://b/ HTTP/1.1\r\n" HOST END), "GET / b N k . |"},
    {0, "absolute without a path", RAW("GET http://b HTTP/1.1\r\n" HOST END), "GET / b N k . |"},
    {0, "absolute with only a query", RAW("GET http://b?c/d HTTP/1.1\r\n" HOST END), "GET /?c/d b N k . |"},
    {0, "absolute OPTIONS without a path", RAW("OPTIONS http://b HTTP/1.1\r\n" HOST END),
     "OPTIONS * b N k . |"},
    {0, "absolute OPTIONS with a path", RAW("OPTIONS http://b/ HTTP/1.1\r\n" HOST END),
     "OPTIONS / b N k . |"},
    {0, "absolute OPTIONS with a query", RAW("OPTIONS http://b?x HTTP/1.1\r\n" HOST END),
     "OPTIONS /?x b N k . |"},
    {0, "absolute, IPv6", RAW("GET http://[::1]:81/ HTTP/1.1\r\n" HOST END), "GET / [::1]:81 N k . |"},
    {0, "absolute in HTTP/1.0 without Host", RAW("GET http://b/ HTTP/1.0\r\n" END), "GET / b N 0 . |"},
    {ERR_HTTP_HOST, "absolute in HTTP/1.1 without Host", RAW("GET http://b/ HTTP/1.1\r\n" END), NULL},
    {ERR_HTTP_HOST, "absolute with a bad Host", RAW("GET http://b/ HTTP/1.1\r\nHost: a/b\r\n" END), NULL},
    {ERR_HTTP_HOST, "absolute with two Hosts", RAW("GET http://b/ HTTP/1.1\r\n" HOST HOST END), NULL},
    {ERR_HTTP_TARGET, "absolute without authority", RAW("GET http:///c HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "absolute and nothing", RAW("GET http:// HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "one slash", RAW("GET http:/b HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "userinfo", RAW("GET http://u@b/ HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "userinfo and password", RAW("GET http://u:p@b/ HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "absolute with a bad port", RAW("GET http://b:x/ HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "absolute with a backslash", RAW("GET http://b\\c/ HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "absolute with %", RAW("GET http://b%2f/ HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "absolute with an empty label", RAW("GET http://b..c/ HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "absolute with a zone", RAW("GET http://[::1%25lo]/ HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "absolute with a fragment", RAW("GET http://b/#c HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "absolute with UTF-8", RAW("GET http://\xc3\xa9/ HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "scheme without slashes", RAW("GET http:b HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "backslashes for slashes", RAW("GET http:\\\\b/ HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "another scheme", RAW("GET ftp://b/ HTTP/1.1\r\n" HOST END), NULL},
    {ERR_HTTP_TARGET, "ws", RAW("GET ws://b/ HTTP/1.1\r\n" HOST END), NULL},
};

static void targets(void **state)
{
    row_check_all(targets_rows, nitems(targets_rows), ROW_REQUEST);
}

static const struct row hosts_rows[] = {
    {0, "as received", RAW("GET / HTTP/1.1\r\nhOST:  Example.ORG:8080 \r\n" END),
     "GET / Example.ORG:8080 N k . |"},
    {0, "IPv4", RAW("GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n" END), "GET / 192.0.2.1 N k . |"},
    {0, "IPv6", RAW("GET / HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n" END), "GET / [2001:db8::1]:443 N k . |"},
    {ERR_HTTP_HOST, "none", RAW("GET / HTTP/1.1\r\n" END), NULL},
    {ERR_HTTP_HOST, "empty", RAW("GET / HTTP/1.1\r\nHost:\r\n" END), NULL},
    {ERR_HTTP_HOST, "blank", RAW("GET / HTTP/1.1\r\nHost:  \t\r\n" END), NULL},
    {ERR_HTTP_HOST, "empty in HTTP/1.0", RAW("GET / HTTP/1.0\r\nHost:\r\n" END), NULL},
    {ERR_HTTP_HOST, "two", RAW("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n" END), NULL},
    {ERR_HTTP_HOST, "two that are equal", RAW("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n" END), NULL},
    {ERR_HTTP_HOST, "two in HTTP/1.0", RAW("GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n" END), NULL},
    {ERR_HTTP_HOST, "list", RAW("GET / HTTP/1.1\r\nHost: a, b\r\n" END), NULL},
    {ERR_HTTP_HOST, "path", RAW("GET / HTTP/1.1\r\nHost: a/b\r\n" END), NULL},
    {ERR_HTTP_HOST, "userinfo", RAW("GET / HTTP/1.1\r\nHost: u@a\r\n" END), NULL},
    {ERR_HTTP_HOST, "scheme", RAW("GET / HTTP/1.1\r\nHost: http://a\r\n" END), NULL},
    {ERR_HTTP_HOST, "blank inside", RAW("GET / HTTP/1.1\r\nHost: a b\r\n" END), NULL},
    {ERR_HTTP_HOST, "UTF-8", RAW("GET / HTTP/1.1\r\nHost: \xc3\xa9.org\r\n" END), NULL},
    {ERR_HTTP_HOST, "percent", RAW("GET / HTTP/1.1\r\nHost: %61\r\n" END), NULL},
    {ERR_HTTP_HOST, "IPv6 with a zone", RAW("GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n" END), NULL},
    {ERR_HTTP_HOST, "IPv6 without brackets", RAW("GET / HTTP/1.1\r\nHost: ::1\r\n" END), NULL},
    {ERR_HTTP_HOST, "a dot", RAW("GET / HTTP/1.1\r\nHost: .\r\n" END), NULL},
    {ERR_HTTP_HOST, "an empty label", RAW("GET / HTTP/1.1\r\nHost: a..b\r\n" END), NULL},
    {ERR_HTTP_HOST, "query", RAW("GET / HTTP/1.1\r\nHost: a?b\r\n" END), NULL},
    {ERR_HTTP_HOST, "semicolon", RAW("GET / HTTP/1.1\r\nHost: a;b\r\n" END), NULL},
    {ERR_HTTP_HOST, "quotes", RAW("GET / HTTP/1.1\r\nHost: \"a\"\r\n" END), NULL},
    {ERR_HTTP_HOST, "asterisk", RAW("GET / HTTP/1.1\r\nHost: *\r\n" END), NULL},
    {ERR_HTTP_HOST, "bad port", RAW("GET / HTTP/1.1\r\nHost: a:65536\r\n" END), NULL},
    {ERR_HTTP_HOST, "port alone", RAW("GET / HTTP/1.1\r\nHost: :80\r\n" END), NULL},
    {ERR_HTTP_FIELD, "blank before the colon", RAW("GET / HTTP/1.1\r\nHost : a\r\n" END), NULL},
};

static void hosts(void **state)
{
    row_check_all(hosts_rows, nitems(hosts_rows), ROW_REQUEST);
}

/* RFC 9112 section 3.2.2: what is forwarded is the target's authority. */
static void absolute_replaces_host(void **state)
{
    struct arena mem = {0};
    struct head h;
    struct str host;
    assert_int_equal(h1_parse_request(STR("GET http://b:81/ HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"), &h, &mem),
                     0);
    assert_true(head_single(&h, STR("host"), &host));
    assert_true(str_eq(host, STR("b:81")));
    assert_true(str_eq(h.target, STR("http://b:81/")));
    arena_done(&mem);
}

static void authorities(void **state)
{
    static const struct {
        bool valid;
        struct str text;
    } rows[] = {
        {true, RAW("a")},           {true, RAW("a.b-c_d.example.")},
        {true, RAW("A:0")},         {true, RAW("a:65535")},
        {true, RAW("a:00080")},     {true, RAW("127.0.0.1:1")},
        {true, RAW("999.1.1.1")}, /* a name by its grammar: no site has it */
        {true, RAW("[::]")},        {true, RAW("[::ffff:192.0.2.1]:1")},
        {false, RAW("")},           {false, RAW(":")},
        {false, RAW(":80")},        {false, RAW("a:")},
        {false, RAW("a:65536")},    {false, RAW("a:000080")},
        {false, RAW("a:+80")},      {false, RAW("a:8 0")},
        {false, RAW("a:80:80")},    {false, RAW("a\0b")},
        {false, RAW("a,b")},        {false, RAW("a%20b")},
        {false, RAW("a~b")},        {false, RAW("(a)")},
        {false, RAW("u@a")},        {false, RAW("a?b")},
        {false, RAW("a#b")},        {false, RAW("a\\b")},
        {false, RAW("::1")},        {false, RAW("[")},
        {false, RAW("[]")},         {false, RAW("]")},
        {false, RAW("[::1")},       {false, RAW("[::1]80")},
        {false, RAW("[::1]:")},     {false, RAW("[::1]]")},
        {false, RAW("[::1%eth0]")}, {false, RAW("[::1%25eth0]")},
        {false, RAW("[v1.a]")},     {false, RAW("[127.0.0.1]")},
        {false, RAW("[:::]")},      {false, RAW("[12345::]")},
        {false, RAW(".")},          {false, RAW(".a")},
        {false, RAW("a..")},        {false, RAW("a..b:80")},
    };
    char longest[256];
    for (size_t i = 0; i < nitems(rows); i++)
        if (h1_valid_authority(rows[i].text) != rows[i].valid)
            fail_msg("%.*s", STR_ARG(rows[i].text));
    memset(longest, 'a', sizeof longest);
    assert_true(h1_valid_authority(str_from(longest, 255)));
    assert_false(h1_valid_authority(str_from(longest, 256)));
}

static const struct row field_lines_rows[] = {
    {0, "tabs and blanks around", RAW("GET / HTTP/1.1\r\n" HOST "X: \t y \t\r\n" END), NULL},
    {0, "no blank after the colon", RAW("GET / HTTP/1.1\r\nHost:a\r\n" END), "GET / a N k . |"},
    {0, "empty value", RAW("GET / HTTP/1.1\r\n" HOST "X:\r\n" END), NULL},
    {0, "value of colons", RAW("GET / HTTP/1.1\r\n" HOST "X: ::\r\n" END), NULL},
    {0, "tab inside", RAW("GET / HTTP/1.1\r\n" HOST "X: a\tb\r\n" END), NULL},
    {0, "obs-text", RAW("GET / HTTP/1.1\r\n" HOST "X: \x80\xff\xc3\xa9\r\n" END), NULL},
    {0, "every token character", RAW("GET / HTTP/1.1\r\n" HOST "!#$%&'*+-.^_`|~09AZaz: x\r\n" END), NULL},
    {ERR_HTTP_FIELD, "no colon", RAW("GET / HTTP/1.1\r\n" HOST "X\r\n" END), NULL},
    {ERR_HTTP_FIELD, "no name", RAW("GET / HTTP/1.1\r\n" HOST ": x\r\n" END), NULL},
    {ERR_HTTP_FIELD, "blank before the colon", RAW("GET / HTTP/1.1\r\n" HOST "X : y\r\n" END), NULL},
    {ERR_HTTP_FIELD, "tab before the colon", RAW("GET / HTTP/1.1\r\n" HOST "X\t: y\r\n" END), NULL},
    {ERR_HTTP_FIELD, "blank in the name", RAW("GET / HTTP/1.1\r\n" HOST "X Y: z\r\n" END), NULL},
    {ERR_HTTP_FIELD, "blank before the name", RAW("GET / HTTP/1.1\r\n" HOST " X: y\r\n" END), NULL},
    {ERR_HTTP_FIELD, "blank before the first name", RAW("GET / HTTP/1.1\r\n Host: a\r\n" END), NULL},
    {ERR_HTTP_FIELD, "folded", RAW("GET / HTTP/1.1\r\n" HOST "X: y\r\n z\r\n" END), NULL},
    {ERR_HTTP_FIELD, "folded by a tab", RAW("GET / HTTP/1.1\r\n" HOST "X: y\r\n\tz\r\n" END), NULL},
    {ERR_HTTP_FIELD, "folded, with a colon", RAW("GET / HTTP/1.1\r\n" HOST "X: y\r\n Z: z\r\n" END), NULL},
    {ERR_HTTP_FIELD, "a line of blanks", RAW("GET / HTTP/1.1\r\n" HOST " \r\n" END), NULL},
    {ERR_HTTP_FIELD, "NUL in the name", RAW("GET / HTTP/1.1\r\n" HOST "X\0: y\r\n" END), NULL},
    {ERR_HTTP_FIELD, "NUL in the value", RAW("GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n" END), NULL},
    {ERR_HTTP_FIELD, "NUL at its end", RAW("GET / HTTP/1.1\r\n" HOST "X: a\0\r\n" END), NULL},
    {ERR_HTTP_FIELD, "control in the value", RAW("GET / HTTP/1.1\r\n" HOST "X: a\x08\r\n" END), NULL},
    {ERR_HTTP_FIELD, "escape in the value", RAW("GET / HTTP/1.1\r\n" HOST "X: \x1b[0m\r\n" END), NULL},
    {ERR_HTTP_FIELD, "DEL in the value", RAW("GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n" END), NULL},
    {ERR_HTTP_FIELD, "vertical tab before the value", RAW("GET / HTTP/1.1\r\n" HOST "X:\vy\r\n" END), NULL},
    {ERR_HTTP_FIELD, "form feed after the value", RAW("GET / HTTP/1.1\r\n" HOST "X: y\f\r\n" END), NULL},
    {ERR_HTTP_FIELD, "UTF-8 in the name", RAW("GET / HTTP/1.1\r\n" HOST "X\xc3\xa9: y\r\n" END), NULL},
    {ERR_HTTP_FIELD, "quotes in the name", RAW("GET / HTTP/1.1\r\n" HOST "\"X\": y\r\n" END), NULL},
    {ERR_HTTP_FIELD, "brace in the name", RAW("GET / HTTP/1.1\r\n" HOST "X{: y\r\n" END), NULL},
    {ERR_HTTP_FIELD, "slash in the name", RAW("GET / HTTP/1.1\r\n" HOST "a/b: y\r\n" END), NULL},
    {ERR_HTTP_FIELD, "Content_Length", RAW("GET / HTTP/1.1\r\n" HOST "Content_Length: 5\r\n" END), NULL},
    {ERR_HTTP_FIELD, "content_length with the real one",
     RAW("POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\ncontent_length: 5\r\n" END "hi"), NULL},
    {ERR_HTTP_FIELD, "transfer_encoding", RAW("GET / HTTP/1.1\r\n" HOST "transfer_encoding: chunked\r\n" END),
     NULL},
    {ERR_HTTP_FIELD, "Transfer_Encoding", RAW("GET / HTTP/1.1\r\n" HOST "Transfer_Encoding: chunked\r\n" END),
     NULL},
    {ERR_HTTP_FIELD, "Keep_Alive", RAW("GET / HTTP/1.1\r\n" HOST "Keep_Alive: 5\r\n" END), NULL},
    {ERR_HTTP_FIELD, "proxy_connection", RAW("GET / HTTP/1.1\r\n" HOST "proxy_connection: close\r\n" END),
     NULL},
    {ERR_HTTP_FIELD, "Content.Length", RAW("GET / HTTP/1.1\r\n" HOST "Content.Length: 5\r\n" END), NULL},
    {ERR_HTTP_FIELD, "transfer~encoding", RAW("GET / HTTP/1.1\r\n" HOST "transfer~encoding: chunked\r\n" END),
     NULL},
    {0, "another name with _", RAW("GET / HTTP/1.1\r\n" HOST "content_lengths: 5\r\n" END), NULL},
    {0, "X_Forwarded_For is the proxy's matter", RAW("GET / HTTP/1.1\r\n" HOST "X_Forwarded_For: 1\r\n" END),
     NULL},
};

static void field_lines(void **state)
{
    row_check_all(field_lines_rows, nitems(field_lines_rows), ROW_REQUEST);
}

static const struct row line_ends_rows[] = {
    {ERR_HTTP_SYNTAX, "LF after the request line", RAW("GET / HTTP/1.1\n" HOST END), NULL},
    {ERR_HTTP_SYNTAX, "LF everywhere", RAW("GET / HTTP/1.1\nHost: a\n\n"), NULL},
    {ERR_HTTP_FIELD, "LF after a field", RAW("GET / HTTP/1.1\r\nHost: a\n\r\n"), NULL},
    {ERR_HTTP_FIELD, "LF for the empty line", RAW("GET / HTTP/1.1\r\n" HOST "\n"), NULL},
    {ERR_HTTP_FIELD, "LF hides a field", RAW("GET / HTTP/1.1\r\n" HOST "X: y\nContent-Length: 5\r\n" END),
     NULL},
    {ERR_HTTP_FIELD, "LF after CR LF", RAW("GET / HTTP/1.1\r\n" HOST "\n\r\n"), NULL},
    {ERR_CLOSED, "CR after the request line", RAW("GET / HTTP/1.1\rHost: a\r\r"), NULL},
    {ERR_HTTP_SYNTAX, "CR for one CRLF", RAW("GET / HTTP/1.1\rHost: a\r\n\r\n"), NULL},
    {ERR_HTTP_SYNTAX, "two CR after the request line", RAW("GET / HTTP/1.1\r\r\n" HOST END), NULL},
    {ERR_HTTP_FIELD, "CR in a value", RAW("GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n" END), NULL},
    {ERR_HTTP_FIELD, "CR hides a field", RAW("GET / HTTP/1.1\r\n" HOST "X: a\rContent-Length: 5\r\n" END),
     NULL},
    {ERR_HTTP_FIELD, "CR before the name", RAW("GET / HTTP/1.1\r\n" HOST "\rX: a\r\n" END), NULL},
    {ERR_HTTP_FIELD, "CR in the name", RAW("GET / HTTP/1.1\r\n" HOST "X\r: a\r\n" END), NULL},
    {ERR_HTTP_FIELD, "CR CR LF after a field", RAW("GET / HTTP/1.1\r\n" HOST "X: a\r\r\n" END), NULL},
    {ERR_HTTP_FIELD, "CR CR LF for the empty line", RAW("GET / HTTP/1.1\r\n" HOST "\r\r\n\r\n"), NULL},
    {ERR_HTTP_FIELD, "CR CR LF at the end", RAW("GET / HTTP/1.1\r\n" HOST "\r\r\n"), NULL},
    {ERR_CLOSED, "NEL is no line end", RAW("GET / HTTP/1.1\r\n" HOST "X: a\xc2\x85"), NULL},
};

static void line_ends(void **state)
{
    row_check_all(line_ends_rows, nitems(line_ends_rows), ROW_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_lines), cmocka_unit_test(blank_lines),
        cmocka_unit_test(targets),       cmocka_unit_test(hosts),
        cmocka_unit_test(authorities),   cmocka_unit_test(absolute_replaces_host),
        cmocka_unit_test(field_lines),   cmocka_unit_test(line_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
