/*
 * What a backend may answer. Every error is ERR_HTTP_BACKEND in a head; in a body it is the reader's, for the
 * client to map.
 */
#include "http/h1_rows.h"

#define OK      "HTTP/1.1 200 OK\r\n"
#define OK10    "HTTP/1.0 200 OK\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define END     "\r\n"
#define LAST    "0\r\n\r\n"
#define BAD     ERR_HTTP_BACKEND

static const struct row status_lines_rows[] = {
    {0, "plain", RAW(OK "Content-Length: 0\r\n" END), "200 OK L0 k . |"},
    {0, "words", RAW("HTTP/1.1 404 Not \t Found\xe9\r\nContent-Length: 0\r\n" END), NULL},
    {0, "no reason", RAW("HTTP/1.1 200 \r\nContent-Length: 0\r\n" END), "200 L0 k . |"},
    {0, "no reason and no blank", RAW("HTTP/1.1 200\r\nContent-Length: 0\r\n" END), "200 L0 k . |"},
    {0, "reason that begins with a blank", RAW("HTTP/1.1 200  x\r\nContent-Length: 0\r\n" END),
     "200  x L0 k . |"},
    {0, "unknown code", RAW("HTTP/1.1 599 ?\r\nContent-Length: 0\r\n" END), "599 ? L0 k . |"},
    {0, "HTTP/1.0", RAW(OK10 "Content-Length: 0\r\n" END), "200 OK L0 0 . |"},
    {BAD, "600", RAW("HTTP/1.1 600 x\r\n" END), NULL},
    {BAD, "999", RAW("HTTP/1.1 999 x\r\n" END), NULL},
    {BAD, "099", RAW("HTTP/1.1 099 x\r\n" END), NULL},
    {BAD, "000", RAW("HTTP/1.1 000 x\r\n" END), NULL},
    {BAD, "two digits", RAW("HTTP/1.1 20 OK\r\n" END), NULL},
    {BAD, "four digits", RAW("HTTP/1.1 2000 OK\r\n" END), NULL},
    {BAD, "sign", RAW("HTTP/1.1 +20 OK\r\n" END), NULL},
    {BAD, "letter", RAW("HTTP/1.1 2x0 OK\r\n" END), NULL},
    {BAD, "no status", RAW("HTTP/1.1\r\n" END), NULL},
    {BAD, "only a blank", RAW("HTTP/1.1 \r\n" END), NULL},
    {BAD, "two blanks", RAW("HTTP/1.1  200 OK\r\n" END), NULL},
    {BAD, "tab", RAW("HTTP/1.1\t200 OK\r\n" END), NULL},
    {BAD, "tab after the status", RAW("HTTP/1.1 200\tOK\r\n" END), NULL},
    {BAD, "no blank after the status", RAW("HTTP/1.1 200OK\r\n" END), NULL},
    {BAD, "control in the reason", RAW("HTTP/1.1 200 O\x01K\r\n" END), NULL},
    {BAD, "NUL in the reason", RAW("HTTP/1.1 200 O\0K\r\n" END), NULL},
    {BAD, "lower case", RAW("http/1.1 200 OK\r\n" END), NULL},
    {BAD, "HTTP/2.0", RAW("HTTP/2.0 200 OK\r\n" END), NULL},
    {BAD, "HTTP/2", RAW("HTTP/2 200 OK\r\n" END), NULL},
    {BAD, "HTTP/1.2", RAW("HTTP/1.2 200 OK\r\n" END), NULL},
    {BAD, "HTTP/0.9", RAW("HTTP/0.9 200 OK\r\n" END), NULL},
    {BAD, "ICY", RAW("ICY 200 OK\r\n" END), NULL},
    {BAD, "blank before", RAW(" " OK END), NULL},
    {BAD, "empty line before", RAW("\r\n" OK END), NULL},
    {BAD, "a request", RAW("GET / HTTP/1.1\r\n" END), NULL},
    {BAD, "HTML", RAW("<html>\r\n\r\n"), NULL},
    {ERR_HTTP_SYNTAX, "LF", RAW("HTTP/1.1 200 OK\n" END), NULL},
    {ERR_HTTP_SYNTAX, "CR in the reason", RAW("HTTP/1.1 200 O\rK\r\n" END), NULL},
    {ERR_CLOSED, "cut", RAW("HTTP/1.1 200"), NULL},
    {0, "nothing", RAW(""), "|"},
};

static void status_lines(void **state)
{
    row_check_all(status_lines_rows, nitems(status_lines_rows), ROW_RESPONSE);
}

