/* Which site and route a request gets. The configuration is text, as a person writes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "config/parse.h"
#include "http/h1_read.h"
#include "proxy/route.h"

static const char config[] =
    "http 127.0.0.1:8080\n"
    "https 127.0.0.1:8443\n"
    "photos.test, www.photos.test {\n proxy 127.0.0.1:1\n tls a.pem a.key\n}\n"
    "api.test {\n route /api/* proxy 127.0.0.1:2\n route /x respond 410\n tls b.pem b.key\n}\n"
    "plain.test {\n proxy 127.0.0.1:3\n tls c.pem c.key\n http serve\n}\n"
    "moved.test {\n redirect https://new.test 301\n tls d.pem d.key\n http redirect 9443\n}\n"
    "*.wild.test {\n proxy 127.0.0.1:4\n tls e.pem e.key\n}\n"
    "nas.test {\n passthrough 127.0.0.1:5\n}\n"
    "* { respond 404 }\n";

static const char through[] = "http 127.0.0.1:8080\n"
                              "https 127.0.0.1:8443\n"
                              "photos.test {\n proxy 127.0.0.1:1\n tls a.pem a.key\n}\n"
                              "* { passthrough 127.0.0.1:5 }\n";

struct row {
    const char *name;
    bool tls;
    const char *sni, *request; /* the line and fields, without the last empty line */
    const char *expect;        /* `site` + ` https`, ` route N` or ` none`, or `error N` */
};

static const struct row rows[] = {
    {"by Host", true, "photos.test", "GET / HTTP/1.1\r\nHost: photos.test\r\n", "photos.test route 0"},
    {"another name of the site", true, "photos.test", "GET / HTTP/1.1\r\nHost: www.photos.test\r\n",
     "photos.test route 0"},
    {"case, port and final dot", true, "photos.test", "GET / HTTP/1.1\r\nHost: PHOTOS.Test.:8443\r\n",
     "photos.test route 0"},
    {"absolute form wins over Host", true, "photos.test",
     "GET https://photos.test/ HTTP/1.1\r\nHost: other.test\r\n", "photos.test route 0"},
    {"an https URL in plain", false, "", "GET https://plain.test/ HTTP/1.1\r\nHost: plain.test\r\n",
     "error 421"},
    {"an http URL in plain", false, "", "GET http://plain.test/ HTTP/1.1\r\nHost: photos.test\r\n",
     "plain.test route 0"},
    {"another certificate's absolute form", true, "photos.test",
     "GET https://api.test/ HTTP/1.1\r\nHost: photos.test\r\n", "error 421"},
    {"HTTP/1.0 without Host: the SNI's site", true, "photos.test", "GET / HTTP/1.0\r\n",
     "photos.test route 0"},
    {"HTTP/1.0 without Host or SNI", false, "", "GET / HTTP/1.0\r\n", "* route 0"},
    {"unknown host", false, "", "GET / HTTP/1.1\r\nHost: unknown.test\r\n", "* route 0"},
    {"plain is redirected", false, "", "GET / HTTP/1.1\r\nHost: photos.test\r\n", "photos.test https"},
    {"plain is served", false, "", "GET / HTTP/1.1\r\nHost: plain.test\r\n", "plain.test route 0"},
    {"first route that matches", true, "api.test", "GET /api/v1 HTTP/1.1\r\nHost: api.test\r\n",
     "api.test route 0"},
    {"second route", true, "api.test", "GET /x HTTP/1.1\r\nHost: api.test\r\n", "api.test route 1"},
    {"no route: the 404 that the parser adds", true, "api.test", "GET /y HTTP/1.1\r\nHost: api.test\r\n",
     "api.test route 2"},
    {"one label of a wildcard", true, "a.wild.test", "GET / HTTP/1.1\r\nHost: a.wild.test\r\n",
     "*.wild.test route 0"},
    {"two labels are not", true, "", "GET / HTTP/1.1\r\nHost: a.b.wild.test\r\n", "* route 0"},
    {"another certificate's host", true, "photos.test", "GET / HTTP/1.1\r\nHost: api.test\r\n", "error 421"},
    {"dot segments", true, "api.test", "GET /api/../x HTTP/1.1\r\nHost: api.test\r\n", "error 400"},
    {"dot segments are refused before the redirect", false, "",
     "GET /%2e%2e/ HTTP/1.1\r\nHost: photos.test\r\n", "error 400"},
    {"passthrough by plain HTTP is redirected", false, "", "GET / HTTP/1.1\r\nHost: nas.test\r\n",
     "nas.test https"},
    {"passthrough on a connection for another", true, "photos.test", "GET / HTTP/1.1\r\nHost: nas.test\r\n",
     "error 421"},
};

