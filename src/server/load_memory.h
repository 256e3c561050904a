/* The table of backends that the processes of a generation share (proxy/load.h), in a memfd. */
#ifndef EDGE_SERVER_LOAD_MEMORY_H
#define EDGE_SERVER_LOAD_MEMORY_H

#include "proxy/load.h"

/* Of a fixed size, all-zero, and our own view of it. A descriptor, or -1 with errno. shape.backends is not 0. */
int load_memory_new(struct load_shape shape, struct load *out);
/* Maps it for good and closes fd. Returns 0, or -1: it is not there, or not of that shape. */
int load_memory_map(int fd, struct load_shape shape, struct load *out);

#endif
