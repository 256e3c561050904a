/* What stands after `proxy` and `passthrough`, and is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_cases.h"

#define WRITE_BACKEND "write `HOST:PORT`, `http://HOST:PORT`, `https://HOST:PORT` or `unix:/PATH`"

#define MIXED                                                                                              \
    "some of these backends have `https://` and some do not; write all of them alike, or use `route` for " \
    "several `proxy`"

static const struct config_case backends_rows[] = {
    {"a port alone", "a.test {\n    tls off\n    proxy 3000\n}\n",
     "3:11: `3000` has no address; write `127.0.0.1:3000`"},
    {"a colon and a port", "a.test {\n    tls off\n    proxy :3000\n}\n",
     "3:11: `:3000` has no address; write `127.0.0.1:3000`"},
    {"an address alone", "a.test {\n    tls off\n    proxy 192.0.2.1\n}\n",
     "3:11: `192.0.2.1` has no port; write `192.0.2.1:PORT`"},
    {"IPv6 alone", "a.test {\n    tls off\n    proxy 2001:db8::1\n}\n",
     "3:11: `2001:db8::1` has no port; write `[2001:db8::1]:PORT`"},
    {"IPv6 in brackets alone", "a.test {\n    tls off\n    proxy [2001:db8::1]\n}\n",
     "3:11: `[2001:db8::1]` has no port; write `[2001:db8::1]:PORT`"},
    {"localhost alone", "a.test {\n    tls off\n    proxy localhost\n}\n",
     "3:11: `localhost` has no port; write `localhost:PORT`"},
    {"IPv6 without brackets", "a.test {\n    tls off\n    proxy 2001:db8::1:80\n}\n",
     "3:11: `2001:db8::1:80` has no port; write `[2001:db8::1:80]:PORT`"},
    {"port 0", "a.test {\n    tls off\n    proxy 127.0.0.1:0\n}\n",
     "3:11: `127.0.0.1:0` has no valid port; write a number from 1 to 65535 after the `:`"},
    {"port too large", "a.test {\n    tls off\n    proxy 127.0.0.1:65536\n}\n",
     "3:11: `127.0.0.1:65536` has no valid port; write a number from 1 to 65535 after the `:`"},
    {"no digits", "a.test {\n    tls off\n    proxy 127.0.0.1:http\n}\n",
     "3:11: `127.0.0.1:http` has no valid port; write a number from 1 to 65535 after the `:`"},
    {"nothing behind the colon", "a.test {\n    tls off\n    proxy 127.0.0.1:\n}\n",
     "3:11: `127.0.0.1:` has no valid port; write a number from 1 to 65535 after the `:`"},
    {"a name alone", "a.test {\n    tls off\n    proxy nas.lan\n}\n",
     "3:11: `nas.lan` has no port; write `nas.lan:PORT`"},
    {"no name", "a.test {\n    tls off\n    proxy https://nas..lan\n}\n",
     "3:11: `https://nas..lan` is no backend; " WRITE_BACKEND},
    {"a wildcard", "a.test {\n    tls off\n    proxy *.lan:80\n}\n",
     "3:11: `*.lan:80` is no backend; " WRITE_BACKEND},
    {"https, no host", "a.test {\n    tls off\n    proxy https://\n}\n",
     "3:11: `https://` has no host; write `https://HOST:PORT`"},
    {"https, a path", "a.test {\n    tls off\n    proxy https://nas.lan/app\n}\n",
     "3:11: `https://nas.lan/app` has a path; remove it, the path that the client asked for is forwarded as it is"},
    {"https to a socket", "a.test {\n    tls off\n    proxy https://unix:/run/a.sock\n}\n",
     "3:11: `https://unix:/run/a.sock` is no backend; a socket gets plain HTTP and has no scheme, write `unix:/PATH`"},
    {"http to a socket", "a.test {\n    tls off\n    proxy http://unix:/run/a.sock\n}\n",
     "3:11: `http://unix:/run/a.sock` is no backend; a socket gets plain HTTP and has no scheme, write `unix:/PATH`"},
    {"a scheme", "a.test {\n    tls off\n    proxy ftp://127.0.0.1\n}\n",
     "3:11: `ftp://127.0.0.1` has an unknown scheme; " WRITE_BACKEND},
    {"a path", "a.test {\n    tls off\n    proxy http://127.0.0.1:80/app\n}\n",
     "3:11: `http://127.0.0.1:80/app` has a path; remove it, the path that the client asked for is forwarded as it is"},
    {"a query", "a.test {\n    tls off\n    proxy http://127.0.0.1:80/?x\n}\n",
     "3:11: `http://127.0.0.1:80/?x` has a path; remove it, the path that the client asked for is forwarded as it is"},
    {"a query without path", "a.test {\n    tls off\n    proxy http://127.0.0.1:80?x\n}\n",
     "3:11: `http://127.0.0.1:80?x` has a path; remove it, the path that the client asked for is forwarded as it is"},
    {"a path without a scheme", "a.test {\n    tls off\n    proxy 127.0.0.1:80/app\n}\n",
     "3:11: `127.0.0.1:80/app` has a path; write `HOST:PORT`, or `unix:/PATH` for a socket"},
    {"a user", "a.test {\n    tls off\n    proxy http://me:pw@127.0.0.1:80\n}\n",
     "3:11: `http://me:pw@127.0.0.1:80` has a user name; remove it"},
    {"no host", "a.test {\n    tls off\n    proxy http://\n}\n",
     "3:11: `http://` has no host; write `http://HOST:PORT`"},
    {"no host but a port", "a.test {\n    tls off\n    proxy http://:80\n}\n",
     "3:11: `http://:80` is no backend; " WRITE_BACKEND},
    {"no host but a slash", "a.test {\n    tls off\n    proxy http:///\n}\n",
     "3:11: `http:///` has no host; write `http://HOST:PORT`"},
    {"a relative socket", "a.test {\n    tls off\n    proxy unix:shop.sock\n}\n",
     "3:11: `unix:shop.sock` needs the whole path of a socket; write one like `unix:/run/shop.sock`"},
    {"no socket", "a.test {\n    tls off\n    proxy unix:\n}\n",
     "3:11: `unix:` needs the whole path of a socket; write one like `unix:/run/shop.sock`"},
    {"a root", "a.test {\n    tls off\n    proxy unix:/\n}\n",
     "3:11: `unix:/` needs the whole path of a socket; write one like `unix:/run/shop.sock`"},
    {"a long socket",
     "a.test {\n    tls off\n    proxy unix:/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n}\n",
     "3:11: `unix:/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` has a longer path than sockets can have, 107 bytes; move the socket"},
    {"each of several", "a.test {\n    tls off\n    proxy 127.0.0.1 127.0.0.1:81 :82\n}\n",
     "3:11: `127.0.0.1` has no port; write `127.0.0.1:PORT`\n"
     "3:34: `:82` has no address; write `127.0.0.1:82`"},
    {"a comma", "a.test {\n    tls off\n    proxy 127.0.0.1:80, 127.0.0.1:81\n}\n",
     "3:11: `127.0.0.1:80,` ends with a comma; remove it, backends are separated by blanks alone"},
    {"one twice", "a.test {\n    tls off\n    proxy nas.lan:80 10.0.0.7:80 http://NAS.lan\n}\n",
     "3:34: `http://NAS.lan` stands here twice; remove one of them"},
    {"an address twice", "a.test {\n    tls off\n    proxy 10.0.0.7:80 10.0.0.7:81 10.0.0.7:80\n}\n",
     "3:35: `10.0.0.7:80` stands here twice; remove one of them"},
    {"a socket twice", "a.test {\n    tls off\n    proxy unix:/a unix:///a\n}\n",
     "3:19: `unix:///a` stands here twice; remove one of them"},
    {"https and http", "a.test {\n    tls off\n    proxy https://a.lan b.lan:80\n}\n", "3:25: " MIXED},
    {"http and https", "a.test {\n    tls off\n    proxy http://a.lan https://a.lan:80\n}\n", "3:24: " MIXED},
    {"a socket and https", "a.test {\n    tls off\n    proxy unix:/run/a https://a.lan\n}\n", "3:23: " MIXED},
    {"not an address", "a.test {\n    tls off\n    proxy 1.2.3:80\n}\n",
     "3:11: `1.2.3:80` is no backend; " WRITE_BACKEND},
    {"brackets around IPv4", "a.test {\n    tls off\n    proxy [127.0.0.1]:80\n}\n",
     "3:11: `[127.0.0.1]:80` is no backend; " WRITE_BACKEND},
    {"rubbish", "a.test {\n    tls off\n    proxy \"a b:80\"\n}\n",
     "3:11: `a b:80` is no backend; " WRITE_BACKEND},
    {"empty", "a.test {\n    tls off\n    proxy \"\"\n}\n", "3:11: `` is no backend; " WRITE_BACKEND},
};

static void backends(void **state)
{
    case_refused(backends_rows, nitems(backends_rows));
}

/* What stands in the block begins at column 9 of line 4, in that of `passthrough` of line 3. */
#define PROXY(block)  "a.test {\n    tls off\n    proxy 10.0.0.7:80 b.lan:80 {\n        " block "\n    }\n}\n"
#define HTTPS(block)  "a.test {\n    tls off\n    proxy https://a.lan {\n        " block "\n    }\n}\n"
#define SOCKET(block) "a.test {\n    tls off\n    proxy unix:/run/a {\n        " block "\n    }\n}\n"
#define ADDRESS(block) \
    "a.test {\n    tls off\n    proxy https://10.0.0.9:8443 {\n        " block "\n    }\n}\n"
