/* Random bytes from libsodium: unpredictable, safe after fork, works in a jail once rand_init() ran. */
#ifndef EDGE_BASE_RAND_H
#define EDGE_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

/* Before the jail is entered. Returns 0, or -1 when the system has no random source. */
int rand_init(void);
void rand_bytes(void *out, size_t n);
/* Uniform in 0 … bound - 1; bound is above 0. */
uint32_t rand_below(uint32_t bound);

#endif
