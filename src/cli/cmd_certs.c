#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cli/cert_list.h"
#include "cli/cert_print.h"
#include "cli/commands.h"
#include "cli/config_file.h"
#include "server/data_open.h"

/* Before edge was started for the first time, which is no trouble: nothing is there yet. */
static bool no_data(struct snapshot *s)
{
    struct stat st;
    const char *dir = arena_cstr(&s->mem, s->data_dir);
    return dir && stat(dir, &st) < 0 && errno == ENOENT;
}

/* Returns -1 after telling why. */
static int look(struct cert_list *l, struct snapshot *s, int64_t now)
{
    struct buf why = {0};
    if (no_data(s))
        return 0;
    struct store *store = data_open(s, STORE_READ, &why);
    int rc = store ? cert_list_look(l, s, store, now) : -1;
    if (!store)
        fprintf(stderr, "edge: %.*s\n", STR_ARG(buf_str(&why)));
    else if (rc < 0)
        fprintf(stderr, "edge: %s\n", store_error(store));
    store_close(store);
    buf_done(&why);
    return rc;
}

static int print(const struct options *o, const struct cert_list *l, int64_t now)
{
    struct buf out = {0};
    bool ok = true;
    if (o->json)
        ok = cert_print_json(l, now, &out);
    else if (l->n == 0)
        ok = buf_printf(&out, "%s: no site has a certificate\n", o->config);
    else
        ok = cert_print_table(l, now, &out);
    if (ok)
        printf("%.*s", STR_ARG(buf_str(&out)));
    else
        fputs("edge: out of memory; free some and try again\n", stderr);
    buf_done(&out);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

int cmd_certs(const struct options *o)
{
    struct cert_list list = {0};
    int status = EXIT_FAILED;
    struct snapshot *s = config_file_load(o->config);
    if (!s)
        return EXIT_MISUSE;
    int64_t now = clock_wall();
    /* Files come first: their owner may be root, and whoever opens the store is that no more. */
    if (cert_list_make(&list, s) < 0)
        fputs("edge: out of memory; free some and try again\n", stderr);
    else if (look(&list, s, now) == 0)
        status = print(o, &list, now);
    cert_list_done(&list);
    snapshot_free(s);
    return status;
}
