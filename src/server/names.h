/*
 * The names of backends and where they lead: each is looked up every 10 seconds, and at once, though at most every second, when a
 * worker found nobody there. A name that cannot be looked up keeps its addresses; one that does not exist any more, asked twice,
 * loses them.
 */
#ifndef EDGE_SERVER_NAMES_H
#define EDGE_SERVER_NAMES_H

#include "config/site.h"
#include "proxy/load.h"

struct loop;
struct names;

/* Begins with all of them. The snapshot and the table outlive it. NULL when memory is out. It lives as long as the process. */
struct names *names_new(struct loop *loop, const struct snapshot *s, const struct load *load);
/* Workers may have asked by load_want_lookup(). */
void names_wanted(struct names *all);

#endif
