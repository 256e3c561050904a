/*
 * Seam 4: what the configuration says, as one immutable value. A worker swaps the whole of it; nothing in it
 * changes. All strings lie in snapshot.mem. Durations are milliseconds, sizes bytes.
 */
#ifndef EDGE_CONFIG_SITE_H
#define EDGE_CONFIG_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/ip.h"
#include "base/str.h"

enum { MAX_SITE_PORT = 65535 };

struct timeouts {
    msec connect, handshake, head, idle, send, response, tunnel, queue;
    msec drain; /* 0: not set, which means no limit on reload and 10 s on SIGTERM */
};

struct listen {
    struct endpoint at; /* the wildcard `:80` is two of these, 0.0.0.0 and [::] */
    bool wildcard_pair; /* made from `:PORT`: the machine may lack one family */
    bool tls;
};

enum backend_scheme { BACKEND_HTTP, BACKEND_HTTPS };
enum backend_kind { BACKEND_IP, BACKEND_NAME, BACKEND_UNIX };

struct backend {
    enum backend_scheme scheme;
    enum backend_kind kind;
    struct endpoint endpoint; /* BACKEND_IP; of BACKEND_NAME only the port */
    struct str name; /* the host name (of BACKEND_IP too: `localhost`) or the socket's path; else empty */
    struct str text; /* as written, for people */
    size_t id;       /* 0 … snapshot.n_backends - 1 */
};

enum balance { BALANCE_ROUND_ROBIN, BALANCE_LEAST_CONNECTIONS, BALANCE_SOURCE };
/* What a backend's certificate must lead to: the system's roots, those of a file, nothing. */
enum trust { TRUST_SYSTEM, TRUST_FILE, TRUST_NONE };

/* The active check of each backend. */
struct check {
    bool on;
    struct str path; /* of a GET; empty: it is enough that the backend accepts a connection */
    msec every;
};

/* A group of backends of one scheme, and how they are used. */
struct upstream {
    struct backend *backends;
    size_t n_backends;
    enum balance balance;
    bool no_keepalive;        /* always with proxy_protocol: a connection is one client's */
    struct str host;          /* sent instead of the client's Host, if not empty */
    uint32_t max_connections; /* to each backend, from all workers together; 0: no limit */
    unsigned proxy_protocol;  /* version of the PROXY header that is sent; 0: none */
    struct check check;
    enum trust trust;
    struct str ca_file;  /* TRUST_FILE, resolved */
    struct str tls_name; /* the name (SNI, too) or address to verify; empty: the backend's host name */
    unsigned line;       /* where it begins, for messages */
};

enum action { ACTION_PROXY, ACTION_RESPOND, ACTION_REDIRECT };

struct route {
    struct str pattern; /* `*` stands for any run of characters; the last route of a site is `*` */
    enum action action;
    struct str strip; /* whole segments, `/api`, taken off a path that begins with them; empty: none */
    struct upstream *upstream; /* ACTION_PROXY */
    int code;                  /* ACTION_RESPOND, ACTION_REDIRECT */
    struct str text;           /* the answer's text, or the URL */
};

enum site_tls { SITE_TLS_AUTO, SITE_TLS_INTERNAL, SITE_TLS_FILES, SITE_TLS_OFF };

struct site {
    struct str *names; /* lower case; `*` alone is the site of what no other matches */
    size_t n_names;
    struct route *routes; /* the first match wins; never empty */
    size_t n_routes;
    struct timeouts timeouts;
    /*
     * TLS connections for these names are forwarded untouched; NULL: they are not. Such a site is
     * SITE_TLS_OFF, because its certificate is the backend's, but plain HTTP is redirected; its routes answer 404.
     */
    struct upstream *passthrough;

    enum site_tls tls;              /* `*` is SITE_TLS_AUTO if nothing is said: it has no certificate then */
    struct str cert_file, key_file; /* SITE_TLS_FILES, resolved; the same path when one file holds both */
    int cert_id; /* sites with equal ids share a certificate; -1: none. Set by server/snapshot_build */

    bool http_serve;        /* plain HTTP is served instead of redirected */
    uint16_t redirect_port; /* 0: the first https port */
    bool any;               /* it is `*` */
    unsigned line;          /* where it begins, for messages; 0: the `*` that nobody wrote */
    size_t begin, end;      /* its bytes in the text: from its first name to behind its `}` */
};

struct snapshot {
    struct arena mem;
    struct listen *listens;
    size_t n_listens;
    struct site *sites;
    size_t n_sites;
    struct site *any; /* the `*` site; there always is one */
    size_t n_backends;
    struct site_name *index; /* hash table of exact names, for snapshot_site() */
    size_t index_size;

    struct timeouts timeouts;
    struct str email, user, data_dir, run_dir;
    struct str acme_directory; /* the CA's directory, as a URL */
    struct str acme_ca_file;   /* roots for the CA's own HTTPS; empty: the system's */
    unsigned workers;          /* 0: auto, one per CPU */
    uint64_t max_connections;  /* 0: as many as descriptors allow */
};

/*
 * The site of a host name: lower case, without port and final dot. An exact name, else `*.rest` (one label),
 * else NULL; the caller then takes snapshot.any.
 */
const struct site *snapshot_site(const struct snapshot *s, struct str host);
/* The first https port of the listens, 443 if there is none. */
uint16_t snapshot_https_port(const struct snapshot *s);
/* Free with this, NULL allowed. */
void snapshot_free(struct snapshot *s);

#endif
