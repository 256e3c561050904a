#include "server/data_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Made by root, it would lock the daemon out. A file with a second name, which the directory's owner may have laid out, is not
 * given away: it may be anybody's.
 */
static int give_to_owner(int fd, const char *dir)
{
    struct stat owner, file;
    if (geteuid() != 0 || stat(dir, &owner) < 0)
        return 0;
    if (fstat(fd, &file) < 0)
        return -1;
    if (file.st_uid == owner.st_uid)
        return 0;
    if (!S_ISREG(file.st_mode) || file.st_nlink != 1) {
        errno = EPERM;
        return -1;
    }
    return fchown(fd, owner.st_uid, owner.st_gid);
}

static int lock(int fd, int operation)
{
    int rc;
    do {
        rc = flock(fd, operation);
    } while (rc < 0 && errno == EINTR);
    return rc;
}

int data_lock(const char *dir, enum data_lock_kind kind, enum data_lock_how how)
{
    static const char *const names[] = {[DATA_LOCK_DAEMON] = "daemon.lock", [DATA_LOCK_RENEW] = "renew.lock"};
    static const int operations[] = {
        [DATA_LOCK_SHARED] = LOCK_SH, [DATA_LOCK_TRY] = LOCK_EX | LOCK_NB, [DATA_LOCK_WAIT] = LOCK_EX};
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", dir, names[kind]);
    if (n < 0 || (size_t)n >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    if (give_to_owner(fd, dir) == 0 && lock(fd, operations[how]) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}
