#include "acme/authorization.h"

#include <stdio.h>

#include "acme/jws.h"
#include "acme/request.h"
#include "base/b64.h"
#include "base/json.h"

enum { CHALLENGES_MAX = 32, PATH = 64, TOKEN_MAX = 256, ERROR_SHOWN = 4096 };

/* As the CA told it last; pieces lie in the arena of the pass. */
struct authorization {
    struct str url, name, status;
    struct str challenge_url, challenge_status, token; /* of http-01; url is empty if there is none */
    struct str error;                                  /* of the challenge */
    int64_t retry_after;
};

struct pass {
    struct acme *a;
    const struct acme_order *order;
    struct arena mem;
    struct authorization *all;
    size_t n;
};

/* --- reading --------------------------------------------------------------------------------------- */

/*
 * Challenges come in any order and of kinds not yet invented, some without a token; the first http-01 that
 * can be used counts. What it complains about is kept even while the authorization is pending: some CAs try
 * again by themselves.
 */
static void read_challenges(struct json *j, struct arena *mem, struct authorization *one)
{
    char path[PATH];
    struct problem problem;
    struct buf error = {0};
    size_t n = json_count(j, "$.challenges");
    for (size_t i = 0; i < n && i < CHALLENGES_MAX; i++) {
        snprintf(path, sizeof path, "$.challenges[%zu].error", i);
        if (error.len == 0)
            (void)problem_read(j, path, &problem, &error);
        struct str type = json_text(j, mem, "$.challenges[%zu].type", i);
        struct str token = json_text(j, mem, "$.challenges[%zu].token", i);
        struct str url = json_text(j, mem, "$.challenges[%zu].url", i);
        if (one->challenge_url.n > 0 || !str_eq(type, STR("http-01")) || !b64_is_url(token) ||
            token.n > TOKEN_MAX || !client_is_url(url))
            continue;
        one->challenge_url = url;
        one->token = token;
        one->challenge_status = json_text(j, mem, "$.challenges[%zu].status", i);
    }
    one->error = arena_dup(mem, buf_str(&error));
    buf_done(&error);
}

static bool ordered(const struct acme_order *order, struct str name)
{
    for (size_t i = 0; i < order->n_names; i++) {
        if (str_ieq(order->names[i], name))
            return true;
    }
    return false;
}

static enum acme_end fetch(struct pass *p, struct authorization *one)
{
    struct client_reply reply = {0};
    struct json *j = NULL;
    enum acme_end end = request_fetch(p->a, one->url, &reply);
    if (end != ACME_DONE)
        goto out;
    j = json_open(buf_str(&reply.body));
    if (!j) {
        end = acme_fail(p->a, ACME_LATER, "the CA's authorization cannot be read");
        goto out;
    }
    *one = (struct authorization){.url = one->url, .retry_after = reply.retry_after};
    one->status = json_text(j, &p->mem, "$.status");
    one->name = json_text(j, &p->mem, "$.identifier.value");
    read_challenges(j, &p->mem, one);
    if (p->order && !ordered(p->order, one->name))
        end = acme_fail(p->a, ACME_REFUSED, "the CA asks for \"%.*s\", which was not ordered",
                        STR_ARG(one->name));
out:
    json_close(j);
    client_reply_done(&reply);
    return end;
}

/* --- answering ------------------------------------------------------------------------------------- */

static bool is(const struct authorization *one, const char *status)
{
    return str_eq(one->status, str_of(status));
}

/* "valid" goes on, "pending" too, anything else is the end of the order (RFC 8555 section 7.1.6). */
static enum acme_end settled(struct pass *p, const struct authorization *one)
{
    if (is(one, "valid") || is(one, "pending"))
        return ACME_DONE;
    acme_fail(p->a, ACME_REFUSED, "%.*s: ", STR_ARG(one->name));
    if (one->error.n > 0)
        (void)buf_add_str(p->a->why, str_take(one->error, ERROR_SHOWN));
    else
        (void)buf_printf(p->a->why, "the CA calls the authorization \"%.*s\"",
                         STR_ARG(str_take(one->status, 40)));
    return ACME_REFUSED;
}

