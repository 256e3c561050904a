#include "tls/certs.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"
#include "tls/cert.h"

enum { NAME_MAX_SIZE = 253, FIRST_SLOTS = 16 };

struct entry {
    char *name; /* NULL: the slot is free */
    size_t n;
    int id;
};

struct certs {
    unsigned references;
    struct cert **list;
    size_t n_list;
    struct entry *slots; /* open addressing, at most half full; a power of two */
    size_t n_slots, n_names;
};

struct certs *certs_new(void)
{
    struct certs *certs = calloc(1, sizeof *certs);
    if (!certs)
        return NULL;
    certs->references = 1;
    certs->n_slots = FIRST_SLOTS;
    certs->slots = calloc(certs->n_slots, sizeof *certs->slots);
    if (!certs->slots) {
        certs_free(certs);
        return NULL;
    }
    return certs;
}

struct certs *certs_ref(struct certs *certs)
{
    certs->references++;
    return certs;
}

void certs_free(struct certs *certs)
{
    if (!certs || --certs->references > 0)
        return;
    for (size_t i = 0; i < certs->n_list; i++)
        cert_free(certs->list[i]);
    for (size_t i = 0; certs->slots && i < certs->n_slots; i++)
        wipe_free(certs->slots[i].name, 0);
    wipe_free(certs->list, 0);
    wipe_free(certs->slots, 0);
    wipe_free(certs, sizeof *certs);
}

int certs_add(struct certs *certs, struct str pem_chain, struct str pem_key, struct str *why)
{
    *why = STR("out of memory");
    struct cert **list = reallocarray(certs->list, certs->n_list + 1, sizeof(struct cert *));
    if (!list)
        return -1;
    certs->list = list;
    struct cert *cert = cert_new(pem_chain, pem_key, why);
    if (!cert)
        return -1;
    list[certs->n_list] = cert;
    return (int)certs->n_list++;
}

/* FNV-1a: the names come from our own configuration, so nobody can choose them to collide. */
static size_t hash(struct str name)
{
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < name.n; i++)
        h = (h ^ (uint8_t)name.p[i]) * 0x100000001b3;
    return (size_t)(h ^ h >> 32);
}

/* The slot of this name, or the free one where it belongs. */
static struct entry *slot_of(struct entry *slots, size_t n_slots, struct str name)
{
    size_t i = hash(name) & (n_slots - 1);
    while (slots[i].name && !str_eq((struct str){slots[i].name, slots[i].n}, name))
        i = (i + 1) & (n_slots - 1);
    return &slots[i];
}

static int grow(struct certs *certs)
{
    size_t n = certs->n_slots * 2;
    struct entry *slots = calloc(n, sizeof *slots);
    if (!slots)
        return -1;
    for (size_t i = 0; i < certs->n_slots; i++) {
        struct entry *e = &certs->slots[i];
        if (e->name)
            *slot_of(slots, n, (struct str){e->name, e->n}) = *e;
    }
    wipe_free(certs->slots, 0);
    certs->slots = slots;
    certs->n_slots = n;
    return 0;
}

/* `name` in lower case without final dot; 0 when it is no name. */
static size_t normalise(struct str name, char out[NAME_MAX_SIZE])
{
    if (name.n > 2 && name.p[name.n - 1] == '.')
        name.n--;
    if (name.n == 0 || name.n > NAME_MAX_SIZE || name.p[name.n - 1] == '.')
        return 0;
    for (size_t i = 0; i < name.n; i++) {
        char c = ascii_lower(name.p[i]);
        bool star = c == '*' && i == 0 && (name.n == 1 || (name.n > 2 && name.p[1] == '.'));
        if (!ascii_alnum(c) && c != '-' && c != '_' && !(c == '.' && i > 0 && out[i - 1] != '.') && !star)
            return 0;
        out[i] = c;
    }
    return name.n;
}

int certs_name(struct certs *certs, struct str name, int id)
{
    char key[NAME_MAX_SIZE];
    size_t n = normalise(name, key);
    if (n == 0 || !certs_get(certs, id))
        return -1;
    if ((certs->n_names + 1) * 2 > certs->n_slots && grow(certs) < 0)
        return -1;
    struct entry *e = slot_of(certs->slots, certs->n_slots, (struct str){key, n});
    if (!e->name) {
        e->name = malloc(n);
        if (!e->name)
            return -1;
        memcpy(e->name, key, n);
        e->n = n;
        certs->n_names++;
    }
    e->id = id;
    return 0;
}

static int look_up(const struct certs *certs, struct str name)
{
    const struct entry *e = slot_of(certs->slots, certs->n_slots, name);
    return e->name ? e->id : -1;
}

int certs_find(const struct certs *certs, struct str sni)
{
    char wildcard[NAME_MAX_SIZE + 1];
    int id = sni.n > 0 ? look_up(certs, sni) : -1;
    if (id >= 0)
        return id;
    struct str rest = str_skip(sni, str_find(sni, '.'));
    if (rest.n > 1 && rest.n < sizeof wildcard) {
        wildcard[0] = '*';
        memcpy(wildcard + 1, rest.p, rest.n);
        id = look_up(certs, (struct str){wildcard, rest.n + 1});
        if (id >= 0)
            return id;
    }
    return look_up(certs, STR("*"));
}

const struct cert *certs_get(const struct certs *certs, int id)
{
    return id >= 0 && (size_t)id < certs->n_list ? certs->list[id] : NULL;
}
