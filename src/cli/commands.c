#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "config/suggest.h"

static const struct command rows[] = {
    {"serve", "", "run in the foreground",
     "Reads the configuration, opens the ports and serves until a signal comes. SIGTERM and SIGINT let requests\n"
     "end that are under way, for 10 s or as long as `timeout drain` says; a second signal ends edge at once.\n",
     0, 0, cmd_serve},
    {"check", "", "validate the configuration",
     "Tells every error with its line and column and what to do about it, and tries whether the certificates and\n"
     "keys that the file names can be used. Nothing is changed. Exit status 2 if something is wrong.\n"
     "With --ports also: which ports are free, which ones edge has already, and who else holds one and how to\n"
     "free it; root sees most. Exit status 1 if another program holds one.\n",
     OPTION_PORTS | OPTION_HOSTS, 0, cmd_check},
    {"add", "HOST [BACKEND...]", "add a site",
     "Writes a block for HOST at the end of the configuration, and restarts edge if it runs as a service.\n"
     "BACKEND is ADDRESS:PORT, a PORT of this machine, http://ADDRESS or unix:/PATH. With --app it may be left\n"
     "out, or have no port; applications: immich, photoprism, owncast, homeassistant, jellyfin, nextcloud. What\n"
     "they must be told themselves is printed. The file is checked before and after; it is never half written.\n",
     OPTION_APP, ANY_NUMBER, cmd_add},
    {"remove", "HOST", "remove a site",
     "Takes HOST out of the configuration, and its block if that has no other name; comments stay. Then edge is\n"
     "restarted if it runs as a service. The certificate stays in the database: adding HOST again costs none.\n",
     0, 1, cmd_remove},
    {"renew", "[HOST...]", "get and renew certificates",
     "Gets every certificate of the configuration that is missing or due; with a HOST, only those it is in. The\n"
     "daemon and the timer run it too: it may be run at any time, twice at once, and with or without the daemon.\n"
     "Without it, the HTTP port must be free, because the certificate authority asks there. What it does is told\n"
     "on standard output, failures with the authority's own words on standard error.\n",
     OPTION_FORCE, ANY_NUMBER, cmd_renew},
    {"certs", "", "list the certificates",
     "For each site that is to have one: hosts, issuer (`internal`: made by edge; `file`: from the files of\n"
     "`tls CERT KEY`), kind of key, the day it ends, days left, and when edge renews it, in UTC. The last error\n"
     "stands below, word for word. The daemon need not be running.\n",
     OPTION_JSON, 0, cmd_certs},
    {"version", "", "print the version of edge and of the libraries in it", "", OPTION_JSON, 0, cmd_version},
    {"help", "[COMMAND | config]", "explain a command, or list what a configuration may hold", "", 0, 1,
     cmd_help},

    {"adduser", "NAME", "add a user", "", 0, 0, NULL},
    {"deluser", "NAME", "remove a user", "", 0, 0, NULL},
    {"users", "", "list the users", "", 0, 0, NULL},
    {"reload", "", "take a new configuration", "", 0, 0, NULL},
    {"upgrade", "", "take a new binary", "", 0, 0, NULL},
    {"status", "", "show the running daemon", "", 0, 0, NULL},
};

const struct command *command_rows(size_t *n)
{
    *n = nitems(rows);
    return rows;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < nitems(rows); i++)
        if (strcmp(name, rows[i].name) == 0)
            return &rows[i];
    return NULL;
}

int command_unknown(const char *name)
{
    struct suggest near = {.word = str_of(name)};
    if (name[0] == '-') {
        fprintf(stderr, "edge: options stand behind the command; write `edge COMMAND %s`\n", name);
        return EXIT_MISUSE;
    }
    for (size_t i = 0; i < nitems(rows); i++)
        suggest_offer(&near, rows[i].name);
    fprintf(stderr, "edge: there is no command `%s`; ", name);
    if (near.best)
        fprintf(stderr, "did you mean `%s`?\n", near.best);
    else
        fprintf(stderr, "`edge help` lists them\n");
    return EXIT_MISUSE;
}

static int run(const struct command *c, int argc, char **argv)
{
    struct options options;
    if (!c->run) {
        fprintf(stderr, "edge: `%s` is not supported yet\n", c->name);
        return EXIT_MISUSE;
    }
    if (options_parse(c->name, c->takes | OPTION_CONFIG | OPTION_HELP, argc, argv, &options) < 0)
        return EXIT_MISUSE;
    if (options.help) {
        cmd_help_command(c);
        return EXIT_DONE;
    }
    if (options.n_args > c->most) {
        fprintf(stderr, "edge: `%s` has nothing to do with `%s`; see `edge help %s`\n", c->name,
                options.args[c->most], c->name);
        return EXIT_MISUSE;
    }
    return c->run(&options);
}

/* The words that stand for a command in place of one. */
static const char *command_word(const char *word)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return "help";
    return strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0 ? "version" : word;
}

int commands_main(int argc, char **argv)
{
    if (argc < 2)
        return cmd_help_usage();
    const struct command *c = command_find(command_word(argv[1]));
    int status = c ? run(c, argc - 2, argv + 2) : command_unknown(argv[1]);
    /* A full disk behind a pipe or a file: the caller must not take half an answer for a whole one. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == EXIT_DONE) {
        perror("edge: standard output");
        status = EXIT_FAILED;
    }
    return status;
}
