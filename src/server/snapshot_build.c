#include "server/snapshot_build.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "config/parse.h"
#include "server/image.h"
#include "server/read_file.h"
#include "tls/certs.h"
#include "tls/trust.h"

/* Goes over the certificate and key files of the sites, each site with two: the key's may be the same path. */
static bool has_files(const struct site *site)
{
    return site->tls == SITE_TLS_FILES;
}

/* The site before `site` that names the same files; NULL: it is the first. */
static const struct site *same_files(const struct snapshot *s, const struct site *site)
{
    for (const struct site *other = s->sites; other < site; other++)
        if (has_files(other) && str_eq(other->cert_file, site->cert_file) &&
            str_eq(other->key_file, site->key_file))
            return other;
    return NULL;
}

/* Checking */

static int read_named(struct str path, struct buf *out)
{
    char name[4096];
    if (path.n >= sizeof name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(name, path.p, path.n);
    name[path.n] = '\0';
    return read_file(name, READ_FILE_PEM, out);
}

/* Returns false, and the line is in `errors`, when the site's certificate cannot serve. */
static bool verify_site(const struct site *site, struct certs *certs, const char *file, struct buf *errors)
{
    struct buf cert = {0}, key = {0};
    struct str why = STR("out of memory"), path = site->cert_file;
    bool fine = false;
    if (read_named(site->cert_file, &cert) < 0) {
        why = str_of(strerror(errno));
    } else if (read_named(site->key_file, &key) < 0) {
        why = str_of(strerror(errno));
        path = site->key_file;
    } else {
        fine = certs_add(certs, buf_str(&cert), buf_str(&key), &why) >= 0;
    }
    if (!fine)
        (void)buf_printf(errors, "%s:%u: certificate of %.*s: %.*s: %.*s\n", file, site->line,
                         STR_ARG(site->names[0]), STR_ARG(path), STR_ARG(why));
    buf_done(&cert);
    buf_wipe(&key);
    return fine;
}

struct str snapshot_roots(const struct upstream_cursor *c)
{
    if (!upstream_speaks_tls(c) || c->upstream->trust == TRUST_NONE)
        return (struct str){NULL, 0};
    return c->upstream->trust == TRUST_FILE ? c->upstream->ca_file : STR(SNAPSHOT_SYSTEM_ROOTS);
}

/* The same for the roots that the certificates of an upstream's backends are checked with. */
static bool verify_roots(const struct upstream_cursor *c, const char *file, struct buf *errors)
{
    struct buf pem = {0};
    struct tls_trust *trust = NULL;
    int err = ERR_TRUST_NONE;
    struct str path = snapshot_roots(c);
    if (path.n == 0)
        return true;
    bool read = read_named(path, &pem) == 0;
    const char *why = read ? "" : strerror(errno);
    if (read && pem.len > 0) /* of nothing a trust would be made that believes everybody */
        trust = tls_trust_new(buf_str(&pem), &err);
    bool fine = trust != NULL;
    if (!fine)
        (void)buf_printf(errors, "%s:%u: backends of %.*s: %.*s: %s%s\n", file, c->upstream->line,
                         STR_ARG(c->site->names[0]), STR_ARG(path), read ? err_text(err) : why,
                         c->upstream->trust == TRUST_SYSTEM
                             ? "; install ca-certificates, or write `tls CA-FILE` or `tls insecure`"
                             : "");
    tls_trust_free(trust);
    buf_done(&pem);
    return fine;
}

/* Those of the system are many, and judged once. */
static bool verify_all_roots(const struct snapshot *s, const char *file, struct buf *errors)
{
    bool fine = true, system = false;
    for (struct upstream_cursor c = {0}; upstreams_next(s, &c);) {
        bool is_system = c.upstream->trust == TRUST_SYSTEM && upstream_speaks_tls(&c);
        if (!(is_system && system))
            fine = verify_roots(&c, file, errors) && fine;
        system = system || is_system;
    }
    return fine;
}

int snapshot_verify(const struct snapshot *s, const char *file, struct buf *errors)
{
    struct certs *certs = certs_new();
    int rc = certs ? 0 : -1;
    for (size_t i = 0; certs && i < s->n_sites; i++) {
        const struct site *site = &s->sites[i];
        if (has_files(site) && !same_files(s, site) && !verify_site(site, certs, file, errors))
            rc = -1;
    }
    if (!verify_all_roots(s, file, errors))
        rc = -1;
    certs_free(certs);
    return rc;
}

/* Building */

/* In an image that is not finished yet. */
static bool has_file(const struct buf *b, struct str path)
{
    struct image image = {.mem = buf_data(b), .n = b->len};
    struct image_section section;
    return b->len > 0 && image_find(&image, IMAGE_FILE, path, &section);
}

/* A file that cannot be read is no error here: snapshot_verify() tells about it. */
static bool add_file(struct buf *b, struct str path)
{
    if (has_file(b, path))
        return true;
    struct buf content = {0};
    bool fine = true;
    if (read_named(path, &content) == 0) {
        struct image_section section = {.kind = IMAGE_FILE, .name = path, .data = buf_str(&content)};
        fine = image_add(b, &section);
    }
    buf_wipe(&content);
    return fine;
}

static bool add_upstream_ports(struct buf *ports, const struct upstream *u)
{
    for (size_t i = 0; i < u->n_backends; i++) {
        const struct backend *backend = &u->backends[i];
        if (backend->kind != BACKEND_UNIX &&
            !buf_add(ports, &backend->endpoint.port, sizeof backend->endpoint.port))
            return false;
    }
    return true;
}

bool snapshot_backend_ports(const struct snapshot *s, struct buf *ports)
{
    bool fine = true;
    for (struct upstream_cursor c = {0}; fine && upstreams_next(s, &c);)
        fine = add_upstream_ports(ports, c.upstream);
    return fine;
}

static bool add_ports(struct buf *b, const struct snapshot *s)
{
    struct buf ports = {0};
    bool fine = snapshot_backend_ports(s, &ports);
    struct image_section section = {.kind = IMAGE_PORTS, .data = buf_str(&ports)};
    fine = fine && image_add(b, &section);
    buf_done(&ports);
    return fine;
}

static bool add_files(struct buf *b, const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_sites; i++) {
        const struct site *site = &s->sites[i];
        if (has_files(site) && (!add_file(b, site->cert_file) || !add_file(b, site->key_file)))
            return false;
    }
    for (struct upstream_cursor c = {0}; upstreams_next(s, &c);) {
        struct str roots = snapshot_roots(&c);
        if (roots.n > 0 && !add_file(b, roots))
            return false;
    }
    return true;
}

