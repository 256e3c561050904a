#include "base/str.h"
#include "cli/commands.h"
#include "server/roles.h"

int main(int argc, char **argv)
{
    /* The supervisor starts this same binary for its roles. */
    if (argc > 1 && str_starts(str_of(argv[1]), STR("--role=")))
        return role_main(argc, argv);
    return commands_main(argc, argv);
}
