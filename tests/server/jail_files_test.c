/*
 * Jails and files: what the keeper may do with its directory and its database, what the resolver may read, and that a worker
 * can use what arrives by a message. jail_test.c has what has nothing to do with files.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/rand.h"
#include "config/parse.h"
#include "net/loop.h"
#include "server/cert_image.h"
#include "server/cert_pick.h"
#include "server/image.h"
#include "server/ipc.h"
#include "server/jail.h"
#include "server/jail_lab.h"
#include "server/jail_seccomp.h"
#include "store/store_lab.h"
#include "tls/certs.h"

/* The working directory of a case; made outside the jail, in a directory of the test. */
#define OPEN  "open"  /* what the jail leaves open */
#define SHUT  "shut"  /* another one beside it */
#define FILE_ "/file" /* there is one in each */
#define LINK  "/link" /* in OPEN, leads to the file in SHUT */
#define NEW   "/new"

/* What a process has at hand when it enters its jail. */
struct inside {
    pid_t parent;
    int fresh;           /* a socket that was never used */
    struct store *store; /* opened outside */
    struct snapshot *snapshot;
    struct loop *loop;
    int ipc;     /* our end */
    int to_us;   /* the other end */
    int arrived; /* the descriptor that a message brought */
    char dir[PATH_MAX];
};

struct row {
    const char *what;
    enum jail_kind jail;
    enum kind kind;
    int (*attempt)(struct inside *in); /* 0: it worked; else errno */
    unsigned needs;                    /* enum jail_part */
    bool not_asan;                     /* the sanitizer's runtime keeps this open for itself */
};

/* Files */

static int make_use_and_remove(struct inside *in)
{
    char bytes[4] = {0};
    int fd = open(OPEN NEW, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || pwrite(fd, "text", 4, 0) != 4 || fsync(fd) < 0 || pread(fd, bytes, 4, 0) != 4 ||
        ftruncate(fd, 0) < 0 || close(fd) < 0)
        return errno;
    return memcmp(bytes, "text", 4) != 0 ? EIO : outcome(unlink(OPEN NEW));
}

static int open_present_file(struct inside *in)
{
    return outcome(open(OPEN FILE_, O_RDWR | O_TRUNC | O_CLOEXEC));
}

static int read_shut(struct inside *in)
{
    return outcome(open(SHUT FILE_, O_RDONLY | O_CLOEXEC));
}

static int write_shut(struct inside *in)
{
    return outcome(open(SHUT FILE_, O_WRONLY | O_CLOEXEC));
}

static int truncate_shut(struct inside *in)
{
    return outcome(open(SHUT FILE_, O_RDONLY | O_TRUNC | O_CLOEXEC));
}

