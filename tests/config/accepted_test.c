/* Configurations that are accepted, and what becomes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "config/config_cases.h"

#define PORTS "http 0.0.0.0:80 pair\nhttp [::]:80 pair\nhttps 0.0.0.0:443 pair\nhttps [::]:443 pair\n"
#define ANY   "* tls auto serve; * respond 404 \n"

static void run(const struct config_case *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct snapshot *s = case_parse(rows[i].text);
        const char *dump = case_dump(s);
        if (strcmp(dump, rows[i].expected) != 0)
            fail_msg("%s:\n%s\ninstead of\n%s", rows[i].name, dump, rows[i].expected);
        snapshot_free(s);
    }
}

static const struct config_case listen_rows[] = {
    {"nothing", "", PORTS ANY},
    {"only a comment", "# x", PORTS ANY},
    {"CRLF", "http off\r\n\r\nhttps :8443\r\n", "https 0.0.0.0:8443 pair\nhttps [::]:8443 pair\n" ANY},
    {"a byte order mark", "\xef\xbb\xbfhttp off\nhttps 192.0.2.1:443", "https 192.0.2.1:443\n" ANY},
    {"lists", "http 192.0.2.1:80 [2001:db8::1]:80\nhttps 192.0.2.1:443,192.0.2.2:443 , 192.0.2.3:443",
     "http 192.0.2.1:80\nhttp [2001:db8::1]:80\nhttps 192.0.2.1:443\nhttps 192.0.2.2:443\nhttps 192.0.2.3:443\n" ANY},
    {"the same port of two addresses", "http 192.0.2.1:80 [::]:80\nhttps off",
     "http 192.0.2.1:80\nhttp [::]:80\n" ANY},
    {"https is the first list", "https :8443\nhttp :8080",
     "https 0.0.0.0:8443 pair\nhttps [::]:8443 pair\nhttp 0.0.0.0:8080 pair\nhttp [::]:8080 pair\n" ANY},
};

static void listens(void **state)
{
    run(listen_rows, nitems(listen_rows));
}

/* Without the addresses, to have less to read. */
#define OFF    "https off\nhttp 127.0.0.1:80\n"
#define OFF_IS "http 127.0.0.1:80\n"
#define ON     "http 127.0.0.1:80\nhttps 127.0.0.1:443\n"
#define ON_IS  ON

