/* A socket as a stream: cleartext HTTP, and the way to backends. */
#ifndef EDGE_NET_STREAM_PLAIN_H
#define EDGE_NET_STREAM_PLAIN_H

#include "net/stream.h"

/* Takes fd, which it closes. `peer` is told by info(). NULL when memory is out: fd stays the caller's. */
struct stream *stream_plain_new(int fd, struct endpoint peer);

#endif
