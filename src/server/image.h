/*
 * What a generation of processes needs to know, as one sealed memfd: the configuration's text, the bytes of the files it names,
 * the backends' ports. The supervisor writes it, workers map it and read it inside their jail. Sealed: nobody can change or
 * shrink it under a reader. Integers are of this machine; only processes of one binary read an image.
 */
#ifndef EDGE_SERVER_IMAGE_H
#define EDGE_SERVER_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum image_kind {
    IMAGE_CONFIG = 1, /* name: the configuration's path; data: its text */
    IMAGE_FILE,       /* name: the path as the configuration has it; data: the content */
    IMAGE_PORTS,      /* data: uint16_t each, where workers may connect to */
    IMAGE_DATA_DIR,   /* data: the data directory's path */
    IMAGE_CERT,       /* name: a key; data: chain and private key in PEM (server/cert_image.h) */
    IMAGE_HOST,       /* name: a host name; data: the key of its certificate */
};

struct image_section {
    enum image_kind kind;
    struct str name, data;
};

struct image {
    const uint8_t *mem;
    size_t n;
};

/* Appends a section to an image under construction; it begins as an empty buffer. False when memory is out. */
bool image_add(struct buf *b, const struct image_section *section);
/* Makes the memfd. Returns -1 with errno. b stays the caller's, who wipes it: there may be keys in it. */
int image_seal(const struct buf *b);

/* A memfd of this name that can be sealed, close-on-exec; -1 with errno. */
int image_memfd(const char *name);

/* Maps and checks the whole of it; one without any section is fine. Returns -1 if it is not sealed or not an image.
 * fd stays open. */
int image_map(int fd, struct image *out);
void image_unmap(struct image *i);
/* The section at *at (begin with 0), which moves on; false at the end. What it points to is good until image_unmap(). */
bool image_next(const struct image *i, size_t *at, struct image_section *out);
/* The first section of that kind and name; name.p == NULL: any name. */
bool image_find(const struct image *i, enum image_kind kind, struct str name, struct image_section *out);

#endif
