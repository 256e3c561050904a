/*
 * Field lines and the fields that rule the connection. Everything is refused that two readers could take in
 * two ways.
 */
#include <string.h>

#include "base/err.h"
#include "http/h1_int.h"

/* An element of a table of names in lower case. */
#define NAME(literal)                  \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }

/* Bit c % 32 of word c / 32: letters, digits and !#$%&'*+-.^_`|~ */
static const uint32_t tchars[8] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};

bool h1_is_tchar(uint8_t c)
{
    return tchars[c >> 5] >> (c & 31) & 1;
}

bool h1_is_value_char(uint8_t c)
{
    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

bool h1_is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!h1_is_tchar((uint8_t)s.p[i]))
            return false;
    return s.n > 0;
}

bool h1_is_value(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!h1_is_value_char((uint8_t)s.p[i]))
            return false;
    return true;
}

/* Field lines */

bool h1_fields_line(struct str *rest, struct str *line)
{
    size_t lf = str_find(*rest, '\n');
    if (lf == rest->n || lf == 0 || rest->p[lf - 1] != '\r')
        return false;
    *line = str_take(*rest, lf - 1);
    *rest = str_skip(*rest, lf + 1);
    return true;
}

static bool listed(struct str name, const struct str *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (head_name_reads_as(name, list[i]))
            return true;
    return false;
}

/* Content_Length and its like: some backends would take them for the real ones. */
static bool shadows_ours(struct str name)
{
    static const struct str ours[] = {NAME("content-length"), NAME("transfer-encoding"), NAME("keep-alive"),
                                      NAME("proxy-connection")};
    for (size_t i = 0; i < nitems(ours); i++)
        if (head_name_reads_as(name, ours[i]))
            return !str_ieq(name, ours[i]);
    return false;
}

/*
 * A name is a token up to the colon: that refuses blanks before the colon (RFC 9112 section 5.1) and a line
 * that begins with a blank (obs-fold, section 5.2).
 */
static bool parse_line(struct str line, struct field *f)
{
    size_t colon = str_find(line, ':');
    if (colon == line.n)
        return false;
    f->name = str_take(line, colon);
    f->value = str_trim(str_skip(line, colon + 1));
    return h1_is_token(f->name) && h1_is_value(f->value) && !shadows_ours(f->name);
}

int h1_fields_parse(struct str lines, struct head *h, struct arena *mem, bool *ended)
{
    struct str line;
    struct field f;
    *ended = false;
    while (lines.n > 0) {
        if (*ended || !h1_fields_line(&lines, &line))
            return ERR_HTTP_FIELD;
        if (line.n == 0) {
            *ended = true;
            continue;
        }
        if (!parse_line(line, &f))
            return ERR_HTTP_FIELD;
        if (h->n_fields == HEAD_MAX_FIELDS)
            return ERR_HTTP_FIELDS_LARGE;
        if (head_add(h, mem, f.name, f.value) < 0)
            return ERR_NOMEM;
    }
    return 0;
}

/* Framing (RFC 9112 section 6) */

/*
 * RFC 9110 section 8.6 lets a recipient accept a list of equal numbers. Here it is refused like several
 * fields: nobody sends it but who tries what the next reader makes of it. More than INT64_MAX is no length
 * that anybody can count down.
 */
static bool parse_length(struct str value, uint64_t *length)
{
    return value.n <= 19 && str_to_u64(value, INT64_MAX, length);
}

/*
 * Only "chunked" can be decoded. What is wrong with another value decides the answer: a coding that we lack
 * gets 501 (RFC 9112 section 6.1), but chunked anywhere else than once at the end, with parameters or beside
 * an empty element gets 400.
 */
static int check_codings(struct str value)
{
    bool foreign = false, chunked = false;
    if (str_ieq(value, STR("chunked")))
        return 0;
    for (size_t at = 0; at <= value.n;) {
        struct str rest = str_skip(value, at);
        size_t comma = str_find(rest, ',');
        struct str coding = str_trim(str_take(rest, comma));
        struct str name = str_trim(str_take(coding, str_find(coding, ';')));
        if (!h1_is_token(name) || chunked)
            return ERR_HTTP_FRAMING;
        chunked = str_ieq(name, STR("chunked"));
        if (chunked && name.n != coding.n)
            return ERR_HTTP_FRAMING;
        foreign |= !chunked;
        at += comma + 1;
    }
    return foreign ? ERR_HTTP_CODING : ERR_HTTP_FRAMING;
}

