/* What a backend receives, and what of its answer comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/h1_read.h"
#include "proxy/forward.h"

struct row {
    const char *name;
    const char *fields; /* of the request, behind Host */
    const char *passed; /* of them toward the backend: `Name: value|Name: value` */
};

static const struct row rows[] = {
    {"end-to-end fields keep order, case and repetition", "B: 1\r\na: 2\r\nB: 3\r\nCookie: c\r\n",
     "B: 1|a: 2|B: 3|Cookie: c|"},
    {"hop-by-hop fields go", "Connection: close\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\n",
     ""},
    {"what Connection names goes", "Connection: X-Private, close\r\nX-Private: 1\r\nX-Public: 2\r\n",
     "X-Public: 2|"},
    {"framing is the writer's", "Content-Length: 3\r\nContent-Type: a/b\r\n", "Content-Type: a/b|"},
    {"forged addresses go", "X-Forwarded-For: 1.2.3.4\r\nx-real-ip: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\n",
     ""},
    {"forged scheme, host and port go",
     "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-FORWARDED-PORT: 1\r\nX-Forwarded-Server: x\r\n",
     ""},
    {"rewrites go", "X-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\n", ""},
    {"underscores are no way round", "X_Forwarded_For: 1\r\nX-Forwarded_Proto: https\r\nX_Real_IP: 2\r\n",
     ""},
    {"more underscores", "X_ORIGINAL_URL: /\r\nx_rewrite-url: /\r\nX_Forwarded_Anything: 1\r\n", ""},
    {"nor is any other character",
     "X.Forwarded.For: 1\r\nX~Real~IP: 2\r\nX-Forwarded.Proto: https\r\nx*rewrite+url: /\r\n", ""},
    {"names that only look alike stay", "X-Forwarded: 1\r\nX-Real-IPs: 2\r\nX-Original-URLs: 3\r\n",
     "X-Forwarded: 1|X-Real-IPs: 2|X-Original-URLs: 3|"},
    {"websocket", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n",
     "Sec-WebSocket-Key: k|Upgrade: websocket|"},
    {"Upgrade without Connection is no upgrade", "Upgrade: websocket\r\n", ""},
    {"h2c is never asked for",
     "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", ""},
    {"spelled otherwise: h2c is never asked for",
     "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2+Settings: AAMAAABkAAQAAP__\r\n", ""},
    {"nor TLS or HTTP", "Connection: upgrade\r\nUpgrade: TLS/1.0, HTTP/2.0, H2C\r\n", ""},
    {"nor HTTP/2 by a name of its drafts, or with more around it",
     "Connection: upgrade\r\nUpgrade: h2c-14, h2, \"h2c\", h2c;q=1, h2c/2, h2c x, HTTP/3, tls\r\n", ""},
    {"nor what is no protocol", "Connection: upgrade\r\nUpgrade: /, a/, /b, a/b/c, caf\xe9\r\n", ""},
    {"in two fields", "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c,tcp\r\n",
     "Upgrade: websocket, tcp|"},
    {"other protocols", "Connection: upgrade\r\nUpgrade: SPDY/3.1,tcp\r\n", "Upgrade: SPDY/3.1, tcp|"},
    {"a request with a body is no upgrade",
     "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n", ""},
    {"nor one in chunks", "Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n", ""},
    {"a body of nothing is none", "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n",
     "Upgrade: websocket|"},
    {"what else is in the list is", "Connection: upgrade\r\nUpgrade: h2c, websocket\r\n",
     "Upgrade: websocket|"},
    {"Connection cannot take away what edge adds",
     "Connection: X-Real-IP, X-Forwarded-For, X-Forwarded-Proto\r\n", ""},
    {"nor by several fields", "Connection: close\r\nX-A: 1\r\nConnection: X-A,,X-B\r\nX-B: 2\r\nX-C: 3\r\n",
     "X-C: 3|"},
    {"other expectations are the backend's to judge", "Expect: 200-ok\r\n", "Expect: 200-ok|"},
    {"Expect passes", "Expect: 100-continue\r\nContent-Length: 3\r\n", "Expect: 100-continue|"},
    {"WebDAV's destination gets the backend's scheme", "Destination: https://photos.example/a%20b?c\r\n",
     "Destination: http://photos.example/a%20b?c|"},
    {"a destination without a path too", "Destination: HTTPS://Photos.Example\r\n",
     "Destination: http://Photos.Example|"},
    {"someone else's destination stays", "Destination: https://other.example/a\r\n",
     "Destination: https://other.example/a|"},
    {"a longer name is someone else's", "Destination: https://photos.example.org/a\r\n",
     "Destination: https://photos.example.org/a|"},
    {"a relative destination stays", "Destination: /a\r\n", "Destination: /a|"},
    {"Authorization passes", "Authorization: Bearer x\r\n", "Authorization: Bearer x|"},
};

