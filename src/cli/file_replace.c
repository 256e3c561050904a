#include "cli/file_replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { MODE_NEW = 0644, MODE_BITS = 07777 };

static int fail(struct file_replace *f, const char *what)
{
    f->failed = what;
    return -1;
}

/* The file that is to be made at `path`, where nothing is: its folder is there. NULL with errno. */
static char *resolve_new(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char *up = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    char *folder = up && *name ? realpath(up, NULL) : NULL, *whole = NULL;
    if (folder && asprintf(&whole, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name) < 0)
        whole = NULL;
    free(folder);
    free(up);
    return whole;
}

/* The file that `path` leads to, or the one that is to be made there. NULL with errno and f->failed. */
static char *resolve(struct file_replace *f, const char *path)
{
    struct stat st;
    char *real = realpath(path, NULL);
    int saved = errno;
    f->failed = saved == ELOOP ? "follow its symbolic link" : "find its folder";
    if (real || saved != ENOENT)
        return real;
    if (lstat(path, &st) < 0)
        return resolve_new(path);
    /* A symbolic link that leads nowhere: no file may take its place. */
    f->failed = "follow its symbolic link";
    errno = saved;
    return NULL;
}

static int open_folder(struct file_replace *f)
{
    char *folder = f->name - 1 == f->path ? strdup("/") : strndup(f->path, (size_t)(f->name - 1 - f->path));
    f->folder = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    free(folder);
    return f->folder < 0 ? fail(f, "open its folder") : 0;
}

/* Waits for its turn, which is told once. Returns false with errno. */
static bool take_turn(const struct file_replace *f, int fd, bool *told)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (!*told)
        fprintf(stderr, "edge: another command is changing %s; waiting for it to end\n", f->path);
    *told = true;
    while (flock(fd, LOCK_EX) < 0)
        if (errno != EINTR)
            return false;
    return true;
}

/* The one before has taken the name away when it ended: then this is the lock of nobody. */
static bool is_lock(const struct file_replace *f, int fd)
{
    struct stat mine, named;
    return fstat(fd, &mine) == 0 && fstatat(f->folder, f->lock_name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

/*
 * All that change the file meet at a file beside it, which nobody else can open: the folder itself, or the
 * file, could be locked by every user who may read it, and for ever.
 */
static int lock(struct file_replace *f)
{
    if (asprintf(&f->lock_name, ".%s.edge-lock", f->name) < 0) {
        f->lock_name = NULL;
        return fail(f, "lock it");
    }
    for (bool told = false;;) {
        int fd = openat(f->folder, f->lock_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return fail(f, "write into its folder");
        bool locked = take_turn(f, fd, &told);
        if (locked && is_lock(f, fd)) {
            f->lock = fd;
            return 0;
        }
        int saved = errno;
        close(fd);
        errno = saved;
        if (!locked)
            return fail(f, "lock it");
    }
}

static int look(struct file_replace *f)
{
    f->there = fstatat(f->folder, f->name, &f->before, 0) == 0;
    if (!f->there)
        return errno == ENOENT ? 0 : fail(f, "look at it");
    if (S_ISREG(f->before.st_mode))
        return 0;
    errno = S_ISDIR(f->before.st_mode) ? EISDIR : EINVAL;
    return fail(f, "change what is no file");
}

int file_replace_open(struct file_replace *f, const char *path)
{
    *f = FILE_REPLACE_CLOSED;
    f->path = resolve(f, path);
    if (!f->path)
        return -1;
    f->name = strrchr(f->path, '/') + 1;
    return open_folder(f) < 0 || lock(f) < 0 ? -1 : look(f);
}

static int write_all(int fd, struct str text)
{
    while (text.n > 0) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno != EINTR)
            return -1;
        text = str_skip(text, n > 0 ? (size_t)n : 0);
    }
    return 0;
}

/* Mode and owner, then the content, down to the disk. */
static int fill(struct file_replace *f, int fd, struct str text)
{
    mode_t mode = f->there ? f->before.st_mode & MODE_BITS : MODE_NEW;
    bool mine = f->there && f->before.st_uid == geteuid() && f->before.st_gid == getegid();
    if (f->there && !mine && fchown(fd, f->before.st_uid, f->before.st_gid) < 0)
        return fail(f, "keep its owner");
    if (fchmod(fd, mode) < 0)
        return fail(f, "keep its mode");
    if (write_all(fd, text) < 0 || fsync(fd) < 0)
        return fail(f, "write it");
    return 0;
}

/* The new file under another name. */
static int make(struct file_replace *f, const char *name, struct str text)
{
    /* What a killed command left; nobody else writes here now. */
    if (unlinkat(f->folder, name, 0) < 0 && errno != ENOENT)
        return fail(f, "write into its folder");
    int fd = openat(f->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(f, "write into its folder");
    int rc = fill(f, fd, text), saved = errno;
    if (close(fd) < 0 && rc == 0) {
        saved = errno;
        rc = fail(f, "write it");
    }
    errno = saved;
    return rc;
}

int file_replace_write(struct file_replace *f, struct str text)
{
    char *name = NULL;
    if (asprintf(&name, ".%s.edge-new", f->name) < 0)
        return fail(f, "write it");
    int rc = make(f, name, text);
    if (rc == 0 && renameat(f->folder, name, f->folder, f->name) < 0)
        rc = fail(f, "replace it");
    int saved = errno;
    if (rc < 0)
        (void)unlinkat(f->folder, name, 0);
    else /* A file system without it has nothing better to offer: the new file is there. */
        (void)fsync(f->folder);
    free(name);
    errno = saved;
    return rc;
}

void file_replace_done(struct file_replace *f)
{
    if (f->lock >= 0) {
        (void)unlinkat(f->folder, f->lock_name, 0);
        close(f->lock);
    }
    if (f->folder >= 0)
        close(f->folder);
    free(f->lock_name);
    free(f->path);
    *f = FILE_REPLACE_CLOSED;
}
