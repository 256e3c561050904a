#include "server/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

int account_find(struct snapshot *s, const char *config_file, struct account *out)
{
    const char *name = arena_cstr(&s->mem, s->user);
    *out = (struct account){.name = name, .uid = geteuid(), .gid = getegid()};
    if (!name) {
        log_error("out of memory");
        return -1;
    }
    if (out->uid != 0)
        return 0;
    errno = 0;
    const struct passwd *p = getpwnam(name);
    if (!p) {
        log_error("there is no user '%s': create it with `useradd --system --user-group --no-create-home "
                  "--shell /usr/sbin/nologin %s`, or write `user NAME` into %s",
                  name, name, config_file);
        return -1;
    }
    out->uid = p->pw_uid;
    out->gid = p->pw_gid;
    out->drop = p->pw_uid != 0;
    if (!out->drop)
        log_warn("running as root because %s says `user %s`; an unprivileged user is safer", config_file,
                 name);
    return 0;
}

/* 0: it is there and `a` may write into it. Else errno. */
static int make_directory(const char *path, mode_t mode, const struct account *a)
{
    struct stat st;
    if (mkdir(path, mode) == 0) {
        if (a->drop && chown(path, a->uid, a->gid) < 0)
            return errno;
        return 0;
    }
    if (errno != EEXIST)
        return errno;
    if (stat(path, &st) < 0)
        return errno;
    if (!S_ISDIR(st.st_mode))
        return ENOTDIR;
    /* As root access() would say yes to everything: the owner is what counts then. */
    if (a->drop)
        return st.st_uid == a->uid || (st.st_gid == a->gid && (st.st_mode & S_IWGRP)) ? 0 : EACCES;
    return access(path, W_OK | X_OK) == 0 ? 0 : errno;
}

const char *account_directories(struct snapshot *s, const struct account *a)
{
    const char *data = arena_cstr(&s->mem, s->data_dir);
    const char *run = arena_cstr(&s->mem, s->run_dir);
    const char *fallback = arena_printf(&s->mem, "%s/run", data ? data : "").p;
    if (!data || !run || !fallback)
        die("out of memory");
    int why = make_directory(data, 0700, a);
    if (why != 0)
        log_warn("data %s: uid %u cannot use it: %s; serving without it, nothing will be kept", data,
                 (unsigned)a->uid, strerror(why));
    if (make_directory(run, 0755, a) == 0)
        return run;
    return why == 0 && make_directory(fallback, 0755, a) == 0 ? fallback : NULL;
}

/* While we still may: no child of ours can ever have a capability. */
static void empty_bounding_set(void)
{
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

int account_drop(const struct account *a)
{
    /* For all that comes from us: a set-user-id program gives nobody more than we have. */
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!a->drop)
        return 0;
    empty_bounding_set();
    if (initgroups(a->name, a->gid) < 0 || setresgid(a->gid, a->gid, a->gid) < 0 ||
        setresuid(a->uid, a->uid, a->uid) < 0) {
        log_error("cannot become user %s: %s", a->name, strerror(errno));
        return -1;
    }
    if (setresuid(0, 0, 0) == 0) {
        log_error("root can be had back after becoming user %s", a->name);
        return -1;
    }
    return 0;
}
