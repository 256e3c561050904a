#include "server/backend_tls.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "server/image.h"
#include "server/snapshot_build.h"
#include "server/upstreams.h"
#include "tls/stream_tls_client.h"
#include "tls/trust.h"

struct roots {
    struct str file; /* empty: every certificate is believed */
    const struct tls_trust *trust;
};

struct backend_tls {
    struct tls_client_worker *client; /* NULL: there is no https backend */
    struct roots *known;              /* each file once */
    size_t n_known;
    const struct tls_trust *trusts[]; /* by the id of the group's first backend */
};

static const struct tls_trust *read_roots(const struct image *image, struct str file)
{
    struct image_section section = {.data = {NULL, 0}};
    int err = ERR_TRUST_NONE;
    if (file.n == 0)
        return tls_trust_new(section.data, &err);
    struct tls_trust *trust = NULL;
    /* Of an empty text a trust would be made that believes everybody. */
    if (image_find(image, IMAGE_FILE, file, &section) && section.data.n > 0)
        trust = tls_trust_new(section.data, &err);
    if (!trust)
        log_error("%.*s: %s: the backends that it is for cannot be used", STR_ARG(file), err_text(err));
    return trust;
}

static const struct tls_trust *find_roots(struct backend_tls *t, const struct image *image, struct str file)
{
    for (size_t i = 0; i < t->n_known; i++)
        if (str_eq(t->known[i].file, file))
            return t->known[i].trust;
    struct roots *next = &t->known[t->n_known++];
    *next = (struct roots){.file = file, .trust = read_roots(image, file)};
    return next->trust;
}

struct backend_tls *backend_tls_new(const struct image *image, const struct snapshot *s,
                                    struct tls_worker *share)
{
    struct backend_tls *t = calloc(1, sizeof *t + (s->n_backends + 1) * sizeof *t->trusts);
    if (!t)
        return NULL;
    for (struct upstream_cursor c = {0}; upstreams_next(s, &c);) {
        if (!upstream_speaks_tls(&c))
            continue;
        if (!t->client) {
            t->client = tls_client_worker_new(share);
            t->known = calloc(s->n_backends, sizeof *t->known);
        }
        if (!t->client || !t->known)
            return NULL;
        t->trusts[c.upstream->backends[0].id] = find_roots(t, image, snapshot_roots(&c));
    }
    return t;
}

struct stream *backend_tls_stream(const struct backend_tls *t, const struct upstream *up,
                                  const struct backend *b, int fd, struct endpoint peer)
{
    const struct tls_trust *trust = t->trusts[up->backends[0].id];
    struct str name = up->tls_name.n > 0 ? up->tls_name : b->name;
    struct stream *stream = trust ? stream_tls_client_new(t->client, trust, name, fd, peer) : NULL;
    if (!stream)
        errno = trust ? ENOMEM : ENOKEY;
    return stream;
}
