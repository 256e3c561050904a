/*
 * HTTPS to a CA, the only user of libcurl: one request after the other on one handle, each blocking and
 * each bounded - time to connect, silence, total time, size of head and body - because a CA may be dead,
 * slow or not what it claims. The server is always verified, by name: BearSSL cannot verify bare IP
 * addresses. Redirects are not followed, anything but https is refused.
 */
#ifndef EDGE_ACME_CLIENT_H
#define EDGE_ACME_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum { CLIENT_BODY = 1 << 20, CLIENT_HEAD = 65536, CLIENT_URL = 2048, CLIENT_FIELD = 256 };

struct client;

/* All-zero is a valid empty reply. A field that is missing or too long is empty. */
struct client_reply {
    int status;
    struct buf body;
    char nonce[CLIENT_FIELD]; /* Replay-Nonce (RFC 8555 section 6.5.1) */
    char location[CLIENT_URL];
    char next[CLIENT_URL]; /* Link with rel="next" */
    char content_type[CLIENT_FIELD];
    int64_t retry_after; /* seconds, clamped (retry_after.h); 0: none */
};

/* Both texts are copied; ca_file NULL: the system's bundle. NULL when memory is out. */
struct client *client_new(const char *ca_file, const char *user_agent);
/* NULL allowed. */
void client_free(struct client *c);

/* https with a host, of printable ASCII, not longer than CLIENT_URL. */
bool client_is_url(struct str url);

/*
 * Each empties *reply and fills it with the answer of whatever status: 0. Or -1, and *why gets what the
 * network said. The caller ends with client_reply_done().
 */
int client_get(struct client *c, struct str url, struct client_reply *reply, struct buf *why);
int client_head(struct client *c, struct str url, struct client_reply *reply, struct buf *why);
/*
 * Whether the requests from now on are sent once at the most: libcurl repeats one by itself when a kept connection dies before the
 * answer, though the CA may have acted on it. They go out on connections of their own.
 */
void client_once(struct client *c, bool once);
/* The body as application/jose+json (RFC 8555 section 6.2). */
int client_post(struct client *c, struct str url, struct str body, struct client_reply *reply,
                struct buf *why);

void client_reply_done(struct client_reply *reply);

#endif
