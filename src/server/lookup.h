/*
 * getaddrinfo() for a loop: each look-up has a thread of its own while it lasts, because nothing bounds how long that is (a dead DNS
 * server, a plugin of the system's). The answer comes in the loop's own thread.
 */
#ifndef EDGE_SERVER_LOOKUP_H
#define EDGE_SERVER_LOOKUP_H

#include <stddef.h>

#include "base/ip.h"
#include "base/str.h"
#include "proxy/load.h"

struct loop;
struct lookups;

enum { LOOKUP_THREADS = 32 };

enum lookup_result {
    LOOKUP_FOUND,
    LOOKUP_NOWHERE, /* the name does not exist, or has no address */
    LOOKUP_FAILED,  /* nobody who knows could be asked */
};

struct lookup_answer {
    enum lookup_result result;
    const char *why;               /* if nothing was found; a constant text */
    struct ip ips[LOAD_ADDRESSES]; /* the best first */
    size_t n;
};

/* answered() gets the context of lookups_start(). NULL: no memory or no descriptor. It lives as long as the process. */
struct lookups *lookups_new(struct loop *loop,
                            void (*answered)(void *context, const struct lookup_answer *answer));
/* Returns -1 if LOOKUP_THREADS are under way or no thread can be had: try later. */
int lookups_start(struct lookups *all, struct str name, void *context);

#endif
