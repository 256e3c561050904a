/* The table of directives: complete, documented, and each row does what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_cases.h"
#include "config/directive.h"

/* A good example of every row; the order does not matter. */
static const struct sample {
    const char *name;
    unsigned where;
    const char *text;
} samples[] = {
    {"email", IN_FILE, "email you@example.org"},
    {"http", IN_FILE, "http :8080"},
    {"https", IN_FILE, "https 192.0.2.1:8443"},
    {"data", IN_FILE, "data /var/lib/edge"},
    {"run", IN_FILE, "run /run/edge"},
    {"user", IN_FILE, "user edge"},
    {"workers", IN_FILE, "workers auto"},
    {"max_connections", IN_FILE, "max_connections 1000"},
    {"timeout", IN_FILE | IN_SITE, "timeout send 10s"},
    {"proxy_protocol", IN_FILE, "proxy_protocol from 192.0.2.0/24"},
    {"trusted_proxies", IN_FILE, "trusted_proxies 192.0.2.0/24"},
    {"tls", IN_FILE, "tls /etc/edge/certs"},
    {"tickets", IN_FILE, "tickets on"},
    {"log", IN_FILE, "log access json journal"},
    {"metrics", IN_FILE, "metrics 127.0.0.1:9100"},
    {"dashboard", IN_FILE, "dashboard 127.0.0.1:9101"},
    {"notify", IN_FILE, "notify mail root"},
    {"acme", IN_FILE, "acme {\n    directory letsencrypt\n}"},
    {"proxy", IN_SITE, "proxy 127.0.0.1:3000"},
    {"respond", IN_SITE, "respond 200 ok"},
    {"redirect", IN_SITE, "redirect https://example.org 301"},
    {"route", IN_SITE, "route /x/* proxy 127.0.0.1:3000"},
    {"tls", IN_SITE, "tls cert.pem key.pem"},
    {"http", IN_SITE, "http serve"},
    {"passthrough", IN_SITE, "passthrough 10.0.0.5:443 {\n    proxy_protocol v2\n}"},
    {"auth", IN_SITE, "auth except /s/* /api/v1/ws"},
    {"hsts", IN_SITE, "hsts max-age=31536000; includeSubDomains"},
    {"header", IN_SITE, "header response set X-Y {\"a\": 1}"},
    {"max_body", IN_SITE, "max_body 50G"},
    {"balance", IN_BACKEND, "balance least_connections"},
    {"check", IN_BACKEND, "check GET /api/status every 10s"},
    {"tls", IN_BACKEND, "tls insecure"},
    {"proxy_protocol", IN_BACKEND, "proxy_protocol v2"},
    {"max_connections", IN_BACKEND, "max_connections 10"},
    {"keepalive", IN_BACKEND, "keepalive off"},
    {"host", IN_BACKEND, "host nas.lan"},
    {"directory", IN_ACME, "directory letsencrypt"},
    {"ca_file", IN_ACME, "ca_file root.pem"},
    {"profile", IN_ACME, "profile tlsserver"},
    {"eab", IN_ACME, "eab id key"},
    {"fallback", IN_ACME, "fallback zerossl"},
    {"connect", IN_TIMEOUT | IN_SITE_TIMEOUT, "timeout connect 5s"},
    {"handshake", IN_TIMEOUT, "timeout handshake 10s"},
    {"head", IN_TIMEOUT, "timeout head 30s"},
    {"idle", IN_TIMEOUT, "timeout idle 75s"},
    {"send", IN_TIMEOUT | IN_SITE_TIMEOUT, "timeout send 600s"},
    {"response", IN_TIMEOUT | IN_SITE_TIMEOUT, "timeout response 3610s"},
    {"tunnel", IN_TIMEOUT | IN_SITE_TIMEOUT, "timeout tunnel 1h"},
    {"queue", IN_TIMEOUT | IN_SITE_TIMEOUT, "timeout queue 5s"},
    {"drain", IN_TIMEOUT, "timeout drain 10s"},
};

static const char *sample_of(const struct directive *row)
{
    for (size_t i = 0; i < nitems(samples); i++)
        if (strcmp(samples[i].name, row->name) == 0 && samples[i].where == row->where)
            return samples[i].text;
    fail_msg("no sample of `%s` in place %u", row->name, row->where);
    return NULL;
}

static void no_holes(void **state)
{
    size_t n;
    const struct directive *rows = directive_rows(&n);
    assert_int_equal(n, nitems(samples));
    for (size_t i = 0; i < n; i++) {
        const struct directive *row = &rows[i];
        bool good = row->name && row->name[0] && row->arguments && row->initial && row->help && row->help[0];
        good = good && row->where != 0 && row->where < 64 && row->least <= row->most && row->min <= row->max;
        /* Its length is a line's, and no full stop ends it. */
        good = good && strlen(row->help) < 90 && row->help[strlen(row->help) - 1] != '.';
        if (!good)
            fail_msg("row %zu: %s", i, row->name);
    }
}

static void names_are_unique(void **state)
{
    size_t n;
    const struct directive *rows = directive_rows(&n);
    for (unsigned where = IN_FILE; where <= IN_SITE_TIMEOUT; where *= 2)
        for (size_t i = 0; i < n; i++)
            if (rows[i].where & where)
                assert_ptr_equal(directive_find(str_of(rows[i].name), (enum where)where), &rows[i]);
}

