/* WebDAV's Destination: what the backend has to understand, what is somebody else's, and the ways round the checks of a path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "proxy/destination.h"

struct row {
    const char *name, *value;
    const char *passed; /* NULL: refused */
};

/* The client came by https to a.test, whose other name is b.test; the backend is spoken to by http. */
static const struct row rows[] = {
    {"the scheme is the backend's", "https://a.test/x%20y?z", "http://a.test/x%20y?z"},
    {"already is", "http://a.test/x", "http://a.test/x"},
    {"without case", "HTTPS://A.Test/x", "http://A.Test/x"},
    {"without a path", "https://a.test", "http://a.test"},
    {"with the scheme's own port", "https://a.test:443/x", "http://a.test/x"},
    {"with the other scheme's own port", "http://a.test:80/x", "http://a.test/x"},
    {"another name of the site", "https://b.test/x", "http://a.test/x"},
    {"another port is another server", "https://a.test:8443/x", "https://a.test:8443/x"},
    {"the wrong scheme's port is another server", "http://a.test:443/x", "http://a.test:443/x"},
    {"another host", "https://other.test/x", "https://other.test/x"},
    {"a longer name is another host", "https://a.test.org/x", "https://a.test.org/x"},
    {"a name that ends in ours is another host", "https://xa.test/x", "https://xa.test/x"},
    {"another host's path is its own matter", "https://other.test/../x", "https://other.test/../x"},
    {"another host with a query", "https://other.test?a.test/x", "https://other.test?a.test/x"},
    {"another scheme", "ftp://a.test/x", "ftp://a.test/x"},
    {"a path", "/x%20y", "/x%20y"},
    {"a path that climbs", "/s/../x", NULL},
    {"our path climbs", "https://a.test/s/../x", NULL},
    {"encoded", "https://a.test/s/%2e%2e/x", NULL},
    {"encoded twice", "https://a.test/s/%252e%252e/x", NULL},
    {"with params", "https://a.test/s/..;/x", NULL},
    {"with a backslash", "https://a.test/s\\..\\x", NULL},
    {"overlong", "https://a.test/s/%c0%ae%c0%ae/x", NULL},
    {"NUL", "https://a.test/x%00", NULL},
    {"half an escape", "https://a.test/x%2", NULL},
    {"userinfo", "https://u@a.test/x", NULL},
    {"userinfo with our name", "https://a.test@other.test/x", NULL},
    {"a host without a scheme", "//a.test/x", NULL},
    {"a query instead of a path", "https://a.test?/x", NULL},
    {"a fragment instead of a path", "https://a.test#/x", NULL},
    {"a backslash behind the host", "https://a.test\\x", NULL},
    {"nothing", "", ""},
};

static void destinations(void **state)
{
    struct str names[] = {STR("a.test"), STR("b.test")};
    struct site site = {.names = names, .n_names = nitems(names)};
    struct destination to = {.ours = names[0], .host = names[0]};
    for (size_t i = 0; i < nitems(rows); i++) {
        struct exchange x = {.peer = {.tls = true}};
        struct str value = str_of(rows[i].value);
        int err = destination_fix(&x, &site, &to, &value);
        if (rows[i].passed == NULL && err != ERR_HTTP_TARGET)
            fail_msg("%s: passed as %.*s", rows[i].name, STR_ARG(value));
        if (rows[i].passed && (err != ERR_NONE || !str_eq(value, str_of(rows[i].passed))))
            fail_msg("%s: error %d, %.*s", rows[i].name, err, STR_ARG(value));
        arena_done(&x.mem);
    }
}

struct way_row {
    const char *ours;
    bool tls;
    const char *host;
    bool https;
    const char *value, *passed;
};

static const struct way_row way_rows[] = {
    /* a port of our own belongs to the name */
    {"a.test:8443", true, "a.test:8443", false, "https://a.test:8443/x", "http://a.test:8443/x"},
    {"a.test:8443", true, "a.test:8443", false, "https://b.test:8443/x", "http://a.test:8443/x"},
    {"a.test:8443", true, "a.test:8443", false, "https://a.test/x", "https://a.test/x"},
    {"[::1]:8443", true, "[::1]:8443", false, "https://[::1]:8443/x", "http://[::1]:8443/x"},
    /* the client sent the port that goes without saying */
    {"a.test:443", true, "a.test:443", false, "https://a.test/x", "http://a.test:443/x"},
    /* a plain client, a TLS backend */
    {"a.test", false, "a.test", true, "http://a.test/x", "https://a.test/x"},
    /* `host NAME`: the backend knows itself by that name only */
    {"a.test", true, "inside.test", false, "https://a.test/x", "http://inside.test/x"},
    {"a.test", true, "inside.test", false, "https://inside.test/x", "https://inside.test/x"},
};

static void ways_to_a_backend(void **state)
{
    struct str names[] = {STR("a.test"), STR("b.test")};
    struct site site = {.names = names, .n_names = nitems(names)};
    for (size_t i = 0; i < nitems(way_rows); i++) {
        const struct way_row *row = &way_rows[i];
        struct exchange x = {.peer = {.tls = row->tls}};
        struct destination to = {.ours = str_of(row->ours), .host = str_of(row->host), .https = row->https};
        struct str value = str_of(row->value);
        assert_int_equal(destination_fix(&x, &site, &to, &value), ERR_NONE);
        if (!str_eq(value, str_of(row->passed)))
            fail_msg("%s became %.*s", row->value, STR_ARG(value));
        arena_done(&x.mem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(destinations),
        cmocka_unit_test(ways_to_a_backend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
