#include "acme/order.h"

#include "acme/authorization.h"
#include "acme/order_int.h"
#include "acme/request.h"
#include "acme/x509.h"
#include "base/b64.h"
#include "base/json_write.h"

enum { FINALIZE_TRIES = 3, DOWNLOAD_TRIES = 3 };

static const char *const status_name[] = {
    [ORDER_PENDING] = "pending", [ORDER_READY] = "ready",     [ORDER_PROCESSING] = "processing",
    [ORDER_VALID] = "valid",     [ORDER_INVALID] = "invalid",
};
_Static_assert(nitems(status_name) == ORDER_STATUS_N, "name every status");

static enum acme_end save(struct order *o)
{
    if (o->a->config.hooks->save_order(o->a->config.context, o->kept) < 0)
        return acme_fail(o->a, ACME_BROKEN, "the order could not be stored");
    return ACME_DONE;
}

/* --- what the CA says about it --------------------------------------------------------------------- */

static bool take_status(struct order *o, struct str text)
{
    for (int i = 0; i < ORDER_STATUS_N; i++) {
        if (str_eq(text, str_of(status_name[i]))) {
            o->status = (enum order_status)i;
            return acme_keep(o->a, &o->kept->state, text);
        }
    }
    return false;
}

static bool take_authorizations(struct order *o, struct json *j)
{
    size_t n = json_count(j, "$.authorizations");
    if (n > AUTHORIZATIONS_MAX)
        return false;
    o->authorizations = arena_zalloc(&o->mem, n, sizeof *o->authorizations);
    o->n_authorizations = n;
    for (size_t i = 0; o->authorizations && i < n; i++) {
        o->authorizations[i] = json_text(j, &o->mem, "$.authorizations[%zu]", i);
        if (!client_is_url(o->authorizations[i]))
            return false;
    }
    return o->authorizations != NULL;
}

static bool take_order(struct order *o, struct json *j)
{
    struct problem problem;
    struct str finalize = json_text(j, &o->mem, "$.finalize");
    struct str certificate = json_text(j, &o->mem, "$.certificate");
    buf_take(&o->error, o->error.len);
    (void)problem_read(j, "$.error", &problem, &o->error);
    if (!take_status(o, json_text(j, &o->mem, "$.status")) || !take_authorizations(o, j))
        return false;
    if (client_is_url(finalize) && !acme_keep(o->a, &o->kept->finalize_url, finalize))
        return false;
    return !client_is_url(certificate) || acme_keep(o->a, &o->kept->certificate_url, certificate);
}

static enum acme_end take(struct order *o, const struct client_reply *reply)
{
    struct json *j = json_open(buf_str(&reply->body));
    enum acme_end end = ACME_DONE;
    o->retry_after = reply->retry_after;
    if (!j || !take_order(o, j))
        end = acme_fail(o->a, ACME_LATER, "the CA's order cannot be read");
    json_close(j);
    return end;
}

/* --- newOrder (RFC 8555 section 7.4) --------------------------------------------------------------- */

static bool write_order(struct buf *out, const struct acme_order *order)
{
    bool good = buf_add_str(out, STR("{\"identifiers\":["));
    for (size_t i = 0; good && i < order->n_names; i++) {
        good = buf_add_str(out, i > 0 ? STR(",") : STR("")) &&
               buf_add_str(out, STR("{\"type\":\"dns\",\"value\":")) &&
               json_write_text(out, order->names[i]) && buf_add_str(out, STR("}"));
    }
    return good && buf_add_str(out, STR("]}"));
}

static enum acme_end make(struct order *o)
{
    struct client_reply reply = {0};
    struct buf payload = {0};
    enum acme_end end = ACME_DONE;
    if (!write_order(&payload, o->kept)) {
        end = acme_nomem(o->a);
        goto out;
    }
    /* A lost answer must not become two orders; the next run looks for what came of it. */
    const struct request r = {.url = o->a->directory.new_order, .payload = buf_str(&payload), .once = true};
    end = request_post(o->a, &r, &reply);
    if (end != ACME_DONE)
        goto out;
    if (!client_is_url(str_of(reply.location)))
        end = acme_fail(o->a, ACME_LATER, "the CA did not say where the order is");
    else if (!acme_keep(o->a, &o->kept->url, str_of(reply.location)))
        end = acme_nomem(o->a);
    else
        end = take(o, &reply);
    if (end == ACME_DONE)
        end = save(o);
out:
    buf_done(&payload);
    client_reply_done(&reply);
    return end;
}

