/*
 * The examples of the users' contract: each of them either works, or is refused with "not supported yet" and
 * for no other reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_cases.h"

static const char *const blocks[] = {
    "email you@example.org                     # optional ACME contact\n",

    "immich.example.org {\n    proxy 192.168.4.4:2283\n}\n",

    "photos.example.com, www.photos.example.com {\n    proxy http://127.0.0.1:2342\n"
    "    hsts  max-age=31536000; includeSubDomains\n"
    "    auth  except /s/* /api/v1/ws          # basic auth by `edge adduser`, these paths open\n}\n",

    "live.example.org {\n    proxy 10.0.0.7:8080 10.0.0.8:8080 {   # several backends\n"
    "        balance least_connections         # or round_robin (default), source\n"
    "        check   GET /api/status every 10s # without arguments: a TCP connect; a backend that fails is left out\n"
    "    }\n    timeout tunnel 6h\n}\n",

    "old-immich.example.org {\n    route /api/* strip /api proxy 127.0.0.1:3001   # first match wins; strip takes the prefix off\n"
    "    route *      proxy 127.0.0.1:3000\n}\n",

    "nas.example.org {\n    passthrough 10.0.0.5:443 {            # by SNI, TLS not terminated\n        proxy_protocol v2\n    }\n}\n",

    "www.example.org { redirect https://example.org 301 }\n",

    "intra.home.arpa {\n    proxy https://10.0.0.9:8443 {\n"
    "        tls insecure                      # or: tls verify (default), tls CA-FILE\n    }\n    tls internal\n}\n",

    "shop.example.org {\n    proxy unix:/run/shop.sock\n"
    "    tls   /etc/ssl/shop.pem /etc/ssl/shop.key      # or one PEM file with both\n}\n",

    "* { respond 404 }                         # what no site matches; this is the default\n",

    "acme {\n    directory letsencrypt          # letsencrypt (default), letsencrypt-staging, zerossl, google, or a URL\n"
    "    ca_file   FILE                 # trust this root for the CA's own HTTPS; default the system's bundle\n"
    "    profile   tlsserver            # only if the directory lists it\n    eab       KEY-ID HMAC-KEY\n"
    "    fallback  zerossl              # tried after the first CA failed for 12 h\n}\n",

    "acme {\n    directory letsencrypt          # letsencrypt (default), letsencrypt-staging, zerossl, google, or a URL\n"
    "    ca_file   FILE                 # trust this root for the CA's own HTTPS; default the system's bundle\n}\n",
    "* { passthrough 10.0.0.5:443 {\n} }\n",
    "https :443 proxy_protocol\n",
    "proxy_protocol from 10.0.0.0/8 192.168.0.0/16\n",
    "log access combined syslog daemon\n",
    "a.test { tls off\nproxy 127.0.0.1:80\nauth only /admin/* }\n",
    "a.test { tls off\nproxy 127.0.0.1:80\nauth }\n",
    "a.test { tls off\nproxy 127.0.0.1:80\nheader request remove X-Y }\n",
};

static void check_errors(const char *text)
{
    char errors[4096];
    (void)strncpy(errors, case_errors(str_of(text)), sizeof errors - 1);
    errors[sizeof errors - 1] = '\0';
    struct str rest = str_of(errors);
    while (rest.n > 0) {
        struct str line = str_take(rest, str_find(rest, '\n'));
        if (!memmem(line.p, line.n, "not supported yet", 17))
            fail_msg("%s\n%s", text, errors);
        rest = str_skip(rest, line.n + 1);
    }
}

static void each_alone(void **state)
{
    for (size_t i = 0; i < nitems(blocks); i++)
        check_errors(blocks[i]);
}

static void all_in_one_file(void **state)
{
    struct buf text = {0};
    for (size_t i = 0; i < 11; i++) /* behind them come variants */
        assert_true(buf_add_str(&text, str_of(blocks[i])));
    assert_true(buf_add(&text, "", 1));
    check_errors((const char *)buf_data(&text));
    buf_done(&text);
}

static void those_that_work(void **state)
{
    static const size_t works[] = {0, 1, 3, 4, 5, 6, 7, 8, 9, 11, 12};
    for (size_t i = 0; i < nitems(works); i++)
        snapshot_free(case_parse(blocks[works[i]]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_alone),
        cmocka_unit_test(all_in_one_file),
        cmocka_unit_test(those_that_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
