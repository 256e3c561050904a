/* Configurations that are refused: a case is a row with all the errors that one run tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_cases.h"

static const struct config_case structure_rows[] = {
    {"a word alone", "foo\n", "1:1: unknown directive `foo`; `edge help config` lists all"},
    {"a word near a directive", "workrs 3\n", "1:1: unknown directive `workrs`; did you mean `workers`?"},
    {"a site directive outside", "proxy 127.0.0.1:80\n",
     "1:1: `proxy` cannot stand here; write it into a site: `HOST { proxy ... }`"},
    {"a site directive misspelled outside", "proxi 127.0.0.1:80\n",
     "1:1: unknown directive `proxi`; did you mean `proxy`?"},
    {"a global directive in a site", "a.test {\n    respond 200\n    tls off\n    workers 3\n}\n",
     "4:5: `workers` cannot stand here; write it outside of the sites"},
    {"a backend option in a site", "a.test {\n    respond 200\n    tls off\n    balance source\n}\n",
     "4:5: `balance` cannot stand here; write it into the block of `proxy`"},
    {"an ACME option outside", "eab x y\n",
     "1:1: `eab` cannot stand here; write it into the block of `acme`"},
    {"unknown in a site", "a.test {\n    respond 200\n    tls off\n    root /var/www\n}\n",
     "4:5: unknown directive `root`; did you mean `route`?"},
    {"misspelled in a site", "a.test {\n    respnd 200\n    tls off\n}\n",
     "2:5: unknown directive `respnd`; did you mean `respond`?"},
    {"unknown in a backend block",
     "a.test {\n    tls off\n    proxy 127.0.0.1:80 {\n        blance x\n    }\n}\n",
     "4:9: unknown directive `blance`; did you mean `balance`?"},
    {"a host without a block", "a.test\n",
     "1:1: `a.test` has no block; write `a.test { proxy ADDRESS:PORT }`"},
    {"a host and a directive without braces", "a.test proxy 127.0.0.1:80\n",
     "1:1: `a.test` has no block; write `a.test { proxy ADDRESS:PORT }`"},
    {"the brace in the next line", "a.test\n{\n    respond 200\n    tls off\n}\n",
     "2:1: the `{` of a site stands in the line of its names; move it up"},
    {"no name", "{\n    respond 200\n}\n", "1:1: a block without a name; write the host name before the `{`"},
    {"an empty name", "\"\" { respond 200\n tls off }\n",
     "1:1: a block without a name; write the host name before the `{`"},
    {"only commas", ", {\n respond 200\n tls off\n}\n",
     "1:1: a block without a name; write the host name before the `{`"},
    {"a brace too many", "a.test { respond 200\n tls off }\n}\n", "3:1: a `}` without its `{`; remove it"},
    {"never closed", "a.test {\n    respond 200\n    tls off\n", "1:8: this `{` is never closed; add a `}`"},
    {"the inner block never closed", "a.test {\n    tls off\n    proxy 127.0.0.1:80 {\n",
     "1:8: this `{` is never closed; add a `}`\n"
     "3:24: this `{` is never closed; add a `}`"},
    {"never closed, a skipped block", "metrics x {\n    directory x\n",
     "1:1: `metrics` is not supported yet; remove it\n"
     "1:11: this `{` is never closed; add a `}`"},
    {"the next site begins",
     "a.test {\n    respond 200\n    tls off\nb.test {\n    respond 200\n    tls off\n}\n",
     "4:1: a site begins inside the block of another; close that with a `}` first"},
    {"the next site begins, twice",
     "a.test {\n respond 200\n tls off\nb.test {\n respond 200\n tls off\n* {\n respond 200\n}\n",
     "4:1: a site begins inside the block of another; close that with a `}` first\n"
     "7:1: a site begins inside the block of another; close that with a `}` first"},
    {"a block for what has none", "user x {\n    a\n}\nworkers 0\n",
     "1:8: `user` has no block; remove the `{` and its `}`\n"
     "4:9: `0` does not fit; `workers` takes `auto | N`, N from 1 to 256"},
    {"a block in a site without a directive",
     "a.test {\n    tls off\n    respond 200\n    {\n        x\n    }\n}\n",
     "4:5: a `{` without a directive before it, in its line; remove it or move it up"},
    {"a semicolon", "user x;\n",
     "1:6: a directive ends with its line and not with `;`; remove that, or put the value into quotes"},
    {"a semicolon after a word", "a.test {\n    respond 200;\n    tls off;\n}\n",
     "2:13: a directive ends with its line and not with `;`; remove that, or put the value into quotes\n"
     "3:9: a directive ends with its line and not with `;`; remove that, or put the value into quotes"},
    {"a quote not closed", "user \"x\nworkers 0\n",
     "1:6: this quote is not closed in its line; add a `\"`\n"
     "2:9: `0` does not fit; `workers` takes `auto | N`, N from 1 to 256"},
    {"a quote in a word", "user a\"b\"\n",
     "1:6: a quote inside a word; put quotes around the whole value, and write \\\" in it"},
    {"a word behind a quote", "user \"a\"b\n",
     "1:9: something follows the closing quote; leave a blank after it"},
    {"a quoted directive is a name", "\"user\" x\n",
     "1:1: `user` has no block; write `user { proxy ADDRESS:PORT }`"},
};

static void structure(void **state)
{
    case_refused(structure_rows, nitems(structure_rows));
}

static const struct config_case repeated_rows[] = {
    {"outside", "user a\nworkers 2\nuser b\n", "3:1: `user` was given in line 1 already; remove one of them"},
    {"twice in a site", "a.test {\n    respond 200\n    tls off\n    tls off\n}\n",
     "4:5: `tls` was given in line 3 already; remove one of them"},
    {"two actions", "a.test {\n    tls off\n    respond 200\n    proxy 127.0.0.1:80\n}\n",
     "4:5: line 3 says already what this site does; use `route` for some of its paths, or write several backends in one line"},
    {"a timeout", "timeout idle 10s\ntimeout idle 20s\n",
     "2:9: `idle` was given in line 1 already; remove one of them"},
    {"a timeout in a site",
     "a.test {\n    respond 200\n    tls off\n    timeout send 10s\n    timeout send 20s\n}\n",
     "5:13: `send` was given in line 4 already; remove one of them"},
    {"no value", "user\nworkers # none\n",
     "1:1: `user` misses a value; write `user NAME`\n"
     "2:1: `workers` misses a value; write `workers auto | N`"},
    {"too many values", "user a b\nworkers 1 2 3\n",
     "1:8: `user` has too many values; write `user NAME`, with quotes around a value that has blanks\n"
     "2:11: `workers` has too many values; write `workers auto | N`, with quotes around a value that has blanks"},
    {"too few for a route", "a.test {\n    tls off\n    route /x\n}\n",
     "3:5: `route` misses a value; write `route PATTERN [strip PREFIX] proxy | respond | redirect ...`"},
    {"too few for the action of a route", "a.test {\n    tls off\n    route /x proxy\n}\n",
     "3:14: `proxy` misses a value; write `proxy BACKEND...`"},
    {"text without quotes", "a.test {\n    tls off\n    respond 200 hello world\n}\n",
     "3:23: `respond` has too many values; write `respond CODE [TEXT]`, with quotes around a value that has blanks"},
};

static void repeated(void **state)
{
    case_refused(repeated_rows, nitems(repeated_rows));
}

static const struct config_case values_rows[] = {
    {"workers", "workers 0\n", "1:9: `0` does not fit; `workers` takes `auto | N`, N from 1 to 256"},
    {"workers, too many", "workers 257\n",
     "1:9: `257` does not fit; `workers` takes `auto | N`, N from 1 to 256"},
    {"workers, a word", "workers many\n",
     "1:9: `many` does not fit; `workers` takes `auto | N`, N from 1 to 256"},
    {"max_connections", "max_connections 0\n",
     "1:17: `0` does not fit; `max_connections` takes `N`, N from 1 to 10000000"},
    {"email", "email you\n", "1:7: `you` is no mail address; write one like `you@example.org`"},
    {"email, two", "email a@b@c\n", "1:7: `a@b@c` is no mail address; write one like `you@example.org`"},
    {"email, nothing before", "email @b\n", "1:7: `@b` is no mail address; write one like `you@example.org`"},
    {"email, blank", "email \"a b@c\"\n",
     "1:7: `a b@c` is no mail address; write one like `you@example.org`"},
    {"user", "user -x\n", "1:6: `-x` is no user name; write the name of a system user"},
    {"user, empty", "user \"\"\n", "1:6: `` is no user name; write the name of a system user"},
    {"user, blank", "user \"a b\"\n", "1:6: `a b` is no user name; write the name of a system user"},
    {"timeout without unit", "timeout idle 10\n",
     "1:14: `10` is no duration; write a number with `ms`, `s`, `m` or `h`, like `10s`"},
    {"timeout, a word", "timeout idle never\n",
     "1:14: `never` is no duration; write a number with `ms`, `s`, `m` or `h`, like `10s`"},
    {"timeout too short", "timeout idle 9ms\n",
     "1:14: `9ms` is out of bounds; `timeout idle` takes 10ms to 24h"},
    {"timeout too long", "timeout connect 2h\n",
     "1:17: `2h` is out of bounds; `timeout connect` takes 10ms to 1h"},
    {"tunnel too long", "timeout tunnel 721h\n",
     "1:16: `721h` is out of bounds; `timeout tunnel` takes 10ms to 720h"},
    {"timeout unknown", "timeout foo 10s\n", "1:9: there is no timeout `foo`; `edge help config` lists all"},
    {"timeout misspelled", "timeout tunel 10s\n", "1:9: there is no timeout `tunel`; did you mean `tunnel`?"},
    {"timeout that is no site's",
     "a.test {\n    respond 200\n    tls off\n    timeout handshake 10s\n    timeout head 10s\n    timeout idle 10s\n    timeout drain 10s\n    timeout sned 10s\n}\n",
     "4:13: `timeout handshake` is for all sites alike; write it outside of the sites\n"
     "5:13: `timeout head` is for all sites alike; write it outside of the sites\n"
     "6:13: `timeout idle` is for all sites alike; write it outside of the sites\n"
     "7:13: `timeout drain` is for all sites alike; write it outside of the sites\n"
     "8:13: there is no timeout `sned`; did you mean `send`?"},
};

static void values(void **state)
{
    case_refused(values_rows, nitems(values_rows));
}

static const struct config_case addresses_rows[] = {
    {"a bare port", "http 80\n", "1:6: `80` is a bare port; write `:80`"},
    {"a bare port, https", "https 8443\n", "1:7: `8443` is a bare port; write `:8443`"},
    {"an address without port", "http 192.0.2.1\n", "1:6: `192.0.2.1` has no port; write `192.0.2.1:80`"},
    {"IPv6 without port", "https ::1\n", "1:7: `::1` has no port; write `[::1]:443`"},
    {"a name", "http localhost:80\n",
     "1:6: `localhost:80` is no address to listen on; write `:PORT`, `IP:PORT` or `[IPv6]:PORT`"},
    {"port 0", "http :0\n",
     "1:6: `:0` is no address to listen on; write `:PORT`, `IP:PORT` or `[IPv6]:PORT`"},
    {"port too large", "http :65536\n",
     "1:6: `:65536` is no address to listen on; write `:PORT`, `IP:PORT` or `[IPv6]:PORT`"},
    {"empty", "http \"\"\n", "1:6: `` is no address to listen on; write `:PORT`, `IP:PORT` or `[IPv6]:PORT`"},
    {"a comma", "https ,\n",
     "1:7: `,` is no address to listen on; write `:PORT`, `IP:PORT` or `[IPv6]:PORT`"},
    {"IPv6 without brackets", "http ::1:80\n", "1:6: `::1:80` has no port; write `[::1:80]:80`"},
    {"off and an address", "http off :80\n", "1:6: `off` stands alone; remove it or the addresses"},
    {"proxy_protocol", "https :443 proxy_protocol\n",
     "1:12: `proxy_protocol` is not supported yet; remove it"},
    {"both off", "http off\nhttps off\n", "2:1: `http` and `https` are both off; let one of them listen"},
    {"the same twice in a line", "http :80 :80\n",
     "1:10: `http` listens on `:80` already, in this line; remove one of them"},
    {"the same twice", "http :8080\nhttps :8080\n",
     "2:7: `http` listens on `:8080` already, in line 1; remove one of them"},
    {"within a wildcard", "http 127.0.0.1:80 :80\n",
     "1:19: `http` listens on `:80` already, in this line; remove one of them"},
    {"within a wildcard of IPv6", "http [::1]:80 [::]:80\n",
     "1:15: `http` listens on `[::]:80` already, in this line; remove one of them"},
    {"the default", "https :80\n",
     "1:7: `http` listens here if nothing else is said; write `http` with another address, or `off`"},
    {"the default of https", "http :80 127.0.0.1:443\n",
     "1:10: `https` listens here if nothing else is said; write `https` with another address, or `off`"},
};

static void addresses(void **state)
{
    case_refused(addresses_rows, nitems(addresses_rows));
}

static const struct config_case names_rows[] = {
    {"twice",
     "a.test {\n    respond 200\n    tls off\n}\nb.test, a.test {\n    respond 200\n    tls off\n}\n",
     "5:9: `a.test` has a site in line 1 already; remove one of them"},
    {"twice, other case",
     "a.test {\n    respond 200\n    tls off\n}\nA.TEST {\n    respond 200\n    tls off\n}\n",
     "5:1: `a.test` has a site in line 1 already; remove one of them"},
    {"twice, final dot",
     "a.test {\n    respond 200\n    tls off\n}\na.test. {\n    respond 200\n    tls off\n}\n",
     "5:1: `a.test` has a site in line 1 already; remove one of them"},
    {"twice in a site", "a.test, b.test, a.test {\n    respond 200\n    tls off\n}\n",
     "1:17: `a.test` stands in line 1 twice; remove one of them"},
    {"a wildcard twice",
     "*.a.test {\n    respond 200\n    tls off\n}\n*.A.test {\n    respond 200\n    tls off\n}\n",
     "5:1: `*.a.test` has a site in line 1 already; remove one of them"},
    {"two of *", "* {\n    respond 200\n}\n* {\n    respond 404\n}\n",
     "4:1: `*` has a site in line 1 already; remove one of them"},
    {"* with others", "*, a.test {\n    respond 200\n}\n",
     "1:1: `*` cannot share a block with other names; give it a block of its own"},
    {"no comma", "a.test b.test {\n    respond 200\n    tls off\n}\n",
     "1:8: a comma is missing before `b.test`; commas separate the names of a site"},
    {"an address", "192.0.2.1 {\n    respond 200\n    tls off\n}\n",
     "1:1: `192.0.2.1`: an address is no host name; write the name, or `*` for requests without one"},
    {"a port", "a.test:8443 {\n    respond 200\n    tls off\n}\n",
     "1:1: `a.test:8443`: a host name has no port here; `http` and `https` outside of the sites set the ports"},
    {"a URL", "https://a.test {\n    respond 200\n    tls off\n}\n",
     "1:1: `https://a.test`: a site is named by a host name alone; leave out `http://` and any path"},
    {"not ASCII", "\xc3\xa4.test, b.test, c..test {\n    respond 200\n    tls off\n}\n",
     "1:1: `\xc3\xa4.test`: a host name is ASCII; write the form that begins with `xn--`\n"
     "1:17: `c..test`: a part between two dots is empty; correct the name"},
    {"behind a comma", "a.test,b_.test,-c.test {\n    respond 200\n    tls off\n}\n",
     "1:16: `-c.test`: a part of a host name does not begin or end with `-`; correct the name"},
};

static void names(void **state)
{
    case_refused(names_rows, nitems(names_rows));
}

static const struct config_case actions_rows[] = {
    {"none", "a.test {\n    tls off\n}\n",
     "1:1: this site does nothing; write `proxy`, `respond` or `redirect` into its block"},
    {"none, nothing at all", "* {\n}\n",
     "1:1: this site does nothing; write `proxy`, `respond` or `redirect` into its block"},
    {"code", "a.test {\n    tls off\n    respond 99\n}\n",
     "3:13: `99` is no status code; write a number from 200 to 599"},
    {"code 100", "a.test {\n    tls off\n    respond 100\n}\n",
     "3:13: `100` is no status code; write a number from 200 to 599"},
    {"code 600", "a.test {\n    tls off\n    respond 600\n}\n",
     "3:13: `600` is no status code; write a number from 200 to 599"},
    {"code, a word", "a.test {\n    tls off\n    respond ok\n}\n",
     "3:13: `ok` is no status code; write a number from 200 to 599"},
    {"text for 204", "a.test {\n    tls off\n    respond 204 x\n}\n",
     "3:17: an answer with status 204 has no text; remove it"},
    {"redirect to a host", "a.test {\n    tls off\n    redirect example.org\n}\n",
     "3:14: `example.org` is no address to redirect to; write one like `https://example.org`"},
    {"redirect to a path", "a.test {\n    tls off\n    redirect /x\n}\n",
     "3:14: `/x` is no address to redirect to; write one like `https://example.org`"},
    {"redirect nowhere", "a.test {\n    tls off\n    redirect https://\n}\n",
     "3:14: `https://` is no address to redirect to; write one like `https://example.org`"},
    {"redirect to no host", "a.test {\n    tls off\n    redirect https:///x\n}\n",
     "3:14: `https:///x` is no address to redirect to; write one like `https://example.org`"},
    {"redirect with a blank", "a.test {\n    tls off\n    redirect \"https://a.test/a b\"\n}\n",
     "3:14: `https://a.test/a b` is no address to redirect to; write one like `https://example.org`"},
    {"redirect not ASCII", "a.test {\n    tls off\n    redirect https://a.test/\xc3\xa4\n}\n",
     "3:14: `https://a.test/\xc3\xa4` is no address to redirect to; write one like `https://example.org`"},
    {"redirect code", "a.test {\n    tls off\n    redirect https://b.test 300\n}\n",
     "3:29: `300` is no redirect; write 301, 302, 303, 307 or 308"},
    {"pattern", "a.test {\n    tls off\n    route x respond 200\n}\n",
     "3:11: `x` is no pattern; it begins with `/` or `*`"},
    {"pattern, empty", "a.test {\n    tls off\n    route \"\" respond 200\n}\n",
     "3:11: `` is no pattern; it begins with `/` or `*`"},
    {"pattern with a query", "a.test {\n    tls off\n    route /x?y respond 200\n}\n",
     "3:11: `/x?y` can never match; patterns are for the path, without `?` and what follows"},
    {"action", "a.test {\n    tls off\n    route /x hsts 1\n}\n",
     "3:14: `hsts` is no action; write `proxy`, `respond` or `redirect`"},
    {"action, unknown", "a.test {\n    tls off\n    route /x serve\n}\n",
     "3:14: `serve` is no action; write `proxy`, `respond` or `redirect`"},
    {"strip, no prefix", "a.test {\n    tls off\n    route /x strip proxy 127.0.0.1:80\n}\n",
     "3:20: `proxy` is no prefix; write one like `/api`, which begins with `/` and has no `*`"},
    {"strip alone", "a.test {\n    tls off\n    route /x strip /x\n}\n",
     "3:14: `strip` misses a value; write `route PATTERN [strip PREFIX] proxy | respond | redirect ...`"},
    {"strip, no action", "a.test {\n    tls off\n    route /x strip /x /y\n}\n",
     "3:23: `/y` is no action; write `proxy`, `respond` or `redirect`"},
    {"strip, no backend", "a.test {\n    tls off\n    route /x strip /x proxy\n}\n",
     "3:23: `proxy` misses a value; write `proxy BACKEND...`"},
    {"strip a pattern", "a.test {\n    tls off\n    route /x/* strip /x/* proxy 127.0.0.1:80\n}\n",
     "3:22: `/x/*` is no prefix; write one like `/api`, which begins with `/` and has no `*`"},
    {"strip a query", "a.test {\n    tls off\n    route * strip /x?y proxy 127.0.0.1:80\n}\n",
     "3:19: `/x?y` can never be taken off; paths have no `?` and what follows"},
    {"strip nothing", "a.test {\n    tls off\n    route * strip / proxy 127.0.0.1:80\n}\n",
     "3:19: `strip /` takes nothing off; remove it, or write a prefix like `/api`"},
    {"strip what cannot be there",
     "a.test {\n    tls off\n    route /api/* strip /app proxy 127.0.0.1:80\n}\n",
     "3:24: no path that `/api/*` matches begins with `/app`; write a prefix of the pattern"},
    {"strip more than there is", "a.test {\n    tls off\n    route /a strip /a/b proxy 127.0.0.1:80\n}\n",
     "3:20: no path that `/a` matches begins with `/a/b`; write a prefix of the pattern"},
    {"behind all", "a.test {\n    tls off\n    route * respond 200\n    route /x respond 404\n}\n",
     "4:11: this route is never reached: `route *` in line 3 takes every path; move that to the end"},
    {"proxy behind all", "a.test {\n    tls off\n    route * respond 200\n    proxy 127.0.0.1:80\n}\n",
     "4:5: this is never reached: `route *` in line 3 takes every path; remove one of them"},
    {"proxy before all", "a.test {\n    tls off\n    proxy 127.0.0.1:80\n    route * respond 200\n}\n",
     "3:5: this is never reached: `route *` in line 4 takes every path; remove one of them"},
};

static void actions(void **state)
{
    case_refused(actions_rows, nitems(actions_rows));
}

#define WILDCARD(name)                                                                                    \
    "`" name "` needs `tls CERT KEY`: a certificate for it takes DNS validation, which is not supported " \
    "yet; write that, or the whole names"

static const struct config_case tls_rows[] = {
    {"a wildcard", "*.a.test {\n    proxy 127.0.0.1:80\n    tls auto\n}\n", "1:1: " WILDCARD("*.a.test")},
    {"a wildcard, by default", "*.a.test {\n    respond 200\n}\n", "1:1: " WILDCARD("*.a.test")},
    {"wildcards beside names", "a.test, *.a.test,\nb.test, *.b.test {\n    redirect https://c.test\n}\n",
     "1:9: " WILDCARD("*.a.test") "\n2:9: " WILDCARD("*.b.test")},
    {"auto for *", "* {\n    respond 200\n    tls auto\n}\n",
     "3:5: `*` is no name that a certificate could be made for; write `tls CERT KEY`"},
    {"internal for *", "* {\n    respond 200\n    tls internal\n}\n",
     "3:5: `*` is no name that a certificate could be made for; write `tls CERT KEY`"},
    {"no file", "a.test {\n    respond 200\n    tls\n}\n",
     "3:5: `tls` misses a value; write `tls auto | internal | CERT KEY | FILE | off`"},
    {"three files", "a.test {\n    respond 200\n    tls a b c\n}\n",
     "3:13: `tls` has too many values; write `tls auto | internal | CERT KEY | FILE | off`, with quotes around a value that has blanks"},
    {"off and redirect", "a.test {\n    tls off\n    http redirect\n    respond 200\n}\n",
     "3:5: `tls off` in line 2 leaves nothing to redirect to; write `http serve`"},
    {"https off and redirect", "https off\na.test {\n    http redirect\n    respond 200\n}\n",
     "3:5: `https off` leaves nothing to redirect to; write `http serve`"},
    {"off and http off", "http off\na.test {\n    respond 200\n    tls off\n}\n",
     "4:5: with `http off` and `tls off` this site cannot be reached; remove one of them"},
    {"http, an address", "a.test {\n    tls off\n    http :80\n    respond 200\n}\n",
     "3:10: `http` in a site takes `redirect [PORT] | serve`; the addresses to listen on are set outside of the sites"},
    {"http, a port", "a.test {\n    tls off\n    http redirect x\n    respond 200\n}\n",
     "3:19: `x` is no port; write a number from 1 to 65535"},
    {"http, serve and a port", "a.test {\n    tls off\n    http serve 80\n    respond 200\n}\n",
     "3:10: `http` in a site takes `redirect [PORT] | serve`; the addresses to listen on are set outside of the sites"},
};

static void tls(void **state)
{
    case_refused(tls_rows, nitems(tls_rows));
}

#define IN_ACME(line) "acme {\n    " line "\n}\n"
#define WRITE_ONE     "write `letsencrypt`, `letsencrypt-staging`, or the `https://` URL of another directory"
#define NO_ADDRESS    "names an IP address, which curl's TLS library cannot verify; write a host name instead"

static const struct config_case acme_rows[] = {
    {"no block", "acme\n", "1:1: `acme` has no block; write `acme { directory NAME }`"},
    {"a value", "acme letsencrypt\n",
     "1:6: `acme` has too many values; write `acme`, with quotes around a value that has blanks"},
    {"twice", "acme {\n}\nacme {\n}\n", "3:1: `acme` was given in line 1 already; remove one of them"},
    {"directory twice", IN_ACME("directory letsencrypt\n    directory letsencrypt"),
     "3:5: `directory` was given in line 2 already; remove one of them"},
    {"misspelled", IN_ACME("directry letsencrypt"),
     "2:5: unknown directive `directry`; did you mean `directory`?"},
    {"nothing", IN_ACME("directory"),
     "2:5: `directory` misses a value; write `directory letsencrypt | letsencrypt-staging | URL`"},
    {"empty", IN_ACME("directory \"\""), "2:15: `` is no directory; " WRITE_ONE},
    {"a name misspelled", IN_ACME("directory letsencript"),
     "2:15: `letsencript` is no directory; did you mean `letsencrypt`?"},
    {"no name", IN_ACME("directory ca.example.org/directory"),
     "2:15: `ca.example.org/directory` is no directory; " WRITE_ONE},
    {"zerossl", IN_ACME("directory zerossl"),
     "2:15: `zerossl` needs `eab`, which is not supported yet; write `letsencrypt`"},
    {"google", IN_ACME("directory google"),
     "2:15: `google` needs `eab`, which is not supported yet; write `letsencrypt`"},
    {"http", IN_ACME("directory http://ca.test/dir"),
     "2:15: `http://ca.test/dir` is not encrypted; write `https://`"},
    {"no host", IN_ACME("directory https://"), "2:15: `https://` is no directory; " WRITE_ONE},
    {"no host but a path", IN_ACME("directory https:///dir"),
     "2:15: `https:///dir` is no directory; " WRITE_ONE},
    {"no host but a port", IN_ACME("directory https://:443/dir"),
     "2:15: `https://:443/dir` is no directory; " WRITE_ONE},
    {"a user", IN_ACME("directory https://me:pw@ca.test/"),
     "2:15: `https://me:pw@ca.test/` has a user name; remove it"},
    {"an address", IN_ACME("directory https://192.0.2.1/dir"), "2:15: `https://192.0.2.1/dir` " NO_ADDRESS},
    {"an address and a port", IN_ACME("directory https://127.0.0.1:14000/dir"),
     "2:15: `https://127.0.0.1:14000/dir` " NO_ADDRESS},
    {"IPv6", IN_ACME("directory https://[::1]:14000/dir"), "2:15: `https://[::1]:14000/dir` " NO_ADDRESS},
    {"a short address", IN_ACME("directory https://127.1/dir"), "2:15: `https://127.1/dir` " NO_ADDRESS},
    {"a port", IN_ACME("directory https://ca.test:0/"),
     "2:15: `https://ca.test:0/` has no valid port; write a number from 1 to 65535 after the `:`"},
    {"a port that is none", IN_ACME("directory https://ca.test:/"),
     "2:15: `https://ca.test:/` has no valid port; write a number from 1 to 65535 after the `:`"},
    {"a wildcard", IN_ACME("directory https://*.ca.test/"),
     "2:15: `https://*.ca.test/` is no directory; " WRITE_ONE},
    {"a blank", IN_ACME("directory \"https://ca.test/a b\""),
     "2:15: `https://ca.test/a b` is no directory; " WRITE_ONE},
    {"a fragment", IN_ACME("directory https://ca.test/#x"),
     "2:15: `https://ca.test/#x` is no directory; " WRITE_ONE},
    {"a query without path", IN_ACME("directory https://ca.test?x"),
     "2:15: `https://ca.test?x` is no directory; " WRITE_ONE},
    {"no file", IN_ACME("ca_file"), "2:5: `ca_file` misses a value; write `ca_file FILE`"},
    {"what is to come", IN_ACME("profile tlsserver\n    eab ID KEY\n    fallback zerossl"),
     "2:5: `profile` is not supported yet; remove it\n"
     "3:5: `eab` is not supported yet; remove it\n"
     "4:5: `fallback` is not supported yet; remove it"},
    {"no warning beside an error", "nas {\n    respond 200\n}\nworkers 0\n",
     "4:9: `0` does not fit; `workers` takes `auto | N`, N from 1 to 256"},
};

static void acme(void **state)
{
    case_refused(acme_rows, nitems(acme_rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structure), cmocka_unit_test(repeated), cmocka_unit_test(values),
        cmocka_unit_test(addresses), cmocka_unit_test(names),    cmocka_unit_test(actions),
        cmocka_unit_test(tls),       cmocka_unit_test(acme),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