static const struct config_case site_rows[] = {
    {"no certificate needed", OFF "a.test { proxy 127.0.0.1:1 }",
     OFF_IS "a.test tls off serve; * 127.0.0.1:1 #0\n" ANY},
    {"several names", OFF "A.test, b.TEST,c.test ,\n\n  d.test. {\nproxy 127.0.0.1:1\n}",
     OFF_IS "a.test b.test c.test d.test tls off serve; * 127.0.0.1:1 #0\n" ANY},
    {"several sites in a line", OFF "a.test { proxy 127.0.0.1:1 } b.test { proxy 127.0.0.1:2 }",
     OFF_IS "a.test tls off serve; * 127.0.0.1:1 #0\nb.test tls off serve; * 127.0.0.1:2 #1\n" ANY},
    {"quoted like a directive", OFF "\"user\" { respond 200 }",
     OFF_IS "user tls off serve; * respond 200 \n" ANY},
    {"a wildcard", OFF "*.a.test { respond 200 \"hello, world\" }",
     OFF_IS "*.a.test tls off serve; * respond 200 hello, world\n" ANY},
    {"an own *", OFF "* { respond 503 }", OFF_IS "* tls auto serve; * respond 503 \n"},
    {"certificate and key", ON "a.test { tls c.pem /etc/k.pem\nproxy 127.0.0.1:1 }",
     ON_IS "a.test tls(etc/c.pem /etc/k.pem) redirect 0; * 127.0.0.1:1 #0\n" ANY},
    {"one file", ON "a.test { tls ../c.pem\nhttp redirect 8443\nproxy 127.0.0.1:1 }",
     ON_IS "a.test tls(etc/../c.pem etc/../c.pem) redirect 8443; * 127.0.0.1:1 #0\n" ANY},
    {"a certificate, and HTTP too", ON "a.test { tls c k\nhttp serve\nrespond 200 }",
     ON_IS "a.test tls(etc/c etc/k) serve; * respond 200 \n" ANY},
    {"a certificate and an answer", ON "a.test { tls c k\nrespond 200 }",
     ON_IS "a.test tls(etc/c etc/k) redirect 0; * respond 200 \n" ANY},
    {"no TLS", ON "a.test { tls off\nproxy 127.0.0.1:1 }",
     ON_IS "a.test tls off serve; * 127.0.0.1:1 #0\n" ANY},
    {"* with a certificate", ON "* { tls c k\nproxy 127.0.0.1:1 }",
     ON_IS "* tls(etc/c etc/k) redirect 0; * 127.0.0.1:1 #0\n"},
    {"* without one forwards on both ports", ON "* { proxy 127.0.0.1:1 }",
     ON_IS "* tls auto serve; * 127.0.0.1:1 #0\n"},
    {"* redirects when told to", ON "* { http redirect\nproxy 127.0.0.1:1 }",
     ON_IS "* tls auto redirect 0; * 127.0.0.1:1 #0\n"},
    {"a certificate that comes by itself", ON "a.example.org { proxy 127.0.0.1:1 }",
     ON_IS "a.example.org tls auto redirect 0; * 127.0.0.1:1 #0\n" ANY},
    {"the same in words", ON "a.example.org, b.example.org { tls auto\nproxy 127.0.0.1:1 }",
     ON_IS "a.example.org b.example.org tls auto redirect 0; * 127.0.0.1:1 #0\n" ANY},
    {"by itself, and HTTP too", ON "a.example.org { http serve\nproxy 127.0.0.1:1 }",
     ON_IS "a.example.org tls auto serve; * 127.0.0.1:1 #0\n" ANY},
    {"by itself, only an answer", ON "a.example.org { respond 200 }",
     ON_IS "a.example.org tls auto serve; * respond 200 \n" ANY},
    {"by itself, only a redirect", ON "a.example.org { redirect https://b.test }",
     ON_IS "a.example.org tls auto serve; * redirect 308 https://b.test\n" ANY},
    {"by itself, a redirect by https first", ON "a.example.org { http redirect\nredirect https://b.test }",
     ON_IS "a.example.org tls auto redirect 0; * redirect 308 https://b.test\n" ANY},
    {"by itself, a backend for some paths", ON "a.example.org { route /x proxy 127.0.0.1:1\nrespond 200 }",
     ON_IS "a.example.org tls auto redirect 0; /x 127.0.0.1:1 #0; * respond 200 \n" ANY},
    {"self-signed", ON "a.home.arpa { tls internal\nproxy 127.0.0.1:1 }",
     ON_IS "a.home.arpa tls internal redirect 0; * 127.0.0.1:1 #0\n" ANY},
    {"self-signed, only an answer", ON "nas { tls internal\nrespond 200 }",
     ON_IS "nas tls internal redirect 0; * respond 200 \n" ANY},
    {"self-signed for a wildcard", ON "*.home.arpa { tls internal\nproxy 127.0.0.1:1 }",
     ON_IS "*.home.arpa tls internal redirect 0; * 127.0.0.1:1 #0\n" ANY},
    {"self-signed, without https", OFF "a.test { tls internal\nrespond 200 }",
     OFF_IS "a.test tls off serve; * respond 200 \n" ANY},
    {"a wildcard without https", OFF "*.a.test, a.test { tls auto\nproxy 127.0.0.1:1 }",
     OFF_IS "*.a.test a.test tls off serve; * 127.0.0.1:1 #0\n" ANY},
    {"limits of a site",
     OFF "a.test { respond 200\ntimeout send 20s\ntimeout tunnel 6h }\ntimeout connect 1s\n",
     OFF_IS
     "a.test tls off serve timeouts 1000 10000 30000 75000 20000 3610000 21600000 5000 0; * respond 200 \n" ANY},
};

