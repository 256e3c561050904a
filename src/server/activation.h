/*
 * Listening sockets that were handed to us: systemd's socket activation and its descriptor store use the same three variables
 * (sd_listen_fds(3)). They are matched to the configuration by address, so that names and order do not matter.
 */
#ifndef EDGE_SERVER_ACTIVATION_H
#define EDGE_SERVER_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ip.h"

enum { ACTIVATION_MAX = 128, ACTIVATION_FIRST_FD = 3 };

struct inherited {
    int fd; /* -1: used or closed */
    struct endpoint at;
    bool both_families; /* an IPv6 wildcard that takes IPv4 as well */
};

struct activation {
    struct inherited sockets[ACTIVATION_MAX];
    size_t n;
};

/*
 * Takes what LISTEN_PID, LISTEN_FDS tell and removes the variables. What is no listening TCP socket is closed. `first` is
 * ACTIVATION_FIRST_FD but in tests.
 */
void activation_take(struct activation *a, int first);
/* The socket for that address, now the caller's; -1 if there is none. */
int activation_match(struct activation *a, struct endpoint at);
/* One that was matched for the IPv6 wildcard of this port takes IPv4 too. */
bool activation_covers(const struct activation *a, struct endpoint at);
/* Closes what nobody wanted, with a line each. */
void activation_close(struct activation *a);

#endif
