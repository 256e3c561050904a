/* TLS toward https backends: the roots of each group, read out of the image once per process, and streams that are checked with them. */
#ifndef EDGE_SERVER_BACKEND_TLS_H
#define EDGE_SERVER_BACKEND_TLS_H

#include "config/site.h"

struct backend_tls;
struct image;
struct stream;
struct tls_worker;

/*
 * For all groups of the snapshot, which outlives it. Without https backends it costs nothing. Roots that cannot be used are logged,
 * and their backends fail. `share`: see tls_client_worker_new(). NULL when memory is out.
 */
struct backend_tls *backend_tls_new(const struct image *image, const struct snapshot *s,
                                    struct tls_worker *share);
/* Takes fd. NULL, fd stays the caller's, and errno says why: ENOMEM, or ENOKEY if the group's roots could not be used. */
struct stream *backend_tls_stream(const struct backend_tls *t, const struct upstream *up,
                                  const struct backend *b, int fd, struct endpoint peer);

#endif
