/* `edge check --ports`: whether the addresses of a configuration are free. */
#ifndef EDGE_CLI_CHECK_PORTS_H
#define EDGE_CLI_CHECK_PORTS_H

#include <stdbool.h>

#include "config/site.h"

/*
 * A line for each: what is free or edge's own on standard output, who is in the way and what to do on standard error. Listens on
 * nothing. Returns whether edge could serve on all of them.
 */
bool check_ports(const struct snapshot *s);

#endif
