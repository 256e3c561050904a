#include "cli/cert_list.h"

#include <errno.h>
#include <string.h>

#include "acme/x509.h"
#include "base/pem.h"
#include "server/plan.h"
#include "server/read_file.h"

void cert_list_done(struct cert_list *l)
{
    arena_wipe(&l->mem); /* rows of the store come with their keys */
}

/* False: the site has no certificate. */
static bool find_source(const struct site *site, enum cert_source *source)
{
    switch (site->tls) {
    case SITE_TLS_AUTO: *source = CERT_ACME; return plan_wants_cert(site);
    case SITE_TLS_INTERNAL: *source = CERT_INTERNAL; return true;
    case SITE_TLS_FILES: *source = CERT_FILE; return true;
    case SITE_TLS_OFF: break;
    }
    return false;
}

/* A file that holds a key too may begin with it. */
static struct str skip_to_certificate(struct str text)
{
    struct str rest = text;
    struct pem_block block;
    while (pem_next(&rest, &block) == PEM_BLOCK && !str_eq(block.label, STR("CERTIFICATE")))
        text = rest;
    return text;
}

static int read_certificate(struct cert_list *l, struct cert_line *line)
{
    struct x509_facts facts;
    struct buf text = {0};
    const char *path = arena_cstr(&l->mem, line->site->cert_file);
    if (!path)
        return -1;
    if (read_file(path, READ_FILE_PEM, &text) < 0) {
        line->error = arena_printf(&l->mem, "%s: %s", path, strerror(errno));
    } else if (!x509_read(&l->mem, skip_to_certificate(buf_str(&text)), &facts)) {
        line->error = arena_printf(&l->mem, "%s: no certificate that can be read", path);
    } else {
        line->there = true;
        line->issuer = facts.issuer;
        line->serial = facts.serial;
        line->not_before = facts.not_before;
        line->not_after = facts.not_after;
    }
    buf_wipe(&text);
    return line->there || line->error.p ? 0 : -1;
}

int cert_list_make(struct cert_list *l, const struct snapshot *s)
{
    l->lines = arena_zalloc(&l->mem, s->n_sites + 1, sizeof *l->lines);
    if (!l->lines)
        return -1;
    for (size_t i = 0; i < s->n_sites; i++) {
        enum cert_source source;
        if (!find_source(&s->sites[i], &source))
            continue;
        struct cert_line *line = &l->lines[l->n++];
        line->site = &s->sites[i];
        line->source = source;
        if (source == CERT_FILE && read_certificate(l, line) < 0)
            return -1;
    }
    return 0;
}

static void take_row(struct cert_line *line, const struct cert_row *row)
{
    line->there = true;
    line->issuer = row->issuer;
    line->serial = row->serial;
    line->key = "P-256"; /* edge makes no other */
    line->not_before = row->not_before;
    line->not_after = row->not_after;
}

static void take_item(struct cert_line *line, const struct plan_item *item)
{
    /* One of edge's own is left from the time when the site was `tls internal`. */
    if (item->has_cert && item->cert.directory.n > 0)
        take_row(line, &item->cert);
    line->next = item->due;
    line->failures = item->attempt.failures;
    if (line->failures > 0) {
        line->last_try = item->attempt.last_try;
        line->error = item->attempt.last_error;
    }
}

static int look_at_internal(struct cert_list *l, struct cert_line *line, struct store *store)
{
    struct cert_row row;
    struct str key = plan_key(line->site, &l->mem);
    int found = key.p ? cert_row_find(store, key, &l->mem, &row) : -1;
    if (found == 1 && row.directory.n == 0) {
        take_row(line, &row);
        line->next = row.renew_at;
    }
    return found < 0 ? -1 : 0;
}

int cert_list_look(struct cert_list *l, const struct snapshot *s, struct store *store, int64_t now)
{
    struct plan plan;
    size_t item = 0;
    if (plan_make(s, store, &l->mem, now, &plan) < 0)
        return -1;
    for (size_t i = 0; i < l->n; i++) {
        struct cert_line *line = &l->lines[i];
        if (line->source == CERT_INTERNAL && look_at_internal(l, line, store) < 0)
            return -1;
        /* Both go over the sites in their order. */
        if (item < plan.n && plan.items[item].site == line->site)
            take_item(line, &plan.items[item++]);
    }
    return 0;
}
