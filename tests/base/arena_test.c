#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void pieces(void **state)
{
    struct arena a = {0};
    uint8_t *pieces[500];
    for (size_t i = 0; i < nitems(pieces); i++) {
        pieces[i] = arena_alloc(&a, i + 1);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        memset(pieces[i], (int)i & 0xff, i + 1);
    }
    for (size_t i = 0; i < nitems(pieces); i++)
        for (size_t j = 0; j <= i; j++)
            assert_int_equal(pieces[i][j], i & 0xff);
    assert_true(a.total >= 500 * 501 / 2);
    arena_done(&a);
    assert_true(a.blocks == NULL && a.total == 0);
    arena_done(&a);
}

static void large(void **state)
{
    struct arena a = {0};
    char *p = arena_alloc(&a, 1 << 20);
    assert_non_null(p);
    memset(p, 1, 1 << 20);
    assert_non_null(arena_alloc(&a, 0));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 20));
    assert_null(arena_zalloc(&a, SIZE_MAX / 4, 8));
    assert_non_null(arena_zalloc(&a, 0, 8));
    assert_non_null(arena_zalloc(&a, 8, 0));
    arena_done(&a);
}

static void zeroed(void **state)
{
    struct arena a = {0};
    for (size_t n = 1; n < 300; n++) {
        uint8_t *p = arena_zalloc(&a, n, 3);
        for (size_t i = 0; i < n * 3; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, n * 3);
    }
    arena_done(&a);
}

static void texts(void **state)
{
    struct arena a = {0};
    struct str copy = arena_dup(&a, str_from("abcdef", 3));
    assert_true(str_eq(copy, STR("abc")) && copy.p[3] == '\0');
    copy = arena_dup(&a, (struct str){NULL, 0});
    assert_true(copy.p && copy.n == 0 && copy.p[0] == '\0');
    assert_string_equal(arena_cstr(&a, STR("xyz")), "xyz");
    copy = arena_printf(&a, "%s-%04d", "n", 7);
    assert_true(str_eq(copy, STR("n-0007")) && copy.p[6] == '\0');
    assert_true(arena_printf(&a, "%5000d", 1).n == 5000);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces),
        cmocka_unit_test(large),
        cmocka_unit_test(zeroed),
        cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
