#include "server/jail_seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"

/*
 * An allow list. Whatever is not on it gets EPERM rather than death: a library that tries a newer call first (and a later libc
 * will) finds its way back to an older one, while an intruder is no better off. A foreign calling convention, which only an
 * intruder uses, is death.
 */

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__) && defined(__ARMEL__)
#define THIS_ARCH AUDIT_ARCH_ARM
#endif

#ifdef THIS_ARCH

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

enum { MAX_VALUES = 8, MAX_CONDITIONS = 3, PROGRAM_MAX = 768, X32_BIT = 0x40000000 };

/* (argument & mask) is one of the values. Arguments are compared by their low halves, as the kernel reads an int. */
struct condition {
    uint8_t arg;
    bool high;        /* the high half instead */
    bool own_pid;     /* values[0] is our process id */
    uint8_t n_values; /* 0: there is no condition */
    uint32_t mask;
    uint32_t values[MAX_VALUES];
};

struct check {
    struct condition conditions[MAX_CONDITIONS];
};

#define ANY_BIT 0xffffffffU
enum { W = 1, K = 2, ALL = W | K };

/* Whose rows make a jail's list. Where two rows have one number the first one decides. */
static const unsigned lists[] = {
    [JAIL_WORKER] = W, [JAIL_KEEPER] = K, [JAIL_ANSWER] = ALL, [JAIL_RENEW] = 0, [JAIL_RESOLVER] = 0};
_Static_assert(nitems(lists) == JAILS, "name the rows of every jail");

/* No other protocol: not even MPTCP, whose connections Landlock does not see. */
static const struct check stream_socket = {{
    {.arg = 0, .n_values = 3, .mask = ANY_BIT, .values = {AF_UNIX, AF_INET, AF_INET6}},
    {.arg = 1, .n_values = 1, .mask = ~(uint32_t)(SOCK_NONBLOCK | SOCK_CLOEXEC), .values = {SOCK_STREAM}},
    {.arg = 2, .n_values = 2, .mask = ANY_BIT, .values = {0, IPPROTO_TCP}},
}};
static const struct check no_exec = {{{.arg = 2, .n_values = 1, .mask = PROT_EXEC, .values = {0}}}};
/* A connect in disguise, which Landlock does not see. */
static const struct check sendto_flags = {{{.arg = 3, .n_values = 1, .mask = MSG_FASTOPEN, .values = {0}}}};
static const struct check sendmsg_flags = {{{.arg = 2, .n_values = 1, .mask = MSG_FASTOPEN, .values = {0}}}};
static const struct check plain_fcntl = {{
    {.arg = 1,
     .n_values = 6,
     .mask = ANY_BIT,
     .values = {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, F_GET_SEALS}},
}};
/* malloc names its memory in newer libcs. */
static const struct check naming = {
    {{.arg = 0, .n_values = 2, .mask = ANY_BIT, .values = {PR_SET_NAME, PR_SET_VMA}}}};
/* abort() signals itself. */
static const struct check self = {{{.arg = 0, .own_pid = true, .n_values = 1, .mask = ANY_BIT}}};
static const struct check read_limit = {{
    {.arg = 0, .n_values = 1, .mask = ANY_BIT, .values = {0}},
    {.arg = 2, .n_values = 1, .mask = ANY_BIT, .values = {0}},
    {.arg = 2, .high = true, .n_values = 1, .mask = ANY_BIT, .values = {0}},
}};

struct row {
    int number;
    unsigned jails;
    const struct check *check; /* NULL: whatever the arguments */
};

