/* Signed requests to the CA (RFC 8555 section 6): nonces, repetition, and what an answer means. */
#ifndef EDGE_ACME_REQUEST_H
#define EDGE_ACME_REQUEST_H

#include "acme/acme_int.h"

struct request {
    struct str url;
    struct str payload; /* empty: POST-as-GET */
    bool by_key;        /* signed with the public key itself instead of the account's URL: newAccount */
    bool once;          /* not repeated when the network fails: it may have had its effect */
};

/*
 * ACME_DONE: an answer of 2xx is in *reply, which the caller ends with client_reply_done(). Anything else:
 * *why, status, problem and retry_after of the session tell. badNonce is answered with another try,
 * accountDoesNotExist by registering again once.
 */
enum acme_end request_post(struct acme *a, const struct request *r, struct client_reply *reply);
/* POST-as-GET (RFC 8555 section 6.3). */
enum acme_end request_fetch(struct acme *a, struct str url, struct client_reply *reply);
/* The directory, the only thing that a plain GET gets. */
enum acme_end request_directory(struct acme *a, struct client_reply *reply);

#endif
