#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/list.h"

struct object {
    int number;
    struct list link;
};

static void order(void **state)
{
    struct list head;
    struct object o[5] = {0};
    list_init(&head);
    assert_true(list_empty(&head) && list_shift(&head) == NULL);
    for (int i = 0; i < 5; i++) {
        o[i].number = i;
        assert_false(list_linked(&o[i].link));
        list_append(&head, &o[i].link);
        assert_true(list_linked(&o[i].link));
    }
    list_remove(&o[2].link); /* middle, first, last */
    list_remove(&o[0].link);
    list_remove(&o[4].link);
    list_remove(&o[4].link); /* once more: nothing */
    struct list *first = list_shift(&head);
    assert_int_equal(LIST_OWNER(first, struct object, link)->number, 1);
    assert_false(list_linked(first));
    assert_ptr_equal(list_shift(&head), &o[3].link);
    assert_true(list_empty(&head));
}

static void again(void **state)
{
    struct list a, b;
    struct object o = {0};
    list_init(&a);
    list_init(&b);
    list_append(&a, &o.link);
    list_remove(&o.link);
    list_append(&b, &o.link);
    assert_true(list_empty(&a) && !list_empty(&b));
    list_remove(&o.link);
    assert_true(list_empty(&b) && o.link.next == NULL && o.link.prev == NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),
        cmocka_unit_test(again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
