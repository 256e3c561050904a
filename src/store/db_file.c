#include "store/db_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/explain.h"

enum { OTHERS = S_IRWXG | S_IRWXO, MODE = S_IRUSR | S_IWUSR };

char *db_file_path(const char *dir, struct buf *why)
{
    char *real = realpath(dir, NULL), *path = NULL;
    struct stat st;
    if (!real || stat(real, &st) < 0) {
        explain_errno(why, dir, errno);
        goto out;
    }
    if (!S_ISDIR(st.st_mode)) {
        explain_trouble(why, dir, TROUBLE_NO_DIRECTORY);
        goto out;
    }
    if (asprintf(&path, "%s/edge.db", strcmp(real, "/") == 0 ? "" : real) < 0) {
        explain_trouble(why, dir, TROUBLE_MEMORY);
        path = NULL;
    }
out:
    free(real);
    return path;
}

int db_file_look(const char *path, struct buf *why)
{
    struct stat st;
    if (lstat(path, &st) < 0) {
        if (errno == ENOENT)
            return 0;
        explain_errno(why, path, errno);
        return -1;
    }
    if (S_ISREG(st.st_mode))
        return 1;
    explain_trouble(why, path, S_ISLNK(st.st_mode) ? TROUBLE_LINK : TROUBLE_NO_FILE);
    return -1;
}

/* By path: closing a descriptor of the file would drop the locks that SQLite holds on it in this process. */
static void narrow(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < nitems(suffixes); i++) {
        char name[PATH_MAX];
        struct stat st;
        int n = snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        if (n < (int)sizeof name && lstat(name, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
            (st.st_mode & OTHERS) != 0)
            (void)chmod(name, MODE);
    }
}

/* The umask may have taken rights away, and a file of root's would lock the daemon out. */
static int settle(int dir, int fd)
{
    struct stat st;
    if (fchmod(fd, MODE) < 0 || fstat(dir, &st) < 0)
        return -1;
    if (geteuid() == 0 && st.st_uid != 0 && fchown(fd, st.st_uid, st.st_gid) < 0)
        return -1;
    /* SQLite syncs the directory for the files that it makes itself. Not every file system can. */
    (void)fsync(dir);
    return 0;
}

static int open_directory_of(const char *path)
{
    char *dir = strdup(path);
    if (!dir)
        return -1;
    dir[strlen(path) - strlen("edge.db")] = '\0';
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(dir);
    return fd;
}

int db_file_make(const char *path, struct buf *why)
{
    int rc = -1, fd = -1, dir = -1;
    int found = db_file_look(path, why);
    if (found != 0) {
        if (found > 0)
            narrow(path);
        return found < 0 ? -1 : 0;
    }
    dir = open_directory_of(path);
    if (dir >= 0)
        fd = openat(dir, "edge.db", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
    if (fd >= 0 ? settle(dir, fd) == 0 : dir >= 0 && errno == EEXIST)
        rc = 0; /* EEXIST: another process was faster */
    else
        explain_errno(why, path, errno);
    if (fd >= 0)
        close(fd);
    if (dir >= 0)
        close(dir);
    return rc;
}
