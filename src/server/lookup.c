#include "server/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "net/addr.h"
#include "net/loop.h"

enum { NAME_MAX_BYTES = 255, STACK = 512 * 1024 };

struct lookups {
    struct watch answers;
    int write_end;
    unsigned busy;
    void (*answered)(void *context, const struct lookup_answer *answer);
};

/* Its thread's, then the loop's. */
struct job {
    int write_end;
    void *context;
    char name[NAME_MAX_BYTES + 1];
    struct lookup_answer answer;
};

/* Such an address means nothing without the interface that it belongs to. */
static bool is_link_local(struct ip ip)
{
    return ip.len == 16 && ip.bytes[0] == 0xfe && (ip.bytes[1] & 0xc0) == 0x80;
}

/* 0.0.0.0 and ::, by which DNS servers that block a name say so; connecting to them would lead to this machine. */
static bool is_unspecified(struct ip ip)
{
    static const struct ip none = {.len = 0};
    return memcmp(ip.bytes, none.bytes, sizeof ip.bytes) == 0;
}

static void take_addresses(struct lookup_answer *a, const struct addrinfo *list)
{
    for (const struct addrinfo *i = list; i && a->n < LOAD_ADDRESSES; i = i->ai_next) {
        struct sockaddr_storage sa = {0};
        if (i->ai_addrlen > sizeof sa)
            continue;
        memcpy(&sa, i->ai_addr, i->ai_addrlen);
        struct ip ip = addr_from(&sa).ip;
        bool known = ip.len == 0 || is_link_local(ip) || is_unspecified(ip);
        for (size_t k = 0; k < a->n; k++)
            known = known || ip_eq(a->ips[k], ip);
        if (!known)
            a->ips[a->n++] = ip;
    }
    a->result = a->n > 0 ? LOOKUP_FOUND : LOOKUP_NOWHERE;
    a->why = "it has no address that can be used from here";
}

static void look_up(const char *name, struct lookup_answer *a)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(name, NULL, &hints, &list);
    if (rc == 0) {
        take_addresses(a, list);
        freeaddrinfo(list);
        return;
    }
    a->result = rc == EAI_NONAME || rc == EAI_NODATA ? LOOKUP_NOWHERE : LOOKUP_FAILED;
    a->why = rc == EAI_SYSTEM ? "the system's resolver failed" : gai_strerror(rc);
}

static void *run(void *argument)
{
    struct job *job = argument;
    look_up(job->name, &job->answer);
    /* A pointer is written whole (pipe(7)), and there is room for all of them. */
    while (write(job->write_end, &job, sizeof job) < 0 && errno == EINTR)
        ;
    return NULL;
}

static void on_answers(struct watch *w, short events)
{
    struct lookups *all = LIST_OWNER(w, struct lookups, answers);
    struct job *job;
    (void)events;
    if (read(w->fd, &job, sizeof job) != (ssize_t)sizeof job)
        return;
    all->busy--;
    all->answered(job->context, &job->answer);
    free(job);
}

struct lookups *lookups_new(struct loop *loop,
                            void (*answered)(void *context, const struct lookup_answer *answer))
{
    int ends[2];
    struct lookups *all = calloc(1, sizeof *all);
    if (!all || pipe2(ends, O_CLOEXEC) < 0 || loop_watch(loop, &all->answers, ends[0], on_answers) < 0)
        return NULL;
    loop_want(loop, &all->answers, POLLIN);
    all->write_end = ends[1];
    all->answered = answered;
    return all;
}

static int start_thread(struct job *job)
{
    pthread_t thread;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return -1;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attributes, STACK);
    int rc = pthread_create(&thread, &attributes, run, job);
    (void)pthread_attr_destroy(&attributes);
    return rc == 0 ? 0 : -1;
}

int lookups_start(struct lookups *all, struct str name, void *context)
{
    struct job *job = NULL;
    if (all->busy < LOOKUP_THREADS && name.n <= NAME_MAX_BYTES)
        job = calloc(1, sizeof *job);
    if (!job)
        return -1;
    job->write_end = all->write_end;
    job->context = context;
    memcpy(job->name, name.p, name.n);
    if (start_thread(job) < 0) {
        free(job);
        return -1;
    }
    all->busy++;
    return 0;
}
