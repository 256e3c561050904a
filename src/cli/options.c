#include "cli/options.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "config/suggest.h"

static const struct option rows[] = {
    {"-c", NULL, "FILE", OPTION_CONFIG, offsetof(struct options, config),
     "the configuration [" CONFIG_FILE "]"},
    {"--json", NULL, NULL, OPTION_JSON, offsetof(struct options, json), "print JSON"},
    {"--force", NULL, NULL, OPTION_FORCE, offsetof(struct options, force),
     "renew whether it is due or not, and in spite of failures"},
    {"--app", NULL, "NAME", OPTION_APP, offsetof(struct options, app),
     "the application behind it; its usual port may be left out"},
    {"--hosts", NULL, NULL, OPTION_HOSTS, offsetof(struct options, hosts),
     "print the host names instead, one in a line"},
    {"--ports", NULL, NULL, OPTION_PORTS, offsetof(struct options, ports),
     "try too whether the ports are free, and tell who holds them"},
    {"--help", "-h", NULL, OPTION_HELP, offsetof(struct options, help), "print what the command does"},
};

const struct option *option_rows(size_t *n)
{
    *n = nitems(rows);
    return rows;
}

static const struct option *find(const char *word)
{
    for (size_t i = 0; i < nitems(rows); i++)
        if (strcmp(word, rows[i].name) == 0 || (rows[i].also && strcmp(word, rows[i].also) == 0))
            return &rows[i];
    return NULL;
}

static int refuse(const char *command, unsigned takes, const char *word)
{
    struct suggest near = {.word = str_of(word)};
    for (size_t i = 0; i < nitems(rows); i++)
        if (rows[i].id & takes)
            suggest_offer(&near, rows[i].name);
    fprintf(stderr, "edge: `%s` has no option `%s`; ", command, word);
    if (near.best)
        fprintf(stderr, "did you mean `%s`?\n", near.best);
    else
        fprintf(stderr, "see `edge help %s`\n", command);
    return -1;
}

static void set(struct options *out, const struct option *row, const char *value)
{
    char *member = (char *)out + row->offset;
    bool on = true;
    if (row->value)
        memcpy(member, &value, sizeof value);
    else
        memcpy(member, &on, sizeof on);
}

int options_parse(const char *command, unsigned takes, int argc, char **argv, struct options *out)
{
    bool more = true; /* until "--" */
    *out = (struct options){.config = CONFIG_FILE, .args = argv};
    for (int i = 0; i < argc; i++) {
        char *word = argv[i];
        if (!more || word[0] != '-' || word[1] == '\0') {
            out->args[out->n_args++] = word;
            continue;
        }
        if (strcmp(word, "--") == 0) {
            more = false;
            continue;
        }
        const struct option *row = find(word);
        if (!row || !(row->id & takes))
            return refuse(command, takes, word);
        if (row->value && ++i == argc) {
            fprintf(stderr, "edge: `%s` needs a value; write `%s %s`\n", word, word, row->value);
            return -1;
        }
        set(out, row, row->value ? argv[i] : NULL);
    }
    return 0;
}
