#include "cli/config_edit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "config/parse.h"
#include "config/value.h"
#include "server/read_file.h"
#include "server/snapshot_build.h"

/* What the user typed, so that a shell reads it the same way. */
static void print_word(const char *word)
{
    struct str s = str_of(word);
    bool plain = s.n > 0;
    for (size_t i = 0; i < s.n; i++)
        plain = plain && (ascii_alnum(s.p[i]) || strchr("-_./:,@%+=", s.p[i]));
    fprintf(stderr, plain ? " %s" : " '%s'", word);
}

static void print_again(const struct config_edit *e)
{
    const struct options *o = e->options;
    fprintf(stderr, "try `sudo edge %s", e->command);
    if (o->app)
        fprintf(stderr, " --app %s", o->app);
    if (strcmp(o->config, CONFIG_FILE) != 0) {
        fputs(" -c", stderr);
        print_word(o->config);
    }
    for (size_t i = 0; i < o->n_args; i++)
        print_word(o->args[i]);
    fputs("`", stderr);
}

/* Returns the exit status. */
static int trouble(const struct config_edit *e, const char *cannot, int number)
{
    fprintf(stderr, "edge: configuration %s: cannot %s: %s; nothing was changed; ", e->options->config,
            cannot, strerror(number));
    if ((number == EACCES || number == EPERM) && geteuid() != 0)
        print_again(e);
    else if (number == ENOSPC || number == EDQUOT)
        fputs("make room on that disk and try again", stderr);
    else if (number == EROFS)
        fputs("its file system is mounted read-only", stderr);
    else if (number == ENOENT)
        fputs("make the folder it lies in, or name another file with `-c FILE`", stderr);
    else
        fputs("name another file with `-c FILE`", stderr);
    fputs("\n", stderr);
    return EXIT_FAILED;
}

int config_edit_nomem(void)
{
    fputs("edge: out of memory; nothing was changed; free some and try again\n", stderr);
    return EXIT_FAILED;
}

/* The file's text, if there is one. */
static int read_text(struct config_edit *e, bool make)
{
    if (!e->file.there && make)
        return EXIT_DONE;
    if (!e->file.there) {
        config_file_trouble(e->options->config, ENOENT);
        return EXIT_MISUSE;
    }
    if (read_file(e->file.path, READ_FILE_CONFIG, &e->text) < 0)
        return trouble(e, "read it", errno);
    return EXIT_DONE;
}

int config_edit_begin(struct config_edit *e, bool make, bool certificates)
{
    const char *path = e->options->config;
    struct buf errors = {0};
    if (file_replace_open(&e->file, path) < 0)
        return trouble(e, e->file.failed, errno);
    int status = read_text(e, make);
    if (status != EXIT_DONE)
        return status;
    e->snapshot = config_parse(path, buf_str(&e->text), &errors);
    /* Warnings wait: some of them may be told of the new text only. */
    if (e->snapshot)
        buf_take(&errors, errors.len);
    if (!e->snapshot || (certificates && snapshot_verify(e->snapshot, path, &errors) < 0)) {
        fprintf(stderr, "%.*sedge: correct this first; nothing was changed\n", STR_ARG(buf_str(&errors)));
        status = EXIT_MISUSE;
    }
    buf_done(&errors);
    return status;
}

/*
 * The text was fine before: what is wrong now is what the user asked for, and said of that instead of a place
 * in a text that nobody has seen.
 */
static int refuse(const struct config_edit *e, struct str errors)
{
    const char *path = e->options->config;
    while (errors.n > 0) {
        struct str line = str_take(errors, str_find(errors, '\n'));
        errors = str_skip(errors, line.n + 1);
        if (!str_starts(line, str_of(path)) || memmem(line.p, line.n, ": warning: ", 11))
            continue;
        const char *message = memmem(line.p, line.n, ": ", 2);
        struct str told = str_skip(line, message ? (size_t)(message - line.p) + 2 : 0);
        fprintf(stderr, "edge: %.*s\n", STR_ARG(told));
    }
    fprintf(stderr, "edge: nothing was changed in %s\n", path);
    return EXIT_MISUSE;
}

int config_edit_write(struct config_edit *e, struct str text)
{
    struct buf errors = {0};
    int status = EXIT_DONE;
    struct snapshot *s = config_parse(e->options->config, text, &errors);
    if (!s)
        status = refuse(e, buf_str(&errors));
    else if (file_replace_write(&e->file, text) < 0)
        status = trouble(e, e->file.failed, errno);
    else
        fprintf(stderr, "%.*s", STR_ARG(buf_str(&errors)));
    if (status == EXIT_DONE) {
        snapshot_free(e->snapshot);
        e->snapshot = s;
    } else {
        snapshot_free(s);
    }
    buf_done(&errors);
    return status;
}

void config_edit_done(struct config_edit *e)
{
    snapshot_free(e->snapshot);
    e->snapshot = NULL;
    buf_done(&e->text);
    file_replace_done(&e->file);
}
