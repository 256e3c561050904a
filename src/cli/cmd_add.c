#include <stdio.h>
#include <string.h>

#include "base/ip.h"
#include "cli/apps.h"
#include "cli/commands.h"
#include "cli/config_edit.h"
#include "cli/host_word.h"
#include "cli/service.h"
#include "config/edit.h"
#include "config/value.h"

/* What the words of the command ask for. */
struct request {
    char host[HOST_WORD];
    const struct app *app; /* NULL: none */
    char **backends;
    size_t n_backends;
};

static int misuse(const char *what)
{
    fprintf(stderr,
            "edge: `add` needs %s; write `edge add HOST BACKEND`, as in\n"
            "    edge add photos.example.org 127.0.0.1:2342\n",
            what);
    return EXIT_MISUSE;
}

/* `edge add 127.0.0.1:2342 photos.example.org`, `edge add 2342 photos.example.org` */
static bool swapped(const struct options *o)
{
    struct endpoint endpoint;
    struct ip ip;
    uint64_t port;
    struct str first = str_of(o->args[0]), last = str_of(o->args[o->n_args - 1]);
    bool backend = endpoint_parse(first, &endpoint) || ip_parse(first, &ip) ||
                   str_to_u64(first, MAX_SITE_PORT, &port);
    if (o->n_args != 2 || !backend || host_problem(last) || str_find(last, '.') == last.n)
        return false;
    fprintf(stderr, "edge: the host name comes first; write `edge add %s %s`\n", o->args[1], o->args[0]);
    return true;
}

/* A line end in a word would end its line in the file, too. */
static bool has_control(const char *word)
{
    for (; *word; word++)
        if ((unsigned char)*word < ' ' || *word == 0x7f)
            return true;
    return false;
}

static int read_request(const struct options *o, struct request *r)
{
    if (o->app && !(r->app = app_find(o->app))) {
        app_unknown(o->app);
        return EXIT_MISUSE;
    }
    if (o->n_args == 0)
        return misuse(r->app ? "a host name" : "a host name and a backend");
    if (swapped(o) || !host_word("add", o->args[0], r->host))
        return EXIT_MISUSE;
    r->backends = o->args + 1;
    r->n_backends = o->n_args - 1;
    if (r->n_backends == 0 && !r->app)
        return misuse("a backend, the address of the application");
    for (size_t i = 0; i < r->n_backends; i++)
        if (has_control(r->backends[i]))
            return misuse("a backend without control characters");
    return EXIT_DONE;
}

/* `3000` is a port of this machine; for an application the port may be left out instead. */
static bool add_backend(const struct app *app, struct str word, struct buf *out)
{
    struct str port = str_starts(word, STR(":")) ? str_skip(word, 1) : word;
    uint64_t number;
    struct ip ip;
    if (str_to_u64(port, MAX_SITE_PORT, &number) && number > 0)
        return buf_printf(out, "127.0.0.1:%.*s", STR_ARG(port));
    if (app && ip_parse(word, &ip))
        return buf_printf(out, ip.len == 16 ? "[%.*s]:%u" : "%.*s:%u", STR_ARG(word), app->port);
    bool whole = str_starts(word, STR("[")) ? str_ends(word, STR("]")) : !host_problem(word);
    if (app && whole)
        return buf_printf(out, "%.*s:%u", STR_ARG(word), app->port);
    return edit_word(word, out);
}

static bool make_block(const struct request *r, bool internal, struct buf *out)
{
    bool ok = edit_name(str_of(r->host), out) && buf_add_str(out, STR(" {\n    proxy"));
    if (r->n_backends == 0)
        ok = ok && buf_printf(out, " 127.0.0.1:%u", r->app->port);
    for (size_t i = 0; i < r->n_backends; i++)
        ok = ok && buf_add(out, " ", 1) && add_backend(r->app, str_of(r->backends[i]), out);
    return ok && buf_add(out, "\n", 1) && buf_add_str(out, str_of(r->app ? r->app->limits : "")) &&
           (!internal || buf_add_str(out, STR("    tls   internal\n"))) && buf_add_str(out, STR("}\n"));
}

static int taken(const struct options *o, const char *host, const struct site *site)
{
    fprintf(
        stderr,
        "edge: %s:%u: `%s` has a site already; change the address after `proxy` there, or take the name out "
        "first: `edge remove %s`\n",
        o->config, site->line, host, site->any ? "'*'" : host);
    return EXIT_FAILED;
}

static void tell(const struct request *r, const struct config_edit *e, bool internal)
{
    printf("%s: %s was added\n", e->options->config, r->host);
    if (internal)
        printf(
            "No authority issues certificates for %s, so edge makes one (`tls internal`); browsers ask once.\n",
            r->host);
    if (r->app)
        app_tell(r->app, str_of(r->host));
}

/* What the user may wait for. */
static const char *next(const struct config_edit *e, const char *host)
{
    const struct site *site = edit_find(e->snapshot, str_of(host));
    bool comes = site && site->tls == SITE_TLS_AUTO && !site->any;
    return comes ? "the certificate comes by itself, `sudo edge certs` shows it" : "";
}

static int add(struct config_edit *e, const struct request *r)
{
    struct buf block = {0}, text = {0};
    struct str host = str_of(r->host);
    bool internal = edit_wants_internal(e->snapshot, host);
    int status = EXIT_FAILED;
    if (make_block(r, internal, &block) && edit_add(buf_str(&e->text), buf_str(&block), &text))
        status = config_edit_write(e, buf_str(&text));
    else
        status = config_edit_nomem();
    if (status == EXIT_DONE)
        tell(r, e, internal);
    buf_done(&block);
    buf_done(&text);
    return status;
}

int cmd_add(const struct options *o)
{
    struct request r = {.app = NULL};
    struct config_edit e = {.command = "add", .options = o, .file = FILE_REPLACE_CLOSED};
    int status = read_request(o, &r);
    if (status != EXIT_DONE)
        return status;
    status = config_edit_begin(&e, true, true);
    const struct site *had = status == EXIT_DONE ? edit_find(e.snapshot, str_of(r.host)) : NULL;
    if (had)
        status = taken(o, r.host, had);
    else if (status == EXIT_DONE)
        status = add(&e, &r);
    const char *then = status == EXIT_DONE ? next(&e, r.host) : "";
    config_edit_done(&e);
    return status == EXIT_DONE ? service_tell(service_restart(o->config), o->config, then) : status;
}
