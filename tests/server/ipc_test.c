#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/str.h"
#include "net/loop.h"
#include "server/ipc.h"

struct end {
    struct loop *loop;
    struct ipc *ipc;
    size_t messages, closed, broken;
    uint32_t last;
    bool in_order, free_in_message;
};

static void on_message(void *user, enum ipc_type type, const union ipc_body *body, int fd)
{
    struct end *e = user;
    e->messages++;
    if (type == IPC_DRAIN) {
        e->in_order = e->in_order && body->drain.limit_ms == e->last + 1;
        e->last = body->drain.limit_ms;
    }
    if (e->free_in_message)
        ipc_free(e->ipc);
}

static void on_closed(void *user)
{
    struct end *e = user;
    e->closed++;
}

static void on_broken(void *user)
{
    struct end *e = user;
    e->broken++;
}

static const struct ipc_user role_calls = {.message = on_message, .closed = on_closed};
static const struct ipc_user supervisor_calls = {
    .message = on_message, .closed = on_closed, .broken = on_broken};

/* One end under an ipc, the other one bare. */
static int open_end(struct end *e, const struct ipc_user *calls)
{
    int fds[2];
    assert_int_equal(ipc_pair(fds), 0);
    *e = (struct end){.loop = loop_new(), .in_order = true};
    assert_non_null(e->loop);
    e->ipc = ipc_new(e->loop, fds[0], calls, e);
    assert_non_null(e->ipc);
    return fds[1];
}

static void close_end(struct end *e)
{
    ipc_free(e->ipc);
    loop_turn(e->loop, 0);
    loop_free(e->loop);
}

static void round_trip(void **state)
{
    int fds[2];
    struct end a = {.in_order = true};
    struct end b = {.in_order = true};
    a.loop = b.loop = loop_new();
    assert_int_equal(ipc_pair(fds), 0);
    a.ipc = ipc_new(a.loop, fds[0], &role_calls, &a);
    b.ipc = ipc_new(b.loop, fds[1], &role_calls, &b);
    union ipc_body drain = {.drain = {.limit_ms = 1}};
    assert_int_equal(ipc_send(a.ipc, IPC_DRAIN, &drain), 0);
    assert_int_equal(ipc_send(b.ipc, IPC_READY, NULL), 0);
    loop_turn(a.loop, 100);
    loop_turn(a.loop, 0);
    assert_int_equal(a.messages, 1);
    assert_int_equal(b.messages, 1);
    assert_int_equal(b.last, 1);
    ipc_free(b.ipc);
    loop_turn(a.loop, 100);
    assert_int_equal(a.closed, 1);
    assert_int_equal(ipc_send(a.ipc, IPC_DRAIN, &drain), -1);
    close_end(&a);
}

static void freed_inside_its_own_call(void **state)
{
    struct end e;
    int other = open_end(&e, &role_calls);
    e.free_in_message = true;
    uint32_t drain[] = {IPC_DRAIN, sizeof(struct ipc_drain), 1};
    for (int i = 0; i < 3; i++)
        assert_int_equal(send(other, drain, sizeof drain, 0), (int)sizeof drain);
    loop_turn(e.loop, 100);
    assert_int_equal(e.messages, 1);
    close(other);
    loop_free(e.loop);
}

/* What a reader that sleeps cannot take is kept up to a bound; then the sender is told, and nothing was lost or swapped. */
static void queue_is_bounded(void **state)
{
    struct end sender, reader;
    int other = open_end(&sender, &role_calls);
    uint32_t sent = 0;
    union ipc_body body;
    for (;;) {
        body.drain.limit_ms = sent + 1;
        if (ipc_send(sender.ipc, IPC_DRAIN, &body) < 0)
            break;
        assert_true(++sent < 100000);
    }
    assert_true(sent > IPC_QUEUE);
    reader = (struct end){.loop = sender.loop, .in_order = true};
    reader.ipc = ipc_new(reader.loop, other, &role_calls, &reader);
    for (int turn = 0; turn < 10000 && reader.messages < sent; turn++)
        loop_turn(sender.loop, 10);
    assert_int_equal(reader.messages, sent);
    assert_true(reader.in_order);
    body.drain.limit_ms = sent + 1;
    assert_int_equal(ipc_send(sender.ipc, IPC_DRAIN, &body), 0);
    ipc_free(reader.ipc);
    close_end(&sender);
}

struct bad {
    const char *what;
    uint32_t words[8];
    size_t n; /* bytes sent */
    bool with_descriptor;
};

static const struct bad bads[] = {
    {"an unknown type", {IPC_TYPES, 4, 1}, 12, false},
    {"a type far away", {0xffffffff, 4, 1}, 12, false},
    {"a length that is not its type's", {IPC_DRAIN, 8, 1, 2}, 16, false},
    {"a body that is too short", {IPC_DRAIN, sizeof(struct ipc_drain)}, 8, false},
    {"a body that is too long", {IPC_DRAIN, sizeof(struct ipc_drain), 1, 2}, 16, false},
    {"longer than all messages", {IPC_DRAIN, sizeof(struct ipc_drain), 1, 2, 3, 4, 5, 6}, 32, false},
    {"half a header", {IPC_DRAIN}, 4, false},
    {"a descriptor", {IPC_DRAIN, sizeof(struct ipc_drain), 1}, 12, true},
};

static void send_bad(int fd, const struct bad *b)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    uint32_t words[8];
    memcpy(words, b->words, sizeof words);
    struct iovec io = {.iov_base = words, .iov_len = b->n};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
    if (b->with_descriptor) {
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        *c = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    assert_int_equal(sendmsg(fd, &m, 0), (int)b->n);
}

/* A role that does not understand its supervisor ends itself. */
static void a_role_dies(void **state)
{
    for (size_t i = 0; i < nitems(bads); i++) {
        struct end e;
        int other = open_end(&e, &role_calls);
        send_bad(other, &bads[i]);
        pid_t pid = fork();
        if (pid == 0) {
            loop_turn(e.loop, 1000);
            _exit(0);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
            fail_msg("%s: status %x", bads[i].what, (unsigned)status);
        close(other);
        close_end(&e);
    }
}

/* The supervisor is told, and reads no further. */
static void the_supervisor_lives(void **state)
{
    for (size_t i = 0; i < nitems(bads); i++) {
        struct end e;
        uint32_t good[] = {IPC_DRAIN, sizeof(struct ipc_drain), 1};
        int other = open_end(&e, &supervisor_calls);
        send_bad(other, &bads[i]);
        assert_int_equal(send(other, good, sizeof good, 0), (int)sizeof good);
        loop_turn(e.loop, 1000);
        loop_turn(e.loop, 0);
        if (e.broken != 1 || e.messages != 0 || e.closed != 0)
            fail_msg("%s", bads[i].what);
        close(other);
        close_end(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),           cmocka_unit_test(freed_inside_its_own_call),
        cmocka_unit_test(queue_is_bounded),     cmocka_unit_test(a_role_dies),
        cmocka_unit_test(the_supervisor_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