int h1_fields_framing(struct head *h)
{
    const struct field *length = head_find(h, STR("Content-Length"));
    const struct field *coding = head_find(h, STR("Transfer-Encoding"));
    h->framing = FRAME_NONE;
    h->length = 0;
    /* Section 6.1: HTTP/1.0 knows no codings; section 6.3: both together is how requests are smuggled. */
    if (coding && (length || h->minor == 0 || head_next(h, STR("Transfer-Encoding"), coding)))
        return ERR_HTTP_FRAMING;
    if (coding) {
        h->framing = FRAME_CHUNKED;
        return check_codings(coding->value);
    }
    if (length) {
        h->framing = FRAME_LENGTH;
        if (head_next(h, STR("Content-Length"), length) || !parse_length(length->value, &h->length))
            return ERR_HTTP_FRAMING;
    }
    return 0;
}

/* Connection (RFC 9110 section 7.6.1, RFC 9112 section 9.3) */

/*
 * A proxy removes what Connection names. Without one of these the backend would see another request than edge
 * did.
 */
static bool must_pass(struct str name)
{
    static const struct str names[] = {NAME("host"), NAME("cookie"), NAME("authorization"),
                                       NAME("content-length"), NAME("transfer-encoding")};
    return listed(name, names, nitems(names));
}

int h1_fields_connection(struct head *h, bool guarded)
{
    bool close = false, keep = false, upgrade = false;
    size_t n = 0;
    for (const struct field *f = NULL; (f = head_next(h, STR("Connection"), f));) {
        struct str rest = f->value, e;
        while (str_next_element(&rest, &e)) {
            if (!h1_is_token(e) || (guarded && must_pass(e)))
                return ERR_HTTP_CONNECTION;
            if (++n > HEAD_MAX_OPTIONS)
                return ERR_HTTP_FIELDS_LARGE;
            close |= str_ieq(e, STR("close"));
            keep |= str_ieq(e, STR("keep-alive"));
            upgrade |= str_ieq(e, STR("upgrade"));
        }
    }
    h->keep_alive = !close && (keep || h->minor > 0);
    /* RFC 9110 section 7.8: a server ignores Upgrade in an HTTP/1.0 request. */
    h->upgrade = upgrade && h->minor > 0 && head_find(h, STR("Upgrade"));
    return 0;
}

/* Trailers */

bool h1_fields_not_in_trailers(struct str name)
{
    static const struct str names[] = {NAME("content-length"),
                                       NAME("transfer-encoding"),
                                       NAME("host"),
                                       NAME("connection"),
                                       NAME("keep-alive"),
                                       NAME("proxy-connection"),
                                       NAME("te"),
                                       NAME("trailer"),
                                       NAME("upgrade"),
                                       NAME("expect"),
                                       NAME("max-forwards"),
                                       NAME("range"),
                                       NAME("authorization"),
                                       NAME("proxy-authorization"),
                                       NAME("www-authenticate"),
                                       NAME("proxy-authenticate"),
                                       NAME("cookie"),
                                       NAME("set-cookie"),
                                       NAME("content-encoding"),
                                       NAME("content-type"),
                                       NAME("content-range"),
                                       NAME("cache-control"),
                                       NAME("location"),
                                       NAME("destination"),
                                       NAME("forwarded"),
                                       NAME("x-real-ip"),
                                       NAME("x-original-url"),
                                       NAME("x-rewrite-url")};
    /*
     * The last four and these would spoof what edge tells the backend, if that merged trailers into the head.
     */
    static const struct str forwarded = NAME("x-forwarded-");
    return listed(name, names, nitems(names)) ||
           (name.n > forwarded.n && head_name_reads_as(str_take(name, forwarded.n), forwarded));
}
