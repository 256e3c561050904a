/*
 * `edge serve`: the process that a person or systemd starts. It owns the listening sockets and the configuration, starts the
 * roles (server/roles.h) and starts again what dies. It reads nothing that comes from the network.
 */
#ifndef EDGE_SERVER_SUPERVISOR_H
#define EDGE_SERVER_SUPERVISOR_H

/*
 * Runs in the foreground until a signal ends it. Returns the exit status: 0 after an orderly end, 1 when nothing could be
 * served, 2 for a bad configuration (whose errors stand on standard error). EDGE_DEBUG in the environment switches debug lines on.
 */
int supervisor_main(const char *config_file);

#endif
