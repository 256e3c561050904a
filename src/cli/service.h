/* The daemon that systemd runs: edge.service. */
#ifndef EDGE_CLI_SERVICE_H
#define EDGE_CLI_SERVICE_H

enum service_result {
    SERVICE_RESTARTED,
    SERVICE_NOT_OURS, /* the file is not the one it reads, or there is no systemd */
    SERVICE_STOPPED,  /* it does not run */
    SERVICE_FAILED,   /* it did not come up; systemctl has told why */
};

/* After a change of that configuration file: restarts the service if it runs with it, and waits for that. */
enum service_result service_restart(const char *config_file);
/*
 * Tells what became of a change: on standard output, a failure on standard error. Returns the exit status.
 * `then` follows what was done; "": nothing.
 */
int service_tell(enum service_result result, const char *config_file, const char *then);

#endif