static const struct row bodies_rows[] = {
    {0, "length", RAW(OK "Content-Length: 5\r\n" END "hello"), "200 OK L5 k \"hello\" . |"},
    {0, "chunked", RAW(OK CHUNKED END "5\r\nhello\r\n" LAST), "200 OK C k \"hello\" . |"},
    {0, "chunked with trailers", RAW(OK CHUNKED END "1\r\nx\r\n0\r\nX: y\r\nSet-Cookie: z\r\n\r\n"), NULL},
    {0, "until close", RAW(OK END "hello"), "200 OK X  \"hello\" . "},
    {0, "until close, empty", RAW(OK END), "200 OK X  . "},
    {0, "until close in spite of keep-alive", RAW(OK10 "Connection: keep-alive\r\n" END "x"),
     "200 OK X 0 \"x\" . "},
    {0, "1.0 and keep-alive", RAW(OK10 "Connection: keep-alive\r\nContent-Length: 1\r\n" END "x"),
     "200 OK L1 k0 \"x\" . |"},
    {0, "1.1 and close", RAW(OK "Connection: close\r\nContent-Length: 1\r\n" END "x"),
     "200 OK L1  \"x\" . |"},
    {0, "two answers", RAW(OK "Content-Length: 1\r\n" END "xHTTP/1.1 404\r\nContent-Length: 0\r\n" END),
     "200 OK L1 k \"x\" . 404 L0 k . |"},
    {0, "205 with a length", RAW("HTTP/1.1 205 x\r\nContent-Length: 0\r\n" END), "205 x L0 k . |"},
    {ERR_CLOSED, "length, cut", RAW(OK "Content-Length: 5\r\n" END "hell"), "200 OK L5 k \"hell!102"},
    {ERR_CLOSED, "chunked, cut", RAW(OK CHUNKED END "5\r\nhello\r\n"), "200 OK C k \"hello!102"},
    {ERR_HTTP_CHUNK, "bad chunk", RAW(OK CHUNKED END "5\r\nhellooo\r\n"), NULL},
    {BAD, "both", RAW(OK CHUNKED "Content-Length: 5\r\n" END LAST), NULL},
    {BAD, "chunked in HTTP/1.0", RAW(OK10 CHUNKED END LAST), NULL},
    {BAD, "gzip", RAW(OK "Transfer-Encoding: gzip\r\n" END), NULL},
    {BAD, "gzip, chunked", RAW(OK "Transfer-Encoding: gzip, chunked\r\n" END LAST), NULL},
    {BAD, "identity", RAW(OK "Transfer-Encoding: identity\r\n" END "x"), NULL},
    {BAD, "chunked twice", RAW(OK CHUNKED CHUNKED END LAST), NULL},
    {BAD, "two lengths", RAW(OK "Content-Length: 1\r\nContent-Length: 2\r\n" END "x"), NULL},
    {BAD, "two equal lengths", RAW(OK "Content-Length: 1\r\nContent-Length: 1\r\n" END "x"), NULL},
    {BAD, "list of lengths", RAW(OK "Content-Length: 1, 1\r\n" END "x"), NULL},
    {BAD, "bad length", RAW(OK "Content-Length: -1\r\n" END), NULL},
    {BAD, "empty length", RAW(OK "Content-Length: \r\n" END), NULL},
    {BAD, "large length", RAW(OK "Content-Length: 9223372036854775808\r\n" END), NULL},
    {BAD, "garbage after the answer", RAW(OK "Content-Length: 1\r\n" END "xyz\r\n\r\n"), NULL},
    {BAD, "empty line after the answer", RAW(OK "Content-Length: 0\r\n" END "\r\n"), NULL},
};

static void bodies(void **state)
{
    row_check_all(bodies_rows, nitems(bodies_rows), ROW_RESPONSE);
}

