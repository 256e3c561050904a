/*
 * What a role cannot do once it works: open files, run programs, gain rights, trace or signal others, speak anything but TCP and
 * unix sockets, connect to ports that are no backend's. Each layer stands alone: a system-call filter (seccomp), Landlock, no
 * capabilities, limits. Older kernels and emulators lack some; the role then goes on with the rest and says what is missing.
 */
#ifndef EDGE_SERVER_JAIL_H
#define EDGE_SERVER_JAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum jail_kind {
    JAIL_WORKER, /* talks to clients and backends over sockets */
    JAIL_KEEPER, /* talks to the supervisor and works on the database */
    JAIL_ANSWER, /* answers challenges while no daemon runs: a worker with a database */
    JAIL_RENEW, /* `edge renew`: libraries, resolver, the CA. It may read any file and write in its directory, and run nothing */
    JAIL_RESOLVER, /* libraries that look up names, which may read what they are configured by, talk to anybody, and run nothing */
    JAILS
};

enum jail_part { JAIL_SECCOMP = 1, JAIL_LANDLOCK = 2, JAIL_LANDLOCK_NET = 4 };

/* What is left open; all of it may be empty. */
struct jail_openings {
    const uint16_t *ports; /* where it may connect to by TCP */
    size_t n_ports;
    bool any_port;               /* it may connect to any */
    const char *directory;       /* where it may read, write, make and remove files */
    const char *const *readable; /* other directories where it may read, ended by NULL; NULL: none */
};

/*
 * For the rest of the process's life. Its threads, if any, must come later; descriptors that are open stay usable. Returns the
 * parts (enum jail_part) that could not be had: 0 when all is well.
 */
unsigned jail_enter(enum jail_kind kind, const struct jail_openings *openings);

/* "seccomp, Landlock" for a warning; parts is not 0. */
const char *jail_parts_text(unsigned parts);

#endif
