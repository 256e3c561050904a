#include "proxy/challenge.h"

#include "base/err.h"

/* In the exchange's memory. */
struct waiting {
    struct list link;
    struct exchange *x;
    uint32_t number;
};

void challenges_init(struct challenges *c)
{
    list_init(&c->waiting);
}

static bool is_base64url(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
            return false;
    return s.n > 0;
}

bool challenge_token(const struct exchange *x, struct str *token)
{
    static const struct str prefix = {"/.well-known/acme-challenge/", 28};
    if (x->peer.tls || !str_starts(x->req.path, prefix) || x->req.framing != FRAME_NONE)
        return false;
    if (!method_is(&x->req, STR("GET")) && !method_is(&x->req, STR("HEAD")))
        return false;
    *token = str_skip(x->req.path, prefix.n);
    return token->n <= CHALLENGE_MAX_TOKEN && is_base64url(*token);
}

static struct waiting *find(const struct challenges *c, const struct exchange *x, uint32_t number)
{
    for (struct list *link = c->waiting.next; link != &c->waiting; link = link->next) {
        struct waiting *w = LIST_OWNER(link, struct waiting, link);
        if (x ? w->x == x : w->number == number)
            return w;
    }
    return NULL;
}

static void leave(struct challenges *c, struct waiting *w)
{
    list_remove(&w->link);
    c->n_waiting--;
    xchg_deadline(w->x, 0);
}

void challenge_begin(struct challenges *c, struct exchange *x, struct str token)
{
    struct waiting *w = c->n_waiting < CHALLENGE_MAX_WAITING ? arena_zalloc(&x->mem, 1, sizeof *w) : NULL;
    uint32_t number = ++c->last_number;
    if (!w || c->ask(c->context, number, token) < 0) {
        c->pass(x);
        return;
    }
    w->x = x;
    w->number = number;
    list_append(&c->waiting, &w->link);
    c->n_waiting++;
    xchg_deadline(x, CHALLENGE_WAIT_MS);
}

void challenges_tell(struct challenges *c, uint32_t number, struct str key_authorization)
{
    struct waiting *w = find(c, NULL, number);
    if (!w)
        return;
    struct exchange *x = w->x;
    leave(c, w);
    if (key_authorization.n == 0)
        c->pass(x);
    else
        xchg_answer(x, 200, (struct field){0}, arena_dup(&x->mem, key_authorization));
}

void challenge_expired(struct challenges *c, struct exchange *x)
{
    struct waiting *w = find(c, x, 0);
    if (!w)
        return;
    leave(c, w);
    c->pass(x);
}

void challenge_gone(struct challenges *c, struct exchange *x)
{
    struct waiting *w = find(c, x, 0);
    if (w)
        leave(c, w);
}
