#include <errno.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "server/renew.h"

int cmd_renew(const struct options *o)
{
    if (access(o->config, R_OK) < 0) {
        config_file_trouble(o->config, errno);
        return EXIT_MISUSE;
    }
    struct renew_options options = {
        .config_file = o->config, .force = o->force, .hosts = o->args, .n_hosts = o->n_args};
    return renew_main(&options);
}
