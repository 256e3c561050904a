#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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
    int fds[4]; /* that came along */
    size_t n_fds;
};

static size_t open_descriptors(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void on_message(void *user, enum ipc_type type, const union ipc_body *body, int fd)
{
    struct end *e = user;
    e->messages++;
    if (type == IPC_DRAIN) {
        e->in_order = e->in_order && body->drain.limit_ms == e->last + 1;
        e->last = body->drain.limit_ms;
    }
    assert_true((type == IPC_CERTS) == (fd >= 0));
    if (fd >= 0 && e->n_fds < nitems(e->fds))
        e->fds[e->n_fds++] = fd;
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
    size_t descriptors;
};

enum { MANY = 3 };

static const struct bad bads[] = {
    {"an unknown type", {IPC_TYPES, 4, 1}, 12, 0},
    {"a type far away", {0xffffffff, 4, 1}, 12, 0},
    {"a length that is not its type's", {IPC_DRAIN, 8, 1, 2}, 16, 0},
    {"a body that is too short", {IPC_DRAIN, sizeof(struct ipc_drain)}, 8, 0},
    {"a body that is too long", {IPC_DRAIN, sizeof(struct ipc_drain), 1, 2}, 16, 0},
    {"longer than all messages", {IPC_DRAIN, sizeof(struct ipc_drain), 1, 2, 3, 4, 5, 6}, 32, 0},
    {"half a header", {IPC_DRAIN}, 4, 0},
    {"a descriptor with a message that carries none", {IPC_DRAIN, sizeof(struct ipc_drain), 1}, 12, 1},
    {"two of them", {IPC_DRAIN, sizeof(struct ipc_drain), 1}, 12, 2},
    {"certificates without a descriptor", {IPC_CERTS, 0}, 8, 0},
    {"certificates with two", {IPC_CERTS, 0}, 8, 2},
    {"certificates with many", {IPC_CERTS, 0}, 8, MANY},
    {"certificates with a body", {IPC_CERTS, 4, 1}, 12, 1},
    {"a descriptor with an unknown type", {IPC_TYPES, 0}, 8, 1},
};

static void send_bad(int fd, const struct bad *b)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(MANY * sizeof(int))];
    } control = {.bytes = {0}};
    uint32_t words[8];
    memcpy(words, b->words, sizeof words);
    struct iovec io = {.iov_base = words, .iov_len = b->n};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
    if (b->descriptors > 0) {
        const int fds[MANY] = {fd, fd, fd};
        size_t len = b->descriptors * sizeof fd;
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(len);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(len)};
        memcpy(CMSG_DATA(c), fds, len);
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

/* The supervisor is told, reads no further, and keeps nothing. */
static void the_supervisor_lives(void **state)
{
    for (size_t i = 0; i < nitems(bads); i++) {
        struct end e;
        size_t before = open_descriptors();
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
        if (open_descriptors() != before)
            fail_msg("%s: a descriptor is left open", bads[i].what);
    }
}

/* No message at all, as the end of the other side is; but a descriptor came along. */
static void empty_with_a_descriptor(void **state)
{
    static const struct bad empty = {.what = "nothing", .descriptors = 1};
    struct end e;
    size_t before = open_descriptors();
    int other = open_end(&e, &supervisor_calls);
    send_bad(other, &empty);
    loop_turn(e.loop, 1000);
    assert_int_equal(e.messages, 0);
    assert_int_equal(e.closed, 1);
    close(other);
    close_end(&e);
    assert_int_equal(open_descriptors(), before);
}

/* Descriptors */

/* What is written to the one can be read from the other. */
static void assert_piped(int to, int from)
{
    char byte = 0;
    assert_int_equal(write(to, "x", 1), 1);
    assert_int_equal(read(from, &byte, 1), 1);
    assert_int_equal(byte, 'x');
}

