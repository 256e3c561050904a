#include "server/port_owner.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "server/port_owner_int.h"

enum { PATIENCE_MS = 1000 };

/* Finding */

static bool is_wildcard(struct ip ip)
{
    static const uint8_t zero[16];
    return memcmp(ip.bytes, zero, ip.len) == 0;
}

/* Our IPv6 sockets take IPv6 only; theirs may take both. A wildcard collides with every address of its family. */
static bool collides(struct ip ours, const struct port_socket *theirs)
{
    struct ip ip = ip_unmap(theirs->ip);
    if (is_wildcard(ip) && ip.len == 16 && ours.len == 4)
        return !theirs->only_v6;
    return ip.len == ours.len && (is_wildcard(ip) || is_wildcard(ours) || ip_eq(ip, ours));
}

void port_sockets_add(struct port_sockets *s, struct endpoint at, const struct port_socket *socket)
{
    if (s->n < PORT_SOCKETS_MAX && collides(at.ip, socket))
        s->list[s->n++] = *socket;
}

void port_owner_find(struct endpoint at, struct port_owner *out)
{
    msec until = clock_now() + PATIENCE_MS;
    struct port_sockets sockets = {.n = 0};
    *out = (struct port_owner){.found = false};
    if (port_diag_find(at, &sockets) < 0)
        port_table_find(at, &sockets);
    if (sockets.n == 0)
        return;
    out->found = true;
    out->uid = sockets.list[0].uid;
    bool seen = port_process_find(&sockets, until, out);
    /* What process 1 holds belongs to another unit. */
    if ((!seen || out->pid == 1) && sockets.list[0].cgroup != 0)
        (void)port_cgroup_find(sockets.list[0].cgroup, until, out);
}

bool port_owner_is_edge(const struct port_owner *owner)
{
    struct str name = str_of(owner->name);
    return str_eq(name, STR("edge")) || str_starts(name, STR("edge:")) ||
           (strcmp(owner->unit, "edge.service") == 0 && !owner->user_unit);
}

/* Telling */

char *port_owner_name(const struct port_owner *o, char *out, size_t size)
{
    const struct passwd *user = o->found ? getpwuid(o->uid) : NULL;
    const char *unit = o->unit[0] ? ", " : "";
    if (!o->found)
        (void)snprintf(out, size,
                       "another program that does not listen, or one of another network namespace");
    else if (o->pid > 0)
        (void)snprintf(out, size, "%s (pid %ld%s%s)", o->name[0] ? o->name : "a program", o->pid, unit,
                       o->unit);
    else if (o->unit[0])
        (void)snprintf(out, size, "%s", o->unit);
    else if (user)
        (void)snprintf(out, size, "a program of user %s", user->pw_name);
    else
        (void)snprintf(out, size, "a program of user %u", o->uid);
    return out;
}

/* Who must not simply be stopped. Beginnings of names of processes or units. */
static const struct {
    const char *begins, *advice;
} known[] = {
    {"pihole-FTL", "its web pages can move: sudo pihole-FTL --config webserver.port 8081"},
    {"docker", "it is a container's: `docker ps` shows which; stop that, or give it another port"},
    {"rootlessport",
     "it is a container's: `docker ps` or `podman ps` shows which; stop that, or give it another port"},
    {"snap.docker.", "it is a container's: `docker ps` shows which; stop that, or give it another port"},
    {"libpod-", "it is a container's: `podman ps` shows which; stop that, or give it another port"},
    {"conmon", "it is a container's: `podman ps` shows which; stop that, or give it another port"},
};

static const char *known_advice(const struct port_owner *o)
{
    for (size_t i = 0; i < nitems(known); i++) {
        struct str begins = str_of(known[i].begins);
        if (str_starts(str_of(o->name), begins) || str_starts(str_of(o->unit), begins))
            return known[i].advice;
    }
    return NULL;
}

static bool is_service(const char *unit)
{
    size_t n = strlen(unit), end = strlen(".service");
    return n > end && strcmp(unit + n - end, ".service") == 0;
}

/* Returns whether the port may be free after that. */
static bool advise(const struct port_owner *o, char *out, size_t size)
{
    const char *known_one = known_advice(o);
    const char *quote = strchr(o->unit, '\\') ? "'" : "";
    if (port_owner_is_edge(o))
        (void)snprintf(out, size, "edge runs already; to end it: sudo %s",
                       is_service(o->unit) ? "systemctl stop edge" : "pkill -x edge");
    else if (known_one)
        (void)snprintf(out, size, "%s", known_one);
    else if (strcmp(o->unit, "init.scope") == 0 || o->pid == 1)
        (void)snprintf(out, size,
                       "it is a socket unit's: `systemctl list-sockets` shows which; disable that");
    else if (is_service(o->unit))
        (void)snprintf(out, size, "to free it: %s disable --now %s%s%s",
                       o->user_unit ? "systemctl --user" : "sudo systemctl", quote, o->unit, quote);
    else if (o->pid > 0)
        (void)snprintf(out, size, "to free it: sudo kill %ld", o->pid);
    else if (o->found && geteuid() != 0)
        (void)snprintf(out, size, "to see which: sudo edge check --ports");
    else
        (void)snprintf(out, size, "to see which: sudo ss -%stnp", o->found ? "l" : "a");
    return known_one || o->pid > 0 || o->unit[0];
}

char *port_owner_text(const struct port_owner *o, const char *then, char *out, size_t size)
{
    char name[PORT_OWNER_TEXT / 2], advice[PORT_OWNER_TEXT / 2];
    port_owner_name(o, name, sizeof name);
    bool more = advise(o, advice, sizeof advice) && then;
    (void)snprintf(out, size, "%s; %s%s%s", name, advice, more ? ", then " : "", more ? then : "");
    return out;
}
