#include "http/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* a, B, A, c: values tell them apart. */
static void fill(struct head *h, struct arena *mem)
{
    *h = (struct head){.method = STR("GET")};
    assert_int_equal(head_add(h, mem, STR("a"), STR("1, x")), 0);
    assert_int_equal(head_add(h, mem, STR("B"), STR("2")), 0);
    assert_int_equal(head_add(h, mem, STR("A"), STR("Y , \"q,z\",")), 0);
    assert_int_equal(head_add(h, mem, STR("c"), STR("")), 0);
}

static void find(void **state)
{
    struct arena mem = {0};
    struct head h;
    fill(&h, &mem);
    const struct field *f = head_find(&h, STR("A"));
    assert_true(f == &h.fields[0]);
    f = head_next(&h, STR("a"), f);
    assert_true(f == &h.fields[2]);
    assert_null(head_next(&h, STR("a"), f));
    assert_true(head_next(&h, STR("b"), NULL) == &h.fields[1]);
    assert_null(head_find(&h, STR("d")));
    assert_null(head_find(&h, STR("")));
    assert_null(head_find(&(struct head){0}, STR("a")));
    arena_done(&mem);
}

static void single(void **state)
{
    struct arena mem = {0};
    struct head h;
    struct str value = STR("unchanged");
    fill(&h, &mem);
    assert_false(head_single(&h, STR("a"), &value));
    assert_false(head_single(&h, STR("d"), &value));
    assert_true(str_eq(value, STR("unchanged")));
    assert_true(head_single(&h, STR("b"), &value));
    assert_true(str_eq(value, STR("2")));
    assert_true(head_single(&h, STR("C"), &value));
    assert_int_equal(value.n, 0);
    arena_done(&mem);
}

static void lists(void **state)
{
    static const struct {
        bool there;
        struct str name, element;
    } rows[] = {
        {true, {"A", 1}, {"1", 1}},  {true, {"a", 1}, {"X", 1}},   {true, {"a", 1}, {"y", 1}},
        {false, {"a", 1}, {"z", 1}}, {false, {"a", 1}, {"", 0}},   {false, {"c", 1}, {"", 0}},
        {false, {"d", 1}, {"1", 1}}, {false, {"a", 1}, {"1,", 2}}, {true, {"a", 1}, {"\"q,z\"", 5}},
    };
    struct arena mem = {0};
    struct head h;
    fill(&h, &mem);
    for (size_t i = 0; i < nitems(rows); i++)
        assert_int_equal(head_lists(&h, rows[i].name, rows[i].element), rows[i].there);
    arena_done(&mem);
}

static void removal(void **state)
{
    struct arena mem = {0};
    struct head h;
    fill(&h, &mem);
    assert_int_equal(head_remove(&h, STR("d")), 0);
    assert_int_equal(head_remove(&h, STR("A")), 2);
    assert_int_equal(h.n_fields, 2);
    assert_true(str_eq(h.fields[0].name, STR("B")));
    assert_true(str_eq(h.fields[1].name, STR("c")));
    assert_int_equal(head_add(&h, &mem, STR("e"), STR("5")), 0);
    assert_true(str_eq(h.fields[2].name, STR("e")));
    assert_int_equal(head_remove(&(struct head){0}, STR("a")), 0);
    arena_done(&mem);
}

static bool is_empty(const struct field *f, void *context)
{
    ++*(int *)context;
    return f->value.n == 0;
}

static void removal_by_rule(void **state)
{
    struct arena mem = {0};
    struct head h;
    int calls = 0;
    fill(&h, &mem);
    assert_int_equal(head_remove_if(&h, is_empty, &calls), 1);
    assert_int_equal(calls, 4);
    assert_int_equal(h.n_fields, 3);
    assert_true(str_eq(h.fields[2].name, STR("A")));
    arena_done(&mem);
}

/* A head grows beyond its array without losing a field. */
static void growth(void **state)
{
    struct arena mem = {0};
    struct head h = {0};
    for (size_t i = 0; i < HEAD_MAX_FIELDS; i++)
        assert_int_equal(head_add(&h, &mem, arena_printf(&mem, "n%zu", i), STR("v")), 0);
    assert_int_equal(h.n_fields, HEAD_MAX_FIELDS);
    for (size_t i = 0; i < HEAD_MAX_FIELDS; i++)
        assert_true(str_eq(h.fields[i].name, arena_printf(&mem, "n%zu", i)));
    arena_done(&mem);
}

static void copy(void **state)
{
    struct arena from_mem = {0}, mem = {0};
    struct head from, to;
    fill(&from, &from_mem);
    from.path = arena_printf(&from_mem, "/p");
    from.target = from.path;
    from.authority = arena_printf(&from_mem, "host");
    from.reason = (struct str){NULL, 0};
    from.framing = FRAME_LENGTH;
    from.length = 7;
    from.upgrade = true;
    assert_int_equal(head_copy(&to, &from, &mem), 0);
    struct head second;
    assert_int_equal(head_copy(&second, &(struct head){0}, &mem), 0);
    assert_int_equal(second.n_fields, 0);
    /* valgrind and ASan tell whether anything still points there */
    arena_done(&from_mem);
    assert_true(str_eq(to.method, STR("GET")) && method_is(&to, STR("GET")) && !method_is(&to, STR("get")));
    assert_true(str_eq(to.path, STR("/p")) && str_eq(to.target, STR("/p")) &&
                str_eq(to.authority, STR("host")));
    assert_true(to.framing == FRAME_LENGTH && to.length == 7 && to.upgrade && to.reason.n == 0);
    assert_int_equal(to.n_fields, 4);
    assert_true(str_eq(to.fields[2].value, STR("Y , \"q,z\",")));
    assert_int_equal(to.fields[3].value.n, 0);
    /* the copy can grow on its own */
    assert_int_equal(head_add(&to, &mem, STR("e"), STR("5")), 0);
    assert_int_equal(to.n_fields, 5);
    arena_done(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find),    cmocka_unit_test(single), cmocka_unit_test(lists),
        cmocka_unit_test(removal), cmocka_unit_test(growth), cmocka_unit_test(removal_by_rule),
        cmocka_unit_test(copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