static void with_a_descriptor(void **state)
{
    struct end sender, reader;
    int ends[2];
    size_t before = open_descriptors();
    int other = open_end(&sender, &role_calls);
    reader = (struct end){.loop = sender.loop, .in_order = true};
    reader.ipc = ipc_new(reader.loop, other, &role_calls, &reader);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(ipc_send_fd(sender.ipc, IPC_CERTS, ends[1]), 0);
    close(ends[1]);
    loop_turn(sender.loop, 1000);
    assert_int_equal(reader.messages, 1);
    assert_int_equal(reader.n_fds, 1);
    assert_int_equal(fcntl(reader.fds[0], F_GETFD), FD_CLOEXEC);
    assert_piped(reader.fds[0], ends[0]);
    close(reader.fds[0]);
    close(ends[0]);
    ipc_free(reader.ipc);
    close_end(&sender);
    assert_int_equal(open_descriptors(), before);
}

/* From now on everything is queued. Returns how many messages it took. */
static uint32_t fill_socket(int fd)
{
    uint32_t n = 0;
    for (;; n++) {
        uint32_t drain[] = {IPC_DRAIN, sizeof(struct ipc_drain), n + 1};
        if (send(fd, drain, sizeof drain, 0) < 0)
            break;
        assert_true(n < 100000);
    }
    assert_int_equal(errno, EAGAIN);
    return n;
}

/* A sender whose socket is full, with two descriptors in its queue; ends[0] and [1] are where theirs lead to. */
static int queue_two(struct end *sender, int ends[2], uint32_t *filled)
{
    int fds[2];
    assert_int_equal(ipc_pair(fds), 0);
    *sender = (struct end){.loop = loop_new(), .in_order = true};
    *filled = fill_socket(fds[0]);
    sender->ipc = ipc_new(sender->loop, fds[0], &role_calls, sender);
    assert_non_null(sender->ipc);
    for (size_t i = 0; i < 2; i++) {
        int made[2];
        assert_int_equal(pipe(made), 0);
        ends[i] = made[0];
        assert_int_equal(ipc_send_fd(sender->ipc, IPC_CERTS, made[1]), 0);
        close(made[1]);
    }
    return fds[1];
}

static void queued_with_descriptors(void **state)
{
    struct end sender, reader;
    int ends[2];
    uint32_t filled;
    size_t before = open_descriptors();
    int other = queue_two(&sender, ends, &filled);
    union ipc_body last = {.drain = {.limit_ms = filled + 1}};
    assert_int_equal(ipc_send(sender.ipc, IPC_DRAIN, &last), 0);
    reader = (struct end){.loop = sender.loop, .in_order = true};
    reader.ipc = ipc_new(reader.loop, other, &role_calls, &reader);
    for (int turn = 0; turn < 10000 && reader.messages < filled + 3; turn++)
        loop_turn(sender.loop, 10);
    assert_int_equal(reader.messages, filled + 3);
    assert_true(reader.in_order);
    assert_int_equal(reader.n_fds, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_piped(reader.fds[i], ends[i]);
        close(reader.fds[i]);
        close(ends[i]);
    }
    ipc_free(reader.ipc);
    close_end(&sender);
    assert_int_equal(open_descriptors(), before);
}

/* Nobody holds the pipe any more. */
static void assert_at_end(int end)
{
    char byte;
    assert_int_equal(read(end, &byte, 1), 0);
    close(end);
}

static void freed_with_queued_descriptors(void **state)
{
    struct end sender;
    int ends[2];
    uint32_t filled;
    size_t before = open_descriptors();
    int other = queue_two(&sender, ends, &filled);
    close_end(&sender);
    close(other);
    for (size_t i = 0; i < 2; i++)
        assert_at_end(ends[i]);
    assert_int_equal(open_descriptors(), before);
}

static void gone_with_queued_descriptors(void **state)
{
    struct end sender;
    int ends[2];
    uint32_t filled;
    size_t before = open_descriptors();
    int other = queue_two(&sender, ends, &filled);
    close(other);
    loop_turn(sender.loop, 1000);
    assert_int_equal(sender.closed, 1);
    for (size_t i = 0; i < 2; i++)
        assert_at_end(ends[i]);
    close_end(&sender);
    assert_int_equal(open_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(freed_inside_its_own_call),
        cmocka_unit_test(queue_is_bounded),
        cmocka_unit_test(a_role_dies),
        cmocka_unit_test(the_supervisor_lives),
        cmocka_unit_test(empty_with_a_descriptor),
        cmocka_unit_test(with_a_descriptor),
        cmocka_unit_test(queued_with_descriptors),
        cmocka_unit_test(freed_with_queued_descriptors),
        cmocka_unit_test(gone_with_queued_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