static void put_sample(char *out, size_t room, unsigned where, const char *sample)
{
    bool through = strncmp(sample, "passthrough", 11) == 0, tls = through || strncmp(sample, "tls", 3) == 0;
    bool action = through || strncmp(sample, "proxy", 5) == 0 || sample[0] == 'r';
    if (where & (IN_SITE | IN_SITE_TIMEOUT))
        (void)snprintf(out, room, "a.test {\n%s%s%s\n}\n", tls ? "" : "tls a b\n",
                       action ? "" : "respond 200\n", sample);
    else if (where == IN_BACKEND)
        (void)snprintf(out, room, "a.test {\ntls off\nproxy %s {\n%s\n}\n}\n",
                       tls ? "https://a.lan https://b.lan" : "a.lan:80 b.lan:80", sample);
    else if (where == IN_ACME)
        (void)snprintf(out, room, "acme {\n%s\n}\n", sample);
    else
        (void)snprintf(out, room, "%s\n", sample);
}

/* A row without a setter is refused by its name. */
static void check_refused(const struct directive *row, const char *text)
{
    char expected[128];
    (void)snprintf(expected, sizeof expected, ": `%s` is not supported yet; remove it", row->name);
    const char *errors = case_errors(str_of(text)), *hit = strstr(errors, expected);
    if (!hit || hit[strlen(expected)] != '\0' || strchr(errors, '\n'))
        fail_msg("%s\n%s", text, errors);
}

static void every_row_works(void **state)
{
    size_t n;
    const struct directive *rows = directive_rows(&n);
    for (size_t i = 0; i < n; i++) {
        for (unsigned where = IN_FILE; where <= IN_SITE_TIMEOUT; where *= 2) {
            char text[512];
            if (!(rows[i].where & where))
                continue;
            put_sample(text, sizeof text, where, sample_of(&rows[i]));
            if (rows[i].set)
                snapshot_free(case_parse(text));
            else
                check_refused(&rows[i], text);
        }
    }
}

/* Without arguments, and with one more than there may be. */
static void every_row_counts(void **state)
{
    size_t n;
    const struct directive *rows = directive_rows(&n);
    for (size_t i = 0; i < n; i++) {
        const struct directive *row = &rows[i];
        char sample[128], text[512];
        if (!row->set || !(row->where & (IN_FILE | IN_SITE | IN_ACME | IN_BACKEND)))
            continue;
        unsigned where = row->where & IN_FILE ? IN_FILE : row->where;
        put_sample(text, sizeof text, where, row->name);
        if (row->least > 0 && !strstr(case_errors(str_of(text)), "misses a value"))
            fail_msg("%s", text);
        (void)snprintf(sample, sizeof sample, "%s a b c d e", row->name);
        put_sample(text, sizeof text, where, sample);
        if (row->most < 5 && !strstr(case_errors(str_of(text)), "has too many values"))
            fail_msg("%s", text);
    }
}

/* Both bounds are accepted, what lies beyond is not. */
static void bounds(void **state)
{
    size_t n;
    const struct directive *rows = directive_rows(&n);
    for (size_t i = 0; i < n; i++) {
        const struct directive *row = &rows[i];
        bool limit = (row->where & IN_TIMEOUT) != 0, count = (row->where & IN_FILE) && row->max > 0;
        if (!limit && !count)
            continue;
        long long values[] = {row->min - 1, row->min, row->max, row->max + 1};
        for (size_t j = 0; j < nitems(values); j++) {
            char text[128];
            (void)snprintf(text, sizeof text, limit ? "timeout %s %lldms" : "%s %lld", row->name, values[j]);
            if ((case_errors(str_of(text))[0] == '\0') != (j == 1 || j == 2))
                fail_msg("%s: %s", text, case_errors(str_of(text)));
        }
    }
}

/* edge.conf(5) tells of what exists, and of nothing else. Directives are `.It Ic NAME` there. */
static void manual(void **state)
{
    size_t n;
    const struct directive *rows = directive_rows(&n);
    struct buf text = {0};
    case_read("docs/edge.conf.5", &text);
    for (size_t i = 0; i < n; i++) {
        char item[64];
        bool limit = (rows[i].where & IN_TIMEOUT) != 0, documented = false;
        (void)snprintf(item, sizeof item, limit ? "\n.It Cm %s" : "\n.It Ic %s", rows[i].name);
        for (const char *at = (const char *)buf_data(&text); (at = strstr(at, item)); at++)
            documented = documented || at[strlen(item)] == ' ' || at[strlen(item)] == '\n';
        /* A word may mean something in one place and not yet in another. */
        for (size_t j = 0; j < n && !rows[i].set; j++)
            documented = documented && !(rows[j].set && strcmp(rows[j].name, rows[i].name) == 0);
        if (documented != (rows[i].set != NULL))
            fail_msg("`%s` is %s edge.conf(5)", rows[i].name, documented ? "in" : "missing in");
        if (documented && rows[i].initial[0] && !strstr((const char *)buf_data(&text), rows[i].initial))
            fail_msg("the default `%s` of `%s` is missing in edge.conf(5)", rows[i].initial, rows[i].name);
    }
    buf_done(&text);
}

static void example(void **state)
{
    struct buf text = {0};
    case_read("docs/example.conf", &text);
    snapshot_free(case_parse((const char *)buf_data(&text)));
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_holes),        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(every_row_works), cmocka_unit_test(every_row_counts),
        cmocka_unit_test(bounds),          cmocka_unit_test(manual),
        cmocka_unit_test(example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
