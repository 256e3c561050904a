#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "server/port_owner_int.h"

enum { TCP_LISTEN_STATE = 0x0a };

/* /proc/net/tcp */

/* An address: 32-bit words in the machine's byte order, in hexadecimal. */
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

/* A line, cut at its blanks (proc(5)). */
enum { LOCAL_ADDRESS = 1, STATE = 3, UID = 7, INODE = 9, COLUMNS };

static bool split(char *line, char *columns[COLUMNS])
{
    char *rest = line;
    for (size_t i = 0; i < COLUMNS; i++)
        if (!(columns[i] = strtok_r(i == 0 ? line : NULL, " \n", &rest)))
            return false;
    return true;
}

static void read_line(char *line, struct endpoint at, struct port_sockets *out)
{
    char *columns[COLUMNS];
    if (!split(line, columns) || strtoul(columns[STATE], NULL, 16) != TCP_LISTEN_STATE)
        return;
    char *colon = strchr(columns[LOCAL_ADDRESS], ':');
    if (!colon || strtoul(colon + 1, NULL, 16) != at.port)
        return;
    *colon = '\0';
    struct port_socket socket = {.ip = address_of(columns[LOCAL_ADDRESS]),
                                 .uid = (uint32_t)strtoul(columns[UID], NULL, 10),
                                 .inode = strtoul(columns[INODE], NULL, 10)};
    port_sockets_add(out, at, &socket);
}

/* Below /proc/self: where only processes are shown (ProcSubset=pid), /proc/net is not there. */
void port_table_find(struct endpoint at, struct port_sockets *out)
{
    static const char *const tables[] = {"/proc/self/net/tcp", "/proc/self/net/tcp6"};
    for (size_t i = 0; i < nitems(tables); i++) {
        char line[512];
        FILE *f = fopen(tables[i], "re");
        while (f && fgets(line, sizeof line, f))
            read_line(line, at, out);
        if (f)
            (void)fclose(f);
    }
}

/* /proc/PID */

static bool holds(const char *link, const struct port_sockets *s)
{
    static const char prefix[] = "socket:[";
    if (strncmp(link, prefix, sizeof prefix - 1) != 0)
        return false;
    unsigned long inode = strtoul(link + sizeof prefix - 1, NULL, 10);
    for (size_t i = 0; i < s->n; i++)
        if (s->list[i].inode == inode)
            return true;
    return false;
}

static bool process_holds(long pid, const struct port_sockets *s)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/fd", pid);
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
        found = holds(link, s);
    }
    closedir(dir);
    return found;
}

/* The eldest; process 1 also holds what it keeps for others, and comes last. */
static long find_pid(const struct port_sockets *s, msec until)
{
    long best = 0;
    DIR *dir = opendir("/proc");
    for (struct dirent *e; dir && best <= 1 && clock_now() < until && (e = readdir(dir));) {
        long pid = isdigit((unsigned char)e->d_name[0]) ? strtol(e->d_name, NULL, 10) : 0;
        if (pid > 0 && process_holds(pid, s))
            best = pid;
    }
    if (dir)
        closedir(dir);
    return best;
}

static size_t read_file_of(long pid, const char *name, char *out, size_t size)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

/* It may call itself anything. */
static void read_name(long pid, char name[PORT_OWNER_NAME])
{
    size_t n = read_file_of(pid, "comm", name, PORT_OWNER_NAME);
    if (n > 0 && name[n - 1] == '\n')
        name[--n] = '\0';
    for (size_t i = 0; i < n; i++)
        if (!isprint((unsigned char)name[i]))
            name[i] = '?';
}

/* systemd's lines of cgroups(7): `0::/PATH`, or beside version 1 `9:name=systemd:/PATH`. */
static void read_unit(long pid, struct port_owner *out)
{
    char text[4096];
    struct str rest = {text, read_file_of(pid, "cgroup", text, sizeof text)};
    while (rest.n > 0 && out->unit[0] == '\0') {
        char path[1024];
        size_t n = str_find(rest, '\n');
        struct str line = str_take(rest, n);
        rest = str_skip(rest, n < rest.n ? n + 1 : n);
        line = str_skip(line, str_find(line, ':'));
        struct str prefix = str_starts(line, STR("::")) ? STR("::") : STR(":name=systemd:");
        if (!str_starts(line, prefix))
            continue;
        (void)snprintf(path, sizeof path, "%.*s", STR_ARG(str_skip(line, prefix.n)));
        (void)port_cgroup_unit(path, out);
    }
}

bool port_process_find(const struct port_sockets *s, msec until, struct port_owner *out)
{
    out->pid = find_pid(s, until);
    if (out->pid == 0)
        return false;
    read_name(out->pid, out->name);
    read_unit(out->pid, out);
    return true;
}