static void sites(void **state)
{
    run(site_rows, nitems(site_rows));
}

#define SITE(text) OFF "a.test {\n" text "\n}"
#define IS(text)   OFF_IS "a.test tls off serve; " text "\n" ANY

static const struct config_case action_rows[] = {
    {"address", SITE("proxy 192.0.2.1:8080"), IS("* 192.0.2.1:8080 #0")},
    {"IPv6", SITE("proxy [2001:db8::1]:8080"), IS("* [2001:db8::1]:8080 #0")},
    {"localhost", SITE("proxy localhost:3000"), IS("* 127.0.0.1:3000 #0")},
    {"localhost in capitals", SITE("proxy http://LocalHost:82"), IS("* 127.0.0.1:82 #0")},
    {"URL", SITE("proxy http://192.0.2.1:8080"), IS("* 192.0.2.1:8080 #0")},
    {"URL with a slash", SITE("proxy HTTP://192.0.2.1:8080/"), IS("* 192.0.2.1:8080 #0")},
    {"URL without port", SITE("proxy http://192.0.2.1"), IS("* 192.0.2.1:80 #0")},
    {"URL of IPv6 without port", SITE("proxy http://[::1]"), IS("* [::1]:80 #0")},
    {"URL of IPv6", SITE("proxy http://[::1]:81/"), IS("* [::1]:81 #0")},
    {"socket", SITE("proxy unix:/run/a.sock"), IS("* unix(/run/a.sock) #0")},
    {"socket with two slashes", SITE("proxy unix:///run/a.sock"), IS("* unix(/run/a.sock) #0")},
    {"an empty block", SITE("proxy 192.0.2.1:8080 {\n}"), IS("* 192.0.2.1:8080 #0")},
    {"an answer", SITE("respond 200"), IS("* respond 200 ")},
    {"an answer with text", SITE("respond 410 \"moved # out\""), IS("* respond 410 moved # out")},
    {"a redirect", SITE("redirect https://b.test"), IS("* redirect 308 https://b.test")},
    {"a redirect with path and code", SITE("redirect http://b.test:81/x?y 302"),
     IS("* redirect 302 http://b.test:81/x?y")},
    {"routes", SITE("route /api/* proxy 127.0.0.1:1\nroute /x respond 403 no\nproxy 127.0.0.1:2"),
     IS("/api/* 127.0.0.1:1 #0; /x respond 403 no; * 127.0.0.1:2 #1")},
    {"what is behind the routes may stand before them",
     SITE("proxy 127.0.0.1:2\nroute /api/* proxy 127.0.0.1:1"),
     IS("/api/* 127.0.0.1:1 #1; * 127.0.0.1:2 #0")},
    {"nothing behind the routes", SITE("route /old/* redirect https://b.test 301"),
     IS("/old/* redirect 301 https://b.test; * respond 404 ")},
    {"a route of all", SITE("route /a respond 200\nroute * proxy 127.0.0.1:1"),
     IS("/a respond 200 ; * 127.0.0.1:1 #0")},
    {"a route with a block", SITE("route * proxy 127.0.0.1:1 {\n}"), IS("* 127.0.0.1:1 #0")},
    {"a pattern with braces", SITE("route \"/{x}\" respond 200\nrespond 404"),
     IS("/{x} respond 200 ; * respond 404 ")},
};

static void actions(void **state)
{
    run(action_rows, nitems(action_rows));
}

#define PROXY(text) SITE("proxy 10.0.0.7:80 10.0.0.8:80 {\n" text "\n}")
#define TWO         "* 10.0.0.7:80 #0 10.0.0.8:80 #1"
#define HTTPS(text) SITE("proxy https://nas.lan {\n" text "\n}")
#define NAS         "* https nas.lan:443 #0"

