#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rand.h"
#include "tls/client_sessions.h"

static void make_key(uint8_t key[CLIENT_SESSION_KEY], unsigned number)
{
    memset(key, 0, CLIENT_SESSION_KEY);
    memcpy(key, &number, sizeof number);
}

static void save(struct client_sessions *s, unsigned number, uint16_t suite, msec now)
{
    uint8_t key[CLIENT_SESSION_KEY];
    const br_ssl_session_parameters p = {.cipher_suite = suite, .session_id_len = 32};
    make_key(key, number);
    client_sessions_save(s, key, &p, now);
}

/* The suite that was saved; 0: there is no session. */
static int find(const struct client_sessions *s, unsigned number, msec now)
{
    uint8_t key[CLIENT_SESSION_KEY];
    make_key(key, number);
    const br_ssl_session_parameters *p = client_sessions_find(s, key, now);
    return p ? p->cipher_suite : 0;
}

static void the_newest_stay(void **state)
{
    struct client_sessions s = {0};
    for (unsigned i = 0; i < CLIENT_SESSIONS; i++)
        save(&s, i, (uint16_t)(i + 1), i);
    save(&s, 0, 500, 1000); /* again: now the newest */
    save(&s, 1000, 501, 1001);
    assert_int_equal(find(&s, 0, 1001), 500);
    assert_int_equal(find(&s, 1, 1001), 0);
    assert_int_equal(find(&s, 1000, 1001), 501);
    for (unsigned i = 2; i < CLIENT_SESSIONS; i++)
        assert_int_equal(find(&s, i, 1001), i + 1);
}

static void old_and_forgotten(void **state)
{
    struct client_sessions s = {0};
    uint8_t key[CLIENT_SESSION_KEY];
    save(&s, 1, 10, 100);
    save(&s, 2, 20, 100);
    assert_int_equal(find(&s, 1, 100 + CLIENT_SESSION_LIFE_MS - 1), 10);
    assert_int_equal(find(&s, 1, 100 + CLIENT_SESSION_LIFE_MS), 0);
    make_key(key, 1);
    client_sessions_forget(&s, key);
    client_sessions_forget(&s, key);
    assert_int_equal(find(&s, 1, 101), 0);
    assert_int_equal(find(&s, 2, 101), 20);
}

static void keys_differ(void **state)
{
    int err = 0;
    struct tls_trust *a = tls_trust_new(STR(""), &err), *b = tls_trust_new(STR(""), &err);
    struct endpoint here = {.port = 443}, there = {.port = 444};
    assert_true(ip_parse(STR("192.0.2.1"), &here.ip) && ip_parse(STR("192.0.2.1"), &there.ip));
    uint8_t key[6][CLIENT_SESSION_KEY];
    client_sessions_key(key[0], a, STR("nas"), here);
    client_sessions_key(key[1], b, STR("nas"), here);
    client_sessions_key(key[2], a, STR("nas2"), here);
    client_sessions_key(key[3], a, STR("nas"), there);
    assert_true(ip_parse(STR("192.0.2.2"), &here.ip));
    client_sessions_key(key[4], a, STR("nas"), here);
    client_sessions_key(key[5], a, STR("nas"), here);
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(key[i], key[k], CLIENT_SESSION_KEY);
    assert_memory_equal(key[4], key[5], CLIENT_SESSION_KEY);
    tls_trust_free(a);
    tls_trust_free(b);
}

static int setup(void **state)
{
    return rand_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_stay),
        cmocka_unit_test(old_and_forgotten),
        cmocka_unit_test(keys_differ),
    };
    return cmocka_run_group_tests_name("tls/client_sessions", tests, setup, NULL);
}
