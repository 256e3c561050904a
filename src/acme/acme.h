/*
 * ACME (RFC 8555) as blocking code: takes names and keys, gives a certificate chain. Knows no database and
 * no socket of the daemon: what must be kept goes out through the hooks, before the request that it is
 * needed for.
 *
 * Every call ends within a bounded time, whatever the CA does. Needs rand_init().
 */
#ifndef EDGE_ACME_ACME_H
#define EDGE_ACME_ACME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum acme_end {
    ACME_DONE,
    ACME_LATER, /* the network, the CA's load, a lost reply: try again, the order stays good */
    ACME_REFUSED, /* the final word: a challenge failed, a name is not allowed, terms changed … The order is dead */
    ACME_BROKEN, /* here: a hook failed, a stored key cannot be read, memory is out */
};

/*
 * What may be kept between runs; every string may be empty at first. All that is set here lies in the `mem`
 * of the configuration.
 */
struct acme_account {
    struct str key_pem; /* made by acme_open() when empty; secret */
    struct str url;
    struct str contact; /* mail address or empty */
};

struct acme_order {
    const struct str *names; /* lower case */
    size_t n_names;
    struct str key_pem; /* of the certificate; made by acme_obtain() when empty; secret */
    struct str url, finalize_url, certificate_url;
    struct str state;     /* the CA's word: empty, pending, ready, processing, valid, invalid */
    struct str chain_pem; /* the result */
};

/* Each returns 0, or -1: the run ends with ACME_BROKEN. */
struct acme_hooks {
    /* Before newAccount (url empty), after it. Also later in a run, when the CA has forgotten the account. */
    int (*save_account)(void *context, const struct acme_account *account);
    /* Before newOrder (url empty), after it, before finalize, before the download. */
    int (*save_order)(void *context, const struct acme_order *order);
    /*
     * From its return on, a request for the token on port 80 of `name` is answered with the key
     * authorization.
     */
    int (*publish)(void *context, struct str name, struct str token, struct str key_authorization);
    void (*progress)(void *context, const char *what); /* one line for the person who watches; may be NULL */
};

/* Borrowed until acme_close(). */
struct acme_config {
    const char *directory; /* URL */
    const char *ca_file;   /* PEM bundle for the CA's own HTTPS; NULL: the system's */
    const char *user_agent;
    struct arena *mem; /* of all results, keys too: release it with arena_wipe() */
    const struct acme_hooks *hooks;
    void *context;
};

struct acme;

/*
 * Fetches the directory, makes or finds the account. *a is set whatever the end is (NULL only when memory
 * is out), for acme_retry_after() and acme_close(); acme_obtain() needs one that was ACME_DONE. On anything
 * else *why holds one line: a problem document's type, detail and subproblems word for word (RFC 8555
 * section 6.7), or what the network said.
 */
enum acme_end acme_open(struct acme **a, const struct acme_config *config, struct acme_account *account,
                        struct buf *why);
/* NULL allowed. */
void acme_close(struct acme *a);
/*
 * One certificate, from whatever state *order is in to its chain. Resumes; never orders again what can be
 * fetched.
 */
enum acme_end acme_obtain(struct acme *a, struct acme_order *order, struct buf *why);
/*
 * Seconds that the CA asked to wait with its last refusal, clamped to 1 … 86400; 0: it asked for nothing.
 * NULL allowed.
 */
int64_t acme_retry_after(const struct acme *a);

#endif