static const struct config_case upstream_rows[] = {
    {"two backends", PROXY(""), IS(TWO)},
    {"three backends of all kinds", SITE("proxy 10.0.0.7:80 nas.lan:81 unix:/run/a.sock"),
     IS("* 10.0.0.7:80 #0 nas.lan:81 #1 unix(/run/a.sock) #2")},
    {"a name", SITE("proxy Nas.Lan:5000"), IS("* nas.lan:5000 #0")},
    {"a name of one part", SITE("proxy my_app:5000"), IS("* my_app:5000 #0")},
    {"a name in a URL", SITE("proxy http://nas.lan"), IS("* nas.lan:80 #0")},
    {"https", SITE("proxy https://nas.lan"), IS(NAS " verify")},
    {"https, a port and a slash", SITE("proxy HTTPS://Nas.Lan:8443/"), IS("* https nas.lan:8443 #0 verify")},
    {"https to localhost is verified as localhost", SITE("proxy https://localhost:8443"),
     IS("* https 127.0.0.1:8443 #0 verify")},
    {"two https", SITE("proxy https://a.lan https://b.lan:444"),
     IS("* https a.lan:443 #0 https b.lan:444 #1 verify")},
    {"several proxies count on", SITE("route /x proxy a.lan:1 b.lan:1\nproxy a.lan:1"),
     IS("/x a.lan:1 #0 b.lan:1 #1; * a.lan:1 #2")},
    {"a block in a line", SITE("proxy 10.0.0.7:80 10.0.0.8:80 { balance source }"), IS(TWO " source")},
    {"a block after a route", SITE("route * proxy 10.0.0.7:80 10.0.0.8:80 {\nbalance source\n}"),
     IS(TWO " source")},

    {"balance round_robin", PROXY("balance round_robin"), IS(TWO)},
    {"balance least_connections", PROXY("balance least_connections"), IS(TWO " least_connections")},
    {"check", PROXY("check"), IS(TWO " check( 10000)")},
    {"check every", PROXY("check every 500ms"), IS(TWO " check( 500)")},
    {"check GET", PROXY("check GET /health?x=1"), IS(TWO " check(/health?x=1 10000)")},
    {"check GET every", PROXY("check GET /api/status every 1m"), IS(TWO " check(/api/status 60000)")},
    {"check every GET", PROXY("check every 1m GET /"), IS(TWO " check(/ 60000)")},
    {"PROXY v1 keeps no connection", PROXY("proxy_protocol v1"), IS(TWO " header(v1) once")},
    {"PROXY v2", PROXY("proxy_protocol v2\nkeepalive off"), IS(TWO " header(v2) once")},
    {"max_connections", PROXY("max_connections 1000000"), IS(TWO " max(1000000)")},
    {"keepalive off", PROXY("keepalive off"), IS(TWO " once")},
    {"keepalive on", PROXY("keepalive on"), IS(TWO)},
    {"host", PROXY("host Shop.example.org"), IS(TWO " host(Shop.example.org)")},
    {"host with a port", PROXY("host shop.lan:8080"), IS(TWO " host(shop.lan:8080)")},
    {"host, an address", PROXY("host [2001:db8::1]"), IS(TWO " host([2001:db8::1])")},
    {"host, an address with a port", PROXY("host 192.0.2.1:81"), IS(TWO " host(192.0.2.1:81)")},

    {"tls verify", HTTPS("tls verify"), IS(NAS " verify")},
    {"tls insecure", HTTPS("tls insecure"), IS(NAS " insecure")},
    {"tls CA-FILE", HTTPS("tls root.pem"), IS(NAS " trust(etc/root.pem)")},
    {"tls CA-FILE, whole path", HTTPS("tls /etc/root"), IS(NAS " trust(/etc/root)")},
    {"tls name", HTTPS("tls name App.Lan"), IS(NAS " verify name(app.lan)")},
    {"tls insecure and a name", HTTPS("tls insecure\ntls name app.lan"), IS(NAS " insecure name(app.lan)")},
    {"tls name and a CA", HTTPS("tls name app.lan\ntls /r.pem"), IS(NAS " trust(/r.pem) name(app.lan)")},
    {"tls name, an address", HTTPS("tls name 2001:DB8::9"), IS(NAS " verify name(2001:db8::9)")},
    {"an address, not verified", SITE("proxy https://10.0.0.9:8443 {\ntls insecure\n}"),
     IS("* https 10.0.0.9:8443 #0 insecure")},
    {"an address and a name", SITE("proxy https://10.0.0.9 {\ntls name nas.lan\n}"),
     IS("* https 10.0.0.9:443 #0 verify name(nas.lan)")},

    {"strip", SITE("route /api/* strip /api proxy 127.0.0.1:1\nroute * proxy 127.0.0.1:2"),
     IS("/api/* strip(/api) 127.0.0.1:1 #0; * 127.0.0.1:2 #1")},
    {"strip with a slash behind", SITE("route /a/b/* strip /a/ respond 200"),
     IS("/a/b/* strip(/a) respond 200 ; * respond 404 ")},
    {"strip of all", SITE("route * strip /a redirect https://b.test"),
     IS("* strip(/a) redirect 308 https://b.test")},
    {"strip more than the pattern tells", SITE("route /a* strip /a/b proxy 127.0.0.1:1"),
     IS("/a* strip(/a/b) 127.0.0.1:1 #0; * respond 404 ")},
    {"strip, then a block", SITE("route /a/* strip /a proxy a.lan:1 b.lan:1 {\nbalance source\n}"),
     IS("/a/* strip(/a) a.lan:1 #0 b.lan:1 #1 source; * respond 404 ")},
};

