#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/str.h"
#include "server/port_owner_int.h"

enum { DEPTH_MAX = 12, PATH_LENGTH = 1024, CGROUP2_MAGIC = 0x63677270 };

/* The unit */

static bool ends_in(struct str name, struct str end)
{
    return name.n > end.n && str_eq(str_skip(name, name.n - end.n), end);
}

/* systemd.unit(5). Others may make control groups too: nothing strange goes into a command that a person will paste. */
static bool is_unit(struct str name)
{
    static const char others[] = {':', '-', '_', '.', '\\', '@'};
    for (size_t i = 0; i < name.n; i++)
        if (!isalnum((unsigned char)name.p[i]) && !memchr(others, name.p[i], sizeof others))
            return false;
    return name.n < PORT_OWNER_UNIT && (ends_in(name, STR(".service")) || ends_in(name, STR(".scope")));
}

bool port_cgroup_unit(const char *path, struct port_owner *out)
{
    struct str rest = str_of(path);
    out->unit[0] = '\0';
    out->user_unit = false;
    while (rest.n > 0) {
        size_t n = str_find(rest, '/');
        struct str name = str_take(rest, n);
        rest = str_skip(rest, n < rest.n ? n + 1 : n);
        if (name.n == 0 || ends_in(name, STR(".slice")))
            continue;
        if (!is_unit(name))
            break;
        (void)snprintf(out->unit, sizeof out->unit, "%.*s", STR_ARG(name));
        /* Below it a user's own service manager keeps units in the same way. */
        if (out->user_unit || !str_starts(name, STR("user@")))
            break;
        out->user_unit = true;
    }
    return out->unit[0] != '\0';
}

/* The path of an id */

struct search {
    uint64_t id;
    msec until;
    char path[PATH_LENGTH]; /* of the directory that is looked through */
};

/* A control group's id is its inode; kernels with 32-bit inodes put a generation above. */
static bool is_it(uint64_t id, uint64_t inode)
{
    return inode == id || (sizeof(long) == 4 && inode == (uint32_t)id);
}

static bool is_directory(const struct dirent *e)
{
    return e->d_type == DT_DIR && e->d_name[0] != '.';
}

/* Takes dir. Returns whether s->path is the one. */
static bool look_through(struct search *s, DIR *dir, int depth) /* NOLINT(misc-no-recursion): bounded */
{
    size_t length = strlen(s->path);
    bool found = false;
    for (struct dirent *e; !found && clock_now() < s->until && (e = readdir(dir));) {
        size_t n = strlen(e->d_name);
        if (!is_directory(e) || length + n + 2 > sizeof s->path)
            continue;
        s->path[length] = '/';
        memcpy(s->path + length + 1, e->d_name, n + 1);
        found = is_it(s->id, e->d_ino);
        int fd = found || depth == DEPTH_MAX
                     ? -1
                     : openat(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        DIR *below = fd < 0 ? NULL : fdopendir(fd);
        if (below)
            found = look_through(s, below, depth + 1);
        else if (fd >= 0)
            close(fd);
        if (!found)
            s->path[length] = '\0';
    }
    closedir(dir);
    return found;
}

static DIR *open_tree(const char *path)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_MAGIC ? opendir(path) : NULL;
}

bool port_cgroup_find(uint64_t id, msec until, struct port_owner *out)
{
    struct search s = {.id = id, .until = until};
    DIR *tree = open_tree("/sys/fs/cgroup");
    if (!tree)
        tree = open_tree("/sys/fs/cgroup/unified"); /* beside version 1 */
    return tree && look_through(&s, tree, 0) && port_cgroup_unit(s.path, out);
}
