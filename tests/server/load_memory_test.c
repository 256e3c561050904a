#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/load_memory.h"

static const struct load_shape shape = {.workers = 2, .backends = 3};

static int child(int fd)
{
    struct load l;
    if (load_memory_map(fd, shape, &l) < 0)
        return 1;
    return load_take(&l, 1, 2, 0) ? 0 : 2;
}

/* What a worker has in use is seen by the others, and gone when the supervisor clears what it left. */
static void shared(void **state)
{
    struct load l;
    int status, fd = load_memory_new(shape, &l);
    assert_true(fd >= 0);
    assert_int_equal(load_in_use(&l, 2), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(child(fd));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(load_in_use(&l, 2), 1);
    load_clear_worker(&l, 0);
    assert_int_equal(load_in_use(&l, 2), 1);
    load_clear_worker(&l, 1);
    assert_int_equal(load_in_use(&l, 2), 0);
    close(fd);
}

/* A map of another shape would lie behind the memory's end; and nobody can take that end away. */
static void another_shape(void **state)
{
    struct load l, other;
    int fd = load_memory_new(shape, &l);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 1), -1);
    assert_int_equal(load_memory_map(dup(fd), (struct load_shape){.workers = 2, .backends = 4}, &other), -1);
    assert_int_equal(load_memory_map(-1, shape, &other), -1);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared),
        cmocka_unit_test(another_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