static void upstreams(void **state)
{
    run(upstream_rows, nitems(upstream_rows));
}

/* The name that a certificate is verified with is kept beside an address that needs no look-up. */
static void localhost(void **state)
{
    struct snapshot *s = case_parse(SITE("proxy https://LOCALHOST:8443"));
    const struct backend *b = s->sites[0].routes[0].upstream->backends;
    assert_int_equal(b->kind, BACKEND_IP);
    assert_true(str_eq(b->name, STR("localhost")) && str_eq(b->text, STR("https://LOCALHOST:8443")));
    snapshot_free(s);
}

/* The certificate is the backend's, for wildcards too; plain HTTP is redirected. */
#define THROUGH(names, block) ON names " {\npassthrough " block "\n}"

static const struct config_case passthrough_rows[] = {
    {"alone", THROUGH("a.example.org", "10.0.0.5:443"),
     ON_IS "a.example.org tls off redirect 0; passthrough 10.0.0.5:443 #0; * respond 404 \n" ANY},
    {"every other name", THROUGH("*", "10.0.0.5:443 {\nproxy_protocol v2\n}"),
     ON_IS "* tls off redirect 0; passthrough 10.0.0.5:443 #0 header(v2) once; * respond 404 \n"},
    {"a wildcard, a name and a socket", THROUGH("*.lan", "nas.lan:443 unix:/run/a.sock"),
     ON_IS "*.lan tls off redirect 0; passthrough nas.lan:443 #0 unix(/run/a.sock) #1; * respond 404 \n" ANY},
    {"its options",
     THROUGH("a.lan",
             "a.lan:1 b.lan:1 {\nbalance source\ncheck every 1s\nmax_connections 5\n}\nhttp redirect 444"),
     ON_IS "a.lan tls off redirect 444; passthrough a.lan:1 #0 b.lan:1 #1 source check( 1000) max(5); "
           "* respond 404 \n" ANY},
    {"its limits", THROUGH("a.lan", "a.lan:1\ntimeout tunnel 6h"),
     ON_IS "a.lan tls off redirect 0 timeouts 5000 10000 30000 75000 600000 3610000 21600000 5000 0; "
           "passthrough a.lan:1 #0; * respond 404 \n" ANY},
    {"without HTTP", "http off\nhttps 127.0.0.1:443\na.lan { passthrough a.lan:1 }",
     "https 127.0.0.1:443\na.lan tls off redirect 0; passthrough a.lan:1 #0; * respond 404 \n" ANY},
};

