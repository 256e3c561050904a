/*
 * Host names: any bytes as the Host of a request. They lead to the same site in any case of letters, with any
 * port, with the final dot of the DNS, and in the target instead of the field.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/parse.h"
#include "http/h1_read.h"
#include "proxy/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config[] = "http 127.0.0.1:8080\n"
                             "https 127.0.0.1:8443\n"
                             "a.test, www.a.test {\n respond 200\n}\n"
                             "b.test {\n proxy 127.0.0.1:1\n tls b.pem b.key\n}\n"
                             "*.a.test {\n respond 201\n tls c.pem c.key\n}\n"
                             "*.b.test {\n respond 202\n tls c.pem c.key\n}\n"
                             "long-name.of-many.labels.test {\n respond 203\n}\n";

static void check(bool right)
{
    if (!right)
        abort();
}

/* Read by the first input, and kept. */
static const struct snapshot *configured(void)
{
    static struct snapshot *s;
    struct buf errors = {0};
    if (!s)
        s = config_parse("conf", STR(config), &errors);
    check(s != NULL);
    buf_done(&errors);
    return s;
}

/* The site that has the name, else the one with `*` for its first label, else any: by looking at each. */
static const struct site *site_of(const struct snapshot *s, struct str host)
{
    struct str rest = str_skip(host, str_find(host, '.'));
    const struct site *wild = NULL;
    for (size_t i = 0; i < s->n_sites; i++)
        for (size_t j = 0; j < s->sites[i].n_names; j++) {
            struct str name = s->sites[i].names[j];
            if (name.p[0] != '*' && str_ieq(name, host))
                return &s->sites[i];
            if (rest.n < host.n && name.n > 1 && name.p[0] == '*' && str_ieq(str_skip(name, 1), rest))
                wild = &s->sites[i];
        }
    return wild ? wild : s->any;
}

/* Of the request that these three make together; NULL: refused. */
static const struct site *request_site(struct str before, struct str host, struct str after)
{
    struct exchange x = {0};
    struct buf text = {0};
    const struct site *site = NULL;
    check(buf_add_str(&text, before) && buf_add_str(&text, host) && buf_add_str(&text, after));
    if (h1_parse_request(buf_str(&text), &x.req, &x.mem) == 0) {
        struct routed to = route_request(&x, configured());
        check(to.decision != DECIDE_ERROR && to.site);
        for (size_t i = 0; i < to.host.n; i++)
            check(to.host.p[i] == ascii_lower(to.host.p[i]));
        site = to.site;
    }
    buf_done(&text);
    arena_done(&x.mem);
    return site;
}

static const struct site *field_site(struct str host, const char *suffix)
{
    struct buf after = {0};
    check(buf_printf(&after, "%s\r\n\r\n", suffix));
    const struct site *site = request_site(STR("GET / HTTP/1.1\r\nHost: "), host, buf_str(&after));
    buf_done(&after);
    return site;
}

/* In the target the host counts, and the field does not. */
static const struct site *target_site(struct str host)
{
    return request_site(STR("GET http://"), host, STR("/ HTTP/1.1\r\nHost: other.test\r\n\r\n"));
}

/* Letters in the other case. */
static struct str swapped(struct str s, struct arena *mem)
{
    char *other = arena_alloc(mem, s.n);
    check(other != NULL || s.n == 0);
    for (size_t i = 0; i < s.n; i++) {
        bool small = s.p[i] >= 'a' && s.p[i] <= 'z';
        other[i] = small ? (char)(s.p[i] - 'a' + 'A') : ascii_lower(s.p[i]);
    }
    return str_from(other, s.n);
}

static void check_site(struct str host, struct arena *mem)
{
    bool literal = host.p[0] == '[';
    struct str name = str_take(host, literal ? str_find(host, ']') + 1 : str_find(host, ':'));
    struct str bare = str_ends(name, STR(".")) ? str_take(name, name.n - 1) : name;
    const struct site *site = site_of(configured(), bare);
    check(field_site(host, "") == site && target_site(host) == site);
    check(field_site(swapped(host, mem), "") == site);
    check(field_site(name, ":8443") == site);
    /* A name has room for 255 bytes; an address has no final dot. */
    if (bare.n < 255)
        check(field_site(bare, ".") == (literal ? NULL : site));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena mem = {0};
    struct str host = str_from(data, size);
    bool valid = h1_valid_authority(host);
    check(h1_valid_authority(swapped(host, &mem)) == valid);
    if (valid)
        check_site(host, &mem);
    else if (str_find(host, '\n') == host.n && str_eq(str_trim(host), host))
        check(!field_site(host, ""));
    arena_done(&mem);
    return 0;
}
