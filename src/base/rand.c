#include "base/rand.h"

#include <sodium.h>

int rand_init(void)
{
    return sodium_init() < 0 ? -1 : 0;
}

void rand_bytes(void *out, size_t n)
{
    randombytes_buf(out, n);
}

uint32_t rand_below(uint32_t bound)
{
    return randombytes_uniform(bound);
}