static const char edge_fields[] = "X-Real-IP: 192.0.2.7|X-Forwarded-For: 192.0.2.7|X-Forwarded-Proto: https|"
                                  "X-Forwarded-Host: Photos.Example|X-Forwarded-Port: 8443|";

static void init_exchange(struct exchange *x, struct str text)
{
    *x = (struct exchange){.peer = {.tls = true}};
    assert_true(endpoint_parse(STR("192.0.2.7:5000"), &x->peer.client));
    assert_true(endpoint_parse(STR("192.0.2.1:8443"), &x->peer.local));
    assert_int_equal(h1_parse_request(arena_dup(&x->mem, text), &x->req, &x->mem), ERR_NONE);
}

static struct str list_fields(struct arena *mem, const struct head *h)
{
    struct str all = {"", 0};
    for (size_t i = 0; i < h->n_fields; i++)
        all = arena_printf(mem, "%.*s%.*s: %.*s|", STR_ARG(all), STR_ARG(h->fields[i].name),
                           STR_ARG(h->fields[i].value));
    return all;
}

static void fields_toward_the_backend(void **state)
{
    struct str name = STR("photos.example");
    struct site site = {.names = &name, .n_names = 1};
    struct upstream upstream = {0};
    for (size_t i = 0; i < nitems(rows); i++) {
        struct exchange x;
        struct head out = {0};
        struct buf request = {0};
        buf_printf(&request, "GET /p?q HTTP/1.1\r\nHost: Photos.Example\r\n%s\r\n", rows[i].fields);
        init_exchange(&x, buf_str(&request));
        assert_int_equal(forward_request(&x, &site, &upstream, STR(""), &out), ERR_NONE);
        struct str wanted = arena_printf(&x.mem, "Host: Photos.Example|%s%s", rows[i].passed, edge_fields);
        struct str got = list_fields(&x.mem, &out);
        if (!str_eq(got, wanted))
            fail_msg("%s:\n%.*s\nwanted\n%.*s", rows[i].name, STR_ARG(got), STR_ARG(wanted));
        assert_int_equal(out.upgrade, head_find(&out, STR("Upgrade")) != NULL);
        assert_true(str_eq(out.path, STR("/p?q")));
        arena_done(&x.mem);
        buf_done(&request);
    }
}

struct host_row {
    const char *request, *configured, *host;
};