static void passthroughs(void **state)
{
    run(passthrough_rows, nitems(passthrough_rows));
}

static void globals(void **state)
{
    struct snapshot *s = case_parse("email me@example.org\nuser www-data\nworkers 4\nmax_connections 1000\n"
                                    "data ../var\nrun /tmp/run\ntimeout drain 1m\n");
    assert_true(str_eq(s->email, STR("me@example.org")) && str_eq(s->user, STR("www-data")));
    assert_true(str_eq(s->data_dir, STR("etc/../var")) && str_eq(s->run_dir, STR("/tmp/run")));
    assert_int_equal(s->workers, 4);
    assert_int_equal(s->max_connections, 1000);
    assert_int_equal(s->timeouts.drain, 60000);
    snapshot_free(s);
}

#define LETSENCRYPT "https://acme-v02.api.letsencrypt.org/directory"
#define STAGING     "https://acme-staging-v02.api.letsencrypt.org/directory"

static void authorities(void **state)
{
    static const struct {
        const char *text, *directory, *ca_file;
    } rows[] = {
        {"", LETSENCRYPT, ""},
        {"acme {\n}", LETSENCRYPT, ""},
        {"acme { directory letsencrypt }", LETSENCRYPT, ""},
        {"acme { directory letsencrypt-staging }", STAGING, ""},
        {"acme {\n    directory https://ca.test\n    ca_file root.pem\n}", "https://ca.test", "etc/root.pem"},
        {"acme { ca_file /etc/root.pem }", LETSENCRYPT, "/etc/root.pem"},
        {"acme { directory https://localhost:14000/dir }", "https://localhost:14000/dir", ""},
        {"acme { directory HTTPS://Ca.Test:1/a?b=c%20 }", "HTTPS://Ca.Test:1/a?b=c%20", ""},
        {"acme { directory \"https://1.ca.test/{x}\" }", "https://1.ca.test/{x}", ""},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        struct snapshot *s = case_parse(rows[i].text);
        if (!str_eq(s->acme_directory, str_of(rows[i].directory)) ||
            !str_eq(s->acme_ca_file, str_of(rows[i].ca_file)))
            fail_msg("%s: %.*s %.*s", rows[i].text, STR_ARG(s->acme_directory), STR_ARG(s->acme_ca_file));
        snapshot_free(s);
    }
}

#define NOBODY(name) "warning: no public certificate authority issues for `" name "`; write `tls internal`"
#define CLOSED(line)                                      \
    "warning: the certificate of the site in line " line  \
    " is issued only after a look at port 80 (HTTP-01), " \
    "which `http off` closes; let `http` listen, or write `tls CERT KEY`"
#define DOES " { respond 200 }\n"
#define CIRCLE(backend)                                                                                 \
    "warning: edge itself listens on `" backend "`, so that requests would go round in circles; write " \
    "the port of the application"

