/*
 * HTTP-01 (RFC 8555 section 8.3): a request for a token waits while somebody who has the database is asked. A token that edge issued is
 * answered; any other request goes its usual way, as if nothing had been.
 */
#ifndef EDGE_PROXY_CHALLENGE_H
#define EDGE_PROXY_CHALLENGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "http/exchange.h"

enum {
    CHALLENGE_MAX_TOKEN = 128,
    CHALLENGE_MAX_ANSWER = 256,
    CHALLENGE_MAX_WAITING = 64, /* requests at a time; more are taken for requests with an unknown token */
    CHALLENGE_WAIT_MS = 3000,   /* then the token counts as unknown */
};

/* All-zero but for the functions; then challenges_init(). */
struct challenges {
    /* Asks for a token; the answer comes by challenges_tell() with the same number. Returns -1 when nobody can be asked. */
    int (*ask)(void *context, uint32_t number, struct str token);
    /* The token is none of ours: x takes its usual way. */
    void (*pass)(struct exchange *x);
    void *context;
    struct list waiting;
    unsigned n_waiting;
    uint32_t last_number;
};

void challenges_init(struct challenges *c);
/*
 * The token that a plain-HTTP request for /.well-known/acme-challenge/TOKEN names; false for any other request, and for tokens
 * that are not base64url.
 */
bool challenge_token(const struct exchange *x, struct str *token);
/* Lets x wait for the answer. */
void challenge_begin(struct challenges *c, struct exchange *x, struct str token);
/* key_authorization is empty for a token that is not known. Too late or unknown numbers are ignored. */
void challenges_tell(struct challenges *c, uint32_t number, struct str key_authorization);
/* From the handler's functions; an exchange that does not wait is left alone. */
void challenge_expired(struct challenges *c, struct exchange *x);
void challenge_gone(struct challenges *c, struct exchange *x);

#endif
