/*
 * TLS 1.2 sessions with backends, for resumption by session id (RFC 5246 section 7.3): a new connection then costs no public-key
 * operation. A process's own; the newest ones are kept. A resumed session does not look at the certificate again, so it is bound to
 * whom was believed, the name and the address, and lives for an hour.
 */
#ifndef EDGE_TLS_CLIENT_SESSIONS_H
#define EDGE_TLS_CLIENT_SESSIONS_H

#include <bearssl.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/ip.h"
#include "base/str.h"
#include "tls/trust.h"

enum {
    CLIENT_SESSIONS = 64,
    CLIENT_SESSION_KEY = 32,
    CLIENT_SESSION_LIFE_MS = 3600 * 1000,
};

/* Members are private; all-zero is empty. Wipe it when it is done with. */
struct client_sessions {
    struct client_session {
        uint8_t key[CLIENT_SESSION_KEY];
        br_ssl_session_parameters parameters;
        msec made;
        bool used;
    } session[CLIENT_SESSIONS];
};

/* What a session is bound to. */
void client_sessions_key(uint8_t out[CLIENT_SESSION_KEY], const struct tls_trust *t, struct str name,
                         struct endpoint peer);
/* In the place of one with this key, else of the oldest. */
void client_sessions_save(struct client_sessions *s, const uint8_t key[CLIENT_SESSION_KEY],
                          const br_ssl_session_parameters *parameters, msec now);
/* NULL: there is none, or it is too old. Valid until the next save or forget. */
const br_ssl_session_parameters *client_sessions_find(const struct client_sessions *s,
                                                      const uint8_t key[CLIENT_SESSION_KEY], msec now);
/* RFC 5246 section 7.2.2: a session whose connection failed is not resumed. */
void client_sessions_forget(struct client_sessions *s, const uint8_t key[CLIENT_SESSION_KEY]);

#endif
