#include "server/port_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

enum { MAX_INODES = 16, TCP_LISTEN_STATE = 0x0a };

struct inodes {
    unsigned long list[MAX_INODES];
    size_t n;
};

/* An address of /proc/net/tcp{,6}: 32-bit words in the machine's byte order, in hexadecimal. */
static struct ip address_of(const char *hex)
{
    struct ip ip = {.len = (uint8_t)(strlen(hex) / 2)};
    if (ip.len != 4 && ip.len != 16)
        return (struct ip){0};
    for (size_t word = 0; word < ip.len / 4U; word++) {
        char digits[9] = {0};
        memcpy(digits, hex + word * 8, 8);
        uint32_t value = (uint32_t)strtoul(digits, NULL, 16);
        memcpy(ip.bytes + word * 4, &value, 4);
    }
    return ip;
}

static bool is_wildcard(struct ip ip)
{
    static const uint8_t zero[16];
    return memcmp(ip.bytes, zero, ip.len) == 0;
}

/* A socket on any address stands in the way of one on a certain address, and the other way round. */
static bool collides(struct ip theirs, struct ip ours)
{
    return is_wildcard(theirs) || is_wildcard(ours) || ip_eq(ip_unmap(theirs), ip_unmap(ours));
}

/* A line of /proc/net/tcp, cut at its blanks (proc(5)). */
enum { LOCAL_ADDRESS = 1, STATE = 3, INODE = 9, COLUMNS };

static bool split(char *line, char *columns[COLUMNS])
{
    char *rest = line;
    for (size_t i = 0; i < COLUMNS; i++)
        if (!(columns[i] = strtok_r(i == 0 ? line : NULL, " \n", &rest)))
            return false;
    return true;
}

/* The inode of a socket that listens where we want to; 0: it is another one. */
static unsigned long inode_in_the_way(char *line, struct endpoint at)
{
    char *columns[COLUMNS];
    if (!split(line, columns) || strtoul(columns[STATE], NULL, 16) != TCP_LISTEN_STATE)
        return 0;
    char *colon = strchr(columns[LOCAL_ADDRESS], ':');
    if (!colon || strtoul(colon + 1, NULL, 16) != at.port)
        return 0;
    *colon = '\0';
    return collides(address_of(columns[LOCAL_ADDRESS]), at.ip) ? strtoul(columns[INODE], NULL, 10) : 0;
}

static void scan_table(const char *path, struct endpoint at, struct inodes *found)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    char line[512];
    while (found->n < MAX_INODES && fgets(line, sizeof line, f)) {
        unsigned long inode = inode_in_the_way(line, at);
        if (inode != 0)
            found->list[found->n++] = inode;
    }
    fclose(f);
}

static bool holds(const char *link, const struct inodes *inodes)
{
    static const char prefix[] = "socket:[";
    if (strncmp(link, prefix, sizeof prefix - 1) != 0)
        return false;
    unsigned long inode = strtoul(link + sizeof prefix - 1, NULL, 10);
    for (size_t i = 0; i < inodes->n; i++)
        if (inodes->list[i] == inode)
            return true;
    return false;
}

static bool process_holds(const char *pid, const struct inodes *inodes)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    bool found = false;
    for (struct dirent *e; !found && (e = readdir(dir));) {
        char link[64];
        ssize_t n = readlinkat(dirfd(dir), e->d_name, link, sizeof link - 1);
        if (n <= 0)
            continue;
        link[n] = '\0';
        found = holds(link, inodes);
    }
    closedir(dir);
    return found;
}

/* Returns false when no process could be seen to hold one of the sockets. */
static bool find_process(const struct inodes *inodes, char pid[32])
{
    DIR *dir = opendir("/proc");
    if (!dir)
        return false;
    bool found = false;
    for (struct dirent *e; !found && (e = readdir(dir));) {
        if (!isdigit((unsigned char)e->d_name[0]) || !process_holds(e->d_name, inodes))
            continue;
        (void)snprintf(pid, 32, "%.20s", e->d_name);
        found = true;
    }
    closedir(dir);
    return found;
}

static void name_of(const char *pid, char name[64])
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, name, 63);
    if (fd >= 0)
        close(fd);
    if (n > 0 && name[n - 1] == '\n')
        n--;
    name[n > 0 ? n : 0] = '\0';
}

char *port_owner(struct endpoint at, char *out, size_t size)
{
    struct inodes inodes = {.n = 0};
    char pid[32], name[64];
    scan_table("/proc/net/tcp", at, &inodes);
    scan_table("/proc/net/tcp6", at, &inodes);
    if (inodes.n == 0) {
        (void)snprintf(out, size,
                       "another program (/proc/net/tcp does not show it; another network namespace?)");
    } else if (!find_process(&inodes, pid)) {
        (void)snprintf(out, size, "another program (only root sees which: `ss -ltnp 'sport = %u'`)", at.port);
    } else {
        name_of(pid, name);
        (void)snprintf(out, size, "%s (pid %s)", name[0] ? name : "a program", pid);
    }
    return out;
}