#define THROUGH(block) "a.test {\n    passthrough 10.0.0.5:443 b.lan:443 {\n        " block "\n    }\n}\n"

#define NAMELESS                                                                                             \
    " needs a name, and `https://10.0.0.9:8443` has only an address; write `tls name NAME` into its block, " \
    "the name or address in its certificate, or `tls insecure`"
#define TLS_WORDS "write `tls verify | insecure | CA-FILE | name NAME`, a file's name with a `/` or `.` in it"

static const struct config_case options_rows[] = {
    {"balance", PROXY("balance random"),
     "4:17: `random` does not fit; write `balance round_robin | least_connections | source`"},
    {"balance twice", PROXY("balance source\n        balance source"),
     "5:9: `balance` was given in line 4 already; remove one of them"},
    {"check, a path alone", PROXY("check /health every 1s"),
     "4:15: `/health` misses its method; write `check GET /health`"},
    {"check, another method", PROXY("check HEAD /health"),
     "4:15: `HEAD` does not fit; write `check [GET PATH] [every DURATION]`"},
    {"check, no path", PROXY("check GET"),
     "4:15: `GET` misses a value; write `check [GET PATH] [every DURATION]`"},
    {"check, no duration", PROXY("check GET /x every"),
     "4:22: `every` misses a value; write `check [GET PATH] [every DURATION]`"},
    {"check, every twice", PROXY("check every 1s every 2s"),
     "4:24: `every` does not fit; write `check [GET PATH] [every DURATION]`"},
    {"check, GET twice", PROXY("check GET /x GET /y"),
     "4:22: `GET` does not fit; write `check [GET PATH] [every DURATION]`"},
    {"check, a relative path", PROXY("check GET health"),
     "4:19: `health` is no path to ask for; write one like `/health`, with `%20` for a blank"},
    {"check, a path with a blank", PROXY("check GET \"/a b\""),
     "4:19: `/a b` is no path to ask for; write one like `/health`, with `%20` for a blank"},
    {"check, a URL", PROXY("check GET http://b.lan/"),
     "4:19: `http://b.lan/` is no path to ask for; write one like `/health`, with `%20` for a blank"},
    {"check, not a duration", PROXY("check every 10"),
     "4:21: `10` does not fit; `check every` takes a duration of 100ms to 24h, like `10s`"},
    {"check, too often", PROXY("check every 99ms"),
     "4:21: `99ms` does not fit; `check every` takes a duration of 100ms to 24h, like `10s`"},
    {"check, too seldom", PROXY("check every 25h"),
     "4:21: `25h` does not fit; `check every` takes a duration of 100ms to 24h, like `10s`"},
    {"check twice", PROXY("check\n        check every 1s"),
     "5:9: `check` was given in line 4 already; remove one of them"},
    {"proxy_protocol", PROXY("proxy_protocol 2"), "4:24: `2` does not fit; write `proxy_protocol v1 | v2`"},
    {"proxy_protocol and keepalive", PROXY("keepalive on\n        proxy_protocol v1"),
     "4:9: `proxy_protocol` tells one client per connection, so that none is kept for the next; "
     "remove `keepalive on`"},
    {"no connection", PROXY("max_connections 0"),
     "4:25: `0` does not fit; `max_connections` takes `N`, N from 1 to 1000000"},
    {"too many connections", PROXY("max_connections 1000001"),
     "4:25: `1000001` does not fit; `max_connections` takes `N`, N from 1 to 1000000"},
    {"keepalive", PROXY("keepalive 10s"), "4:19: `10s` does not fit; write `keepalive on | off`"},
    {"host, a URL", PROXY("host http://a.lan"),
     "4:14: `http://a.lan` is no host; write a host name or an address, with `:PORT` if needed"},
    {"host, empty", PROXY("host \"\""),
     "4:14: `` is no host; write a host name or an address, with `:PORT` if needed"},
    {"host, a port that is none", PROXY("host a.lan:0"),
     "4:14: `a.lan:0` is no host; write a host name or an address, with `:PORT` if needed"},
    {"host, a wildcard", PROXY("host *.lan"),
     "4:14: `*.lan` is no host; write a host name or an address, with `:PORT` if needed"},
    {"host, another line", PROXY("host \"a\tb\""),
     "4:14: `a\tb` is no host; write a host name or an address, with `:PORT` if needed"},

    {"tls of http", PROXY("tls insecure"),
     "4:9: `tls` is for backends with `https://`; write that before the backend, or remove this"},
    {"tls of a socket", SOCKET("tls insecure"),
     "4:9: `tls` is for backends with `https://`, and a socket gets plain HTTP; remove it"},
    {"tls off", HTTPS("tls off"), "4:13: `off` does not fit; " TLS_WORDS},
    {"tls misspelled", HTTPS("tls insecur"), "4:13: `insecur` does not fit; " TLS_WORDS},
    {"tls, nothing", HTTPS("tls"),
     "4:9: `tls` misses a value; write `tls verify | insecure | CA-FILE | name NAME`"},
    {"tls name, nothing", HTTPS("tls name"), "4:13: `tls name` misses a value; write `tls name NAME`"},
    {"tls name, a part of an address", HTTPS("tls name 1.2.3"),
     "4:18: `1.2.3` is neither a host name nor an address; write the one that stands in the backend's certificate"},
    {"tls name, a wildcard", HTTPS("tls name *.lan"),
     "4:18: `*.lan` is neither a host name nor an address; write the one that stands in the backend's certificate"},
    {"tls, two in a line", HTTPS("tls insecure /root.pem"),
     "4:22: `tls` has too many values; write each `tls verify | insecure | CA-FILE | name NAME` in a line of "
     "its own"},
    {"tls verify and insecure", HTTPS("tls verify\n        tls insecure"),
     "5:9: line 4 says already how the certificate is checked; remove one of them"},
    {"two CA files", HTTPS("tls /a.pem\n        tls name a.lan\n        tls /b.pem"),
     "6:9: line 4 says already how the certificate is checked; remove one of them"},
    {"two names", HTTPS("tls name a.lan\n        tls name b.lan"),
     "5:9: `tls name` was given in line 4 already; remove one of them"},
    {"an address and no block", "a.test {\n    tls off\n    proxy https://10.0.0.9:8443\n}\n",
     "3:11: `tls verify`" NAMELESS},
    {"an address, verify", ADDRESS("tls verify"), "3:11: `tls verify`" NAMELESS},
    {"an address and a CA file", ADDRESS("tls /root.pem"), "3:11: `tls CA-FILE`" NAMELESS},
    {"an address beside a name", "a.test {\n    tls off\n    proxy https://a.lan https://10.0.0.9:8443\n}\n",
     "3:25: `tls verify`" NAMELESS},
    {"an address of a route", "a.test {\n    tls off\n    route * proxy https://10.0.0.9:8443\n}\n",
     "3:19: `tls verify`" NAMELESS},
    {"no address in a name's place",
     "a.test {\n    tls off\n    proxy https://[::1]:8443 {\n        tls insecur\n    }\n}\n",
     "4:13: `insecur` does not fit; " TLS_WORDS},
    {"unknown", PROXY("balanc source"), "4:9: unknown directive `balanc`; did you mean `balance`?"},
    {"in the site", "a.test {\n    tls off\n    balance source\n    proxy 127.0.0.1:80\n}\n",
     "3:5: `balance` cannot stand here; write it into the block of `proxy`"},
    {"a block of an answer",
     "a.test {\n    tls off\n    route * respond 200 {\n        balance source\n    }\n}\n",
     "3:25: `route` without `proxy` has no block; remove the `{` and its `}`"},
};

