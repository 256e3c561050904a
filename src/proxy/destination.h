/*
 * WebDAV's COPY and MOVE name their target as a whole URL (RFC 4918 section 10.3). A backend that is spoken to by http takes an
 * https URL for another server's.
 */
#ifndef EDGE_PROXY_DESTINATION_H
#define EDGE_PROXY_DESTINATION_H

#include "config/site.h"
#include "http/exchange.h"

struct destination {
    struct str ours; /* the authority by which the client reached this site */
    struct str host; /* the backend's: the Host it gets, and how it is spoken to */
    bool https;
    struct str strip; /* the prefix that leaves the path, as it does that of the request; empty: none */
};

/*
 * Rewrites the value of a Destination field: a URL of this site gets the scheme and the Host that the backend knows; someone
 * else's, and an absolute path, stay as they are. Returns 0, ERR_NOMEM, or ERR_HTTP_TARGET where the path is one that path_read()
 * refuses, or where two servers could read two hosts from it (userinfo, `//host/path`, a backslash or `#` behind the host).
 */
int destination_fix(struct exchange *x, const struct site *site, const struct destination *to,
                    struct str *value);

#endif
