#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "server/port_owner_int.h"

/* The answer of a machine with some ten thousand listening sockets still fits. */
enum { TCP_LISTEN_STATE = 10, ANSWER_MAX = 32768, ANSWERS_MAX = 256 };

static int ask(int fd, uint8_t family)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 body;
    } request = {
        .header = {.nlmsg_len = sizeof request,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = 1U << TCP_LISTEN_STATE},
    };
    return send(fd, &request, sizeof request, 0) == (ssize_t)sizeof request ? 0 : -1;
}

static void read_attributes(const struct inet_diag_msg *m, size_t n, struct port_socket *socket)
{
    const uint8_t *p = (const uint8_t *)(m + 1);
    for (struct rtattr a; n >= sizeof a;) {
        memcpy(&a, p, sizeof a);
        if (a.rta_len < sizeof a || a.rta_len > n)
            return;
        size_t value = a.rta_len - sizeof a;
        if (a.rta_type == INET_DIAG_CGROUP_ID && value == sizeof socket->cgroup)
            memcpy(&socket->cgroup, p + sizeof a, sizeof socket->cgroup);
        else if (a.rta_type == INET_DIAG_SKV6ONLY && value >= 1)
            socket->only_v6 = p[sizeof a] != 0;
        size_t step = RTA_ALIGN((size_t)a.rta_len);
        if (step > n)
            return;
        p += step;
        n -= step;
    }
}

static void on_socket(struct endpoint at, const struct nlmsghdr *h, struct port_sockets *out)
{
    const struct inet_diag_msg *m = (const void *)((const char *)h + NLMSG_HDRLEN);
    if (h->nlmsg_len < NLMSG_LENGTH(sizeof *m) || ntohs(m->id.idiag_sport) != at.port)
        return;
    struct port_socket socket = {.inode = m->idiag_inode, .uid = m->idiag_uid};
    socket.ip.len = m->idiag_family == AF_INET ? 4 : 16;
    memcpy(socket.ip.bytes, m->id.idiag_src, socket.ip.len);
    read_attributes(m, h->nlmsg_len - NLMSG_LENGTH(sizeof *m), &socket);
    port_sockets_add(out, at, &socket);
}

/* One packet of the answer. Returns 1 when it was the last, -1 when the kernel refused. */
static int read_packet(struct endpoint at, struct nlmsghdr *h, size_t n, struct port_sockets *out)
{
    for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
        if (h->nlmsg_type == NLMSG_DONE)
            return 1;
        if (h->nlmsg_type == NLMSG_ERROR)
            return -1;
        if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY)
            on_socket(at, h, out);
    }
    return 0;
}

static int find_family(int fd, uint8_t family, struct endpoint at, struct port_sockets *out)
{
    _Alignas(struct nlmsghdr) char packet[ANSWER_MAX];
    if (ask(fd, family) < 0)
        return -1;
    for (int i = 0; i < ANSWERS_MAX; i++) {
        ssize_t n = recv(fd, packet, sizeof packet, 0);
        if (n < 0 && errno == EINTR)
            continue;
        int rc = n > 0 ? read_packet(at, (struct nlmsghdr *)(void *)packet, (size_t)n, out) : -1;
        if (rc != 0)
            return rc;
    }
    return -1;
}

int port_diag_find(struct endpoint at, struct port_sockets *out)
{
    const struct timeval patience = {.tv_sec = 1};
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    int v4 = find_family(fd, AF_INET, at, out), v6 = find_family(fd, AF_INET6, at, out);
    close(fd);
    return v4 < 0 && v6 < 0 ? -1 : 0;
}