static const struct row without_body_rows[] = {
    {0, "100", RAW("HTTP/1.1 100 Continue\r\n" END OK "Content-Length: 0\r\n" END),
     "100 Continue N kb . 200 OK L0 k . |"},
    {0, "several interim", RAW("HTTP/1.1 103 x\r\nLink: </a>\r\n" END "HTTP/1.1 102\r\n" END OK END),
     "103 x N kb . 102 N kb . 200 OK X  . "},
    {0, "100 with a length", RAW("HTTP/1.1 100 x\r\nContent-Length: 5\r\n" END OK END),
     "100 x N kb . 200 OK X  . "},
    {0, "101 and raw bytes",
     RAW("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" END
         "\x81\x02HTTP/1.1 200\r\n\r\n"),
     "101 x N kub \"\x81\x02HTTP/1.1 200\r\n\r\n\" . "},
    {BAD, "101 without Upgrade", RAW("HTTP/1.1 101 x\r\nConnection: upgrade\r\n" END "x"), NULL},
    {BAD, "101 that Connection does not name", RAW("HTTP/1.1 101 x\r\nUpgrade: websocket\r\n" END "x"), NULL},
    {BAD, "101 in HTTP/1.0", RAW("HTTP/1.0 101 x\r\nConnection: upgrade\r\nUpgrade: x\r\n" END), NULL},
    {0, "204", RAW("HTTP/1.1 204 x\r\n" END OK END), "204 x N kb . 200 OK X  . "},
    {0, "204 with a length", RAW("HTTP/1.1 204 x\r\nContent-Length: 5\r\n" END OK END),
     "204 x N kb . 200 OK X  . "},
    {0, "204 that closes", RAW("HTTP/1.1 204 x\r\nConnection: close\r\n" END), "204 x N b . |"},
    {0, "204 in HTTP/1.0", RAW("HTTP/1.0 204 x\r\n" END), "204 x N b0 . |"},
    {BAD, "204 with chunks that it must not have", RAW("HTTP/1.1 204 x\r\n" CHUNKED END LAST), NULL},
    {0, "304", RAW("HTTP/1.1 304 x\r\n" END OK END), "304 x N kb . 200 OK X  . "},
    {0, "304 with a length", RAW("HTTP/1.1 304 x\r\nContent-Length: 5\r\n" END OK END),
     "304 x L5 kb . 200 OK X  . "},
    {0, "304 with a coding", RAW("HTTP/1.1 304 x\r\n" CHUNKED END OK END), "304 x C kb . 200 OK X  . "},
    {BAD, "204 with a bad length", RAW("HTTP/1.1 204 x\r\nContent-Length: x\r\n" END), NULL},
    {BAD, "304 with both", RAW("HTTP/1.1 304 x\r\nContent-Length: 1\r\n" CHUNKED END), NULL},
};

static const struct row to_head_rows[] = {
    {0, "length", RAW(OK "Content-Length: 5\r\n" END), "200 OK L5 kb . |"},
    {0, "chunked", RAW(OK CHUNKED END), "200 OK C kb . |"},
    {0, "neither", RAW(OK END), "200 OK N kb . |"},
    {0, "404", RAW("HTTP/1.1 404\r\nContent-Length: 5\r\n" END), "404 L5 kb . |"},
    {0, "100 before", RAW("HTTP/1.1 100\r\n" END OK END), "100 N kb . 200 OK N kb . |"},
    {BAD, "a body in spite of HEAD", RAW(OK "Content-Length: 5\r\n" END "hello\r\n\r\n"), NULL},
};

static void without_body(void **state)
{
    row_check_all(without_body_rows, nitems(without_body_rows), ROW_RESPONSE);
    row_check_all(to_head_rows, nitems(to_head_rows), ROW_TO_HEAD);
}

static const struct row fields_rows[] = {
    {0, "many", RAW(OK "Content-Length: 0\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nX:\r\n" END),
     "200 OK L0 k . |"},
    {0, "Connection may name Transfer-Encoding", RAW(OK CHUNKED "Connection: Transfer-Encoding\r\n" END LAST),
     "200 OK C k . |"},
    {0, "Host means nothing", RAW(OK "Host: a/b\r\nHost: c\r\nContent-Length: 0\r\n" END), "200 OK L0 k . |"},
    {BAD, "folded", RAW(OK "X: y\r\n z\r\n" END), NULL},
    {BAD, "blank before the colon", RAW(OK "Content-Length : 0\r\n" END), NULL},
    {BAD, "blank before the name", RAW(OK " Content-Length: 0\r\n" END), NULL},
    {BAD, "no colon", RAW(OK "X\r\n" END), NULL},
    {BAD, "NUL", RAW(OK "X: \0\r\n" END), NULL},
    {BAD, "DEL", RAW(OK "X: \x7f\r\n" END), NULL},
    {BAD, "content_length", RAW(OK "content_length: 5\r\n" END), NULL},
    {BAD, "Connection with two words", RAW(OK "Connection: keep alive\r\n" END), NULL},
    {ERR_HTTP_FIELD, "LF", RAW(OK "X: y\n" END), NULL},
    {ERR_HTTP_FIELD, "CR", RAW(OK "X: y\rz: a\r\n" END), NULL},
};

static void fields(void **state)
{
    row_check_all(fields_rows, nitems(fields_rows), ROW_RESPONSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_lines),
        cmocka_unit_test(bodies),
        cmocka_unit_test(without_body),
        cmocka_unit_test(fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
