#include "server/ports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "net/sock.h"

#define RESTART "sudo systemctl restart edge"

enum { FIRST_FREE_PORT = 1024 };
enum { BACKLOG = 4096 }; /* the kernel cuts it to net.core.somaxconn */

char *ports_why(const struct listen *l, int why, const char *then, char *out, size_t size)
{
    struct port_owner owner;
    char text[PORT_OWNER_TEXT];
    if (why == EADDRINUSE) {
        port_owner_find(l->at, &owner);
        (void)snprintf(out, size, "the port is in use by %s",
                       port_owner_text(&owner, then, text, sizeof text));
    } else if (why == EACCES) {
        (void)snprintf(out, size,
                       "no right to use ports below 1024; run edge as root, give it CAP_NET_BIND_SERVICE, or "
                       "choose another port (`%s :%d`)",
                       l->tls ? "https" : "http", l->tls ? 8443 : 8080);
    } else if (why == EADDRNOTAVAIL) {
        (void)snprintf(out, size, "this machine does not have that address");
    } else {
        (void)snprintf(out, size, "%s", strerror(why));
    }
    return out;
}

/* While something is served the supervisor tries again; root loses the right to the low ports. */
static bool comes_by_itself(const struct listen *l, size_t bound)
{
    return bound > 0 && (geteuid() != 0 || l->at.port >= FIRST_FREE_PORT);
}

static void complain(const struct listen *l, int why, size_t bound)
{
    char at[ENDPOINT_TEXT], text[PORTS_WHY];
    log_error("cannot listen on %s: %s", endpoint_format(l->at, at),
              ports_why(l, why, comes_by_itself(l, bound) ? "edge takes it by itself" : RESTART, text,
                        sizeof text));
}

/* The other half of `:PORT`, or n if there is none. */
static size_t other_half(const struct snapshot *s, size_t i)
{
    const struct listen *l = &s->listens[i];
    for (size_t j = 0; l->wildcard_pair && j < s->n_listens; j++)
        if (j != i && s->listens[j].wildcard_pair && s->listens[j].at.port == l->at.port)
            return j;
    return s->n_listens;
}

bool ports_worth_a_line(const struct snapshot *s, const int *fds, size_t i)
{
    size_t other = other_half(s, i);
    if (other == s->n_listens)
        return true;
    if (fds[other] >= 0)
        return fds[i] != -EAFNOSUPPORT && fds[i] != -EADDRNOTAVAIL;
    return other > i || fds[other] != fds[i];
}

size_t ports_open(const struct snapshot *s, struct activation *inherited, int *fds)
{
    size_t bound = 0;
    for (size_t i = 0; i < s->n_listens; i++)
        fds[i] = activation_match(inherited, s->listens[i].at);
    for (size_t i = 0; i < s->n_listens; i++) {
        if (fds[i] < 0 && activation_covers(inherited, s->listens[i].at)) {
            fds[i] = -EALREADY;
        } else if (fds[i] < 0) {
            fds[i] = sock_listen(s->listens[i].at, BACKLOG);
            if (fds[i] < 0)
                fds[i] = -errno;
        }
        bound += fds[i] >= 0;
    }
    for (size_t i = 0; i < s->n_listens; i++)
        if (fds[i] < 0 && fds[i] != -EALREADY && ports_worth_a_line(s, fds, i))
            complain(&s->listens[i], -fds[i], bound);
    return bound;
}

/* -EALREADY: it needs no socket. -EAFNOSUPPORT: this kernel will never have it. */
static bool is_lacking(int fd)
{
    return fd < 0 && fd != -EALREADY && fd != -EAFNOSUPPORT;
}

size_t ports_retry(const struct snapshot *s, int *fds)
{
    for (size_t i = 0; i < s->n_listens; i++) {
        int fd = is_lacking(fds[i]) ? sock_listen(s->listens[i].at, BACKLOG) : -1;
        if (fd < 0)
            continue;
        fds[i] = fd;
        return i;
    }
    return s->n_listens;
}

bool ports_lacking(const struct snapshot *s, const int *fds)
{
    for (size_t i = 0; i < s->n_listens; i++)
        if (is_lacking(fds[i]))
            return true;
    return false;
}

bool ports_without_address(const struct snapshot *s, const int *fds)
{
    for (size_t i = 0; i < s->n_listens; i++)
        if (fds[i] == -EADDRNOTAVAIL)
            return true;
    return false;
}

int ports_try(const struct listen *l, struct port_owner *owner)
{
    *owner = (struct port_owner){.found = false};
    if (sock_try(l->at) == 0)
        return 0;
    int why = errno;
    if (why != EADDRINUSE && why != EACCES)
        return -why;
    port_owner_find(l->at, owner);
    return owner->found || why == EADDRINUSE ? -EADDRINUSE : 0;
}

void ports_describe(const struct snapshot *s, const int *fds, struct buf *out)
{
    char text[ENDPOINT_TEXT];
    for (int tls = 0; tls < 2; tls++) {
        const char *before = tls ? ", https " : "http ";
        if (tls && out->len == 0)
            before = "https ";
        for (size_t i = 0; i < s->n_listens; i++) {
            if (fds[i] < 0 || s->listens[i].tls != (tls == 1))
                continue;
            (void)buf_printf(out, "%s%s", before, endpoint_format(s->listens[i].at, text));
            before = " ";
        }
    }
}