static void options(void **state)
{
    case_refused(options_rows, nitems(options_rows));
}

#define ALL_THROUGH(line) \
    "this is never reached: `passthrough` in line " line " forwards all of the site; remove one of them"

static const struct config_case passthrough_rows[] = {
    {"no backend", "a.test {\n    passthrough\n}\n",
     "2:5: `passthrough` misses a value; write `passthrough BACKEND...`"},
    {"https", "a.test {\n    passthrough https://10.0.0.5\n}\n",
     "2:17: `https://10.0.0.5` has a scheme; `passthrough` forwards bytes as they come, write `HOST:PORT`"},
    {"http", "a.test {\n    passthrough b.lan:1 http://10.0.0.5:443\n}\n",
     "2:25: `http://10.0.0.5:443` has a scheme; `passthrough` forwards bytes as they come, write `HOST:PORT`"},
    {"no port", "a.test {\n    passthrough nas.lan\n}\n",
     "2:17: `nas.lan` has no port; write `nas.lan:PORT`"},
    {"check GET", THROUGH("check GET /x"),
     "3:9: `passthrough` has no `check`: a check with GET speaks HTTP, and what the backend speaks is unknown; "
     "write `check`, a TCP connect"},
    {"tls", THROUGH("tls insecure"),
     "3:9: `passthrough` has no `tls`: the client's TLS goes through as it is; remove it"},
    {"keepalive", THROUGH("keepalive off"),
     "3:9: `passthrough` has no `keepalive`: each client has a connection of its own; remove it"},
    {"host", THROUGH("host a.lan"),
     "3:9: `passthrough` has no `host`: requests are not looked into; remove it"},
    {"no connection", THROUGH("max_connections 0"),
     "3:25: `0` does not fit; `max_connections` takes `N`, N from 1 to 1000000"},
    {"twice", "a.test {\n    passthrough b.lan:1\n    passthrough c.lan:1\n}\n",
     "3:5: `passthrough` was given in line 2 already; remove one of them"},
    {"and proxy", "a.test {\n    passthrough b.lan:1\n    proxy c.lan:1\n}\n", "3:5: " ALL_THROUGH("2")},
    {"and respond", "a.test {\n    respond 200\n    passthrough b.lan:1\n}\n", "2:5: " ALL_THROUGH("3")},
    {"and route",
     "a.test {\n    passthrough b.lan:1\n    route /x respond 404\n    route * proxy c.lan:1\n}\n",
     "3:11: " ALL_THROUGH("2")},
    {"after route", "a.test {\n    route /x passthrough b.lan:1\n}\n",
     "2:14: `passthrough` is no action; write `proxy`, `respond` or `redirect`"},
    {"and tls", "a.test {\n    passthrough b.lan:1\n    tls a b\n}\n",
     "3:5: `passthrough` in line 2 leaves the certificate to the backend; remove `tls`"},
    {"* and tls auto", "* {\n    tls auto\n    passthrough b.lan:1\n}\n",
     "2:5: `passthrough` in line 3 leaves the certificate to the backend; remove `tls`"},
    {"and http serve", "a.test {\n    passthrough b.lan:1\n    http serve\n}\n",
     "3:5: `passthrough` in line 2 leaves nothing to serve by plain HTTP; remove this"},
    {"and auth", "a.test {\n    passthrough b.lan:1\n    auth\n}\n",
     "3:5: `auth` is not supported yet; remove it"},
    {"https off", "https off\na.test {\n    passthrough b.lan:1\n}\n",
     "3:5: `passthrough` is for TLS connections, and `https off` accepts none; let `https` listen, or write `proxy`"},
};

static void passthrough(void **state)
{
    case_refused(passthrough_rows, nitems(passthrough_rows));
}

static void many(void **state)
{
    struct buf text = {0};
    assert_true(buf_add_str(&text, STR("a.test { tls off\nproxy")));
    for (unsigned i = 1; i <= 64; i++)
        assert_true(buf_printf(&text, " a:%u", i));
    size_t n = text.len;
    assert_true(buf_add_str(&text, STR("\n}")));
    assert_string_equal(case_errors(buf_str(&text)), "");
    text.len = n;
    assert_true(buf_add_str(&text, STR(" b:1\n}")));
    assert_non_null(strstr(case_errors(buf_str(&text)), ": more than 64 backends; leave some out"));
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backends),
        cmocka_unit_test(options),
        cmocka_unit_test(passthrough),
        cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
