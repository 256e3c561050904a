#include "server/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "server/jail_seccomp.h"

/*
 * Landlock, by its numbers: Debian 12's header ends before TCP ports (ABI 4) and scopes (ABI 6). The system calls have the same
 * number on every processor.
 */
enum { SYS_CREATE_RULESET = 444, SYS_ADD_RULE = 445, SYS_RESTRICT_SELF = 446 };
enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1, RULE_NET_PORT = 2 };
/* linux/landlock.h: write a file, read one, list a directory, remove and make regular files, truncate. */
/* Read a file, list a directory: not execute. */
enum { READ_RIGHTS = 1 << 2 | 1 << 3 };
enum { DIRECTORY_RIGHTS = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 8 | 1 << 14 };
enum { NET_BIND_TCP = 1, NET_CONNECT_TCP = 2 };
enum { SCOPE_ABSTRACT_UNIX_SOCKET = 1, SCOPE_SIGNAL = 2 };
enum { LANDLOCK_ABI_NET = 4, LANDLOCK_ABI_SCOPE = 6 };

struct ruleset {
    uint64_t fs, net, scoped;
};

struct net_port {
    uint64_t allowed, port;
};

struct path_beneath {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

/* How many file access rights each ABI knows; later ones know no fewer. */
static const unsigned fs_rights[] = {0, 13, 14, 15, 15, 16};

static int allow_port(int ruleset, uint16_t port)
{
    struct net_port rule = {.allowed = NET_CONNECT_TCP, .port = port};
    return (int)syscall(SYS_ADD_RULE, ruleset, RULE_NET_PORT, &rule, 0);
}

static int allow_directory(int ruleset, const char *path, uint64_t rights)
{
    struct path_beneath rule = {.allowed = rights};
    rule.parent = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY);
    if (rule.parent < 0)
        return 0; /* there is nothing to allow: whoever opens a file in it will say so */
    int rc = (int)syscall(SYS_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent);
    return rc;
}

static int restrict_self(const struct ruleset *r, size_t size, const struct jail_openings *o)
{
    int fd = (int)syscall(SYS_CREATE_RULESET, r, size, 0);
    if (fd < 0)
        return -1;
    int rc = 0;
    for (size_t i = 0; r->net && i < o->n_ports && rc == 0; i++)
        rc = allow_port(fd, o->ports[i]);
    if (rc == 0 && r->fs && o->directory)
        rc = allow_directory(fd, o->directory, DIRECTORY_RIGHTS & r->fs);
    for (size_t i = 0; r->fs && o->readable && o->readable[i] && rc == 0; i++)
        rc = allow_directory(fd, o->readable[i], READ_RIGHTS & r->fs);
    if (rc == 0)
        rc = (int)syscall(SYS_RESTRICT_SELF, fd, 0);
    close(fd);
    return rc;
}

/* Returns the parts that could not be had. */
static unsigned enter_landlock(const struct jail_openings *openings)
{
    long abi = syscall(SYS_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);
    if (abi < 1)
        return JAIL_LANDLOCK | JAIL_LANDLOCK_NET;
    size_t known = (size_t)abi < nitems(fs_rights) ? (size_t)abi : nitems(fs_rights) - 1;
    struct ruleset r = {.fs = (UINT64_C(1) << fs_rights[known]) - 1};
    size_t size = sizeof r.fs;
    if (JAIL_ASAN)
        r.fs = 0; /* the runtime reads /proc/self/maps and writes its report */
    if (abi >= LANDLOCK_ABI_NET) {
        r.net = NET_BIND_TCP | (openings->any_port ? 0 : NET_CONNECT_TCP);
        size += sizeof r.net;
    }
    if (abi >= LANDLOCK_ABI_SCOPE) {
        r.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
        size += sizeof r.scoped;
    }
    unsigned lacking = abi < LANDLOCK_ABI_NET ? JAIL_LANDLOCK_NET : 0;
    if (JAIL_ASAN && abi < LANDLOCK_ABI_NET)
        return lacking; /* an empty ruleset is an error */
    if (restrict_self(&r, size, openings) < 0)
        return JAIL_LANDLOCK | JAIL_LANDLOCK_NET;
    return lacking;
}

static void drop_capabilities(void)
{
    /* Only root may shrink the bounding set; without it, no_new_privs keeps lost capabilities lost. */
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct none[2] = {0};
    (void)syscall(SYS_capset, &header, none);
}

unsigned jail_enter(enum jail_kind kind, const struct jail_openings *openings)
{
    struct rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    drop_capabilities();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return JAIL_SECCOMP | JAIL_LANDLOCK | JAIL_LANDLOCK_NET; /* both need it */
    unsigned lacking = enter_landlock(openings);
    if (jail_seccomp(kind) < 0)
        lacking |= JAIL_SECCOMP;
    return lacking;
}

const char *jail_parts_text(unsigned parts)
{
    static const char *const text[] = {
        [0] = "nothing",
        [JAIL_SECCOMP] = "seccomp",
        [JAIL_LANDLOCK] = "Landlock for files",
        [JAIL_SECCOMP | JAIL_LANDLOCK] = "seccomp and Landlock for files",
        [JAIL_LANDLOCK_NET] = "Landlock for TCP ports",
        [JAIL_SECCOMP | JAIL_LANDLOCK_NET] = "seccomp and Landlock for TCP ports",
        [JAIL_LANDLOCK | JAIL_LANDLOCK_NET] = "Landlock",
        [JAIL_SECCOMP | JAIL_LANDLOCK | JAIL_LANDLOCK_NET] = "seccomp and Landlock",
    };
    return text[parts & 7];
}
