#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/commands.h"
#include "config/directive.h"

static void print_commands(FILE *out)
{
    size_t n;
    const struct command *rows = command_rows(&n);
    fputs("usage: edge COMMAND [OPTION...]\n\n", out);
    for (size_t i = 0; i < n; i++)
        if (rows[i].run)
            fprintf(out, "  edge %-8s %s\n", rows[i].name, rows[i].summary);
    fputs("\nFirst steps, when edge is installed:\n\n"
          "  sudo edge add photos.example.org 127.0.0.1:2342   the host name, and where the application is\n"
          "  sudo edge certs                                   the certificate comes by itself\n"
          "\n`edge help COMMAND` tells more, `edge help config` lists what a configuration may hold.\n"
          "Exit status: 0 done, 1 failed, 2 wrong use or bad configuration.\n",
          out);
}

int cmd_help_usage(void)
{
    print_commands(stderr);
    return EXIT_MISUSE;
}

void cmd_help_command(const struct command *c)
{
    size_t n;
    const struct option *options = option_rows(&n);
    printf("usage: edge %s%s%s [OPTION...]\n\n%s\n", c->name, c->arguments[0] ? " " : "", c->arguments,
           c->summary);
    if (c->text[0])
        printf("\n%s", c->text);
    puts("\nOptions:");
    for (size_t i = 0; i < n; i++) {
        const struct option *o = &options[i];
        if (!(o->id & (c->takes | OPTION_CONFIG | OPTION_HELP)))
            continue;
        char word[32];
        (void)snprintf(word, sizeof word, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("  %-10s %s\n", word, o->help);
    }
}

static void print_directives(const char *title, enum where where)
{
    size_t n;
    const struct directive *rows = directive_rows(&n);
    printf("\n%s\n\n", title);
    for (size_t i = 0; i < n; i++) {
        const struct directive *row = &rows[i];
        if (!(row->where & where) || !row->set)
            continue;
        printf("  %s%s%s", row->name, row->arguments[0] ? " " : "", row->arguments);
        if (row->initial[0])
            printf(" [%s]", row->initial);
        printf("\n      %s\n", row->help);
    }
}

static void print_config(void)
{
    puts("A configuration holds directives and sites; defaults stand in brackets. See edge.conf(5).");
    print_directives("Outside of sites:", IN_FILE);
    print_directives("In `acme { ... }`:", IN_ACME);
    print_directives("In a site, `HOST, HOST... { ... }`:", IN_SITE);
    print_directives("In a block after `proxy BACKEND...` or `passthrough BACKEND...`:", IN_BACKEND);
    print_directives("After `timeout`:", IN_TIMEOUT);
}

int cmd_help(const struct options *o)
{
    if (o->n_args == 0) {
        print_commands(stdout);
        return EXIT_DONE;
    }
    if (strcmp(o->args[0], "config") == 0) {
        print_config();
        return EXIT_DONE;
    }
    const struct command *c = command_find(o->args[0]);
    if (!c)
        return command_unknown(o->args[0]);
    if (!c->run) {
        fprintf(stderr, "edge: `%s` is not supported yet\n", c->name);
        return EXIT_MISUSE;
    }
    cmd_help_command(c);
    return EXIT_DONE;
}
