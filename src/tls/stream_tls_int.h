/* Shared by stream_tls.c and stream_tls_client.c only. */
#ifndef EDGE_TLS_STREAM_TLS_INT_H
#define EDGE_TLS_STREAM_TLS_INT_H

#include "tls/handshake.h"
#include "tls/stream_rec.h"

struct tls_worker {
    struct handshake_shared shared;
    struct stream_space space;
};

#endif