static int make_shut(struct inside *in)
{
    return outcome(open(SHUT NEW, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int make_open(struct inside *in)
{
    return outcome(open(OPEN NEW, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int remove_open(struct inside *in)
{
    return outcome(unlink(OPEN FILE_));
}

static int remove_shut(struct inside *in)
{
    return outcome(unlink(SHUT FILE_));
}

static int list_shut(struct inside *in)
{
    return outcome(open(SHUT, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int climb_out(struct inside *in)
{
    return outcome(open(OPEN "/../" SHUT FILE_, O_RDONLY | O_CLOEXEC));
}

static int follow_link(struct inside *in)
{
    return outcome(open(OPEN LINK, O_RDONLY | O_CLOEXEC));
}

static int read_system(struct inside *in)
{
    return outcome(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int rename_file(struct inside *in)
{
    return outcome(rename(OPEN FILE_, OPEN NEW));
}

static int rename_out(struct inside *in)
{
    return outcome(rename(OPEN FILE_, SHUT NEW));
}

static int link_file(struct inside *in)
{
    return outcome(link(OPEN FILE_, OPEN NEW));
}

static int link_symbolically(struct inside *in)
{
    return outcome(symlink("/etc/passwd", OPEN NEW));
}

static int make_directory(struct inside *in)
{
    return outcome(mkdir(OPEN NEW, 0700));
}

static int make_pipe(struct inside *in)
{
    return outcome(mkfifo(OPEN NEW, 0600));
}

static int change_directory(struct inside *in)
{
    return outcome(chdir("/"));
}

/* Others */

static int run_program(struct inside *in)
{
    char *const argv[] = {(char[]){"true"}, NULL};
    return outcome(execv("/bin/true", argv));
}

static int run_own_file(struct inside *in)
{
    char *const argv[] = {(char[]){"file"}, NULL};
    return outcome(execv(OPEN FILE_, argv));
}

static int map_own_file_to_run(struct inside *in)
{
    int fd = open(OPEN FILE_, O_RDONLY | O_CLOEXEC);
    void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    return p == MAP_FAILED ? errno : 0;
}

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

static int trace_parent(struct inside *in)
{
    return outcome(ptrace(PTRACE_SEIZE, in->parent, NULL, NULL));
}

static int tcp_socket(struct inside *in)
{
    return outcome(socket(AF_INET, SOCK_STREAM, 0));
}

static int udp_socket(struct inside *in)
{
    return outcome(socket(AF_INET6, SOCK_DGRAM, 0));
}

static int unix_socket(struct inside *in)
{
    return outcome(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int connect_fresh(struct inside *in)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = OPEN FILE_};
    return outcome(connect(in->fresh, (struct sockaddr *)&at, sizeof at));
}

static int bind_fresh(struct inside *in)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = OPEN NEW};
    return outcome(bind(in->fresh, (struct sockaddr *)&at, sizeof at));
}

/* In a thread, as all look-ups are; /etc/hosts knows the name. */

static void *look_up(void *argument)
{
    struct addrinfo *list = NULL;
    bool *found = argument;
    *found = getaddrinfo("localhost", NULL, NULL, &list) == 0;
    if (*found)
        freeaddrinfo(list);
    return NULL;
}

static int look_up_name(struct inside *in)
{
    pthread_t thread;
    bool found = false;
    if (pthread_create(&thread, NULL, look_up, &found) != 0 || pthread_join(thread, NULL) != 0)
        return EAGAIN;
    return found ? 0 : ENOENT;
}

/* The database */

static int put_and_find(struct store *s, const char *names)
{
    struct cert_row row = lab_cert(names), found;
    struct arena mem = {0};
    int64_t before = store_version(s);
    int result = 0;
    if (before < 0 || cert_row_put(s, &row) < 0 || cert_row_find(s, row.names, &mem, &found) != 1 ||
        found.id != row.id) {
        (void)fprintf(stderr, "%s\n", store_error(s));
        result = EIO;
    }
    arena_wipe(&mem);
    return result;
}

static int make_database(struct inside *in)
{
    char dir[PATH_MAX + 16];
    store_close(in->store);
    (void)snprintf(dir, sizeof dir, "%s/" OPEN, in->dir);
    for (int i = 0; i < 2; i++) {
        struct store *s = lab_try(dir, STORE_WRITE, LAB_WAIT);
        int result = s ? put_and_find(s, i == 0 ? "a.test" : "b.test") : EIO;
        store_close(s);
        if (result != 0 || unlink(OPEN "/edge.db") < 0)
            return result != 0 ? result : errno;
    }
    return 0;
}

static int use_database(struct inside *in)
{
    /* Enough for the log to be written back. */
    for (int i = 0; i < 20; i++)
        if (put_and_find(in->store, "a.test") != 0)
            return EIO;
    if (store_begin(in->store) < 0 || put_and_find(in->store, "b.test") != 0 || store_commit(in->store) < 0)
        return EIO;
    store_close(in->store);
    return access(OPEN "/edge.db-wal", F_OK) == 0 ? EBUSY : 0;
}

/* A key is made, stored, and given to the workers. */
static int pick_certificates(struct inside *in)
{
    struct cert_pick pick = {.image = {0}};
    if (!cert_pick_update(&pick, in->snapshot, in->store, clock_wall()))
        return EIO;
    int fd = cert_pick_image(&pick);
    struct certs *certs = certs_new();
    return fd >= 0 && cert_image_read(fd, certs) == 1 && pick.chain.n == 0 ? 0 : EIO;
}

/* What arrives */

static void on_message(void *user, enum ipc_type type, const union ipc_body *body, int fd)
{
    struct inside *in = user;
    (void)type;
    (void)body;
    in->arrived = fd;
}

static void on_closed(void *user)
{
    (void)user;
}

static const struct ipc_user calls = {.message = on_message, .closed = on_closed};

static int receive(struct inside *in)
{
    struct ipc *i = ipc_new(in->loop, in->ipc, &calls, in);
    if (!i)
        return -1;
    loop_turn(in->loop, 1000);
    return in->arrived;
}

static int send_bytes(struct inside *in, int fd)
{
    struct ipc *i = ipc_new(in->loop, in->to_us, &calls, in);
    int rc = i && fd >= 0 ? ipc_send_fd(i, IPC_CERTS, fd) : -1;
    close(fd);
    return rc;
}

static int map_arrived(struct inside *in)
{
    struct image image;
    struct image_section section;
    if (receive(in) < 0)
        return EIO;
    if (image_map(in->arrived, &image) < 0)
        return errno;
    bool found = image_find(&image, IMAGE_HOST, STR("a.test"), &section) && str_eq(section.data, STR("key"));
    image_unmap(&image);
    return found ? outcome(close(in->arrived)) : EIO;
}

/* Whoever sends one that can still be changed gets nothing. */
static int map_unsealed(struct inside *in)
{
    struct image image;
    if (receive(in) < 0)
        return EIO;
    return image_map(in->arrived, &image) < 0 ? 0 : EINVAL;
}

#define FILES (JAIL_SECCOMP | JAIL_LANDLOCK)

static const struct row rows[] = {
    {"make, use and remove a file", JAIL_KEEPER, WORKS, make_use_and_remove, 0, false},
    {"open a file that is there", JAIL_KEEPER, WORKS, open_present_file, 0, false},
    {"read elsewhere", JAIL_KEEPER, REFUSED, read_shut, FILES, true},
    {"write elsewhere", JAIL_KEEPER, REFUSED, write_shut, FILES, true},
    {"truncate elsewhere", JAIL_KEEPER, REFUSED, truncate_shut, FILES, true},
    {"make a file elsewhere", JAIL_KEEPER, REFUSED, make_shut, FILES, true},
    {"remove elsewhere", JAIL_KEEPER, REFUSED, remove_shut, FILES, true},
    {"list elsewhere", JAIL_KEEPER, REFUSED, list_shut, FILES, true},
    {"climb out", JAIL_KEEPER, REFUSED, climb_out, FILES, true},
    {"follow a link out", JAIL_KEEPER, REFUSED, follow_link, FILES, true},
    {"read the system's files", JAIL_KEEPER, REFUSED, read_system, FILES, true},
    {"rename", JAIL_KEEPER, REFUSED, rename_file, JAIL_SECCOMP, false},
    {"rename out", JAIL_KEEPER, REFUSED, rename_out, JAIL_SECCOMP, false},
    {"link", JAIL_KEEPER, REFUSED, link_file, JAIL_SECCOMP, false},
    {"link symbolically", JAIL_KEEPER, REFUSED, link_symbolically, JAIL_SECCOMP, false},
    {"make a directory", JAIL_KEEPER, REFUSED, make_directory, JAIL_SECCOMP, false},
    {"make a pipe", JAIL_KEEPER, REFUSED, make_pipe, JAIL_SECCOMP, false},
    {"change the directory", JAIL_KEEPER, REFUSED, change_directory, JAIL_SECCOMP, false},
    {"run a program", JAIL_KEEPER, REFUSED, run_program, JAIL_SECCOMP, false},
    {"run a file of its own", JAIL_KEEPER, REFUSED, run_own_file, JAIL_SECCOMP, false},
    {"map a file of its own to run", JAIL_KEEPER, REFUSED, map_own_file_to_run, JAIL_SECCOMP, false},
    {"fork", JAIL_KEEPER, REFUSED, fork_child, JAIL_SECCOMP, false},
    {"signal another process", JAIL_KEEPER, REFUSED, signal_parent, JAIL_SECCOMP, false},
    {"trace another process", JAIL_KEEPER, REFUSED, trace_parent, JAIL_SECCOMP, false},
    {"TCP", JAIL_KEEPER, REFUSED, tcp_socket, JAIL_SECCOMP, false},
    {"UDP", JAIL_KEEPER, REFUSED, udp_socket, JAIL_SECCOMP, false},
    {"unix sockets", JAIL_KEEPER, REFUSED, unix_socket, JAIL_SECCOMP, false},
    {"connect", JAIL_KEEPER, REFUSED, connect_fresh, JAIL_SECCOMP, false},
    {"bind", JAIL_KEEPER, REFUSED, bind_fresh, JAIL_SECCOMP, false},
    {"make a database", JAIL_KEEPER, WORKS, make_database, 0, false},
    {"go on with a database", JAIL_KEEPER, WORKS, use_database, 0, false},
    {"make certificates and give them away", JAIL_KEEPER, WORKS, pick_certificates, 0, false},
    {"map what arrives", JAIL_KEEPER, WORKS, map_arrived, 0, false},
    {"map what arrives, as a worker", JAIL_WORKER, WORKS, map_arrived, 0, false},
    {"map what is not sealed, as a worker", JAIL_WORKER, WORKS, map_unsealed, 0, false},
    {"open a file that is there, as a worker", JAIL_WORKER, REFUSED, open_present_file, JAIL_SECCOMP, true},
    {"look up a name, as a resolver", JAIL_RESOLVER, WORKS, look_up_name, 0, false},
    {"read the system's files, as a resolver", JAIL_RESOLVER, WORKS, read_system, 0, false},
    {"ask by UDP, as a resolver", JAIL_RESOLVER, WORKS, udp_socket, 0, false},
    {"read elsewhere, as a resolver", JAIL_RESOLVER, REFUSED, read_shut, JAIL_LANDLOCK, true},
    {"write what it may read, as a resolver", JAIL_RESOLVER, REFUSED, open_present_file, JAIL_LANDLOCK, true},
    {"make a file, as a resolver", JAIL_RESOLVER, REFUSED, make_open, JAIL_LANDLOCK, true},
    {"remove a file, as a resolver", JAIL_RESOLVER, REFUSED, remove_open, JAIL_LANDLOCK, true},
    {"run a program, as a resolver", JAIL_RESOLVER, REFUSED, run_program, JAIL_SECCOMP, false},
    {"signal another process, as a resolver", JAIL_RESOLVER, REFUSED, signal_parent, JAIL_SECCOMP, false},
    {"trace another process, as a resolver", JAIL_RESOLVER, REFUSED, trace_parent, JAIL_SECCOMP, false},
    {"remove a file, as a worker", JAIL_WORKER, REFUSED, remove_shut, JAIL_SECCOMP, false},
};

/* Inside */

static int prepare_arrival(struct inside *in, bool sealed)
{
    struct buf b = {0};
    int fds[2], fd;
    if (ipc_pair(fds) < 0 || !cert_image_name(&b, STR("a.test"), STR("key")))
        return -1;
    in->ipc = fds[0];
    in->to_us = fds[1];
    fd = sealed ? image_seal(&b) : image_memfd("test");
    if (!sealed && write(fd, buf_data(&b), b.len) != (ssize_t)b.len)
        return -1;
    buf_done(&b);
    return send_bytes(in, fd);
}

static int prepare(struct inside *in, bool sealed)
{
    struct buf errors = {0};
    char dir[PATH_MAX + 16];
    in->parent = getppid();
    in->loop = loop_new();
    in->fresh = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    in->snapshot = config_parse("test.conf", STR("a.test {\n proxy 127.0.0.1:1\n tls internal\n}\n"),
                                &errors);
    if (!in->loop || in->fresh < 0 || !in->snapshot || rand_init() < 0 || !getcwd(in->dir, sizeof in->dir))
        return -1;
    (void)snprintf(dir, sizeof dir, "%s/" OPEN, in->dir);
    in->store = lab_try(dir, STORE_WRITE, LAB_WAIT);
    return in->store ? prepare_arrival(in, sealed) : -1;
}

/* The exit status is what the attempt said. */
static int run_inside(size_t row, const char *dir)
{
    struct inside in = {.arrived = -1};
    if (row >= nitems(rows) || chdir(dir) < 0 || prepare(&in, rows[row].attempt != map_unsealed) < 0)
        return SETUP_FAILED;
    static const char *const readable[] = {OPEN, "/etc", "/usr", "/lib", NULL};
    enum jail_kind jail = rows[row].jail;
    struct jail_openings openings = {
        .directory = jail == JAIL_KEEPER ? OPEN : NULL,
        .readable = jail == JAIL_RESOLVER ? readable : NULL,
        .any_port = jail == JAIL_RESOLVER,
    };
    if (rows[row].needs & jail_enter(jail, &openings))
        return NOT_HERE;
    int result = rows[row].attempt(&in);
    (void)fflush(NULL);
    _exit(result); /* without the handlers of others, which were not made for a jail */
}

/* Outside */

static void make_file(const char *dir, const char *name)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "#!/bin/true\n", 12), 12);
    close(fd);
}

static void make_directories(const char *dir)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/" OPEN, dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/" SHUT, dir);
    assert_int_equal(mkdir(path, 0700), 0);
    make_file(dir, OPEN FILE_);
    make_file(dir, SHUT FILE_);
    (void)snprintf(path, sizeof path, "%s/" OPEN LINK, dir);
    assert_int_equal(symlink("../" SHUT FILE_, path), 0);
}

static void remove_directories(const char *dir)
{
    static const char *const names[] = {
        OPEN FILE_,          OPEN LINK,           OPEN NEW, SHUT FILE_, SHUT NEW, OPEN "/edge.db",
        OPEN "/edge.db-wal", OPEN "/edge.db-shm", OPEN,     SHUT,       ""};
    char path[PATH_MAX];
    for (size_t i = 0; i < nitems(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)remove(path);
    }
    assert_int_equal(access(dir, F_OK), -1);
}

static void one_case(void **state)
{
    const struct row *row = *state;
    char dir[PATH_MAX / 2];
    const char *top = getenv("TMPDIR");
    if (JAIL_ASAN && row->not_asan)
        skip();
    (void)snprintf(dir, sizeof dir, "%s/edge-jail-XXXXXX", top ? top : "/tmp");
    assert_non_null(mkdtemp(dir));
    make_directories(dir);
    char row_text[8];
    (void)snprintf(row_text, sizeof row_text, "%zu", (size_t)(row - rows));
    int status = jail_lab_run((const char *const[]){row_text, dir, NULL});
    remove_directories(dir);
    jail_lab_judge(row->kind, status);
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[nitems(rows)];
    if (argc == 3)
        return run_inside((size_t)atoi(argv[1]), argv[2]);
    for (size_t i = 0; i < nitems(rows); i++)
        tests[i] = (struct CMUnitTest){
            .name = rows[i].what, .test_func = one_case, .initial_state = (void *)(uintptr_t)&rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
