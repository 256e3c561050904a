/*
 * The table of contents of edge's processes. The supervisor runs each as `edge --role=NAME …`: the same binary, with only the
 * descriptors below, at these numbers. A role is one file and one function: open, jail, parse, loop.
 */
#ifndef EDGE_SERVER_ROLES_H
#define EDGE_SERVER_ROLES_H

#include <stdbool.h>

enum role_id { ROLE_WORKER, ROLE_KEEPER, ROLE_RESOLVER, ROLES };

enum role_fd {
    ROLE_FD_IPC = 3,      /* to the supervisor */
    ROLE_FD_IMAGE = 4,    /* the configuration: server/image.h */
    ROLE_FD_SESSIONS = 5, /* TLS sessions that all workers share: tls/sessions.h */
    ROLE_FD_LOAD = 6,     /* what is known of the backends: server/load_memory.h; not open without backends */
    ROLE_FD_WAKE = 7,     /* an eventfd by which workers tell the resolver that they want a look-up */
    ROLE_FD_LISTEN = 10,  /* + the index in snapshot.listens; one that could not be bound is not open */
};

/* What the command line of a role says. */
struct role_start {
    unsigned index;   /* among its kind */
    unsigned workers; /* of the generation */
};

struct role {
    const char *name;
    int (*main)(const struct role_start *start);
    bool image;   /* it gets the configuration */
    bool sockets; /* it gets the listeners and the TLS sessions */
    bool load;    /* it gets the table of backends and the eventfd */
    bool many;    /* there is one per CPU, told apart by its index */
};

const struct role *role_of(enum role_id id);

/*
 * The main function of a process whose first argument begins with `--role=`; nobody but the supervisor starts one. Returns the
 * exit status.
 */
int role_main(int argc, char **argv);

#endif
