#include "tls/sessions.h"

#include <sodium.h>
#include <string.h>

#include "base/rand.h"
#include "base/wipe.h"

enum { WAYS = 8 };

/* The layout's name; another layout formats the memory anew. */
static const uint64_t magic = 0x6564676573650001;

struct header {
    uint64_t magic;
    uint8_t key[16];
    uint64_t unused;
};

/* A session as it lies in memory, in whole words. All zero: free. */
struct slot {
    uint8_t id[SESSION_ID];
    uint8_t master[SESSION_MASTER];
    uint8_t binding[SESSION_BINDING];
    int64_t made; /* milliseconds */
    uint64_t suite;
    uint64_t check; /* of all before it */
};

enum { SLOT_WORDS = sizeof(struct slot) / 8, HEADER_WORDS = sizeof(struct header) / 8 };
_Static_assert(sizeof(struct slot) % 8 == 0 && sizeof(struct header) % 8 == 0, "made of words");

size_t sessions_size(size_t count)
{
    size_t sets = (count + WAYS - 1) / WAYS;
    return sizeof(struct header) + sets * WAYS * sizeof(struct slot);
}

int sessions_init(struct sessions *s, void *memory, size_t size)
{
    struct header h;
    if (size < sessions_size(1))
        return -1;
    memcpy(&h, memory, sizeof h);
    if (h.magic != magic) {
        memset(memory, 0, size);
        h = (struct header){.magic = magic};
        rand_bytes(h.key, sizeof h.key);
        memcpy(memory, &h, sizeof h);
    }
    s->slots = (uint64_t *)memory + HEADER_WORDS;
    s->sets = (size - sizeof(struct header)) / (WAYS * sizeof(struct slot));
    memcpy(s->key, h.key, sizeof s->key);
    return 0;
}

void sessions_binding(uint8_t out[SESSION_BINDING], const uint8_t fingerprint[32], struct str sni)
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, SESSION_BINDING);
    crypto_generichash_update(&state, fingerprint, 32);
    crypto_generichash_update(&state, (const uint8_t *)sni.p, sni.n);
    crypto_generichash_final(&state, out, SESSION_BINDING);
}

static uint64_t check_of(const struct sessions *s, const struct slot *slot)
{
    uint64_t check = 0;
    crypto_shorthash((uint8_t *)&check, (const uint8_t *)slot, offsetof(struct slot, check), s->key);
    return check;
}

/* Session ids are random (ours), so their first bytes spread evenly. */
static uint64_t *set_of(const struct sessions *s, const uint8_t id[SESSION_ID])
{
    uint64_t n = 0;
    memcpy(&n, id, sizeof n);
    return s->slots + (size_t)(n % s->sets) * WAYS * SLOT_WORDS;
}

/* Word by word, as other processes write at the same time; what got mixed up fails its check. */
static void copy_out(const uint64_t *from, struct slot *to)
{
    uint64_t words[SLOT_WORDS] = {0};
    for (size_t i = 0; i < SLOT_WORDS; i++)
        words[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    memcpy(to, words, sizeof *to);
    wipe(words, sizeof words);
}

static void copy_in(uint64_t *to, const struct slot *from)
{
    uint64_t words[SLOT_WORDS];
    memcpy(words, from, sizeof *from);
    for (size_t i = 0; i < SLOT_WORDS; i++)
        __atomic_store_n(&to[i], words[i], __ATOMIC_RELAXED);
    wipe(words, sizeof words);
}

/* Milliseconds since it was made; -1 when it is free, broken, expired or from the future. */
static int64_t age_of(const struct sessions *s, const struct slot *slot, msec now)
{
    if (slot->check != check_of(s, slot) || slot->made > now || now - slot->made >= SESSIONS_LIFE_MS)
        return -1;
    return now - slot->made;
}

void sessions_save(const struct sessions *s, const struct saved_session *in,
                   const uint8_t binding[SESSION_BINDING], msec now)
{
    struct slot slot;
    uint64_t *set = set_of(s, in->id), *victim = set;
    int64_t oldest = -1;
    for (size_t i = 0; i < WAYS; i++) {
        copy_out(set + i * SLOT_WORDS, &slot);
        int64_t age = age_of(s, &slot, now);
        if (age < 0 || age > oldest) {
            victim = set + i * SLOT_WORDS;
            oldest = age;
        }
        if (age < 0)
            break;
    }
    slot = (struct slot){.made = now, .suite = in->suite};
    memcpy(slot.id, in->id, sizeof slot.id);
    memcpy(slot.master, in->master, sizeof slot.master);
    memcpy(slot.binding, binding, sizeof slot.binding);
    slot.check = check_of(s, &slot);
    copy_in(victim, &slot);
    wipe(&slot, sizeof slot);
}

bool sessions_load(const struct sessions *s, struct saved_session *out,
                   const uint8_t binding[SESSION_BINDING], msec now)
{
    struct slot slot;
    bool found = false;
    const uint64_t *set = set_of(s, out->id);
    for (size_t i = 0; i < WAYS && !found; i++) {
        copy_out(set + i * SLOT_WORDS, &slot);
        found = memcmp(slot.id, out->id, sizeof slot.id) == 0 &&
                memcmp(slot.binding, binding, sizeof slot.binding) == 0 && age_of(s, &slot, now) >= 0;
    }
    if (found) {
        memcpy(out->master, slot.master, sizeof out->master);
        out->suite = (uint16_t)slot.suite;
    }
    wipe(&slot, sizeof slot);
    return found;
}
