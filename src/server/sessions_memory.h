/* The table of TLS sessions that all workers of edge share (tls/sessions.h), in a memfd. */
#ifndef EDGE_SERVER_SESSIONS_MEMORY_H
#define EDGE_SERVER_SESSIONS_MEMORY_H

struct sessions;

/* Formatted, of a fixed size. A descriptor, or -1 with errno. */
int sessions_memory_new(void);
/* Maps it for good and closes fd. Returns 0, or -1: then nothing can be resumed. */
int sessions_memory_map(int fd, struct sessions *out);

#endif
