/*
 * TLS 1.2 sessions for resumption by session id (RFC 5246 section 7.3), in memory that all workers share. No lock: a slot is a
 * value with a keyed checksum, so one that was cut in the middle of a write, or is being written, is a miss. A session is bound to
 * the name and the certificate it was made under: under another one it is a miss (RFC 6066 section 3).
 * No clock is read here: `now` is clock_now() of the caller, which is one clock for all processes.
 */
#ifndef EDGE_TLS_SESSIONS_H
#define EDGE_TLS_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/str.h"

enum {
    SESSION_ID = 32,
    SESSION_MASTER = 48,
    SESSION_BINDING = 32,
    SESSIONS_LIFE_MS = 24 * 3600 * 1000, /* RFC 5246 appendix F.1.4 */
};

/* A view of the table; the memory stays the caller's and must outlive it. Members are private. */
struct sessions {
    uint64_t *slots;
    size_t sets;
    uint8_t key[16];
};

struct saved_session {
    uint8_t id[SESSION_ID];
    uint8_t master[SESSION_MASTER];
    uint16_t suite;
};

/* Bytes for a table of at least this many sessions. */
size_t sessions_size(size_t count);
/*
 * Memory is 8-byte aligned; fresh memory (zeros) is formatted, and the maker of the mapping must do that before anybody else maps
 * it. Returns 0, or -1 when size is too small for a single set.
 */
int sessions_init(struct sessions *s, void *memory, size_t size);

/* What a session is bound to: the certificate's fingerprint (32 bytes) and the client's SNI. */
void sessions_binding(uint8_t out[SESSION_BINDING], const uint8_t fingerprint[32], struct str sni);
/* A full set loses what is broken or expired, else its oldest session. */
void sessions_save(const struct sessions *s, const struct saved_session *in,
                   const uint8_t binding[SESSION_BINDING], msec now);
/* True if out->id was found, is whole, in time and of this binding; the rest of *out is then filled, else untouched. */
bool sessions_load(const struct sessions *s, struct saved_session *out,
                   const uint8_t binding[SESSION_BINDING], msec now);

#endif
