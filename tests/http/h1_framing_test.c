/* How long a request is, and what Connection says. */
#include "http/h1_rows.h"

#define GET     "GET / HTTP/1.1\r\nHost: a\r\n"
#define GET10   "GET / HTTP/1.0\r\nHost: a\r\n"
#define POST    "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define END     "\r\n"
#define LAST    "0\r\n\r\n"

static const struct row lengths_rows[] = {
    {0, "none", RAW(POST END), "POST / a N k . |"},
    {0, "zero", RAW(POST "Content-Length: 0\r\n" END), "POST / a L0 k . |"},
    {0, "some", RAW(POST "Content-Length: 5\r\n" END "hello"), "POST / a L5 k \"hello\" . |"},
    {0, "of GET", RAW(GET "Content-Length: 1\r\n" END "x"), "GET / a L1 k \"x\" . |"},
    {0, "in HTTP/1.0", RAW(GET10 "Content-Length: 1\r\n" END "x"), "GET / a L1 0 \"x\" . |"},
    {0, "leading zeros", RAW(POST "Content-Length: 0002\r\n" END "hi"), "POST / a L2 k \"hi\" . |"},
    {0, "name without case", RAW(POST "cONTENT-lENGTH: 2\r\n" END "hi"), "POST / a L2 k \"hi\" . |"},
    {ERR_CLOSED, "largest", RAW(POST "Content-Length: 9223372036854775807\r\n" END "x"),
     "POST / a L9223372036854775807 k \"x!102"},
    {ERR_CLOSED, "cut short", RAW(POST "Content-Length: 3\r\n" END "hi"), "POST / a L3 k \"hi!102"},
    {ERR_CLOSED, "cut before the first byte", RAW(POST "Content-Length: 3\r\n" END), "POST / a L3 k !102"},
    {ERR_HTTP_FRAMING, "beyond the largest", RAW(POST "Content-Length: 9223372036854775808\r\n" END), NULL},
    {ERR_HTTP_FRAMING, "64 bits", RAW(POST "Content-Length: 18446744073709551617\r\n" END "x"), NULL},
    {ERR_HTTP_FRAMING, "too many digits", RAW(POST "Content-Length: 00000000000000000001\r\n" END "x"), NULL},
    {ERR_HTTP_FRAMING, "empty", RAW(POST "Content-Length:\r\n" END), NULL},
    {ERR_HTTP_FRAMING, "plus", RAW(POST "Content-Length: +2\r\n" END "hi"), NULL},
    {ERR_HTTP_FRAMING, "minus", RAW(POST "Content-Length: -2\r\n" END "hi"), NULL},
    {ERR_HTTP_FRAMING, "minus zero", RAW(POST "Content-Length: -0\r\n" END), NULL},
    {ERR_HTTP_FRAMING, "hexadecimal", RAW(POST "Content-Length: 0x2\r\n" END "hi"), NULL},
    {ERR_HTTP_FRAMING, "letter", RAW(POST "Content-Length: 2a\r\n" END "hi"), NULL},
    {ERR_HTTP_FRAMING, "fraction", RAW(POST "Content-Length: 2.0\r\n" END "hi"), NULL},
    {ERR_HTTP_FRAMING, "blank inside", RAW(POST "Content-Length: 1 0\r\n" END "hi"), NULL},
    {ERR_HTTP_FRAMING, "underscore", RAW(POST "Content-Length: 1_0\r\n" END "hi"), NULL},
    {ERR_HTTP_FRAMING, "quoted", RAW(POST "Content-Length: \"2\"\r\n" END "hi"), NULL},
    {ERR_HTTP_FRAMING, "wide digit", RAW(POST "Content-Length: \xef\xbc\x92\r\n" END "hi"), NULL},
    {ERR_HTTP_FRAMING, "list of equals", RAW(POST "Content-Length: 2, 2\r\n" END "hi"), NULL},
    {ERR_HTTP_FRAMING, "list", RAW(POST "Content-Length: 2,3\r\n" END "hi"), NULL},
    {ERR_HTTP_FRAMING, "comma", RAW(POST "Content-Length: 2,\r\n" END "hi"), NULL},
    {ERR_HTTP_FRAMING, "two", RAW(POST "Content-Length: 2\r\nContent-Length: 3\r\n" END "hi"), NULL},
    {ERR_HTTP_FRAMING, "two equals", RAW(POST "Content-Length: 2\r\nContent-Length: 2\r\n" END "hi"), NULL},
    {ERR_HTTP_FRAMING, "two, one empty", RAW(POST "Content-Length:\r\nContent-Length: 2\r\n" END "hi"), NULL},
    {ERR_HTTP_FRAMING, "two in HTTP/1.0", RAW(GET10 "Content-Length: 0\r\ncontent-length: 0\r\n" END), NULL},
    {0, "next request after the body", RAW(POST "Content-Length: 2\r\n" END "hi" GET END),
     "POST / a L2 k \"hi\" . GET / a N k . |"},
};