/* The most frequent first: the filter compares in this order. Names that a processor lacks are left out there. */
static const struct row rows[] = {
#ifdef __NR_poll
    {__NR_poll, ALL, NULL},
#endif
    {__NR_ppoll, ALL, NULL},
    {__NR_readv, ALL, NULL},
    {__NR_recvfrom, ALL, NULL},
    {__NR_sendto, ALL, &sendto_flags},
    {__NR_sendmsg, ALL, &sendmsg_flags},
    {__NR_recvmsg, ALL, NULL},
    {__NR_read, ALL, NULL},
    {__NR_write, ALL, NULL},
    {__NR_writev, ALL, NULL},
    {__NR_splice, W, NULL},
    {__NR_close, ALL, NULL},
    {__NR_accept4, W, NULL},
    {__NR_accept, W, NULL},
    {__NR_socket, W, &stream_socket},
    {__NR_connect, W, NULL},
    {__NR_shutdown, W, NULL},
    {__NR_setsockopt, W, NULL},
    {__NR_getsockopt, W, NULL},
    {__NR_getsockname, W, NULL},
    {__NR_getpeername, W, NULL},
#ifdef __NR_epoll_wait
    {__NR_epoll_wait, ALL, NULL},
#endif
    {__NR_epoll_pwait, ALL, NULL},
    {__NR_epoll_ctl, ALL, NULL},
    {__NR_clock_gettime, ALL, NULL},
    {__NR_gettimeofday, ALL, NULL},
#ifdef __NR_time
    {__NR_time, ALL, NULL},
#endif
    {__NR_getrandom, ALL, NULL},
    {__NR_madvise, ALL, NULL},
#ifdef __NR_mmap
    {__NR_mmap, ALL, &no_exec},
#endif
    {__NR_munmap, ALL, NULL},
    {__NR_mremap, ALL, NULL},
    {__NR_mprotect, ALL, &no_exec},
    {__NR_brk, ALL, NULL},
    {__NR_futex, ALL, NULL},
    {__NR_fcntl, K, NULL}, /* SQLite's locks, and sealing */
    {__NR_fcntl, W, &plain_fcntl},
    {__NR_dup, ALL, NULL},
    {__NR_pipe2, W, NULL},
    {__NR_fstat, ALL, NULL},
    {__NR_prctl, ALL, &naming},
    {__NR_prlimit64, ALL, &read_limit},
    {__NR_getpid, ALL, NULL},
    {__NR_gettid, ALL, NULL},
    {__NR_tgkill, ALL, &self},
    {__NR_sched_yield, ALL, NULL},
    {__NR_restart_syscall, ALL, NULL},
    {__NR_rt_sigaction, ALL, NULL},
    {__NR_rt_sigprocmask, ALL, NULL},
    {__NR_rt_sigreturn, ALL, NULL},
    {__NR_exit, ALL, NULL},
    {__NR_exit_group, ALL, NULL},
#ifdef __arm__
    {__NR_mmap2, ALL, &no_exec},
    {__NR_recv, ALL, NULL},
    {__NR_send, ALL, &sendto_flags},
    {__NR_fcntl64, K, NULL},
    {__NR_fcntl64, W, &plain_fcntl},
    {__NR_fstat64, ALL, NULL},
    {__NR_clock_gettime64, ALL, NULL},
    {__NR_ppoll_time64, ALL, NULL},
    {__NR_futex_time64, ALL, NULL},
    {__NR_sigreturn, ALL, NULL},
    {__ARM_NR_cacheflush, ALL, NULL},
#endif
    /* SQLite works on files. Which ones is Landlock's affair, and that of the directory's owner. */
    {__NR_openat, K, NULL},
#ifdef __NR_newfstatat
    {__NR_newfstatat, K, NULL},
#else
    {__NR_fstatat64, K, NULL},
#endif
    {__NR_statx, K, NULL},
    {__NR_pread64, K, NULL},
    {__NR_pwrite64, K, NULL},
    {__NR_fsync, K, NULL},
    {__NR_fdatasync, K, NULL},
    {__NR_ftruncate, K, NULL},
    {__NR_fallocate, K, NULL},
    {__NR_lseek, ALL, NULL},
    {__NR_unlinkat, K, NULL},
    {__NR_faccessat, K, NULL},
    {__NR_fchmod, K, NULL},
    {__NR_fchown, K, NULL},
    {__NR_readlinkat, K, NULL},
    {__NR_getcwd, K, NULL},
    {__NR_geteuid, K, NULL},
    {__NR_getuid, K, NULL},
    {__NR_flock, K, NULL},
    {__NR_memfd_create, K, NULL},
    {__NR_clock_nanosleep, K, NULL},
    {__NR_nanosleep, K, NULL},
#ifdef __NR_open
    {__NR_open, K, NULL},
    {__NR_stat, K, NULL},
    {__NR_lstat, K, NULL},
    {__NR_access, K, NULL},
    {__NR_unlink, K, NULL},
    {__NR_readlink, K, NULL},
#endif
#ifdef __arm__
    {__NR_stat64, K, NULL},
    {__NR_lstat64, K, NULL},
    {__NR_ftruncate64, K, NULL},
    {__NR_geteuid32, K, NULL},
    {__NR_getuid32, K, NULL},
    {__NR_fchown32, K, NULL},
    {__NR__llseek, ALL, NULL},
    {__NR_clock_nanosleep_time64, K, NULL},
#endif
#if JAIL_ASAN
    /* What the sanitizer's runtime needs to print its report. */
    {__NR_openat, ALL, NULL},
    {__NR_readlinkat, ALL, NULL},
    {__NR_newfstatat, ALL, NULL},
    {__NR_pread64, ALL, NULL},
    {__NR_sigaltstack, ALL, NULL},
    {__NR_sched_getaffinity, ALL, NULL},
    {__NR_uname, ALL, NULL},
    {__NR_ioctl, ALL, NULL},
#ifdef __NR_open
    {__NR_open, ALL, NULL},
    {__NR_readlink, ALL, NULL},
    {__NR_stat, ALL, NULL},
#endif
#endif
};

