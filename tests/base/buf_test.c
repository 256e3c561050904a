#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void empty(void **state)
{
    struct buf b = {0};
    assert_true(str_eq(buf_str(&b), STR("")));
    assert_null(buf_data(&b));
    assert_true(buf_add(&b, NULL, 0));
    buf_take(&b, 5);
    buf_shrink(&b);
    assert_null(b.mem);
    buf_wipe(&b);
    buf_done(&b);
}

static void queue(void **state)
{
    struct buf b = {0};
    assert_true(buf_add_str(&b, STR("hello")) && buf_printf(&b, " %s %d", "world", 42));
    assert_true(str_eq(buf_str(&b), STR("hello world 42")));
    buf_take(&b, 6);
    assert_true(str_eq(buf_str(&b), STR("world 42")));
    buf_shrink(&b); /* not empty: stays */
    assert_int_equal(b.len, 8);
    buf_take(&b, 99);
    assert_true(b.len == 0 && b.start == 0 && b.mem);
    buf_shrink(&b);
    assert_true(b.mem == NULL && b.cap == 0);
}

/* What is held stays the same while the front moves, the buffer grows, and the bytes go back to its start. */
static void against_a_model(void **state)
{
    struct buf b = {0};
    uint8_t next_in = 0, next_out = 0;
    unsigned seed = 1;
    for (int i = 0; i < 20000; i++) {
        seed = seed * 1103515245 + 12345;
        size_t n = (seed >> 16) % 700;
        if (seed & 0x8000) {
            uint8_t *at = buf_reserve(&b, n + 1);
            assert_non_null(at);
            for (size_t j = 0; j < n; j++)
                at[j] = next_in++;
            buf_added(&b, n);
        } else {
            size_t before = b.len;
            size_t taken = n < before ? n : before;
            for (size_t j = 0; j < taken; j++)
                assert_int_equal(buf_data(&b)[j], next_out++);
            buf_take(&b, n);
            assert_int_equal(b.len, before - taken);
        }
        assert_true(b.start + b.len <= b.cap);
    }
    buf_done(&b);
}

static void bounded(void **state)
{
    struct buf b = {0};
    assert_true(buf_add(&b, "x", 1));
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_null(buf_reserve(&b, SIZE_MAX / 2));
    assert_true(str_eq(buf_str(&b), STR("x")));
    /* A queue that is filled and emptied does not grow. */
    for (int i = 0; i < 1000; i++) {
        assert_true(buf_add(&b, "0123456789", 10));
        buf_take(&b, 10);
    }
    assert_int_equal(b.cap, 256);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty),
        cmocka_unit_test(queue),
        cmocka_unit_test(against_a_model),
        cmocka_unit_test(bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
