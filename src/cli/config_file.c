#include "cli/config_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "config/parse.h"
#include "server/read_file.h"

void config_file_trouble(const char *path, int number)
{
    const char *hint = "name another one with `-c FILE`";
    if (number == ENOENT)
        hint = "write it (edge.conf(5) shows how), or name another one with `-c FILE`";
    else if (number == EACCES || number == EPERM)
        hint = "run edge as a user who may read it; edge.service reads nothing in /home, /root and /tmp";
    fprintf(stderr, "edge: configuration %s: %s; %s\n", path, strerror(number), hint);
}

struct snapshot *config_file_load(const char *path)
{
    struct buf text = {0}, errors = {0};
    struct snapshot *s = NULL;
    if (read_file(path, READ_FILE_CONFIG, &text) < 0) {
        config_file_trouble(path, errno);
    } else {
        s = config_parse(path, buf_str(&text), &errors);
        fprintf(stderr, "%.*s", STR_ARG(buf_str(&errors)));
    }
    buf_done(&errors);
    buf_done(&text);
    return s;
}
