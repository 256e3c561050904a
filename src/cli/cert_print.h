/* How `edge certs` shows its list: a table for people, JSON for programs. */
#ifndef EDGE_CLI_CERT_PRINT_H
#define EDGE_CLI_CERT_PRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "cli/cert_list.h"

/*
 * A line for each certificate, the last error below it. What comes from outside is escaped: it cannot steer a
 * terminal. Moments are UTC. False when memory is out.
 */
bool cert_print_table(const struct cert_list *l, int64_t now, struct buf *out);
/*
 * An array of objects: hosts, source (acme, internal, file), issuer, serial, key, not_before, not_after,
 * days_left, next_renewal, failures, last_try, last_error. What is not known is null. False when memory is
 * out.
 */
bool cert_print_json(const struct cert_list *l, int64_t now, struct buf *out);

#endif
