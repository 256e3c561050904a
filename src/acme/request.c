#include "acme/request.h"

#include <stdio.h>
#include <string.h>

#include "acme/account.h"
#include "acme/jws.h"
#include "base/b64.h"
#include "base/json.h"

enum { NONCE_TRIES = 10, NETWORK_TRIES = 3, BODY_SHOWN = 160 };

static enum acme_end unreachable(struct acme *a, struct str url)
{
    struct arena mem = {0};
    char *said = arena_cstr(&mem, buf_str(a->why));
    a->status = 0;
    a->problem = (struct problem){0};
    a->retry_after = 0;
    enum acme_end end = acme_fail(a, ACME_LATER, "%.*s: %s", STR_ARG(str_take(url, 200)), said ? said : "");
    arena_done(&mem);
    return end;
}

/* The CA's nonce, if it is one (RFC 8555 section 6.5.1): each answer brings the next. */
static void keep_nonce(struct acme *a, const struct client_reply *reply)
{
    bool good = b64_is_url(str_of(reply->nonce));
    memcpy(a->nonce, good ? reply->nonce : "", good ? strlen(reply->nonce) + 1 : 1);
}

/* The text of an error answer goes into *why. */
static bool read_problem(struct acme *a, const struct client_reply *reply)
{
    buf_take(a->why, a->why->len);
    struct json *j = json_open(buf_str(&reply->body));
    bool found = j && problem_read(j, "$", &a->problem, a->why);
    json_close(j);
    return found;
}

/* What an answer other than 2xx means for us. */
static enum acme_end judge(struct acme *a, const struct client_reply *reply)
{
    struct str body = buf_str(&reply->body);
    a->problem = (struct problem){0};
    a->status = reply->status;
    a->retry_after = reply->retry_after;
    if (!read_problem(a, reply)) {
        /* Something between us and the CA, or a CA in trouble: nothing that was said about our order. */
        acme_fail(a, ACME_LATER, "the CA answered with status %d%s", reply->status, body.n > 0 ? ": " : "");
        (void)problem_plain(a->why, body, BODY_SHOWN);
        return ACME_LATER;
    }
    bool passing = reply->status == 408 || reply->status == 429 || reply->status >= 500 ||
                   problem_is(&a->problem, "rateLimited") || problem_is(&a->problem, "serverInternal") ||
                   problem_is(&a->problem, "badNonce");
    return passing ? ACME_LATER : ACME_REFUSED;
}

/* RFC 8555 section 7.2. */
static enum acme_end need_nonce(struct acme *a)
{
    struct client_reply reply = {0};
    enum acme_end end = ACME_DONE;
    if (a->nonce[0])
        return end;
    buf_take(a->why, a->why->len);
    if (client_head(a->client, a->directory.new_nonce, &reply, a->why) < 0) {
        end = unreachable(a, a->directory.new_nonce);
        goto out;
    }
    keep_nonce(a, &reply);
    if (!a->nonce[0])
        end = reply.status / 100 == 2 ? acme_fail(a, ACME_LATER, "the CA gave no usable nonce")
                                      : judge(a, &reply);
out:
    client_reply_done(&reply);
    return end;
}

/* One try; ACME_DONE: an answer came, of whatever status. */
static enum acme_end send_once(struct acme *a, const struct request *r, struct client_reply *reply)
{
    struct buf body = {0};
    enum acme_end end = need_nonce(a);
    if (end != ACME_DONE)
        return end;
    const struct jws jws = {
        .kid = r->by_key ? STR("") : a->account.url,
        .nonce = str_of(a->nonce),
        .url = r->url,
        .payload = r->payload,
    };
    if (!jws_sign(&body, &a->key, &jws)) {
        end = acme_nomem(a);
        goto out;
    }
    a->nonce[0] = '\0'; /* good for one request */
    buf_take(a->why, a->why->len);
    client_once(a->client, r->once);
    if (client_post(a->client, r->url, buf_str(&body), reply, a->why) < 0)
        end = unreachable(a, r->url);
    else
        keep_nonce(a, reply);
out:
    buf_done(&body);
    return end;
}

/* Tries that got no answer are repeated, unless the request is for once. */
static enum acme_end send_signed(struct acme *a, const struct request *r, struct client_reply *reply)
{
    for (unsigned tries = 1;; tries++) {
        enum acme_end end = send_once(a, r, reply);
        bool network = end == ACME_LATER && a->status == 0;
        if (!network || r->once || tries == NETWORK_TRIES || acme_wait(a, 0, tries, "a request") != ACME_DONE)
            return end;
    }
}

enum acme_end request_post(struct acme *a, const struct request *r, struct client_reply *reply)
{
    for (unsigned tries = 1;; tries++) {
        enum acme_end end = send_signed(a, r, reply);
        if (end != ACME_DONE || reply->status / 100 == 2)
            return end;
        end = judge(a, reply);
        if (problem_is(&a->problem, "badNonce") && tries <= NONCE_TRIES)
            continue;
        if (!problem_is(&a->problem, "accountDoesNotExist") || r->by_key || a->registered_again)
            return end;
        a->registered_again = true;
        end = account_register(a);
        if (end != ACME_DONE)
            return end;
    }
}

enum acme_end request_fetch(struct acme *a, struct str url, struct client_reply *reply)
{
    const struct request r = {.url = url};
    return request_post(a, &r, reply);
}

enum acme_end request_directory(struct acme *a, struct client_reply *reply)
{
    struct str url = str_of(a->config.directory);
    for (unsigned tries = 1;; tries++) {
        buf_take(a->why, a->why->len);
        if (client_get(a->client, url, reply, a->why) == 0)
            return reply->status / 100 == 2 ? ACME_DONE : judge(a, reply);
        enum acme_end end = unreachable(a, url);
        if (tries == NETWORK_TRIES || acme_wait(a, 0, tries, "a request") != ACME_DONE)
            return end;
    }
}