/* Accepted, but not without a word. */
static const struct config_case warned_rows[] = {
    {"in the home network", "nas.home.arpa" DOES, "1:1: " NOBODY("nas.home.arpa")},
    {"one of several names", "a.example.org, A.Local" DOES, "1:16: " NOBODY("a.local")},
    {"one part", "nas" DOES, "1:1: " NOBODY("nas")},
    {"this machine", "localhost" DOES, "1:1: " NOBODY("localhost")},
    {"staging", "a.internal" DOES "acme { directory letsencrypt-staging }", "1:1: " NOBODY("a.internal")},
    {"two sites", "a.test" DOES "b.lan { tls auto\nrespond 200 }",
     "1:1: " NOBODY("a.test") "\n2:1: " NOBODY("b.lan")},
    {"a private authority", "a.test, nas, b.internal" DOES "acme { directory https://ca.test }", ""},
    {"a certificate from elsewhere", "a.test { tls c k\nrespond 200 }\nb.local { tls internal\nrespond 200 }",
     ""},
    {"no certificate", "a.test { tls off\nrespond 200 }\n* { respond 200 }", ""},
    {"no https", "https off\na.test" DOES, ""},
    {"only like a private name", "home.arpa.example.org, local.org, test.example.org, xlocal.net" DOES, ""},
    {"http off", "a.example.org" DOES "b.example.org" DOES "http off", "3:1: " CLOSED("1")},
    {"http off for the second site", "http off\na.example.org { tls c k\nrespond 200 }\nb.example.org" DOES,
     "1:1: " CLOSED("4")},
    {"http off and a private name", "http off\na.test" DOES "acme { directory https://ca.test }",
     "1:1: " CLOSED("2")},
    {"http off, no certificate to get", "http off\na.test { tls internal\nrespond 200 }\n* { respond 200 }",
     ""},
    {"balance of one", SITE("proxy a.lan:1 {\nbalance source\n}"),
     "5:1: warning: `balance` has one backend to choose from; add another, or remove it"},
    {"check of one", SITE("proxy a.lan:1 {\ncheck\n}"),
     "5:1: warning: `check` leaves out no backend where there is one only; add another, or remove it"},
    {"edge itself", "a.test { tls off\nproxy 127.0.0.1:80 localhost:443 [::1]:80 0.0.0.0:80 }",
     "2:7: " CIRCLE("127.0.0.1:80") "\n2:20: " CIRCLE("localhost:443") "\n2:34: " CIRCLE(
         "[::1]:80") "\n2:43: " CIRCLE("0.0.0.0:80")},
    {"edge itself, passed through", "a.test { passthrough 192.0.2.1:444 }\nhttps 192.0.2.1:444",
     "1:22: " CIRCLE("192.0.2.1:444")},
    {"another machine, another port, another address",
     SITE("proxy 192.0.2.1:80 127.0.0.1:8080 127.0.0.2:80 [::1]:80 a.lan:80 unix:/run/a"), ""},
    {"http elsewhere", "http :8080\na.example.org" DOES, ""},
};

static void warned(void **state)
{
    for (size_t i = 0; i < nitems(warned_rows); i++) {
        const char *warnings = case_warnings(warned_rows[i].text);
        if (strcmp(warnings, warned_rows[i].expected) != 0)
            fail_msg("%s:\n%s", warned_rows[i].name, warnings);
    }
}

static void defaults(void **state)
{
    struct snapshot *s = case_parse("workers auto");
    const struct timeouts limits = {5000, 10000, 30000, 75000, 600000, 3610000, 3600000, 5000, 0};
    assert_memory_equal(&s->timeouts, &limits, sizeof limits);
    assert_memory_equal(&s->any->timeouts, &limits, sizeof limits);
    assert_true(s->email.n == 0 && str_eq(s->user, STR("edge")));
    assert_true(str_eq(s->data_dir, STR("/var/lib/edge")) && str_eq(s->run_dir, STR("/run/edge")));
    assert_true(s->workers == 0 && s->max_connections == 0 && s->n_backends == 0);
    assert_true(s->any == &s->sites[0] && s->any->any && s->any->line == 0);
    assert_int_equal(snapshot_https_port(s), 443);
    snapshot_free(s);
}

static void places(void **state)
{
    struct snapshot *s = case_parse(
        "\nhttp off\n# a\na.test { respond 200\ntls c k }\n\n* { respond 200 }\nhttps :4443 :443\n");
    assert_int_equal(s->sites[0].line, 4);
    assert_int_equal(s->sites[1].line, 7);
    assert_int_equal(s->sites[0].cert_id, -1);
    assert_true(s->any == &s->sites[1]);
    assert_int_equal(snapshot_https_port(s), 4443);
    snapshot_free(s);
}

