/* What waits to be written: counted once, dropped or kept when the stream breaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "http/memory_stream.h"
#include "net/outbox.h"

enum { LARGE = 20000 };

struct bench {
    struct outbox box;
    struct memory_stream link, other;
    char large[LARGE];
};

static int set_up(void **state)
{
    static struct bench b;
    b = (struct bench){0};
    memory_stream_init(&b.link);
    memory_stream_init(&b.other);
    memset(b.large, 'x', sizeof b.large);
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    outbox_done(&b->box);
    memory_stream_done(&b->link);
    memory_stream_done(&b->other);
    return 0;
}

static void payload_is_counted_once_when_it_leaves(void **state)
{
    struct bench *b = *state;
    b->link.take = 10000;
    outbox_add(&b->box, STR("head"));
    outbox_payload(&b->box, &b->link.stream, str_from(b->large, LARGE));
    assert_int_equal(outbox_gone(&b->box), 9996);
    assert_false(outbox_flush(&b->box, &b->link.stream));
    assert_int_equal(outbox_gone(&b->box), 0);
    b->link.take = SIZE_MAX;
    assert_true(outbox_flush(&b->box, &b->link.stream));
    assert_int_equal(outbox_gone(&b->box), LARGE - 9996);
    assert_int_equal(b->link.out.len, 4 + LARGE);
}

/* A backend that rested and is gone took nothing: all of it goes out on the next connection. */
static void a_stream_that_took_nothing_leaves_all_of_it(void **state)
{
    struct bench *b = *state;
    b->link.fails = true;
    outbox_add(&b->box, STR("head"));
    outbox_payload(&b->box, &b->link.stream, str_from(b->large, LARGE));
    outbox_payload(&b->box, &b->link.stream, STR("small"));
    assert_false(outbox_flush(&b->box, &b->link.stream));
    assert_int_equal(b->box.err, ERR_RESET);
    assert_false(b->box.begun);
    assert_int_equal(outbox_gone(&b->box), 0);
    b->box.err = ERR_NONE;
    assert_true(outbox_flush(&b->box, &b->other.stream));
    assert_int_equal(b->other.out.len, 4 + LARGE + 5);
    assert_int_equal(outbox_gone(&b->box), LARGE + 5);
}

/* Or who sent it would wait for ever for its credit. */
static void what_is_dropped_counts_as_gone(void **state)
{
    struct bench *b = *state;
    b->link.take = 4;
    outbox_add(&b->box, STR("head"));
    assert_true(outbox_flush(&b->box, &b->link.stream));
    b->link.fails = true;
    outbox_payload(&b->box, &b->link.stream, str_from(b->large, LARGE));
    assert_int_equal(b->box.err, ERR_RESET);
    outbox_payload(&b->box, &b->link.stream, STR("small"));
    assert_int_equal(outbox_gone(&b->box), LARGE + 5);
    assert_int_equal(b->box.queue.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(payload_is_counted_once_when_it_leaves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stream_that_took_nothing_leaves_all_of_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_dropped_counts_as_gone, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