int snapshot_build(const struct snapshot *s, const char *file, struct str text)
{
    struct buf b = {0};
    struct image_section config = {.kind = IMAGE_CONFIG, .name = str_of(file), .data = text};
    int fd = -1;
    struct image_section data = {.kind = IMAGE_DATA_DIR, .data = s->data_dir};
    if (image_add(&b, &config) && image_add(&b, &data) && add_ports(&b, s) && add_files(&b, s))
        fd = image_seal(&b);
    else
        errno = ENOMEM;
    int saved = errno;
    buf_wipe(&b);
    errno = saved;
    return fd;
}

/* Reading back */

static int add_certificate(const struct image *image, struct certs *certs, const struct site *site)
{
    struct image_section cert, key;
    struct str why;
    if (!image_find(image, IMAGE_FILE, site->cert_file, &cert) ||
        !image_find(image, IMAGE_FILE, site->key_file, &key))
        return -1;
    int id = certs_add(certs, cert.data, key.data, &why);
    if (id < 0) /* the supervisor has told it to the people */
        log_debug("certificate %.*s: %.*s", STR_ARG(site->cert_file), STR_ARG(why));
    return id;
}

/* All names of the sites that share these files. */
static void name_certificate(struct certs *certs, const struct snapshot *s, int cert_id, int id)
{
    for (size_t i = 0; i < s->n_sites; i++)
        for (size_t n = 0; s->sites[i].cert_id == cert_id && n < s->sites[i].n_names; n++)
            if (certs_name(certs, s->sites[i].names[n], id) < 0)
                die("certificate of %.*s: out of memory", STR_ARG(s->sites[i].names[n]));
}

void snapshot_certs(const struct image *image, const struct snapshot *s, struct certs *certs)
{
    for (size_t i = 0; i < s->n_sites; i++) {
        const struct site *site = &s->sites[i];
        if (!has_files(site) || same_files(s, site))
            continue;
        int id = add_certificate(image, certs, site);
        if (id >= 0)
            name_certificate(certs, s, site->cert_id, id);
    }
}

bool snapshot_needs_keeper(const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_sites; i++)
        if (s->sites[i].cert_id >= 0 && !has_files(&s->sites[i]))
            return true;
    return false;
}

struct str snapshot_data_dir(const struct image *image)
{
    struct image_section section = {.data = {NULL, 0}};
    (void)image_find(image, IMAGE_DATA_DIR, (struct str){NULL, 0}, &section);
    return section.data;
}

/*
 * Which sites share a certificate: the number of the first one that does; -1 for a site that has none. Certificates come and go
 * while a snapshot serves, but this stays.
 */
static int find_cert_id(const struct snapshot *s, const struct site *site)
{
    const struct site *same = has_files(site) ? same_files(s, site) : NULL;
    bool none = site->tls == SITE_TLS_OFF || (site->any && site->tls == SITE_TLS_AUTO);
    if (same)
        return same->cert_id;
    return none ? -1 : (int)(site - s->sites);
}

struct snapshot *snapshot_open(const struct image *image)
{
    struct image_section config;
    struct buf errors = {0};
    if (!image_find(image, IMAGE_CONFIG, (struct str){NULL, 0}, &config))
        die("the image holds no configuration");
    char name[4096];
    size_t n = config.name.n < sizeof name ? config.name.n : sizeof name - 1;
    memcpy(name, config.name.p, n);
    name[n] = '\0';
    struct snapshot *s = config_parse(name, config.data, &errors);
    if (!s)
        die("the configuration in the image cannot be read: %.*s", STR_ARG(buf_str(&errors)));
    buf_done(&errors);
    for (size_t i = 0; i < s->n_sites; i++)
        s->sites[i].cert_id = find_cert_id(s, &s->sites[i]);
    return s;
}

size_t snapshot_ports(const struct image *image, const uint16_t **ports, struct buf *memory)
{
    struct image_section section;
    if (!image_find(image, IMAGE_PORTS, (struct str){NULL, 0}, &section) ||
        !buf_add_str(memory, section.data))
        return 0;
    *ports = (const uint16_t *)(const void *)buf_data(memory);
    return memory->len / sizeof **ports;
}
