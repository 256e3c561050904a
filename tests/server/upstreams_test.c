#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/parse.h"
#include "server/upstreams.h"

static struct snapshot *parse(const char *configuration)
{
    struct buf errors = {0};
    struct snapshot *s = config_parse("test.conf", str_of(configuration), &errors);
    if (!s)
        fail_msg("%.*s", STR_ARG(buf_str(&errors)));
    buf_done(&errors);
    return s;
}

/* Every backend is met once: their ids are 0, 1, 2 …, without a hole. */
static void all_groups(void **state)
{
    struct snapshot *s = parse("a.test {\n route /x/* proxy 127.0.0.1:1 127.0.0.1:2\n route /y respond 404\n"
                               " route * proxy 127.0.0.1:3\n tls off\n}\n"
                               "b.test { respond 200\n tls off\n}\n"
                               "c.test { passthrough 127.0.0.1:4 }\n"
                               "d.test { proxy https://127.0.0.1:5 { tls insecure }\n tls off\n}\n");
    bool met[5] = {false};
    size_t groups = 0, tls = 0;
    for (struct upstream_cursor c = {0}; upstreams_next(s, &c); groups++) {
        tls += upstream_speaks_tls(&c) ? 1 : 0;
        for (size_t i = 0; i < c.upstream->n_backends; i++) {
            size_t id = c.upstream->backends[i].id;
            assert_true(id < 5 && !met[id]);
            met[id] = true;
        }
    }
    assert_int_equal(s->n_backends, 5);
    assert_int_equal(groups, 4);
    assert_int_equal(tls, 1); /* with what is passed through edge does not speak */
    for (size_t i = 0; i < 5; i++)
        assert_true(met[i]);
    snapshot_free(s);
}

static void who_needs_a_resolver(void **state)
{
    static const struct {
        const char *configuration;
        bool needed;
    } rows[] = {
        {"a.test { respond 200\n tls off\n}\n", false},
        {"a.test { proxy 127.0.0.1:1 localhost:2 unix:/run/x\n tls off\n}\n", false},
        {"a.test { proxy 127.0.0.1:1 nas.lan:2\n tls off\n}\n", true},
        {"a.test { proxy 127.0.0.1:1 127.0.0.1:2 { check }\n tls off\n}\n", true},
        {"a.test { passthrough 127.0.0.1:1 }\n", false},
        {"a.test { passthrough nas.lan:443 }\n", true},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        struct snapshot *s = parse(rows[i].configuration);
        if (upstreams_need_resolver(s) != rows[i].needed)
            fail_msg("%s", rows[i].configuration);
        snapshot_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_groups),
        cmocka_unit_test(who_needs_a_resolver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
