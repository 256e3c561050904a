/* What the files of the parser share; nobody else includes it. */
#ifndef EDGE_CONFIG_PARSE_INT_H
#define EDGE_CONFIG_PARSE_INT_H

#include "config/directive.h"
#include "config/lex.h"
#include "config/report.h"
#include "config/site.h"

enum { MAX_SITES = 10000, MAX_TEXT = 1 << 20, MAX_BACKENDS = 64 /* of one upstream */ };

/* A directive and its arguments, or what names a site. */
struct statement {
    struct token name;
    struct token *args;
    size_t n_args;
};

/* A site that is being read. */
struct draft {
    struct site site;
    struct place at;
    struct place *names_at; /* one per name */
    size_t routes_cap;
    struct route rest; /* of `proxy`, `respond` or `redirect` outside of a route */
    struct place rest_at;
    struct place redirect_at; /* of `http redirect` */
    struct place tls_at;      /* of `tls` */
    struct place serve_at;    /* of `http serve` */
    struct place route_at;    /* of the first `route` */
    struct place all_at;      /* of `route *` */
    struct place passthrough_at;
    size_t errors; /* in its block */
};

/* What stands after `proxy` or `passthrough`, while its block is read. */
struct upstream_draft {
    struct upstream *upstream;
    bool passthrough;
    struct place *backends_at; /* one per backend */
    /* Of what the block says, if it does. */
    struct place balance_at, check_at, trust_at, name_at, keep_at;
    struct upstream_draft *next;
};

struct listen_draft {
    struct listen listen;
    struct place at;
    struct listen_draft *next;
};

struct parse {
    struct report report;
    struct lexer lexer;
    struct token token; /* the next one */
    struct arena mem;   /* what is needed until the end of the parse only */
    struct snapshot *snapshot;
    struct str folder; /* of the file, with the slash; relative paths begin with it */
    size_t mark;       /* bytes of the byte order mark, which the lexer does not see */

    struct token *args; /* of the statement that is being read */
    size_t args_cap;
    unsigned *seen; /* of the current block: the line of each directive row */

    struct draft **drafts;
    size_t n_drafts, drafts_cap;
    struct draft *site;              /* the current one; NULL outside */
    struct route *route;             /* the current one; NULL outside */
    struct upstream_draft *upstream; /* the current one; NULL outside */
    struct upstream_draft *upstreams, **upstreams_end;
    struct listen_draft *listens, **listens_end;
    bool http_off, https_off;
    struct place off_at; /* of the last `off` */
    bool broken;         /* the memory is out: there will be no snapshot */
};

/* All of these return NULL after setting broken. */
void *parse_zalloc(struct parse *p, struct arena *mem, size_t count, size_t size);
struct str parse_dup(struct parse *p, struct str s);
/* A copy in lower case. */
struct str parse_lower(struct parse *p, struct str s);
/* An array with room for one more than n; its bytes were copied from `array` if it had to grow. */
void *parse_grow(struct parse *p, void *array, size_t n, size_t *cap, size_t size);

/* The place of what was not written: a default. */
#define NOWHERE ((struct place){0, 0})
/* Reports at the place of the token. */
#define ERROR_AT(p, token, ...) report_error(&(p)->report, (token).at, __VA_ARGS__)
/* For "%.*s": a token's text, cut to what a message can hold. */
#define QUOTE(token) STR_ARG(report_quote((token).text))

/*
 * The part of *token before the next comma, with its place; *token becomes the part behind it. False when
 * nothing is left. *comma tells whether commas were skipped, before or behind.
 */
bool parse_split(struct token *token, struct token *part, bool *comma);
/* The names of the site that the statement begins; NULL if they are no names, which was reported. */
struct draft *parse_site_names(struct parse *p, const struct statement *s);

/* Setters: set_file.c, set_acme.c, set_site.c, set_upstream.c. */
void set_path(struct parse *p, const struct directive *row, const struct statement *s);
void set_email(struct parse *p, const struct directive *row, const struct statement *s);
void set_user(struct parse *p, const struct directive *row, const struct statement *s);
void set_workers(struct parse *p, const struct directive *row, const struct statement *s);
void set_number(struct parse *p, const struct directive *row, const struct statement *s);
void set_listen(struct parse *p, const struct directive *row, const struct statement *s);
void set_timeout(struct parse *p, const struct directive *row, const struct statement *s);
void set_duration(struct parse *p, const struct directive *row, const struct statement *s);

void set_acme(struct parse *p, const struct directive *row, const struct statement *s);
void set_directory(struct parse *p, const struct directive *row, const struct statement *s);

void set_respond(struct parse *p, const struct directive *row, const struct statement *s);
void set_redirect(struct parse *p, const struct directive *row, const struct statement *s);
void set_route(struct parse *p, const struct directive *row, const struct statement *s);
void set_site_http(struct parse *p, const struct directive *row, const struct statement *s);
void set_site_tls(struct parse *p, const struct directive *row, const struct statement *s);

void set_proxy(struct parse *p, const struct directive *row, const struct statement *s);
void set_passthrough(struct parse *p, const struct directive *row, const struct statement *s);
void set_balance(struct parse *p, const struct directive *row, const struct statement *s);
void set_check(struct parse *p, const struct directive *row, const struct statement *s);
void set_backend_tls(struct parse *p, const struct directive *row, const struct statement *s);
void set_proxy_header(struct parse *p, const struct directive *row, const struct statement *s);
void set_backend_connections(struct parse *p, const struct directive *row, const struct statement *s);
void set_keepalive(struct parse *p, const struct directive *row, const struct statement *s);
void set_host(struct parse *p, const struct directive *row, const struct statement *s);

/*
 * Where the action that the statement names goes: into the route that is being read, else behind all routes.
 * NULL: there is one already, which was reported.
 */
struct route *site_action(struct parse *p, const struct statement *s);
/* The number of the token is within the row's bounds; if not, it was reported. */
bool number_parse(struct parse *p, const struct directive *row, struct token token, uint64_t *out);
/* The backend that the token names. False if it is none, which was reported. */
bool backend_parse(struct parse *p, struct token token, struct backend *out);
/* One host, which is no pattern and no address. */
bool host_is_name(struct str host);
/* HOST or HOST:PORT, the host an address or a name: what a Host header field may hold. */
bool host_is_authority(struct str text);
/* The block of p->upstream was read: what can be told only now. */
void upstream_finish(struct parse *p);
/* An authority that issues only for names of the public DNS. */
bool acme_is_public(struct str directory);
/* A name that such an authority never issues for. */
bool check_is_private(struct str name);
/* `path` as the process will open it: relative ones lie beside the configuration file. */
struct str path_resolve(struct parse *p, struct str path);
/* The row stood in this block before and may not be repeated, which was reported; else that is remembered. */
bool statement_repeats(struct parse *p, const struct directive *row, struct token name);
/* The number of arguments fits the row; if not, it was reported. */
bool statement_fits(struct parse *p, const struct directive *row, const struct statement *s);

/* From drafts to the snapshot, and everything that can be told only when the whole file was read. */
void check_finish(struct parse *p);
/*
 * The hash table for that many names, NULL without memory; then add them one by one: the site that had the
 * name before.
 */
bool site_index_make(struct snapshot *s, size_t names);
const struct site *site_index_add(struct snapshot *s, struct str name, struct site *site);

#endif
