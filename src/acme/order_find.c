#include "acme/order_int.h"
#include "acme/request.h"

/* Looked at, in all. A list is in no order that one could rely on. */
enum { ORDERS_MAX = 100, PAGES_MAX = 20 };

bool order_is_for(struct json *j, const struct acme_order *kept)
{
    struct arena mem = {0};
    size_t n = json_count(j, "$.identifiers"), found = 0;
    bool same = n == kept->n_names;
    for (size_t i = 0; same && i < n; i++) {
        struct str name = json_text(j, &mem, "$.identifiers[%zu].value", i);
        size_t k = 0;
        while (k < kept->n_names && !str_ieq(kept->names[k], name))
            k++;
        found += k < kept->n_names;
    }
    arena_done(&mem);
    return same && found == n;
}

/* Only an order that waits for our certificate request: a finished one has somebody else's key. */
static bool can_go_on(struct order *o, struct json *j)
{
    struct str status = json_text(j, &o->mem, "$.status");
    return (str_eq(status, STR("pending")) || str_eq(status, STR("ready"))) && order_is_for(j, o->kept);
}

/* Sets kept->url if the order there is ours. An order that cannot be read is none. */
static enum acme_end try_one(struct order *o, struct str url)
{
    struct client_reply reply = {0};
    enum acme_end end = client_is_url(url) ? request_fetch(o->a, url, &reply) : ACME_REFUSED;
    struct json *j = end == ACME_DONE ? json_open(buf_str(&reply.body)) : NULL;
    bool ours = j && can_go_on(o, j);
    json_close(j);
    client_reply_done(&reply);
    if (end == ACME_BROKEN || (end == ACME_LATER && o->a->status == 0))
        return end;
    if (ours && !acme_keep(o->a, &o->kept->url, url))
        return acme_nomem(o->a);
    return ACME_DONE;
}

/* One page of the list; *url becomes the next one's, or empty. */
static enum acme_end try_page(struct order *o, struct str *url, size_t *left)
{
    struct client_reply reply = {0};
    enum acme_end end = request_fetch(o->a, *url, &reply);
    struct json *j = end == ACME_DONE ? json_open(buf_str(&reply.body)) : NULL;
    size_t n = j ? json_count(j, "$.orders") : 0;
    for (size_t i = 0; i<n && * left> 0 && end == ACME_DONE && o->kept->url.n == 0; i++, (*left)--)
        end = try_one(o, json_text(j, &o->mem, "$.orders[%zu]", i));
    *url = arena_dup(&o->mem, client_is_url(str_of(reply.next)) ? str_of(reply.next) : STR(""));
    json_close(j);
    client_reply_done(&reply);
    return end;
}

static enum acme_end list_url(struct order *o, struct str *url)
{
    struct client_reply reply = {0};
    enum acme_end end = request_fetch(o->a, o->a->account.url, &reply);
    struct json *j = end == ACME_DONE ? json_open(buf_str(&reply.body)) : NULL;
    struct str orders = j ? json_text(j, &o->mem, "$.orders") : STR("");
    *url = client_is_url(orders) ? orders : STR("");
    json_close(j);
    client_reply_done(&reply);
    return end;
}

/*
 * Many CAs have no list (Let's Encrypt gives the unfinished order again instead): that they refuse is no
 * trouble.
 */
enum acme_end order_find(struct order *o)
{
    struct str url = STR("");
    size_t left = ORDERS_MAX;
    enum acme_end end = list_url(o, &url);
    for (unsigned page = 0; end == ACME_DONE && url.n > 0 && o->kept->url.n == 0 && page < PAGES_MAX; page++)
        end = try_page(o, &url, &left);
    return end == ACME_REFUSED || (end == ACME_LATER && o->a->status != 0) ? ACME_DONE : end;
}