static void parents(void **state)
{
    struct buf errors = {0};
    struct snapshot *s = config_parse("edge.conf", STR("a.test { respond 200\ntls c /k }"), &errors);
    assert_non_null(s);
    assert_true(str_eq(s->sites[0].cert_file, STR("c")) && str_eq(s->sites[0].key_file, STR("/k")));
    snapshot_free(s);
    s = config_parse("/edge.conf", STR("a.test { respond 200\ntls c /k }"), &errors);
    assert_non_null(s);
    assert_true(str_eq(s->sites[0].cert_file, STR("/c")) && str_eq(s->sites[0].key_file, STR("/k")));
    snapshot_free(s);
}

static void lookups(void **state)
{
    static const char *const rows[][2] = {
        {"a.test", "a.test"}, {"b.test", "a.test"}, {"x.w.test", "*.w.test"}, {"y.w.test", "y.w.test"},
        {"w.test", NULL},     {"x.y.w.test", NULL}, {"*.w.test", NULL},       {"*", NULL},
        {"", NULL},           {".w.test", NULL},    {"test", NULL},           {"c.test", NULL},
        {"single", "single"}, {"x.single", NULL},   {"a.test.", NULL},        {"a.tes", NULL},
    };
    struct snapshot *s = case_parse(
        OFF "a.test, b.test { respond 200 }\n*.w.test { respond 200 }\ny.w.test { respond 200 }\n"
            "single { respond 200 }\n* { respond 200 }");
    for (size_t i = 0; i < nitems(rows); i++) {
        const struct site *site = snapshot_site(s, str_of(rows[i][0]));
        if ((site == NULL) != (rows[i][1] == NULL) || (site && !str_eq(site->names[0], str_of(rows[i][1]))))
            fail_msg("%s: %.*s", rows[i][0], STR_ARG(site ? site->names[0] : STR("none")));
    }
    snapshot_free(s);
}

static void make_sites(struct buf *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(buf_printf(
            text, "h%zu.test, www.h%zu.test {\n    proxy 10.0.%zu.1:8080\n    tls c k\n}\n", i, i, i % 256));
}

static void many_sites(void **state)
{
    struct buf text = {0}, errors = {0};
    make_sites(&text, 1000);
    clock_t before = clock();
    struct snapshot *s = config_parse("c", buf_str(&text), &errors);
    double ms = (double)(clock() - before) * 1000 / CLOCKS_PER_SEC;
    assert_non_null(s);
    print_message("1000 sites: %.1f ms, %zu bytes\n", ms, s->mem.total);
    /*
     * The aim is 5 ms; sanitizers, valgrind and busy machines get room. A parser that is not linear needs
     * seconds.
     */
    assert_true(ms < 1000);
    assert_int_equal(s->n_sites, 1001);
    for (size_t i = 0; i < 1000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "www.h%zu.test", i);
        assert_ptr_equal(snapshot_site(s, str_of(name)), &s->sites[i]);
    }
    snapshot_free(s);
    buf_done(&text);
}

static void too_many_sites(void **state)
{
    struct buf text = {0};
    for (size_t i = 0; i < 10001; i++)
        assert_true(buf_printf(&text, "h%zu{respond 200\ntls off}\n", i));
    assert_string_equal(case_errors(buf_str(&text)),
                        "20001:1: more than 10000 sites; give several names to one site");
    buf_take(&text, str_find(buf_str(&text), '\n') + 1);
    buf_take(&text, str_find(buf_str(&text), '\n') + 1);
    assert_string_equal(case_errors(buf_str(&text)), "");
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listens),   cmocka_unit_test(sites),       cmocka_unit_test(actions),
        cmocka_unit_test(upstreams), cmocka_unit_test(localhost),   cmocka_unit_test(passthroughs),
        cmocka_unit_test(globals),   cmocka_unit_test(authorities), cmocka_unit_test(warned),
        cmocka_unit_test(defaults),  cmocka_unit_test(places),      cmocka_unit_test(parents),
        cmocka_unit_test(lookups),   cmocka_unit_test(many_sites),  cmocka_unit_test(too_many_sites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
