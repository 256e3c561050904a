#include "tls/client_sessions.h"

#include <sodium.h>
#include <string.h>

#include "base/wipe.h"
#include "tls/trust_int.h"

void client_sessions_key(uint8_t out[CLIENT_SESSION_KEY], const struct tls_trust *t, struct str name,
                         struct endpoint peer)
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, CLIENT_SESSION_KEY);
    crypto_generichash_update(&state, tls_trust_id(t), TRUST_ID);
    crypto_generichash_update(&state, &peer.ip.len, 1);
    crypto_generichash_update(&state, peer.ip.bytes, sizeof peer.ip.bytes);
    crypto_generichash_update(&state, (const uint8_t *)&peer.port, sizeof peer.port);
    crypto_generichash_update(&state, (const uint8_t *)name.p, name.n);
    crypto_generichash_final(&state, out, CLIENT_SESSION_KEY);
}

static const struct client_session *find(const struct client_sessions *s,
                                         const uint8_t key[CLIENT_SESSION_KEY])
{
    for (size_t i = 0; i < CLIENT_SESSIONS; i++) {
        if (s->session[i].used && memcmp(s->session[i].key, key, CLIENT_SESSION_KEY) == 0)
            return &s->session[i];
    }
    return NULL;
}

static size_t victim(const struct client_sessions *s)
{
    size_t oldest = 0;
    for (size_t i = 0; i < CLIENT_SESSIONS; i++) {
        if (!s->session[i].used)
            return i;
        if (s->session[i].made < s->session[oldest].made)
            oldest = i;
    }
    return oldest;
}

void client_sessions_save(struct client_sessions *s, const uint8_t key[CLIENT_SESSION_KEY],
                          const br_ssl_session_parameters *parameters, msec now)
{
    client_sessions_forget(s, key);
    struct client_session *to = &s->session[victim(s)];
    *to = (struct client_session){.parameters = *parameters, .made = now, .used = true};
    memcpy(to->key, key, sizeof to->key);
}

const br_ssl_session_parameters *client_sessions_find(const struct client_sessions *s,
                                                      const uint8_t key[CLIENT_SESSION_KEY], msec now)
{
    const struct client_session *found = find(s, key);
    return found && now - found->made < CLIENT_SESSION_LIFE_MS ? &found->parameters : NULL;
}

void client_sessions_forget(struct client_sessions *s, const uint8_t key[CLIENT_SESSION_KEY])
{
    const struct client_session *found = find(s, key);
    if (found)
        wipe(&s->session[found - s->session], sizeof *found);
}
