/* Start lines, targets and hosts; the fields themselves are h1_fields.c's. Part of h1_read.h. */
#include "http/h1_read.h"

#include <string.h>

#include "base/err.h"
#include "base/ip.h"
#include "http/h1_int.h"

/* Hosts (RFC 9110 section 7.2, RFC 3986 section 3.2.2) */

enum { MAX_HOST = 255 };

/*
 * reg-name without percent-encoding, sub-delims and empty labels: no name of the DNS or of a hosts file has
 * them, and what is not decoded cannot be decoded in two ways.
 */
static bool valid_name(struct str s)
{
    char before = '.';
    for (size_t i = 0; i < s.n; before = s.p[i++])
        if (!ascii_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && (s.p[i] != '.' || before == '.'))
            return false;
    return s.n > 0 && s.n <= MAX_HOST;
}

static bool valid_port(struct str s)
{
    uint64_t port;
    return s.n <= 5 && str_to_u64(s, 65535, &port);
}

bool h1_valid_authority(struct str s)
{
    struct ip ip;
    size_t end;
    if (s.n > 0 && s.p[0] == '[') {
        end = str_find(s, ']');
        /* ip_parse() knows neither zones nor IPvFuture: neither has a place in a request. */
        if (end == s.n || !ip_parse(str_take(str_skip(s, 1), end - 1), &ip) || ip.len != 16)
            return false;
        end++;
    } else {
        end = str_find(s, ':');
        if (!valid_name(str_take(s, end)))
            return false;
    }
    return end == s.n || (s.p[end] == ':' && valid_port(str_skip(s, end + 1)));
}

/* Request line (RFC 9112 section 3) */

/*
 * "HTTP/1.0" or "HTTP/1.1". A higher minor is refused too: none was ever specified, and none can be tested.
 */
static int parse_version(struct str s, uint8_t *minor)
{
    if (s.n != 8 || !str_starts(s, STR("HTTP/")) || s.p[6] != '.' || s.p[5] < '0' || s.p[5] > '9' ||
        s.p[7] < '0' || s.p[7] > '9')
        return ERR_HTTP_SYNTAX;
    if (s.p[5] != '1' || s.p[7] > '1')
        return ERR_HTTP_VERSION;
    *minor = (uint8_t)(s.p[7] - '0');
    return 0;
}

static bool valid_target_chars(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x21 || s.p[i] > 0x7e || s.p[i] == '#')
            return false;
    return true;
}

/* Section 3.2.2, with the scheme already taken off; 3.2.4 for OPTIONS without a path. */
static int parse_absolute(struct str rest, struct head *h, struct arena *mem)
{
    size_t end = 0;
    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
        end++;
    h->authority = str_take(rest, end);
    h->path = str_skip(rest, end);
    if (!h1_valid_authority(h->authority))
        return ERR_HTTP_TARGET;
    if (h->path.n == 0)
        h->path = method_is(h, STR("OPTIONS")) ? STR("*") : STR("/");
    else if (h->path.p[0] == '?')
        h->path = arena_printf(mem, "/%.*s", STR_ARG(h->path));
    return h->path.p ? 0 : ERR_NOMEM;
}

static int parse_target(struct head *h, struct arena *mem)
{
    struct str t = h->target;
    if (t.n > HEAD_MAX_TARGET)
        return ERR_HTTP_TARGET_LONG;
    if (!valid_target_chars(t))
        return ERR_HTTP_TARGET;
    h->path = t;
    if (t.p[0] == '/')
        return 0;
    if (str_eq(t, STR("*")))
        return method_is(h, STR("OPTIONS")) ? 0 : ERR_HTTP_TARGET;
    if (str_istarts(t, STR("http://")))
        return parse_absolute(str_skip(t, 7), h, mem);
    if (str_istarts(t, STR("https://")))
        return parse_absolute(str_skip(t, 8), h, mem);
    return ERR_HTTP_TARGET;
}

static int parse_request_line(struct str line, struct head *h, struct arena *mem)
{
    size_t blank = str_find(line, ' ');
    h->method = str_take(line, blank);
    struct str rest = str_skip(line, blank + 1);
    blank = str_find(rest, ' ');
    h->target = str_take(rest, blank);
    if (!h1_is_token(h->method) || h->target.n == 0)
        return ERR_HTTP_SYNTAX;
    if (blank == rest.n)
        return ERR_HTTP_VERSION; /* HTTP/0.9 had no version */
    int err = parse_version(str_skip(rest, blank + 1), &h->minor);
    if (err)
        return err;
    /* CONNECT would be a tunnel to anywhere; its authority form has no meaning here. */
    if (h->method.n > H1_MAX_METHOD || method_is(h, STR("CONNECT")))
        return ERR_HTTP_METHOD;
    return parse_target(h, mem);
}

