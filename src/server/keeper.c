#include "server/keeper.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rand.h"
#include "net/loop.h"
#include "server/cert_pick.h"
#include "server/data_lock.h"
#include "server/image.h"
#include "server/ipc.h"
#include "server/jail.h"
#include "server/plan.h"
#include "server/snapshot_build.h"
#include "store/order_row.h"

enum {
    LOOK_MS = 500,       /* between two looks at the database's version */
    BUSY_MS = 5,         /* another process holds the lock: look again instead of waiting */
    REOPEN_MS = 10000,   /* a database that could not be opened */
    REPEAT_MS = 60000,   /* between two runs of `edge renew` that changed nothing */
    REPLAN_MS = 3600000, /* the wall clock may have been set */
};

struct keeper {
    struct loop *loop;
    struct ipc *ipc;
    struct image image;
    struct snapshot *snapshot;
    char *dir;
    struct store *store;    /* NULL: it cannot be opened */
    struct buf store_error; /* the last one that was logged */
    struct timer look;
    int64_t version;
    int64_t due;         /* wall clock; INT64_MAX: nothing */
    msec planned;        /* when the plan was made */
    msec reopen, repeat; /* not before */
    bool renewing;
    struct cert_pick pick;
};

static bool open_store(struct keeper *k)
{
    struct buf why = {0};
    k->store = store_open(k->dir, STORE_WRITE, BUSY_MS, &why);
    k->reopen = loop_now(k->loop) + REOPEN_MS;
    if (k->store) {
        if (k->store_error.len > 0)
            log_info("the database can be used again");
        buf_done(&k->store_error);
    } else if (!str_eq(buf_str(&why), buf_str(&k->store_error))) {
        log_error("%.*s; serving without it, no certificate can come", STR_ARG(buf_str(&why)));
        buf_done(&k->store_error);
        k->store_error = why;
        why = (struct buf){0};
    }
    buf_done(&why);
    return k->store != NULL;
}

/* Certificates */

static void push_certs(struct keeper *k)
{
    int fd = cert_pick_image(&k->pick);
    if (fd < 0 || ipc_send_fd(k->ipc, IPC_CERTS, fd) < 0)
        log_error("cannot give the workers their certificates");
    if (fd >= 0)
        close(fd);
}

static void replan(struct keeper *k)
{
    struct arena mem = {0};
    struct plan plan = {0};
    int64_t now = clock_wall();
    k->planned = loop_now(k->loop);
    if (k->store && plan_make(k->snapshot, k->store, &mem, now, &plan) < 0) {
        log_warn("database: %s", store_error(k->store));
        k->planned -= REPLAN_MS - REOPEN_MS; /* again soon */
    }
    k->due = plan_next(&plan);
    /* A run that left something due is not repeated at once: what it could not write down it would only meet again. */
    if (k->due > now)
        k->repeat = 0;
    if (cert_pick_update(&k->pick, k->snapshot, k->store, now))
        push_certs(k);
    arena_wipe(&mem);
}

static void look(struct keeper *k)
{
    msec now = loop_now(k->loop);
    if (!k->store && (now < k->reopen || !open_store(k)))
        return;
    int64_t version = store_version(k->store);
    if (version != k->version || now - k->planned >= REPLAN_MS) {
        k->version = version;
        replan(k);
    }
    if (k->due > clock_wall() || k->renewing || now < k->repeat)
        return;
    k->renewing = ipc_send(k->ipc, IPC_RENEW, NULL) == 0;
}

static void on_look(struct timer *t)
{
    struct keeper *k = LIST_OWNER(t, struct keeper, look);
    look(k);
    loop_timer(k->loop, &k->look, LOOK_MS);
}

/* Messages */

static void on_ask(struct keeper *k, const struct ipc_ask *ask)
{
    struct arena mem = {0};
    struct str found = {NULL, 0};
    union ipc_body body = {.tell = {.worker = ask->worker, .number = ask->number}};
    size_t len = ask->len <= sizeof ask->token ? ask->len : 0;
    if (k->store && challenge_row_find(k->store, str_from(ask->token, len), &mem, &found) == 1 &&
        found.n <= sizeof body.tell.key_authorization) {
        memcpy(body.tell.key_authorization, found.p, found.n);
        body.tell.len = (uint32_t)found.n;
    }
    (void)ipc_send(k->ipc, IPC_TELL, &body);
    arena_done(&mem);
}

static void on_renewed(struct keeper *k)
{
    k->renewing = false;
    k->repeat = loop_now(k->loop) + REPEAT_MS;
    if (k->store)
        replan(k);
}

static void on_message(void *user, enum ipc_type type, const union ipc_body *body, int fd)
{
    struct keeper *k = user;
    (void)fd;
    switch (type) {
    case IPC_DRAIN: loop_stop(k->loop); break;
    case IPC_ASK: on_ask(k, &body->ask); break;
    case IPC_RENEWED: on_renewed(k); break;
    default: die("ipc: a message of type %d is none for a keeper", (int)type);
    }
}

static void on_closed(void *user)
{
    (void)user;
    die("the supervisor is gone");
}

static const struct ipc_user ipc_calls = {.message = on_message, .closed = on_closed};

/* Starting */

/* What needs files outside the data directory. */
static void open_all(struct keeper *k)
{
    k->loop = loop_new();
    if (!k->loop || rand_init() < 0)
        die("cannot start: out of memory, or no random source");
    if (image_map(ROLE_FD_IMAGE, &k->image) < 0)
        die("the image of the configuration cannot be read");
    close(ROLE_FD_IMAGE);
    struct str dir = snapshot_data_dir(&k->image);
    k->dir = strndup(dir.p ? dir.p : "", dir.n);
    if (!k->dir)
        die("out of memory");
    /* Whoever wants to know whether a daemon runs tries this lock. */
    (void)data_lock(k->dir, DATA_LOCK_DAEMON, DATA_LOCK_SHARED);
    (void)open_store(k);
}

int keeper_main(const struct role_start *start)
{
    struct keeper k = {.look = {.fire = on_look}, .due = INT64_MAX};
    (void)start;
    open_all(&k);
    unsigned lacking = jail_enter(JAIL_KEEPER, &(struct jail_openings){.directory = k.dir});
    k.snapshot = snapshot_open(&k.image);
    image_unmap(&k.image);
    k.ipc = ipc_new(k.loop, ROLE_FD_IPC, &ipc_calls, &k);
    if (!k.ipc)
        die("out of memory");
    k.version = k.store ? store_version(k.store) : -1;
    replan(&k);
    union ipc_body ready = {.ready = {.jail_lacks = lacking}};
    if (ipc_send(k.ipc, IPC_READY, &ready) < 0)
        die("ipc: cannot reach the supervisor");
    loop_timer(k.loop, &k.look, LOOK_MS);
    loop_run(k.loop);
    store_close(k.store);
    return 0;
}
