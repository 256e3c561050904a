#include "base/wipe.h"

#include <sodium.h>
#include <stdlib.h>

void wipe(void *p, size_t n)
{
    sodium_memzero(p, n);
}

void wipe_free(void *p, size_t n)
{
    if (p)
        wipe(p, n);
    free(p);
}
