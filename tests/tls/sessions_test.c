#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rand.h"
#include "tls/sessions.h"

enum { SIZE = 64 * 1024, HEADER = 32 };

struct world {
    uint64_t memory[SIZE / 8];
    struct sessions sessions;
    uint8_t binding[SESSION_BINDING];
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w || rand_init() < 0)
        return -1;
    assert_int_equal(sessions_init(&w->sessions, w->memory, SIZE), 0);
    sessions_binding(w->binding, (const uint8_t[32]){1}, STR("a.test"));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static struct saved_session make(unsigned i)
{
    struct saved_session s = {.suite = (uint16_t)(0xc000 + i % 100)};
    rand_bytes(s.id, sizeof s.id);
    memset(s.master, (int)i, sizeof s.master);
    return s;
}

static bool load(struct world *w, const struct saved_session *s, msec now)
{
    struct saved_session got = {0};
    memcpy(got.id, s->id, sizeof got.id);
    if (!sessions_load(&w->sessions, &got, w->binding, now)) {
        assert_int_equal(got.suite, 0);
        return false;
    }
    assert_memory_equal(got.master, s->master, sizeof got.master);
    assert_int_equal(got.suite, s->suite);
    return true;
}

static void saved_and_found(void **state)
{
    struct world *w = *state;
    struct saved_session s = make(7), other = make(8);
    sessions_save(&w->sessions, &s, w->binding, 1000);
    assert_true(load(w, &s, 1000));
    assert_false(load(w, &other, 1000));
    /* Another process maps the same memory. */
    assert_int_equal(sessions_init(&w->sessions, w->memory, SIZE), 0);
    assert_true(load(w, &s, 1000));
}

static void bound_to_name_and_certificate(void **state)
{
    struct world *w = *state;
    struct saved_session s = make(7);
    sessions_save(&w->sessions, &s, w->binding, 1000);
    sessions_binding(w->binding, (const uint8_t[32]){1}, STR("b.test"));
    assert_false(load(w, &s, 1000));
    sessions_binding(w->binding, (const uint8_t[32]){2}, STR("a.test"));
    assert_false(load(w, &s, 1000));
    sessions_binding(w->binding, (const uint8_t[32]){1}, STR("a.test"));
    assert_true(load(w, &s, 1000));
}

static void lives_a_day(void **state)
{
    struct world *w = *state;
    struct saved_session s = make(7);
    sessions_save(&w->sessions, &s, w->binding, 1000);
    assert_true(load(w, &s, 1000 + SESSIONS_LIFE_MS - 1));
    assert_false(load(w, &s, 1000 + SESSIONS_LIFE_MS));
    assert_false(load(w, &s, 999));
}

/* A process that died in the middle of a write: every byte of the slot is checked. */
static void torn_slot_is_a_miss(void **state)
{
    struct world *w = *state;
    struct saved_session s = make(7);
    uint8_t *bytes = (uint8_t *)w->memory;
    sessions_save(&w->sessions, &s, w->binding, 1000);
    size_t touched = 0;
    for (size_t i = HEADER; i < SIZE; i++) {
        if (bytes[i] == 0)
            continue;
        bytes[i] ^= 0x10;
        assert_false(load(w, &s, 1000));
        bytes[i] ^= 0x10;
        touched++;
    }
    assert_true(touched > SESSION_ID + SESSION_MASTER);
    assert_true(load(w, &s, 1000));
}

static void a_full_table_loses_the_oldest(void **state)
{
    enum { MANY = 4000 };
    struct world *w = *state;
    struct saved_session *all = calloc(MANY, sizeof *all);
    unsigned found = 0;
    for (unsigned i = 0; i < MANY; i++) {
        all[i] = make(i);
        sessions_save(&w->sessions, &all[i], w->binding, 1000 + i);
        assert_true(load(w, &all[i], 1000 + i));
    }
    for (unsigned i = 0; i < MANY; i++) {
        bool there = load(w, &all[i], 1000 + MANY);
        found += there;
        assert_true(i >= 1000 || !there);
    }
    assert_in_range(found, SIZE / 160 * 9 / 10, SIZE / 136);
    free(all);
}

static void memory_too_small(void **state)
{
    struct sessions s;
    uint64_t memory[256] = {0};
    assert_int_equal(sessions_init(&s, memory, 512), -1);
    assert_int_equal(sessions_init(&s, memory, sessions_size(1)), 0);
    assert_int_equal(s.sets, 1);
    assert_true(sessions_size(1000) >= (size_t)1000 * 136);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(saved_and_found, setup, teardown),
        cmocka_unit_test_setup_teardown(bound_to_name_and_certificate, setup, teardown),
        cmocka_unit_test_setup_teardown(lives_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(torn_slot_is_a_miss, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_table_loses_the_oldest, setup, teardown),
        cmocka_unit_test(memory_too_small),
    };
    return cmocka_run_group_tests_name("tls/sessions", tests, NULL, NULL);
}
