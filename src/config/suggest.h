/* "Did you mean …?" for misspelled words, here and on the command line. */
#ifndef EDGE_CONFIG_SUGGEST_H
#define EDGE_CONFIG_SUGGEST_H

#include <stddef.h>

#include "base/str.h"

/* Offers words one by one and keeps the nearest. Set word, all else zero. */
struct suggest {
    struct str word;
    const char *best; /* NULL: nothing is near enough */
    size_t distance;
};

/* `candidate` is kept by reference. */
void suggest_offer(struct suggest *s, const char *candidate);

/*
 * How many letters must be added, removed, changed or swapped with their neighbour to make b of a (optimal
 * string alignment). Words above 32 bytes are not looked at: SIZE_MAX.
 */
size_t edit_distance(struct str a, struct str b);

#endif
