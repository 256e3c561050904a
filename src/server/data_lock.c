#include "server/data_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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
    /* Made by root, it would lock the daemon out. */
    struct stat st;
    if (geteuid() == 0 && stat(dir, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) < 0) {
        close(fd);
        return -1;
    }
    int rc;
    do {
        rc = flock(fd, operations[how]);
    } while (rc < 0 && errno == EINTR);
    if (rc == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}
