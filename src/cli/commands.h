/* The table of contents of the command line: every command is a row and a file cmd_NAME.c. */
#ifndef EDGE_CLI_COMMANDS_H
#define EDGE_CLI_COMMANDS_H

#include <stddef.h>
#include <stdint.h>

#include "cli/options.h"

/* Of the process. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_MISUSE = 2 };

#define ANY_NUMBER SIZE_MAX

struct command {
    const char *name;
    const char *arguments;               /* as help shows them; "": none */
    const char *summary;                 /* one line */
    const char *text;                    /* what help adds to that; "": nothing */
    unsigned takes;                      /* enum option_id; -c and --help are taken by all */
    size_t most;                         /* arguments; ANY_NUMBER: no bound */
    int (*run)(const struct options *o); /* returns the exit status; NULL: not supported in this release */
};

const struct command *command_rows(size_t *n);
const struct command *command_find(const char *name);
/* Tells on standard error that there is no such command, and which one may be meant. Returns EXIT_MISUSE. */
int command_unknown(const char *name);
/* Everything but roles. */
int commands_main(int argc, char **argv);

int cmd_serve(const struct options *o);
int cmd_check(const struct options *o);
int cmd_add(const struct options *o);
int cmd_remove(const struct options *o);
int cmd_renew(const struct options *o);
int cmd_certs(const struct options *o);
int cmd_version(const struct options *o);
int cmd_help(const struct options *o);
/* `edge` without a command: help on standard error. */
int cmd_help_usage(void);
/* The help of one command on standard output. */
void cmd_help_command(const struct command *c);

#endif
