#include "server/data_open.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/account.h"

enum { BUSY_MS = 5000 }; /* a person can wait for the daemon's few milliseconds */

void data_make(struct snapshot *s)
{
    struct account account;
    struct stat st;
    const char *dir = arena_cstr(&s->mem, s->data_dir);
    if (dir && stat(dir, &st) < 0 && errno == ENOENT && account_find(s, "the configuration", &account) == 0)
        (void)account_directories(s, &account);
}

/* False: memory is out. A directory that is not there has no owner; store_open() will say it better. */
static bool find_owner(struct snapshot *s, const char *dir, struct account *owner)
{
    struct stat st;
    if (stat(dir, &st) < 0)
        return true;
    const struct passwd *p = getpwuid(st.st_uid);
    *owner = (struct account){.uid = st.st_uid, .gid = st.st_gid, .drop = st.st_uid != 0};
    owner->name = p ? arena_cstr(&s->mem, str_of(p->pw_name)) : "nobody";
    if (p)
        owner->gid = p->pw_gid;
    return owner->name != NULL;
}

struct store *data_open(struct snapshot *s, enum store_mode mode, struct buf *why)
{
    const char *dir = arena_cstr(&s->mem, s->data_dir);
    struct account owner = {.drop = false};
    if (!dir) {
        (void)buf_printf(why, "out of memory");
        return NULL;
    }
    if (geteuid() == 0 && (!find_owner(s, dir, &owner) || account_drop(&owner) < 0)) {
        (void)buf_printf(why, "cannot become the owner of %s", dir);
        return NULL;
    }
    return store_open(dir, mode, BUSY_MS, why);
}