static void forget(struct order *o)
{
    struct acme_order *k = o->kept;
    k->url = k->finalize_url = k->certificate_url = k->state = STR("");
    o->replaced = true;
    o->resumed = o->authorized = false;
    o->polls = o->finalized = o->downloads = 0;
}

static enum acme_end replace(struct order *o)
{
    acme_progress(o->a, "the CA does not know the order any more, making a new one");
    forget(o);
    enum acme_end end = save(o);
    return end == ACME_DONE ? make(o) : end;
}

/* The CA does not know what we asked for, or not as ours. */
static bool is_gone(const struct acme *a)
{
    return a->status == 404 || a->status == 410 || problem_is(&a->problem, "unauthorized") ||
           problem_is(&a->problem, "accountDoesNotExist");
}

/* Asks how it stands. An order that is gone is replaced once. */
static enum acme_end look(struct order *o)
{
    struct client_reply reply = {0};
    enum acme_end end = request_fetch(o->a, o->kept->url, &reply);
    if (end == ACME_DONE)
        end = take(o, &reply);
    else if (is_gone(o->a) && !o->replaced)
        end = replace(o);
    client_reply_done(&reply);
    return end;
}

/* --- one step for each status ---------------------------------------------------------------------- */

static enum acme_end wait_and_look(struct order *o, const char *what)
{
    enum acme_end end = acme_wait(o->a, o->retry_after, o->polls++, what);
    return end == ACME_DONE ? look(o) : end;
}

static enum acme_end step_pending(struct order *o)
{
    if (o->authorized)
        return wait_and_look(o, "the order");
    enum acme_end end = authorization_pass(o->a, o->kept, o->authorizations, o->n_authorizations);
    if (end != ACME_DONE)
        return end;
    o->authorized = true;
    return look(o);
}

/* {"csr":"…"}; ECDSA's nonce is of RFC 6979, so that it is the same bytes each time. */
static bool write_csr(struct buf *out, struct order *o)
{
    struct str csr = x509_request(&o->mem, o->kept->key_pem, o->kept->names, o->kept->n_names);
    return csr.p && buf_add_str(out, STR("{\"csr\":\"")) && b64_url_put(out, csr) &&
           buf_add_str(out, STR("\"}"));
}

static enum acme_end post_csr(struct order *o)
{
    struct client_reply reply = {0};
    struct buf payload = {0};
    enum acme_end end = ACME_DONE;
    if (!write_csr(&payload, o)) {
        end = acme_fail(o->a, ACME_BROKEN, "the certificate request cannot be made from the stored key");
        goto out;
    }
    const struct request r = {.url = o->kept->finalize_url, .payload = buf_str(&payload), .once = true};
    end = request_post(o->a, &r, &reply);
    if (end == ACME_DONE)
        end = take(o, &reply);
out:
    buf_done(&payload);
    client_reply_done(&reply);
    return end;
}

/*
 * Finalize (RFC 8555 section 7.4). When no answer came, or it says that the order is not ready, the order
 * itself tells what is true.
 */
static enum acme_end step_ready(struct order *o)
{
    if (o->kept->finalize_url.n == 0)
        return acme_fail(o->a, ACME_LATER, "the CA's order does not say where to finalize it");
    if (o->finalized++ == FINALIZE_TRIES)
        return acme_fail(o->a, ACME_LATER, "the CA took no request for the certificate");
    enum acme_end end = save(o);
    if (end != ACME_DONE)
        return end;
    acme_progress(o->a, "asking for the certificate");
    end = post_csr(o);
    if (end == ACME_DONE && o->status == ORDER_READY)
        return wait_and_look(o, "the order");
    bool lost = end == ACME_LATER && o->a->status == 0;
    bool unready = end == ACME_REFUSED && problem_is(&o->a->problem, "orderNotReady");
    return lost || unready ? look(o) : end;
}

