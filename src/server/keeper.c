#include "server/keeper.h"

#include "base/log.h"
#include "net/loop.h"
#include "server/ipc.h"
#include "server/jail.h"

struct keeper {
    struct loop *loop;
    struct ipc *ipc;
};

static void on_message(void *user, enum ipc_type type, const union ipc_body *body)
{
    struct keeper *k = user;
    (void)body;
    if (type != IPC_DRAIN)
        die("ipc: a message of type %d is none for a keeper", (int)type);
    loop_stop(k->loop);
}

static void on_closed(void *user)
{
    (void)user;
    die("the supervisor is gone");
}

static const struct ipc_user ipc_calls = {.message = on_message, .closed = on_closed};

int keeper_main(const struct role_start *start)
{
    struct keeper k = {.loop = loop_new()};
    (void)start;
    if (!k.loop)
        die("out of memory");
    unsigned lacking = jail_enter(JAIL_KEEPER, NULL, 0);
    k.ipc = ipc_new(k.loop, ROLE_FD_IPC, &ipc_calls, &k);
    union ipc_body ready = {.ready = {.jail_lacks = lacking}};
    if (!k.ipc || ipc_send(k.ipc, IPC_READY, &ready) < 0)
        die("ipc: cannot reach the supervisor");
    loop_run(k.loop);
    return 0;
}
