#include "config/directive.h"

#include "config/parse_int.h"
#include "config/suggest.h"

#define OF_FILE(member)    offsetof(struct snapshot, member)
#define OF_TIMEOUT(member) offsetof(struct timeouts, member)

enum { SECOND = 1000, HOUR = 3600 * SECOND, DAY = 24 * HOUR, LEAST_MS = 10 };

/* clang-format off */
/* handshake, head and idle begin before the site of a connection is known: they have no value per site. */
static const struct directive rows[] = {
    { "email", IN_FILE, "ADDRESS", 1, 1, set_email, OF_FILE(email), .initial = "",
      .help = "contact that the certificate authority may write to" },
    { "http", IN_FILE, "ADDR:PORT... | off", 1, MANY_ARGUMENTS, set_listen, .initial = ":80",
      .help = "where plain HTTP is accepted" },
    { "https", IN_FILE, "ADDR:PORT... | off", 1, MANY_ARGUMENTS, set_listen, .initial = ":443",
      .help = "where HTTPS is accepted" },
    { "data", IN_FILE, "DIR", 1, 1, set_path, OF_FILE(data_dir), .initial = "/var/lib/edge",
      .help = "folder of certificates, keys and users" },
    { "run", IN_FILE, "DIR", 1, 1, set_path, OF_FILE(run_dir), .initial = "/run/edge",
      .help = "folder of the control socket" },
    { "user", IN_FILE, "NAME", 1, 1, set_user, OF_FILE(user), .initial = "edge",
      .help = "whom to become when started as root" },
    { "workers", IN_FILE, "auto | N", 1, 1, set_workers, OF_FILE(workers), 1, 256, "auto",
      .help = "processes that serve connections; auto: one per processor" },
    { "max_connections", IN_FILE, "N", 1, 1, set_number, OF_FILE(max_connections), 1, 10000000, "",
      .help = "client connections at one time, all workers together" },
    { "timeout", IN_FILE | IN_SITE, "NAME DURATION", 2, 2, set_timeout, .initial = "", .repeat = true,
      .help = "a time limit, for every site or for this one" },
    { "proxy_protocol", IN_FILE, "from CIDR...", 2, MANY_ARGUMENTS, NULL, .initial = "",
      .help = "peers that send a PROXY header" },
    { "trusted_proxies", IN_FILE, "CIDR...", 1, MANY_ARGUMENTS, NULL, .initial = "",
      .help = "peers whose forwarded headers are believed" },
    { "tls", IN_FILE, "DIR", 1, 1, NULL, .initial = "",
      .help = "folder of PEM files, chosen by the names in them" },
    { "tickets", IN_FILE, "on | off", 1, 1, NULL, .initial = "",
      .help = "TLS session tickets" },
    { "log", IN_FILE, "access FORMAT [FILE | journal | syslog [FACILITY]]", 2, 4, NULL, .initial = "",
      .help = "access log" },
    { "metrics", IN_FILE, "ADDR:PORT", 1, 1, NULL, .initial = "", .help = "where Prometheus finds numbers" },
    { "dashboard", IN_FILE, "ADDR:PORT", 1, 1, NULL, .initial = "",
      .help = "where a browser finds the state" },
    { "notify", IN_FILE, "COMMAND | URL", 1, MANY_ARGUMENTS, NULL, .initial = "",
      .help = "whom to tell of trouble" },
    { "acme", IN_FILE, "", 0, 0, set_acme, .initial = "", .block = IN_ACME, .help = "the certificate authority" },

    { "directory", IN_ACME, "letsencrypt | letsencrypt-staging | URL", 1, 1, set_directory,
      OF_FILE(acme_directory), .initial = "letsencrypt",
      .help = "the certificate authority" },
    { "ca_file", IN_ACME, "FILE", 1, 1, set_path, OF_FILE(acme_ca_file), .initial = "",
      .help = "root that the authority's own HTTPS is checked with" },
    { "profile", IN_ACME, "NAME", 1, 1, NULL, .initial = "", .help = "certificate profile" },
    { "eab", IN_ACME, "KEY-ID HMAC-KEY", 2, 2, NULL, .initial = "", .help = "external account binding" },
    { "fallback", IN_ACME, "NAME | URL", 1, 1, NULL, .initial = "",
      .help = "the authority that is tried second" },

    { "proxy", IN_SITE, "BACKEND...", 1, MANY_ARGUMENTS, set_proxy, .initial = "", .block = IN_BACKEND,
      .action = true,
      .help = "forward requests to this backend, or to one of these" },
    { "respond", IN_SITE, "CODE [TEXT]", 1, 2, set_respond, .min = 200, .max = 599, .initial = "",
      .action = true,
      .help = "answer with this status and text" },
    { "redirect", IN_SITE, "URL [CODE]", 1, 2, set_redirect, .initial = "", .action = true,
      .help = "send clients to another address" },
    { "route", IN_SITE, "PATTERN [strip PREFIX] proxy | respond | redirect ...", 2, MANY_ARGUMENTS, set_route, .initial = "",
      .block = IN_BACKEND, .repeat = true, .help = "do so for the paths that match; the first match wins" },
    { "tls", IN_SITE, "auto | internal | CERT KEY | FILE | off", 1, 2, set_site_tls, .initial = "auto",
      .help = "certificate by ACME, self-signed, in PEM files, or none: plain HTTP only" },
    { "http", IN_SITE, "redirect [PORT] | serve", 1, 2, set_site_http, .min = 1, .max = MAX_SITE_PORT,
      .initial = "redirect",
      .help = "what plain HTTP gets: a redirect to HTTPS, or the site" },
    { "passthrough", IN_SITE, "BACKEND...", 1, MANY_ARGUMENTS, set_passthrough, .initial = "",
      .block = IN_BACKEND,
      .help = "forward TLS connections without looking into them" },
    { "auth", IN_SITE, "[except PATTERN... | only PATTERN...]", 0, MANY_ARGUMENTS, NULL, .initial = "",
      .help = "ask for a name and a password" },
    { "hsts", IN_SITE, "VALUE", 1, 1, NULL, .initial = "", .line = true,
      .help = "Strict-Transport-Security" },
    { "header", IN_SITE, "request | response set | add | remove NAME [VALUE]", 1, 1, NULL, .initial = "",
      .line = true,
      .repeat = true, .help = "change a header field" },
    { "max_body", IN_SITE, "SIZE", 1, 1, NULL, .initial = "", .help = "largest request body" },

    { "balance", IN_BACKEND, "round_robin | least_connections | source", 1, 1, set_balance,
      .initial = "round_robin",
      .help = "which of several backends is taken" },
    { "check", IN_BACKEND, "[GET PATH] [every DURATION]", 0, 4, set_check, .min = 100, .max = DAY, .initial = "",
      .help = "ask each backend now and then whether it is there: a GET, or a TCP connect" },
    { "tls", IN_BACKEND, "verify | insecure | CA-FILE | name NAME", 1, 2, set_backend_tls,
      .initial = "verify", .repeat = true,
      .help = "how the backend's certificate is checked" },
    { "proxy_protocol", IN_BACKEND, "v1 | v2", 1, 1, set_proxy_header, .initial = "",
      .help = "tell the backend the client's address in a PROXY header" },
    { "max_connections", IN_BACKEND, "N", 1, 1, set_backend_connections, .min = 1, .max = 1000000,
      .initial = "",
      .help = "connections to each backend at one time, all workers together" },
    { "keepalive", IN_BACKEND, "on | off", 1, 1, set_keepalive, .initial = "on",
      .help = "keep connections to the backend open for further requests" },
    { "host", IN_BACKEND, "NAME", 1, 1, set_host, .initial = "",
      .help = "send this Host instead of the client's" },

    { "connect", IN_TIMEOUT | IN_SITE_TIMEOUT, "DURATION", 1, 1, set_duration, OF_TIMEOUT(connect), LEAST_MS,
      HOUR, "5s",
      .help = "one attempt to connect to a backend" },
    { "handshake", IN_TIMEOUT, "DURATION", 1, 1, set_duration, OF_TIMEOUT(handshake), LEAST_MS, HOUR, "10s",
      .help = "the whole TLS handshake" },
    { "head", IN_TIMEOUT, "DURATION", 1, 1, set_duration, OF_TIMEOUT(head), LEAST_MS, HOUR,
      "30s",
      .help = "the whole head of a request, from its first byte" },
    { "idle", IN_TIMEOUT, "DURATION", 1, 1, set_duration, OF_TIMEOUT(idle), LEAST_MS, DAY,
      "75s",
      .help = "between requests on a connection" },
    { "send", IN_TIMEOUT | IN_SITE_TIMEOUT, "DURATION", 1, 1, set_duration, OF_TIMEOUT(send), LEAST_MS, DAY,
      "600s",
      .help = "no byte in the awaited direction of a body" },
    { "response", IN_TIMEOUT | IN_SITE_TIMEOUT, "DURATION", 1, 1, set_duration, OF_TIMEOUT(response),
      LEAST_MS, DAY, "3610s",
      .help = "the backend's silence while an answer is due" },
    { "tunnel", IN_TIMEOUT | IN_SITE_TIMEOUT, "DURATION", 1, 1, set_duration, OF_TIMEOUT(tunnel), LEAST_MS,
      30LL * DAY, "1h",
      .help = "both directions of a websocket silent" },
    { "queue", IN_TIMEOUT | IN_SITE_TIMEOUT, "DURATION", 1, 1, set_duration, OF_TIMEOUT(queue), LEAST_MS,
      HOUR, "5s",
      .help = "waiting for a free connection to a backend" },
    { "drain", IN_TIMEOUT, "DURATION", 1, 1, set_duration, OF_TIMEOUT(drain), LEAST_MS, DAY, "",
      .help = "what connections get to end; without it none on reload, 10s on SIGTERM" },
};
/* clang-format on */

_Static_assert(nitems(rows) <= MAX_DIRECTIVES, "parse.c keeps a line for each row");

const struct directive *directive_rows(size_t *n)
{
    *n = nitems(rows);
    return rows;
}

const struct directive *directive_find(struct str name, enum where where)
{
    for (size_t i = 0; i < nitems(rows); i++)
        if ((rows[i].where & where) && str_eq(name, str_of(rows[i].name)))
            return &rows[i];
    return NULL;
}

const struct directive *directive_anywhere(struct str name)
{
    for (size_t i = 0; i < nitems(rows); i++)
        if (str_eq(name, str_of(rows[i].name)))
            return &rows[i];
    return NULL;
}

const char *directive_nearest(struct str name, enum where where)
{
    struct suggest here = {.word = name}, anywhere = {.word = name};
    for (size_t i = 0; i < nitems(rows); i++) {
        suggest_offer(&anywhere, rows[i].name);
        if (rows[i].where & where)
            suggest_offer(&here, rows[i].name);
    }
    return here.best ? here.best : anywhere.best;
}
