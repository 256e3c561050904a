#include "server/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PIECE = 16 * 1024 };

static int read_all(int fd, size_t max, struct buf *out)
{
    for (;;) {
        uint8_t *at = buf_reserve(out, PIECE);
        if (!at) {
            errno = ENOMEM;
            return -1;
        }
        ssize_t n = read(fd, at, PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        buf_added(out, (size_t)n);
        if (out->len > max) {
            errno = EFBIG;
            return -1;
        }
    }
}

int read_file(const char *path, size_t max, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -1;
    int rc = read_all(fd, max, out);
    int saved = errno;
    close(fd);
    if (rc < 0)
        buf_wipe(out);
    errno = saved;
    return rc;
}
