#include "server/roles.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "server/keeper.h"
#include "server/resolver.h"
#include "server/worker.h"

/* What each may do once it works stands in server/jail_seccomp.c. */
static const struct role roles[] = {
    [ROLE_WORKER] =
        {.name = "worker", .main = worker_main, .image = true, .sockets = true, .load = true, .many = true},
    [ROLE_KEEPER] = {.name = "keeper", .main = keeper_main, .image = true},
    [ROLE_RESOLVER] = {.name = "resolver", .main = resolver_main, .image = true, .load = true},
};
_Static_assert(nitems(roles) == ROLES, "a row for every role");

const struct role *role_of(enum role_id id)
{
    return &roles[id];
}

static const struct role *find(struct str name)
{
    for (size_t i = 0; i < nitems(roles); i++)
        if (str_eq(str_of(roles[i].name), name))
            return &roles[i];
    return NULL;
}

/* The value of `--NAME=VALUE`; nothing else is ever on a role's command line. */
static struct str option(int argc, char **argv, struct str name)
{
    for (int i = 1; i < argc; i++) {
        struct str argument = str_of(argv[i]);
        if (str_starts(argument, name))
            return str_skip(argument, name.n);
    }
    return (struct str){NULL, 0};
}

static bool read_start(int argc, char **argv, struct role_start *start)
{
    uint64_t index, workers;
    if (!str_to_u64(option(argc, argv, STR("--index=")), UINT16_MAX, &index) ||
        !str_to_u64(option(argc, argv, STR("--workers=")), UINT16_MAX, &workers))
        return false;
    start->index = (unsigned)index;
    start->workers = (unsigned)workers;
    return true;
}

/* The supervisor alone ends a role: by a message, or by SIGKILL. A terminal and systemd signal the whole group. */
static void settle(const char *title)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < nitems(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void)prctl(PR_SET_NAME, title, 0, 0, 0);
    (void)fcntl(ROLE_FD_IPC, F_SETFD, FD_CLOEXEC);
    size_t prefix = strlen("edge: ");
    log_init(strncmp(title, "edge: ", prefix) == 0 ? title + prefix : title,
             getenv("EDGE_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
}

int role_main(int argc, char **argv)
{
    struct role_start start;
    const struct role *role = find(option(argc, argv, STR("--role=")));
    if (!role || !read_start(argc, argv, &start))
        die("a role is started by `edge serve` only");
    settle(argv[0]);
    /* Not through exit(): there is nothing to tidy up that the kernel does not. */
    _exit(role->main(&start));
}