/* An order that died while nobody looked (it expired) is made again; one that failed is not. */
static enum acme_end step_invalid(struct order *o)
{
    if (o->error.len == 0)
        authorization_reasons(o->a, o->authorizations, o->n_authorizations, &o->error);
    if (o->error.len == 0 && o->resumed && !o->replaced)
        return replace(o);
    acme_fail(o->a, ACME_REFUSED, "%s",
              o->error.len > 0 ? "" : "the CA calls the order invalid and does not say why");
    (void)buf_add_str(o->a->why, buf_str(&o->error));
    return ACME_REFUSED;
}

/* --- the certificate ------------------------------------------------------------------------------- */

static enum acme_end accept(struct order *o, struct str chain)
{
    const struct x509_wanted wanted = {o->kept->key_pem, o->kept->names, o->kept->n_names};
    const char *fault = NULL;
    enum x509_verdict v = x509_accept(chain, &wanted, &fault);
    if (v != X509_GOOD)
        return acme_fail(o->a, v == X509_FOREIGN ? ACME_REFUSED : ACME_LATER, "the CA's answer: %s", fault);
    return acme_keep(o->a, &o->kept->chain_pem, chain) ? ACME_DONE : acme_nomem(o->a);
}

/* RFC 8555 section 7.4.2. The content type is whatever it is: the content is looked at. */
static enum acme_end download(struct order *o)
{
    struct client_reply reply = {0};
    bool arrived = false;
    enum acme_end end = save(o);
    while (end == ACME_DONE && !arrived) {
        end = request_fetch(o->a, o->kept->certificate_url, &reply);
        if (end != ACME_DONE)
            break;
        end = accept(o, buf_str(&reply.body));
        arrived = end == ACME_DONE;
        if (end == ACME_LATER && ++o->downloads < DOWNLOAD_TRIES &&
            acme_wait(o->a, 0, o->downloads, "the certificate") == ACME_DONE)
            end = ACME_DONE;
    }
    client_reply_done(&reply);
    return end;
}

static enum acme_end step_valid(struct order *o)
{
    if (o->kept->certificate_url.n == 0)
        return acme_fail(o->a, ACME_LATER, "the CA's order does not say where the certificate is");
    acme_progress(o->a, "fetching the certificate");
    return download(o);
}

/* --- from the beginning to the end ----------------------------------------------------------------- */

static enum acme_end step(struct order *o)
{
    switch (o->status) {
    case ORDER_PENDING: return step_pending(o);
    case ORDER_READY: return step_ready(o);
    case ORDER_PROCESSING: return wait_and_look(o, "the certificate");
    case ORDER_INVALID: return step_invalid(o);
    default: return acme_fail(o->a, ACME_BROKEN, "no such state of an order");
    }
}

static enum acme_end begin(struct order *o)
{
    struct acme_order *k = o->kept;
    bool tried = k->key_pem.n > 0;
    if (!tried)
        k->key_pem = x509_new_key(o->a->config.mem);
    if (!k->key_pem.p)
        return acme_nomem(o->a);
    o->resumed = k->url.n > 0;
    if (o->resumed)
        return look(o);
    enum acme_end end = save(o);
    if (end == ACME_DONE && tried)
        end = order_find(o);
    if (end != ACME_DONE)
        return end;
    return k->url.n > 0 ? look(o) : make(o);
}

enum acme_end order_obtain(struct acme *a, struct acme_order *order)
{
    struct order o = {.a = a, .kept = order};
    enum acme_end end = begin(&o);
    while (end == ACME_DONE && o.status != ORDER_VALID)
        end = step(&o);
    if (end == ACME_DONE)
        end = step_valid(&o);
    buf_done(&o.error);
    arena_done(&o.mem);
    return end;
}