static void lengths(void **state)
{
    row_check_all(lengths_rows, nitems(lengths_rows), ROW_REQUEST);
}

static const struct row codings_rows[] = {
    {0, "chunked", RAW(POST CHUNKED END LAST), "POST / a C k . |"},
    {0, "without case", RAW(POST "transfer-encoding:\tCHUNKed \r\n" END LAST), "POST / a C k . |"},
    {ERR_HTTP_FRAMING, "with a length", RAW(POST CHUNKED "Content-Length: 5\r\n" END LAST), NULL},
    {ERR_HTTP_FRAMING, "after a length", RAW(POST "Content-Length: 5\r\n" CHUNKED END LAST), NULL},
    {ERR_HTTP_FRAMING, "with a zero length", RAW(POST "Content-Length: 0\r\n" CHUNKED END LAST), NULL},
    {ERR_HTTP_FRAMING, "with a bad length", RAW(POST "Content-Length: x\r\n" CHUNKED END LAST), NULL},
    {ERR_HTTP_FRAMING, "unknown with a length", RAW(POST "Content-Length: 1\r\nTransfer-Encoding: x\r\n" END),
     NULL},
    {ERR_HTTP_FRAMING, "in HTTP/1.0", RAW(GET10 CHUNKED END LAST), NULL},
    {ERR_HTTP_FRAMING, "unknown in HTTP/1.0", RAW(GET10 "Transfer-Encoding: gzip\r\n" END LAST), NULL},
    {ERR_HTTP_FRAMING, "two fields", RAW(POST CHUNKED CHUNKED END LAST), NULL},
    {ERR_HTTP_FRAMING, "two fields, identity", RAW(POST CHUNKED "Transfer-Encoding: identity\r\n" END LAST),
     NULL},
    {ERR_HTTP_FRAMING, "two fields, gzip first", RAW(POST "Transfer-Encoding: gzip\r\n" CHUNKED END LAST),
     NULL},
    {ERR_HTTP_FRAMING, "twice", RAW(POST "Transfer-Encoding: chunked, chunked\r\n" END LAST), NULL},
    {ERR_HTTP_FRAMING, "not the last", RAW(POST "Transfer-Encoding: chunked, gzip\r\n" END LAST), NULL},
    {0, "blank and tab behind", RAW(POST "Transfer-Encoding: chunked \t\r\n" END LAST), "POST / a C k . |"},
    {ERR_HTTP_FRAMING, "semicolon behind", RAW(POST "Transfer-Encoding: chunked;\r\n" END LAST), NULL},
    {ERR_HTTP_FRAMING, "tab inside a list", RAW(POST "Transfer-Encoding: chunked\t,\tchunked\r\n" END LAST),
     NULL},
    {ERR_HTTP_FRAMING, "identity behind", RAW(POST "Transfer-Encoding: chunked, identity\r\n" END LAST),
     NULL},
    {ERR_HTTP_FRAMING, "comma in quotes", RAW(POST "Transfer-Encoding: \"x,chunked\"\r\n" END LAST), NULL},
    {ERR_HTTP_FRAMING, "with a parameter", RAW(POST "Transfer-Encoding: chunked;q=1\r\n" END LAST), NULL},
    {ERR_HTTP_FRAMING, "empty", RAW(POST "Transfer-Encoding:\r\n" END LAST), NULL},
    {ERR_HTTP_FRAMING, "comma before", RAW(POST "Transfer-Encoding: ,chunked\r\n" END LAST), NULL},
    {ERR_HTTP_FRAMING, "comma after", RAW(POST "Transfer-Encoding: chunked,\r\n" END LAST), NULL},
    {ERR_HTTP_FRAMING, "only a comma", RAW(POST "Transfer-Encoding: ,\r\n" END LAST), NULL},
    {ERR_HTTP_FRAMING, "quoted", RAW(POST "Transfer-Encoding: \"chunked\"\r\n" END LAST), NULL},
    {ERR_HTTP_FRAMING, "in two words", RAW(POST "Transfer-Encoding: chun ked\r\n" END LAST), NULL},
    {ERR_HTTP_FRAMING, "and a word", RAW(POST "Transfer-Encoding: chunked x\r\n" END LAST), NULL},
    {ERR_HTTP_FRAMING, "no-break space",
     RAW(POST "Transfer-Encoding: \xa0"
              "chunked\r\n" END LAST),
     NULL},
    {ERR_HTTP_FIELD, "vertical tab", RAW(POST "Transfer-Encoding: \vchunked\r\n" END LAST), NULL},
    {ERR_HTTP_FIELD, "NUL", RAW(POST "Transfer-Encoding: chunked\0\r\n" END LAST), NULL},
    {ERR_HTTP_FIELD, "folded", RAW(POST "Transfer-Encoding:\r\n chunked\r\n" END LAST), NULL},
    {ERR_HTTP_FIELD, "blank before the colon", RAW(POST "Transfer-Encoding : chunked\r\n" END LAST), NULL},
    {ERR_HTTP_FIELD, "blank before the name", RAW(POST " Transfer-Encoding: chunked\r\n" END LAST), NULL},
    {ERR_HTTP_CODING, "gzip", RAW(POST "Transfer-Encoding: gzip\r\n" END), NULL},
    {ERR_HTTP_CODING, "gzip and chunked", RAW(POST "Transfer-Encoding: gzip, chunked\r\n" END LAST), NULL},
    {ERR_HTTP_CODING, "gzip with a parameter", RAW(POST "Transfer-Encoding: gzip;q=1, chunked\r\n" END LAST),
     NULL},
    {ERR_HTTP_CODING, "identity", RAW(POST "Transfer-Encoding: identity\r\n" END), NULL},
    {ERR_HTTP_CODING, "identity and chunked", RAW(POST "Transfer-Encoding: identity, chunked\r\n" END LAST),
     NULL},
    {ERR_HTTP_CODING, "xchunked", RAW(POST "Transfer-Encoding: xchunked\r\n" END LAST), NULL},
    {ERR_HTTP_CODING, "chunke", RAW(POST "Transfer-Encoding: chunke\r\n" END LAST), NULL},
};

