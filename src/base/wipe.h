/* Overwrites memory that held a secret, in a way that no optimiser removes. */
#ifndef EDGE_BASE_WIPE_H
#define EDGE_BASE_WIPE_H

#include <stddef.h>

void wipe(void *p, size_t n);
/* Wipes and frees; NULL is allowed. */
void wipe_free(void *p, size_t n);

#endif
