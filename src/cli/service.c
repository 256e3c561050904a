#include "cli/service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/commands.h"

enum { NOT_RUN = 127 };

/* In the child. Its words are troubles: standard output belongs to the command. */
static _Noreturn void become(const char *verb)
{
    static const char *const paths[] = {"/usr/bin/systemctl", "/bin/systemctl"};
    char *argv[] = {(char[]){"systemctl"}, strdup(verb), (char[]){"--quiet"}, (char[]){"edge.service"}, NULL};
    (void)dup2(STDERR_FILENO, STDOUT_FILENO);
    for (size_t i = 0; i < nitems(paths); i++)
        execv(paths[i], argv);
    _exit(NOT_RUN);
}

/* The exit status of `systemctl VERB edge.service`, NOT_RUN if there is none. */
static int systemctl(const char *verb)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        become(verb);
    if (pid < 0)
        return NOT_RUN;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return NOT_RUN;
    return WIFEXITED(status) ? WEXITSTATUS(status) : NOT_RUN;
}

enum service_result service_restart(const char *config_file)
{
    /* sd_booted(3): the folder is there when systemd is what started the machine. */
    if (strcmp(config_file, CONFIG_FILE) != 0 || access("/run/systemd/system", F_OK) < 0)
        return SERVICE_NOT_OURS;
    if (systemctl("is-active") != 0)
        return SERVICE_STOPPED;
    /* What was written is told before the wait. */
    (void)fflush(stdout);
    return systemctl("restart") == 0 ? SERVICE_RESTARTED : SERVICE_FAILED;
}

int service_tell(enum service_result result, const char *config_file, const char *then)
{
    switch (result) {
    case SERVICE_RESTARTED: printf("edge was restarted%s%s\n", then[0] ? "; " : "", then); break;
    case SERVICE_NOT_OURS: printf("edge reads %s at its next start\n", config_file); break;
    case SERVICE_STOPPED:
        printf("edge reads %s at its next start: `sudo systemctl start edge`\n", config_file);
        break;
    case SERVICE_FAILED:
        fprintf(stderr,
                "edge: edge.service did not restart, while %s is changed; `systemctl status edge` and "
                "`journalctl -u edge` tell why\n",
                config_file);
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}
