#include "server/cert_pick.h"

#include <string.h>

#include "acme/x509.h"
#include "base/log.h"
#include "server/cert_image.h"
#include "server/image.h"
#include "server/plan.h"
#include "store/cert_row.h"

enum { DAY = 24 * 3600, INTERNAL_RENEW = 30 * DAY };

/* A certificate of a CA that has not expired, of whatever names. */
struct cover {
    struct cover *next;
    struct cert_row row;
};

/* One look. */
struct look {
    struct cert_pick *pick;
    const struct snapshot *snapshot;
    struct store *store;
    int64_t now;
    struct arena mem; /* of this look; holds keys */
    struct buf image, signature;
    struct buf rows; /* int64_t each: of the certificates in the image */
    struct cover *covers;
    bool listed; /* covers is filled */
    bool placed; /* the self-signed one is in the image */
    bool unread; /* the database has failed */
    bool failed;
};

static const struct str self_signed = {"self-signed", 11};

/* The self-signed one, made when it is first needed. */
static bool make_self_signed(struct cert_pick *p, int64_t now)
{
    if (p->chain.n > 0)
        return true;
    p->key = x509_new_key(&p->mem);
    if (p->key.n > 0)
        p->chain = x509_self_signed(&p->mem, p->key, NULL, 0, now - DAY);
    return p->chain.n > 0;
}

static void place_host(struct look *l, struct str host, struct str key)
{
    l->failed = l->failed || !cert_image_name(&l->image, host, key) ||
                !buf_printf(&l->signature, "%.*s=%.*s\n", STR_ARG(host), STR_ARG(key));
}

static void place_self_signed(struct look *l, struct str host)
{
    if (!l->placed) {
        l->failed = l->failed || !make_self_signed(l->pick, l->now) ||
                    !cert_image_add(&l->image, self_signed, l->pick->chain, l->pick->key);
        l->placed = true;
    }
    place_host(l, host, self_signed);
}

static bool is_placed(const struct look *l, int64_t id)
{
    for (size_t at = 0; at < l->rows.len; at += sizeof id)
        if (memcmp(buf_data(&l->rows) + at, &id, sizeof id) == 0)
            return true;
    return false;
}

/* Under its row's number, which also tells one certificate of a site from the next. One may cover several hosts. */
static struct str place_row(struct look *l, const struct cert_row *row)
{
    struct str key = arena_printf(&l->mem, "%lld", (long long)row->id);
    if (!key.p)
        l->failed = true;
    else if (!is_placed(l, row->id))
        l->failed = l->failed || !cert_image_add(&l->image, key, row->chain_pem, row->key_pem) ||
                    !buf_add(&l->rows, &row->id, sizeof row->id);
    return key;
}

static bool covers(struct str names, struct str host)
{
    struct str name;
    while (str_next_element(&names, &name))
        if (str_eq(name, host))
            return true;
    return false;
}

static bool keep_cover(const struct cert_row *row, void *context)
{
    struct look *l = context;
    if (row->directory.n == 0 || row->not_after <= l->now)
        return true;
    struct cover *c = arena_zalloc(&l->mem, 1, sizeof *c);
    if (!c) {
        l->failed = true;
        return false;
    }
    *c = (struct cover){.next = l->covers, .row = *row};
    l->covers = c;
    return true;
}

/* Once per look, when the first host needs one. */
static void read_covers(struct look *l)
{
    if (l->store && !l->listed && cert_row_each(l->store, &l->mem, keep_cover, l) < 0)
        l->unread = true;
    l->listed = true;
}

/* A host whose site has no certificate of exactly its names. */
static void cover_host(struct look *l, struct str host)
{
    const struct cover *best = NULL;
    read_covers(l);
    for (const struct cover *c = l->covers; c; c = c->next)
        if ((!best || c->row.id > best->row.id) && covers(c->row.names, host))
            best = c;
    if (best)
        place_host(l, host, place_row(l, &best->row));
    else
        place_self_signed(l, host);
}

/* `tls internal`: made here, kept in the database so that people's exceptions in browsers stay good. */
static bool make_internal(struct look *l, const struct site *site, struct str names, struct cert_row *row)
{
    struct x509_facts facts;
    *row = (struct cert_row){.names = names, .obtained = l->now};
    row->key_pem = x509_new_key(&l->mem);
    if (row->key_pem.n == 0)
        return false;
    row->chain_pem = x509_self_signed(&l->mem, row->key_pem, site->names, site->n_names, l->now - DAY);
    if (row->chain_pem.n == 0 || !x509_read(&l->mem, row->chain_pem, &facts))
        return false;
    row->issuer = STR("edge");
    row->serial = facts.serial;
    row->not_before = facts.not_before;
    row->not_after = facts.not_after;
    row->renew_at = facts.not_after - INTERNAL_RENEW;
    return cert_row_put(l->store, row) == 0;
}

static void pick_site(struct look *l, const struct site *site)
{
    struct cert_row row, made;
    struct str names = plan_key(site, &l->mem);
    int found = l->store && names.p ? cert_row_find(l->store, names, &l->mem, &row) : 0;
    bool internal = site->tls == SITE_TLS_INTERNAL;
    l->unread = l->unread || found < 0;
    if (found == 1 && internal != (row.directory.n == 0))
        found = 0; /* of the time before `tls internal` was written, or taken out */
    if (internal && l->store && (found == 0 || (found == 1 && row.renew_at <= l->now)) &&
        make_internal(l, site, names, &made)) {
        row = made;
        found = 1;
    }
    struct str key = found == 1 ? place_row(l, &row) : names;
    for (size_t i = 0; i < site->n_names; i++) {
        if (found == 1)
            place_host(l, site->names[i], key);
        else
            cover_host(l, site->names[i]);
    }
}

static bool is_ours(const struct site *site)
{
    return site->tls == SITE_TLS_INTERNAL || plan_wants_cert(site);
}

bool cert_pick_update(struct cert_pick *p, const struct snapshot *snapshot, struct store *store, int64_t now)
{
    struct look l = {.pick = p, .snapshot = snapshot, .store = store, .now = now};
    l.failed = !buf_printf(&l.signature, "certificates\n");
    for (size_t i = 0; i < snapshot->n_sites; i++)
        if (is_ours(&snapshot->sites[i]))
            pick_site(&l, &snapshot->sites[i]);
    /* At the start self-signed ones are better than none. Later a database that fails takes nothing away. */
    l.failed = l.failed || (l.unread && p->image.len > 0);
    bool changed = !l.failed && !str_eq(buf_str(&l.signature), buf_str(&p->signature));
    if (l.failed)
        log_error("the certificates cannot be collected; the workers keep what they have");
    if (changed) {
        buf_wipe(&p->image);
        buf_done(&p->signature);
        p->image = l.image;
        p->signature = l.signature;
    } else {
        buf_wipe(&l.image);
        buf_done(&l.signature);
    }
    buf_done(&l.rows);
    arena_wipe(&l.mem);
    return changed;
}

int cert_pick_image(const struct cert_pick *p)
{
    return image_seal(&p->image);
}
