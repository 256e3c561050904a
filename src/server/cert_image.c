#include "server/cert_image.h"

#include "base/log.h"
#include "server/image.h"
#include "tls/certs.h"

bool cert_image_add(struct buf *b, struct str key, struct str chain_pem, struct str key_pem)
{
    struct buf both = {0};
    /* certs_add() takes chain and key out of one text. */
    bool fine = buf_add_str(&both, chain_pem) && buf_add_str(&both, STR("\n")) && buf_add_str(&both, key_pem);
    struct image_section section = {.kind = IMAGE_CERT, .name = key, .data = buf_str(&both)};
    fine = fine && image_add(b, &section);
    buf_wipe(&both);
    return fine;
}

bool cert_image_name(struct buf *b, struct str host, struct str key)
{
    struct image_section section = {.kind = IMAGE_HOST, .name = host, .data = key};
    return image_add(b, &section);
}

/* Names every host of the certificate `key`; returns how many. */
static int name_hosts(const struct image *image, struct certs *certs, struct str key, int id)
{
    struct image_section s;
    int named = 0;
    for (size_t at = 0; image_next(image, &at, &s);)
        if (s.kind == IMAGE_HOST && str_eq(s.data, key) && certs_name(certs, s.name, id) == 0)
            named++;
    return named;
}

int cert_image_read(int fd, struct certs *certs)
{
    struct image image;
    struct image_section s;
    int named = 0;
    if (image_map(fd, &image) < 0)
        return -1;
    for (size_t at = 0; image_next(&image, &at, &s);) {
        struct str why = {NULL, 0};
        if (s.kind != IMAGE_CERT)
            continue;
        int id = certs_add(certs, s.data, s.data, &why);
        if (id < 0)
            log_error("certificate of %.*s in the database: %.*s", STR_ARG(s.name), STR_ARG(why));
        else
            named += name_hosts(&image, certs, s.name, id);
    }
    image_unmap(&image);
    return named;
}
