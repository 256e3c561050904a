/* The certificates of a configuration as `edge certs` shows them: one line for each site that is to have one. */
#ifndef EDGE_CLI_CERT_LIST_H
#define EDGE_CLI_CERT_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "config/site.h"
#include "store/store.h"

enum cert_source { CERT_ACME, CERT_INTERNAL, CERT_FILE, CERT_SOURCE_N };

struct cert_line {
    const struct site *site;
    enum cert_source source;
    bool there;        /* there is a certificate: its facts follow */
    struct str issuer; /* its name */
    struct str serial; /* hexadecimal */
    const char *key;   /* the kind of key; NULL: not known */
    int64_t not_before, not_after;
    int64_t next;      /* when edge will try to renew it, in the past: now; 0: never */
    unsigned failures; /* tries in a row */
    int64_t last_try;  /* 0: not told */
    struct str error;  /* the last one; may hold any byte */
};

/* All-zero is an empty one. Sites lie in the snapshot, all else in mem; cert_list_done() frees. */
struct cert_list {
    struct arena mem;
    struct cert_line *lines; /* in the configuration's order */
    size_t n;
};

/*
 * The lines of a snapshot; certificates in files are read, the others are not there yet. Returns -1 when
 * memory is out.
 */
int cert_list_make(struct cert_list *l, const struct snapshot *s);
/* What the store knows of them. Returns -1 when it fails (store_error()) or memory is out. */
int cert_list_look(struct cert_list *l, const struct snapshot *s, struct store *store, int64_t now);
void cert_list_done(struct cert_list *l);

#endif
