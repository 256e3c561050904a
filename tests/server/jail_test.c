/* What a worker and a keeper can do once they are jailed, and what not. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "net/addr.h"
#include "net/sock.h"
#include "server/jail.h"
#include "server/jail_lab.h"
#include "server/jail_seccomp.h"

/* What a process has at hand when it enters its jail. */
struct inside {
    int backend; /* listens on a port the jail allows */
    int other;   /* listens on one it does not */
    struct endpoint backend_at, other_at;
    int unix_listener;
    struct str unix_path;
    int epoll;
    int fresh; /* a socket that was never used */
    pid_t parent;
};

struct row {
    const char *what;
    enum kind kind;
    int (*attempt)(struct inside *in); /* 0: it worked; else errno */
    unsigned needs;                    /* enum jail_part */
    bool not_asan;                     /* sanitizers read files */
};

/* Files and programs */

static int open_to_read(struct inside *in)
{
    return outcome(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int open_directory(struct inside *in)
{
    return outcome(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int create_file(struct inside *in)
{
    return outcome(open("/tmp/edge-jail-test-intruder", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int remove_file(struct inside *in)
{
    return outcome(unlink(in->unix_path.p));
}

static int make_directory(struct inside *in)
{
    return outcome(mkdirat(AT_FDCWD, "/tmp/edge-jail-test-intruder", 0700));
}

static int run_program(struct inside *in)
{
    char *const argv[] = {(char[]){"true"}, NULL};
    return outcome(execv("/bin/true", argv));
}

static int make_executable_memory(struct inside *in)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? errno : 0;
}

static int make_memory_executable(struct inside *in)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? SETUP_FAILED : outcome(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

/* Processes and rights */

static int fork_child(struct inside *in)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return outcome(pid);
}

static int signal_parent(struct inside *in)
{
    return outcome(kill(in->parent, 0));
}

static int signal_parent_thread(struct inside *in)
{
    return outcome(syscall(SYS_tgkill, in->parent, in->parent, 0));
}

static int trace_parent(struct inside *in)
{
    return outcome(ptrace(PTRACE_SEIZE, in->parent, NULL, NULL));
}

static int read_parent(struct inside *in)
{
    char byte;
    struct iovec to = {.iov_base = &byte, .iov_len = 1}, from = {.iov_base = &byte, .iov_len = 1};
    return outcome(process_vm_readv(in->parent, &to, 1, &from, 1, 0));
}

static int become_dumpable(struct inside *in)
{
    return outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int raise_limit(struct inside *in)
{
    struct rlimit limit = {0, 0};
    return outcome(setrlimit(RLIMIT_NOFILE, &limit));
}

static int become_root(struct inside *in)
{
    return outcome(setresuid(0, 0, 0));
}

static int new_namespace(struct inside *in)
{
    return outcome(unshare(CLONE_NEWUSER));
}

/* Sockets */

static int netlink_socket(struct inside *in)
{
    return outcome(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int packet_socket(struct inside *in)
{
    return outcome(socket(AF_PACKET, SOCK_RAW, 0));
}

static int raw_socket(struct inside *in)
{
    return outcome(socket(AF_INET, SOCK_RAW, 1));
}

static int datagram_socket(struct inside *in)
{
    return outcome(socket(AF_INET, SOCK_DGRAM, 0));
}

static int unix_datagram_socket(struct inside *in)
{
    return outcome(socket(AF_UNIX, SOCK_DGRAM, 0));
}

static int mptcp_socket(struct inside *in)
{
    return outcome(socket(AF_INET, SOCK_STREAM, 262));
}

static int bind_socket(struct inside *in)
{
    struct sockaddr_storage sa;
    struct endpoint any = {.ip = {.len = 4, .bytes = {127, 0, 0, 1}}};
    socklen_t n = addr_to(any, &sa);
    return outcome(bind(in->fresh, (struct sockaddr *)&sa, n));
}

static int listen_socket(struct inside *in)
{
    return outcome(listen(in->fresh, 1));
}

static int connect_elsewhere(struct inside *in)
{
    return outcome(sock_connect(in->other_at));
}

static int fast_open_elsewhere(struct inside *in)
{
    struct sockaddr_storage sa;
    socklen_t n = addr_to(in->other_at, &sa);
    return outcome(sendto(in->fresh, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&sa, n));
}

static int fast_open_message(struct inside *in)
{
    struct sockaddr_storage sa;
    struct iovec io = {.iov_base = (char[]){"x"}, .iov_len = 1};
    struct msghdr m = {
        .msg_name = &sa, .msg_namelen = addr_to(in->other_at, &sa), .msg_iov = &io, .msg_iovlen = 1};
    return outcome(sendmsg(in->fresh, &m, MSG_FASTOPEN | MSG_NOSIGNAL));
}

static int new_ring(struct inside *in)
{
    char parameters[120] = {0};
    return outcome(syscall(425, 4, parameters)); /* io_uring_setup: its requests pass no filter */
}

/* What must work */

static int connect_backend(struct inside *in)
{
    struct endpoint peer;
    int client = sock_connect(in->backend_at);
    if (client < 0)
        return errno;
    int server = sock_accept(in->backend, &peer);
    if (server < 0)
        return errno;
    char bytes[4] = {0};
    if (send(client, "ping", 4, MSG_NOSIGNAL) != 4 || read(server, bytes, 4) != 4 ||
        memcmp(bytes, "ping", 4) != 0)
        return EIO;
    struct iovec io = {.iov_base = bytes, .iov_len = 4};
    if (writev(server, &io, 1) != 4 || recv(client, bytes, 4, 0) != 4)
        return EIO;
    return shutdown(client, SHUT_WR) < 0 || sock_local(client).port == 0 ? errno : 0;
}

static int connect_unix(struct inside *in)
{
    struct endpoint peer;
    int client = sock_connect_unix(in->unix_path);
    if (client < 0)
        return errno;
    return outcome(sock_accept(in->unix_listener, &peer));
}

static int wait_with_epoll(struct inside *in)
{
    struct epoll_event event = {.events = EPOLLOUT};
    if (epoll_ctl(in->epoll, EPOLL_CTL_ADD, in->fresh, &event) < 0)
        return errno;
    return epoll_wait(in->epoll, &event, 1, 1000) == 1 ? 0 : EIO;
}

static int use_memory_and_time(struct inside *in)
{
    char *large = malloc(8 << 20);
    struct timespec now;
    uint8_t random[16];
    if (!large)
        return errno;
    memset(large, 1, 8 << 20);
    char *larger = realloc(large, 32 << 20);
    free(larger);
    if (!larger || clock_gettime(CLOCK_REALTIME, &now) < 0)
        return errno;
    return syscall(SYS_getrandom, random, sizeof random, 0) == (long)sizeof random ? 0 : errno;
}

static int write_to_log(struct inside *in)
{
    return write(STDERR_FILENO, "", 0) < 0 ? errno : 0;
}

/* What ends the process */

static int abort_itself(struct inside *in)
{
    abort();
}

#ifdef __x86_64__
/* The calling convention of 32-bit programs: other numbers, which no row of ours means. */
static int call_as_i386(struct inside *in)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");
    return 0;
}

static int call_as_x32(struct inside *in)
{
    (void)syscall(0x40000000 | SYS_getpid);
    return 0;
}
#endif

#define NET (JAIL_SECCOMP | JAIL_LANDLOCK_NET)

static const struct row rows[] = {
    {"open a file to read", REFUSED, open_to_read, JAIL_SECCOMP, true},
    {"open a directory", REFUSED, open_directory, JAIL_SECCOMP, true},
    {"create a file", REFUSED, create_file, JAIL_SECCOMP, true},
    {"remove a file", REFUSED, remove_file, JAIL_SECCOMP, false},
    {"make a directory", REFUSED, make_directory, JAIL_SECCOMP, false},
    {"run a program", REFUSED, run_program, JAIL_SECCOMP, false},
    {"make executable memory", REFUSED, make_executable_memory, JAIL_SECCOMP, false},
    {"make memory executable", REFUSED, make_memory_executable, JAIL_SECCOMP, false},
    {"fork", REFUSED, fork_child, JAIL_SECCOMP, false},
    {"signal another process", REFUSED, signal_parent, JAIL_SECCOMP, false},
    {"signal another's thread", REFUSED, signal_parent_thread, JAIL_SECCOMP, false},
    {"trace another process", REFUSED, trace_parent, JAIL_SECCOMP, false},
    {"read another's memory", REFUSED, read_parent, JAIL_SECCOMP, false},
    {"become dumpable", REFUSED, become_dumpable, JAIL_SECCOMP, false},
    {"set a limit", REFUSED, raise_limit, JAIL_SECCOMP, false},
    {"become root", REFUSED, become_root, JAIL_SECCOMP, false},
    {"enter a namespace", REFUSED, new_namespace, JAIL_SECCOMP, false},
    {"netlink", REFUSED, netlink_socket, JAIL_SECCOMP, false},
    {"packets", REFUSED, packet_socket, JAIL_SECCOMP, false},
    {"raw IP", REFUSED, raw_socket, JAIL_SECCOMP, false},
    {"UDP", REFUSED, datagram_socket, JAIL_SECCOMP, false},
    {"unix datagrams", REFUSED, unix_datagram_socket, JAIL_SECCOMP, false},
    {"MPTCP", REFUSED, mptcp_socket, JAIL_SECCOMP, false},
    {"bind", REFUSED, bind_socket, JAIL_SECCOMP, false},
    {"listen", REFUSED, listen_socket, JAIL_SECCOMP, false},
    {"connect elsewhere", REFUSED, connect_elsewhere, NET, false},
    {"connect elsewhere in a send", REFUSED, fast_open_elsewhere, JAIL_SECCOMP, false},
    {"connect elsewhere in a message", REFUSED, fast_open_message, JAIL_SECCOMP, false},
    {"io_uring", REFUSED, new_ring, JAIL_SECCOMP, false},
    {"connect to a backend and talk", WORKS, connect_backend, 0, false},
    {"connect to a unix socket", WORKS, connect_unix, 0, false},
    {"epoll", WORKS, wait_with_epoll, 0, false},
    {"memory, time, randomness", WORKS, use_memory_and_time, 0, false},
    {"write to the log", WORKS, write_to_log, 0, false},
    {"abort", KILLED, abort_itself, 0, true},
#ifdef __x86_64__
    {"call as a 32-bit program", KILLED, call_as_i386, JAIL_SECCOMP, false},
    {"call as an x32 program", KILLED, call_as_x32, JAIL_SECCOMP, false},
#endif
};

/* Inside */

static int listen_unix(struct inside *in)
{
    struct sockaddr_storage sa;
    socklen_t n = addr_unix(in->unix_path, &sa);
    in->unix_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return bind(in->unix_listener, (struct sockaddr *)&sa, n) < 0 ? -1 : listen(in->unix_listener, 1);
}

static int prepare(struct inside *in)
{
    struct endpoint any = {.ip = {.len = 4, .bytes = {127, 0, 0, 1}}};
    in->parent = getppid();
    in->backend = sock_listen(any, 5);
    in->other = sock_listen(any, 5);
    in->epoll = epoll_create1(EPOLL_CLOEXEC);
    in->fresh = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (in->backend < 0 || in->other < 0 || in->epoll < 0 || in->fresh < 0 || listen_unix(in) < 0)
        return -1;
    in->backend_at = sock_local(in->backend);
    in->other_at = sock_local(in->other);
    return 0;
}

/* The exit status is what the attempt said. */
static int run_inside(enum jail_kind kind, size_t row, const char *unix_path)
{
    struct inside in = {.backend = -1, .unix_path = str_of(unix_path)};
    if (row >= nitems(rows) || prepare(&in) < 0)
        return SETUP_FAILED;
    unsigned needs = kind == JAIL_KEEPER ? JAIL_SECCOMP : rows[row].needs;
    struct jail_openings openings = {.ports = &in.backend_at.port, .n_ports = 1};
    if (needs & jail_enter(kind, &openings))
        return NOT_HERE;
    return rows[row].attempt(&in);
}

/* Outside */

static int run_case(enum jail_kind kind, size_t row)
{
    char kind_text[8], row_text[8], path[64];
    (void)snprintf(kind_text, sizeof kind_text, "%d", (int)kind);
    (void)snprintf(row_text, sizeof row_text, "%zu", row);
    (void)snprintf(path, sizeof path, "/tmp/edge-jail-test-%d.sock", (int)getpid());
    int status = jail_lab_run((const char *const[]){kind_text, row_text, path, NULL});
    unlink(path); /* who is in the jail cannot */
    return status;
}

static void worker_case(void **state)
{
    const struct row *row = *state;
    if (JAIL_ASAN && row->not_asan)
        skip();
    jail_lab_judge(row->kind, run_case(JAIL_WORKER, (size_t)(row - rows)));
}

/* The keeper has no business on the network. */
static void keeper_is_narrower(void **state)
{
    for (size_t i = 0; i < nitems(rows); i++) {
        if (rows[i].attempt != connect_backend && rows[i].attempt != connect_unix)
            continue;
        int status = run_case(JAIL_KEEPER, i);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) != NOT_HERE)
            assert_int_equal(WEXITSTATUS(status), EPERM);
    }
}

static void every_part_has_a_name(void **state)
{
    for (unsigned parts = 1; parts < 8; parts++)
        assert_true(strlen(jail_parts_text(parts)) > 0);
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[nitems(rows) + 2];
    if (argc == 4)
        return run_inside((enum jail_kind)atoi(argv[1]), (size_t)atoi(argv[2]), argv[3]);
    for (size_t i = 0; i < nitems(rows); i++)
        tests[i] = (struct CMUnitTest){
            .name = rows[i].what,
            .test_func = worker_case,
            .initial_state = (void *)(uintptr_t)&rows[i],
        };
    tests[nitems(rows)] = (struct CMUnitTest){.name = "keeper", .test_func = keeper_is_narrower};
    tests[nitems(rows) + 1] = (struct CMUnitTest){.name = "names", .test_func = every_part_has_a_name};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
