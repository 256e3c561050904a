/* What stands after `proxy` and `passthrough`: one backend. */
#include <string.h>
#include <sys/un.h>

#include "config/parse_int.h"
#include "config/value.h"

enum { HTTP_PORT = 80, HTTPS_PORT = 443 };

static bool fail(struct parse *p, struct token token, const char *what)
{
    ERROR_AT(p, token, "`%.*s` %s", QUOTE(token), what);
    return false;
}

static bool no_backend(struct parse *p, struct token token)
{
    return fail(p, token,
                "is no backend; write `HOST:PORT`, `http://HOST:PORT`, `https://HOST:PORT` or `unix:/PATH`");
}

static bool unix_socket(struct parse *p, struct token token, struct str path, struct backend *out)
{
    if (str_starts(path, STR("//"))) /* unix:///run/shop.sock */
        path = str_skip(path, 2);
    if (path.n < 2 || path.p[0] != '/')
        return fail(p, token, "needs the whole path of a socket; write one like `unix:/run/shop.sock`");
    if (path.n >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return fail(p, token, "has a longer path than sockets can have, 107 bytes; move the socket");
    out->kind = BACKEND_UNIX;
    out->name = parse_dup(p, path);
    return true;
}

/* Text without a port: what must be written instead? */
static bool no_port(struct parse *p, struct token token, struct str host)
{
    struct ip ip;
    uint64_t port;
    if (host.n == 0)
        return no_backend(p, token);
    struct str digits = str_starts(host, STR(":")) ? str_skip(host, 1) : host;
    if (str_to_u64(digits, MAX_SITE_PORT, &port))
        ERROR_AT(p, token, "`%.*s` has no address; write `127.0.0.1:%.*s`", QUOTE(token), STR_ARG(digits));
    else if (ip_parse(host, &ip) && ip.len == 16)
        ERROR_AT(p, token, "`%.*s` has no port; write `[%.*s]:PORT`", QUOTE(token), STR_ARG(host));
    else
        ERROR_AT(p, token, "`%.*s` has no port; write `%.*s:PORT`", QUOTE(token),
                 STR_ARG(report_quote(host)));
    return false;
}

/* Splits at the colon before the port. False: there is no port. */
static bool split_port(struct str text, struct str *host, struct str *port)
{
    bool bracket = str_starts(text, STR("["));
    size_t colon = bracket ? str_find(text, ']') + 1 : str_find(text, ':');
    *host = str_take(text, colon);
    *port = str_skip(text, colon + 1);
    return colon < text.n && text.p[colon] == ':' && colon > 0 &&
           (bracket || str_find(*port, ':') == port->n);
}

/* `1.2.3`: a mistyped address rather than a name, because no top-level domain is a number. */
static bool is_number(struct str host)
{
    for (size_t i = 0; i < host.n; i++)
        if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9'))
            return false;
    return true;
}

bool host_is_name(struct str host)
{
    return !is_number(host) && !host_problem(host) && str_find(host, '*') == host.n;
}

/* `192.0.2.1` or `[2001:db8::1]`. */
static bool is_address(struct str host, struct ip *out)
{
    bool bracket = host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    struct str inner = bracket ? str_take(str_skip(host, 1), host.n - 2) : host;
    return ip_parse(inner, out) && (out->len == 16) == bracket;
}

bool host_is_authority(struct str text)
{
    struct str host, port;
    struct ip ip;
    uint64_t number = 1;
    if (!split_port(text, &host, &port))
        host = text;
    else if (!str_to_u64(port, MAX_SITE_PORT, &number))
        return false;
    return number > 0 && (is_address(host, &ip) || host_is_name(host));
}

/* The name is only looked at: the resolver asks for its addresses, again and again. */
static bool host(struct parse *p, struct token token, struct str text, struct backend *out)
{
    out->kind = BACKEND_IP;
    if (is_address(text, &out->endpoint.ip))
        return true;
    if (!host_is_name(text))
        return no_backend(p, token);
    /* This one needs no look-up; its name is for the certificate. */
    if (str_ieq(text, STR("localhost")))
        (void)ip_parse(STR("127.0.0.1"), &out->endpoint.ip);
    else
        out->kind = BACKEND_NAME;
    out->name = parse_lower(p, text);
    return true;
}

/* host[:port]; default_port 0: the port must be there. */
static bool authority(struct parse *p, struct token token, struct str text, uint16_t default_port,
                      struct backend *out)
{
    struct str name, port;
    uint64_t number = default_port;
    if (!split_port(text, &name, &port)) {
        if (default_port == 0)
            return no_port(p, token, text);
        name = text;
    } else if (!str_to_u64(port, MAX_SITE_PORT, &number) || number == 0) {
        return fail(p, token, "has no valid port; write a number from 1 to 65535 after the `:`");
    }
    out->endpoint.port = (uint16_t)number;
    return host(p, token, name, out);
}

static bool url(struct parse *p, struct token token, struct str rest, struct backend *out)
{
    bool https = out->scheme == BACKEND_HTTPS;
    size_t end = 0;
    if (str_istarts(rest, STR("unix:")))
        return fail(p, token,
                    "is no backend; a socket gets plain HTTP and has no scheme, write `unix:/PATH`");
    while (end < rest.n && !strchr("/?#", rest.p[end]))
        end++;
    /* A slash alone is what a browser's address line shows, and names no path. */
    if (end + 1 < rest.n || (end < rest.n && rest.p[end] != '/'))
        return fail(p, token,
                    "has a path; remove it, the path that the client asked for is forwarded as it is");
    if (str_find(rest, '@') < rest.n)
        return fail(p, token, "has a user name; remove it");
    if (end == 0)
        return fail(p, token,
                    https ? "has no host; write `https://HOST:PORT`"
                          : "has no host; write `http://HOST:PORT`");
    return authority(p, token, str_take(rest, end), https ? HTTPS_PORT : HTTP_PORT, out);
}

bool backend_parse(struct parse *p, struct token token, struct backend *out)
{
    struct str text = token.text, http = STR("http://"), https = STR("https://"), local = STR("unix:");
    out->text = parse_dup(p, text);
    if (!token.quoted && str_ends(text, STR(",")))
        return fail(p, token, "ends with a comma; remove it, backends are separated by blanks alone");
    if (str_istarts(text, http))
        return url(p, token, str_skip(text, http.n), out);
    if (str_istarts(text, https)) {
        out->scheme = BACKEND_HTTPS;
        return url(p, token, str_skip(text, https.n), out);
    }
    if (str_istarts(text, local))
        return unix_socket(p, token, str_skip(text, local.n), out);
    if (text.n > 0 && memmem(text.p, text.n, "://", 3))
        return fail(p, token,
                    "has an unknown scheme; write `HOST:PORT`, `http://HOST:PORT`, "
                    "`https://HOST:PORT` or `unix:/PATH`");
    if (str_find(text, '/') < text.n)
        return fail(p, token, "has a path; write `HOST:PORT`, or `unix:/PATH` for a socket");
    return authority(p, token, text, 0, out);
}
