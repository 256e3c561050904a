#include <stdio.h>

#include "base/buf.h"
#include "cli/check_ports.h"
#include "cli/commands.h"
#include "cli/config_file.h"
#include "server/snapshot_build.h"

/* Those that stand in the file. */
static size_t count_sites(const struct snapshot *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_sites; i++)
        n += s->sites[i].line != 0;
    return n;
}

/* For programs, such as the completions of shells. */
static void print_hosts(const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_sites; i++)
        for (size_t j = 0; s->sites[i].line != 0 && j < s->sites[i].n_names; j++)
            printf("%.*s\n", STR_ARG(s->sites[i].names[j]));
}

int cmd_check(const struct options *o)
{
    struct buf errors = {0};
    struct snapshot *s = config_file_load(o->config);
    if (!s)
        return EXIT_MISUSE;
    bool good = snapshot_verify(s, o->config, &errors) == 0;
    fprintf(stderr, "%.*s", STR_ARG(buf_str(&errors)));
    size_t sites = count_sites(s);
    if (good && o->hosts)
        print_hosts(s);
    else if (good)
        printf("%s: ok, %zu %s\n", o->config, sites, sites == 1 ? "site" : "sites");
    buf_done(&errors);
    int status = good ? EXIT_DONE : EXIT_MISUSE;
    if (o->ports && !check_ports(s) && good)
        status = EXIT_FAILED;
    snapshot_free(s);
    return status;
}
