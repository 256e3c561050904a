#include <stdio.h>

#include "cli/commands.h"
#include "cli/config_edit.h"
#include "cli/host_word.h"
#include "cli/service.h"
#include "config/edit.h"
#include "config/suggest.h"

/* The names lie in the snapshot without an end, which suggest_offer() needs. */
static void offer(struct suggest *near, struct arena *mem, struct str name)
{
    const char *copy = arena_cstr(mem, name);
    if (copy)
        suggest_offer(near, copy);
}

static int unknown(struct config_edit *e, const char *host)
{
    struct suggest near = {.word = str_of(host)};
    size_t names = 0;
    struct snapshot *s = e->snapshot;
    for (size_t i = 0; i < s->n_sites; i++)
        for (size_t j = 0; s->sites[i].line != 0 && j < s->sites[i].n_names; j++, names++)
            offer(&near, &s->mem, s->sites[i].names[j]);
    fprintf(stderr, "edge: %s has no site `%s`", e->options->config, host);
    if (near.best)
        fprintf(stderr, "; did you mean `%s`?\n", near.best);
    else
        fputs(names > 0 ? "; it has\n" : ", and no other\n", stderr);
    for (size_t i = 0; i < s->n_sites; i++)
        for (size_t j = 0; s->sites[i].line != 0 && j < s->sites[i].n_names; j++)
            fprintf(stderr, "    %.*s\n", STR_ARG(s->sites[i].names[j]));
    return EXIT_FAILED;
}

static void tell(const struct config_edit *e, const char *host, size_t others)
{
    printf("%s: %s was removed", e->options->config, host);
    if (others > 0)
        printf("; the site stays for its other %s", others == 1 ? "name" : "names");
    puts("");
}

static int take_out(struct config_edit *e, const char *host)
{
    struct buf text = {0};
    const struct site *site = edit_find(e->snapshot, str_of(host));
    int status = EXIT_FAILED;
    if (!site)
        return unknown(e, host);
    size_t others = site->n_names - 1;
    if (edit_remove(buf_str(&e->text), site, str_of(host), &text))
        status = config_edit_write(e, buf_str(&text));
    else
        status = config_edit_nomem();
    if (status == EXIT_DONE)
        tell(e, host, others);
    buf_done(&text);
    return status;
}

int cmd_remove(const struct options *o)
{
    char host[HOST_WORD];
    struct config_edit e = {.command = "remove", .options = o, .file.folder = -1};
    if (o->n_args == 0) {
        fputs("edge: `remove` needs a host name; write `edge remove HOST`\n", stderr);
        return EXIT_MISUSE;
    }
    if (!host_word("remove", o->args[0], host))
        return EXIT_MISUSE;
    int status = config_edit_begin(&e, false, false);
    if (status == EXIT_DONE)
        status = take_out(&e, host);
    config_edit_done(&e);
    return status == EXIT_DONE ? service_tell(service_restart(o->config), o->config, "") : status;
}