/*
 * RFC 9112 section 3.2: one Host in HTTP/1.1, and never two. Section 3.2.2: the authority of an absolute
 * target counts, and is what is forwarded; so it takes the place of the field's value at once.
 */
static int parse_host(struct head *h)
{
    struct field *host = NULL;
    for (size_t i = 0; i < h->n_fields; i++) {
        if (!str_ieq(h->fields[i].name, STR("Host")))
            continue;
        if (host)
            return ERR_HTTP_HOST;
        host = &h->fields[i];
    }
    if (!host)
        return h->minor > 0 ? ERR_HTTP_HOST : 0;
    if (!h1_valid_authority(host->value))
        return ERR_HTTP_HOST;
    if (h->authority.n == 0)
        h->authority = host->value;
    host->value = h->authority;
    return 0;
}

int h1_parse_request(struct str piece, struct head *h, struct arena *mem)
{
    struct str line;
    bool ended;
    *h = (struct head){0};
    if (!h1_fields_line(&piece, &line))
        return ERR_HTTP_SYNTAX;
    int err = parse_request_line(line, h, mem);
    if (!err)
        err = h1_fields_parse(piece, h, mem, &ended);
    if (!err && !ended)
        err = ERR_HTTP_FIELD;
    if (!err)
        err = h1_fields_framing(h);
    if (!err)
        err = parse_host(h);
    if (!err)
        err = h1_fields_connection(h, true);
    /* RFC 9110 section 10.1.1: ignored in HTTP/1.0. Other expectations are the backend's to judge. */
    h->expect_continue = !err && h->minor > 0 && head_lists(h, STR("Expect"), STR("100-continue"));
    return err;
}

/* Responses */

/*
 * RFC 9112 section 4. The blank before an absent reason is forgiven: many servers leave it out, and nothing
 * depends on it.
 */
static int parse_status_line(struct str line, struct head *h)
{
    uint64_t status;
    struct str digits = str_take(str_skip(line, 9), 3);
    if (line.n < 12 || line.p[8] != ' ' || (line.n > 12 && line.p[12] != ' '))
        return ERR_HTTP_SYNTAX;
    int err = parse_version(str_take(line, 8), &h->minor);
    if (err)
        return err;
    if (!str_to_u64(digits, 599, &status) || status < 100)
        return ERR_HTTP_SYNTAX;
    h->status = (int)status;
    h->reason = str_skip(line, 13);
    return h1_is_value(h->reason) ? 0 : ERR_HTTP_SYNTAX;
}

/* RFC 9112 section 6.3, rules 1, 4, 5 and 8. */
static int response_framing(struct head *h, bool to_head)
{
    int err = h1_fields_framing(h);
    if (err)
        return err;
    h->no_body = to_head || h->status < 200 || h->status == 204 || h->status == 304;
    /* RFC 9110 section 8.6: Content-Length has no meaning here, but 204 often comes with a 0. */
    if (h->status < 200 || h->status == 204) {
        h->framing = FRAME_NONE;
        h->length = 0;
    } else if (h->framing == FRAME_NONE && !h->no_body) {
        h->framing = FRAME_CLOSE;
    }
    return 0;
}

static int parse_response(struct str piece, bool to_head, struct head *h, struct arena *mem)
{
    struct str line;
    bool ended;
    if (!h1_fields_line(&piece, &line))
        return ERR_HTTP_SYNTAX;
    int err = parse_status_line(line, h);
    if (!err)
        err = h1_fields_parse(piece, h, mem, &ended);
    if (!err && !ended)
        err = ERR_HTTP_FIELD;
    if (!err)
        err = response_framing(h, to_head);
    /*
     * Not guarded: some servers name Transfer-Encoding in Connection, and framing is edge's own matter
     * anyway.
     */
    if (!err)
        err = h1_fields_connection(h, false);
    /* RFC 9110 section 7.8: what is switched to has to be named, and Connection has to name Upgrade. */
    if (!err && h->status == 101 && !h->upgrade)
        err = ERR_HTTP_BACKEND;
    if (h->framing == FRAME_CLOSE)
        h->keep_alive = false;
    return err;
}

int h1_parse_response(struct str piece, bool to_head, struct head *h, struct arena *mem)
{
    *h = (struct head){0};
    int err = parse_response(piece, to_head, h, mem);
    return err && err != ERR_NOMEM ? ERR_HTTP_BACKEND : err;
}

/* Trailers */

static bool drop_trailer(const struct field *f, void *context)
{
    (void)context;
    return h1_fields_not_in_trailers(f->name);
}

int h1_parse_trailers(struct str piece, struct head *h, struct arena *mem)
{
    bool ended;
    *h = (struct head){.minor = 1};
    int err = h1_fields_parse(piece, h, mem, &ended);
    if (err)
        return err == ERR_HTTP_FIELD ? ERR_HTTP_CHUNK : err;
    head_remove_if(h, drop_trailer, NULL);
    return 0;
}
