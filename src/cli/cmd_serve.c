#include <errno.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "server/supervisor.h"

int cmd_serve(const struct options *o)
{
    /* What is told here of a mistyped path is clearer than what the supervisor logs. */
    if (access(o->config, R_OK) < 0) {
        config_file_trouble(o->config, errno);
        return EXIT_MISUSE;
    }
    return supervisor_main(o->config);
}