static const struct row through_rows[] = {
    {"any other name by plain HTTP", false, "", "GET / HTTP/1.1\r\nHost: a.test\r\n", "* https"},
    {"any other name on a connection for one", true, "photos.test", "GET / HTTP/1.1\r\nHost: a.test\r\n",
     "error 421"},
    {"no name to redirect to", false, "", "GET / HTTP/1.0\r\n", "error 400"},
    {"a site beside it", true, "photos.test", "GET / HTTP/1.1\r\nHost: photos.test\r\n",
     "photos.test route 0"},
};

static struct snapshot *snapshot_new(const char *text)
{
    struct buf errors = {0};
    struct snapshot *s = config_parse("test.conf", str_of(text), &errors);
    if (!s)
        fail_msg("%.*s", STR_ARG(buf_str(&errors)));
    buf_done(&errors);
    int id = 0;
    for (size_t i = 0; i < s->n_sites; i++)
        s->sites[i].cert_id = s->sites[i].tls == SITE_TLS_FILES ? id++ : -1;
    return s;
}

static void init_exchange(struct exchange *x, const struct row *row)
{
    *x = (struct exchange){.peer = {.tls = row->tls, .sni = str_of(row->sni)}};
    struct str text = arena_printf(&x->mem, "%s\r\n", row->request);
    assert_int_equal(h1_parse_request(text, &x->req, &x->mem), ERR_NONE);
}

static struct str describe(struct exchange *x, const struct routed *to)
{
    if (to->decision == DECIDE_ERROR)
        return arena_printf(&x->mem, "error %d", err_status(to->err));
    if (to->decision == DECIDE_HTTPS)
        return arena_printf(&x->mem, "%.*s https", STR_ARG(to->site->names[0]));
    if (!to->route)
        return arena_printf(&x->mem, "%.*s none", STR_ARG(to->site->names[0]));
    return arena_printf(&x->mem, "%.*s route %d", STR_ARG(to->site->names[0]),
                        (int)(to->route - to->site->routes));
}

static void run(const char *text, const struct row *row, size_t n)
{
    struct snapshot *s = snapshot_new(text);
    for (; n > 0; n--, row++) {
        struct exchange x;
        init_exchange(&x, row);
        struct routed to = route_request(&x, s);
        struct str got = describe(&x, &to);
        if (!str_eq(got, str_of(row->expect)))
            fail_msg("%s: %.*s, wanted %s", row->name, STR_ARG(got), row->expect);
        arena_done(&x.mem);
    }
    snapshot_free(s);
}

static void sites_and_routes(void **state)
{
    run(config, rows, nitems(rows));
}

static void any_passes_through(void **state)
{
    run(through, through_rows, nitems(through_rows));
}

struct url_row {
    const char *request, *url;
};

static const struct url_row url_rows[] = {
    {"GET /a?b=c HTTP/1.1\r\nHost: Photos.test:8080\r\n", "https://photos.test:8443/a?b=c"},
    {"OPTIONS * HTTP/1.1\r\nHost: photos.test\r\n", "https://photos.test:8443/"},
    {"GET /x HTTP/1.1\r\nHost: moved.test\r\n", "https://moved.test:9443/x"},
};

static void urls_of_the_https_version(void **state)
{
    struct snapshot *s = snapshot_new(config);
    for (size_t i = 0; i < nitems(url_rows); i++) {
        struct row row = {.sni = "", .request = url_rows[i].request};
        struct exchange x;
        init_exchange(&x, &row);
        struct routed to = route_request(&x, s);
        assert_int_equal(to.decision, DECIDE_HTTPS);
        assert_true(str_eq(route_https_url(&x, s, &to), str_of(url_rows[i].url)));
        arena_done(&x.mem);
    }
    snapshot_free(s);
}

static void urls_of_redirects(void **state)
{
    struct row row = {.sni = "", .request = "GET /a?b HTTP/1.1\r\nHost: x.test\r\n"};
    struct exchange x;
    init_exchange(&x, &row);
    assert_true(str_eq(route_redirect_url(&x, STR("https://n.test")), STR("https://n.test/a?b")));
    assert_true(str_eq(route_redirect_url(&x, STR("https://n.test/fix")), STR("https://n.test/fix")));
    assert_true(str_eq(route_redirect_url(&x, STR("https://n.test/")), STR("https://n.test/")));
    arena_done(&x.mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sites_and_routes),
        cmocka_unit_test(any_passes_through),
        cmocka_unit_test(urls_of_the_https_version),
        cmocka_unit_test(urls_of_redirects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