static void codings(void **state)
{
    row_check_all(codings_rows, nitems(codings_rows), ROW_REQUEST);
}

/* Names for Connection. */
#define N8  "a,a,a,a,a,a,a,a"
#define N32 N8 "," N8 "," N8 "," N8

static const struct row connections_rows[] = {
    {0, "1.1 stays", RAW(GET END), "GET / a N k . |"},
    {0, "1.1 close", RAW(GET "Connection: close\r\n" END), "GET / a N  . |"},
    {0, "1.1 close in a list", RAW(GET "Connection: x, CLOSE\r\n" END), "GET / a N  . |"},
    {0, "1.1 close in a second field", RAW(GET "Connection: x\r\nConnection: close\r\n" END),
     "GET / a N  . |"},
    {0, "1.1 keep-alive", RAW(GET "Connection: keep-alive\r\n" END), "GET / a N k . |"},
    {0, "close wins", RAW(GET "Connection: close, keep-alive\r\n" END), "GET / a N  . |"},
    {0, "1.0 closes", RAW(GET10 END), "GET / a N 0 . |"},
    {0, "1.0 keep-alive", RAW(GET10 "Connection: Keep-Alive\r\n" END), "GET / a N k0 . |"},
    {0, "1.0 close wins", RAW(GET10 "Connection: keep-alive, close\r\n" END), "GET / a N 0 . |"},
    {0, "Proxy-Connection says nothing", RAW(GET10 "Proxy-Connection: keep-alive\r\n" END),
     "GET / a N 0 . |"},
    {0, "empty elements", RAW(GET "Connection: ,, close ,\r\n" END), "GET / a N  . |"},
    {0, "empty", RAW(GET "Connection:\r\n" END), "GET / a N k . |"},
    {0, "closed is not close", RAW(GET "Connection: closed\r\n" END), "GET / a N k . |"},
    {0, "names a field of its own", RAW(GET "Connection: X-Hop, TE\r\nX-Hop: 1\r\nTE: trailers\r\n" END),
     NULL},
    {0, "names X-Forwarded-For: removed before edge adds its own",
     RAW(GET "Connection: X-Forwarded-For\r\n" END), NULL},
    {0, "sixty-four names", RAW(GET "Connection: " N32 "," N32 "\r\n" END), "GET / a N k . |"},
    {ERR_HTTP_FIELDS_LARGE, "one more", RAW(GET "Connection: " N32 "," N32 ",x\r\n" END), NULL},
    {ERR_HTTP_FIELDS_LARGE, "one more in a second field",
     RAW(GET "Connection: " N32 "," N32 "\r\nConnection: x\r\n" END), NULL},
    {ERR_HTTP_CONNECTION, "two words", RAW(GET "Connection: keep alive\r\n" END), NULL},
    {ERR_HTTP_CONNECTION, "quoted", RAW(GET "Connection: \"close\"\r\n" END), NULL},
    {ERR_HTTP_CONNECTION, "parameter", RAW(GET "Connection: close;x\r\n" END), NULL},
    {ERR_HTTP_CONNECTION, "not ASCII", RAW(GET "Connection: \xe9\r\n" END), NULL},
    {ERR_HTTP_CONNECTION, "names Host", RAW(GET "Connection: host\r\n" END), NULL},
    {ERR_HTTP_CONNECTION, "names Cookie", RAW(GET "Connection: close, Cookie\r\n" END), NULL},
    {ERR_HTTP_CONNECTION, "names Authorization", RAW(GET "Connection: AUTHORIZATION\r\n" END), NULL},
    {ERR_HTTP_CONNECTION, "names Content-Length",
     RAW(POST "Connection: Content-Length\r\nContent-Length: 2\r\n" END "hi"), NULL},
    {ERR_HTTP_CONNECTION, "names Content_Length", RAW(GET "Connection: Content_Length\r\n" END), NULL},
    {ERR_HTTP_CONNECTION, "names Transfer-Encoding",
     RAW(POST CHUNKED "Connection: transfer-encoding\r\n" END LAST), NULL},
    {ERR_HTTP_CONNECTION, "names Host in a second field",
     RAW(GET "Connection: close\r\nX: y\r\nConnection: Host\r\n" END), NULL},
    {ERR_HTTP_CONNECTION, "in HTTP/1.0 too", RAW(GET10 "Connection: Host\r\n" END), NULL},
    {0, "upgrade", RAW(GET "Connection: Upgrade\r\nUpgrade: websocket\r\n" END), "GET / a N ku . |"},
    {0, "upgrade in a list", RAW(GET "Connection: keep-alive, upgrade\r\nUpgrade: websocket\r\n" END),
     "GET / a N ku . |"},
    {0, "Upgrade that Connection does not name", RAW(GET "Upgrade: websocket\r\n" END), "GET / a N k . |"},
    {0, "upgrade without the field", RAW(GET "Connection: upgrade\r\n" END), "GET / a N k . |"},
    {0, "upgrade in HTTP/1.0", RAW(GET10 "Connection: upgrade\r\nUpgrade: websocket\r\n" END),
     "GET / a N 0 . |"},
    {0, "Expect", RAW(POST "Expect: 100-Continue\r\nContent-Length: 1\r\n" END "x"),
     "POST / a L1 ke \"x\" . |"},
    {0, "Expect in HTTP/1.0", RAW(GET10 "Expect: 100-continue\r\n" END), "GET / a N 0 . |"},
    {0, "another expectation passes", RAW(GET "Expect: 200-ok\r\n" END), "GET / a N k . |"},
};

