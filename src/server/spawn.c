#include "server/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"

enum { EXEC_FAILED = 127 };

/* A copy above all the numbers that place() will write to; -1 stays -1. */
static int lift(int fd, int above)
{
    if (fd < 0)
        return -1;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, above);
    if (high < 0)
        _exit(EXEC_FAILED);
    return high;
}

/* The new number is not close-on-exec; -1: the number is left closed. */
static void place(int from, int at)
{
    if (from < 0)
        close(at);
    else if (dup2(from, at) < 0)
        _exit(EXEC_FAILED);
}

/* In the child: every descriptor at its place, all others closed. */
static void arrange(const struct role *role, int ipc, const struct spawn_fds *fds)
{
    size_t n = role->sockets ? fds->n_listens : 0;
    int above = ROLE_FD_LISTEN + (int)n;
    int *listens = calloc(n + 1, sizeof *listens);
    if (!listens)
        _exit(EXEC_FAILED);
    int null = lift(fds->null, above), high_ipc = lift(ipc, above);
    int image = lift(role->image ? fds->image : -1, above);
    int sessions = lift(role->sockets ? fds->sessions : -1, above);
    int load = lift(role->load ? fds->load : -1, above), wake = lift(role->load ? fds->wake : -1, above);
    for (size_t i = 0; i < n; i++)
        listens[i] = lift(fds->listens[i], above);
    place(null, STDIN_FILENO);
    place(null, STDOUT_FILENO);
    place(high_ipc, ROLE_FD_IPC);
    place(image, ROLE_FD_IMAGE);
    place(sessions, ROLE_FD_SESSIONS);
    place(load, ROLE_FD_LOAD);
    place(wake, ROLE_FD_WAKE);
    for (int fd = ROLE_FD_WAKE + 1; fd < ROLE_FD_LISTEN; fd++)
        close(fd);
    for (size_t i = 0; i < n; i++)
        place(listens[i], ROLE_FD_LISTEN + (int)i);
    closefrom(above);
}

/* In the child. */
static _Noreturn void become(const struct role *role, int ipc, const struct spawn_fds *fds,
                             char *const argv[])
{
    sigset_t none;
    sigemptyset(&none);
    arrange(role, ipc, fds);
    /* Without it the right to bind ports ends at exec. The role's jail would drop it too, but systemd's filter has no capset. */
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    /* /proc/self/exe is the running binary even when another one lies at its path by now. */
    execv("/proc/self/exe", argv);
    log_error("cannot start %s: /proc/self/exe: %s", argv[0], strerror(errno));
    _exit(EXEC_FAILED);
}

pid_t spawn_role(enum role_id id, const struct role_start *start, int ipc, const struct spawn_fds *fds)
{
    const struct role *role = role_of(id);
    char title[32], which[32], index[32], workers[32];
    /* What ps shows; role_main() takes the rest. */
    if (role->many)
        (void)snprintf(title, sizeof title, "edge: %s %u", role->name, start->index);
    else
        (void)snprintf(title, sizeof title, "edge: %s", role->name);
    (void)snprintf(which, sizeof which, "--role=%s", role->name);
    (void)snprintf(index, sizeof index, "--index=%u", start->index);
    (void)snprintf(workers, sizeof workers, "--workers=%u", start->workers);
    char *argv[] = {title, which, index, workers, NULL};
    pid_t pid = fork();
    if (pid == 0)
        become(role, ipc, fds, argv);
    return pid;
}

/* In the child: what it tells goes where the log goes. */
static _Noreturn void become_command(int null, char *const argv[])
{
    sigset_t none;
    sigemptyset(&none);
    place(lift(null, STDERR_FILENO + 1), STDIN_FILENO);
    place(lift(STDERR_FILENO, STDERR_FILENO + 1), STDOUT_FILENO);
    closefrom(STDERR_FILENO + 1);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    execv("/proc/self/exe", argv);
    log_error("cannot start %s: /proc/self/exe: %s", argv[0], strerror(errno));
    _exit(EXEC_FAILED);
}

pid_t spawn_renew(const char *config_file, int null)
{
    char name[] = "edge: renew", command[] = "renew", option[] = "-c";
    char *file = strdup(config_file);
    if (!file)
        return -1;
    char *argv[] = {name, command, option, file, NULL};
    pid_t pid = fork();
    if (pid == 0)
        become_command(null, argv);
    free(file);
    return pid;
}
