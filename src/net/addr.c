#include "net/addr.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

struct endpoint addr_from(const struct sockaddr_storage *sa)
{
    struct endpoint e = {0};
    if (sa->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof in);
        e.ip.len = 4;
        memcpy(e.ip.bytes, &in.sin_addr, 4);
        e.port = ntohs(in.sin_port);
    } else if (sa->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof in6);
        e.ip.len = 16;
        memcpy(e.ip.bytes, &in6.sin6_addr, 16);
        e.ip = ip_unmap(e.ip);
        e.port = ntohs(in6.sin6_port);
    }
    return e;
}

socklen_t addr_to(struct endpoint e, struct sockaddr_storage *sa)
{
    memset(sa, 0, sizeof *sa);
    if (e.ip.len == 4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(e.port)};
        memcpy(&in.sin_addr, e.ip.bytes, 4);
        memcpy(sa, &in, sizeof in);
        return sizeof in;
    }
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(e.port)};
    memcpy(&in6.sin6_addr, e.ip.bytes, 16);
    memcpy(sa, &in6, sizeof in6);
    return sizeof in6;
}

socklen_t addr_unix(struct str path, struct sockaddr_storage *sa)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    if (path.n == 0 || path.n >= sizeof un.sun_path)
        return 0;
    memcpy(un.sun_path, path.p, path.n);
    memset(sa, 0, sizeof *sa);
    memcpy(sa, &un, sizeof un);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n + 1);
}