static void connections(void **state)
{
    row_check_all(connections_rows, nitems(connections_rows), ROW_REQUEST);
}

static const struct row chunks_rows[] = {
    {0, "one", RAW(POST CHUNKED END "5\r\nhello\r\n" LAST), "POST / a C k \"hello\" . |"},
    {0, "several", RAW(POST CHUNKED END "1\r\na\r\n2\r\nbc\r\n00a\r\n0123456789\r\n" LAST),
     "POST / a C k \"abc0123456789\" . |"},
    {0, "case of digits", RAW(POST CHUNKED END "A\r\n0123456789\r\nb\r\n0123456789x\r\n" LAST), NULL},
    {0, "data like a chunk", RAW(POST CHUNKED END "5\r\n0\r\n\r\n\r\n" LAST), NULL},
    {0, "sixteen digits", RAW(POST CHUNKED END "0000000000000001\r\nx\r\n" LAST), "POST / a C k \"x\" . |"},
    {0, "last of sixteen zeros", RAW(POST CHUNKED END "0000000000000000\r\n\r\n"), "POST / a C k . |"},
    {0, "next request", RAW(POST CHUNKED END LAST GET END), "POST / a C k . GET / a N k . |"},
    {ERR_CLOSED, "largest", RAW(POST CHUNKED END "7fffffffffffffff\r\nx"), "POST / a C k \"x!102"},
    {ERR_HTTP_CHUNK, "beyond the largest", RAW(POST CHUNKED END "8000000000000000\r\nx"), NULL},
    {ERR_HTTP_CHUNK, "all ones", RAW(POST CHUNKED END "ffffffffffffffff\r\nx"), NULL},
    {ERR_HTTP_CHUNK, "seventeen digits", RAW(POST CHUNKED END "00000000000000001\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "no size", RAW(POST CHUNKED END "\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "no digit", RAW(POST CHUNKED END "g\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "0x", RAW(POST CHUNKED END "0x1\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "plus", RAW(POST CHUNKED END "+1\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "minus", RAW(POST CHUNKED END "-1\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "underscore", RAW(POST CHUNKED END "1_0\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "blank before", RAW(POST CHUNKED END " 1\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "blank after", RAW(POST CHUNKED END "1 \r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "tab after", RAW(POST CHUNKED END "1\t\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "NUL after", RAW(POST CHUNKED END "1\0\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "LF after the size", RAW(POST CHUNKED END "1\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "CR after the size", RAW(POST CHUNKED END "1\rx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "CR CR LF after the size", RAW(POST CHUNKED END "1\r\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "data too long", RAW(POST CHUNKED END "1\r\nxy\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "data too short", RAW(POST CHUNKED END "3\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "LF after the data", RAW(POST CHUNKED END "1\r\nx\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "CR after the data", RAW(POST CHUNKED END "1\r\nx\r0\r\n\r\n"), NULL},
    {ERR_HTTP_CHUNK, "nothing after the data", RAW(POST CHUNKED END "1\r\nx" LAST), NULL},
    {ERR_CLOSED, "cut after the size", RAW(POST CHUNKED END "1"), NULL},
    {ERR_CLOSED, "cut after the data", RAW(POST CHUNKED END "1\r\nx"), NULL},
    {ERR_CLOSED, "cut before the last chunk", RAW(POST CHUNKED END "1\r\nx\r\n"), NULL},
    {ERR_CLOSED, "cut after the last chunk", RAW(POST CHUNKED END "0\r\n"), NULL},
    {ERR_CLOSED, "cut before the last LF", RAW(POST CHUNKED END "0\r\n\r"), NULL},
};

static void chunks(void **state)
{
    row_check_all(chunks_rows, nitems(chunks_rows), ROW_REQUEST);
}

static const struct row extensions_rows[] = {
    {0, "name", RAW(POST CHUNKED END "1;a\r\nx\r\n" LAST), "POST / a C k \"x\" . |"},
    {0, "token", RAW(POST CHUNKED END "1;a=b\r\nx\r\n" LAST), "POST / a C k \"x\" . |"},
    {0, "quoted", RAW(POST CHUNKED END "1;a=\"b;c\t\xe9\"\r\nx\r\n" LAST), "POST / a C k \"x\" . |"},
    {0, "quoted and empty", RAW(POST CHUNKED END "1;a=\"\"\r\nx\r\n" LAST), "POST / a C k \"x\" . |"},
    {0, "escaped", RAW(POST CHUNKED END "1;a=\"\\\"\\\\\"\r\nx\r\n" LAST), "POST / a C k \"x\" . |"},
    {0, "several", RAW(POST CHUNKED END "1;a;b=c;d=\"e\";f\r\nx\r\n" LAST), "POST / a C k \"x\" . |"},
    {0, "of the last chunk", RAW(POST CHUNKED END "0;a=b\r\n\r\n"), "POST / a C k . |"},
    {ERR_HTTP_CHUNK, "no name", RAW(POST CHUNKED END "1;\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "no second name", RAW(POST CHUNKED END "1;a;\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "two semicolons", RAW(POST CHUNKED END "1;;a\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "no name but a value", RAW(POST CHUNKED END "1;=b\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "no value", RAW(POST CHUNKED END "1;a=\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "two values", RAW(POST CHUNKED END "1;a=b=c\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "not a token", RAW(POST CHUNKED END "1;a@b\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "value not a token", RAW(POST CHUNKED END "1;a=b@\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "quote not closed", RAW(POST CHUNKED END "1;a=\"b\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "escape not closed", RAW(POST CHUNKED END "1;a=\"b\\\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "LF in quotes", RAW(POST CHUNKED END "1;a=\"\n\"\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "escaped control", RAW(POST CHUNKED END "1;a=\"\\\x01\"\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "text after quotes", RAW(POST CHUNKED END "1;a=\"b\"c\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "quote inside a token", RAW(POST CHUNKED END "1;a=b\"\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "blank before", RAW(POST CHUNKED END "1 ;a\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "blank after", RAW(POST CHUNKED END "1; a\r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "blank at the end", RAW(POST CHUNKED END "1;a \r\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "LF at the end", RAW(POST CHUNKED END "1;a\nx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "CR at the end", RAW(POST CHUNKED END "1;a\rx\r\n" LAST), NULL},
    {ERR_HTTP_CHUNK, "without a size", RAW(POST CHUNKED END ";a\r\nx\r\n" LAST), NULL},
};

static void extensions(void **state)
{
    row_check_all(extensions_rows, nitems(extensions_rows), ROW_REQUEST);
}

static const struct row trailers_rows[] = {
    {0, "one", RAW(POST CHUNKED END "0\r\nX: y\r\n\r\n"), "POST / a C k . |"},
    {0, "and the next request", RAW(POST CHUNKED END "1\r\nx\r\n0\r\nX: y\r\nZ:\r\n\r\n" GET END),
     "POST / a C k \"x\" . GET / a N k . |"},
    {0, "dropped ones", RAW(POST CHUNKED END "0\r\nHost: b\r\nContent-Length: 5\r\n\r\n"), NULL},
    {ERR_HTTP_CHUNK, "no colon", RAW(POST CHUNKED END "0\r\nX\r\n\r\n"), NULL},
    {ERR_HTTP_CHUNK, "folded", RAW(POST CHUNKED END "0\r\nX: y\r\n z\r\n\r\n"), NULL},
    {ERR_HTTP_CHUNK, "blank before the colon", RAW(POST CHUNKED END "0\r\nX : y\r\n\r\n"), NULL},
    {ERR_HTTP_CHUNK, "control", RAW(POST CHUNKED END "0\r\nX: \x01\r\n\r\n"), NULL},
    {ERR_HTTP_CHUNK, "LF", RAW(POST CHUNKED END "0\r\nX: y\n\r\n"), NULL},
    {ERR_HTTP_CHUNK, "LF for the empty line", RAW(POST CHUNKED END "0\r\n\n"), NULL},
    {ERR_HTTP_CHUNK, "CR", RAW(POST CHUNKED END "0\r\nX: y\rZ: z\r\n\r\n"), NULL},
    {ERR_HTTP_CHUNK, "content_length", RAW(POST CHUNKED END "0\r\ncontent_length: 1\r\n\r\n"), NULL},
    {ERR_HTTP_CHUNK, "a request", RAW(POST CHUNKED END "0\r\n" GET END), NULL},
    {ERR_CLOSED, "cut", RAW(POST CHUNKED END "0\r\nX: y\r\n"), NULL},
};

static void trailers(void **state)
{
    row_check_all(trailers_rows, nitems(trailers_rows), ROW_REQUEST);
}

static const struct row pipelines_rows[] = {
    {0, "three", RAW(GET END POST "Content-Length: 2\r\n" END "hi" POST CHUNKED END "1\r\nx\r\n" LAST),
     "GET / a N k . POST / a L2 k \"hi\" . POST / a C k \"x\" . |"},
    {ERR_HTTP_SYNTAX, "garbage between", RAW(GET END "x\r\n" GET END), "GET / a N k . !301"},
    {ERR_HTTP_VERSION, "body beyond its length", RAW(POST "Content-Length: 1\r\n" END "xGET /\r\n" END),
     NULL},
    {ERR_HTTP_HOST, "second one bad", RAW(GET END "GET / HTTP/1.1\r\n" END GET END), "GET / a N k . !307"},
    {ERR_CLOSED, "second one cut", RAW(GET END "GET"), "GET / a N k . !102"},
};

static void pipelines(void **state)
{
    row_check_all(pipelines_rows, nitems(pipelines_rows), ROW_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths),   cmocka_unit_test(codings),    cmocka_unit_test(connections),
        cmocka_unit_test(chunks),    cmocka_unit_test(extensions), cmocka_unit_test(trailers),
        cmocka_unit_test(pipelines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
