/*
 * From what a person configured to what a worker serves: the configuration's text and the files it names go into one image
 * (server/image.h), which each worker reads again inside its jail.
 */
#ifndef EDGE_SERVER_SNAPSHOT_BUILD_H
#define EDGE_SERVER_SNAPSHOT_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "config/site.h"
#include "server/upstreams.h"

struct certs;
struct image;

/* Where the system keeps the roots that it trusts (Debian's ca-certificates). */
#define SNAPSHOT_SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"
/* The file that an upstream's backends are checked with, as it is named in the image; empty: none is needed. */
struct str snapshot_roots(const struct upstream_cursor *c);

/*
 * Reads every certificate and key file that the snapshot names and tries whether they can serve, and every file of roots for
 * backends, that of the system too where it is needed. Returns 0, or -1 and `errors` holds a line `FILE:LINE: what is wrong` for each trouble. `file` is the configuration's name to show.
 */
int snapshot_verify(const struct snapshot *s, const char *file, struct buf *errors);

/*
 * The sealed image of a configuration: a descriptor, or -1 with errno. A file that cannot be read is left out; its site then
 * has no certificate, while the others are served.
 */
int snapshot_build(const struct snapshot *s, const char *file, struct str text);

/*
 * The configuration out of an image, every cert_id set. Never NULL: an image that cannot be read ends the process, because the
 * supervisor made it. Nothing points into the image afterwards.
 */
struct snapshot *snapshot_open(const struct image *image);
/* Adds the certificates of sites with `tls CERT KEY` to a set that is being filled. */
void snapshot_certs(const struct image *image, const struct snapshot *s, struct certs *certs);
/* Some site gets its certificate from the keeper: server/cert_image.h. */
bool snapshot_needs_keeper(const struct snapshot *s);
/* The data directory, which the keeper opens before it reads the rest; in the image. Empty: none is known. */
struct str snapshot_data_dir(const struct image *image);
/* Appends the TCP ports of all backends, uint16_t each. False when memory is out. */
bool snapshot_backend_ports(const struct snapshot *s, struct buf *ports);
/* The same as an image has them; they lie in `memory`, which is the caller's. Returns how many there are. */
size_t snapshot_ports(const struct image *image, const uint16_t **ports, struct buf *memory);

#endif
