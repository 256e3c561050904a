/*
 * How much may be read from one side while the other side has not taken what was read before. A side that takes
 * everything at once is read in ever larger bursts; one that lags is given little, so that slow peers hold little memory.
 */
#ifndef EDGE_HTTP_FLOW_H
#define EDGE_HTTP_FLOW_H

#include <stddef.h>

enum { FLOW_SMALL = 16 * 1024, FLOW_LOW = 8 * 1024, FLOW_LARGE = 256 * 1024 };

/* All-zero is the start. */
struct flow {
    size_t under_way; /* read, and not yet taken by the other side */
    size_t burst;
};

/* Bytes that may be read now; 0: pause until flow_taken() brings it down. */
static inline size_t flow_room(const struct flow *f)
{
    size_t burst = f->burst > 0 ? f->burst : FLOW_SMALL;
    if (f->under_way == 0)
        return burst;
    return f->under_way <= FLOW_LOW ? FLOW_SMALL : 0;
}

static inline void flow_read(struct flow *f, size_t n)
{
    f->under_way += n;
}

static inline void flow_taken(struct flow *f, size_t n)
{
    f->under_way -= n < f->under_way ? n : f->under_way;
}

/* At the end of a turn in which something was read: the next burst grows or shrinks. */
static inline void flow_adapt(struct flow *f)
{
    size_t burst = f->burst > 0 ? f->burst : FLOW_SMALL;
    if (f->under_way > 0)
        f->burst = FLOW_SMALL;
    else if (burst < FLOW_LARGE)
        f->burst = burst * 2;
}

#endif