/* The key authorization (RFC 8555 section 8.1), without a newline. */
static enum acme_end publish(struct pass *p, const struct authorization *one)
{
    struct acme *a = p->a;
    struct str thumbprint = jws_thumbprint(&p->mem, &a->key);
    struct str answer = arena_printf(&p->mem, "%.*s.%.*s", STR_ARG(one->token), STR_ARG(thumbprint));
    if (!thumbprint.p || !answer.p)
        return acme_nomem(a);
    if (a->config.hooks->publish(a->config.context, one->name, one->token, answer) < 0)
        return acme_fail(a, ACME_BROKEN, "the answer for %.*s could not be stored", STR_ARG(one->name));
    return ACME_DONE;
}

/* Answers first, then tells the CA to look (RFC 8555 section 7.5.1). */
static enum acme_end start(struct pass *p, struct authorization *one)
{
    struct client_reply reply = {0};
    if (!is(one, "pending"))
        return settled(p, one);
    if (one->challenge_url.n == 0)
        return acme_fail(p->a, ACME_REFUSED, "%.*s: the CA offers no http-01 challenge", STR_ARG(one->name));
    enum acme_end end = publish(p, one);
    if (end != ACME_DONE || str_eq(one->challenge_status, STR("processing")))
        return end;
    acme_progress(p->a, "%.*s: asking the CA to check", STR_ARG(one->name));
    const struct request r = {.url = one->challenge_url, .payload = STR("{}")};
    end = request_post(p->a, &r, &reply);
    one->retry_after = reply.retry_after;
    client_reply_done(&reply);
    return end;
}

/*
 * A challenge may be refused because the first try, whose answer was lost, had its effect: then the
 * authorization is not pending any more, and what it says counts.
 */
static enum acme_end start_or_look(struct pass *p, struct authorization *one)
{
    enum acme_end end = start(p, one);
    if (end != ACME_REFUSED || !is(one, "pending") || one->challenge_url.n == 0)
        return end;
    struct authorization now = {.url = one->url};
    struct buf *why = p->a->why, ignored = {0};
    p->a->why = &ignored;
    bool moved = fetch(p, &now) == ACME_DONE && !is(&now, "pending");
    p->a->why = why;
    buf_done(&ignored);
    if (!moved)
        return end;
    *one = now;
    return settled(p, one);
}

static enum acme_end await(struct pass *p, struct authorization *one)
{
    for (unsigned turn = 0; is(one, "pending"); turn++) {
        enum acme_end end = acme_wait(p->a, one->retry_after, turn, "checking the names");
        if (end != ACME_DONE) {
            if (one->error.n > 0)
                (void)buf_printf(p->a->why, ", its last word: %.*s",
                                 STR_ARG(str_take(one->error, ERROR_SHOWN)));
            return end;
        }
        end = fetch(p, one);
        if (end == ACME_DONE)
            end = settled(p, one);
        if (end != ACME_DONE)
            return end;
    }
    return ACME_DONE;
}

static bool prepare(struct pass *p, const struct str *urls)
{
    p->all = arena_zalloc(&p->mem, p->n, sizeof *p->all);
    for (size_t i = 0; p->all && i < p->n; i++)
        p->all[i].url = urls[i];
    return p->all != NULL;
}

enum acme_end authorization_pass(struct acme *a, const struct acme_order *order, const struct str *urls,
                                 size_t n)
{
    struct pass p = {.a = a, .order = order, .n = n};
    enum acme_end end = prepare(&p, urls) ? ACME_DONE : acme_nomem(a);
    for (size_t i = 0; end == ACME_DONE && i < n; i++)
        end = fetch(&p, &p.all[i]);
    /* All are under way at once: the CA's checks take their time. */
    for (size_t i = 0; end == ACME_DONE && i < n; i++)
        end = start_or_look(&p, &p.all[i]);
    for (size_t i = 0; end == ACME_DONE && i < n; i++)
        end = await(&p, &p.all[i]);
    arena_done(&p.mem);
    return end;
}

void authorization_reasons(struct acme *a, const struct str *urls, size_t n, struct buf *out)
{
    struct pass p = {.a = a, .n = n};
    if (!prepare(&p, urls))
        goto out;
    for (size_t i = 0; i < n; i++) {
        struct authorization *one = &p.all[i];
        if (fetch(&p, one) != ACME_DONE || is(one, "valid") || one->error.n == 0)
            continue;
        (void)buf_add_str(out, out->len > 0 ? STR("; ") : STR(""));
        (void)problem_plain(out, one->name, TOKEN_MAX);
        (void)buf_printf(out, ": %.*s", STR_ARG(str_take(one->error, ERROR_SHOWN)));
    }
out:
    arena_done(&p.mem);
}
