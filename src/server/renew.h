/*
 * `edge renew`: issues and renews what is due, as blocking code in a process of its own. The timer, a person and the daemon run the
 * same program; two at once are kept apart by a lock in the data directory, the second one then finds nothing left to do.
 */
#ifndef EDGE_SERVER_RENEW_H
#define EDGE_SERVER_RENEW_H

#include <stdbool.h>
#include <stddef.h>

struct renew_options {
    const char *config_file;
    bool force;         /* whether it is due or not, and whatever the back-off says */
    char *const *hosts; /* only certificates with one of these names; none: all */
    size_t n_hosts;
};

/*
 * Returns an exit status: 0 when all that was due is done, 1 when something failed (each failure is a line on standard error, in
 * the CA's words), 2 for a bad configuration or a host that no site with `tls auto` has. What it does is told on standard output.
 */
int renew_main(const struct renew_options *options);

#endif
