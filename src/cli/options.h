/* What follows the command word: options in any place, and arguments. */
#ifndef EDGE_CLI_OPTIONS_H
#define EDGE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_FILE "/etc/edge/edge.conf"

/* A set: which options a command takes. */
enum option_id {
    OPTION_CONFIG = 1,
    OPTION_HELP = 2,
    OPTION_JSON = 4,
    OPTION_FORCE = 8,
    OPTION_APP = 16,
    OPTION_PORTS = 32,
    OPTION_HOSTS = 64
};

struct options {
    const char *config;
    const char *app; /* NULL: not given */
    bool help, json, force, ports, hosts;
    char **args; /* what is no option: a part of argv, in its order */
    size_t n_args;
};

struct option {
    const char *name, *also; /* also: NULL or another spelling */
    const char *value;       /* what it is called in help; NULL: it has none */
    enum option_id id;
    size_t offset; /* of the member: const char * with a value, else bool */
    const char *help;
};

const struct option *option_rows(size_t *n);

/*
 * Sorts argv, the words behind the command. Returns 0; or -1 after telling on standard error what is wrong
 * with them: an option that is not in `takes`, or no value. `command` is for the message.
 */
int options_parse(const char *command, unsigned takes, int argc, char **argv, struct options *out);

#endif