static const struct host_row host_rows[] = {
    {"GET / HTTP/1.1\r\nHost: a.test:8443\r\n\r\n", "", "a.test:8443"},
    {"GET http://b.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n", "", "b.test"},
    {"GET / HTTP/1.0\r\n\r\n", "", "first.test"},
    {"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "inside.test", "inside.test"},
    {"GET https://b.test:8443/ HTTP/1.0\r\n\r\n", "", "b.test:8443"},
};

static void host_toward_the_backend(void **state)
{
    struct str name = STR("first.test");
    struct site site = {.names = &name, .n_names = 1};
    for (size_t i = 0; i < nitems(host_rows); i++) {
        struct exchange x;
        struct head out = {0};
        struct upstream upstream = {.host = str_of(host_rows[i].configured)};
        struct str host;
        init_exchange(&x, str_of(host_rows[i].request));
        assert_int_equal(forward_request(&x, &site, &upstream, STR(""), &out), ERR_NONE);
        assert_true(head_single(&out, STR("Host"), &host));
        assert_true(str_eq(host, str_of(host_rows[i].host)));
        arena_done(&x.mem);
    }
}

/* A site without a name of its own, and an old client that told none. */
static void host_of_the_nameless(void **state)
{
    static const struct {
        const char *site, *sni, *host;
    } nameless[] = {{"*", "", "192.0.2.1:8443"},
                    {"*", "a.test", "a.test"},
                    {"*.test", "a.test", "a.test"},
                    {"b.test", "a.test", "b.test"}};
    for (size_t i = 0; i < nitems(nameless); i++) {
        struct str name = str_of(nameless[i].site), host;
        struct site site = {.names = &name, .n_names = 1};
        struct upstream upstream = {0};
        struct exchange x;
        struct head out = {0};
        init_exchange(&x, STR("GET / HTTP/1.0\r\n\r\n"));
        x.peer.sni = str_of(nameless[i].sni);
        assert_int_equal(forward_request(&x, &site, &upstream, STR(""), &out), ERR_NONE);
        assert_true(head_single(&out, STR("Host"), &host));
        assert_true(str_eq(host, str_of(nameless[i].host)));
        arena_done(&x.mem);
    }
}

/* It waits for nothing (RFC 9110 section 10.1.1). */
static void an_old_client_expects_nothing(void **state)
{
    struct str name = STR("a.test");
    struct site site = {.names = &name, .n_names = 1};
    struct upstream upstream = {0};
    struct exchange x;
    struct head out = {0};
    init_exchange(&x, STR("PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"));
    assert_int_equal(forward_request(&x, &site, &upstream, STR(""), &out), ERR_NONE);
    assert_null(head_find(&out, STR("Expect")));
    arena_done(&x.mem);
}

/* A head full of protocols costs about its own size, not its square. */
static void many_protocols_cost_little(void **state)
{
    struct str name = STR("a.test");
    struct site site = {.names = &name, .n_names = 1};
    struct upstream upstream = {0};
    struct exchange x;
    struct head out = {0};
    struct buf request = {0};
    buf_printf(&request, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: a");
    for (size_t i = 0; i < 30000; i++)
        assert_true(buf_add_str(&request, STR(",a")));
    assert_true(buf_add_str(&request, STR("\r\n\r\n")));
    init_exchange(&x, buf_str(&request));
    assert_int_equal(forward_request(&x, &site, &upstream, STR(""), &out), ERR_NONE);
    assert_true(out.upgrade);
    assert_true(x.mem.total < 4 * HEAD_MAX_BYTES);
    arena_done(&x.mem);
    buf_done(&request);
}

static void fields_toward_the_client(void **state)
{
    static const char answer[] =
        "HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n"
        "Set-Cookie: a\r\nUpgrade: h2c\r\nSet-Cookie: b\r\nTransfer-Encoding: chunked\r\n\r\n";
    struct arena mem = {0};
    struct head h = {0};
    assert_int_equal(h1_parse_response(STR(answer), false, &h, &mem), ERR_NONE);
    forward_response(&h, false);
    assert_true(str_eq(list_fields(&mem, &h), STR("Set-Cookie: a|Set-Cookie: b|")));
    assert_int_equal(h1_parse_response(STR(answer), false, &h, &mem), ERR_NONE);
    forward_response(&h, true);
    assert_true(str_eq(list_fields(&mem, &h), STR("Set-Cookie: a|Upgrade: h2c|Set-Cookie: b|")));
    arena_done(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_toward_the_backend),  cmocka_unit_test(host_toward_the_backend),
        cmocka_unit_test(host_of_the_nameless),       cmocka_unit_test(an_old_client_expects_nothing),
        cmocka_unit_test(many_protocols_cost_little), cmocka_unit_test(fields_toward_the_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