/*
 * What libraries that look up names call differs from one system to the next, plugins and all. So the resolver has a list of what it
 * can do without everywhere instead: programs, other processes, clients, and a way around this filter.
 */
static const int never[] = {
    __NR_execve, __NR_execveat, __NR_ptrace,          __NR_process_vm_readv, __NR_process_vm_writev,
    __NR_kill,   __NR_listen,   __NR_accept4,         __NR_unshare,          __NR_setns,
    __NR_bpf,    __NR_keyctl,   __NR_perf_event_open, __NR_userfaultfd,      __NR_io_uring_setup,
};

struct program {
    struct sock_filter code[PROGRAM_MAX];
    size_t n;
};

static void add(struct program *p, struct sock_filter instruction)
{
    /* jail_seccomp() looks at n before it trusts the program. */
    if (p->n < PROGRAM_MAX)
        p->code[p->n] = instruction;
    p->n++;
}

static void add_load(struct program *p, size_t offset)
{
    add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void add_return(struct program *p, uint32_t action)
{
    add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static void add_jump_equal(struct program *p, uint32_t value, size_t if_equal, size_t otherwise)
{
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, (uint8_t)if_equal,
                                        (uint8_t)otherwise));
}

static const uint32_t refused = SECCOMP_RET_ERRNO | EPERM;

static void add_condition(struct program *p, const struct condition *c)
{
    /* All three processors are little-endian: the low half comes first. */
    add_load(p, offsetof(struct seccomp_data, args) + 8 * (size_t)c->arg + (c->high ? 4 : 0));
    if (c->mask != ANY_BIT)
        add(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, c->mask));
    for (size_t i = 0; i < c->n_values; i++) {
        uint32_t value = c->own_pid ? (uint32_t)getpid() : c->values[i];
        add_jump_equal(p, value, c->n_values - i, 0);
    }
    add_return(p, refused);
}

static void add_row(struct program *p, const struct row *r)
{
    size_t jump = p->n;
    add_jump_equal(p, (uint32_t)r->number, 0, 0);
    for (size_t i = 0; r->check && i < MAX_CONDITIONS && r->check->conditions[i].n_values > 0; i++)
        add_condition(p, &r->check->conditions[i]);
    add_return(p, SECCOMP_RET_ALLOW);
    if (jump < PROGRAM_MAX)
        p->code[jump].jf = (uint8_t)(p->n - jump - 1);
}

static void add_allowed(struct program *p, enum jail_kind kind)
{
    for (size_t i = 0; i < nitems(rows); i++)
        if (rows[i].jails & lists[kind])
            add_row(p, &rows[i]);
    add_return(p, refused);
}

static void add_all_but_never(struct program *p)
{
    for (size_t i = 0; i < nitems(never); i++) {
        add_jump_equal(p, (uint32_t)never[i], 0, 1);
        add_return(p, refused);
    }
    add_return(p, SECCOMP_RET_ALLOW);
}

static void assemble(struct program *p, enum jail_kind kind)
{
    add_load(p, offsetof(struct seccomp_data, arch));
    add_jump_equal(p, THIS_ARCH, 1, 0);
    add_return(p, SECCOMP_RET_KILL_PROCESS);
    add_load(p, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
    add_return(p, SECCOMP_RET_KILL_PROCESS);
#endif
    if (kind == JAIL_RESOLVER)
        add_all_but_never(p);
    else
        add_allowed(p, kind);
}

int jail_seccomp(enum jail_kind kind)
{
    if (kind == JAIL_RENEW)
        return 0; /* whatever libcurl and the resolver call on some libc; Landlock has to do */
    struct program p = {.n = 0};
    assemble(&p, kind);
    if (p.n > PROGRAM_MAX) {
        errno = E2BIG;
        return -1;
    }
    struct sock_fprog filter = {.len = (unsigned short)p.n, .filter = p.code};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}

#else

/* A processor whose numbers nobody has looked at. */
int jail_seccomp(enum jail_kind kind)
{
    (void)kind;
    errno = ENOSYS;
    return -1;
}

#endif
