#include "store/explain.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { USER_TEXT = 64 };

static const struct {
    const char *what, *remedy;
} texts[] = {
    [TROUBLE_MISSING] = {"does not exist",
                         "edge serve makes it; `data` in the configuration may name another one"},
    [TROUBLE_NO_DIRECTORY] = {"is not a directory",
                              "`data` in the configuration names the directory of edge.db"},
    [TROUBLE_LINK] = {"is a symbolic link, which is not followed",
                      "put the file itself there, or name its directory after `data` in the configuration"},
    [TROUBLE_NO_FILE] = {"is not a regular file", "move it away, and edge makes a new one"},
    [TROUBLE_FULL] = {"cannot be written, the file system is full", "make room and try again"},
    [TROUBLE_READ_ONLY] = {"cannot be written, the file system is read-only",
                           "mount it writable; if it was, see the kernel's log for errors of the disk"},
    [TROUBLE_LOCKED] = {"is locked by another program",
                        "try again; `fuser -v` with its name shows who has it open"},
    [TROUBLE_DAMAGED] =
        {"is no database or is damaged",
         "restore it with edge.db-wal from a backup, or move both away: then edge registers anew"
         " with the CA and orders all certificates again"},
    [TROUBLE_FOREIGN] = {"is the database of another program",
                         "move it away, or name another directory after `data` in the configuration"},
    [TROUBLE_MEMORY] = {"cannot be opened, memory is out", "end what needs so much of it"},
    [TROUBLE_OTHER] = {"cannot be used", "this should not happen; the reason follows"},
    [TROUBLE_RIGHTS] = {"is not open to this user", "run this as root"},
};
_Static_assert(nitems(texts) == TROUBLE_N, "every trouble has its text");

static enum trouble from_errno(int number)
{
    switch (number) {
    case ENOENT: return TROUBLE_MISSING;
    case ENOTDIR: return TROUBLE_NO_DIRECTORY;
    case ELOOP: return TROUBLE_LINK;
    case EACCES:
    case EPERM: return TROUBLE_RIGHTS;
    case ENOSPC:
    case EDQUOT: return TROUBLE_FULL;
    case EROFS: return TROUBLE_READ_ONLY;
    case ENOMEM: return TROUBLE_MEMORY;
    default: return TROUBLE_OTHER;
    }
}

/* SQLite says "read only" of a file that this user may not write and of a disk that nobody may. */
static enum trouble why_read_only(const char *path)
{
    return access(path, W_OK) < 0 && errno != EROFS ? TROUBLE_RIGHTS : TROUBLE_READ_ONLY;
}

/*
 * edge.db was there a moment ago: what cannot be opened is a file beside it, and SQLite's last try was to read
 * one.
 */
static enum trouble why_not_beside(const char *path, int number)
{
    struct statvfs fs;
    if (number != ENOENT)
        return from_errno(number);
    return statvfs(path, &fs) == 0 && (fs.f_flag & ST_RDONLY) ? TROUBLE_READ_ONLY : TROUBLE_RIGHTS;
}

static enum trouble from_sqlite(sqlite3 *db, const char *path)
{
    switch (sqlite3_errcode(db) & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT: return TROUBLE_DAMAGED;
    case SQLITE_FULL: return TROUBLE_FULL;
    case SQLITE_BUSY: return TROUBLE_LOCKED;
    case SQLITE_PERM: return TROUBLE_RIGHTS;
    case SQLITE_NOMEM: return TROUBLE_MEMORY;
    case SQLITE_READONLY: return why_read_only(path);
    case SQLITE_CANTOPEN: return why_not_beside(path, sqlite3_system_errno(db));
    case SQLITE_IOERR: return from_errno(sqlite3_system_errno(db));
    default: return TROUBLE_OTHER;
    }
}

static void user_name(char out[USER_TEXT], uid_t uid)
{
    const struct passwd *p = getpwuid(uid);
    if (p)
        (void)snprintf(out, USER_TEXT, "%.40s", p->pw_name);
    else
        (void)snprintf(out, USER_TEXT, "uid %lu", (unsigned long)uid);
}

/* The owner of the file, or of its directory when it is not there or cannot be seen. */
static bool owner_of(const char *path, uid_t *owner)
{
    struct stat st;
    char dir[PATH_MAX];
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] != '/')
        n--;
    bool known = stat(path, &st) == 0;
    if (!known && n < sizeof dir) {
        memcpy(dir, path, n);
        dir[n] = '\0';
        known = stat(dir, &st) == 0;
    }
    if (known)
        *owner = st.st_uid;
    return known;
}

static void explain_rights(struct buf *why, const char *path)
{
    uid_t uid;
    char runner[USER_TEXT], owner[USER_TEXT];
    user_name(runner, geteuid());
    (void)buf_printf(why, "%s is not open to the user %s: run this as root", path, runner);
    if (owner_of(path, &uid) && uid != 0 && uid != geteuid()) {
        user_name(owner, uid);
        (void)buf_printf(why, " or as %s, whose it is", owner);
    }
}

void explain_trouble(struct buf *why, const char *path, enum trouble trouble)
{
    if (trouble == TROUBLE_RIGHTS)
        explain_rights(why, path);
    else
        (void)buf_printf(why, "%s %s: %s", path, texts[trouble].what, texts[trouble].remedy);
}

void explain_read_only(struct buf *why, const char *path)
{
    explain_trouble(why, path, why_read_only(path));
}

void explain_errno(struct buf *why, const char *path, int number)
{
    enum trouble trouble = from_errno(number);
    explain_trouble(why, path, trouble);
    if (trouble == TROUBLE_OTHER)
        (void)buf_printf(why, " (%s)", strerror(number));
}

void explain_sqlite(struct buf *why, const char *path, sqlite3 *db)
{
    int number = sqlite3_system_errno(db);
    /* Taken first: looking for the reason may call into the system, not into SQLite. */
    explain_trouble(why, path, from_sqlite(db, path));
    (void)buf_printf(why, " (%s", sqlite3_errmsg(db));
    if (number != 0)
        (void)buf_printf(why, ", %s", strerror(number));
    (void)buf_printf(why, ")");
}

void explain_newer(struct buf *why, const char *path, int version, int known)
{
    (void)buf_printf(
        why,
        "%s was written by a newer edge (version %d of its layout, this edge knows %d): install that edge"
        " again, or restore the file from a backup made before",
        path, version, known);
}
