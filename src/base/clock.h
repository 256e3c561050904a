/*
 * All time of the program comes from here, so that tests can move it.
 * Deadlines count on the monotonic clock in milliseconds; dates on the wall clock in seconds since 1970.
 */
#ifndef EDGE_BASE_CLOCK_H
#define EDGE_BASE_CLOCK_H

#include <stdint.h>

typedef int64_t msec;

msec clock_now(void);
int64_t clock_wall(void);

#endif
